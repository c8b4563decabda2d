//! The zones and outputs of the program as the API sees them: read as a whole, set one at a time.
//! It knows no HTTP, and keeps nothing over a restart; whoever does is told by [`House::settings_changes`].

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use tokio::sync::watch;
use uuid::Uuid;

use super::change::{self, Key, OUTPUT_KEYS, Setting, ZONE_KEYS};
use super::inputs::InputEntry;
use super::status::{BluetoothStatus, OutputStatus, Problem, State, ZoneStatus, rounded};
use super::volume;
use crate::clock::Clock;
use crate::playback::{LARGEST_SPREAD_MS, LaneHandle, LaneState, OutputSettings};
use crate::spelling;
use crate::zone::{Channel, TransportState, ZoneCommand, ZoneHandle, ZoneState};

/// A zone of the house.
#[derive(Debug, Clone)]
pub struct ZoneEntry {
    /// The name apps show.
    pub name: String,
    /// Its identity.
    pub id: Uuid,
    /// The zone.
    pub handle: ZoneHandle,
    /// Which of the house's outputs it plays on.
    pub outputs: Vec<usize>,
}

/// An output of the house.
#[derive(Debug, Clone)]
pub struct OutputEntry {
    /// Its lane, which has its name.
    pub lane: LaneHandle,
    /// Its far end, in words.
    pub sink: String,
    /// What is known of the Bluetooth speaker behind it, if it is one.
    pub bluetooth: Option<watch::Receiver<BluetoothStatus>>,
}

/// Every zone and output. Any thread may read and set.
pub struct House {
    clock: Arc<dyn Clock>,
    zones: Vec<ZoneEntry>,
    outputs: Vec<OutputEntry>,
    inputs: Vec<InputEntry>,
    /// Held while an output is set: a change is judged against the others as they are.
    setting: Mutex<()>,
    changed: watch::Sender<()>,
}

impl std::fmt::Debug for House {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("House")
            .field("zones", &self.zones)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}

/// Why the house does not do what it was asked. Nothing has changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// There is none of that name.
    Unknown(Problem),
    /// It cannot be set like that.
    Invalid(Problem),
    /// The program is ending.
    Ending,
}

impl House {
    /// A house of these zones and outputs, in the order of the config.
    pub fn new(clock: Arc<dyn Clock>, zones: Vec<ZoneEntry>, outputs: Vec<OutputEntry>) -> Self {
        Self {
            clock,
            zones,
            outputs,
            inputs: Vec::new(),
            setting: Mutex::new(()),
            changed: watch::Sender::new(()),
        }
    }

    /// The same with these inputs, in the order of the config.
    #[must_use]
    pub fn with_inputs(self, inputs: Vec<InputEntry>) -> Self {
        Self { inputs, ..self }
    }

    /// The zones.
    pub fn zones(&self) -> &[ZoneEntry] {
        &self.zones
    }

    /// The outputs.
    pub fn outputs(&self) -> &[OutputEntry] {
        &self.outputs
    }

    /// The inputs.
    pub fn inputs(&self) -> &[InputEntry] {
        &self.inputs
    }

    /// Changes whenever the settings of an output have.
    pub fn settings_changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Everything there is.
    pub fn state(&self) -> State {
        State {
            zones: self
                .zones
                .iter()
                .map(|zone| self.zone_status(zone))
                .collect(),
            outputs: (0..self.outputs.len())
                .filter_map(|index| self.output_status(index))
                .collect(),
            inputs: self.input_statuses(),
        }
    }

    pub(super) fn zone_status(&self, zone: &ZoneEntry) -> ZoneStatus {
        let state: &ZoneState = &zone.handle.state();
        let track = state.track.as_ref();
        let now = self.clock.now();
        let outputs = zone
            .outputs
            .iter()
            .filter_map(|&index| self.outputs.get(index));
        ZoneStatus {
            name: zone.name.clone(),
            id: zone.id,
            state: state.transport.into(),
            error: state.error.clone(),
            title: track.map(|track| track.title.clone()),
            artist: track.and_then(|track| track.artist.clone()),
            position_s: track.map(|_| rounded(state.position(now).as_secs_f64(), 3)),
            duration_s: state
                .duration
                .map(|length| rounded(length.as_secs_f64(), 3)),
            volume: state.volume,
            muted: state.muted,
            outputs: outputs
                .map(|output| output.lane.name().to_owned())
                .collect(),
        }
    }

    pub(super) fn output_status(&self, index: usize) -> Option<OutputStatus> {
        let output = self.outputs.get(index)?;
        let (report, settings) = (output.lane.report(), output.lane.settings());
        let playing = report.state == LaneState::Playing;
        let number = |setting| match setting {
            Setting::LateMs(number) | Setting::TrimDb(number) => number,
            _ => 0.0,
        };
        Some(OutputStatus {
            name: output.lane.name().to_owned(),
            sink: output.sink.clone(),
            state: report.state.into(),
            zone: self
                .player(index)
                .filter(|_| playing)
                .map(|zone| zone.name.clone()),
            misalignment_ms: report
                .ahead_seconds
                .filter(|_| playing)
                .map(|seconds| rounded(seconds * 1e3, 3)),
            clock_ppm: report.clock_ppm.map(|ppm| rounded(ppm, 2)),
            late_ms: number(Key::LateMs.of(&settings)),
            channels: settings.channels.into(),
            trim_db: number(Key::TrimDb.of(&settings)),
            volume: settings.volume,
            volume_sync: settings.volume_sync,
            muted: settings.muted,
            starved_frames: report.starved_frames,
            gaps: report.gaps,
            reanchored: report.reanchored,
            bluetooth: output
                .bluetooth
                .as_ref()
                .map(|known| known.borrow().clone()),
        })
    }

    /// The zones that name this output.
    fn zones_of(&self, output: usize) -> impl Iterator<Item = &ZoneEntry> {
        self.zones
            .iter()
            .filter(move |zone| zone.outputs.contains(&output))
    }

    /// The one zone that plays and names this output; of two, the lane alone knows which it obeys.
    fn player(&self, output: usize) -> Option<&ZoneEntry> {
        let plays = |zone: &&ZoneEntry| {
            matches!(
                zone.handle.state().transport,
                TransportState::Playing | TransportState::Transitioning
            )
        };
        let mut players = self.zones_of(output).filter(plays);
        let player = players.next();
        player.filter(|_| players.next().is_none())
    }

    /// An output by its name.
    ///
    /// # Errors
    /// There is none; the refusal names those there are.
    pub fn output(&self, name: &str) -> Result<OutputStatus, Refusal> {
        let index = self.output_index(name)?;
        self.output_status(index).ok_or(Refusal::Ending)
    }

    fn output_index(&self, name: &str) -> Result<usize, Refusal> {
        let names = self.outputs.iter().map(|output| output.lane.name());
        let index = names.clone().position(|known| known == name);
        index.ok_or_else(|| {
            let hint = spelling::hint(name, names);
            Refusal::Unknown(Problem::new(format!("there is no output {name:?}; {hint}")))
        })
    }

    /// A zone by its name or its UUID.
    ///
    /// # Errors
    /// There is none; the refusal names those there are.
    pub fn zone(&self, name: &str) -> Result<ZoneStatus, Refusal> {
        self.zone_entry(name).map(|zone| self.zone_status(zone))
    }

    fn zone_entry(&self, name: &str) -> Result<&ZoneEntry, Refusal> {
        let id = Uuid::try_parse(name).ok();
        let named = |zone: &&ZoneEntry| zone.name == name || Some(zone.id) == id;
        self.zones.iter().find(named).ok_or_else(|| {
            let hint = spelling::hint(name, self.zones.iter().map(|zone| zone.name.as_str()));
            Refusal::Unknown(Problem::new(format!("there is no zone {name:?}; {hint}")))
        })
    }

    /// Sets all of `change` of an output, or nothing, and says what is true then.
    ///
    /// # Errors
    /// [`Refusal`], and nothing has changed.
    pub fn set_output(
        &self,
        name: &str,
        change: &Map<String, Value>,
    ) -> Result<OutputStatus, Refusal> {
        let index = self.output_index(name)?;
        let settings = change::read_change(&OUTPUT_KEYS, change).map_err(Refusal::Invalid)?;
        let lane = &self.outputs.get(index).ok_or(Refusal::Ending)?.lane;
        {
            // Whoever panicked while holding it left every lane's settings whole.
            let _others_wait = self.setting.lock().unwrap_or_else(PoisonError::into_inner);
            let zone = self.player(index).or_else(|| self.zones_of(index).next());
            let zone_volume = zone.map(|zone| zone.handle.state().volume);
            let before = lane.settings();
            let after = volume::applied(&before, &settings, zone_volume);
            if after.late_seconds != before.late_seconds {
                self.check_spread(index, &after).map_err(Refusal::Invalid)?;
            }
            lane.set(after);
        }
        self.changed.send_replace(());
        self.output_status(index).ok_or(Refusal::Ending)
    }

    /// Sets all of `change` of a zone, or nothing, and says what is true then.
    ///
    /// # Errors
    /// [`Refusal`], and nothing has changed.
    pub async fn set_zone(
        &self,
        name: &str,
        change: &Map<String, Value>,
    ) -> Result<ZoneStatus, Refusal> {
        let zone = self.zone_entry(name)?;
        for setting in change::read_change(&ZONE_KEYS, change).map_err(Refusal::Invalid)? {
            let command = match setting {
                Setting::Volume(volume) => ZoneCommand::SetVolume(Channel::Master, volume),
                Setting::Muted(muted) => ZoneCommand::SetMute(Channel::Master, muted),
                _ => continue,
            };
            // A zone refuses these two only when it ends.
            let sent = zone.handle.send(command).await;
            sent.map_err(|_| Refusal::Ending)?;
        }
        Ok(self.zone_status(zone))
    }

    /// Within a zone the later outputs are fed ahead of the earlier ones by the difference, which has an end.
    fn check_spread(&self, index: usize, after: &OutputSettings) -> Result<(), Problem> {
        let late_ms = |settings: &OutputSettings| rounded(settings.late_seconds * 1e3, 6);
        let wanted = late_ms(after);
        for zone in self.zones_of(index) {
            let others = zone.outputs.iter().filter(|&&other| other != index);
            let others = others.filter_map(|&other| self.outputs.get(other));
            for other in others {
                let theirs = late_ms(&other.lane.settings());
                let apart = (wanted - theirs).abs();
                if apart > LARGEST_SPREAD_MS {
                    let key = Key::LateMs.name();
                    return Err(Problem {
                        message: format!(
                            "{key} = {wanted}: that is {apart} ms from the output {:?}, which has {theirs} and plays with it \
                             in the zone {:?}; {LARGEST_SPREAD_MS} is the most",
                            other.lane.name(),
                            zone.name,
                        ),
                        key: Some(key.to_owned()),
                        value: Some(Value::from(wanted)),
                        allowed: Some(format!(
                            "at most {LARGEST_SPREAD_MS} from the other outputs of a zone"
                        )),
                    });
                }
            }
        }
        Ok(())
    }
}
