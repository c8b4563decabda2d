//! What this machine can play on and listen to, held against what the config asks for.

use std::collections::HashMap;
use std::env;
use std::path::Path;
use std::sync::Arc;

use crate::capture::{self, CaptureSpec, PipeOrigin};
use crate::clock::Clock;
use crate::config::{InputPlan, Plan};
use crate::playback::OutputSpec;
use crate::sink::{DeviceSpec, PulseSpec, SimulatedSpec, SinkSpec, device};
use crate::sound_card::CardEntry;
use crate::sound_server::{Entry, sinks, sources};

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
fn default_card(clock: &Arc<dyn Clock>) -> Result<CardEntry, String> {
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

/// Of each of the plan's inputs whether its far end can be found now, as lines. One that cannot is waited for.
pub(super) fn inputs_now(plan: &Plan, clock: &Arc<dyn Clock>) -> Vec<String> {
    let line = |input: &InputPlan| match missing_input(&input.capture, clock) {
        None => format!("The input {:?} is there.", input.name),
        Some(why) => format!(
            "Note: the input {:?} is not there yet, and is waited for: {why}",
            input.name
        ),
    };
    plan.inputs.iter().map(line).collect()
}

fn missing_input(capture: &CaptureSpec, clock: &Arc<dyn Clock>) -> Option<String> {
    match capture {
        CaptureSpec::Pulse(spec) => missing_source(
            spec.server.as_deref(),
            clock,
            |source| match &spec.source {
                Some(wanted) => &source.name == wanted,
                None => source.default,
            },
            "the sound server has no such source; `unisono outputs` lists those it has",
        ),
        CaptureSpec::Bluetooth(spec) => missing_source(
            spec.server.as_deref(),
            clock,
            |source| source.bluetooth == Some(spec.address),
            "it is not connected, or this machine is no speaker to it",
        ),
        CaptureSpec::Device(spec) => match capture::device::devices() {
            Ok(cards) => {
                let found = cards.iter().any(|card| match &spec.device {
                    Some(wanted) => &card.name == wanted || &card.description == wanted,
                    None => card.default,
                });
                (!found).then(|| {
                    "there is no such sound card; `unisono outputs` lists those there are"
                        .to_owned()
                })
            }
            Err(reason) => Some(reason),
        },
        CaptureSpec::Pipe(spec) => match &spec.origin {
            PipeOrigin::Fifo(path) => {
                let folder = path.parent().filter(|folder| !folder.is_dir());
                folder.map(|folder| format!("there is no folder {}", folder.display()))
            }
            PipeOrigin::Program(command) => {
                let program = command.first().map_or("", String::as_str);
                (!can_be_run(program)).then(|| "there is no such program".to_owned())
            }
        },
    }
}

fn missing_source(
    server: Option<&str>,
    clock: &Arc<dyn Clock>,
    is_it: impl Fn(&Entry) -> bool,
    otherwise: &str,
) -> Option<String> {
    match sources(server, clock) {
        Ok(sources) => (!sources.iter().any(is_it)).then(|| otherwise.to_owned()),
        Err(reason) => Some(reason),
    }
}

/// Whether there is a file of this name where the system looks for programs.
fn can_be_run(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}
