//! What a lane has lately written to its sink, so that what is taken back can be written again with a fade.

use std::collections::VecDeque;
use std::time::Duration;

/// Kept beyond what the sink holds: it may give back what has been handed over and not yet been counted by it.
const SPARE: Duration = Duration::from_millis(50);

/// The last frames written, and how many there have been in all.
#[derive(Debug)]
pub(super) struct Written {
    kept: usize,
    samples: VecDeque<f32>,
    end: u64,
    /// All frames from this one to the end are silence.
    silent_from: u64,
}

impl Written {
    /// Nothing has been written yet to a sink of this rate that holds so much.
    pub(super) fn new(rate: u32, buffer: Duration) -> Self {
        let kept = ((buffer + SPARE).as_secs_f64() * f64::from(rate)) as usize * 2;
        Self {
            kept,
            samples: VecDeque::with_capacity(kept),
            end: 0,
            silent_from: 0,
        }
    }

    /// Device frames written since the sink was opened, less those taken back.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// How many of the last frames are still known.
    pub(super) fn known(&self) -> usize {
        self.samples.len() / 2
    }

    /// The first of the unbroken run of silent frames at the end; the end itself when there is none.
    pub(super) fn silent_from(&self) -> u64 {
        self.silent_from.min(self.end)
    }

    pub(super) fn add(&mut self, frames: &[f32], silent: bool) {
        self.samples.extend(frames);
        let over = self.samples.len().saturating_sub(self.kept);
        self.samples.drain(..over);
        self.end += frames.len() as u64 / 2;
        if !silent {
            self.silent_from = self.end;
        }
    }

    /// Takes the last `frames` off, and returns as many samples of them as are still known.
    pub(super) fn take_back(&mut self, frames: usize) -> Vec<f32> {
        let at = self.samples.len().saturating_sub(frames * 2);
        self.end -= frames as u64;
        self.silent_from = self.silent_from.min(self.end);
        self.samples.split_off(at).into()
    }
}
