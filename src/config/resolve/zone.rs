//! Zones: what each plays on, checked against the outputs there are.

use std::collections::HashMap;

use toml::Spanned;

use super::values::{name, no_such, whole};
use crate::audio::ReplayGain;
use crate::config::plan::{DEFAULT_VOLUME, ZonePlan};
use crate::config::problem::Problems;
use crate::config::raw::{Placed, RawOutput, RawZone, Written};
use crate::config::schema::Section;
use crate::playback::{LARGEST_SPREAD_MS, OutputSpec};
use crate::spelling::nearest;

/// One plan for each raw zone, in order.
pub(super) fn zones(
    raw: &[Placed<RawZone>],
    outputs: &[OutputSpec],
    problems: &mut Problems<'_>,
) -> Vec<ZonePlan> {
    let mut names = HashMap::new();
    let mut zones = Vec::with_capacity(raw.len());
    for Placed { at, section: raw } in raw {
        let name = name(&raw.name, at, Section::Zone, &mut names, problems);
        let written = raw.outputs.as_ref();
        if written.is_none_or(|written| written.as_ref().is_empty()) {
            problems.report(
                &written.map_or(at.clone(), Spanned::span),
                format!("zone {name:?} has no outputs; add outputs = [\"…\"], the names of what it plays on"),
            );
        }
        let mut members = Vec::new();
        for wanted in written.map(Spanned::as_ref).into_iter().flatten() {
            let index = outputs
                .iter()
                .position(|output| output.name == *wanted.as_ref());
            match index {
                None => problems.report(&wanted.span(), no_output(&name, wanted.as_ref(), outputs)),
                Some(index) if members.contains(&index) => problems.report(
                    &wanted.span(),
                    format!("zone {name:?} names the output {:?} twice", wanted.as_ref()),
                ),
                Some(index) => members.push(index),
            }
        }
        zones.push(ZonePlan {
            name,
            outputs: members,
            volume: whole(&raw.volume, "volume", 0..=100, DEFAULT_VOLUME, problems),
            replay_gain: replay_gain(&raw.replay_gain, problems),
        });
    }
    zones
}

fn replay_gain(written: &Written<String>, problems: &mut Problems<'_>) -> ReplayGain {
    let Some(written) = written else {
        return ReplayGain::default();
    };
    ReplayGain::from_name(written.as_ref()).unwrap_or_else(|| {
        let known = ReplayGain::ALL.map(ReplayGain::name);
        problems.report(
            &written.span(),
            no_such("replay_gain", written.as_ref(), &known),
        );
        ReplayGain::default()
    })
}

fn no_output(zone: &str, wanted: &str, outputs: &[OutputSpec]) -> String {
    let names = || outputs.iter().map(|output| output.name.as_str());
    let hint = match nearest(wanted, names()) {
        Some(near) => format!("did you mean {near:?}?"),
        None if outputs.is_empty() => "there is no [[output]] in this config".to_owned(),
        None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
    };
    format!("zone {zone:?} names the output {wanted:?}, which does not exist; {hint}")
}

/// Within a zone the later outputs are fed ahead of the earlier ones by the difference, which has an end.
pub(super) fn check_spread(
    zones: &[ZonePlan],
    outputs: &[OutputSpec],
    raw: &[Placed<RawOutput>],
    problems: &mut Problems<'_>,
) {
    for zone in zones {
        let late = |index: &&usize| outputs[**index].settings.late_seconds;
        let by_lateness = |one: &&usize, other: &&usize| late(one).total_cmp(&late(other));
        let first = zone.outputs.iter().min_by(by_lateness);
        let last = zone.outputs.iter().max_by(by_lateness);
        let (Some(first), Some(last)) = (first, last) else {
            continue;
        };
        let spread_ms = (late(&last) - late(&first)) * 1000.0;
        if spread_ms > LARGEST_SPREAD_MS {
            let earliest = &raw[*first];
            let at = earliest.section.late_ms.as_ref();
            problems.report(
                &at.map_or(earliest.at.clone(), Spanned::span),
                format!(
                    "late_ms of {:?} and {:?}, both in zone {:?}, are {spread_ms:.0} ms apart; \
                     {LARGEST_SPREAD_MS:.0} is the most",
                    outputs[*first].name, outputs[*last].name, zone.name
                ),
            );
        }
    }
}
