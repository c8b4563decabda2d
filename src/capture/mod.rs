//! Where sound comes into the program by itself, at its own pace: the far ends of inputs.
//!
//! [`Capture`] is the seam, as `Sink` is at the other side: a listener opens one on its own thread, reads it, and drops it there.

#[cfg_attr(not(feature = "device"), path = "device_absent.rs")]
pub mod device;
mod pipe;
#[cfg_attr(not(feature = "pulse"), path = "pulse_absent.rs")]
mod pulse;
pub mod simulated;
mod spec;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::audio::Heard;
use crate::clock::Clock;
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

impl CaptureSpec {
    /// Opens the input on the calling thread, which then keeps it. A program that is to be listened to is started; it runs with this
    /// thread's priority.
    ///
    /// # Errors
    /// [`CaptureError::Open`], naming the input and the reason.
    pub fn open(&self, clock: &Arc<dyn Clock>) -> Result<Box<dyn Capture>, CaptureError> {
        match self {
            Self::Pulse(spec) => pulse::open(spec, clock),
            Self::Bluetooth(spec) => pulse::open_bluetooth(spec, clock),
            Self::Device(spec) => device::open(spec, clock),
            Self::Pipe(spec) => pipe::open(spec, clock),
        }
    }
}

impl fmt::Display for CaptureSpec {
    /// In the words of the config.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pulse(PulseSource { server, source }) => {
                match source {
                    Some(source) => write!(f, "the source {source:?}")?,
                    None => f.write_str("the default source")?,
                }
                of_server(server.as_deref(), f)
            }
            Self::Bluetooth(BluetoothSource { server, address }) => {
                write!(f, "the Bluetooth device {address}")?;
                match server {
                    Some(_) => of_server(server.as_deref(), f),
                    None => Ok(()),
                }
            }
            Self::Device(DeviceInput { device: Some(name) }) => {
                write!(f, "the input of the sound card {name:?}")
            }
            Self::Device(DeviceInput { device: None }) => {
                f.write_str("the input of the default sound card")
            }
            Self::Pipe(spec) => match &spec.origin {
                PipeOrigin::Fifo(path) => write!(f, "the named pipe {}", path.display()),
                PipeOrigin::Program(command) => {
                    let program = command.first().map_or("", String::as_str);
                    write!(f, "the program {program:?}")
                }
            },
        }
    }
}

fn of_server(server: Option<&str>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match server {
        Some(server) => write!(f, " of the sound server {server:?}"),
        None => f.write_str(" of your sound server"),
    }
}
