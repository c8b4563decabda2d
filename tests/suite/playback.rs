//! What is heard when a zone plays, pauses, seeks, stops and goes on to the next track: two speakers in virtual time.

use std::time::Duration;

use unisono::audio::ChannelMap;
use unisono::clock::ClockTime;
use unisono::media::{MediaError, MediaInfo, Polled, Source};
use unisono::playback::{EngineCommand, EngineEvent, LaneState};

use crate::support::house::{Generated, House, RATE, card, clicks, output, sine};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

/// Left samples from the first sound to the last, and when the first was heard.
fn sound(house: &House, room: usize) -> (ClockTime, Vec<f32>) {
    let ear = house.rooms[room].ear.borrow();
    let tape = ear.tape.as_ref().expect("recorded");
    let loud = |entry: &(ClockTime, [f32; 2])| entry.1[0].abs() > 1e-4;
    let first = tape.iter().position(loud).expect("something is heard");
    let last = tape.iter().rposition(loud).expect("something is heard");
    let samples = tape[first..=last].iter().map(|entry| entry.1[0]).collect();
    (tape[first].0, samples)
}

/// How many milliseconds after `since` the last sound is heard.
fn silent_after(house: &House, room: usize, since: ClockTime) -> f64 {
    let ear = house.rooms[room].ear.borrow();
    let tape = ear.tape.as_ref().expect("recorded");
    let last = tape.iter().rfind(|(_, frame)| frame[0].abs() > 1e-4);
    last.map_or(0.0, |(at, _)| at.seconds_since(since) * 1e3)
}

fn largest_step(samples: &[f32]) -> f32 {
    let steps = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    steps.fold(0.0, f32::max)
}

/// The largest step of a 0.5 sine of this frequency at 48 kHz, and 9 % more: where it begins, its slope has a step, and so much
/// (Gibbs) is added by any filter that is steep.
fn sine_step(hertz: f32) -> f32 {
    0.5 * std::f32::consts::TAU * hertz / RATE as f32 * 1.09
}

fn two_rooms() -> House {
    let mut house = House::new(&[card(0.0), card(400.0)]);
    house.record();
    house
}

#[test]
fn sound_comes_within_a_tenth_of_a_second_and_nothing_of_the_beginning_is_lost() {
    let mut house = two_rooms();
    // A step at frame 0: the first frame is as loud as all others.
    house.play(Generated::new(RATE, 2 * SECOND, |_| [0.25; 2]));
    let asked = house.now();
    house.run(3 * SECOND);
    for room in 0..2 {
        let (first, samples) = sound(&house, room);
        let delay = first.seconds_since(asked);
        assert!(delay < 0.1, "room {room} sounds after {delay} s");
        let length = samples.len() as f64 / f64::from(RATE) - 2.0;
        // 400 ppm of two seconds are 38 frames; the filter's ringing at the ends adds some.
        assert!(length.abs() < 0.003, "room {room}: {length} s too long");
    }
}

#[test]
fn what_is_cast_over_something_else_is_heard_from_its_first_frame() {
    let mut house = two_rooms();
    house.play(Generated::new(RATE, 20 * SECOND, |_| [-0.25; 2]));
    house.run(2 * SECOND);
    // All of it is there at once, before the first is silent.
    let next = Generated::new(RATE, SECOND, |_| [0.25; 2]);
    house.send(EngineCommand::Load(2, Box::new(next)));
    house.send(EngineCommand::Play);
    house.run(2 * SECOND);
    for room in 0..2 {
        let ear = house.rooms[room].ear.borrow();
        let tape = ear.tape.as_ref().expect("recorded");
        let new = tape.iter().filter(|(_, frame)| frame[0] > 0.2).count();
        // 400 ppm of a second are 19 frames.
        assert!(
            new.abs_diff(RATE as usize) < 24,
            "room {room}: {new} frames"
        );
    }
}

#[test]
fn a_pause_halts_every_room_on_the_same_frame_and_resuming_goes_on_there() {
    let mut house = two_rooms();
    house.play(sine(RATE, 200.0, 20 * SECOND));
    house.run(3 * SECOND);
    let asked = house.now();
    house.send(EngineCommand::Pause);
    house.run(SECOND);
    let mut lasts = Vec::new();
    for room in 0..2 {
        let silent = silent_after(&house, room, asked);
        assert!(silent < 100.0, "room {room} is silent after {silent} ms");
        lasts.push(silent);
    }
    assert!((lasts[0] - lasts[1]).abs() < 0.5, "{lasts:?}");
    let Some(EngineEvent::Halted { position, .. }) = house.events.last().cloned() else {
        panic!("no word of where: {:?}", house.events);
    };
    house.record();
    house.send(EngineCommand::Play);
    house.run(2 * SECOND);
    let Some(EngineEvent::Playing { start, .. }) = house.events.last().cloned() else {
        panic!("no word of playing: {:?}", house.events);
    };
    for room in 0..2 {
        let (first, samples) = sound(&house, room);
        let into = first.seconds_since(start) - position.as_secs_f64();
        assert!(
            into.abs() < 0.002,
            "room {room} goes on {into} s beside the pause"
        );
        let step = largest_step(&samples[..RATE as usize]);
        assert!(step < sine_step(200.0), "room {room} clicks: {step}");
    }
}

#[test]
fn stop_is_heard_at_once_and_without_a_click() {
    let mut house = two_rooms();
    house.play(sine(RATE, 200.0, 20 * SECOND));
    house.run(2 * SECOND);
    let asked = house.now();
    house.send(EngineCommand::Stop);
    house.run(SECOND);
    for room in 0..2 {
        let silent = silent_after(&house, room, asked);
        assert!(silent < 100.0, "room {room} is silent after {silent} ms");
        let (_, samples) = sound(&house, room);
        assert!(
            largest_step(&samples) < sine_step(200.0),
            "room {room} clicks"
        );
        assert_eq!(house.report(room).state, LaneState::Ready);
    }
}

#[test]
fn a_seek_plays_from_the_target_on() {
    let mut house = two_rooms();
    // The value tells the second.
    house.play(Generated::new(RATE, 60 * SECOND, |frame| {
        [(frame / u64::from(RATE)) as f32 / 100.0 + 0.01; 2]
    }));
    house.run(2 * SECOND);
    house.record();
    house.send(EngineCommand::Seek(30 * SECOND));
    house.run(500 * MILLI);
    for room in 0..2 {
        let ear = house.rooms[room].ear.borrow();
        let tape = ear.tape.as_ref().expect("recorded");
        let last = tape.last().expect("half a second").1[0];
        assert!((last - 0.31).abs() < 1e-3, "room {room} is at {last}");
    }
    let Some(EngineEvent::Playing { start, .. }) = house.events.last() else {
        panic!("no word of playing: {:?}", house.events);
    };
    let position = house.now().seconds_since(*start);
    assert!((30.3..30.5).contains(&position), "{position}");
}

#[test]
fn the_next_track_follows_without_a_gap() {
    for rate in [48_000, 44_100] {
        let mut house = two_rooms();
        let half = Duration::from_millis(2500);
        let tone = move |frame: u64| {
            let phase = frame as f64 * 1000.0 / f64::from(rate) * std::f64::consts::TAU;
            [phase.sin() as f32 * 0.5; 2]
        };
        let offset = u64::from(rate) * 5 / 2;
        house.send(EngineCommand::Prepare);
        house.send(EngineCommand::Load(
            1,
            Box::new(Generated::new(rate, half, tone)),
        ));
        let second = Generated::new(rate, half, move |frame| tone(frame + offset));
        house.send(EngineCommand::Queue(Some((2, Box::new(second)))));
        house.run(300 * MILLI);
        house.send(EngineCommand::Play);
        house.run(6 * SECOND);
        for room in 0..2 {
            let (_, samples) = sound(&house, room);
            let length = samples.len() as f64 / f64::from(RATE);
            assert!(
                (length - 5.0).abs() < 0.003,
                "{rate} Hz, room {room}: {length} s"
            );
            // Each sample of a sine follows from the two before it.
            let turn = 2.0 * (std::f32::consts::TAU * 1000.0 / RATE as f32).cos();
            let inner = &samples[200..samples.len() - 200];
            let broken = inner
                .windows(3)
                .filter(|x| (x[2] + x[0] - turn * x[1]).abs() > 3e-4)
                .count();
            assert_eq!(broken, 0, "{rate} Hz, room {room}");
            assert_eq!(house.report(room).starved_frames, 0);
        }
        let playing: Vec<_> = house
            .events
            .iter()
            .filter_map(|event| match event {
                EngineEvent::Playing { track, start } => Some((*track, *start)),
                _ => None,
            })
            .collect();
        assert_eq!(
            playing.iter().map(|(track, _)| *track).collect::<Vec<_>>(),
            [1, 2]
        );
        let apart = playing[1].1.seconds_since(playing[0].1);
        assert!((apart - 2.5).abs() < 1e-4, "{apart}");
        assert!(
            matches!(house.events.last(), Some(EngineEvent::Ended(2))),
            "{:?}",
            house.events
        );
    }
}

#[test]
fn a_next_track_that_comes_in_the_last_moment_is_still_played() {
    let mut house = two_rooms();
    house.play(Generated::new(RATE, 2 * SECOND, |_| [0.25; 2]));
    house.run(1900 * MILLI);
    house.send(EngineCommand::Queue(Some((
        2,
        Box::new(Generated::new(RATE, SECOND, |_| [0.5; 2])),
    ))));
    house.run(2 * SECOND);
    for room in 0..2 {
        let (_, samples) = sound(&house, room);
        assert!(samples.iter().filter(|sample| **sample > 0.49).count() > RATE as usize * 9 / 10);
    }
    assert!(
        matches!(house.events.last(), Some(EngineEvent::Ended(2))),
        "{:?}",
        house.events
    );
}

#[test]
fn a_next_track_taken_back_is_not_played() {
    let mut house = two_rooms();
    house.send(EngineCommand::Prepare);
    house.send(EngineCommand::Load(
        1,
        Box::new(Generated::new(RATE, 2 * SECOND, |_| [0.25; 2])),
    ));
    house.send(EngineCommand::Queue(Some((
        2,
        Box::new(Generated::new(RATE, SECOND, |_| [0.5; 2])),
    ))));
    house.run(300 * MILLI);
    house.send(EngineCommand::Play);
    // The second track has been read and handed out by then.
    house.run(1500 * MILLI);
    house.send(EngineCommand::Queue(None));
    house.run(2 * SECOND);
    for room in 0..2 {
        let (_, samples) = sound(&house, room);
        assert!(
            samples.iter().all(|sample| *sample < 0.4),
            "room {room} played the track"
        );
    }
    assert!(
        matches!(house.events.last(), Some(EngineEvent::Ended(1))),
        "{:?}",
        house.events
    );
}

#[test]
fn a_late_speaker_is_fed_earlier_by_its_lateness() {
    let mut late = output("late");
    late.settings.late_seconds = 0.180;
    let mut house = House::with_outputs(vec![(output("wired"), card(0.0)), (late, card(120.0))]);
    house.play(clicks(20 * SECOND));
    house.run(21 * SECOND);
    let skews = house.skews(1);
    assert!(skews.len() > 30);
    for (at, skew) in skews {
        assert!((skew + 0.180).abs() < 0.001, "at {at} s: {skew} s");
    }
    assert_eq!(house.report(1).starved_frames, 0);
}

#[test]
fn each_output_plays_its_channel_at_its_trim() {
    let mut left = output("left");
    left.settings.channels = ChannelMap::Left;
    let mut right = output("right");
    right.settings.channels = ChannelMap::Right;
    right.settings.trim_db = -6.0206;
    let mut house = House::with_outputs(vec![(left, card(0.0)), (right, card(0.0))]);
    house.record();
    house.play(Generated::new(RATE, 2 * SECOND, |_| [0.2, 0.6]));
    house.run(SECOND);
    for (room, expected) in [(0, 0.2), (1, 0.3)] {
        let ear = house.rooms[room].ear.borrow();
        let (_, frame) = ear.tape.as_ref().unwrap().last().copied().unwrap();
        for sample in frame {
            assert!((sample - expected).abs() < 1e-3, "room {room}: {frame:?}");
        }
    }
}

#[test]
fn a_speaker_that_is_unplugged_comes_back_in_step_and_the_other_never_notices() {
    let mut house = House::new(&[card(0.0), card(300.0)]);
    house.play(clicks(60 * SECOND));
    house.run(10 * SECOND);
    *house.rooms[1].plugged.borrow_mut() = false;
    house.run(5 * SECOND);
    assert_eq!(house.report(1).state, LaneState::Lost);
    *house.rooms[1].plugged.borrow_mut() = true;
    house.run(46 * SECOND);
    assert_eq!(house.rooms[0].ear.borrow().clicks.len(), 120);
    assert_eq!(
        (house.report(0).gaps, house.report(0).starved_frames),
        (0, 0)
    );
    let back: Vec<_> = house
        .skews(1)
        .into_iter()
        .filter(|(at, _)| *at > 17.0)
        .collect();
    assert!(back.len() > 80, "{}", back.len());
    for (at, skew) in back {
        // It is plugged in at second 15, and a frame off at most five seconds later.
        let most = if at < 20.0 { 60e-6 } else { 21e-6 };
        assert!(skew.abs() < most, "at {at} s: {} µs", skew * 1e6);
    }
}

#[test]
fn a_thread_that_is_held_up_disturbs_only_its_own_output() {
    let mut house = House::new(&[card(0.0), card(-200.0)]);
    house.play(clicks(40 * SECOND));
    house.run(10 * SECOND);
    house.rooms[1].stalled_until = house.now() + 300 * MILLI;
    house.run(31 * SECOND);
    assert_eq!(house.rooms[0].ear.borrow().clicks.len(), 80);
    assert_eq!(house.report(0).gaps, 0);
    assert!(house.report(1).gaps > 0);
    let back: Vec<_> = house
        .skews(1)
        .into_iter()
        .filter(|(at, _)| *at > 15.5)
        .collect();
    assert!(back.len() > 40, "{}", back.len());
    for (at, skew) in back {
        // It is plugged in at second 15, and a frame off at most five seconds later.
        let most = if at < 20.0 { 60e-6 } else { 21e-6 };
        assert!(skew.abs() < most, "at {at} s: {} µs", skew * 1e6);
    }
}

/// A source that gives a second of sound and then nothing for a while.
struct Hesitant<S> {
    source: S,
    given: usize,
    waits: u32,
    fails: bool,
}

impl<S: Source> Source for Hesitant<S> {
    fn poll(&mut self) -> Polled {
        if self.given > RATE as usize && self.waits > 0 {
            self.waits -= 1;
            return Polled::Pending;
        }
        if self.given > RATE as usize && self.fails {
            return Polled::Failed(MediaError::Fetch {
                uri: "http://192.0.2.1/song".to_owned(),
                reason: "the connection broke".to_owned(),
            });
        }
        let polled = self.source.poll();
        if let Polled::Audio(chunk) = &polled {
            self.given += chunk.samples.len() / 2;
        }
        polled
    }

    fn seek(&mut self, to: Duration) {
        self.source.seek(to);
    }
}

#[test]
fn a_source_that_stalls_halts_all_rooms_together_and_goes_on_where_it_was() {
    let mut house = two_rooms();
    house.play(Hesitant {
        source: sine(RATE, 200.0, 4 * SECOND),
        given: 0,
        waits: 400,
        fails: false,
    });
    house.run(20 * SECOND);
    let told = |wanted: fn(&EngineEvent) -> bool| {
        house.events.iter().filter(|event| wanted(event)).count()
    };
    assert_eq!(
        told(|event| matches!(event, EngineEvent::Stalled(1))),
        1,
        "{:?}",
        house.events
    );
    assert_eq!(
        told(|event| matches!(event, EngineEvent::Ended(1))),
        1,
        "{:?}",
        house.events
    );
    for room in 0..2 {
        let ear = house.rooms[room].ear.borrow();
        let loud = ear
            .tape
            .as_ref()
            .unwrap()
            .iter()
            .filter(|(_, frame)| frame[0].abs() > 1e-3)
            .count();
        let seconds = loud as f64 / f64::from(RATE);
        assert!(
            (seconds - 4.0).abs() < 0.05,
            "room {room} heard {seconds} s"
        );
        // The end itself is a kink, to which the filter has its own answer.
        let left = ear.left();
        let last = left.iter().rposition(|sample| sample.abs() > 1e-3).unwrap();
        assert!(
            largest_step(&left[..last - 100]) < sine_step(200.0),
            "room {room} clicks"
        );
    }
}

#[test]
fn a_source_that_breaks_off_is_heard_to_its_end_and_then_reported() {
    let mut house = two_rooms();
    house.play(Hesitant {
        source: sine(RATE, 200.0, 4 * SECOND),
        given: 0,
        waits: 0,
        fails: true,
    });
    house.run(3 * SECOND);
    let Some(EngineEvent::Failed(1, error)) = house.events.last() else {
        panic!("{:?}", house.events);
    };
    assert!(
        error.to_string().contains("http://192.0.2.1/song"),
        "{error}"
    );
    let (_, samples) = sound(&house, 0);
    assert!(samples.len() > RATE as usize, "{}", samples.len());
}

/// Fails before the first frame.
struct Broken;

impl Source for Broken {
    fn poll(&mut self) -> Polled {
        Polled::Failed(MediaError::Decode {
            uri: "http://192.0.2.1/letter.txt".to_owned(),
            reason: "it is no audio".to_owned(),
        })
    }

    fn seek(&mut self, _to: Duration) {}
}

#[test]
fn a_next_track_that_cannot_be_played_does_not_disturb_the_present_one() {
    let mut house = two_rooms();
    house.send(EngineCommand::Prepare);
    house.send(EngineCommand::Load(
        1,
        Box::new(Generated::new(RATE, 2 * SECOND, |_| [0.25; 2])),
    ));
    house.send(EngineCommand::Queue(Some((2, Box::new(Broken)))));
    house.run(300 * MILLI);
    house.send(EngineCommand::Play);
    house.run(3 * SECOND);
    for room in 0..2 {
        let (_, samples) = sound(&house, room);
        let length = samples.len() as f64 / f64::from(RATE);
        assert!((length - 2.0).abs() < 0.003, "room {room}: {length} s");
    }
    assert!(
        matches!(house.events.last(), Some(EngineEvent::Failed(2, _))),
        "{:?}",
        house.events
    );
}

#[test]
fn two_zones_may_name_one_output_and_the_last_to_play_has_it() {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;
    use unisono::playback::Gain;

    let mut house = House::new(&[card(0.0), card(50.0)]);
    house.record();
    let claims = Arc::new(AtomicU64::new(0));
    let handles: Vec<_> = house.rooms.iter().map(|room| room.handle.clone()).collect();
    let gain = Arc::new(Gain::new(1.0));
    house.feeder = House::another_feeder(handles.clone(), &gain, &claims);
    let mut kitchen = House::another_feeder(vec![handles[1].clone()], &gain, &claims);
    house.play(Generated::new(RATE, 20 * SECOND, |_| [0.25; 2]));
    house.run(SECOND);
    kitchen.command(
        EngineCommand::Load(9, Box::new(Generated::new(RATE, 20 * SECOND, |_| [0.5; 2]))),
        house.now(),
    );
    kitchen.command(EngineCommand::Play, house.now());
    let level = |house: &House, room: usize| {
        let ear = house.rooms[room].ear.borrow();
        ear.tape.as_ref().unwrap().last().unwrap().1[0]
    };
    for _ in 0..100 {
        kitchen.step(house.now());
        house.run(10 * MILLI);
    }
    assert!(
        (level(&house, 0) - 0.25).abs() < 1e-3,
        "the other output plays on"
    );
    assert!(
        (level(&house, 1) - 0.5).abs() < 1e-3,
        "the kitchen has been taken over"
    );
    // The large zone's own halt does not reach the output it has lost.
    house.send(EngineCommand::Pause);
    for _ in 0..50 {
        kitchen.step(house.now());
        house.run(10 * MILLI);
    }
    assert_eq!(level(&house, 0), 0.0);
    assert!((level(&house, 1) - 0.5).abs() < 1e-3);
    // Told to play again, it takes it back, and the small one says that it has none left.
    house.send(EngineCommand::Play);
    let mut displaced = false;
    for _ in 0..100 {
        kitchen.step(house.now());
        while let Some(event) = kitchen.event() {
            displaced |= matches!(event, EngineEvent::Displaced);
        }
        house.run(10 * MILLI);
    }
    assert!(displaced);
    assert!((level(&house, 1) - 0.25).abs() < 1e-3);
}

#[test]
fn opening_says_what_is_known() {
    let mut house = two_rooms();
    house.play(sine(44_100, 200.0, 3 * SECOND));
    let Some(EngineEvent::Opened(
        1,
        MediaInfo {
            format,
            duration,
            seekable,
        },
    )) = house.events.first()
    else {
        panic!("{:?}", house.events);
    };
    assert_eq!(
        (format.rate, *duration, *seekable),
        (44_100, Some(3 * SECOND), true)
    );
}
