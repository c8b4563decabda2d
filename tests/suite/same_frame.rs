//! Pause, resume, seek and stop fall to the same frame in every room, however late its speaker and whatever its crystal.
//! Heard by the helix, every frame of which says which it is.

use std::time::Duration;

use unisono::audio::StreamFormat;
use unisono::clock::ClockTime;
use unisono::media::{MediaInfo, Polled, Source};
use unisono::playback::EngineCommand;

use crate::support::house::{Generated, House, RATE, TURN, card, helix, output, turned};

const SECOND: Duration = Duration::from_secs(1);
/// A frame at 48 kHz, in seconds.
const FRAME: f64 = 1.0 / 48_000.0;
/// Frames over which music that goes on is faded in: 10 ms (`audio::RAMP_SECONDS`).
const RAMP: f64 = 480.0;

/// Rooms with these latenesses, in seconds, on crystals of their own, that record.
fn rooms(late: &[f64]) -> House {
    let crystals = [0.0, 400.0, -300.0];
    let rooms = late.iter().zip(crystals).map(|(&late, crystal)| {
        let mut room = output(&format!("{late} s late"));
        room.settings.late_seconds = late;
        (room, card(crystal))
    });
    let mut house = House::with_outputs(rooms.collect());
    house.record();
    house
}

/// The frame of the helix' turn that `room` heard last, or first, at full size since it records.
fn heard(house: &House, room: usize, last: bool) -> f64 {
    let ear = house.rooms[room].ear.borrow();
    let tape = ear.tape.as_ref().expect("recorded");
    let mut frames = tape.iter().filter_map(|(_, frame)| turned(*frame));
    let frame = if last {
        frames.next_back()
    } else {
        frames.next()
    };
    frame.expect("the helix was heard")
}

/// From one frame of the turn to another, the short way round.
fn from_to(from: f64, to: f64) -> f64 {
    let turn = f64::from(TURN);
    (to - from + turn / 2.0).rem_euclid(turn) - turn / 2.0
}

/// The frame that all rooms heard last, or first. Their own frames lie between one another, so that each may be one off.
fn together(house: &House, last: bool) -> f64 {
    let first_room = heard(house, 0, last);
    for room in 1..house.rooms.len() {
        let apart = from_to(first_room, heard(house, room, last));
        assert!(apart.abs() < 2.0, "room {room} is {apart} frames off");
    }
    first_room
}

/// Each room hears each frame when the timeline says, less its lateness.
fn in_step(house: &mut House, late: &[f64]) {
    house.read();
    house.run(SECOND);
    for (room, late) in late.iter().enumerate() {
        let readings = house.lateness(room);
        assert!(readings.len() > 50, "room {room}: {}", readings.len());
        for (at, off) in readings {
            let off = from_to(-late / FRAME, off / FRAME);
            assert!(off.abs() < 1.5, "room {room}, {at} s: {off} frames off");
        }
    }
}

const LATE: [f64; 3] = [0.0, 0.180, -0.040];

#[test]
fn a_pause_and_what_follows_it() {
    let mut house = rooms(&LATE);
    house.play(helix(60 * SECOND));
    house.run(5 * SECOND);
    house.send(EngineCommand::Pause);
    house.run(SECOND);
    let halted = together(&house, true);
    house.record();
    house.send(EngineCommand::Play);
    house.run(SECOND);
    let resumed = together(&house, false);
    let skipped = from_to(halted, resumed) - RAMP;
    assert!(skipped.abs() < 3.0, "{skipped} frames lost or heard again");
    in_step(&mut house, &LATE);
}

#[test]
fn a_seek_and_a_stop() {
    let mut house = rooms(&LATE);
    house.play(helix(60 * SECOND));
    house.run(5 * SECOND);
    house.send(EngineCommand::Seek(30 * SECOND));
    // Speakers that are late have not heard of it yet when the first has.
    house.run(Duration::from_millis(20));
    house.record();
    house.run(SECOND);
    house.send(EngineCommand::Stop);
    house.run(SECOND);
    together(&house, true);

    let mut house = rooms(&LATE);
    house.play(helix(60 * SECOND));
    house.run(5 * SECOND);
    house.send(EngineCommand::Pause);
    house.run(SECOND);
    house.record();
    // Thirty seconds are so many whole turns.
    house.send(EngineCommand::Seek(30 * SECOND));
    house.send(EngineCommand::Play);
    house.run(SECOND);
    let begun = from_to(RAMP, together(&house, false));
    assert!(begun.abs() < 3.0, "{begun} frames beside the target");
    in_step(&mut house, &LATE);
}

#[test]
fn speakers_that_are_late_by_seconds() {
    for late in [[0.0, 5.0, 1.7], [-2.5, 2.5, 0.0]] {
        let mut house = rooms(&late);
        // Silence, then a step: the filter is as steep before it as after.
        house.play(Generated::new(RATE, 20 * SECOND, |frame| {
            [if frame < u64::from(RATE) * 7 {
                0.0
            } else {
                0.25
            }; 2]
        }));
        house.run(20 * SECOND);
        let step = |room: usize| -> ClockTime {
            let ear = house.rooms[room].ear.borrow();
            let tape = ear.tape.as_ref().expect("recorded");
            let found = tape.iter().find(|(_, frame)| frame[0] > 0.125);
            found.expect("the step is heard").0
        };
        for room in 1..3 {
            let earlier = step(0).seconds_since(step(room));
            let off = (earlier - (late[room] - late[0])) / FRAME;
            assert!(off.abs() < 2.0, "{late:?}: room {room} is {off} frames off");
            assert_eq!(house.report(room).starved_frames, 0, "{late:?}");
        }
    }
}

/// A radio station: what it sends cannot be asked for again, and comes no faster than it is heard.
struct Station<S> {
    source: S,
    opened: bool,
    sent: usize,
    tuned_in: Duration,
    clock: std::sync::Arc<unisono::clock::ManualClock>,
}

impl<S: Source> Source for Station<S> {
    fn poll(&mut self) -> Polled {
        use unisono::clock::Clock;
        if self.opened {
            let now = self.clock.now().seconds_since(ClockTime::default());
            // A second at once, as stations do, and then in real time.
            let aired = now - self.tuned_in.as_secs_f64() + 1.0;
            if self.sent as f64 > aired * f64::from(RATE) {
                return Polled::Pending;
            }
        }
        match self.source.poll() {
            Polled::Opened(_) => {
                self.opened = true;
                let format = StreamFormat {
                    rate: RATE,
                    channels: 2,
                };
                Polled::Opened(MediaInfo {
                    format,
                    duration: None,
                    seekable: false,
                })
            }
            Polled::Audio(chunk) => {
                self.sent += chunk.samples.len() / 2;
                Polled::Audio(chunk)
            }
            other => other,
        }
    }

    fn seek(&mut self, _to: Duration) {
        panic!("a station cannot be sought in");
    }
}

#[test]
fn a_radio_that_was_paused_goes_on_where_the_ear_left_off() {
    let mut house = rooms(&LATE);
    let tuned_in = house.now().seconds_since(ClockTime::default());
    house.play(Station {
        source: helix(300 * SECOND),
        opened: false,
        sent: 0,
        tuned_in: Duration::from_secs_f64(tuned_in),
        clock: house.clock.clone(),
    });
    house.run(5 * SECOND);
    house.send(EngineCommand::Pause);
    house.run(60 * SECOND);
    let halted = together(&house, true);
    house.record();
    house.send(EngineCommand::Play);
    house.run(SECOND);
    let skipped = from_to(halted, together(&house, false)) - RAMP;
    assert!(skipped.abs() < 3.0, "{skipped} frames lost or heard again");
    in_step(&mut house, &LATE);
    for room in 0..3 {
        assert_eq!(house.report(room).starved_frames, 0);
    }
}
