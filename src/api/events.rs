//! The stream of changes: one listener, what it has been told, and what it is told next.
//! Nothing waits for a listener: one that is slow skips what was true in the meantime, and is told what is true then.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::Event;
use futures_util::Stream;
use futures_util::future::select_all;
use futures_util::stream::unfold;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::house::House;
use super::status::{InputStatus, OutputStatus};
use crate::zone::ZoneState;

/// How often figures are looked at: they tremble all the time, and a person reads no faster.
const FIGURES: Duration = Duration::from_secs(1);

struct Listener {
    house: Arc<House>,
    /// Each zone's number and where its state comes from, as long as it lives.
    zones: Vec<(usize, watch::Receiver<Arc<ZoneState>>)>,
    settings: watch::Receiver<()>,
    figures: Interval,
    /// The outputs as they were told last.
    told: Vec<OutputStatus>,
    /// The inputs as they were told last.
    told_inputs: Vec<InputStatus>,
    pending: VecDeque<Event>,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
}

/// What woke a listener.
enum Woken {
    Stop,
    Settings,
    Figures,
    /// By the place in the list; whether the zone is still there.
    Zone(usize, bool),
}

/// Everything as `state`, then each change as `zone`, `output` or `input`, until `stop`. The place is given back when the stream is
/// dropped.
pub(super) fn stream(
    house: Arc<House>,
    stop: CancellationToken,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let mut figures = interval(FIGURES);
    figures.set_missed_tick_behavior(MissedTickBehavior::Delay);
    figures.reset();
    let zones = house.zones().iter().map(|zone| zone.handle.changes());
    let mut listener = Listener {
        zones: zones.enumerate().collect(),
        settings: house.settings_changes(),
        figures,
        told: Vec::new(),
        told_inputs: Vec::new(),
        pending: VecDeque::new(),
        house,
        stop,
        _place: place,
    };
    // Marked as seen before it is read: what changes in between is told twice rather than never.
    for (_, zone) in &mut listener.zones {
        zone.mark_unchanged();
    }
    let state = listener.house.state();
    listener.push("state", &state);
    listener.told = state.outputs;
    listener.told_inputs = state.inputs;
    unfold(listener, |mut listener| async {
        let event = listener.next().await?;
        Some((Ok(event), listener))
    })
}

impl Listener {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.stop.is_cancelled() {
                return None;
            }
            if let Some(event) = self.pending.pop_front() {
                return Some(event);
            }
            match self.woken().await {
                Woken::Stop => return None,
                Woken::Settings => self.outputs(false),
                Woken::Figures => {
                    self.outputs(true);
                    self.inputs();
                }
                Woken::Zone(place, true) => {
                    if let Some(&(zone, _)) = self.zones.get(place) {
                        self.zone(zone);
                    }
                    self.outputs(false);
                    self.inputs();
                }
                Woken::Zone(place, false) => {
                    self.zones.swap_remove(place);
                }
            }
        }
    }

    async fn woken(&mut self) -> Woken {
        let zones = &mut self.zones;
        let zone = async {
            if zones.is_empty() {
                return std::future::pending().await;
            }
            let changes = zones.iter_mut().map(|(_, zone)| Box::pin(zone.changed()));
            let (changed, place, _) = select_all(changes).await;
            Woken::Zone(place, changed.is_ok())
        };
        tokio::select! {
            () = self.stop.cancelled() => Woken::Stop,
            woken = zone => woken,
            // The house is ours too, so its sender lives.
            _ = self.settings.changed() => Woken::Settings,
            _ = self.figures.tick() => Woken::Figures,
        }
    }

    fn zone(&mut self, number: usize) {
        let house = self.house.clone();
        if let Some(zone) = house.zones().get(number) {
            self.push("zone", &house.zone_status(zone));
        }
    }

    /// Tells of each output that is not as it was told last. Figures stay as they were unless it is time for them.
    fn outputs(&mut self, figures: bool) {
        for index in 0..self.told.len() {
            let (Some(mut now), Some(told)) =
                (self.house.output_status(index), self.told.get_mut(index))
            else {
                continue;
            };
            if !figures {
                now.misalignment_ms = now.misalignment_ms.and(told.misalignment_ms);
                now.clock_ppm = told.clock_ppm;
                now.starved_frames = told.starved_frames;
                now.gaps = told.gaps;
                now.reanchored = told.reanchored;
            }
            if now != *told {
                *told = now.clone();
                self.push("output", &now);
            }
        }
    }

    /// Tells of each input that is not as it was told last.
    fn inputs(&mut self) {
        let now = self.house.input_statuses();
        let told = std::mem::replace(&mut self.told_inputs, now.clone());
        for (now, told) in now.iter().zip(&told) {
            if now != told {
                self.push("input", now);
            }
        }
    }

    fn push(&mut self, name: &str, data: &impl Serialize) {
        match Event::default().event(name).json_data(data) {
            Ok(event) => self.pending.push_back(event),
            Err(error) => tracing::error!(%error, "an event could not be written"),
        }
    }
}
