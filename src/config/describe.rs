//! A plan in plain words, for a person who wants to know what the program has understood.

use std::fmt;
use std::time::Duration;

use ipnet::IpNet;

use super::plan::{InputPlan, NetworkPlan, Plan, Start, ZonePlan};
use crate::audio::{ChannelMap, ReplayGain};
use crate::capture::CaptureSpec;
use crate::playback::{FULL_VOLUME, OutputSpec};
use crate::sink::{BluetoothSpec, PulseSpec, SimulatedSpec, SinkSpec};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.network)?;
        if self.outputs.is_empty() {
            writeln!(f, "Outputs: what this machine has, in one zone")?;
        }
        for output in &self.outputs {
            writeln!(f, "{}", output_line(output))?;
        }
        for zone in &self.zones {
            writeln!(f, "{}", zone_line(zone, &self.outputs))?;
        }
        for input in &self.inputs {
            writeln!(f, "{}", input_line(input, &self.zones))?;
        }
        for idle in self.idle_outputs() {
            writeln!(
                f,
                "Note: no zone plays on {:?}, so it stays silent",
                idle.name
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for NetworkPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            0 => f.write_str("Network: any free port")?,
            port => write!(f, "Network: port {port}")?,
        }
        match self.interfaces.as_slice() {
            [] => f.write_str(" on every interface that people cast from")?,
            names => write!(f, " on {}", names.join(", "))?,
        }
        if !self.ignore_interfaces.is_empty() {
            write!(f, ", but not on {}", self.ignore_interfaces.join(", "))?;
        }
        if !self.allow.is_empty() {
            let networks: Vec<String> = self.allow.iter().map(IpNet::to_string).collect();
            write!(f, "; controlled only from {}", networks.join(", "))?;
        }
        Ok(())
    }
}

fn zone_line(zone: &ZonePlan, outputs: &[OutputSpec]) -> String {
    let names = zone.outputs.iter().filter_map(|index| outputs.get(*index));
    let names: Vec<_> = names.map(|output| format!("{:?}", output.name)).collect();
    let mut line = format!(
        "Zone {:?} plays on {}, starting at volume {}",
        zone.name,
        names.join(", "),
        zone.volume
    );
    match zone.replay_gain {
        ReplayGain::Off => {}
        ReplayGain::Track => line += ", every track as loud as the others",
        ReplayGain::Album => line += ", every album as loud as the others",
    }
    line
}

fn input_line(input: &InputPlan, zones: &[ZonePlan]) -> String {
    let zone = zones.get(input.zone).map_or_else(
        || "that zone".to_owned(),
        |zone| format!("zone {:?}", zone.name),
    );
    let start = match input.start {
        Start::OnSound => "starts when it sounds",
        Start::Manual => "starts when asked to",
    };
    format!(
        "Input {:?}: {} in {zone}, {start}, ends after {} s of silence, {} ms ahead",
        input.name,
        source(&input.capture),
        input.stop_after.as_secs_f64(),
        input.buffer.as_secs_f64() * 1000.0
    )
}

fn source(capture: &CaptureSpec) -> String {
    let CaptureSpec::Pipe(pipe) = capture else {
        return capture.to_string();
    };
    let channels = if pipe.channels == 1 { "mono" } else { "stereo" };
    format!(
        "{capture} ({}, {} Hz, {channels})",
        pipe.format.name(),
        pipe.rate
    )
}

fn output_line(output: &OutputSpec) -> String {
    let mut line = format!("Output {:?}: {}", output.name, far_end(&output.sink));
    let late_ms = output.settings.late_seconds * 1000.0;
    if late_ms > 0.0 {
        line += &format!(", fed {late_ms} ms early because it is late by that");
    } else if late_ms < 0.0 {
        line += &format!(", fed {} ms late because it is early by that", -late_ms);
    }
    line += match output.settings.channels {
        ChannelMap::Stereo => "",
        ChannelMap::Left => ", left channel",
        ChannelMap::Right => ", right channel",
        ChannelMap::Mono => ", both channels mixed",
        ChannelMap::Swap => ", channels swapped",
    };
    if output.settings.trim_db != 0.0 {
        line += &format!(", {:+} dB", output.settings.trim_db);
    }
    if output.settings.volume != FULL_VOLUME {
        line += &format!(", its own volume {}", output.settings.volume);
    }
    if !output.settings.volume_sync {
        line += ", not following the zone's volume";
    }
    line
}

fn far_end(sink: &SinkSpec) -> String {
    match sink {
        SinkSpec::Device(spec) => match &spec.device {
            Some(device) => format!("the sound card {device:?}"),
            None => "the default sound card".to_owned(),
        },
        SinkSpec::Pulse(PulseSpec { server, sink }) => {
            let sink = match sink {
                Some(sink) => format!("the sink {sink:?}"),
                None => "the default sink".to_owned(),
            };
            match server {
                Some(server) => format!("{sink} of the sound server at {server}"),
                None => format!("{sink} of the user's sound server"),
            }
        }
        SinkSpec::Bluetooth(BluetoothSpec { address, server }) => {
            let speaker =
                format!("the Bluetooth speaker {address}, connected again whenever it has gone");
            match server {
                Some(server) => format!("{speaker}, on the sound server at {server}"),
                None => speaker,
            }
        }
        SinkSpec::Wav(spec) => format!("the file {}", spec.path.display()),
        SinkSpec::Simulated(spec) => simulated(spec),
    }
}

fn simulated(spec: &SimulatedSpec) -> String {
    let mut words = format!(
        "simulated, crystal at {:+} ppm, {} frames at a time",
        spec.crystal_ppm, spec.period
    );
    if spec.start_up > Duration::ZERO {
        words += &format!(", starts in {:?}", spec.start_up);
    }
    if spec.late_reports > Duration::ZERO {
        words += &format!(", reports up to {:?} late", spec.late_reports);
    }
    words
}
