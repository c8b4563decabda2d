//! What a zone is doing, as one value: published whole, compared to find what changed.

use std::sync::Arc;
use std::time::Duration;

use super::level::Level;
use crate::clock::ClockTime;
use crate::media::MediaRequest;

/// The transport states of AVTransport:1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransportState {
    /// No URI has been set.
    #[default]
    NoMedia,
    /// A URI is set and nothing plays.
    Stopped,
    /// On the way to playing: connecting, buffering, seeking.
    Transitioning,
    /// Heard, or about to be within the outputs' latency.
    Playing,
    /// Halted at a position from which Play goes on.
    Paused,
}

/// One piece of media as the sender described it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Track {
    /// What to fetch, with hints; `request.uri` is byte-identical to what the sender set.
    pub request: MediaRequest,
    /// The sender's metadata, byte-identical; may be empty.
    pub metadata: String,
    /// For people: from the metadata, or made from the URI.
    pub title: String,
    /// For people, if known.
    pub artist: Option<String>,
    /// For people, if known.
    pub album: Option<String>,
    /// The album art's address, if known.
    pub art: Option<String>,
    /// The track as it was set, where its sender has told since what it plays: a radio station and the song that is heard.
    pub station: Option<Arc<Self>>,
}

impl Track {
    /// The same while its sender says that it plays `told`, usually an artist and a title with a dash between; nothing, if that is
    /// empty.
    pub fn telling(self: &Arc<Self>, told: &str) -> Arc<Self> {
        let station = self.as_set();
        if told.is_empty() {
            return station;
        }
        let (artist, title) = match told.split_once(" - ") {
            Some((artist, title)) if !artist.is_empty() && !title.is_empty() => {
                (Some(artist.trim().to_owned()), title.trim())
            }
            _ => (None, told),
        };
        Arc::new(Self {
            title: title.to_owned(),
            artist,
            album: None,
            station: Some(station.clone()),
            ..(*station).clone()
        })
    }

    /// The track as it was set.
    pub fn as_set(self: &Arc<Self>) -> Arc<Self> {
        self.station.clone().unwrap_or_else(|| self.clone())
    }
}

/// Where in the track the ear is: a straight line in time, or a point.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Progress {
    /// At the start, or wherever a seek before Play has put it.
    #[default]
    Unstarted,
    /// Standing at this position.
    At(Duration),
    /// The track's beginning is (or would have been) heard at this moment, and it runs at normal speed.
    RunningSince(ClockTime),
}

/// Everything about a zone that anybody outside may read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ZoneState {
    /// What the transport does.
    pub transport: TransportState,
    /// Why the last track ended in error, until the next one is set or played.
    pub error: Option<String>,
    /// The current track.
    pub track: Option<Arc<Track>>,
    /// The track that follows without a gap.
    pub next: Option<Arc<Track>>,
    /// The current track's duration, once known.
    pub duration: Option<Duration>,
    /// Whether the current track can be sought in; true until it is known.
    pub seekable: bool,
    /// Where the ear is.
    pub progress: Progress,
    /// Group volume (the master), 0 to 100.
    pub volume: u8,
    /// Whether the zone is muted; apart from the volume.
    pub muted: bool,
    /// Of the stream's left, beside the master.
    pub left: Level,
    /// Of the stream's right, beside the master.
    pub right: Level,
}

impl ZoneState {
    /// The position in the current track as heard at `now`: not before its start, not beyond its end.
    pub fn position(&self, now: ClockTime) -> Duration {
        let position = match self.progress {
            Progress::Unstarted => Duration::ZERO,
            Progress::At(position) => position,
            Progress::RunningSince(start) => now.saturating_since(start),
        };
        self.duration
            .map_or(position, |duration| position.min(duration))
    }
}
