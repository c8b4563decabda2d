//! Recording what a sink plays, and turning sample numbers into moments on our clock.
//! What the clicks mean is not its business.

use std::io::Read;
use std::process::{Child, ChildStdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::{sleep, timeout};
use unisono::clock::{Clock, ClockTime};

use crate::click::{APART, Finder, RATE};
use crate::figures::Heard;
use crate::processor;
use crate::server::{SoundServer, end};

/// The first sound arrives within this; it is far more than it takes.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often to look whether it has.
const LOOK: Duration = Duration::from_millis(10);
/// Bytes to a frame: two floats.
const FRAME: usize = 8;
/// What arrived in the recording's first second is not used: the server is still changing to the recorder's buffer.
const UNSETTLED: u64 = RATE as u64;
/// When a frame was heard is judged by what arrived in so many frames before and after it, 5 s: long enough for many to arrive
/// undisturbed, and short enough that a sink may change its pace. A null sink does, by some 20 ppm, when it is given other blocks.
const NEAR: u64 = 5 * RATE as u64;

/// So many frames had arrived at that moment.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    frames: u64,
    at: ClockTime,
}

/// What was recorded, as far as it matters.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    arrivals: Vec<Arrival>,
    /// Sample numbers.
    clicks: Vec<f64>,
}

/// Somebody who records. Ended when this goes.
#[derive(Debug)]
pub(crate) struct Recorder {
    child: Child,
    thread: Option<JoinHandle<Recording>>,
}

impl Recorder {
    /// Records the server's sink, and waits until something has arrived.
    pub(crate) async fn start(
        server: &SoundServer,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let mut child = server.recorder()?;
        let sound = child.stdout.take().context("its output is a pipe")?;
        let mut recorder = Self {
            child,
            thread: None,
        };
        let hears = Arc::new(AtomicBool::new(false));
        let (clock, heard) = (clock.clone(), hears.clone());
        let thread = thread::Builder::new()
            .name(processor::RECORD.to_owned())
            .spawn(move || record(sound, &*clock, &heard))?;
        recorder.thread = Some(thread);
        let first = async {
            while !hears.load(Relaxed) {
                sleep(LOOK).await;
            }
        };
        if timeout(PATIENCE, first).await.is_err() {
            bail!("nothing can be recorded: {}", server.log());
        }
        Ok(recorder)
    }

    /// Ends it; what it recorded.
    pub(crate) fn finish(mut self) -> anyhow::Result<Recording> {
        if let Some(status) = self.child.try_wait()? {
            bail!("a recorder ended too early: {status}");
        }
        end(&mut self.child);
        let thread = self.thread.take().context("it has a thread until now")?;
        let recording = thread.join();
        recording.map_err(|_| anyhow::anyhow!("a recorder's thread panicked"))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        end(&mut self.child);
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// Reads until the other end closes.
fn record(mut sound: ChildStdout, clock: &dyn Clock, hears: &AtomicBool) -> Recording {
    let mut recording = Recording::default();
    let mut finder = Finder::default();
    let mut bytes = vec![0; 1 << 16];
    let mut frames = 0;
    // The beginning of a frame that was cut by the end of a block.
    let mut held = 0;
    while let Ok(count @ 1..) = sound.read(&mut bytes[held..]) {
        let at = clock.now();
        let (whole, rest) = bytes[..held + count].as_chunks::<FRAME>();
        frames += whole.len() as u64;
        recording.arrivals.push(Arrival { frames, at });
        let left = whole
            .iter()
            .map(|[a, b, c, d, ..]| f32::from_le_bytes([*a, *b, *c, *d]));
        recording.clicks.extend(finder.hear(left));
        let cut = held + count - rest.len();
        held = rest.len();
        bytes.copy_within(cut..cut + held, 0);
        hears.store(true, Relaxed);
    }
    recording
}

impl Recording {
    /// When each click was heard, of those that were due in so many seconds from `start` on.
    ///
    /// # Errors
    /// Too little was recorded.
    pub(crate) fn heard(&self, start: ClockTime, seconds: u32) -> anyhow::Result<Heard> {
        let count = u64::from(seconds) * u64::from(RATE) / APART;
        let apart = APART as f64 / f64::from(RATE);
        let mut late = vec![None; usize::try_from(count)?];
        let mut all = Vec::new();
        for frame in &self.clicks {
            let at = self.time_of(*frame)?;
            all.push((*frame, at));
            let since = at.seconds_since(start);
            let number = (since / apart).round();
            // What was heard before the start or after the end is nobody's.
            if let Some(late) = late.get_mut(number as usize).filter(|_| number >= 0.0) {
                *late = Some(since - number * apart);
            }
        }
        let [first, .., last] = *all.as_slice() else {
            bail!("hardly a click was recorded");
        };
        let rate = (last.0 - first.0) / last.1.seconds_since(first.1);
        Ok(Heard {
            late,
            clock_ppm: (rate / f64::from(RATE) - 1.0) * 1e6,
        })
    }

    /// When this frame would have arrived if nothing were ever held up. A sink takes its frames at an even pace, and they
    /// arrive some time later, never earlier: so that is the line below all arrivals, the lower edge of their convex hull.
    fn time_of(&self, frame: f64) -> anyhow::Result<ClockTime> {
        let below = |frames: u64| {
            self.arrivals
                .partition_point(|arrival| arrival.frames < frames)
        };
        let near = frame as u64;
        let from = below(near.saturating_sub(NEAR).max(UNSETTLED));
        let arrivals = &self.arrivals[from..below(near + NEAR)];
        let origin = arrivals
            .first()
            .context("nothing was recorded around a click")?;
        // Frames and seconds, from the frame asked for and the first arrival on.
        let mut edge: Vec<(f64, f64)> = Vec::new();
        for arrival in arrivals {
            let next = (
                arrival.frames as f64 - frame,
                arrival.at.seconds_since(origin.at),
            );
            while let [.., a, b] = *edge.as_slice()
                && (b.0 - a.0) * (next.1 - a.1) <= (b.1 - a.1) * (next.0 - a.0)
            {
                edge.pop();
            }
            edge.push(next);
        }
        let side = edge.windows(2).find(|side| side[1].0 >= 0.0);
        let Some(&[a, b]) = side else {
            bail!("the recording ends at a click");
        };
        let slope = (b.1 - a.1) / (b.0 - a.0);
        Ok(origin.at.plus_seconds(a.1 - a.0 * slope))
    }
}
