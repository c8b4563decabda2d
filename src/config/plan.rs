//! What the program is to do, with nothing left open. It holds no trace of how the file spells things.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use crate::audio::ReplayGain;
use crate::capture::CaptureSpec;
use crate::playback::OutputSpec;

/// The port of description, control and events. In the dynamic range of RFC 6335, above the ports that UPnP stacks
/// commonly begin with (49152 and up), so that another renderer on the machine does not take it.
pub const DEFAULT_PORT: u16 = 49494;

/// The volume a zone starts with: half way, which is −20 dB. Nobody has ever been frightened by a first song that was too
/// soft.
pub const DEFAULT_VOLUME: u8 = 50;

/// Everything the user decides.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// Where it was written; `None`: there is no config.
    pub origin: Option<Origin>,
    /// How to be found and reached.
    pub network: NetworkPlan,
    /// What there is to play on. Empty: the user leaves it to the program, see [`Plan::over`].
    pub outputs: Vec<OutputSpec>,
    /// What can be cast to. Empty only when `outputs` is.
    pub zones: Vec<ZonePlan>,
    /// What comes into the program by itself.
    pub inputs: Vec<InputPlan>,
}

/// The places in the config at which parts of a plan were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub file: PathBuf,
    /// The line of each output of [`Plan::outputs`], from 1. Outputs that were found by the program have none.
    pub output_lines: Vec<usize>,
    /// The line of each input of [`Plan::inputs`], from 1.
    pub input_lines: Vec<usize>,
    /// The line at which the port was written, if it was.
    pub port_line: Option<usize>,
}

/// How to be found and reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkPlan {
    /// The interfaces to appear on, by name or IPv4 address. Empty: every one that people cast from.
    pub interfaces: Vec<String>,
    /// The interfaces never to appear on, by name or IPv4 address.
    pub ignore_interfaces: Vec<String>,
    /// Who may control and subscribe. Empty: private, link-local and loopback addresses.
    pub allow: Vec<IpNet>,
    /// The TCP port; 0: any free one.
    pub port: u16,
}

impl Default for NetworkPlan {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            ignore_interfaces: Vec::new(),
            allow: Vec::new(),
            port: DEFAULT_PORT,
        }
    }
}

/// One cast target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZonePlan {
    /// The name apps show; unique.
    pub name: String,
    /// Which of [`Plan::outputs`] it plays on; not empty, each once.
    pub outputs: Vec<usize>,
    /// The volume it starts with, 0 to 100.
    pub volume: u8,
    /// What the loudness of recordings is made equal by.
    pub replay_gain: ReplayGain,
}

/// Something that comes into the program by itself, and is heard in a zone.
#[derive(Debug, Clone, PartialEq)]
pub struct InputPlan {
    /// The name control points show while it is heard; unique among inputs.
    pub name: String,
    /// Where it comes from.
    pub capture: CaptureSpec,
    /// Which of [`Plan::zones`] it is heard in; 0 if there are none yet, see [`Plan::over`].
    pub zone: usize,
    /// What begins it.
    pub start: Start,
    /// After how much silence it ends.
    pub stop_after: Duration,
    /// How much of it lies ready before it is heard.
    pub buffer: Duration,
}

/// What begins an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// The first sound that comes in.
    #[default]
    OnSound,
    /// Only somebody who asks for it.
    Manual,
}

impl Start {
    /// Every way, in the order of the documentation.
    pub const ALL: [Self; 2] = [Self::OnSound, Self::Manual];

    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::OnSound => "on-sound",
            Self::Manual => "manual",
        }
    }
}

impl Plan {
    /// The plan of a machine without a config: one zone over all of `outputs`.
    pub fn without_config(hostname: &str, outputs: Vec<OutputSpec>) -> Self {
        Self::default().over(hostname, outputs)
    }

    /// This plan with `found` as its outputs and one zone over all of them. For a plan that has none of its own.
    /// Outputs of the same name are told apart by a number.
    pub fn over(mut self, hostname: &str, found: Vec<OutputSpec>) -> Self {
        self.outputs.clear();
        for mut output in found {
            output.name = self.unused_name(&output.name);
            self.outputs.push(output);
        }
        self.zones = vec![whole_house(hostname, self.outputs.len())];
        self
    }

    /// The outputs that no zone plays on.
    pub fn idle_outputs(&self) -> impl Iterator<Item = &OutputSpec> {
        let outputs = self.outputs.iter().enumerate();
        outputs
            .filter(|(index, _)| !self.zones.iter().any(|zone| zone.outputs.contains(index)))
            .map(|(_, output)| output)
    }

    /// `FILE:LINE` of an output by its index in [`Plan::outputs`], to begin a message with.
    pub fn place_of_output(&self, index: usize) -> Option<String> {
        let origin = self.origin.as_ref()?;
        let line = origin.output_lines.get(index)?;
        Some(place(&origin.file, *line))
    }

    /// `FILE:LINE` of an input by its index in [`Plan::inputs`], to begin a message with.
    pub fn place_of_input(&self, index: usize) -> Option<String> {
        let origin = self.origin.as_ref()?;
        let line = origin.input_lines.get(index)?;
        Some(place(&origin.file, *line))
    }

    /// `FILE:LINE` of the port, to begin a message with.
    pub fn place_of_port(&self) -> Option<String> {
        let origin = self.origin.as_ref()?;
        Some(place(&origin.file, origin.port_line?))
    }

    fn unused_name(&self, wanted: &str) -> String {
        let taken = |name: &str| self.outputs.iter().any(|output| output.name == name);
        let numbered = (2..).map(|number| format!("{wanted} ({number})"));
        [wanted.to_owned()]
            .into_iter()
            .chain(numbered)
            .find(|name| !taken(name))
            .unwrap_or_default()
    }
}

/// The zone of somebody who has said nothing about zones.
pub(super) fn whole_house(hostname: &str, outputs: usize) -> ZonePlan {
    ZonePlan {
        name: format!("Unisono ({hostname})"),
        outputs: (0..outputs).collect(),
        volume: DEFAULT_VOLUME,
        replay_gain: ReplayGain::Off,
    }
}

fn place(file: &Path, line: usize) -> String {
    format!("{}:{line}", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::{PulseSpec, SinkSpec};

    fn found(name: &str) -> OutputSpec {
        OutputSpec::plain(name, SinkSpec::Pulse(PulseSpec::default()))
    }

    #[test]
    fn two_speakers_of_the_same_make_are_told_apart() {
        let plan = Plan::without_config("box", vec![found("Flip"), found("Desk"), found("Flip")]);
        let names: Vec<_> = plan.outputs.iter().map(|output| &output.name).collect();
        assert_eq!(names, ["Flip", "Desk", "Flip (2)"]);
        assert_eq!(plan.zones[0].name, "Unisono (box)");
        assert_eq!(plan.zones[0].outputs, [0, 1, 2]);
    }
}
