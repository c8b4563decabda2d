//! PLS: keys with the number of an entry, in any order; and `Ref1=…`, as Windows Media writes it.

use std::collections::BTreeMap;

use super::Written;

pub(super) fn read(text: &str) -> Vec<Written> {
    let mut entries: BTreeMap<u32, Written> = BTreeMap::new();
    for line in text.split(['\n', '\r']) {
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let key = key.trim().to_ascii_lowercase();
        let name = key.trim_end_matches(|character: char| character.is_ascii_digit());
        let Ok(number) = key[name.len()..].parse() else {
            continue;
        };
        let value = value.trim();
        match name {
            "file" | "ref" => {
                let entry = entries.entry(number).or_default();
                entry.addresses = vec![value.to_owned()];
            }
            "title" => value.clone_into(&mut entries.entry(number).or_default().title),
            "length" => {
                entries.entry(number).or_default().seconds = value.parse().unwrap_or_default();
            }
            _ => {}
        }
    }
    entries.into_values().collect()
}
