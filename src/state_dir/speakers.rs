//! What is remembered of each Bluetooth speaker, by its address: how late it is with each codec.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::StateDir;

const LATE_MS: &str = "late_ms";

/// How late a speaker is with one codec.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptLateness {
    /// The speaker's address.
    pub speaker: String,
    /// The codec, in the sound server's word.
    pub codec: String,
    /// How late, in milliseconds.
    pub late_ms: f64,
    /// What the config said at the time. It is to hold as long as it still does.
    pub config_ms: f64,
}

/// Speakers by address, as the file has them. People may edit it, so nothing about its shape is taken for granted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct KnownSpeakers(Value);

impl KnownSpeakers {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_null() || self.0.as_object().is_some_and(Map::is_empty)
    }
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

impl StateDir {
    /// How late the speakers are. What cannot be understood is left out.
    pub fn kept_latenesses(&self) -> Vec<KeptLateness> {
        let mut kept = Vec::new();
        for (speaker, known) in entries(Some(&self.memory.speakers.0)) {
            for (codec, entry) in entries(known.get(LATE_MS)) {
                let number = |key: &str| entry.get(key).and_then(Value::as_f64);
                if let (Some(late_ms), Some(config_ms)) = (number("value"), number("config")) {
                    kept.push(KeptLateness {
                        speaker: speaker.clone(),
                        codec: codec.clone(),
                        late_ms,
                        config_ms,
                    });
                }
            }
        }
        kept
    }

    /// Remembers these and no others. See [`StateDir::write`].
    pub fn keep_latenesses(&mut self, kept: &[KeptLateness]) {
        let mut speakers = Map::new();
        for one in kept {
            let entry = json!({"value": one.late_ms, "config": one.config_ms});
            let speaker = speakers.entry(&one.speaker).or_insert(json!({LATE_MS: {}}));
            speaker[LATE_MS][&one.codec] = entry;
        }
        self.memory.speakers = match speakers.is_empty() {
            true => KnownSpeakers::default(),
            false => KnownSpeakers(Value::Object(speakers)),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::state_dir::STATE_FILE;
    use crate::state_dir::tests::Folder;

    #[test]
    fn each_speakers_latenesses_are_there_at_the_next_start() {
        let folder = Folder::new();
        let kept = |speaker: &str, codec: &str, late_ms| KeptLateness {
            speaker: speaker.to_owned(),
            codec: codec.to_owned(),
            late_ms,
            config_ms: 180.0,
        };
        let all = [
            kept("AA:BB:CC:DD:EE:01", "aac", 260.5),
            kept("AA:BB:CC:DD:EE:01", "sbc", 210.0),
            kept("AA:BB:CC:DD:EE:02", "sbc", -3.0),
        ];
        {
            let mut state = StateDir::open(&folder.0).unwrap();
            state.keep_latenesses(&all);
            state.write().unwrap();
        }
        let state = StateDir::open(&folder.0).unwrap();
        assert_eq!(state.kept_latenesses(), all);
    }

    #[test]
    fn whatever_stands_in_the_file_nothing_stops() {
        let folder = Folder::new();
        fs::create_dir_all(&folder.0).unwrap();
        for speakers in [
            json!(7),
            json!([1]),
            json!({"A": 3}),
            json!({"A": {"late_ms": {"sbc": 3, "aac": {"value": "x", "config": 1}}}}),
        ] {
            let text = json!({"speakers": speakers}).to_string();
            fs::write(folder.0.join(STATE_FILE), text).unwrap();
            let state = StateDir::open(&folder.0).unwrap();
            assert_eq!(state.kept_latenesses(), [], "{speakers}");
        }
    }
}
