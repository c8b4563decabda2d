//! What is heard of an output's settings, and of changing them under music.
//! How they are asked for is other tests' matter.

use std::time::Duration;

use unisono::audio::{ChannelMap, GLIDE_PPM, db_gain, volume_gain};
use unisono::clock::ClockTime;
use unisono::playback::{EngineCommand, OutputSettings, SideGain};

use crate::support::house::{Generated, House, RATE, card, helix};

const SECOND: Duration = Duration::from_secs(1);
/// A frame at 48 kHz, in seconds.
const FRAME: f64 = 1.0 / 48_000.0;

/// Room 1 of two, its settings changed.
fn set(house: &House, change: impl FnOnce(&mut OutputSettings)) {
    let handle = &house.rooms[1].handle;
    let mut settings = handle.settings();
    change(&mut settings);
    handle.set(settings);
}

fn two_rooms() -> House {
    House::new(&[card(0.0), card(-150.0)])
}

#[test]
fn another_lateness_is_glided_to() {
    for change in [0.030, -0.020] {
        let mut house = two_rooms();
        house.read();
        house.play(helix(60 * SECOND));
        house.run(15 * SECOND);
        set(&house, |settings| settings.late_seconds = change);
        house.run(15 * SECOND);
        let late = house.lateness(1);
        let later: Vec<_> = late.iter().filter(|(at, _)| *at > 10.0).collect();
        for pair in later.windows(2) {
            let (passed, moved) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
            let most = (GLIDE_PPM + 200.0) * 1e-6 * passed + 1e-6;
            assert!(moved.abs() < most, "{moved} s in {passed} s");
        }
        // A speaker that is said to be late is fed earlier, and this one is not late.
        let last = later.last().expect("heard").1;
        assert!((last + change).abs() < FRAME, "{change} s: {last} s late");
        let other = house.lateness(0).last().expect("heard").1;
        assert!(other.abs() < FRAME, "the other room moved: {other} s");
        let report = house.report(1);
        assert_eq!((report.reanchored, report.starved_frames), (0, 0));
    }
}

#[test]
fn a_lateness_set_in_silence_holds_from_the_first_frame() {
    let mut house = two_rooms();
    house.read();
    house.send(EngineCommand::Prepare);
    house.run(SECOND);
    set(&house, |settings| settings.late_seconds = -0.040);
    house.play(helix(20 * SECOND));
    house.run(5 * SECOND);
    for (at, late) in house.lateness(1) {
        assert!(
            (late - 0.040).abs() < 2.0 * FRAME,
            "{late} s late at {at} s"
        );
    }
    assert!(house.lateness(1).len() > 300);
}

/// What room 1 hears of a stream that is 0.4 on the left and -0.2 on the right, once `change` has been carried out: levels
/// on its left and right.
fn heard(zone: (u8, bool), change: impl FnOnce(&mut OutputSettings)) -> [f32; 2] {
    let mut house = two_rooms();
    house.play(Generated::new(RATE, 20 * SECOND, |_| [0.4, -0.2]));
    house.run(2 * SECOND);
    let side = SideGain {
        factor: volume_gain(zone.0),
        muted: zone.1,
    };
    house.gain.set(side, side);
    set(&house, change);
    house.run(SECOND);
    house.record();
    house.run(SECOND);
    let ear = house.rooms[1].ear.borrow();
    let tape: &Vec<(ClockTime, [f32; 2])> = ear.tape.as_ref().expect("recorded");
    tape.last().expect("heard").1
}

#[test]
fn volumes_add_up_in_decibels_unless_the_output_has_its_own_alone() {
    let check = |zone, change: fn(&mut OutputSettings), db: Option<f32>| {
        let [left, right] = heard(zone, change);
        let expected = db.map_or(0.0, db_gain);
        assert!((left - 0.4 * expected).abs() < 1e-4, "{db:?} dB: {left}");
        assert!((right + 0.2 * expected).abs() < 1e-4, "{db:?} dB: {right}");
    };
    check((100, false), |_| {}, Some(0.0));
    check((50, false), |_| {}, Some(-20.0));
    check((50, false), |room| room.volume = 75, Some(-30.0));
    check((100, false), |room| room.trim_db = -6.0, Some(-6.0));
    check((50, true), |_| {}, None);
    check((100, false), |room| room.muted = true, None);
    let alone = |room: &mut OutputSettings| (room.volume, room.volume_sync) = (75, false);
    check((50, false), alone, Some(-10.0));
    check((50, true), alone, None);
}

#[test]
fn channels_can_be_changed_under_music() {
    let check = |channels, expected: [f32; 2]| {
        let levels = heard((100, false), |room| room.channels = channels);
        for (level, expected) in levels.into_iter().zip(expected) {
            assert!((level - expected).abs() < 1e-4, "{channels:?}: {levels:?}");
        }
    };
    check(ChannelMap::Stereo, [0.4, -0.2]);
    check(ChannelMap::Left, [0.4, 0.4]);
    check(ChannelMap::Right, [-0.2, -0.2]);
    check(ChannelMap::Mono, [0.1, 0.1]);
    check(ChannelMap::Swap, [-0.2, 0.4]);
}

#[test]
fn no_change_of_a_setting_clicks() {
    let mut house = two_rooms();
    house.record();
    // A tenth of full scale at 100 Hz: steeper than its own slope is only what a change adds.
    let wave = |frame: u64| (frame as f64 * 100.0 / 48_000.0 * std::f64::consts::TAU).sin();
    house.play(Generated::new(RATE, 20 * SECOND, move |frame| {
        [wave(frame) as f32 * 0.1, -wave(frame) as f32 * 0.1]
    }));
    let changes: [fn(&mut OutputSettings); 7] = [
        |room| room.volume = 10,
        |room| room.volume = 100,
        |room| room.channels = ChannelMap::Swap,
        |room| room.muted = true,
        |room| room.muted = false,
        |room| room.trim_db = -40.0,
        |room| room.late_seconds = 0.010,
    ];
    for change in changes {
        house.run(Duration::from_millis(1037));
        set(&house, change);
    }
    house.run(2 * SECOND);
    let heard = house.rooms[1].ear.borrow().left();
    let steepest = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    let steepest = steepest.fold(0.0, f32::max);
    // The wave's own slope, and a ramp over 10 ms between its two extremes.
    let allowed = 0.1 * (100.0 / 48_000.0 * std::f32::consts::TAU + 2.0 / 480.0);
    assert!(steepest < allowed * 1.02, "{steepest} against {allowed}");
}

#[test]
fn an_output_is_heard_on_time_although_its_device_is_still_unknown_when_play_comes() {
    let mut house = two_rooms();
    house.rooms[1].card.late_reports = Duration::from_millis(10);
    house.rooms[1].card.period = 1024;
    house.read();
    // No time between being asked to open and being asked to play.
    house.send(EngineCommand::Prepare);
    house.send(EngineCommand::Load(1, Box::new(helix(20 * SECOND))));
    house.send(EngineCommand::Play);
    house.run(3 * SECOND);
    for room in [0, 1] {
        let heard = house.lateness(room);
        let (first, _) = heard.first().expect("heard");
        assert!(
            *first < 0.05,
            "room {room} is first heard {first} s into it"
        );
        let worst = heard.iter().map(|(_, late)| late.abs()).fold(0.0, f64::max);
        assert!(worst < 1e-3, "room {room}: {worst} s off");
        assert_eq!(house.report(room).reanchored, 0);
    }
}
