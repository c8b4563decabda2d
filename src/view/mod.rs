//! What is going on, for a terminal: a few lines drawn in place, above which log lines pass, and tables.
//! It knows nothing of zones and lanes: whoever does hands it words and figures.

mod painter;
mod render;
mod table;

use std::time::Duration;

pub use painter::{LogLine, Painter};
pub use render::{UNKNOWN, figure, minutes, render, troubles};
pub use table::{Side, table};

/// What there is to show.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Screen {
    /// One for each zone, in the config's order.
    pub zones: Vec<ZoneLine>,
    /// One for each output, in the config's order.
    pub outputs: Vec<OutputLine>,
}

/// A zone and what it plays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ZoneLine {
    /// Its name.
    pub name: String,
    /// What it does, in a word or two: "playing".
    pub state: String,
    /// The track's title, if there is a track.
    pub title: Option<String>,
    /// The track's artist, if known.
    pub artist: Option<String>,
    /// Where in the track the ear is, if there is a track.
    pub position: Option<Duration>,
    /// How long the track is, if known.
    pub duration: Option<Duration>,
}

/// An output and how well it keeps in step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OutputLine {
    /// Its name.
    pub name: String,
    /// What it does, in a word or two: "in step".
    pub state: String,
    /// How many seconds it plays ahead of the zone's timeline (negative: behind), once measured.
    pub ahead_seconds: Option<f64>,
    /// How much faster than ours its clock runs, in parts per million, once measured.
    pub clock_ppm: Option<f64>,
    /// What has gone wrong on it, if anything has: see [`troubles`].
    pub troubles: Option<String>,
}
