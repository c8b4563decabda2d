//! The task that keeps speakers connected: it looks, asks [`Keeper`], and does what that says.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Speaker;
use crate::api::House;
use crate::bluetooth::advice::{Carried, advice};
use crate::bluetooth::keeper::{Hindrance, News, Sight};
use crate::bluetooth::{Address, Failure, Fault, Keeper, Place, Radio, Survey};
use crate::clock::Clock;
use crate::playback::LaneState;

/// How often it is looked though nothing is said to have changed: BlueZ may have been started anew, and says nothing then.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Changes come in bunches, and one look sees them all.
const BUNCH: Duration = Duration::from_millis(30);
/// As many changes as are taken in at a time.
const CHANGES: usize = 64;
/// BlueZ gives a connection up after some twenty seconds; one that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(40);

struct Task<R> {
    radio: Arc<R>,
    speakers: Vec<Speaker>,
    house: Arc<House>,
    keeper: Keeper,
    clock: Arc<dyn Clock>,
    /// The attempt under way, if any.
    attempt: JoinSet<(Address, Result<(), Failure>)>,
    /// What was said to be wrong with all of it, until it is right.
    told: Option<Fault>,
    /// The adapters of which it was said that they are asked too much.
    advised: Vec<String>,
    /// Whether somebody else on this machine may be using it.
    wifi: bool,
}

/// Keeps the speakers connected until `stop`.
pub(super) async fn keep<R: Radio>(
    radio: R,
    speakers: Vec<Speaker>,
    house: Arc<House>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut task = Task {
        radio: Arc::new(radio),
        keeper: Keeper::new(speakers.iter().map(|speaker| speaker.address)),
        speakers,
        house,
        clock,
        attempt: JoinSet::new(),
        told: None,
        advised: Vec::new(),
        wifi: has_wifi(),
    };
    let mut changes = None;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = task.turn(&mut changes) => {}
        }
    }
}

impl<R: Radio> Task<R> {
    /// Looks, does what is due, and waits until there is a reason to look again.
    async fn turn(&mut self, changes: &mut Option<BoxStream<'static, ()>>) {
        if changes.is_none() {
            // Before the look, so that nothing is missed in between.
            *changes = self.radio.changes().await.ok();
        }
        let addresses: Vec<Address> = self.speakers.iter().map(|it| it.address).collect();
        match self.radio.survey(&addresses).await {
            Ok(survey) => {
                self.told = None;
                self.see(&survey);
                self.ask(&survey);
            }
            Err(fault) => {
                *changes = None;
                self.blind(fault);
            }
        }
        let now = self.clock.now();
        let due = self.keeper.next().map(|next| next.saturating_since(now));
        // While somebody is being asked, others have to wait for that anyway.
        let due = due.filter(|_| self.attempt.is_empty());
        let pause = due.map_or(LOOK_EVERY, |due| due.min(LOOK_EVERY));
        let ended = tokio::select! {
            Some(tried) = self.attempt.join_next() => Some(tried),
            more = changed(changes) => {
                if !more {
                    *changes = None;
                }
                None
            }
            () = sleep(pause) => None,
        };
        if let Some(Ok((address, outcome))) = ended {
            let now = self.clock.now();
            if let Some(news) = self.keeper.tried(now, address, outcome) {
                self.tell(address, &news);
            }
        }
    }

    /// Takes a survey in.
    fn see(&mut self, survey: &Survey) {
        let now = self.clock.now();
        for place in 0..self.speakers.len() {
            let Some(speaker) = self.speakers.get(place) else {
                continue;
            };
            let (address, known) = (speaker.address, survey.device(speaker.address));
            speaker.status.send_if_modified(|status| {
                let before = status.clone();
                status.connected = Some(known.is_some_and(|it| it.connected));
                status.battery_percent = known.and_then(|it| it.battery);
                status.signal_dbm = known.and_then(|it| it.signal);
                status.adapter = known.map(|it| it.place.adapter.clone());
                *status != before
            });
            // What is not wanted has no sink either, and is not lost.
            let wants_sink = speaker.lane(&self.house) == Some(LaneState::Lost);
            let sight = sight(survey, address, wants_sink);
            if let Some(news) = self.keeper.saw(now, address, sight) {
                self.tell(address, &news);
            }
        }
        let carried = self.speakers.iter().filter_map(|speaker| {
            let status = speaker.status.borrow();
            Some(Carried {
                name: speaker.name.clone(),
                adapter: status
                    .adapter
                    .clone()
                    .filter(|_| status.connected == Some(true))?,
                codec: status.codec.clone(),
            })
        });
        let advised = advice(&carried.collect::<Vec<_>>(), self.wifi);
        for (adapter, sentence) in advised {
            if !self.advised.contains(&adapter) {
                tracing::warn!("{sentence}");
                self.advised.push(adapter);
            }
        }
    }

    /// Begins the attempt that is due.
    fn ask(&mut self, survey: &Survey) {
        let Some(address) = self.keeper.due(self.clock.now()) else {
            return;
        };
        let radio = self.radio.clone();
        let device = survey.device(address);
        let place = device.map(|device| device.place.clone());
        if device.is_some_and(|device| device.connected) {
            tracing::info!(
                "{} is connected, but the sound server has no sink for it: it may have been started anew; connecting once more",
                self.name(address)
            );
        }
        tracing::debug!("connecting {address}");
        self.attempt.spawn(async move {
            let Some(place) = place else {
                return (address, Err(Failure::Unknown));
            };
            (address, connect(radio.as_ref(), &place).await)
        });
    }

    /// There is nobody to ask.
    fn blind(&mut self, fault: Fault) {
        let now = self.clock.now();
        for speaker in &self.speakers {
            speaker.status.send_if_modified(|status| {
                let before = status.clone();
                (status.connected, status.adapter) = (None, None);
                (status.battery_percent, status.signal_dbm) = (None, None);
                *status != before
            });
            let nobody = Sight::Hindered(Hindrance::NoAdapter);
            // Said once for all of them.
            let _same = self.keeper.saw(now, speaker.address, nobody);
        }
        if self.told.as_ref() != Some(&fault) {
            tracing::warn!(
                "Bluetooth speakers are not connected by this program: {fault}. They play when they are connected otherwise"
            );
            self.told = Some(fault);
        }
    }

    /// What people call it.
    fn name(&self, address: Address) -> String {
        let mut speakers = self.speakers.iter();
        let named = speakers.find(|speaker| speaker.address == address);
        named.map_or_else(|| address.to_string(), |it| format!("{:?}", it.name))
    }

    fn tell(&self, address: Address, news: &News) {
        let name = self.name(address);
        let seconds = |duration: &Duration| duration.as_secs();
        match news {
            News::Connected { by_us: true } => tracing::info!("{name} is connected"),
            News::Connected { by_us: false } => {
                tracing::info!("{name} is connected; it came by itself");
            }
            News::Lost { again_in } => tracing::info!(
                "{name} has gone; it is asked to come back in {} s, and until it does",
                seconds(again_in)
            ),
            News::Dropped { again_in } => tracing::info!(
                "{name} has gone again at once: another device wants it, most likely, and has it now; it is asked again in {} s",
                seconds(again_in)
            ),
            News::Failed { failure, again_in } => tracing::info!(
                "{name} is not connected: {failure}; it is asked again in {} s",
                seconds(again_in)
            ),
            News::Hindered(Hindrance::NoAdapter) => {
                tracing::warn!("{name} is not connected: {}", Fault::NoAdapter);
            }
            News::Hindered(Hindrance::AdapterOff) => tracing::warn!(
                "{name} is not connected: its Bluetooth adapter is switched off; `bluetoothctl power on` switches it on"
            ),
            News::Hindered(Hindrance::NotPaired) => tracing::warn!(
                "{name} is not paired with this machine: have it in pairing mode and run `unisono bluetooth pair {address}`"
            ),
        }
    }
}

async fn connect(radio: &impl Radio, place: &Place) -> Result<(), Failure> {
    let answer = timeout(PATIENCE, radio.connect(place)).await;
    answer.unwrap_or(Err(Failure::TimedOut))
}

/// Waits for a change; whether there may be others after it.
async fn changed(changes: &mut Option<BoxStream<'static, ()>>) -> bool {
    let Some(changes) = changes else {
        return std::future::pending().await;
    };
    let more = changes.ready_chunks(CHANGES).next().await.is_some();
    sleep(BUNCH).await;
    more
}

/// What there is to see of a speaker.
fn sight(survey: &Survey, address: Address, wants_sink: bool) -> Sight {
    match survey.device(address) {
        Some(device) if device.connected && wants_sink => Sight::Silent,
        Some(device) if device.connected => Sight::Connected,
        _ if survey.adapters.is_empty() => Sight::Hindered(Hindrance::NoAdapter),
        Some(device) if !survey.powered(&device.place.adapter) => {
            Sight::Hindered(Hindrance::AdapterOff)
        }
        Some(device) if device.paired => Sight::Apart,
        None if survey.adapter().is_err() => Sight::Hindered(Hindrance::AdapterOff),
        _ => Sight::Hindered(Hindrance::NotPaired),
    }
}

/// Whether this machine has Wi-Fi, by Linux's word.
fn has_wifi() -> bool {
    let Ok(interfaces) = std::fs::read_dir("/sys/class/net") else {
        return false;
    };
    let mut interfaces = interfaces.flatten();
    interfaces.any(|interface| interface.path().join("wireless").exists())
}
