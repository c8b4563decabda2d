//! Speakers on different crystals, in virtual time: how far apart is the same click heard?

use std::time::Duration;

use unisono::sink::SimulatedSpec;

use crate::support::house::{House, card, clicks};

const SECOND: Duration = Duration::from_secs(1);

/// The worst skew in milliseconds among clicks heard from `from` seconds on.
fn worst(house: &House, room: usize, from: f64) -> f64 {
    let skews = house.skews(room);
    assert!(skews.len() > 10, "room {room} heard {} clicks", skews.len());
    let late = skews.iter().filter(|(at, _)| *at >= from);
    late.map(|(_, skew)| skew.abs() * 1e3).fold(0.0, f64::max)
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
        assert_eq!(house.report(room).reanchored, 0);
        assert_eq!(house.report(room).starved_frames, 0);
        assert_eq!(house.report(room).gaps, 0);
    }
}

#[test]
fn late_reports_and_mixed_periods_do_not_matter() {
    let late = |crystal_ppm, period, start_up| SimulatedSpec {
        crystal_ppm,
        period,
        start_up: Duration::from_millis(start_up),
        late_reports: Duration::from_millis(10),
    };
    let mut house = House::new(&[
        late(0.0, 256, 3),
        late(500.0, 480, 41),
        late(-500.0, 1024, 17),
    ]);
    house.play(clicks(120 * SECOND));
    house.run(121 * SECOND);
    for room in 1..3 {
        let (first, later) = (worst(&house, room, 0.0), worst(&house, room, 10.0));
        assert!(first < 1.0, "room {room}: {first} ms");
        assert!(later < 0.021, "room {room}: {later} ms");
        assert_eq!(house.report(room).reanchored, 0);
    }
}
