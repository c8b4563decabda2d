//! The shapes of answers: what is said of zones and outputs, and of what was refused.
//! Where the figures come from is `house`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::audio::ChannelMap;
use crate::live::InputState;
use crate::playback::LaneState;
use crate::zone::TransportState;

/// Everything there is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct State {
    /// The zones, in the order of the config.
    pub zones: Vec<ZoneStatus>,
    /// The outputs, in the order of the config.
    pub outputs: Vec<OutputStatus>,
    /// The inputs, in the order of the config.
    #[serde(default)]
    pub inputs: Vec<InputStatus>,
}

/// A zone: one renderer on the network, and what it plays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ZoneStatus {
    /// The name apps show.
    pub name: String,
    /// Its identity on the network, the UUID in its UDN.
    pub id: Uuid,
    /// What it does.
    pub state: Transport,
    /// Why the last track ended in error, until the next one is set or played.
    #[schema(required)]
    pub error: Option<String>,
    /// The track's title; null without a track.
    #[schema(required)]
    pub title: Option<String>,
    /// The track's artist, if known.
    #[schema(required)]
    pub artist: Option<String>,
    /// Where in the track the ear is, in seconds; null without a track. While it plays it runs on by itself.
    #[schema(required)]
    pub position_s: Option<f64>,
    /// How long the track is, in seconds, if known.
    #[schema(required)]
    pub duration_s: Option<f64>,
    /// The group volume.
    #[schema(minimum = 0, maximum = 100)]
    pub volume: u8,
    /// Whether it is muted, apart from the volume.
    pub muted: bool,
    /// The names of the outputs it plays on.
    pub outputs: Vec<String>,
}

/// What a zone does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Nothing has been cast to it.
    NoMedia,
    /// A track is set, and nothing plays.
    Stopped,
    /// It is about to play.
    Loading,
    /// It is heard.
    Playing,
    /// It was halted, and can go on.
    Paused,
}

impl From<TransportState> for Transport {
    fn from(state: TransportState) -> Self {
        match state {
            TransportState::NoMedia => Self::NoMedia,
            TransportState::Stopped => Self::Stopped,
            TransportState::Transitioning => Self::Loading,
            TransportState::Playing => Self::Playing,
            TransportState::Paused => Self::Paused,
        }
    }
}

/// An output: where sound leaves, how it is set, and how well it keeps in step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutputStatus {
    /// Your name for it.
    pub name: String,
    /// Its far end, in words.
    pub sink: String,
    /// What it does.
    pub state: Activity,
    /// The name of the zone that plays on it. Null if none does, and if that cannot be told: when two zones that share it
    /// play at the same time.
    #[schema(required)]
    pub zone: Option<String>,
    /// How far ahead of its zone's time it plays, in milliseconds (negative: behind); null unless it plays.
    #[schema(required)]
    pub misalignment_ms: Option<f64>,
    /// How much faster than ours its clock runs, in parts per million; null until it has been heard.
    #[schema(required)]
    pub clock_ppm: Option<f64>,
    /// How late its speaker is, in milliseconds: it is fed that much earlier.
    pub late_ms: f64,
    /// What it plays of the stereo stream.
    pub channels: Channels,
    /// A lasting correction of its loudness, in decibels.
    pub trim_db: f64,
    /// Its own volume.
    #[schema(minimum = 0, maximum = 100)]
    pub volume: u8,
    /// Whether the zone's volume counts for it too.
    pub volume_sync: bool,
    /// Whether it is silent, whatever the zone plays.
    pub muted: bool,
    /// Frames of silence played because the music did not arrive in time.
    pub starved_frames: u64,
    /// How often the device ran dry because the program was late.
    pub gaps: u64,
    /// How often it had to jump because it was too far off to steer.
    pub reanchored: u64,
    /// What is known of the Bluetooth speaker behind it, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub bluetooth: Option<BluetoothStatus>,
}

/// A Bluetooth speaker. What nobody says of it is null.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct BluetoothStatus {
    /// Its address.
    pub address: String,
    /// Whether it is connected; null when nobody can be asked.
    #[schema(required)]
    pub connected: Option<bool>,
    /// How full its battery is, in percent.
    #[schema(required, maximum = 100)]
    pub battery_percent: Option<u8>,
    /// How sound is sent to it, in the sound server's word: `sbc`, `aac`.
    #[schema(required)]
    pub codec: Option<String>,
    /// The Bluetooth adapter of this machine that has it: `hci0`.
    #[schema(required)]
    pub adapter: Option<String>,
    /// How strong it was when it was last heard by a search, in dBm.
    #[schema(required)]
    pub signal_dbm: Option<i16>,
}

/// What an output does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Its sink is not open.
    Resting,
    /// Its sink is open and plays silence.
    Ready,
    /// It plays.
    Playing,
    /// Its sink could not be opened or has gone; it is tried again and again.
    Lost,
}

impl From<LaneState> for Activity {
    fn from(state: LaneState) -> Self {
        match state {
            LaneState::Resting => Self::Resting,
            LaneState::Ready => Self::Ready,
            LaneState::Playing => Self::Playing,
            LaneState::Lost => Self::Lost,
        }
    }
}

/// What an output plays of the stereo stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channels {
    /// Left on left, right on right.
    Stereo,
    /// The left channel on both.
    Left,
    /// The right channel on both.
    Right,
    /// The mean of left and right on both.
    Mono,
    /// Left on right, right on left.
    Swap,
}

impl From<ChannelMap> for Channels {
    fn from(map: ChannelMap) -> Self {
        match map {
            ChannelMap::Stereo => Self::Stereo,
            ChannelMap::Left => Self::Left,
            ChannelMap::Right => Self::Right,
            ChannelMap::Mono => Self::Mono,
            ChannelMap::Swap => Self::Swap,
        }
    }
}

/// An input: what comes into the program by itself, and where that is played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InputStatus {
    /// Your name for it.
    pub name: String,
    /// Where it comes from, in words.
    pub source: String,
    /// What is heard of it.
    pub state: Hearing,
    /// The zone that plays it.
    pub zone: String,
    /// Whether that zone plays it now.
    pub playing: bool,
    /// How much faster than ours its clock runs, in parts per million; null until that is known.
    #[schema(required)]
    pub clock_ppm: Option<f64>,
}

/// What is heard of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hearing {
    /// It is not there; it is tried again and again.
    Lost,
    /// It is there and silent.
    Silent,
    /// It sounds.
    Sounding,
}

impl From<InputState> for Hearing {
    fn from(state: InputState) -> Self {
        match (state.open, state.sounds) {
            (false, _) => Self::Lost,
            (true, false) => Self::Silent,
            (true, true) => Self::Sounding,
        }
    }
}

/// Why something was refused. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What is wrong and what to do, for people.
    pub message: String,
    /// The key it is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub key: Option<String>,
    /// What was sent for that key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<serde_json::Value>,
    /// What may be sent for that key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub allowed: Option<String>,
}

impl Problem {
    /// One that is about no key.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }
}

/// `value` with so many digits after the point: more would be noise.
pub(super) fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    // Adding zero makes a plain zero of a negative one.
    (value * scale).round() / scale + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_config_and_the_log() {
        for map in ChannelMap::ALL {
            let word = serde_json::to_value(Channels::from(map)).unwrap();
            assert_eq!(word, map.name());
        }
        for state in [
            LaneState::Resting,
            LaneState::Ready,
            LaneState::Playing,
            LaneState::Lost,
        ] {
            let word = serde_json::to_value(Activity::from(state)).unwrap();
            assert_eq!(word, state.word());
        }
    }

    #[test]
    fn figures_have_no_noise_behind_them() {
        assert_eq!(rounded(180.000_000_000_003, 6).to_string(), "180");
        assert_eq!(rounded(f64::from(-3.3_f32), 4).to_string(), "-3.3");
        assert_eq!(rounded(-0.000_04, 3).to_string(), "0");
    }
}
