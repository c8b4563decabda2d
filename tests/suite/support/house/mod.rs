//! A house in virtual time: one zone's feeder and lanes, simulated sound cards, and somebody who hears each of them.
//! No thread, no sleep, no socket; what a minute takes is what resampling it takes. It judges nothing.

mod ear;
mod reports;
mod sources;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use unisono::clock::{Clock, ClockTime, ManualClock};
use unisono::media::Source;
use unisono::playback::{
    Claim, EngineCommand, EngineEvent, Feeder, Gain, Lane, LaneHandle, LaneReport, OutputSpec, Wake,
};
use unisono::sink::simulated::Simulated;
use unisono::sink::{SimulatedSpec, SinkError, SinkSpec};

pub use ear::{Ear, TURN, turned};
use reports::Doubtful;
pub use sources::{Generated, clicks, helix, sine};

/// How often threads would look around.
const STEP: Duration = Duration::from_millis(10);
pub const RATE: u32 = 48_000;

#[derive(Debug)]
struct NoThread;

impl Wake for NoThread {
    fn wake(&self) {}
}

/// One output of the house.
pub struct Room {
    pub lane: Lane,
    pub handle: LaneHandle,
    pub card: SimulatedSpec,
    /// By how much its reports scatter about what they would be, as a standard deviation in seconds.
    pub scatter: f64,
    /// How much later its reports say that frames are heard than they are, in seconds. May be changed at any time.
    pub lie: Rc<Cell<f64>>,
    pub ear: Rc<RefCell<Ear>>,
    /// Its thread is held up until then.
    pub stalled_until: ClockTime,
    /// Whether its card is in the socket.
    pub plugged: Rc<RefCell<bool>>,
}

pub struct House {
    pub clock: Arc<ManualClock>,
    pub feeder: Feeder,
    pub rooms: Vec<Room>,
    pub events: Vec<EngineEvent>,
    /// The zone's volume.
    pub gain: Arc<Gain>,
    /// Where its feeder's claims come from; another zone takes its own from there too.
    pub claims: Arc<AtomicU64>,
}

/// A plain output.
pub fn output(name: &str) -> OutputSpec {
    OutputSpec::plain(name, SinkSpec::Simulated(SimulatedSpec::default()))
}

/// A card with this crystal.
pub fn card(crystal_ppm: f64) -> SimulatedSpec {
    SimulatedSpec {
        crystal_ppm,
        ..SimulatedSpec::default()
    }
}

impl House {
    /// A house with a room for each card.
    pub fn new(cards: &[SimulatedSpec]) -> Self {
        let rooms: Vec<_> = cards
            .iter()
            .enumerate()
            .map(|(index, card)| (output(&format!("room {index}")), card.clone()))
            .collect();
        Self::with_outputs(rooms)
    }

    pub fn with_outputs(rooms: Vec<(OutputSpec, SimulatedSpec)>) -> Self {
        let clock = Arc::new(ManualClock::new());
        clock.set(ClockTime::from_nanos(1_000_000_000));
        let gain = Arc::new(Gain::new(1.0));
        let rooms: Vec<Room> = rooms
            .into_iter()
            .map(|(spec, card)| {
                let (handle, end) = LaneHandle::pair(&spec, Arc::new(NoThread));
                Room {
                    lane: Lane::new(&spec, RATE, end),
                    handle,
                    card,
                    scatter: 0.0,
                    lie: Rc::new(Cell::new(0.0)),
                    ear: Rc::new(RefCell::new(Ear::default())),
                    stalled_until: ClockTime::default(),
                    plugged: Rc::new(RefCell::new(true)),
                }
            })
            .collect();
        let handles = rooms.iter().map(|room| room.handle.clone()).collect();
        let claims = Arc::new(AtomicU64::new(0));
        let feeder = Self::another_feeder(handles, &gain, &claims);
        Self {
            clock,
            feeder,
            rooms,
            events: Vec::new(),
            gain,
            claims,
        }
    }

    /// A feeder for these lanes; feeders that share a counter can claim from one another.
    pub fn another_feeder(
        lanes: Vec<LaneHandle>,
        gain: &Arc<Gain>,
        claims: &Arc<AtomicU64>,
    ) -> Feeder {
        let claims = claims.clone();
        let next = move || -> Claim { claims.fetch_add(1, Ordering::Relaxed) + 1 };
        Feeder::new(RATE, lanes, gain.clone(), Arc::new(next))
    }

    /// Everybody records everything from now on.
    pub fn record(&mut self) {
        for room in &self.rooms {
            room.ear.borrow_mut().tape = Some(Vec::new());
        }
    }

    /// Everybody reads the helix from now on.
    pub fn read(&mut self) {
        for room in &self.rooms {
            room.ear.borrow_mut().readings = Some(Vec::new());
        }
    }

    /// The moment at which the position of what plays now is zero.
    pub fn start(&self) -> Option<ClockTime> {
        self.events.iter().rev().find_map(|event| match event {
            EngineEvent::Playing { start, .. } => Some(*start),
            _ => None,
        })
    }

    /// How much later than the timeline says `room` heard the helix, in seconds, with the time since its start.
    pub fn lateness(&self, room: usize) -> Vec<(f64, f64)> {
        let start = self.start().expect("something has been played");
        let ear = self.rooms[room].ear.borrow();
        let readings = ear.readings.as_ref().expect("the helix was read");
        let late = readings.iter().map(|reading| {
            let at = reading.at.seconds_since(start);
            (at, reading.late(at))
        });
        late.collect()
    }

    /// How far apart the helix was heard in those rooms that heard it at the same time, every 20 ms, in seconds.
    pub fn spread(&self, rooms: &[usize]) -> Vec<(f64, f64)> {
        let heard: Vec<_> = rooms.iter().map(|&room| self.lateness(room)).collect();
        let ends = heard.iter().filter_map(|readings| readings.last());
        let end = ends.map(|reading| reading.0).fold(0.0, f64::max);
        let mut spread = Vec::new();
        for tick in 0..(end / 0.02) as u32 {
            let at = f64::from(tick) * 0.02;
            let late = heard
                .iter()
                .filter_map(|readings| ear::between(readings, at));
            let (low, high, count) = late.fold(
                (f64::INFINITY, f64::NEG_INFINITY, 0),
                |(low, high, count), late| (late.min(low), late.max(high), count + 1),
            );
            if count > 1 {
                spread.push((at, high - low));
            }
        }
        spread
    }

    pub fn now(&self) -> ClockTime {
        self.clock.now()
    }

    pub fn send(&mut self, command: EngineCommand) {
        self.feeder.command(command, self.clock.now());
    }

    /// Lets time pass.
    pub fn run(&mut self, duration: Duration) {
        let end = self.clock.now() + duration;
        while self.clock.now() < end {
            self.step();
            self.clock.advance(STEP);
        }
    }

    fn step(&mut self) {
        let now = self.clock.now();
        self.feeder.step(now);
        while let Some(event) = self.feeder.event() {
            self.events.push(event);
        }
        for room in &mut self.rooms {
            if now >= room.stalled_until {
                room.step(&self.clock, now);
            }
        }
    }

    /// Prepares, loads a source as track 1, and plays it.
    pub fn play(&mut self, source: impl Source + 'static) {
        self.send(EngineCommand::Prepare);
        self.send(EngineCommand::Load(1, Box::new(source)));
        self.run(Duration::from_millis(300));
        self.send(EngineCommand::Play);
    }

    pub fn report(&self, room: usize) -> LaneReport {
        self.rooms[room].handle.report()
    }

    /// How much later than in room 0 each click was heard in `room`, in seconds, with its time since the first click.
    pub fn skews(&self, room: usize) -> Vec<(f64, f64)> {
        let reference = self.rooms[0].ear.borrow();
        let other = self.rooms[room].ear.borrow();
        let Some(&first) = reference.clicks.first() else {
            return Vec::new();
        };
        reference
            .clicks
            .iter()
            .filter_map(|&click| {
                let skews = other.clicks.iter().map(|heard| heard.seconds_since(click));
                let nearest = skews.min_by(|a, b| a.abs().total_cmp(&b.abs()))?;
                (nearest.abs() < 0.2).then_some((click.seconds_since(first), nearest))
            })
            .collect()
    }
}

impl Room {
    fn step(&mut self, clock: &Arc<ManualClock>, now: ClockTime) {
        if self.lane.wants_sink() && *self.plugged.borrow() {
            let (ear, plugged) = (self.ear.clone(), self.plugged.clone());
            let frame_seconds = 1.0 / (f64::from(RATE) * (1.0 + self.card.crystal_ppm * 1e-6));
            let listen = move |at: ClockTime, frames: &[f32]| {
                if !*plugged.borrow() {
                    return Err(SinkError::Lost {
                        sink: "a simulated speaker".to_owned(),
                        reason: "unplugged".to_owned(),
                    });
                }
                ear.borrow_mut().hear(at, frame_seconds, frames);
                Ok(())
            };
            let clock: Arc<dyn Clock> = clock.clone();
            let seed = self.card.crystal_ppm.to_bits() ^ u64::from(self.card.period);
            let sink = Simulated::new(self.card.clone(), clock, Box::new(listen));
            let sink = Doubtful::new(sink, self.scatter, self.lie.clone(), seed);
            self.lane.attach(Box::new(sink)).expect("48 kHz to 48 kHz");
        }
        if self.lane.step(now).is_err() {
            self.lane.detach();
        }
    }
}
