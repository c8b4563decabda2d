//! What a sound server has, as data for people and for the default config.

use crate::bluetooth::Address;

/// One sink or source of a sound server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name the config wants.
    pub name: String,
    /// What people call it.
    pub description: String,
    /// Frames per second it runs at.
    pub rate: u32,
    /// Whether it is the server's default.
    pub default: bool,
    /// Whether it stands for something outside of the machine's mind: a sound card or a Bluetooth device, neither a virtual one nor
    /// the monitor of a sink.
    pub hardware: bool,
    /// The address of the Bluetooth device that it is, if it is one.
    pub bluetooth: Option<Address>,
    /// How sound goes to and from a Bluetooth device, in the server's word (`sbc`, `aac`), if it says so.
    pub codec: Option<String>,
}
