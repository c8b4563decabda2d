//! A URI becomes decoded audio.
//!
//! [`Source`] is the seam: the feeder polls one and never waits for it. Whatever fetches and
//! decodes does so on threads and tasks of its own.
//!
//! The way of the bytes: `http` (a task) → `buffer` → `decode` or `pcm` → `source` (a thread) → [`Source::poll`].

mod buffer;
mod decode;
mod decoder;
mod edits;
mod formats;
mod fragments;
mod http;
mod id3;
mod loudness;
mod padding;
mod pcm;
pub mod playlist;
mod source;
mod wav;
mod window;

use std::sync::Arc;
use std::time::Duration;

use crate::audio::{Loudness, ReplayGain, StreamFormat};
use crate::clock::ClockTime;

pub use formats::{FORMATS, Format};
pub use http::Network;
pub(crate) use loudness::Said;
pub use source::open;

/// What to play, and what the sender said about it. Only the URI is binding; the rest are hints.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MediaRequest {
    /// Where the media is, or a playlist that names it: `http://…` or `https://…`.
    pub uri: String,
    /// The MIME type by the sender's metadata, with its parameters (`audio/L16;rate=44100;channels=2`).
    pub mime: Option<String>,
    /// The layout of raw PCM by the sender's metadata (`res@sampleFrequency`, `res@nrAudioChannels`).
    pub pcm_rate: Option<u32>,
    /// See `pcm_rate`.
    pub pcm_channels: Option<u16>,
    /// How long it plays by the sender's metadata.
    pub duration: Option<Duration>,
    /// Whether the sender's metadata says what it is called: then titles in a playlist are not told.
    pub titled: bool,
    /// How loud it is by the sender's metadata; what the file says of it goes first.
    pub loudness: Loudness,
    /// What its loudness is made equal by.
    pub replay_gain: ReplayGain,
}

/// What opening a piece of media has shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MediaInfo {
    /// The layout of the audio that follows: mono or stereo, whatever the file has.
    pub format: StreamFormat,
    /// How long it plays; `None` for live streams and where nothing says.
    pub duration: Option<Duration>,
    /// Whether [`Source::seek`] can reach any point of it.
    pub seekable: bool,
}

/// A run of decoded frames.
#[derive(Debug, Clone, PartialEq)]
pub struct Chunk {
    /// The layout of `samples`, mono or stereo; it may change from chunk to chunk.
    pub format: StreamFormat,
    /// Interleaved samples, whole frames.
    pub samples: Vec<f32>,
}

/// What a [`Source`] has to hand out.
#[derive(Debug)]
pub enum Polled {
    /// Said once, before the first audio.
    Opened(MediaInfo),
    /// The audio that follows starts here: the answer to a seek.
    Sought(Duration),
    /// What follows has this title, by the word of whoever sends it: a radio station tells what it plays. Empty when it takes that
    /// back.
    Title(String),
    /// The next frames.
    Audio(Chunk),
    /// Nothing now; the waker given at opening is called when there is.
    Pending,
    /// All has been handed out.
    End,
    /// No more will come, and why.
    Failed(MediaError),
}

/// What can be had of a [`Source`] without waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Supply {
    /// How much lies ahead of what has been polled, as far as that is known.
    pub ahead: Duration,
    /// No more will come before some of it is polled: waiting gains nothing.
    pub full: bool,
    /// It comes as fast as it plays and no faster, as far as anybody knows: waiting for much more is a delay for ever.
    pub paced: bool,
}

impl Supply {
    /// Of what is all there.
    pub const ALL: Self = Self {
        ahead: Duration::MAX,
        full: true,
        paced: false,
    };
}

/// Of sound that is heard elsewhere, or made, at this moment: when it is to be heard here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// When the first frame that is handed out was taken in. Each later one was taken in by its number later, by the one clock.
    pub begins: ClockTime,
    /// How much later than it was taken in a frame may be at the outputs: so long a hold-up is not heard.
    pub buffer: Duration,
}

/// Decoded audio that arrives in its own time.
pub trait Source: Send {
    /// What has arrived. Never blocks; after [`Polled::End`] or [`Polled::Failed`] it repeats itself.
    fn poll(&mut self) -> Polled;

    /// Continues from `to` (clamped to the media). What was decoded before and not yet polled is
    /// dropped; [`Polled::Sought`] comes first. Valid after [`Polled::End`] too. Media that cannot be sought in goes forward within what
    /// is at hand, and says how far.
    fn seek(&mut self, to: Duration);

    /// Whether this is live: then it has one order, no end that is known, and no frame of it can be waited for. Known from
    /// [`Polled::Opened`] on. Never blocks.
    fn live(&self) -> Option<Live> {
        None
    }

    /// What is at hand. Never blocks.
    fn supply(&self) -> Supply {
        Supply::ALL
    }
}

/// Called from any thread when a [`Source`] that said [`Polled::Pending`] has something.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// Why media does not play. Cloneable, so that it can travel in events; the text names URL and reason.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MediaError {
    /// The URI is not one this program fetches.
    #[error("cannot play {uri}: {reason}; only http:// and https:// addresses are fetched")]
    Address {
        /// The URI as given.
        uri: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection, a refusal, a timeout, or an HTTP error status.
    #[error("cannot fetch {uri}: {reason}")]
    Fetch {
        /// The URI as given.
        uri: String,
        /// What happened.
        reason: String,
    },
    /// The bytes are of no known format, or of one that cannot be decoded.
    #[error("cannot decode {uri}: {reason}")]
    Decode {
        /// The URI as given.
        uri: String,
        /// What happened.
        reason: String,
    },
}

impl MediaError {
    /// What is at `uri` cannot be fetched, for this reason.
    fn fetch(uri: &str, reason: impl Into<String>) -> Self {
        Self::Fetch {
            uri: uri.to_owned(),
            reason: reason.into(),
        }
    }
}
