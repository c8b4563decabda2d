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
/// Of so many arrivals, about a second's, the earliest counts.
const GROUP: usize = 100;
/// Rounds of fitting; from the fourth on the line does not move any more.
const ROUNDS: usize = 8;

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
        let line = Line::through_the_earliest(&self.arrivals)?;
        let count = u64::from(seconds) * u64::from(RATE) / APART;
        let apart = APART as f64 / f64::from(RATE);
        let mut late = vec![None; usize::try_from(count)?];
        for sample in &self.clicks {
            let since = line.time_of(*sample).seconds_since(start);
            let number = (since / apart).round();
            // What was heard before the start or after the end is nobody's.
            if let Some(late) = late.get_mut(number as usize).filter(|_| number >= 0.0) {
                *late = Some(since - number * apart);
            }
        }
        Ok(Heard {
            late,
            clock_ppm: (1.0 / (line.seconds_per_frame * f64::from(RATE)) - 1.0) * 1e6,
        })
    }
}

/// When each frame arrives, were nothing ever held up.
#[derive(Debug, Clone, Copy)]
struct Line {
    frames: f64,
    at: ClockTime,
    seconds_per_frame: f64,
}

impl Line {
    /// A sink takes its frames at moments that lie on a line, and they arrive here some time later, never earlier. So it is
    /// the earliest that tell: of each group of arrivals the earliest, and the earlier half of these.
    fn through_the_earliest(arrivals: &[Arrival]) -> anyhow::Result<Self> {
        let settled = arrivals.partition_point(|arrival| arrival.frames < UNSETTLED);
        let arrivals = &arrivals[settled..];
        if arrivals.len() < 4 * GROUP {
            bail!("too little was recorded: {} blocks", arrivals.len());
        }
        let mut line = Self::fitted(arrivals);
        for _ in 0..ROUNDS {
            let mut earliest: Vec<Arrival> = arrivals
                .chunks(GROUP)
                .filter_map(|group| {
                    let late = |arrival: &&Arrival| line.late(arrival);
                    group.iter().min_by(|a, b| late(a).total_cmp(&late(b)))
                })
                .copied()
                .collect();
            earliest.sort_by(|a, b| line.late(a).total_cmp(&line.late(b)));
            earliest.truncate(earliest.len() / 2);
            line = Self::fitted(&earliest);
        }
        Ok(line)
    }

    /// By least squares. There are at least two arrivals, at different frames.
    fn fitted(arrivals: &[Arrival]) -> Self {
        let origin = arrivals[0];
        let count = arrivals.len() as f64;
        let place = |arrival: &Arrival| {
            let frames = arrival.frames as f64 - origin.frames as f64;
            (frames, arrival.at.seconds_since(origin.at))
        };
        let places = arrivals.iter().map(place);
        let (frames, seconds) = places.clone().fold((0.0, 0.0), |(frames, seconds), place| {
            (frames + place.0 / count, seconds + place.1 / count)
        });
        let (square, product) = places.fold((0.0, 0.0), |(square, product), place| {
            let across = place.0 - frames;
            (
                square + across * across,
                product + across * (place.1 - seconds),
            )
        });
        Self {
            frames: origin.frames as f64 + frames,
            at: origin.at.plus_seconds(seconds),
            seconds_per_frame: product / square,
        }
    }

    fn time_of(&self, frames: f64) -> ClockTime {
        self.at
            .plus_seconds((frames - self.frames) * self.seconds_per_frame)
    }

    fn late(&self, arrival: &Arrival) -> f64 {
        arrival
            .at
            .seconds_since(self.time_of(arrival.frames as f64))
    }
}
