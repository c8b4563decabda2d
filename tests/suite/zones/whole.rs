//! Transport, feeder and lanes together: what the zone says is what is heard, whatever was cast and told before.

use std::time::Duration;

use proptest::prelude::*;

use unisono::playback::EngineCommand;
use unisono::zone::{Progress, TransportState, ZoneCommand};

use super::flat::{Flat, SONG, SONGS, Tap};
use super::track;
use crate::support::house::{Generated, House, RATE, card, clicks, sine};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

fn is_heard(flat: &Flat, level: f32) -> bool {
    let near = |heard: &f32| (heard - level).abs() < 1e-3;
    flat.levels().iter().all(near)
}

#[test]
fn songs_without_a_single_frame_come_to_an_end() {
    for (first, second) in [
        ("empty", None),
        ("empty", Some("empty")),
        ("empty", Some("broken")),
        ("short", Some("empty")),
        ("short", Some("broken")),
        ("broken", Some("song")),
    ] {
        let mut flat = Flat::new();
        flat.cast(first);
        flat.tell(ZoneCommand::SetNext(second.map(track)))
            .expect("always allowed");
        flat.run(4 * SECOND);
        let state = flat.state();
        let text = format!("{first}, then {second:?}: {state:?}");
        assert_eq!(state.transport, TransportState::Stopped, "{text}");
        let broken = first == "broken" || second == Some("broken");
        assert_eq!(state.error.is_some(), broken, "{text}");
    }
}

#[test]
fn after_an_empty_song_the_next_one_plays() {
    let mut flat = Flat::new();
    flat.cast("empty");
    flat.tell(ZoneCommand::SetNext(Some(track("song"))))
        .expect("always allowed");
    flat.run(SECOND);
    assert_eq!(flat.state().transport, TransportState::Playing);
    assert_eq!(flat.state().track, Some(track("song")));
    assert!(is_heard(&flat, SONG), "{:?}", flat.levels());
}

#[test]
fn a_seek_to_the_end_goes_on_with_the_next_song() {
    let mut flat = Flat::new();
    flat.cast("song");
    flat.tell(ZoneCommand::SetNext(Some(track("other song"))))
        .expect("always allowed");
    flat.run(SECOND);
    flat.tell(ZoneCommand::Seek(60 * SECOND)).expect("inside");
    flat.run(SECOND);
    assert_eq!(flat.state().transport, TransportState::Playing);
    assert_eq!(flat.state().track, Some(track("other song")));
    assert!(is_heard(&flat, 0.5), "{:?}", flat.levels());
}

#[test]
fn the_length_of_a_next_song_is_known_however_late_it_was_named() {
    let mut flat = Flat::new();
    flat.cast("song");
    flat.run(SECOND);
    flat.tell(ZoneCommand::Seek(59 * SECOND)).expect("inside");
    flat.run(300 * MILLI);
    // By now the first song has been read to its end.
    flat.tell(ZoneCommand::SetNext(Some(track("other song"))))
        .expect("always allowed");
    flat.run(2 * SECOND);
    assert_eq!(flat.state().track, Some(track("other song")));
    assert_eq!(flat.state().duration, Some(60 * SECOND));
}

#[test]
fn resuming_loses_nothing_though_the_outputs_were_given_back_meanwhile() {
    let mut flat = Flat::new();
    flat.cast("song");
    flat.run(2 * SECOND);
    flat.tell(ZoneCommand::Pause).expect("it plays");
    flat.run(SECOND);
    let paused_at = flat.position();
    for room in &mut flat.house.rooms {
        // As its thread does after a minute of silence.
        room.lane.rest();
    }
    flat.run(SECOND);
    flat.house.record();
    flat.tell(ZoneCommand::Play).expect("it is paused");
    flat.run(SECOND);
    let Progress::RunningSince(start) = flat.state().progress else {
        panic!("it does not play: {:?}", flat.state());
    };
    for room in &flat.house.rooms {
        let ear = room.ear.borrow();
        let tape = ear.tape.as_ref().expect("it records");
        let first = tape.iter().find(|(_, frame)| frame[0] > 1e-3);
        let (at, _) = first.expect("something is heard");
        let lost = at.seconds_since(start) - paused_at.as_secs_f64();
        assert!(lost.abs() < 0.002, "{} ms are lost", lost * 1e3);
    }
}

#[test]
fn a_next_song_that_is_taken_back_before_anything_was_heard_is_not_played() {
    let mut flat = Flat::new();
    let tell = |flat: &mut Flat, command| flat.tell(command).expect("allowed");
    tell(&mut flat, ZoneCommand::SetTrack(Some(track("empty"))));
    tell(&mut flat, ZoneCommand::SetNext(Some(track("song"))));
    flat.run(100 * MILLI);
    tell(&mut flat, ZoneCommand::SetNext(None));
    tell(&mut flat, ZoneCommand::Play);
    flat.run(SECOND);
    assert_eq!(flat.state().transport, TransportState::Stopped);
    assert!(is_heard(&flat, 0.0), "{:?}", flat.levels());
}

#[test]
fn a_stall_does_not_take_back_an_output_that_another_zone_was_given() {
    let mut house = House::new(&[card(0.0), card(0.0)]);
    house.record();
    let gain = std::sync::Arc::new(unisono::playback::Gain::new(1.0));
    let lanes = vec![house.rooms[1].handle.clone()];
    let mut other = House::another_feeder(lanes, &gain, &house.claims);
    let open = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    house.play(Tap {
        source: Generated::new(RATE, 60 * SECOND, |_| [0.25; 2]),
        free: 4 * RATE as usize,
        open: open.clone(),
    });
    house.run(SECOND);
    let song = Generated::new(RATE, 60 * SECOND, |_| [0.5; 2]);
    other.command(EngineCommand::Load(1, Box::new(song)), house.now());
    other.command(EngineCommand::Play, house.now());
    let both = |house: &mut House, other: &mut unisono::playback::Feeder, steps: u32| {
        for _ in 0..steps {
            other.step(house.now());
            house.run(10 * MILLI);
        }
    };
    both(&mut house, &mut other, 500);
    open.store(true, std::sync::atomic::Ordering::Relaxed);
    both(&mut house, &mut other, 300);
    let heard = |room: usize| {
        let ear = house.rooms[room].ear.borrow();
        ear.tape
            .as_ref()
            .expect("it records")
            .last()
            .expect("heard")
            .1[0]
    };
    assert!(
        (heard(0) - 0.25).abs() < 1e-3,
        "the first zone plays on: {}",
        heard(0)
    );
    assert!((heard(1) - 0.5).abs() < 1e-3, "taken back: {}", heard(1));
}

#[test]
fn a_lane_that_gets_nothing_more_falls_silent_without_a_click() {
    let mut house = House::new(&[card(0.0), card(300.0)]);
    house.play(sine(RATE, 200.0, 20 * SECOND));
    house.run(SECOND);
    house.record();
    house.run(SECOND);
    // The feeder's thread is held up, the lanes' threads are not.
    for _ in 0..300 {
        house.clock.advance(10 * MILLI);
        let now = house.now();
        for room in &mut house.rooms {
            room.lane.step(now).expect("nobody unplugs it");
        }
    }
    for (index, room) in house.rooms.iter().enumerate() {
        assert!(room.handle.report().starved_frames > 0);
        let samples = room.ear.borrow().left();
        assert_eq!(samples.last(), Some(&0.0));
        let steps = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        let largest = steps.fold(0.0, f32::max);
        let of_the_sine = 0.5 * std::f32::consts::TAU * 200.0 / RATE as f32;
        // At worst there is a millisecond left to fade in.
        let of_the_fade = 0.5 / 48.0;
        let allowed = of_the_sine + of_the_fade * 1.2;
        assert!(largest < allowed, "room {index}: {largest}");
    }
}

#[derive(Debug, Clone)]
enum Move {
    Tell(ZoneCommand),
    Wait(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let song = || proptest::sample::select(SONGS.to_vec()).prop_map(track);
    let command = prop_oneof![
        song().prop_map(|song| ZoneCommand::SetTrack(Some(song))),
        proptest::option::weighted(0.8, song()).prop_map(ZoneCommand::SetNext),
        Just(ZoneCommand::Play),
        Just(ZoneCommand::Play),
        Just(ZoneCommand::Pause),
        Just(ZoneCommand::Stop),
        (0u64..60_000).prop_map(|millis| ZoneCommand::Seek(Duration::from_millis(millis))),
        (58_000u64..60_000).prop_map(|millis| ZoneCommand::Seek(Duration::from_millis(millis))),
        Just(ZoneCommand::Next),
        Just(ZoneCommand::Previous),
    ];
    let wait = prop_oneof![0u64..30, 30u64..400, 400u64..3000];
    let one = prop_oneof![
        2 => command.prop_map(Move::Tell),
        1 => wait.prop_map(Move::Wait),
    ];
    proptest::collection::vec(one, 1..25)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_was_told_the_state_is_what_is_heard_and_the_next_cast_plays(moves in moves()) {
        let mut flat = Flat::new();
        for one in moves {
            match one {
                // Some are refused: that is an answer too.
                Move::Tell(command) => drop(flat.tell(command)),
                Move::Wait(millis) => flat.run(Duration::from_millis(millis)),
            }
        }
        flat.run(3 * SECOND);
        let (state, levels) = (flat.state().clone(), flat.levels());
        let loud = levels.iter().any(|level| level.abs() > 1e-3);
        prop_assert_eq!(loud, state.transport == TransportState::Playing, "{:?} {:?}", state, levels);
        if state.transport == TransportState::Transitioning {
            // Only a song that says nothing keeps it waiting.
            let uris = [&state.track, &state.next].map(|track| track.as_ref().map(|track| track.request.uri.clone()));
            prop_assert!(uris.contains(&Some("hangs".to_owned())), "{:?}", state);
        }
        flat.cast("song");
        flat.tell(ZoneCommand::Play).expect("there is media");
        flat.run(SECOND);
        let state = flat.state();
        prop_assert_eq!(state.transport, TransportState::Playing, "{:?}", state);
        prop_assert!(is_heard(&flat, SONG), "{:?} {:?}", state, flat.levels());
        let position = flat.position().as_secs_f64();
        prop_assert!((0.6..1.0).contains(&position), "{position}");
    }

    #[test]
    fn the_feeder_and_its_lanes_survive_any_order(
        commands in proptest::collection::vec((0u8..8, 0u64..1500, 0u64..5000), 1..30)
    ) {
        let mut house = House::new(&[card(0.0), card(-300.0)]);
        for (id, (kind, wait, to)) in commands.into_iter().enumerate() {
            let id = 2 + id as u64;
            let song = || clicks(Duration::from_millis(300 + to));
            house.send(match kind {
                0 => EngineCommand::Prepare,
                1 => EngineCommand::Load(id, Box::new(song())),
                2 => EngineCommand::Queue(Some((id, Box::new(song())))),
                3 => EngineCommand::Queue(None),
                4 => EngineCommand::Play,
                5 => EngineCommand::Pause,
                6 => EngineCommand::Seek(Duration::from_millis(to)),
                _ => EngineCommand::Stop,
            });
            house.run(Duration::from_millis(wait));
        }
        house.send(EngineCommand::Stop);
        house.run(SECOND);
        for room in &house.rooms {
            room.ear.borrow_mut().clicks.clear();
        }
        house.play(clicks(5 * SECOND));
        house.run(6 * SECOND);
        prop_assert_eq!(house.rooms[0].ear.borrow().clicks.len(), 10);
        let skews = house.skews(1);
        prop_assert_eq!(skews.len(), 10);
        for (at, skew) in skews {
            prop_assert!(skew.abs() < 0.001, "at {} s: {} ms", at, skew * 1e3);
        }
    }
}
