//! What the user says about an output.

use crate::audio::ChannelMap;
use crate::sink::SinkSpec;

/// One output: a far end, and how it is to be fed.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputSpec {
    /// The user's name for it, unique.
    pub name: String,
    /// Its far end.
    pub sink: SinkSpec,
    /// By how many seconds the speaker behind the sink is late; it is fed that much earlier.
    pub late_seconds: f64,
    /// What it plays of the stereo stream.
    pub channels: ChannelMap,
    /// A lasting correction of its loudness, in dB.
    pub trim_db: f32,
}
