//! What a zone's decision has done outside: the words between the transport and whoever carries them out.

use std::sync::Arc;
use std::time::Duration;

use super::state::Track;
use crate::playback::{SideGain, TrackId};

/// What is to be done outside as a consequence.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Open the outputs.
    Prepare,
    /// Drop what is loaded, and load this.
    Load(TrackId, Arc<Track>),
    /// Have this follow, or nothing.
    Queue(Option<(TrackId, Arc<Track>)>),
    /// Play what is loaded, on all of the zone's outputs.
    Play,
    /// Play what is loaded, on the outputs that another zone has not been given since the last [`Effect::Play`].
    Continue,
    /// Halt, keeping the position.
    Pause,
    /// Go to a position of the current track.
    Seek(Duration),
    /// Halt and unload.
    Stop,
    /// Scale what is heard of each side of the stream, or silence it.
    Gain {
        /// Of its left.
        left: SideGain,
        /// Of its right.
        right: SideGain,
    },
}
