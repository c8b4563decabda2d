//! Sound cards of this machine, as far as it is the same whether one plays on them or listens to them: which there are, and how one is
//! opened. What is played and heard is `sink`'s and `capture`'s matter.

#[cfg(feature = "device")]
pub(crate) mod choice;

/// One sound card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardEntry {
    /// The name the config wants.
    pub name: String,
    /// What people call it.
    pub description: String,
    /// Whether it is the system's default.
    pub default: bool,
}
