//! What can be asked for as the far end of an output.

use std::path::PathBuf;
use std::time::Duration;

use crate::bluetooth::Address;

/// The far end of an output, as configured.
#[derive(Debug, Clone, PartialEq)]
pub enum SinkSpec {
    /// A sound card of this machine.
    Device(DeviceSpec),
    /// A sink of a PulseAudio or PipeWire server.
    Pulse(PulseSpec),
    /// A Bluetooth speaker, wherever a sound server has it.
    Bluetooth(BluetoothSpec),
    /// A WAV file, written at the pace of the clock.
    Wav(WavSpec),
    /// A sound card that exists only as sums; heard by nobody.
    Simulated(SimulatedSpec),
}

/// A sound card.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeviceSpec {
    /// Its name as `unisono outputs` lists it; `None`: the system's default.
    pub device: Option<String>,
}

/// A sink of a sound server.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PulseSpec {
    /// The server's address (`unix:/run/user/1000/pulse/native`, `tcp:10.0.0.2`); `None`: the user's own.
    pub server: Option<String>,
    /// The sink's name; `None`: the server's default sink.
    pub sink: Option<String>,
}

/// A Bluetooth speaker.
#[derive(Debug, Clone, PartialEq)]
pub struct BluetoothSpec {
    /// The speaker.
    pub address: Address,
    /// The address of the sound server that it is connected to; `None`: the user's own.
    pub server: Option<String>,
}

/// A WAV file.
#[derive(Debug, Clone, PartialEq)]
pub struct WavSpec {
    /// Where it is written; an existing file is replaced.
    pub path: PathBuf,
}

/// A sound card in sums.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedSpec {
    /// How much faster than true its crystal runs, in parts per million.
    pub crystal_ppm: f64,
    /// How long it takes from opening to the first frame.
    pub start_up: Duration,
    /// How many frames it takes at a time.
    pub period: u32,
    /// One report in three comes late by up to this much.
    pub late_reports: Duration,
}

impl Default for SimulatedSpec {
    /// A perfect card.
    fn default() -> Self {
        Self {
            crystal_ppm: 0.0,
            start_up: Duration::ZERO,
            period: 480,
            late_reports: Duration::ZERO,
        }
    }
}
