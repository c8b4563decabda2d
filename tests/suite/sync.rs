//! Speakers on different crystals, in virtual time: how far apart is the same frame heard?
//! Nothing here looks at what the lanes think, but for what they count.

mod long;

use std::time::Duration;

use unisono::audio::{ChannelMap, LARGEST_CORRECTION_PPM};
use unisono::clock::ClockTime;
use unisono::playback::{LaneReport, Learnt};
use unisono::sink::SimulatedSpec;

use crate::support::house::{House, card, clicks, helix, output, sine};

const SECOND: Duration = Duration::from_secs(1);
/// A frame at 48 kHz, in seconds.
const FRAME: f64 = 1.0 / 48_000.0;

/// A card whose reports come up to `late` milliseconds late, one in three.
fn late(crystal_ppm: f64, period: u32, start_up: u64, late: u64) -> SimulatedSpec {
    SimulatedSpec {
        crystal_ppm,
        period,
        start_up: Duration::from_millis(start_up),
        late_reports: Duration::from_millis(late),
    }
}

/// Eight speakers between −500 and +500 ppm that have little in common.
fn eight() -> Vec<SimulatedSpec> {
    vec![
        late(0.0, 480, 3, 10),
        late(500.0, 1024, 41, 10),
        late(-500.0, 256, 17, 10),
        late(80.0, 512, 0, 10),
        late(-120.0, 1024, 29, 10),
        late(333.0, 480, 8, 10),
        late(-250.0, 960, 23, 10),
        late(20.0, 128, 60, 10),
    ]
}

/// The value below which 99 in 100 are.
fn p99(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() * 99 / 100]
}

fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().map(f64::abs).fold(0.0, f64::max)
}

/// The values from `from` seconds on.
fn since(values: &[(f64, f64)], from: f64) -> Vec<f64> {
    let late = values.iter().filter(|(at, _)| *at >= from);
    late.map(|(_, value)| *value).collect()
}

/// Nothing happened that is worth counting.
fn undisturbed(report: LaneReport) -> bool {
    (report.reanchored, report.starved_frames, report.gaps) == (0, 0, 0)
}

/// The worst skew in milliseconds among clicks heard from `from` seconds on.
fn worst(house: &House, room: usize, from: f64) -> f64 {
    let skews = house.skews(room);
    assert!(skews.len() > 10, "room {room} heard {} clicks", skews.len());
    largest(since(&skews, from)) * 1e3
}

#[test]
fn speakers_on_different_crystals_are_in_step_from_the_first_click() {
    let mut house = House::new(&[card(0.0), card(80.0), card(-120.0), card(500.0)]);
    house.play(clicks(60 * SECOND));
    house.run(61 * SECOND);
    for room in 1..4 {
        assert_eq!(house.skews(room).len(), house.skews(0).len());
        let (first, later) = (worst(&house, room, 0.0), worst(&house, room, 10.0));
        assert!(first < 1.0, "room {room}: {first} ms");
        assert!(later < 0.021, "room {room}: {later} ms");
        assert!(undisturbed(house.report(room)), "room {room}");
    }
}

#[test]
fn late_reports_and_mixed_periods_do_not_matter() {
    let cards = eight();
    let rooms: Vec<usize> = (0..cards.len()).collect();
    let mut house = House::new(&cards);
    for room in &mut house.rooms {
        room.scatter = 20e-6;
    }
    house.read();
    house.play(helix(60 * SECOND));
    house.run(60 * SECOND);
    let spread = house.spread(&rooms);
    let (first, later) = (largest(since(&spread, 0.0)), p99(since(&spread, 10.0)));
    assert!(spread[0].0 < 0.1, "first heard after {} s", spread[0].0);
    assert!(first < 1e-3, "{first} s apart at worst");
    assert!(later < FRAME, "99 % of the time up to {later} s apart");
    for room in rooms {
        assert!(undisturbed(house.report(room)), "room {room}");
    }
}

#[test]
fn a_stereo_pair_stays_in_phase() {
    let side = |name, channels, crystal_ppm| {
        let mut spec = output(name);
        spec.settings.channels = channels;
        (spec, card(crystal_ppm))
    };
    let mut house = House::with_outputs(vec![
        side("left", ChannelMap::Left, 100.0),
        side("right", ChannelMap::Right, -100.0),
    ]);
    for room in &mut house.rooms {
        room.scatter = 30e-6;
    }
    house.play(clicks(120 * SECOND));
    house.run(121 * SECOND);
    let skews = since(&house.skews(1), 10.0);
    assert!(skews.len() > 200, "{} clicks", skews.len());
    let apart = p99(skews.into_iter().map(f64::abs).collect());
    assert!(apart < 10e-6, "left and right are {apart} s apart");
}

#[test]
fn a_crystal_that_was_learnt_is_known_at_the_next_start() {
    let worst_at_first = |learnt: Option<f64>| {
        let mut other = output("other");
        other.learnt.clock_ppm = learnt;
        let rooms = vec![
            (output("one"), card(0.0)),
            (other, late(500.0, 1024, 7, 10)),
        ];
        let mut house = House::with_outputs(rooms);
        house.rooms[1].scatter = 30e-6;
        house.read();
        house.play(helix(5 * SECOND));
        house.run(3 * SECOND);
        largest(house.lateness(1).into_iter().map(|(_, late)| late))
    };
    let (cold, learnt) = (worst_at_first(None), worst_at_first(Some(495.0)));
    assert!(learnt < 60e-6, "{learnt} s off though it was learnt");
    assert!(learnt < cold / 2.0, "{cold} s off cold, {learnt} s learnt");
    // A hundred times what a crystal can be off is no knowledge.
    let absurd = Learnt {
        clock_ppm: Some(50_000.0),
        ..Learnt::default()
    };
    let absurd = worst_at_first(absurd.plausible().clock_ppm);
    assert!(
        (absurd - cold).abs() < 1e-9,
        "{absurd} s off, {cold} s cold"
    );
}

/// What rooms hear of 20 s, and the house, when room 1 is held up for so long at second 8.
fn held_up(stall: Duration) -> House {
    let mut house = House::new(&eight());
    house.record();
    house.read();
    house.play(helix(20 * SECOND));
    house.run(8 * SECOND);
    house.rooms[1].stalled_until = house.now() + stall;
    house.run(10 * SECOND);
    house
}

#[test]
fn a_device_that_is_held_up_is_back_within_five_seconds_and_no_other_moves() {
    let (calm, stalled) = (held_up(Duration::ZERO), held_up(Duration::from_millis(300)));
    for room in (0..8).filter(|&room| room != 1) {
        assert!(tape(&calm, room) == tape(&stalled, room), "room {room}");
    }
    assert!(tape(&calm, 1) != tape(&stalled, 1), "it was held up");
    assert!(undisturbed(calm.report(1)));
    let report = stalled.report(1);
    assert!(report.gaps > 0, "{report:?}");
    let rooms: Vec<usize> = (0..8).collect();
    let back = largest(since(&stalled.spread(&rooms), 13.1));
    assert!(back < FRAME, "{back} s off five seconds later");
    let heard = since(&stalled.lateness(1), 13.1).len();
    assert!(heard > 200, "{heard} readings");
}

type Tape = Vec<(ClockTime, [f32; 2])>;

fn tape(house: &House, room: usize) -> Tape {
    let ear = house.rooms[room].ear.borrow();
    ear.tape.clone().expect("recorded")
}

/// A house of two, the second's reports changing by `lie` seconds after 20 s of 75.
fn switched(lie: f64) -> House {
    let mut house = House::new(&[card(0.0), late(200.0, 480, 7, 3)]);
    house.rooms[1].scatter = 30e-6;
    house.read();
    house.play(helix(76 * SECOND));
    house.run(20 * SECOND);
    house.rooms[1].lie.set(lie);
    house.run(55 * SECOND);
    house
}

#[test]
fn a_latency_that_changes_a_little_is_followed_slowly() {
    for lie in [0.020, -0.020] {
        let house = switched(lie);
        assert!(undisturbed(house.report(1)), "{:?}", house.report(1));
        let late = house.lateness(1);
        let later = since(&late, 5.0);
        let readings: Vec<_> = late.iter().filter(|(at, _)| *at >= 5.0).collect();
        assert!(later.len() > 6000, "{} readings", later.len());
        for pair in readings.windows(2) {
            let (passed, moved) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
            // The crystal is known to some ppm only.
            let most = (LARGEST_CORRECTION_PPM + 20.0) * 1e-6 * passed + 0.1e-6;
            assert!(moved.abs() < most, "{moved} s in {passed} s");
        }
        // What is reported as later than it is, is played earlier than it should be.
        let last = later.last().expect("there are readings");
        assert!((last + lie).abs() < FRAME, "{last} s late in the end");
    }
}

#[test]
fn a_latency_that_changes_a_lot_makes_one_jump() {
    for lie in [0.080, -0.080] {
        let house = switched(lie);
        let report = house.report(1);
        assert_eq!(report.reanchored, 1, "{lie} s");
        assert_eq!(house.report(0).reanchored, 0);
        // The helix tells only what is less than half a turn of 100 ms.
        let late = house.lateness(1).last().expect("heard").1;
        let expected = if lie > 0.0 { 0.020 } else { -0.020 };
        assert!((late - expected).abs() < FRAME, "{lie} s: {late} s late");
    }
}

#[test]
fn a_jump_is_faded() {
    let mut house = House::new(&[card(0.0), late(200.0, 480, 7, 3)]);
    house.play(sine(48_000, 200.0, 40 * SECOND));
    house.run(5 * SECOND);
    house.record();
    house.rooms[1].lie.set(0.080);
    house.run(10 * SECOND);
    assert_eq!(house.report(1).reanchored, 1);
    let heard = house.rooms[1].ear.borrow().left();
    let steps = heard.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    // The steepest step of a sine of 200 Hz, and 9 % for its ringing where it begins.
    let most = 0.5 * std::f32::consts::TAU * 200.0 / 48_000.0 * 1.09;
    let steepest = steps.fold(0.0, f32::max);
    assert!(steepest < most, "a step of {steepest}");
}

/// Plugs and unplugs rooms 1 to 3 in an order that `seed` decides on, and leaves them plugged in for the last ten seconds.
fn walk(seed: u64) -> House {
    let mut house = House::new(&eight()[..4]);
    house.record();
    house.read();
    house.play(helix(31 * SECOND));
    let mut dice = seed;
    for _ in 0..20 {
        house.run(Duration::from_millis(900));
        // Knuth's MMIX multiplier and increment; the upper bits are the good ones.
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let room = 1 + (dice >> 33) as usize % 3;
        if seed > 0 {
            let mut plugged = house.rooms[room].plugged.borrow_mut();
            *plugged = !*plugged;
        }
    }
    for room in &house.rooms {
        *room.plugged.borrow_mut() = true;
    }
    house.run(12 * SECOND);
    house
}

#[test]
fn whoever_is_unplugged_and_returns_nobody_else_moves() {
    let undisturbed_tape = tape(&walk(0), 0);
    for seed in 1..=4 {
        let house = walk(seed);
        assert!(tape(&house, 0) == undisturbed_tape, "walk {seed}");
        for room in 1..4 {
            assert_eq!(house.report(room).reanchored, 0, "walk {seed}, room {room}");
            let heard = since(&house.lateness(room), 28.0).len();
            assert!(heard > 40, "walk {seed}, room {room} is back: {heard}");
        }
        let spread = largest(since(&house.spread(&[0, 1, 2, 3]), 28.0));
        assert!(spread < FRAME, "walk {seed}: {spread} s apart in the end");
    }
}
