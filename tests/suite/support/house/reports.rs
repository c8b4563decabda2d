//! A sink whose reports are to be doubted: they scatter, and they lie by a constant, until another one.
//! What it plays is another sink's business.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use unisono::sink::{Heard, Sink, SinkError};

/// A sink, and what becomes of its reports.
pub(super) struct Doubtful<S> {
    sink: S,
    /// Standard deviation, in seconds.
    scatter: f64,
    /// Seconds by which reports say that frames are heard later than they are.
    lie: Rc<Cell<f64>>,
    noise: u64,
}

impl<S: Sink> Doubtful<S> {
    /// `seed` decides on the scatter, which is the same in every run.
    pub(super) fn new(sink: S, scatter: f64, lie: Rc<Cell<f64>>, seed: u64) -> Self {
        Self {
            sink,
            scatter,
            lie,
            // Odd, since xorshift never leaves zero.
            noise: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        }
    }

    /// Of mean 0 and standard deviation 1, near enough to Gaussian: twelve evenly spread ones summed.
    fn gaussian(&mut self) -> f64 {
        let uniform = (0..12).map(|_| {
            // Marsaglia's xorshift.
            self.noise ^= self.noise << 13;
            self.noise ^= self.noise >> 7;
            self.noise ^= self.noise << 17;
            (self.noise >> 11) as f64 / (1u64 << 53) as f64
        });
        uniform.sum::<f64>() - 6.0
    }
}

impl<S: Sink> Sink for Doubtful<S> {
    fn rate(&self) -> u32 {
        self.sink.rate()
    }

    fn writable(&mut self) -> Result<usize, SinkError> {
        self.sink.writable()
    }

    fn write(&mut self, frames: &[f32]) -> Result<(), SinkError> {
        self.sink.write(frames)
    }

    fn heard(&mut self) -> Option<Heard> {
        let heard = self.sink.heard()?;
        let off = self.lie.get() + self.scatter * self.gaussian();
        Some(Heard {
            at: heard.at.plus_seconds(off),
            ..heard
        })
    }

    fn rewind(&mut self, frames: usize) -> usize {
        self.sink.rewind(frames)
    }

    fn committed(&self) -> Duration {
        self.sink.committed()
    }

    fn buffer(&self) -> Duration {
        self.sink.buffer()
    }

    fn pace(&self) -> Duration {
        self.sink.pace()
    }

    fn gaps(&self) -> u64 {
        self.sink.gaps()
    }
}
