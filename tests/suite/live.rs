//! Inputs in virtual time: a source on its own clock, through a listener, a feeder and lanes, to speakers on theirs.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use unisono::capture::{Capture, CaptureError, CaptureSpec, PulseSource};
use unisono::clock::{Clock, ClockTime};
use unisono::live::{InputEvent, InputHandle, InputSpec, Listener};
use unisono::playback::EngineCommand;
use unisono::sink::Heard;

use crate::support::dice::Dice;
use crate::support::house::{Generated, House, RATE, TURN, card, turned};

/// A record player: what it plays depends on the moment, and how often it samples that on its crystal.
struct Player {
    clock: Arc<dyn Clock>,
    table: Rc<RefCell<Table>>,
    started: ClockTime,
    taken: u64,
    report: Option<Heard>,
    dice: Dice,
}

/// What of it may be changed while it plays.
struct Table {
    rate: f64,
    /// The sample at a moment.
    sound: Box<dyn Fn(ClockTime) -> [f32; 2]>,
    plugged: bool,
}

/// How long what is played lies in the sound server.
const ON_THE_WAY: Duration = Duration::from_millis(15);

impl Capture for Player {
    fn rate(&self) -> u32 {
        44_100
    }

    fn read(&mut self, frames: &mut Vec<f32>) -> Result<usize, CaptureError> {
        let table = self.table.borrow();
        if !table.plugged {
            return Err(CaptureError::Lost {
                input: "the record player".to_owned(),
                reason: "unplugged".to_owned(),
            });
        }
        let now = self.clock.now();
        let there = (now - ON_THE_WAY)
            .saturating_since(self.started)
            .as_secs_f64()
            * table.rate;
        let before = self.taken;
        while self.taken < there as u64 {
            let at = self.started.plus_seconds(self.taken as f64 / table.rate);
            frames.extend((table.sound)(at));
            self.taken += 1;
        }
        // A report is of where it is now, and off by up to 100 µs either way.
        let off = (self.dice.below(201) as f64 - 100.0) * 1e-6;
        let heard = now.saturating_since(self.started).as_secs_f64() + off;
        self.report = Some(Heard {
            frames: heard * table.rate,
            at: now,
        });
        Ok((self.taken - before) as usize)
    }

    fn heard(&mut self) -> Option<Heard> {
        self.report.take()
    }

    fn pace(&self) -> Duration {
        Duration::from_millis(10)
    }

    fn gaps(&self) -> u64 {
        0
    }
}

/// A house that listens to a record player.
struct Listening {
    house: House,
    table: Rc<RefCell<Table>>,
    handle: InputHandle,
    listener: Listener,
    events: VecDeque<(ClockTime, InputEvent)>,
    held_up_until: ClockTime,
}

/// The helix, of which it can be told at what moment it was played.
fn helix(at: ClockTime) -> [f32; 2] {
    let turn = at.as_nanos() as f64 * 1e-9 / TURN_SECONDS * std::f64::consts::TAU;
    [turn.cos() as f32 * 0.5, turn.sin() as f32 * 0.5]
}

const TURN_SECONDS: f64 = TURN as f64 / 48_000.0;
const BUFFER: Duration = Duration::from_millis(120);
const MILLI: Duration = Duration::from_millis(1);

impl Listening {
    fn new(ppm: f64, cards: &[f64], sound: impl Fn(ClockTime) -> [f32; 2] + 'static) -> Self {
        let cards: Vec<_> = cards.iter().map(|&ppm| card(ppm)).collect();
        let mut house = House::new(&cards);
        house.record();
        let spec = InputSpec {
            name: "record player".to_owned(),
            capture: CaptureSpec::Pulse(PulseSource::default()),
            stop_after: Duration::from_secs(8),
            buffer: BUFFER,
        };
        let (handle, end) = InputHandle::pair(&spec);
        let listener = Listener::new(&spec, end, house.now());
        let table = Rc::new(RefCell::new(Table {
            rate: 44_100.0 * (1.0 + ppm * 1e-6),
            sound: Box::new(sound),
            plugged: true,
        }));
        let mut listening = Self {
            house,
            table,
            handle,
            listener,
            events: VecDeque::new(),
            held_up_until: ClockTime::default(),
        };
        listening.plug_in();
        // Outputs of such a zone are kept open.
        listening.house.send(EngineCommand::Prepare);
        listening.run(1000 * MILLI);
        listening
    }

    fn plug_in(&mut self) {
        let player = Player {
            clock: self.house.clock.clone(),
            table: self.table.clone(),
            started: self.house.now(),
            taken: 0,
            report: None,
            dice: Dice::new(7),
        };
        self.table.borrow_mut().plugged = true;
        self.listener.attach(Box::new(player)).expect("44.1 kHz");
    }

    fn play(&mut self) {
        let source = self.handle.open(Arc::new(|| {}));
        self.house.send(EngineCommand::Load(1, source));
        self.house.send(EngineCommand::Play);
    }

    fn run(&mut self, duration: Duration) {
        let end = self.house.now() + duration;
        while self.house.now() < end {
            let now = self.house.now();
            if now >= self.held_up_until {
                if self.listener.step(now).is_err() {
                    self.listener.detach();
                }
                while let Some(event) = self.listener.event() {
                    self.events.push_back((now, event));
                }
            }
            self.house.run(10 * MILLI);
        }
    }

    /// By how much later than it was played each room heard the helix since `from`, in seconds, each for every frame on its tape;
    /// `None` where something else was heard.
    fn delays(&self, room: usize, from: ClockTime) -> Vec<(ClockTime, Option<f64>)> {
        let ear = self.house.rooms[room].ear.borrow();
        let tape = ear.tape.as_ref().expect("there is a tape");
        let heard = tape.iter().filter(|(at, _)| *at >= from);
        heard
            .map(|&(at, frame)| {
                let turned = turned(frame).map(|turned| turned / f64::from(TURN) * TURN_SECONDS);
                let now = at.as_nanos() as f64 * 1e-9;
                (
                    at,
                    turned.map(|turned| (now - turned).rem_euclid(TURN_SECONDS)),
                )
            })
            .collect()
    }

    fn forget(&mut self) {
        self.house.record();
    }

    fn losses(&self) -> Vec<(u64, u64, u64)> {
        let rooms = 0..self.house.rooms.len();
        rooms
            .map(|room| {
                let report = self.house.report(room);
                (report.starved_frames, report.gaps, report.reanchored)
            })
            .collect()
    }
}

/// The least and the most of them, where all of it was the helix.
fn range(delays: &[(ClockTime, Option<f64>)]) -> (f64, f64) {
    let mut range = (f64::INFINITY, f64::NEG_INFINITY);
    for (at, delay) in delays {
        let delay = delay.unwrap_or_else(|| panic!("something else was heard at {at:?}"));
        range = (range.0.min(delay), range.1.max(delay));
    }
    range
}

#[test]
fn a_source_on_its_own_clock_is_heard_unbroken_and_always_as_late() {
    let mut listening = Listening::new(300.0, &[-200.0, 500.0], helix);
    listening.play();
    listening.run(Duration::from_secs(15));
    let mut bounds = [(f64::INFINITY, f64::NEG_INFINITY); 2];
    for _ in 0..6 {
        listening.forget();
        let from = listening.house.now();
        listening.run(Duration::from_mins(1));
        for (room, bounds) in bounds.iter_mut().enumerate() {
            let (least, most) = range(&listening.delays(room, from));
            *bounds = (bounds.0.min(least), bounds.1.max(most));
        }
    }
    assert_eq!(listening.losses(), [(0, 0, 0); 2]);
    // Of the delay a helix tells what is beyond whole turns of 100 ms; what its full size is, the next test tells.
    for (least, most) in bounds {
        assert!(most - least < 0.000_5, "{least} to {most}");
    }
    let (one, other) = (bounds[0], bounds[1]);
    let apart = (one.1 - other.0).max(other.1 - one.0);
    assert!(apart < 0.000_6, "{one:?} {other:?}");
}

#[test]
fn its_sound_is_heard_from_the_first_and_soon() {
    let onset = ClockTime::from_nanos(5_000_000_000);
    let sound = move |at: ClockTime| {
        let since = at.seconds_since(onset);
        if since < 0.0 {
            return [0.0; 2];
        }
        // A tone that rises within 20 ms.
        let level = (since / 0.02).min(1.0) * 0.5;
        [(level * (since * 1000.0 * std::f64::consts::TAU).sin()) as f32; 2]
    };
    let mut listening = Listening::new(-120.0, &[0.0, 80.0], sound);
    listening.run(Duration::from_secs(3));
    assert_eq!(listening.events, []);
    while listening.events.is_empty() {
        listening.run(10 * MILLI);
    }
    let (told, event) = listening.events[0];
    assert_eq!(event, InputEvent::Sounds);
    assert!(
        told.seconds_since(onset) < 0.080,
        "{}",
        told.seconds_since(onset)
    );
    listening.play();
    listening.run(Duration::from_secs(2));
    for room in &listening.house.rooms {
        let ear = room.ear.borrow();
        let tape = ear.tape.as_ref().expect("there is a tape");
        let first = tape.iter().find(|(_, frame)| frame[0].abs() > 0.01);
        let heard = first.expect("it was heard").0.seconds_since(onset);
        // The first hundredth is reached after 0.4 ms of the rise, not after a fade.
        assert!(heard < 0.2, "{heard}");
        let loudest = |from: f64, to: f64| {
            let within = tape.iter().filter(|(at, _)| {
                let since = at.seconds_since(onset) - heard;
                since >= from && since < to
            });
            within.map(|(_, frame)| frame[0].abs()).fold(0.0, f32::max)
        };
        let (rising, whole) = (loudest(0.008, 0.010), loudest(0.030, 0.040));
        assert!((0.18..0.28).contains(&rising), "{rising}");
        assert!((0.49..0.51).contains(&whole), "{whole}");
    }
}

/// A second of a song that is cast: when each room heard it first, in seconds, and how many frames of it.
fn cast(listening: &mut Listening) -> Vec<(f64, usize)> {
    // So loud on both sides at once the helix never is.
    let song = Generated::new(RATE, Duration::from_secs(1), |_| [0.7; 2]);
    let asked = listening.house.now();
    listening.forget();
    listening.house.send(EngineCommand::Load(2, Box::new(song)));
    listening.house.send(EngineCommand::Play);
    listening.run(Duration::from_secs(2));
    let rooms = listening.house.rooms.iter().map(|room| {
        let ear = room.ear.borrow();
        let tape = ear.tape.as_ref().expect("there is a tape");
        let song = tape
            .iter()
            .filter(|(_, frame)| frame[0] > 0.6 && frame[1] > 0.6);
        let first = song.clone().next().expect("it was heard").0;
        (first.seconds_since(asked), song.count())
    });
    rooms.collect()
}

#[test]
fn a_cast_over_it_begins_as_soon_as_any_and_with_its_first_frame() {
    let cards = [-200.0, 500.0];
    let mut silent = Listening::new(300.0, &cards, |_| [0.0; 2]);
    silent.run(Duration::from_secs(5));
    let mut sounding = Listening::new(300.0, &cards, helix);
    sounding.play();
    sounding.run(Duration::from_secs(5));
    let (usual, over) = (cast(&mut silent), cast(&mut sounding));
    for (usual, over) in usual.iter().zip(&over) {
        // What is heard fades first: for 5 ms.
        assert!(over.0 < usual.0 + 0.010, "{usual:?} {over:?}");
        for frames in [usual.1, over.1] {
            assert!(frames.abs_diff(RATE as usize) < 48, "{usual:?} {over:?}");
        }
    }
}

#[test]
fn silence_is_told_after_a_while_and_sound_again_after_it() {
    let sound = |at: ClockTime| {
        let seconds = at.as_nanos() as f64 * 1e-9;
        if (10.0..12.0).contains(&seconds) || seconds >= 30.0 {
            helix(at)
        } else {
            [0.0; 2]
        }
    };
    let mut listening = Listening::new(0.0, &[0.0], sound);
    listening.run(Duration::from_secs(40));
    let told: Vec<_> = listening
        .events
        .iter()
        .map(|(at, event)| (at.as_nanos() / 1_000_000_000, *event))
        .collect();
    let expected = [
        (10, InputEvent::Sounds),
        (20, InputEvent::Silent),
        (30, InputEvent::Sounds),
    ];
    assert_eq!(told, expected);
}

#[test]
fn after_a_pause_it_goes_on_with_what_sounds_now() {
    let mut listening = Listening::new(300.0, &[-200.0, 500.0], helix);
    listening.play();
    listening.run(Duration::from_secs(10));
    let from = listening.house.now() - Duration::from_secs(1);
    let (before, _) = range(&listening.delays(0, from));
    listening.house.send(EngineCommand::Pause);
    listening.run(Duration::from_secs(7));
    let silent = listening.delays(0, listening.house.now() - Duration::from_secs(5));
    assert!(silent.iter().all(|(_, delay)| delay.is_none()));
    listening.house.send(EngineCommand::Play);
    listening.run(Duration::from_secs(10));
    let from = listening.house.now() - Duration::from_secs(9);
    let (least, most) = range(&listening.delays(0, from));
    assert!((least - before).abs() < 0.000_5, "{before} {least}");
    assert!(most - least < 0.000_5, "{least} {most}");
}

#[test]
fn a_hold_up_within_the_buffer_is_not_heard() {
    let mut listening = Listening::new(-300.0, &[100.0], helix);
    listening.play();
    listening.run(Duration::from_secs(5));
    for _ in 0..20 {
        listening.held_up_until = listening.house.now() + 70 * MILLI;
        listening.run(Duration::from_secs(1));
    }
    let from = listening.house.now() - Duration::from_secs(20);
    range(&listening.delays(0, from));
    assert_eq!(listening.losses(), [(0, 0, 0)]);
}

#[test]
fn unplugged_it_is_silent_and_plugged_in_again_as_late_as_before() {
    let mut listening = Listening::new(300.0, &[-200.0, 500.0], helix);
    listening.play();
    listening.run(Duration::from_secs(10));
    let (before, _) = range(&listening.delays(0, listening.house.now() - Duration::from_secs(1)));
    listening.table.borrow_mut().plugged = false;
    listening.run(Duration::from_secs(5));
    let silent = listening.delays(1, listening.house.now() - Duration::from_secs(4));
    assert!(silent.iter().all(|(_, delay)| delay.is_none()));
    listening.table.borrow_mut().rate = 44_100.0;
    listening.plug_in();
    listening.run(Duration::from_secs(20));
    for room in 0..2 {
        let from = listening.house.now() - Duration::from_secs(5);
        let (least, most) = range(&listening.delays(room, from));
        assert!((least - before).abs() < 0.001, "{before} {least}");
        assert!(most - least < 0.000_5, "{least} {most}");
    }
}

#[test]
fn an_output_that_is_made_later_moves_all_of_them() {
    let mut listening = Listening::new(0.0, &[-200.0, 500.0], helix);
    listening.play();
    listening.run(Duration::from_secs(5));
    let handle = &listening.house.rooms[1].handle;
    let mut settings = handle.settings();
    settings.late_seconds = 0.230;
    handle.set(settings);
    listening.run(Duration::from_secs(40));
    listening.forget();
    let from = listening.house.now();
    listening.run(Duration::from_secs(5));
    let (on_time, _) = range(&listening.delays(0, from));
    let (early, _) = range(&listening.delays(1, from));
    // The late one's sound leaves it 230 ms, so 30 ms beyond two turns, before that of the other.
    let apart = (on_time - early - 0.030).rem_euclid(TURN_SECONDS);
    assert!(
        apart.min(TURN_SECONDS - apart) < 0.000_5,
        "{on_time} {early}"
    );
}
