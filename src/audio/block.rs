//! A run of a zone's audio, shared by all lanes.

/// Stereo frames of a zone's stream, stamped with the number of the first. Lanes hold it in an `Arc`.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioBlock {
    /// The number of the first frame, counted from the beginning of the feeder's present stream.
    pub start: u64,
    /// Interleaved stereo samples. A block without any marks the stream's end, as far as it is known.
    pub samples: Vec<f32>,
}

impl AudioBlock {
    /// Frames in the block.
    pub fn frames(&self) -> usize {
        self.samples.len() / 2
    }

    /// The number of the frame after the last.
    pub fn end(&self) -> u64 {
        self.start + self.frames() as u64
    }
}
