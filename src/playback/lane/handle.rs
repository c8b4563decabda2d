//! The way to a lane for any zone that names its output, and what can be said along it.
//! Nothing here is the lane's own: it may live on any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use crate::audio::{AudioBlock, Timeline};
use crate::clock::ClockTime;
use crate::playback::report::{LaneReport, LaneState, LaneStatus};
use crate::playback::settings::{OutputSettings, SharedSettings};
use crate::playback::spec::{Learnt, OutputSpec};

/// Commands to a lane wait here; a zone sends one at a time.
const COMMANDS: usize = 16;

/// Whose turn it is: a zone's number for one of its starts. Larger is later.
pub type Claim = u64;

/// What a lane can be told.
#[derive(Debug)]
pub(crate) enum LaneCommand {
    /// Be open, and get to know the device by playing silence.
    Prepare,
    /// Play this stream from now on, whoever played before.
    Begin(Begin),
    /// Stop playing the claim's stream at the frame that is heard at `at`, with a short fade.
    Halt { claim: Claim, at: ClockTime },
}

/// A stream and when it is due.
#[derive(Debug)]
pub(crate) struct Begin {
    pub(crate) claim: Claim,
    pub(crate) timeline: Timeline,
    /// The stream's blocks from the timeline's origin on. The sender's end tells the feeder when the lane has gone to
    /// another zone; when the sender is dropped the stream has ended.
    pub(crate) blocks: Receiver<Arc<AudioBlock>>,
    /// The zone's volume.
    pub(crate) gain: Arc<Gain>,
    /// Whether the stream starts in the middle of something.
    pub(crate) fade_in: bool,
    /// Whether its frames come just in time, since they were taken in just before.
    pub(crate) live: bool,
}

/// How loud a zone is on one side of its stereo stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SideGain {
    /// What its volumes come to.
    pub factor: f32,
    /// Whether nothing is to be heard of it.
    pub muted: bool,
}

/// How loud a zone is on each side of its stereo stream, as others set it and lanes follow. The sides are those of the
/// stream, before an output's channel map.
#[derive(Debug)]
pub struct Gain {
    sides: [SharedGain; 2],
}

#[derive(Debug)]
struct SharedGain {
    factor: AtomicU32,
    muted: AtomicBool,
}

impl SharedGain {
    fn new(factor: f32) -> Self {
        Self {
            factor: AtomicU32::new(factor.to_bits()),
            muted: AtomicBool::new(false),
        }
    }

    fn store(&self, gain: SideGain) {
        self.factor.store(gain.factor.to_bits(), Relaxed);
        self.muted.store(gain.muted, Relaxed);
    }

    fn factor(&self, by_volume: bool) -> f32 {
        if self.muted.load(Relaxed) {
            0.0
        } else if by_volume {
            f32::from_bits(self.factor.load(Relaxed))
        } else {
            1.0
        }
    }
}

impl Gain {
    /// This factor on both sides, not muted.
    pub fn new(factor: f32) -> Self {
        Self {
            sides: [SharedGain::new(factor), SharedGain::new(factor)],
        }
    }

    /// Changes both sides; lanes ramp to it. A lane may see the one a step before the other.
    pub fn set(&self, left: SideGain, right: SideGain) {
        self.sides[0].store(left);
        self.sides[1].store(right);
    }

    /// The factors of left and right for an output that goes by the zone's volume, or for one that only goes by its mute.
    pub(crate) fn factors(&self, by_volume: bool) -> [f32; 2] {
        [0, 1].map(|side: usize| self.sides[side].factor(by_volume))
    }
}

/// The way to a lane, for any zone that names its output.
#[derive(Debug, Clone)]
pub struct LaneHandle {
    name: Arc<str>,
    commands: SyncSender<LaneCommand>,
    status: Arc<LaneStatus>,
    settings: Arc<SharedSettings>,
    wake: Arc<dyn Wake>,
}

/// Wakes a lane's thread early.
pub trait Wake: Send + Sync + std::fmt::Debug {
    /// Has the lane step soon.
    fn wake(&self);
}

/// The lane's own end of a [`LaneHandle`]. A lane stays on the thread it is made on; this may travel there.
#[derive(Debug)]
pub struct LaneEnd {
    pub(super) commands: Receiver<LaneCommand>,
    pub(super) status: Arc<LaneStatus>,
    pub(super) settings: Arc<SharedSettings>,
}

impl LaneHandle {
    /// A handle and the end that a lane for this output takes.
    pub fn pair(spec: &OutputSpec, wake: Arc<dyn Wake>) -> (Self, LaneEnd) {
        let (sender, commands) = sync_channel(COMMANDS);
        let status = Arc::new(LaneStatus::default());
        status.set_learnt(spec.learnt);
        let settings = Arc::new(SharedSettings::new(spec.settings));
        let handle = Self {
            name: spec.name.as_str().into(),
            commands: sender,
            status: status.clone(),
            settings: settings.clone(),
            wake,
        };
        let end = LaneEnd {
            commands,
            status,
            settings,
        };
        (handle, end)
    }

    /// The output's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The lane's figures now.
    pub fn report(&self) -> LaneReport {
        self.status.report()
    }

    /// What has been learnt of the device up to now.
    pub fn learnt(&self) -> Learnt {
        self.status.learnt()
    }

    /// How the output is to sound.
    pub fn settings(&self) -> OutputSettings {
        self.settings.load()
    }

    /// Has the output sound like this, whoever plays on it: loudness and channels at once, without a click; lateness in a
    /// glide.
    pub fn set(&self, settings: OutputSettings) {
        self.settings.store(settings);
    }

    pub(crate) fn reach(&self) -> Duration {
        self.status.reach()
    }

    /// Whether the lane opens its sink or gets to know its device: a start on the exact frame should wait for it a little.
    pub(crate) fn getting_ready(&self) -> bool {
        self.status.getting_ready()
    }

    /// How far ahead of its reach the lane writes.
    pub(crate) fn writes_ahead(&self) -> Duration {
        self.status.writes_ahead()
    }

    /// Has the lane open its sink and get to know its device.
    pub(crate) fn prepare(&self) {
        if self.status.report().state == LaneState::Resting {
            self.status.set_getting_ready(true);
        }
        self.send(LaneCommand::Prepare);
    }

    /// Sends a command without waiting. A lane that takes no more commands hangs, and is left alone.
    pub(crate) fn send(&self, command: LaneCommand) {
        match self.commands.try_send(command) {
            Ok(()) => self.wake.wake(),
            Err(TrySendError::Full(_)) => {
                tracing::error!(output = %self.name, "the output does not respond");
            }
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    /// Has the lane look around: it is to end.
    pub(crate) fn wake(&self) {
        self.wake.wake();
    }
}
