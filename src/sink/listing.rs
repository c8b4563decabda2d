//! The sound cards of this machine, as data for people and for the default config. What a sound server has is in `sound_server`.

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
