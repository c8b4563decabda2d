//! How samples are laid out. Samples themselves are `f32`, interleaved, full scale at ±1.

/// Frames per second and samples per frame of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamFormat {
    /// Frames per second.
    pub rate: u32,
    /// Samples per frame.
    pub channels: u16,
}

impl StreamFormat {
    /// What every zone plays unless told otherwise: 48 kHz stereo.
    pub const STANDARD: Self = Self {
        rate: 48_000,
        channels: 2,
    };

    /// Whole frames in `samples` interleaved samples.
    pub fn frames(self, samples: usize) -> usize {
        samples / usize::from(self.channels)
    }

    /// Interleaved samples in `frames` frames.
    pub fn samples(self, frames: usize) -> usize {
        frames * usize::from(self.channels)
    }
}
