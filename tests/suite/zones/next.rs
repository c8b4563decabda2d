//! What is heard and seen of the track that follows: N cases in virtual time.

use std::time::Duration;

use unisono::clock::ClockTime;
use unisono::playback::EngineCommand;
use unisono::zone::TransportState::{Paused, Playing, Stopped, Transitioning};
use unisono::zone::{ZoneCommand, ZoneError};

use super::flat::{Flat, OTHER_SONG, SONG};
use super::heard::{MILLI, SECOND, assert_level, assert_state, longest_silence, next, playing};
use super::track;
use crate::support::house::{Generated, House, RATE};

/// Four seconds and then another song of the same loudness: silence at the seam shows, and when the zone tells of it.
#[test]
fn n02_n03_the_next_track_is_told_of_when_it_is_heard() {
    let mut flat = Flat::new();
    flat.must(ZoneCommand::SetTrack(Some(track("four seconds"))));
    flat.must(next("other song"));
    flat.must(ZoneCommand::Play);
    // All of it has been there for long.
    flat.run(8 * SECOND);
    assert_state(&flat, Playing, "other song");
    assert_eq!(flat.state().next, None);
    assert_eq!(flat.state().duration, Some(60 * SECOND));
    assert_eq!(flat.states(), [Stopped, Transitioning, Playing]);
    let told = flat.seen_at("other song");
    for tape in flat.tapes() {
        assert!(longest_silence(&tape) < 0.001);
        let louder = |(_, sample): &&(ClockTime, f32)| *sample > (SONG + OTHER_SONG) / 2.0;
        let heard = tape.iter().find(louder).expect("it is heard").0;
        let late = told.seconds_since(heard);
        assert!((-0.001..0.05).contains(&late), "told {late} s late");
    }
}

#[test]
fn n04_next_is_the_next_one_at_once_and_then_there_is_none() {
    let mut flat = playing("song");
    flat.must(next("other song"));
    flat.must(ZoneCommand::Next);
    flat.run(SECOND);
    assert_state(&flat, Playing, "other song");
    assert_level(&flat, OTHER_SONG);
    assert_eq!(
        flat.tell(ZoneCommand::Next),
        Err(ZoneError::IllegalSeekTarget)
    );
    assert!(!flat.states()[1..].contains(&Stopped));
}

#[test]
fn n05_a_next_one_that_is_taken_back_is_not_played() {
    let mut flat = Flat::new();
    flat.cast("four seconds");
    flat.must(next("other song"));
    flat.run(3 * SECOND);
    flat.must(ZoneCommand::SetNext(None));
    flat.run(3 * SECOND);
    assert_state(&flat, Stopped, "four seconds");
    assert_level(&flat, 0.0);
}

#[test]
fn n06_a_new_uri_forgets_the_next_one() {
    let mut flat = playing("song");
    flat.must(next("other song"));
    flat.must(ZoneCommand::SetTrack(Some(track("four seconds"))));
    flat.must(ZoneCommand::Play);
    flat.run(6 * SECOND);
    assert_state(&flat, Stopped, "four seconds");
}

#[test]
fn n07_of_two_next_ones_the_last_counts() {
    let mut flat = Flat::new();
    flat.cast("four seconds");
    flat.must(next("song"));
    flat.run(3 * SECOND);
    flat.must(next("other song"));
    flat.run(3 * SECOND);
    assert_state(&flat, Playing, "other song");
    assert_level(&flat, OTHER_SONG);
}

#[test]
fn n08_a_next_one_that_fails_lets_the_current_one_end() {
    let mut flat = Flat::new();
    flat.cast("four seconds");
    flat.must(next("broken"));
    flat.run(3500 * MILLI);
    assert_state(&flat, Playing, "four seconds");
    assert_level(&flat, SONG);
    assert_eq!(flat.state().error, None);
    flat.run(3 * SECOND);
    assert_eq!(flat.state().transport, Stopped);
    assert!(flat.state().error.is_some(), "{:?}", flat.state());
}

#[test]
fn n09_a_next_one_of_another_rate_plays_without_a_stop() {
    let mut flat = Flat::new();
    flat.cast("four seconds");
    flat.must(next("of a CD"));
    flat.run(6 * SECOND);
    assert_state(&flat, Playing, "of a CD");
    assert_level(&flat, OTHER_SONG);
    assert_eq!(flat.states(), [Stopped, Transitioning, Playing]);
    for tape in flat.tapes() {
        assert!(longest_silence(&tape) < 0.005);
    }
}

#[test]
fn n10_stop_does_not_play_the_next_one() {
    let mut flat = playing("song");
    flat.must(next("other song"));
    flat.run(SECOND);
    flat.must(ZoneCommand::Stop);
    flat.run(SECOND);
    flat.record();
    flat.run(2 * SECOND);
    assert_state(&flat, Stopped, "song");
    for tape in flat.tapes() {
        assert!(tape.iter().all(|(_, sample)| *sample == 0.0));
    }
}

#[test]
fn n11_a_pause_shortly_before_the_seam_leaves_it_whole() {
    let mut flat = Flat::new();
    flat.cast("four seconds");
    flat.must(next("song"));
    flat.run(3 * SECOND);
    while flat.position() < 3800 * MILLI {
        flat.run(10 * MILLI);
    }
    flat.must(ZoneCommand::Pause);
    flat.run(2 * SECOND);
    assert_state(&flat, Paused, "four seconds");
    flat.must(ZoneCommand::Play);
    flat.run(MILLI * 100);
    flat.record();
    flat.run(2 * SECOND);
    assert_state(&flat, Playing, "song");
    for tape in flat.tapes() {
        assert!(longest_silence(&tape) < 0.001);
    }
}

#[test]
fn n12_a_seek_back_after_the_next_one_was_read_ahead_keeps_it() {
    let mut flat = Flat::new();
    flat.cast("four seconds");
    flat.must(next("other song"));
    flat.run(3500 * MILLI);
    assert_state(&flat, Playing, "four seconds");
    flat.must(ZoneCommand::Seek(SECOND));
    flat.run(2 * SECOND);
    assert_state(&flat, Playing, "four seconds");
    assert_eq!(flat.state().next, Some(track("other song")));
    flat.run(3 * SECOND);
    assert_state(&flat, Playing, "other song");
    let position = flat.position();
    assert!(
        (SECOND..2500 * MILLI).contains(&position),
        "from its start: {position:?}"
    );
}

#[test]
fn n13_a_next_one_named_in_the_last_moment_plays_or_waits() {
    for before in [400, 200, 150, 100, 60, 30, 10, 0] {
        let mut flat = Flat::new();
        flat.cast("four seconds");
        flat.run(2 * SECOND);
        while flat.position() + before * MILLI < 4 * SECOND && flat.state().transport == Playing {
            flat.run(10 * MILLI);
        }
        flat.must(next("other song"));
        flat.run(3 * SECOND);
        let state = flat.state();
        match state.transport {
            Playing => {
                assert_eq!(state.track, Some(track("other song")));
                assert_level(&flat, OTHER_SONG);
            }
            _ => {
                assert_state(&flat, Stopped, "four seconds");
                assert_eq!(state.next, Some(track("other song")));
            }
        }
    }
}

#[test]
fn n14_previous_is_the_start_of_the_song() {
    let mut flat = playing("song");
    flat.must(next("other song"));
    flat.must(ZoneCommand::Previous);
    assert_eq!(flat.position(), Duration::ZERO);
    flat.run(SECOND);
    assert_state(&flat, Playing, "song");
    assert!(flat.position() < SECOND);
    assert_eq!(flat.state().next, Some(track("other song")));
}

/// Whoever is given an output of a zone that plays keeps it, whatever becomes of that zone by itself.
#[test]
fn what_another_zone_was_given_is_not_taken_back_by_the_next_track() {
    for in_time in [true, false] {
        let mut flat = playing("four seconds");
        let gain = std::sync::Arc::new(unisono::playback::Gain::new(1.0));
        let lanes = vec![flat.house.rooms[1].handle.clone()];
        let mut other = House::another_feeder(lanes, &gain, &flat.house.claims);
        let loud = Generated::new(RATE, 60 * SECOND, |_| [0.75; 2]);
        let now = flat.house.now();
        other.command(EngineCommand::Load(1, Box::new(loud)), now);
        other.command(EngineCommand::Play, now);
        let mut pass = |flat: &mut Flat, time: Duration, zone_listens: bool| {
            for _ in 0..time.as_millis() / 10 {
                other.step(flat.house.now());
                if zone_listens {
                    flat.run(10 * MILLI);
                } else {
                    flat.house.run(10 * MILLI);
                }
            }
        };
        if in_time {
            pass(&mut flat, SECOND, true);
            flat.must(next("other song"));
            flat.must(ZoneCommand::Next);
        } else {
            // The word of the end and the name of the next one cross.
            pass(&mut flat, 3 * SECOND, false);
            flat.must(next("other song"));
        }
        pass(&mut flat, 2 * SECOND, true);
        assert_state(&flat, Playing, "other song");
        let levels = flat.levels();
        assert!((levels[0] - OTHER_SONG).abs() < 1e-3, "{levels:?}");
        assert!((levels[1] - 0.75).abs() < 1e-3, "taken back: {levels:?}");
        // Whoever casts anew means all of them.
        flat.cast("song");
        pass(&mut flat, 2 * SECOND, true);
        assert_level(&flat, SONG);
    }
}
