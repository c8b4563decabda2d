//! What can be set of an output or a zone: the keys, what each allows, and a request read against them.
//! Whether values fit together is judged in `house`.

use serde_json::{Map, Value};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::status::{Problem, rounded};
use crate::audio::ChannelMap;
use crate::playback::{FULL_VOLUME, LATE_MS, OutputSettings, TRIM_DB};
use crate::spelling;

/// Something that can be set, by the name it has in the config.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// How late the speaker is, in milliseconds.
    LateMs,
    /// What it plays of the stereo stream.
    Channels,
    /// A lasting correction of loudness, in decibels.
    TrimDb,
    /// Its volume.
    Volume,
    /// Whether the zone's volume counts too.
    VolumeSync,
    /// Whether it is silent.
    Muted,
}

/// What can be set of an output.
pub const OUTPUT_KEYS: [Key; 6] = [
    Key::LateMs,
    Key::Channels,
    Key::TrimDb,
    Key::Volume,
    Key::VolumeSync,
    Key::Muted,
];
/// What can be set of a zone.
pub const ZONE_KEYS: [Key; 2] = [Key::Volume, Key::Muted];

/// A key with a value that it allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Setting {
    /// Milliseconds within [`LATE_MS`].
    LateMs(f64),
    /// A channel map.
    Channels(ChannelMap),
    /// Decibels within [`TRIM_DB`].
    TrimDb(f64),
    /// 0 to [`FULL_VOLUME`].
    Volume(u8),
    /// Whether the zone's volume counts.
    VolumeSync(bool),
    /// Whether it is silent.
    Muted(bool),
}

impl Key {
    /// How it is spelt.
    pub fn name(self) -> &'static str {
        match self {
            Self::LateMs => "late_ms",
            Self::Channels => "channels",
            Self::TrimDb => "trim_db",
            Self::Volume => "volume",
            Self::VolumeSync => "volume_sync",
            Self::Muted => "muted",
        }
    }

    /// What it allows, in words.
    pub fn allowed(self) -> String {
        match self {
            Self::LateMs => format!("a number from {} to {}", LATE_MS.start(), LATE_MS.end()),
            Self::TrimDb => format!("a number from {} to {}", TRIM_DB.start(), TRIM_DB.end()),
            Self::Volume => format!("a whole number from 0 to {FULL_VOLUME}"),
            Self::Channels => format!(
                "one of {}",
                ChannelMap::ALL.map(ChannelMap::name).join(", ")
            ),
            Self::VolumeSync | Self::Muted => "true or false".to_owned(),
        }
    }

    fn schema(self) -> ObjectBuilder {
        let (kind, meaning) = match self {
            Self::LateMs => (Type::Number, "How late its speaker is, in milliseconds."),
            Self::TrimDb => (
                Type::Number,
                "A lasting correction of its loudness, in decibels.",
            ),
            Self::Volume => (Type::Integer, "Its volume."),
            Self::Channels => (Type::String, "What it plays of the stereo stream."),
            Self::VolumeSync => (
                Type::Boolean,
                "Whether the zone's volume counts for it too.",
            ),
            Self::Muted => (Type::Boolean, "Whether it is silent."),
        };
        let schema = ObjectBuilder::new()
            .schema_type(kind)
            .description(Some(meaning));
        let between = |schema: ObjectBuilder, least: f64, most: f64| {
            schema.minimum(Some(least)).maximum(Some(most))
        };
        match self {
            Self::LateMs => between(schema, *LATE_MS.start(), *LATE_MS.end()),
            Self::TrimDb => between(schema, *TRIM_DB.start(), *TRIM_DB.end()),
            Self::Volume => between(schema, 0.0, f64::from(FULL_VOLUME)),
            Self::Channels => schema.enum_values(Some(ChannelMap::ALL.map(ChannelMap::name))),
            Self::VolumeSync | Self::Muted => schema,
        }
    }

    /// What `settings` say about it.
    pub fn of(self, settings: &OutputSettings) -> Setting {
        match self {
            // A lane counts in whole nanoseconds.
            Self::LateMs => Setting::LateMs(rounded(settings.late_seconds * 1e3, 6)),
            Self::Channels => Setting::Channels(settings.channels),
            Self::TrimDb => Setting::TrimDb(rounded(f64::from(settings.trim_db), 4)),
            Self::Volume => Setting::Volume(settings.volume),
            Self::VolumeSync => Setting::VolumeSync(settings.volume_sync),
            Self::Muted => Setting::Muted(settings.muted),
        }
    }
}

impl Setting {
    /// `value` as what `key` is set to.
    ///
    /// # Errors
    /// The key does not allow it; the problem says what it does.
    pub fn read(key: Key, value: &Value) -> Result<Self, Problem> {
        let within = |least: f64, most: f64| {
            value
                .as_f64()
                .filter(|number| (least..=most).contains(number))
        };
        let read = match key {
            Key::LateMs => within(*LATE_MS.start(), *LATE_MS.end()).map(Self::LateMs),
            Key::TrimDb => within(*TRIM_DB.start(), *TRIM_DB.end()).map(Self::TrimDb),
            Key::Volume => within(0.0, f64::from(FULL_VOLUME))
                .filter(|number| number.fract() == 0.0)
                .map(|number| Self::Volume(number as u8)),
            Key::Channels => value
                .as_str()
                .and_then(ChannelMap::from_name)
                .map(Self::Channels),
            Key::VolumeSync => value.as_bool().map(Self::VolumeSync),
            Key::Muted => value.as_bool().map(Self::Muted),
        };
        read.ok_or_else(|| {
            let (name, allowed) = (key.name(), key.allowed());
            Problem {
                message: format!("{name} = {}: it must be {allowed}", shown(value)),
                key: Some(name.to_owned()),
                value: Some(value.clone()),
                allowed: Some(allowed),
            }
        })
    }

    /// What it sets.
    pub fn key(self) -> Key {
        match self {
            Self::LateMs(_) => Key::LateMs,
            Self::Channels(_) => Key::Channels,
            Self::TrimDb(_) => Key::TrimDb,
            Self::Volume(_) => Key::Volume,
            Self::VolumeSync(_) => Key::VolumeSync,
            Self::Muted(_) => Key::Muted,
        }
    }

    /// Its value as JSON.
    pub fn value(self) -> Value {
        match self {
            Self::LateMs(number) | Self::TrimDb(number) => Value::from(number),
            Self::Channels(map) => Value::from(map.name()),
            Self::Volume(volume) => Value::from(volume),
            Self::VolumeSync(truth) | Self::Muted(truth) => Value::from(truth),
        }
    }

    /// Puts it into `settings`.
    pub fn apply(self, settings: &mut OutputSettings) {
        match self {
            Self::LateMs(ms) => settings.late_seconds = ms / 1e3,
            Self::Channels(map) => settings.channels = map,
            Self::TrimDb(db) => settings.trim_db = db as f32,
            Self::Volume(volume) => settings.volume = volume,
            Self::VolumeSync(sync) => settings.volume_sync = sync,
            Self::Muted(muted) => settings.muted = muted,
        }
    }
}

/// A value as it fits into a message.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

/// A change as it was sent, read against the keys that are known.
///
/// # Errors
/// The first key that is unknown or does not allow its value.
pub(super) fn read_change(
    known: &[Key],
    change: &Map<String, Value>,
) -> Result<Vec<Setting>, Problem> {
    let names: Vec<_> = known.iter().map(|key| key.name()).collect();
    let setting = |(name, value): (&String, &Value)| {
        let key = known.iter().find(|key| key.name() == name);
        let key = key.ok_or_else(|| {
            let near = spelling::nearest(name, names.iter().copied());
            let meant = near.map_or_else(String::new, |near| format!("; did you mean {near:?}?"));
            let keys = names.join(", ");
            Problem {
                message: format!("{name:?} cannot be set{meant} The keys are {keys}")
                    .replace("set The", "set: the"),
                key: Some(name.clone()),
                value: Some(value.clone()),
                allowed: Some(keys),
            }
        })?;
        Setting::read(*key, value)
    };
    change.iter().map(setting).collect()
}

/// What can be sent to change an output: any of its keys.
#[derive(Debug)]
pub struct OutputChange;

/// What can be sent to change a zone: any of its keys.
#[derive(Debug)]
pub struct ZoneChange;

fn schema_of(keys: &[Key]) -> RefOr<Schema> {
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
    let object = keys.iter().fold(object, |object, key| {
        object.property(key.name(), key.schema())
    });
    Schema::from(object).into()
}

impl PartialSchema for OutputChange {
    fn schema() -> RefOr<Schema> {
        schema_of(&OUTPUT_KEYS)
    }
}

impl ToSchema for OutputChange {}

impl PartialSchema for ZoneChange {
    fn schema() -> RefOr<Schema> {
        schema_of(&ZONE_KEYS)
    }
}

impl ToSchema for ZoneChange {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_set_can_be_said_and_read_again() {
        let settings = OutputSettings {
            late_seconds: -0.1805,
            channels: ChannelMap::Mono,
            trim_db: -3.3,
            volume: 37,
            volume_sync: false,
            muted: true,
        };
        let mut copy = OutputSettings::default();
        for key in OUTPUT_KEYS {
            let setting = Setting::read(key, &key.of(&settings).value()).unwrap();
            assert_eq!(setting.key(), key);
            setting.apply(&mut copy);
            assert_eq!(key.of(&copy), key.of(&settings));
        }
        assert_eq!(copy, settings);
    }

    #[test]
    fn what_is_not_allowed_is_refused_in_words() {
        let check = |key: Key, value: Value, expected: &str| {
            let problem = Setting::read(key, &value).expect_err(expected);
            assert_eq!(problem.message, expected);
            assert_eq!(
                (problem.key.as_deref(), problem.value),
                (Some(key.name()), Some(value))
            );
        };
        check(
            Key::Volume,
            json!(101),
            "volume = 101: it must be a whole number from 0 to 100",
        );
        check(
            Key::Volume,
            json!(0.5),
            "volume = 0.5: it must be a whole number from 0 to 100",
        );
        check(
            Key::LateMs,
            json!(null),
            "late_ms = null: it must be a number from -5000 to 5000",
        );
        check(
            Key::TrimDb,
            json!(-61),
            "trim_db = -61: it must be a number from -60 to 12",
        );
        check(
            Key::Muted,
            json!("yes"),
            "muted = \"yes\": it must be true or false",
        );
        check(
            Key::Channels,
            json!("both"),
            "channels = \"both\": it must be one of stereo, left, right, mono, swap",
        );
    }

    #[test]
    fn a_key_that_is_not_there_names_those_that_are() {
        let read = |text: &str| {
            let change = serde_json::from_str(text).unwrap();
            read_change(&ZONE_KEYS, &change).map_err(|problem| problem.message)
        };
        assert_eq!(read("{\"volume\": 40.0}"), Ok(vec![Setting::Volume(40)]));
        assert_eq!(
            read("{\"volum\": 40}"),
            Err(
                "\"volum\" cannot be set; did you mean \"volume\"? The keys are volume, muted"
                    .to_owned()
            )
        );
        assert_eq!(
            read("{\"zebra\": 40}"),
            Err("\"zebra\" cannot be set: the keys are volume, muted".to_owned())
        );
    }
}
