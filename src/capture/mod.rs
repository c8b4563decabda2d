//! Where sound comes into the program by itself, at its own pace: the far ends of inputs.
//!
//! [`Capture`] is the seam, as `Sink` is at the other side: a listener opens one on its own thread, reads it, and drops it there.

mod spec;

use std::time::Duration;

use crate::audio::Heard;
pub use spec::{
    BluetoothSource, CaptureSpec, DeviceInput, PipeFormat, PipeInput, PipeOrigin, PulseSource,
};

/// The far end of an input. Frames are stereo, interleaved; mono is on both channels.
///
/// Opened, used and dropped on one thread, hence not `Send`. No call blocks for more than a few milliseconds.
pub trait Capture {
    /// Frames per second that come in, by its nominal rate.
    fn rate(&self) -> u32;

    /// Appends what has come in since the last call to `frames`, and says how many frames that were: none if there is nothing.
    ///
    /// # Errors
    /// [`CaptureError::Lost`] when the far end has gone.
    fn read(&mut self, frames: &mut Vec<f32>) -> Result<usize, CaptureError>;

    /// The next report of what has come in; `None` until there is a new one. Its frames count what was read here, and what is
    /// about to be; what was lost on the way is not among them.
    fn heard(&mut self) -> Option<Heard>;

    /// How soon it wants to be read again.
    fn pace(&self) -> Duration;

    /// How often something was lost on the way since it was opened. After each the reports start from a new place.
    fn gaps(&self) -> u64;
}

/// Why an input cannot be used. The text says which and what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CaptureError {
    /// It could not be opened.
    #[error("cannot listen to {input}: {reason}")]
    Open {
        /// What was to be opened, in the words of the config.
        input: String,
        /// What happened.
        reason: String,
    },
    /// It was open and has gone; opening it again may help.
    #[error("{input} went away: {reason}")]
    Lost {
        /// What was open, in the words of the config.
        input: String,
        /// What happened.
        reason: String,
    },
}
