//! Bluetooth in the running program: speakers are kept connected, and what is known of each is told.

mod connecting;
mod lateness;
mod sounding;

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::api::{BluetoothStatus, House};
use crate::bluetooth::{Address, Radio};
use crate::clock::{Clock, SystemClock};
use crate::playback::{LaneState, OutputSettings, OutputSpec};
use crate::sink::{BluetoothSpec, SinkSpec};
use crate::state_dir::KeptLateness;
use lateness::Latenesses;

/// A Bluetooth speaker among the outputs.
#[derive(Debug, Clone)]
struct Speaker {
    /// The output's place and name.
    output: usize,
    name: String,
    address: Address,
    /// The sound server that has its sink.
    server: Option<String>,
    /// Its `late_ms` by the config.
    config_ms: f64,
    /// What is known of it, for whoever asks.
    status: watch::Sender<BluetoothStatus>,
}

/// The Bluetooth speakers of the program.
#[derive(Debug)]
pub(super) struct Speakers {
    speakers: Vec<Speaker>,
    latenesses: watch::Sender<Vec<KeptLateness>>,
}

impl Speaker {
    /// What its lane does.
    fn lane(&self, house: &House) -> Option<LaneState> {
        let output = house.outputs().get(self.output)?;
        Some(output.lane.report().state)
    }
}

impl Speakers {
    /// The speakers among `outputs`, of which the config says `configured`, and what is kept of them.
    pub(super) fn new(
        outputs: &[OutputSpec],
        configured: &[OutputSettings],
        kept: Vec<KeptLateness>,
    ) -> Self {
        let speaker = |(output, (spec, config)): (usize, (&OutputSpec, &OutputSettings))| {
            let SinkSpec::Bluetooth(BluetoothSpec { address, server }) = &spec.sink else {
                return None;
            };
            let status = BluetoothStatus {
                address: address.to_string(),
                ..BluetoothStatus::default()
            };
            Some(Speaker {
                output,
                name: spec.name.clone(),
                address: *address,
                server: server.clone(),
                config_ms: milliseconds(config),
                status: watch::Sender::new(status),
            })
        };
        let pairs = outputs.iter().zip(configured).enumerate();
        Self {
            speakers: pairs.filter_map(speaker).collect(),
            latenesses: watch::Sender::new(kept),
        }
    }

    /// What is known of the speaker behind this output, if it is one.
    pub(super) fn status(&self, output: usize) -> Option<watch::Receiver<BluetoothStatus>> {
        let mut speakers = self.speakers.iter();
        let speaker = speakers.find(|speaker| speaker.output == output)?;
        Some(speaker.status.subscribe())
    }

    /// What is to be kept of how late they are.
    pub(super) fn latenesses(&self) -> watch::Receiver<Vec<KeptLateness>> {
        self.latenesses.subscribe()
    }

    /// Keeps them connected and known until `stop`. Without speakers nothing runs, and no bus is asked.
    pub(super) fn keep(
        self,
        radio: impl Radio,
        house: Arc<House>,
        clock: Arc<dyn Clock>,
        stop: &CancellationToken,
    ) -> Vec<JoinHandle<()>> {
        if self.speakers.is_empty() {
            return Vec::new();
        }
        let known = Latenesses::new(self.latenesses.borrow().clone());
        let connecting = connecting::keep(
            radio,
            self.speakers.clone(),
            house.clone(),
            clock.clone(),
            stop.clone(),
        );
        let sounding = sounding::follow(
            self.speakers,
            known,
            self.latenesses,
            house,
            clock,
            stop.clone(),
        );
        vec![tokio::spawn(connecting), tokio::spawn(sounding)]
    }
}

/// `late_ms` of settings. A lane counts in whole nanoseconds.
fn milliseconds(settings: &OutputSettings) -> f64 {
    (settings.late_seconds * 1e9).round() / 1e6
}

/// The codecs with which the user's sound server sends to Bluetooth speakers now, as far as it says so. Waits for it.
pub fn codecs() -> Vec<(Address, String)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    sounding::codecs(None, &clock)
}
