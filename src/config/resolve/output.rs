//! Outputs: each with its far end, and no two that get in each other's way.

use std::collections::HashMap;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;

use super::values::{name, no_such, number, text, whole};
use crate::audio::ChannelMap;
use crate::bluetooth::Address;
use crate::config::problem::Problems;
use crate::config::raw::{Placed, RawOutput, Written};
use crate::config::schema::{OutputType, Section};
use crate::playback::{FULL_VOLUME, LATE_MS, Learnt, OutputSettings, OutputSpec, TRIM_DB};
use crate::sink::{BluetoothSpec, DeviceSpec, PulseSpec, SimulatedSpec, SinkSpec, WavSpec};

/// The address of a speaker whose address cannot be read: nobody's.
const NOWHERE: Address = Address::new([0; 6]);
/// What a lane can bend; real crystals are within ±150.
const CRYSTAL_PPM: RangeInclusive<f64> = -1000.0..=1000.0;
/// Slower than any real card.
const START_UP_MS: RangeInclusive<f64> = 0.0..=5000.0;
/// From a third of a millisecond to a third of a second.
const PERIOD_FRAMES: RangeInclusive<i64> = 16..=16_384;
/// Later than any real report.
const LATE_REPORTS_MS: RangeInclusive<f64> = 0.0..=1000.0;

/// One spec for each raw output, in order, so that indices and lines agree.
pub(super) fn outputs(
    raw: &[Placed<RawOutput>],
    file: &Path,
    problems: &mut Problems<'_>,
) -> Vec<OutputSpec> {
    let mut names = HashMap::new();
    let mut files: HashMap<PathBuf, String> = HashMap::new();
    let mut speakers: HashMap<Address, String> = HashMap::new();
    let mut outputs = Vec::with_capacity(raw.len());
    for Placed { at, section: raw } in raw {
        let name = name(&raw.name, at, Section::Output, &mut names, problems);
        let sink = sink(raw, &name, at, file, problems);
        if let SinkSpec::Wav(wav) = &sink
            && let Some(other) = files.insert(wav.path.clone(), name.clone())
        {
            let at = raw.path.as_ref().map_or(at.clone(), Spanned::span);
            problems.report(
                &at,
                format!("outputs {other:?} and {name:?} would write the same file; give each its own path"),
            );
        }
        if let SinkSpec::Bluetooth(speaker) = &sink
            && speaker.address != NOWHERE
            && let Some(other) = speakers.insert(speaker.address, name.clone())
        {
            let at = raw.address.as_ref().map_or(at.clone(), Spanned::span);
            problems.report(
                &at,
                format!(
                    "outputs {other:?} and {name:?} are the same speaker, {}; remove one of them",
                    speaker.address
                ),
            );
        }
        let late_ms = number(&raw.late_ms, "late_ms", LATE_MS, 0.0, problems);
        outputs.push(OutputSpec {
            name,
            sink,
            settings: OutputSettings {
                late_seconds: late_ms / 1000.0,
                channels: channels(&raw.channels, problems),
                trim_db: number(&raw.trim_db, "trim_db", TRIM_DB, 0.0, problems) as f32,
                volume: whole(&raw.volume, "volume", 0..=100, FULL_VOLUME, problems),
                volume_sync: raw.volume_sync.as_ref().is_none_or(|sync| *sync.as_ref()),
                muted: false,
            },
            learnt: Learnt::default(),
            kept_open: false,
        });
    }
    outputs
}

/// The far end. Whatever is reported, something of the right shape is returned, so that the rest can be checked too.
fn sink(
    raw: &RawOutput,
    name: &str,
    at: &Range<usize>,
    file: &Path,
    problems: &mut Problems<'_>,
) -> SinkSpec {
    let known = OutputType::ALL.map(OutputType::name);
    let Some(written) = &raw.kind else {
        problems.report(
            at,
            format!(
                "output {name:?} has no type; add type = \"…\", one of {}",
                known.join(", ")
            ),
        );
        return SinkSpec::Device(DeviceSpec::default());
    };
    let kind = OutputType::ALL
        .into_iter()
        .find(|kind| kind.name() == written.as_ref());
    let Some(kind) = kind else {
        problems.report(&written.span(), no_such("type", written.as_ref(), &known));
        return SinkSpec::Device(DeviceSpec::default());
    };
    for (key, at) in raw.particular_keys() {
        let entry = Section::Output.keys().find(|entry| entry.name == key);
        if let Some(entry) = entry.filter(|entry| !entry.only_for.contains(&kind)) {
            let owners: Vec<_> = entry.only_for.iter().map(|kind| kind.name()).collect();
            problems.report(
                &at,
                format!(
                    "{key:?} does not fit an output of type {:?}, only of type {}; remove it or change the type",
                    kind.name(),
                    owners.join(" or ")
                ),
            );
        }
    }
    match kind {
        OutputType::Pulse => SinkSpec::Pulse(PulseSpec {
            server: text(&raw.server, "server", problems),
            sink: text(&raw.sink, "sink", problems),
        }),
        OutputType::Bluetooth => SinkSpec::Bluetooth(BluetoothSpec {
            address: address(raw, name, at, problems),
            server: text(&raw.server, "server", problems),
        }),
        OutputType::Device => SinkSpec::Device(DeviceSpec {
            device: text(&raw.device, "device", problems),
        }),
        OutputType::Wav => SinkSpec::Wav(WavSpec {
            path: wav_path(raw, name, at, file, problems),
        }),
        OutputType::Simulated => SinkSpec::Simulated(simulated(raw, problems)),
    }
}

fn address(raw: &RawOutput, name: &str, at: &Range<usize>, problems: &mut Problems<'_>) -> Address {
    let Some(written) = &raw.address else {
        problems.report(
            at,
            format!(
                "output {name:?} has no address; add address = \"AA:BB:CC:DD:EE:FF\", as `unisono bluetooth list` has it"
            ),
        );
        return NOWHERE;
    };
    written.as_ref().parse().unwrap_or_else(|error| {
        problems.report(&written.span(), format!("address = {error}"));
        NOWHERE
    })
}

fn wav_path(
    raw: &RawOutput,
    name: &str,
    at: &Range<usize>,
    file: &Path,
    problems: &mut Problems<'_>,
) -> PathBuf {
    let Some(written) = &raw.path else {
        problems.report(
            at,
            format!("output {name:?} has no path; add path = \"…\", the WAV file to write"),
        );
        return PathBuf::new();
    };
    let path = text(&raw.path, "path", problems).unwrap_or_default();
    if path.starts_with('~') {
        problems.report(
            &written.span(),
            format!("path = {path:?}: ~ is not expanded; write the folder out"),
        );
    }
    // A path in a file means the same wherever the program is started from.
    file.parent().unwrap_or(Path::new("")).join(path)
}

fn simulated(raw: &RawOutput, problems: &mut Problems<'_>) -> SimulatedSpec {
    let perfect = SimulatedSpec::default();
    let mut milliseconds = |written, key, range| {
        Duration::from_secs_f64(number(written, key, range, 0.0, problems) / 1000.0)
    };
    let start_up = milliseconds(&raw.start_up_ms, "start_up_ms", START_UP_MS);
    let late_reports = milliseconds(&raw.late_reports_ms, "late_reports_ms", LATE_REPORTS_MS);
    SimulatedSpec {
        crystal_ppm: number(
            &raw.crystal_ppm,
            "crystal_ppm",
            CRYSTAL_PPM,
            perfect.crystal_ppm,
            problems,
        ),
        start_up,
        period: whole(
            &raw.period_frames,
            "period_frames",
            PERIOD_FRAMES,
            perfect.period,
            problems,
        ),
        late_reports,
    }
}

fn channels(written: &Written<String>, problems: &mut Problems<'_>) -> ChannelMap {
    let Some(written) = written else {
        return ChannelMap::default();
    };
    ChannelMap::from_name(written.as_ref()).unwrap_or_else(|| {
        let known = ChannelMap::ALL.map(ChannelMap::name);
        problems.report(
            &written.span(),
            no_such("channels", written.as_ref(), &known),
        );
        ChannelMap::default()
    })
}
