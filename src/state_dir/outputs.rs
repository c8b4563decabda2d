//! What is remembered of each output: values set while the program ran, and what was learnt of its device.
//! What the values mean is for whoever hands them in; here they are JSON, and whatever else is in the file stays.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tracing::warn;

use super::{StateDir, StateError};

const SET: &str = "set";
const LEARNT: &str = "learnt";

/// Outputs by name, as the file has them. People may edit it, so nothing about its shape is taken for granted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct KnownOutputs(Value);

impl KnownOutputs {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_null() || self.0.as_object().is_some_and(Map::is_empty)
    }

    fn part(&self, output: &str, part: &str) -> Option<&Value> {
        self.0.get(output)?.get(part)
    }

    /// The part of an output, made if need be; what is in its way was useless.
    fn part_mut(&mut self, output: &str, part: &str) -> &mut Map<String, Value> {
        object(
            object(object(&mut self.0).entry(output).or_insert(Value::Null))
                .entry(part)
                .or_insert(Value::Null),
        )
    }

    fn drop_if_empty(&mut self, output: &str, part: &str) {
        let outputs = object(&mut self.0);
        if let Some(Value::Object(known)) = outputs.get_mut(output) {
            if known
                .get(part)
                .and_then(Value::as_object)
                .is_some_and(Map::is_empty)
            {
                known.remove(part);
            }
            if known.is_empty() {
                outputs.remove(output);
            }
        }
    }
}

fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value
        .as_object_mut()
        .expect("what was no object has been replaced by one above")
}

/// A value that was set while the program ran.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptValue {
    /// Its key.
    pub key: String,
    /// The value.
    pub value: Value,
    /// What the config said for that key at the time. The value is to hold as long as it still does.
    pub config: Value,
}

/// What was learnt of the device behind an output.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct KeptLearnt {
    /// How fast its crystal is, in parts per million.
    pub clock_ppm: Option<f64>,
    /// How much has to be written ahead of it, in milliseconds.
    pub buffer_ms: Option<f64>,
}

impl StateDir {
    /// The values that were set of an output. What cannot be understood is left out with a warning.
    pub fn kept_values(&self, output: &str) -> Vec<KeptValue> {
        let set = self.memory.outputs.part(output, SET);
        let entries = set.and_then(Value::as_object).into_iter().flatten();
        let kept = entries.filter_map(|(key, entry)| {
            let kept = entry.get("value").zip(entry.get("config"));
            if kept.is_none() {
                warn!("what the state file keeps for {key:?} of the output {output:?} cannot be understood; it is ignored");
            }
            let (value, config) = kept?;
            Some(KeptValue {
                key: key.clone(),
                value: value.clone(),
                config: config.clone(),
            })
        });
        kept.collect()
    }

    /// Remembers `values` of an output, and nothing else for any of `keys`. Other keys in the file stay. See
    /// [`StateDir::write`].
    pub fn keep_values(&mut self, output: &str, keys: &[&str], values: &[KeptValue]) {
        let set = self.memory.outputs.part_mut(output, SET);
        for key in keys {
            let value = values.iter().find(|value| value.key == *key);
            match value {
                None => {
                    set.remove(*key);
                }
                Some(kept) => {
                    let entry = object(set.entry(*key).or_insert(Value::Null));
                    entry.insert("value".to_owned(), kept.value.clone());
                    entry.insert("config".to_owned(), kept.config.clone());
                }
            }
        }
        self.memory.outputs.drop_if_empty(output, SET);
    }

    /// What was learnt of an output whose far end was `sink` then too; nothing if it was another.
    pub fn kept_learnt(&self, output: &str, sink: &str) -> KeptLearnt {
        let learnt = self.memory.outputs.part(output, LEARNT);
        let learnt =
            learnt.filter(|learnt| learnt.get("sink").and_then(Value::as_str) == Some(sink));
        let number = |name: &str| learnt?.get(name)?.as_f64();
        KeptLearnt {
            clock_ppm: number("clock_ppm"),
            buffer_ms: number("buffer_ms"),
        }
    }

    /// Remembers what was learnt of an output with this far end. See [`StateDir::write`].
    pub fn keep_learnt(&mut self, output: &str, sink: &str, learnt: KeptLearnt) {
        let entry = self.memory.outputs.part_mut(output, LEARNT);
        entry.insert("sink".to_owned(), json!(sink));
        for (name, number) in [
            ("clock_ppm", learnt.clock_ppm),
            ("buffer_ms", learnt.buffer_ms),
        ] {
            match number {
                Some(number) => entry.insert(name.to_owned(), json!(number)),
                None => entry.remove(name),
            };
        }
    }

    /// Writes down what was remembered since the last time, if it is anything new. Waits for the disk.
    ///
    /// # Errors
    /// [`StateError::Unusable`]; it is tried again with the next call.
    pub fn write(&mut self) -> Result<(), StateError> {
        if self.memory.remembered() == self.written {
            return Ok(());
        }
        self.save()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::state_dir::STATE_FILE;
    use crate::state_dir::tests::Folder;

    fn value(key: &str, value: Value) -> KeptValue {
        KeptValue {
            key: key.to_owned(),
            value,
            config: json!(100),
        }
    }

    fn file(folder: &Folder) -> Value {
        serde_json::from_slice(&fs::read(folder.0.join(STATE_FILE)).unwrap()).unwrap()
    }

    #[test]
    fn what_was_set_and_learnt_is_there_at_the_next_start() {
        let folder = Folder::new();
        let learnt = KeptLearnt {
            clock_ppm: Some(-12.5),
            buffer_ms: None,
        };
        let set = [value("volume", json!(40)), value("muted", json!(true))];
        {
            let mut state = StateDir::open(&folder.0).unwrap();
            state.keep_values("Desk", &["volume", "muted", "late_ms"], &set);
            state.keep_learnt("Desk", "a card", learnt);
            state.write().unwrap();
        }
        let mut state = StateDir::open(&folder.0).unwrap();
        let kept = state.kept_values("Desk");
        assert!(
            kept.len() == 2 && set.iter().all(|value| kept.contains(value)),
            "{kept:?}"
        );
        assert_eq!(state.kept_values("Kitchen"), []);
        assert_eq!(state.kept_learnt("Desk", "a card"), learnt);
        assert_eq!(state.kept_learnt("Desk", "another"), KeptLearnt::default());
        state.keep_values("Desk", &["volume", "muted"], &[]);
        state.write().unwrap();
        assert_eq!(
            file(&folder)["outputs"],
            json!({"Desk": {"learnt": {"sink": "a card", "clock_ppm": -12.5}}})
        );
    }

    #[test]
    fn whatever_stands_in_the_file_nothing_stops_and_nothing_else_is_lost() {
        let folder = Folder::new();
        let identity = folder.start(&["Kitchen"]);
        let zones = file(&folder)["zones"].clone();
        for outputs in [
            json!(7),
            json!(null),
            json!(["Desk"]),
            json!({"Desk": 3}),
            json!({"Desk": {"set": [1], "learnt": "much"}}),
            json!({"Desk": {"set": {"volume": 40, "muted": {"value": 1}}}}),
            json!({"Desk": {"learnt": {"sink": "a card", "clock_ppm": "fast", "buffer_ms": {}}}}),
        ] {
            let text = json!({"zones": zones, "outputs": outputs}).to_string();
            fs::write(folder.0.join(STATE_FILE), text).unwrap();
            {
                let mut state = StateDir::open(&folder.0).unwrap();
                assert_eq!(state.kept_values("Desk"), [], "{outputs}");
                assert_eq!(
                    state.kept_learnt("Desk", "a card"),
                    KeptLearnt::default(),
                    "{outputs}"
                );
                state.keep_values("Desk", &["volume"], &[value("volume", json!(1))]);
                state.keep_learnt("Desk", "a card", KeptLearnt::default());
                state.write().unwrap();
            }
            assert_eq!(folder.start(&["Kitchen"]), identity, "{outputs}");
            let volume = &file(&folder)["outputs"]["Desk"]["set"]["volume"];
            assert_eq!(volume["value"], 1, "{outputs}");
        }
    }

    #[test]
    fn what_others_wrote_beside_it_stays() {
        let folder = Folder::new();
        let outputs = json!({
            "Desk": {"colour": "red", "set": {"bass": {"value": 3, "config": 0}, "volume": {"note": "x"}}},
            "Attic": {"set": {"volume": {"value": 3, "config": 4}}},
        });
        fs::create_dir_all(&folder.0).unwrap();
        fs::write(
            folder.0.join(STATE_FILE),
            json!({"outputs": outputs}).to_string(),
        )
        .unwrap();
        {
            let mut state = StateDir::open(&folder.0).unwrap();
            state.keep_values("Desk", &["volume"], &[value("volume", json!(40))]);
            state.write().unwrap();
        }
        let mut expected = outputs;
        expected["Desk"]["set"]["volume"] = json!({"note": "x", "value": 40, "config": 100});
        assert_eq!(file(&folder)["outputs"], expected);
    }
}
