//! What this machine can play on, held against what the config asks for.

use std::collections::HashMap;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Plan;
use crate::playback::OutputSpec;
use crate::sink::{DeviceEntry, DeviceSpec, PulseSpec, SimulatedSpec, SinkSpec, device};
use crate::sound_server::{Entry, sinks};

/// The outputs of a machine without a config, and a sentence that says which and why: every sink that one can hear of the
/// user's sound server, else the default sound card, else silence.
pub(super) fn everything_to_play_on(clock: &Arc<dyn Clock>) -> (Vec<OutputSpec>, String) {
    let server = sinks(None, clock);
    let why_no_sink = match server {
        Ok(sinks) => {
            let audible: Vec<_> = sinks.into_iter().filter(|sink| sink.hardware).collect();
            if !audible.is_empty() {
                let why = format!(
                    "no outputs in a config: playing on all {} of your sound server",
                    count(audible.len(), "sink")
                );
                let outputs = audible.into_iter().map(|sink| {
                    let spec = PulseSpec {
                        server: None,
                        sink: Some(sink.name),
                    };
                    OutputSpec::plain(&sink.description, SinkSpec::Pulse(spec))
                });
                return (outputs.collect(), why);
            }
            "your sound server has no hardware or Bluetooth sink".to_owned()
        }
        Err(reason) => reason,
    };
    match default_card(clock) {
        Ok(card) => {
            let why = format!(
                "no outputs in a config, and {why_no_sink}: playing on the default sound card, {}",
                card.description
            );
            let spec = DeviceSpec::default();
            (
                vec![OutputSpec::plain(&card.description, SinkSpec::Device(spec))],
                why,
            )
        }
        Err(reason) => {
            let why = format!(
                "no outputs in a config, {why_no_sink}, and {reason}: playing silently; `unisono outputs` shows what there is"
            );
            let silent = SinkSpec::Simulated(SimulatedSpec::default());
            (vec![OutputSpec::plain("Silence", silent)], why)
        }
    }
}

fn count(number: usize, thing: &str) -> String {
    if number == 1 {
        format!("1 {thing}")
    } else {
        format!("{number} {thing}s")
    }
}

/// The sound card that is used when none is named. One that cannot be opened does not count.
fn default_card(clock: &Arc<dyn Clock>) -> Result<DeviceEntry, String> {
    let cards = device::devices()?;
    let default = cards.into_iter().find(|card| card.default);
    let card = default.ok_or("there is no sound card")?;
    // Systems list a default card where there is none behind it.
    let opened = SinkSpec::Device(DeviceSpec::default()).open(clock, None);
    opened.map(|_| card).map_err(|error| error.to_string())
}

/// Says which of the plan's outputs cannot be played on, if any; the text has a line for each.
///
/// A Bluetooth speaker that is switched off has no sink, so a sink with a Bluetooth name may be missing: it is waited for.
pub(super) fn refuse_missing(plan: &Plan, clock: &Arc<dyn Clock>) -> Result<(), String> {
    let mut servers: HashMap<Option<String>, Result<Vec<Entry>, String>> = HashMap::new();
    let mut problems = Vec::new();
    for (index, output) in plan.outputs.iter().enumerate() {
        let problem = match &output.sink {
            SinkSpec::Pulse(spec) => {
                let sinks = servers
                    .entry(spec.server.clone())
                    .or_insert_with(|| sinks(spec.server.as_deref(), clock));
                missing_sink(spec, sinks)
            }
            // It is waited for, and its server with it.
            SinkSpec::Bluetooth(_) => None,
            SinkSpec::Device(spec) => missing_card(spec),
            SinkSpec::Wav(spec) => {
                let folder = spec
                    .path
                    .parent()
                    .filter(|folder| !folder.as_os_str().is_empty());
                folder
                    .filter(|folder| !folder.is_dir())
                    .map(|folder| format!("there is no folder {}", folder.display()))
            }
            SinkSpec::Simulated(_) => None,
        };
        if let Some(problem) = problem {
            let place = plan
                .place_of_output(index)
                .map_or_else(String::new, |place| format!("{place}: "));
            problems.push(format!(
                "{place}the output {:?} cannot play: {problem}",
                output.name
            ));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("\n"))
    }
}

fn missing_sink(spec: &PulseSpec, sinks: &Result<Vec<Entry>, String>) -> Option<String> {
    let sinks = match sinks {
        Ok(sinks) => sinks,
        Err(reason) => return Some(reason.clone()),
    };
    let wanted = spec.sink.as_ref()?;
    if sinks.iter().any(|sink| &sink.name == wanted) {
        return None;
    }
    if wanted.starts_with("bluez_") {
        tracing::warn!("the Bluetooth speaker {wanted:?} is not there yet; it joins when it is");
        return None;
    }
    let names: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    Some(match names.as_slice() {
        [] => format!("the sound server has no sink {wanted:?}, and no other either"),
        names => format!(
            "the sound server has no sink {wanted:?}; it has {}",
            names.join(", ")
        ),
    })
}

fn missing_card(spec: &DeviceSpec) -> Option<String> {
    let cards = match device::devices() {
        Ok(cards) => cards,
        Err(reason) => return Some(reason),
    };
    match &spec.device {
        None => cards
            .is_empty()
            .then(|| "this machine has no sound card".to_owned()),
        Some(wanted) => {
            let found = cards
                .iter()
                .any(|card| &card.name == wanted || &card.description == wanted);
            (!found).then(|| {
                format!(
                    "there is no sound card {wanted:?}; `unisono outputs` lists those there are"
                )
            })
        }
    }
}
