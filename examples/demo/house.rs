//! The house of the demo: four speakers whose clocks disagree, and one renderer over all of them.
//! The speakers are simulated, the renderer is the real one.

use std::time::Duration;

use unisono::config::{NetworkPlan, Plan, ZonePlan};
use unisono::playback::OutputSpec;
use unisono::sink::{SimulatedSpec, SinkSpec};

/// What the renderer is called on the network.
pub(crate) const ZONE: &str = "Unisono demo";

/// A speaker of the house.
#[derive(Debug, Clone)]
pub(crate) struct Speaker {
    /// Its name.
    pub(crate) name: &'static str,
    /// The sound card behind it.
    pub(crate) card: SimulatedSpec,
}

/// The speakers, from well-behaved to troublesome.
pub(crate) fn speakers() -> [Speaker; 4] {
    let speaker = |name, crystal_ppm, start_up, period, late_reports| Speaker {
        name,
        card: SimulatedSpec {
            crystal_ppm,
            start_up: Duration::from_millis(start_up),
            period,
            late_reports: Duration::from_millis(late_reports),
        },
    };
    [
        speaker("Kitchen", 0.0, 3, 480, 0),
        speaker("Desk", 80.0, 12, 256, 3),
        speaker("Porch", -120.0, 27, 512, 12),
        speaker("Garden", 500.0, 41, 1024, 20),
    ]
}

/// The renderer's plan: loopback only, on any free port.
pub(crate) fn plan(speakers: &[Speaker]) -> Plan {
    let outputs = speakers
        .iter()
        .map(|speaker| OutputSpec::plain(speaker.name, SinkSpec::Simulated(speaker.card.clone())));
    Plan {
        network: NetworkPlan {
            interfaces: vec!["lo".to_owned()],
            port: 0,
            ..NetworkPlan::default()
        },
        zones: vec![ZonePlan {
            name: ZONE.to_owned(),
            outputs: (0..speakers.len()).collect(),
            volume: 50,
            replay_gain: unisono::audio::ReplayGain::Off,
        }],
        outputs: outputs.collect(),
        ..Plan::default()
    }
}
