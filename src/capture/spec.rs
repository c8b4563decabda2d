//! What can be asked for as the far end of an input.

use std::path::PathBuf;

use crate::bluetooth::Address;

/// The far end of an input, as configured.
#[derive(Debug, Clone, PartialEq)]
pub enum CaptureSpec {
    /// A source of a PulseAudio or PipeWire server: a line-in, a microphone, the monitor of a sink.
    Pulse(PulseSource),
    /// What a sound card of this machine takes in.
    Device(DeviceInput),
    /// A phone or an Echo Dot that plays to this machine over Bluetooth.
    Bluetooth(BluetoothSource),
    /// Raw PCM out of a named pipe, or of a program's standard output.
    Pipe(PipeInput),
}

/// A source of a sound server.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PulseSource {
    /// The server's address (`unix:/run/user/1000/pulse/native`, `tcp:10.0.0.2`); `None`: the user's own.
    pub server: Option<String>,
    /// The source's name; `None`: the server's default source.
    pub source: Option<String>,
}

/// What a sound card takes in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeviceInput {
    /// Its name as `unisono outputs` lists it; `None`: the system's default.
    pub device: Option<String>,
}

/// What another device plays to this machine.
#[derive(Debug, Clone, PartialEq)]
pub struct BluetoothSource {
    /// The sound server's address; `None`: the user's own.
    pub server: Option<String>,
    /// The other device's address.
    pub address: Address,
}

/// Raw PCM that a program writes.
#[derive(Debug, Clone, PartialEq)]
pub struct PipeInput {
    /// Where it comes from.
    pub origin: PipeOrigin,
    /// How it is written.
    pub format: PipeFormat,
    /// Frames per second.
    pub rate: u32,
    /// 1 or 2.
    pub channels: u16,
}

/// Who writes raw PCM, and where.
#[derive(Debug, Clone, PartialEq)]
pub enum PipeOrigin {
    /// A named pipe; it is made if it is not there.
    Fifo(PathBuf),
    /// A program and its arguments, started by us and read from its standard output; when it ends it is started again.
    Program(Vec<String>),
}

/// How samples are written: little-endian, as every such program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PipeFormat {
    /// 16 bits.
    #[default]
    S16,
    /// 24 bits in three bytes.
    S24,
    /// 32 bits.
    S32,
    /// 32-bit floating point.
    F32,
}

impl PipeFormat {
    /// Every format, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::S16, Self::S24, Self::S32, Self::F32];

    /// Its name in the config.
    pub fn name(self) -> &'static str {
        match self {
            Self::S16 => "s16",
            Self::S24 => "s24",
            Self::S32 => "s32",
            Self::F32 => "f32",
        }
    }

    /// The format of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}
