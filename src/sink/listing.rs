//! What this machine can play on, as data for people and for the default config.

/// One sink of a sound server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkEntry {
    /// The name the config wants.
    pub name: String,
    /// What people call it.
    pub description: String,
    /// Frames per second it runs at.
    pub rate: u32,
    /// Whether it is the server's default.
    pub default: bool,
    /// Whether it stands for something one can hear: a sound card or a Bluetooth speaker, not a virtual sink.
    pub hardware: bool,
    /// The Bluetooth address, if it is a Bluetooth speaker.
    pub bluetooth: Option<String>,
}

/// One sound card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceEntry {
    /// The name the config wants.
    pub name: String,
    /// What people call it.
    pub description: String,
    /// Whether it is the system's default.
    pub default: bool,
}
