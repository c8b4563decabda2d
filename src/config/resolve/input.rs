//! Inputs: each with its far end and its zone, and no two that take the same.

use std::collections::HashMap;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::values::{name, no_such, number, text, whole};
use crate::bluetooth::Address;
use crate::capture::{
    BluetoothSource, CaptureSpec, DeviceInput, PipeFormat, PipeInput, PipeOrigin, PulseSource,
};
use crate::config::plan::{InputPlan, Start, ZonePlan};
use crate::config::problem::Problems;
use crate::config::raw::{Placed, RawInput, Written};
use crate::config::schema::{InputType, Section};
use crate::spelling::nearest;

/// Shorter than a pause between sentences no silence may be that ends an input; longer than an hour it would never end.
const STOP_AFTER_S: RangeInclusive<f64> = 1.0..=3600.0;
/// Longer than between two songs of an album, and short enough not to be waited for.
const DEFAULT_STOP_AFTER_S: f64 = 8.0;
/// From what a quiet machine needs to what a network that halts may need.
const BUFFER_MS: RangeInclusive<f64> = 20.0..=2000.0;
/// Several pieces of what any source gives at a time.
const DEFAULT_BUFFER_MS: f64 = 120.0;
/// What the converter takes.
const RATE: RangeInclusive<i64> = 8_000..=384_000;
/// A compact disc's, as most programs write that stand for a streaming service.
const DEFAULT_RATE: u32 = 44_100;

/// One plan for each raw input, in order.
pub(super) fn inputs(
    raw: &[Placed<RawInput>],
    zones: &[ZonePlan],
    file: &Path,
    problems: &mut Problems<'_>,
) -> Vec<InputPlan> {
    let mut names = HashMap::new();
    let mut inputs: Vec<InputPlan> = Vec::with_capacity(raw.len());
    for Placed { at, section: raw } in raw {
        let name = name(&raw.name, at, Section::Input, &mut names, problems);
        let capture = capture(raw, &name, at, file, problems);
        if let Some(capture) = &capture
            && let Some(other) = inputs.iter().find(|other| &other.capture == capture)
        {
            problems.report(
                at,
                format!(
                    "inputs {:?} and {name:?} listen to the same; remove one of them",
                    other.name
                ),
            );
        }
        let stop_after_s = number(
            &raw.stop_after_s,
            "stop_after_s",
            STOP_AFTER_S,
            DEFAULT_STOP_AFTER_S,
            problems,
        );
        let buffer_ms = number(
            &raw.buffer_ms,
            "buffer_ms",
            BUFFER_MS,
            DEFAULT_BUFFER_MS,
            problems,
        );
        let zone = zone(raw, &name, at, zones, problems);
        let start = start(&raw.start, problems);
        let (Some(capture), Some(zone)) = (capture, zone) else {
            continue; // it has been reported why
        };
        inputs.push(InputPlan {
            name,
            capture,
            zone,
            start,
            stop_after: Duration::from_secs_f64(stop_after_s),
            buffer: Duration::from_secs_f64(buffer_ms / 1000.0),
        });
    }
    inputs
}

/// The zone that is named, or the only one.
fn zone(
    raw: &RawInput,
    input: &str,
    at: &Range<usize>,
    zones: &[ZonePlan],
    problems: &mut Problems<'_>,
) -> Option<usize> {
    let names = || zones.iter().map(|zone| zone.name.as_str());
    let all = || names().collect::<Vec<_>>().join(", ");
    let Some(written) = &raw.zone else {
        // A config without outputs leaves these to the program, which makes one zone of them.
        if zones.len() <= 1 {
            return Some(0);
        }
        problems.report(
            at,
            format!(
                "input {input:?} has no zone; add zone = \"…\", one of {}",
                all()
            ),
        );
        return None;
    };
    let wanted = written.as_ref();
    let found = zones.iter().position(|zone| zone.name == *wanted);
    if found.is_none() {
        let hint = match nearest(wanted, names()) {
            Some(near) => format!("did you mean {near:?}?"),
            None if zones.is_empty() => "there is none in this config".to_owned(),
            None => format!("there are {}", all()),
        };
        problems.report(
            &written.span(),
            format!("input {input:?} names the zone {wanted:?}, which does not exist; {hint}"),
        );
    }
    found
}

fn start(written: &Written<String>, problems: &mut Problems<'_>) -> Start {
    let Some(written) = written else {
        return Start::default();
    };
    let found = Start::ALL
        .into_iter()
        .find(|start| start.name() == written.as_ref());
    found.unwrap_or_else(|| {
        let known = Start::ALL.map(Start::name);
        problems.report(&written.span(), no_such("start", written.as_ref(), &known));
        Start::default()
    })
}

/// The far end; `None` if it has been reported why there is none.
fn capture(
    raw: &RawInput,
    name: &str,
    at: &Range<usize>,
    file: &Path,
    problems: &mut Problems<'_>,
) -> Option<CaptureSpec> {
    let known = InputType::ALL.map(InputType::name);
    let Some(written) = &raw.kind else {
        problems.report(
            at,
            format!(
                "input {name:?} has no type; add type = \"…\", one of {}",
                known.join(", ")
            ),
        );
        return None;
    };
    let kind = InputType::ALL
        .into_iter()
        .find(|kind| kind.name() == written.as_ref());
    let Some(kind) = kind else {
        problems.report(&written.span(), no_such("type", written.as_ref(), &known));
        return None;
    };
    for (key, at) in raw.particular_keys() {
        let entry = Section::Input.keys().find(|entry| entry.name == key);
        if let Some(entry) = entry.filter(|entry| !entry.only_for_inputs.contains(&kind)) {
            let owners: Vec<_> = entry
                .only_for_inputs
                .iter()
                .map(|kind| kind.name())
                .collect();
            problems.report(
                &at,
                format!(
                    "{key:?} does not fit an input of type {:?}, only of type {}; remove it or change the type",
                    kind.name(),
                    owners.join(" or ")
                ),
            );
        }
    }
    let server = text(&raw.server, "server", problems);
    match kind {
        InputType::Bluetooth => {
            let address = address(raw, name, at, problems)?;
            Some(CaptureSpec::Bluetooth(BluetoothSource { server, address }))
        }
        InputType::Pulse => Some(CaptureSpec::Pulse(PulseSource {
            server,
            source: text(&raw.source, "source", problems),
        })),
        InputType::Device => Some(CaptureSpec::Device(DeviceInput {
            device: text(&raw.device, "device", problems),
        })),
        InputType::Pipe => Some(CaptureSpec::Pipe(PipeInput {
            format: format(&raw.format, problems),
            rate: whole(&raw.rate, "rate", RATE, DEFAULT_RATE, problems),
            channels: whole(&raw.channels, "channels", 1..=2, 2, problems),
            origin: origin(raw, name, at, file, problems)?,
        })),
    }
}

fn address(
    raw: &RawInput,
    name: &str,
    at: &Range<usize>,
    problems: &mut Problems<'_>,
) -> Option<Address> {
    let Some(written) = &raw.address else {
        problems.report(
            at,
            format!(
                "input {name:?} has no address; add address = \"…\", that of the device that plays to this machine"
            ),
        );
        return None;
    };
    let address = written.as_ref().parse();
    address
        .inspect_err(|error| problems.report(&written.span(), format!("address = {error}")))
        .ok()
}

/// A named pipe or a program, and not both.
fn origin(
    raw: &RawInput,
    name: &str,
    at: &Range<usize>,
    file: &Path,
    problems: &mut Problems<'_>,
) -> Option<PipeOrigin> {
    match (&raw.path, &raw.command) {
        (Some(written), None) => {
            let path = text(&raw.path, "path", problems)?;
            if path.starts_with('~') {
                problems.report(
                    &written.span(),
                    format!("path = {path:?}: ~ is not expanded; write the folder out"),
                );
            }
            Some(PipeOrigin::Fifo(beside(file, &path)))
        }
        (None, Some(command)) => {
            let words = command.as_ref().iter().map(|word| word.as_ref().clone());
            let words: Vec<String> = words.collect();
            if words
                .first()
                .is_none_or(|program| program.trim().is_empty())
            {
                problems.report(
                    &command.span(),
                    "command: name the program first, then its arguments, each in quotes",
                );
                return None;
            }
            if let Some(word) = command
                .as_ref()
                .iter()
                .find(|word| word.as_ref().contains('\0'))
            {
                problems.report(&word.span(), "command: a word has a NUL character in it");
                return None;
            }
            Some(PipeOrigin::Program(words))
        }
        (None, None) => {
            problems.report(
                at,
                format!(
                    "input {name:?} has neither path nor command; add path = \"…\", a named pipe, or command = [\"…\"], a program that writes to its standard output"
                ),
            );
            None
        }
        (Some(_), Some(command)) => {
            problems.report(
                &command.span(),
                format!("input {name:?} has both path and command; remove one of them"),
            );
            None
        }
    }
}

/// A path in a file means the same wherever the program is started from.
fn beside(file: &Path, path: &str) -> PathBuf {
    file.parent().unwrap_or(Path::new("")).join(path)
}

fn format(written: &Written<String>, problems: &mut Problems<'_>) -> PipeFormat {
    let Some(written) = written else {
        return PipeFormat::default();
    };
    PipeFormat::from_name(written.as_ref()).unwrap_or_else(|| {
        let known = PipeFormat::ALL.map(PipeFormat::name);
        problems.report(&written.span(), no_such("format", written.as_ref(), &known));
        PipeFormat::default()
    })
}
