//! The only place that spawns in the audio plane: each loop is step, then wait.
//! What is decided is decided in [`Lane`] and [`Feeder`].

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use super::feeder::{EngineCommand, EngineEvent, Feeder};
use super::lane::{Claim, Gain, Lane, LaneEnd, LaneHandle, Wake};
use super::spec::OutputSpec;
use crate::audio::StreamFormat;
use crate::clock::Clock;
use crate::retry::Retry;
use crate::urgency::ask_for_real_time;

/// Attempts to open a sink are no further apart than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// After so long without music a sink is given back to the system.
const REST: Duration = Duration::from_secs(60);
/// Lanes go on for so long after the halt that ended the music, until it has been heard…
const FADE_OUT: Duration = Duration::from_millis(300);
/// …and wait for that halt for no longer than this: as long as the latest speaker of a zone can be late, and more.
const LAST_HALT: Duration = Duration::from_secs(6);
/// Commands to a feeder wait here; a zone sends one at a time.
const COMMANDS: usize = 64;

/// Wakes a thread once it is known.
#[derive(Debug, Default)]
struct ThreadWake(OnceLock<Thread>);

impl Wake for ThreadWake {
    fn wake(&self) {
        if let Some(thread) = self.0.get() {
            thread.unpark();
        }
    }
}

/// All outputs of the program, each with a thread of its own. Dropping it ends them.
#[derive(Debug)]
pub struct Outputs {
    lanes: Vec<LaneHandle>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    claims: Arc<AtomicU64>,
}

impl Outputs {
    /// Starts a lane for each output. Sinks are opened when a zone first wants them.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn start(specs: Vec<OutputSpec>, clock: &Arc<dyn Clock>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut outputs = Self {
            lanes: Vec::new(),
            stop: stop.clone(),
            threads: Vec::new(),
            claims: Arc::new(AtomicU64::new(0)),
        };
        for spec in specs {
            let wake = Arc::new(ThreadWake::default());
            let (handle, end) = LaneHandle::pair(&spec, wake.clone());
            let (clock, stop) = (clock.clone(), stop.clone());
            let thread = std::thread::Builder::new()
                .name(format!("lane-{}", spec.name))
                .spawn(move || run_lane(&spec, end, &clock, &stop))?;
            // A thread wakes its lane only after this; until then it looks around by itself.
            let _first = wake.0.set(thread.thread().clone());
            outputs.threads.push(thread);
            outputs.lanes.push(handle);
        }
        Ok(outputs)
    }

    /// The lanes, in the order of the specs.
    pub fn lanes(&self) -> &[LaneHandle] {
        &self.lanes
    }

    /// Starts the engine of a zone that plays on these of the outputs. `on_event` is called on the feeder's thread.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn engine(
        &self,
        zone: &str,
        lanes: Vec<LaneHandle>,
        gain: Arc<Gain>,
        clock: Arc<dyn Clock>,
        on_event: impl FnMut(EngineEvent) + Send + 'static,
    ) -> std::io::Result<Engine> {
        let counter = self.claims.clone();
        let claims = Arc::new(move || -> Claim { counter.fetch_add(1, Relaxed) + 1 });
        let feeder = Feeder::new(StreamFormat::STANDARD.rate, lanes, gain, claims);
        let (commands, inbox) = sync_channel(COMMANDS);
        let thread = std::thread::Builder::new()
            .name(format!("feed-{zone}"))
            .spawn(move || run_feeder(feeder, &inbox, &clock, on_event))?;
        Ok(Engine {
            commands: Some(commands),
            thread: Some(thread),
        })
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        for lane in &self.lanes {
            lane.wake();
        }
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _panicked = thread.join();
        }
    }
}

/// What a zone holds of the audio plane. Dropping it halts the music and ends the feeder.
#[derive(Debug)]
pub struct Engine {
    commands: Option<SyncSender<EngineCommand>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Sends a command without waiting.
    pub fn send(&self, command: EngineCommand) {
        let Some(commands) = &self.commands else {
            return;
        };
        match commands.try_send(command) {
            Ok(()) => self.wake(),
            Err(TrySendError::Full(command)) => {
                tracing::error!("the feeder does not take {command:?}: it hangs");
            }
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    /// A function that wakes the feeder: for sources that have something.
    pub fn waker(&self) -> Arc<dyn Fn() + Send + Sync> {
        let thread = self.thread.as_ref().map(|thread| thread.thread().clone());
        Arc::new(move || {
            if let Some(thread) = &thread {
                thread.unpark();
            }
        })
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.commands = None;
        self.wake();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _panicked = thread.join();
        }
    }
}

fn run_feeder(
    mut feeder: Feeder,
    commands: &Receiver<EngineCommand>,
    clock: &Arc<dyn Clock>,
    mut on_event: impl FnMut(EngineEvent),
) {
    use std::sync::mpsc::TryRecvError;
    ask_for_real_time();
    loop {
        let ended = loop {
            match commands.try_recv() {
                Ok(command) => feeder.command(command, clock.now()),
                Err(TryRecvError::Empty) => break false,
                Err(TryRecvError::Disconnected) => break true,
            }
        };
        if ended {
            feeder.command(EngineCommand::Stop, clock.now());
            return;
        }
        let wake = feeder.step(clock.now());
        while let Some(event) = feeder.event() {
            on_event(event);
        }
        std::thread::park_timeout(wake.0.saturating_since(clock.now()));
    }
}

fn run_lane(spec: &OutputSpec, end: LaneEnd, clock: &Arc<dyn Clock>, stop: &AtomicBool) {
    let mut lane = Lane::new(spec, StreamFormat::STANDARD.rate, end);
    let mut retry = Retry::up_to(LONGEST_PAUSE);
    let mut last_busy = clock.now();
    let span = tracing::info_span!("output", name = %spec.name);
    let _in_span = span.enter();
    ask_for_real_time();
    // A lane may still have a fade to play when the program ends.
    let (mut stopping_since, mut last_played) = (None, clock.now());
    loop {
        let now = clock.now();
        if let Err(error) = lane.step(now) {
            tracing::warn!("{error}; the other outputs play on");
            lane.detach();
            retry.lost(clock.now());
        }
        if lane.wants_sink() && retry.is_due(now) {
            match spec
                .sink
                .open(clock, lane.buffer())
                .map_err(|error| error.to_string())
                .and_then(|sink| lane.attach(sink).map_err(|error| error.to_string()))
            {
                Ok(()) => {
                    tracing::info!("opened {}", spec.sink);
                    retry.worked();
                    continue;
                }
                Err(reason) => {
                    lane.detach();
                    if retry.failed(clock.now()) {
                        tracing::warn!("{reason}; trying again until it works");
                    }
                }
            }
        }
        // A sink that is opened before there is music is given the same time.
        if lane.is_busy() || !lane.has_sink() {
            last_busy = now;
        } else if spec.sink.is_shared() && !spec.kept_open && now.saturating_since(last_busy) > REST
        {
            lane.rest();
            tracing::info!("closed {}: nothing has been played for a while", spec.sink);
        }
        if stop.load(Relaxed) {
            let since = *stopping_since.get_or_insert(now);
            if lane.is_playing() {
                last_played = now;
            }
            if now.saturating_since(last_played) > FADE_OUT
                || now.saturating_since(since) > LAST_HALT
            {
                return;
            }
        }
        std::thread::park_timeout(lane.pace());
    }
}
