//! What is heard, and what somebody sees who looks every 10 ms, of what a control point does: T and K cases in virtual time.

use std::time::Duration;

use unisono::clock::ClockTime;
use unisono::zone::TransportState::{Paused, Playing, Stopped, Transitioning};
use unisono::zone::{TransportState, ZoneCommand};

use super::flat::{Flat, OTHER_SONG, SONG};
use super::track;
use crate::support::house::RATE;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MILLI: Duration = Duration::from_millis(1);

/// Asserts that every room hears this level now.
#[track_caller]
pub(super) fn assert_level(flat: &Flat, level: f32) {
    let levels = flat.levels();
    let near = levels.iter().all(|heard| (heard - level).abs() < 1e-3);
    assert!(near, "{levels:?} and not {level}: {:?}", flat.state());
}

#[track_caller]
pub(super) fn assert_state(flat: &Flat, state: TransportState, uri: &str) {
    let now = flat.state();
    assert_eq!(
        (now.transport, &now.track),
        (state, &Some(track(uri))),
        "{now:?}"
    );
}

pub(super) fn next(song: &str) -> ZoneCommand {
    ZoneCommand::SetNext(Some(track(song)))
}

/// A flat in which this has been heard for two seconds.
pub(super) fn playing(song: &str) -> Flat {
    let mut flat = Flat::new();
    flat.cast(song);
    flat.run(2 * SECOND);
    assert_state(&flat, Playing, song);
    flat
}

/// The longest stretch of silence in a tape, between sounds, in seconds.
pub(super) fn longest_silence(tape: &[(ClockTime, f32)]) -> f64 {
    let loud = tape.iter().filter(|(_, sample)| sample.abs() > 0.01);
    let times: Vec<_> = loud.map(|(at, _)| *at).collect();
    let gaps = times.windows(2).map(|pair| pair[1].seconds_since(pair[0]));
    gaps.fold(0.0, f64::max)
}

#[test]
fn t03_t05_it_plays_and_playing_again_changes_nothing() {
    let mut flat = playing("song");
    let position = flat.position();
    assert!(
        (1500 * MILLI..2 * SECOND).contains(&position),
        "{position:?}"
    );
    flat.record();
    flat.must(ZoneCommand::Play);
    flat.run(SECOND);
    assert_eq!(flat.states(), [Stopped, Transitioning, Playing]);
    assert_eq!(flat.position(), position + SECOND);
    for tape in flat.tapes() {
        assert!(longest_silence(&tape) < 0.001);
    }
}

#[test]
fn t06_a_pause_stands_still_and_goes_on_there() {
    let mut flat = playing("song");
    flat.must(ZoneCommand::Pause);
    flat.run(SECOND);
    let paused = flat.position();
    assert_level(&flat, 0.0);
    flat.must(ZoneCommand::Pause);
    flat.run(5 * SECOND);
    assert_eq!(flat.position(), paused);
    flat.must(ZoneCommand::Play);
    flat.run(SECOND);
    assert_level(&flat, SONG);
    let on = flat.position() - paused;
    assert!((800 * MILLI..SECOND).contains(&on), "{on:?}");
}

#[test]
fn t07_a_pause_right_after_play_ends_paused_with_no_more_than_a_blip() {
    for after in [0, 10, 20, 50, 120, 200, 300, 400] {
        let mut flat = Flat::new();
        flat.cast("song");
        flat.run(after * MILLI);
        flat.must(ZoneCommand::Pause);
        assert_eq!(flat.state().transport, Paused);
        flat.run(2 * SECOND);
        assert_state(&flat, Paused, "song");
        let heard = flat.position();
        for tape in flat.tapes() {
            let loud = tape.iter().filter(|(_, sample)| sample.abs() > 1e-3);
            let seconds = loud.count() as f64 / f64::from(RATE);
            let told = heard.as_secs_f64();
            assert!(
                (seconds - told).abs() < 0.02,
                "{seconds} s were heard, and {told} s are told of, pausing after {after} ms"
            );
            if after <= 50 {
                assert!(seconds < 0.1, "a blip of {seconds} s after {after} ms");
            }
        }
        flat.must(ZoneCommand::Play);
        flat.run(SECOND);
        assert_level(&flat, SONG);
    }
}

#[test]
fn t08_t09_stop_goes_to_the_start_and_can_be_said_twice() {
    let mut flat = playing("song");
    flat.must(ZoneCommand::Stop);
    flat.must(ZoneCommand::Stop);
    flat.run(SECOND);
    assert_state(&flat, Stopped, "song");
    assert_eq!(flat.position(), Duration::ZERO);
    assert_level(&flat, 0.0);
    flat.must(ZoneCommand::Play);
    flat.run(SECOND);
    assert_state(&flat, Playing, "song");
    assert!(flat.position() < SECOND);
}

#[test]
fn t10_a_new_uri_while_playing_is_heard_without_a_stop_in_between() {
    let mut flat = playing("song");
    flat.must(next("short"));
    flat.cast("other song");
    flat.run(SECOND);
    assert_state(&flat, Playing, "other song");
    assert_level(&flat, OTHER_SONG);
    flat.must(ZoneCommand::Play);
    flat.run(SECOND);
    assert_eq!(
        flat.states(),
        [Stopped, Transitioning, Playing, Transitioning, Playing]
    );
    assert_eq!(flat.state().next, None, "a new URI has no next one");
}

#[test]
fn t11_a_new_uri_while_paused_is_silent_until_play() {
    let mut flat = playing("song");
    flat.must(ZoneCommand::Pause);
    flat.run(SECOND);
    flat.must(ZoneCommand::SetTrack(Some(track("other song"))));
    flat.record();
    flat.run(2 * SECOND);
    assert_state(&flat, Paused, "other song");
    assert_eq!(flat.position(), Duration::ZERO);
    for tape in flat.tapes() {
        assert!(tape.iter().all(|(_, sample)| *sample == 0.0));
    }
    flat.must(ZoneCommand::Play);
    flat.run(SECOND);
    assert_level(&flat, OTHER_SONG);
    assert!(flat.position() < SECOND, "from its start");
}

#[test]
fn t18_the_end_without_a_next_one_is_a_stop_from_which_it_plays_again() {
    let mut flat = Flat::new();
    flat.cast("four seconds");
    flat.run(6 * SECOND);
    assert_state(&flat, Stopped, "four seconds");
    assert_eq!(
        (flat.state().error.clone(), flat.position()),
        (None, Duration::ZERO)
    );
    flat.must(ZoneCommand::Play);
    flat.run(SECOND);
    assert_level(&flat, SONG);
}

#[test]
fn k01_k06_k07_a_seek_is_where_it_plays_in_every_state() {
    let to = 40 * SECOND;
    let near = |flat: &Flat, least: Duration| {
        let position = flat.position();
        assert!((least..least + SECOND).contains(&position), "{position:?}");
    };
    let mut flat = playing("song");
    flat.must(ZoneCommand::Seek(to));
    assert_eq!(flat.position(), to, "told at once");
    flat.run(SECOND);
    assert_state(&flat, Playing, "song");
    near(&flat, to + 500 * MILLI);
    flat.must(ZoneCommand::Pause);
    flat.run(SECOND);
    flat.must(ZoneCommand::Seek(to));
    flat.run(SECOND);
    assert_state(&flat, Paused, "song");
    assert_eq!(flat.position(), to);
    assert_level(&flat, 0.0);
    flat.must(ZoneCommand::Play);
    flat.run(SECOND);
    near(&flat, to + 500 * MILLI);
    flat.must(ZoneCommand::Stop);
    flat.must(ZoneCommand::Seek(to));
    flat.run(SECOND);
    assert_state(&flat, Stopped, "song");
    flat.must(ZoneCommand::Play);
    flat.run(SECOND);
    assert_state(&flat, Playing, "song");
    near(&flat, to + 500 * MILLI);
}

#[test]
fn k11_of_twenty_seeks_the_last_one_counts() {
    let mut flat = playing("song");
    flat.must(next("other song"));
    for number in 1..=20 {
        flat.must(ZoneCommand::Seek(number * 2 * SECOND));
        flat.run(100 * MILLI);
    }
    assert!(flat.position() >= 40 * SECOND);
    flat.run(SECOND);
    assert_state(&flat, Playing, "song");
    let position = flat.position();
    assert!(
        (40 * SECOND..41 * SECOND + 100 * MILLI).contains(&position),
        "{position:?}"
    );
    assert_level(&flat, SONG);
    assert!(!flat.states()[1..].contains(&Stopped));
    assert_eq!(flat.state().next, Some(track("other song")));
}
