//! A house in virtual time: one zone's feeder and lanes, simulated sound cards, and somebody who hears each of them.
//! No thread, no sleep, no socket; ten minutes pass in about a second.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use unisono::audio::StreamFormat;
use unisono::clock::{Clock, ClockTime, ManualClock};
use unisono::media::{Chunk, MediaInfo, Polled, Source};
use unisono::playback::{
    Claim, EngineCommand, EngineEvent, Feeder, Gain, Lane, LaneHandle, LaneReport, OutputSpec, Wake,
};
use unisono::sink::simulated::Simulated;
use unisono::sink::{SimulatedSpec, SinkError, SinkSpec};

/// How often threads would look around.
const STEP: Duration = Duration::from_millis(10);
pub const RATE: u32 = 48_000;

#[derive(Debug)]
struct NoThread;

impl Wake for NoThread {
    fn wake(&self) {}
}

/// What somebody in front of a speaker hears.
#[derive(Debug, Default)]
pub struct Ear {
    /// Everything, if asked for: moments and left samples.
    pub tape: Option<Vec<(ClockTime, [f32; 2])>>,
    /// When each click was heard, to a fraction of a frame.
    pub clicks: Vec<ClockTime>,
    /// The click under way: summed weight, summed weighted time.
    open: Option<(f64, f64, ClockTime)>,
    quiet: u32,
}

impl Ear {
    fn hear(&mut self, first: ClockTime, frame_seconds: f64, frames: &[f32]) {
        for (index, frame) in frames.chunks_exact(2).enumerate() {
            let at = first.plus_seconds(index as f64 * frame_seconds);
            if let Some(tape) = &mut self.tape {
                tape.push((at, [frame[0], frame[1]]));
            }
            let weight = f64::from(frame[0]).abs();
            if weight > 1e-3 {
                let (sum, moment, origin) = self.open.unwrap_or((0.0, 0.0, at));
                self.open = Some((
                    sum + weight,
                    moment + weight * at.seconds_since(origin),
                    origin,
                ));
                self.quiet = 0;
            } else if let Some((sum, moment, origin)) = self.open {
                self.quiet += 1;
                if self.quiet > 100 {
                    self.clicks.push(origin.plus_seconds(moment / sum));
                    self.open = None;
                }
            }
        }
    }

    /// The left channel of the tape.
    pub fn left(&self) -> Vec<f32> {
        let tape = self.tape.as_ref().expect("a tape was asked for");
        tape.iter().map(|(_, frame)| frame[0]).collect()
    }
}

/// One output of the house.
pub struct Room {
    pub lane: Lane,
    pub handle: LaneHandle,
    pub card: SimulatedSpec,
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
                    ear: Rc::new(RefCell::new(Ear::default())),
                    stalled_until: ClockTime::default(),
                    plugged: Rc::new(RefCell::new(true)),
                }
            })
            .collect();
        let handles = rooms.iter().map(|room| room.handle.clone()).collect();
        let feeder = Self::another_feeder(handles, &gain, &Arc::new(AtomicU64::new(0)));
        Self {
            clock,
            feeder,
            rooms,
            events: Vec::new(),
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
            let sink = Simulated::new(self.card.clone(), clock, Box::new(listen));
            self.lane.attach(Box::new(sink)).expect("48 kHz to 48 kHz");
        }
        if self.lane.step(now).is_err() {
            self.lane.detach();
        }
    }
}

/// A source made of a function from frame number to sample; all of it is there at once.
pub struct Generated<F> {
    format: StreamFormat,
    frames: u64,
    at: u64,
    opened: bool,
    sought: Option<Duration>,
    sample: F,
}

impl<F: FnMut(u64) -> [f32; 2] + Send> Generated<F> {
    pub fn new(rate: u32, duration: Duration, sample: F) -> Self {
        Self {
            format: StreamFormat { rate, channels: 2 },
            frames: (duration.as_secs_f64() * f64::from(rate)).round() as u64,
            at: 0,
            opened: false,
            sought: None,
            sample,
        }
    }
}

impl<F: FnMut(u64) -> [f32; 2] + Send> Source for Generated<F> {
    fn poll(&mut self) -> Polled {
        let rate = f64::from(self.format.rate);
        if !std::mem::replace(&mut self.opened, true) {
            return Polled::Opened(MediaInfo {
                format: self.format,
                duration: Some(Duration::from_secs_f64(self.frames as f64 / rate)),
                seekable: true,
            });
        }
        if let Some(to) = self.sought.take() {
            return Polled::Sought(to);
        }
        if self.at >= self.frames {
            return Polled::End;
        }
        let end = (self.at + 1024).min(self.frames);
        let samples = (self.at..end)
            .flat_map(|frame| (self.sample)(frame))
            .collect();
        self.at = end;
        Polled::Audio(Chunk {
            format: self.format,
            samples,
        })
    }

    fn seek(&mut self, to: Duration) {
        self.at = (to.as_secs_f64() * f64::from(self.format.rate)) as u64;
        self.sought = Some(to);
    }
}

/// A soft click every half second: a raised cosine 64 frames wide, which has a well-defined middle.
pub fn clicks(duration: Duration) -> impl Source + 'static {
    Generated::new(RATE, duration, |frame| {
        let into = frame % (u64::from(RATE) / 2);
        let value = if into < 64 {
            (0.5 - 0.5 * (into as f64 / 64.0 * std::f64::consts::TAU).cos()) as f32 * 0.5
        } else {
            0.0
        };
        [value, value]
    })
}

/// A sine on both channels, of amplitude 0.5.
pub fn sine(rate: u32, hertz: f64, duration: Duration) -> impl Source + 'static {
    Generated::new(rate, duration, move |frame| {
        let phase = frame as f64 * hertz / f64::from(rate) * std::f64::consts::TAU;
        [phase.sin() as f32 * 0.5; 2]
    })
}
