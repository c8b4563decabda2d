//! The config file as it is written, read section by section so that one mistake does not hide the next.
//! Values are of the right type after this, and nothing more is known of them.

use std::ops::Range;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, ValueDeserializer};

use super::problem::Problems;
use super::schema::{KEYS, Key, Section, ValueKind};
use crate::spelling::nearest;

/// The whole file.
#[derive(Debug, Default)]
pub(super) struct RawConfig {
    pub(super) network: RawNetwork,
    pub(super) outputs: Vec<Placed<RawOutput>>,
    pub(super) zones: Vec<Placed<RawZone>>,
    pub(super) inputs: Vec<Placed<RawInput>>,
}

/// A section and where it stands.
#[derive(Debug)]
pub(super) struct Placed<T> {
    pub(super) at: Range<usize>,
    pub(super) section: T,
}

/// A value with its place in the file, or nothing.
pub(super) type Written<T> = Option<Spanned<T>>;

/// `[network]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawNetwork {
    pub(super) interfaces: Written<Vec<Spanned<String>>>,
    pub(super) ignore_interfaces: Written<Vec<Spanned<String>>>,
    pub(super) allow: Written<Vec<Spanned<String>>>,
    pub(super) port: Written<i64>,
}

/// `[[output]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawOutput {
    pub(super) name: Written<String>,
    #[serde(rename = "type")]
    pub(super) kind: Written<String>,
    pub(super) late_ms: Written<f64>,
    pub(super) channels: Written<String>,
    pub(super) trim_db: Written<f64>,
    pub(super) volume: Written<i64>,
    pub(super) volume_sync: Written<bool>,
    pub(super) server: Written<String>,
    pub(super) sink: Written<String>,
    pub(super) address: Written<String>,
    pub(super) device: Written<String>,
    pub(super) path: Written<String>,
    pub(super) crystal_ppm: Written<f64>,
    pub(super) start_up_ms: Written<f64>,
    pub(super) period_frames: Written<i64>,
    pub(super) late_reports_ms: Written<f64>,
}

impl RawOutput {
    /// The keys that are present and not for every type of output, with their places.
    pub(super) fn particular_keys(&self) -> impl Iterator<Item = (&'static str, Range<usize>)> {
        [
            ("server", place(&self.server)),
            ("sink", place(&self.sink)),
            ("address", place(&self.address)),
            ("device", place(&self.device)),
            ("path", place(&self.path)),
            ("crystal_ppm", place(&self.crystal_ppm)),
            ("start_up_ms", place(&self.start_up_ms)),
            ("period_frames", place(&self.period_frames)),
            ("late_reports_ms", place(&self.late_reports_ms)),
        ]
        .into_iter()
        .filter_map(|(name, at)| at.map(|at| (name, at)))
    }
}

fn place<T>(written: &Written<T>) -> Option<Range<usize>> {
    written.as_ref().map(Spanned::span)
}

/// `[[input]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawInput {
    pub(super) name: Written<String>,
    #[serde(rename = "type")]
    pub(super) kind: Written<String>,
    pub(super) zone: Written<String>,
    pub(super) start: Written<String>,
    pub(super) stop_after_s: Written<f64>,
    pub(super) buffer_ms: Written<f64>,
    pub(super) address: Written<String>,
    pub(super) server: Written<String>,
    pub(super) source: Written<String>,
    pub(super) device: Written<String>,
    pub(super) path: Written<String>,
    pub(super) command: Written<Vec<Spanned<String>>>,
    pub(super) rate: Written<i64>,
    pub(super) channels: Written<i64>,
    pub(super) format: Written<String>,
}

impl RawInput {
    /// The keys that are present and not for every type of input, with their places.
    pub(super) fn particular_keys(&self) -> impl Iterator<Item = (&'static str, Range<usize>)> {
        [
            ("address", place(&self.address)),
            ("server", place(&self.server)),
            ("source", place(&self.source)),
            ("device", place(&self.device)),
            ("path", place(&self.path)),
            ("command", place(&self.command)),
            ("rate", place(&self.rate)),
            ("channels", place(&self.channels)),
            ("format", place(&self.format)),
        ]
        .into_iter()
        .filter_map(|(name, at)| at.map(|at| (name, at)))
    }
}

/// `[[zone]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawZone {
    pub(super) name: Written<String>,
    pub(super) outputs: Written<Vec<Spanned<String>>>,
    pub(super) volume: Written<i64>,
    pub(super) replay_gain: Written<String>,
}

/// Reads what can be read of `text` and reports the rest.
pub(super) fn read(text: &str, problems: &mut Problems<'_>) -> RawConfig {
    let (document, faults) = DeTable::parse_recoverable(text);
    for fault in &faults {
        let at = fault.span().unwrap_or(0..0);
        problems.report(&at, format!("this is not TOML: {}", fault.message()));
    }
    let mut raw = RawConfig::default();
    if !problems.none() {
        return raw; // a recovered document has gaps, and complaints about gaps would mislead
    }
    for (name, value) in document.into_inner() {
        let found = Section::ALL
            .into_iter()
            .find(|section| section.name() == name.as_ref());
        let Some(section) = found else {
            problems.report(&name.span(), unknown_section(name.as_ref(), value.as_ref()));
            continue;
        };
        match section {
            Section::Network => {
                if let Some(network) = single(section, value, problems) {
                    raw.network = network;
                }
            }
            Section::Output => raw.outputs = several(section, value, problems),
            Section::Zone => raw.zones = several(section, value, problems),
            Section::Input => raw.inputs = several(section, value, problems),
        }
    }
    raw
}

fn unknown_section(name: &str, value: &DeValue<'_>) -> String {
    let stray = KEYS.iter().find(|key| key.name == name);
    let is_heading = |value: &DeValue<'_>| match value {
        DeValue::Array(entries) => entries.iter().any(|entry| entry.as_ref().is_table()),
        value => value.is_table(),
    };
    if let Some(key) = stray.filter(|_| !is_heading(value)) {
        let heading = key.section.heading();
        return format!("{name:?} belongs under {heading}: move it below that line");
    }
    let names = Section::ALL.map(Section::name);
    let meant = nearest(name, names).and_then(|near| {
        Section::ALL
            .into_iter()
            .find(|section| section.name() == near)
    });
    match meant {
        Some(section) => format!(
            "unknown section {name:?}; did you mean {}?",
            section.heading()
        ),
        None => format!(
            "unknown section {name:?}; there are {}",
            Section::ALL.map(Section::heading).join(", ")
        ),
    }
}

fn single<T: DeserializeOwned>(
    section: Section,
    value: Spanned<DeValue<'_>>,
    problems: &mut Problems<'_>,
) -> Option<T> {
    if value.as_ref().is_table() {
        return one(section, value, problems);
    }
    problems.report(&value.span(), heading_needed(section));
    None
}

fn several<T: DeserializeOwned>(
    section: Section,
    value: Spanned<DeValue<'_>>,
    problems: &mut Problems<'_>,
) -> Vec<Placed<T>> {
    let at = value.span();
    let entries = match value.into_inner() {
        DeValue::Array(entries) if entries.iter().all(|entry| entry.as_ref().is_table()) => entries,
        _ => {
            problems.report(&at, heading_needed(section));
            DeArray::default()
        }
    };
    let mut read = Vec::with_capacity(entries.len());
    for entry in entries {
        let at = entry.span();
        if let Some(section) = one(section, entry, problems) {
            read.push(Placed { at, section });
        }
    }
    read
}

fn heading_needed(section: Section) -> String {
    let (name, heading) = (section.name(), section.heading());
    if section.repeats() {
        format!("{name:?} must be written as {heading}, in double brackets, once for each {name}")
    } else {
        format!(
            "{name:?} must be written as {heading}, in single brackets, once, with its keys below it"
        )
    }
}

/// Reads one section, or reports what keeps it from being read.
fn one<T: DeserializeOwned>(
    section: Section,
    value: Spanned<DeValue<'_>>,
    problems: &mut Problems<'_>,
) -> Option<T> {
    let at = value.span();
    let mut sound = true;
    if let Some(table) = value.as_ref().as_table() {
        for (name, value) in table {
            let known = section.keys().find(|key| key.name == name.as_ref());
            let fault = match known {
                None => Some((name.span(), unknown_key(section, name.as_ref()))),
                Some(key) if fits(key.value, value.as_ref()) => None,
                Some(key) => Some((value.span(), wrong_type(key, &value.span(), problems))),
            };
            if let Some((at, message)) = fault {
                problems.report(&at, message);
                sound = false;
            }
        }
    }
    if !sound {
        return None;
    }
    match T::deserialize(ValueDeserializer::from(value)) {
        Ok(read) => Some(read),
        Err(fault) => {
            let at = fault.span().unwrap_or(at);
            let written = problems.written(&at);
            problems.report(
                &at,
                format!("{written} cannot be read: {}", fault.message()),
            );
            None
        }
    }
}

fn unknown_key(section: Section, name: &str) -> String {
    let heading = section.heading();
    let names = || section.keys().map(|key| key.name);
    if let Some(near) = nearest(name, names()) {
        return format!("unknown key {name:?} in {heading}; did you mean {near:?}?");
    }
    match KEYS.iter().find(|key| key.name == name) {
        Some(elsewhere) => format!(
            "{name:?} is no key of {heading}; it belongs in {}",
            elsewhere.section.heading()
        ),
        None => format!(
            "unknown key {name:?} in {heading}; its keys are {}",
            names().collect::<Vec<_>>().join(", ")
        ),
    }
}

fn wrong_type(key: &Key, at: &Range<usize>, problems: &Problems<'_>) -> String {
    let (name, written) = (key.name, problems.written(at));
    format!("{name} = {written}: it must be {}", key.value.words())
}

fn fits(kind: ValueKind, value: &DeValue<'_>) -> bool {
    match kind {
        ValueKind::Text => value.is_str(),
        ValueKind::TextList => value
            .as_array()
            .is_some_and(|list| list.iter().all(|entry| entry.as_ref().is_str())),
        ValueKind::Whole => value.is_integer(),
        ValueKind::Truth => value.is_bool(),
        ValueKind::Number => value.is_integer() || value.is_float(),
    }
}
