//! What a zone can be told, and why it may refuse.

use std::sync::Arc;
use std::time::Duration;

use super::level::Channel;
use super::state::Track;

/// A command from a control point or a person.
#[derive(Debug, Clone, PartialEq)]
pub enum ZoneCommand {
    /// Set the current track (`None`: no media). Clears the next one. While playing, the new track plays at once.
    SetTrack(Option<Arc<Track>>),
    /// Set or clear the track that follows.
    SetNext(Option<Arc<Track>>),
    /// Play, or go on playing.
    Play,
    /// Halt, keeping the position.
    Pause,
    /// Halt and go back to the start; the track stays set.
    Stop,
    /// Go to a position in the current track.
    Seek(Duration),
    /// Go to the next track at once.
    Next,
    /// Go to the start of the current track.
    Previous,
    /// Set a volume, 0 to 100 (larger is taken as 100).
    SetVolume(Channel, u8),
    /// Mute or unmute.
    SetMute(Channel, bool),
}

/// Why a zone refuses a command. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// The transport's state does not allow it (AVTransport error 701).
    #[error("not possible in the present transport state")]
    TransitionNotAvailable,
    /// The media cannot be sought in, or the target is outside it, or there is no next track (error 711).
    #[error("there is nothing at that position")]
    IllegalSeekTarget,
    /// The zone is shutting down.
    #[error("the zone is shutting down")]
    Closed,
}
