//! Where frames leave the program.
//!
//! [`Sink`] is the seam: a lane opens one on its own thread, feeds it, and drops it there.

#[cfg_attr(not(feature = "device"), path = "device_absent.rs")]
pub mod device;
#[cfg_attr(not(feature = "pulse"), path = "pulse_absent.rs")]
mod pulse;
pub mod simulated;
mod spec;
mod wav;

use std::sync::Arc;
use std::time::Duration;

pub use crate::audio::Heard;
use crate::clock::Clock;
pub use spec::{BluetoothSpec, DeviceSpec, PulseSpec, SimulatedSpec, SinkSpec, WavSpec};

/// The far end of an output. Frames are stereo, interleaved.
///
/// Opened, used and dropped on one thread, hence not `Send`. No call blocks for more than a few milliseconds.
pub trait Sink {
    /// Frames per second that the sink takes, by its nominal rate.
    fn rate(&self) -> u32;

    /// How many frames [`Sink::write`] takes now.
    ///
    /// # Errors
    /// [`SinkError::Lost`] when the far end has gone.
    fn writable(&mut self) -> Result<usize, SinkError>;

    /// Appends frames, at most as many as [`Sink::writable`] last said.
    ///
    /// # Errors
    /// [`SinkError::Lost`] when the far end has gone.
    fn write(&mut self, frames: &[f32]) -> Result<(), SinkError>;

    /// The next report of what has been played; `None` until there is a new one. Its frames count what was written
    /// here, less what was taken back; silence that the device put in is not among them.
    fn heard(&mut self) -> Option<Heard>;

    /// Takes back up to `frames` of the frames written last that the device has not yet got. Returns how many.
    fn rewind(&mut self, frames: usize) -> usize;

    /// How far from the ear a frame is that can no longer be taken back.
    fn committed(&self) -> Duration;

    /// How much it holds when it is full, beyond what is [committed](Sink::committed).
    fn buffer(&self) -> Duration;

    /// Whether music has been running for a while and is expected to run on. As long as it is, the sink may take larger pieces: they
    /// cost less and cannot be taken back as late, by as much as [`Sink::committed`] then says. Called at each step.
    fn settle(&mut self, _settled: bool) {}

    /// How soon it wants to be filled and asked for reports again.
    fn pace(&self) -> Duration;

    /// How often the device has run dry since it was opened. After each the reports start from a new place.
    fn gaps(&self) -> u64;
}

/// Why a sink cannot be used. The text says which and what to do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SinkError {
    /// It could not be opened.
    #[error("cannot open {sink}: {reason}")]
    Open {
        /// What was to be opened, in the words of the config.
        sink: String,
        /// What happened.
        reason: String,
    },
    /// It was open and has gone; opening it again may help.
    #[error("{sink} went away: {reason}")]
    Lost {
        /// What was open, in the words of the config.
        sink: String,
        /// What happened.
        reason: String,
    },
}

impl SinkSpec {
    /// Whether others may want the far end when this program plays nothing: it is given back after a while.
    pub fn is_shared(&self) -> bool {
        match self {
            Self::Device(_) | Self::Pulse(_) | Self::Bluetooth(_) => true,
            Self::Wav(_) | Self::Simulated(_) => false,
        }
    }

    /// Opens the sink on the calling thread, which then keeps it. `buffer` is how much it should hold, where another amount
    /// than the usual has proved necessary.
    ///
    /// # Errors
    /// [`SinkError::Open`], naming the sink and the reason.
    pub fn open(
        &self,
        clock: &Arc<dyn Clock>,
        buffer: Option<Duration>,
    ) -> Result<Box<dyn Sink>, SinkError> {
        match self {
            Self::Device(spec) => device::open(spec, clock, buffer),
            Self::Pulse(_) | Self::Bluetooth(_) => pulse::open(self, clock, buffer),
            Self::Wav(spec) => wav::open(spec, clock),
            Self::Simulated(spec) => Ok(Box::new(simulated::Simulated::new(
                spec.clone(),
                clock.clone(),
                Box::new(|_, _| Ok(())),
            ))),
        }
    }
}

impl std::fmt::Display for SinkSpec {
    /// In the words of the config.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Device(DeviceSpec { device: Some(name) }) => write!(f, "the sound card {name:?}"),
            Self::Device(DeviceSpec { device: None }) => f.write_str("the default sound card"),
            Self::Pulse(PulseSpec { server, sink }) => {
                match sink {
                    Some(sink) => write!(f, "the sink {sink:?}")?,
                    None => f.write_str("the default sink")?,
                }
                match server {
                    Some(server) => write!(f, " of the sound server {server:?}"),
                    None => f.write_str(" of your sound server"),
                }
            }
            Self::Bluetooth(BluetoothSpec { address, server }) => {
                write!(f, "the Bluetooth speaker {address}")?;
                match server {
                    Some(server) => write!(f, " on the sound server {server:?}"),
                    None => Ok(()),
                }
            }
            Self::Wav(WavSpec { path }) => write!(f, "the file {}", path.display()),
            Self::Simulated(spec) => write!(f, "a simulated speaker at {:+} ppm", spec.crystal_ppm),
        }
    }
}
