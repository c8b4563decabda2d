//! What the engine says, and what the zone makes of it.

use std::time::Duration;

use unisono::media::MediaError;
use unisono::playback::EngineEvent;
use unisono::zone::TransportState::{NoMedia, Paused, Playing, Stopped, Transitioning};
use unisono::zone::{Effect, Progress, Transport, ZoneCommand};

use super::{FIRST, SECOND, at, info, track, transport, transport_with_next};

const NEXT: u64 = 2;

fn failure() -> MediaError {
    MediaError::Fetch {
        uri: "http://192.0.2.1/a".to_owned(),
        reason: "nobody answers".to_owned(),
    }
}

/// Tells it at second 40 and returns what is to be done.
fn tell(zone: &mut Transport, event: EngineEvent) -> Vec<Effect> {
    zone.event(event, at(40))
}

fn playing(track: u64, start: u64) -> EngineEvent {
    let start = at(start);
    EngineEvent::Playing { track, start }
}

#[test]
fn what_the_media_says_of_itself_counts_more_than_the_sender() {
    let mut zone = transport(Playing);
    assert_eq!(
        tell(&mut zone, EngineEvent::Opened(FIRST, info(Some(70), false))),
        []
    );
    let state = zone.state();
    assert_eq!((state.duration, state.seekable), (Some(70 * SECOND), false));
    // A medium that does not know leaves what was known.
    tell(&mut zone, EngineEvent::Opened(FIRST, info(None, false)));
    assert_eq!(zone.state().duration, Some(70 * SECOND));
}

#[test]
fn position_runs_from_the_moment_the_engine_names() {
    let mut zone = transport(Transitioning);
    assert_eq!(tell(&mut zone, playing(FIRST, 40)), []);
    assert_eq!(zone.state().transport, Playing);
    assert_eq!(zone.state().position(at(39)), Duration::ZERO);
    assert_eq!(zone.state().position(at(47)), 7 * SECOND);
    assert_eq!(zone.state().position(at(999)), 100 * SECOND);
}

#[test]
fn the_next_track_becomes_the_current_one_when_it_is_heard() {
    let mut zone = transport_with_next(Playing);
    tell(&mut zone, EngineEvent::Opened(NEXT, info(Some(30), false)));
    assert_eq!(
        zone.state().duration,
        Some(100 * SECOND),
        "not yet its turn"
    );
    assert_eq!(tell(&mut zone, playing(NEXT, 110)), []);
    let state = zone.state();
    assert_eq!(state.transport, Playing);
    assert_eq!((&state.track, &state.next), (&Some(track("b")), &None));
    assert_eq!((state.duration, state.seekable), (Some(30 * SECOND), false));
    // The old one is history.
    assert_eq!(tell(&mut zone, EngineEvent::Ended(FIRST)), []);
    assert_eq!(zone.state().transport, Playing);
    // What belonged to the pair is not left over for a third.
    zone.command(ZoneCommand::SetNext(Some(track("c"))), at(120))
        .expect("allowed");
    tell(&mut zone, playing(3, 140));
    assert_eq!((zone.state().duration, zone.state().seekable), (None, true));
}

#[test]
fn a_pause_is_where_the_ear_is_even_if_that_is_in_the_next_track() {
    let mut zone = transport_with_next(Playing);
    zone.command(ZoneCommand::Pause, at(40)).expect("allowed");
    let (position, track_id) = (Duration::from_millis(80), NEXT);
    let halted = EngineEvent::Halted {
        track: track_id,
        position,
    };
    assert_eq!(tell(&mut zone, halted), []);
    let state = zone.state();
    assert_eq!((state.transport, &state.track), (Paused, &Some(track("b"))));
    assert_eq!(state.progress, Progress::At(position));
}

#[test]
fn word_of_a_halt_that_comes_after_play_is_late() {
    let mut zone = transport(Paused);
    zone.command(ZoneCommand::Play, at(35)).expect("allowed");
    tell(&mut zone, playing(FIRST, 15));
    let position = 20 * SECOND;
    tell(
        &mut zone,
        EngineEvent::Halted {
            track: FIRST,
            position,
        },
    );
    assert_eq!(zone.state().transport, Playing);
    assert_eq!(zone.state().position(at(45)), 30 * SECOND);
}

#[test]
fn a_stall_shows_as_transitioning_where_the_ear_is() {
    let mut zone = transport(Playing);
    assert_eq!(tell(&mut zone, EngineEvent::Stalled(FIRST)), []);
    assert_eq!(zone.state().transport, Transitioning);
    assert_eq!(zone.state().position(at(99)), 30 * SECOND);
    tell(&mut zone, playing(FIRST, 15));
    assert_eq!(zone.state().transport, Playing);
    // Paused, a stall is nobody's business.
    let mut paused = transport(Paused);
    tell(&mut paused, EngineEvent::Stalled(FIRST));
    assert_eq!(paused.state().transport, Paused);
}

#[test]
fn the_end_stops_it_and_unloads() {
    for state in [Transitioning, Playing, Paused] {
        let mut zone = transport(state);
        assert_eq!(tell(&mut zone, EngineEvent::Ended(FIRST)), [Effect::Stop]);
        let after = zone.state();
        assert_eq!((after.transport, &after.error), (Stopped, &None));
        assert_eq!(after.position(at(99)), Duration::ZERO);
        // Played once more, it is fetched once more.
        let again = zone.command(ZoneCommand::Play, at(50)).expect("allowed");
        assert!(again.contains(&Effect::Load(2, track("a"))), "{again:?}");
    }
}

#[test]
fn a_next_track_named_in_the_last_moment_is_played_though_with_a_gap() {
    // The engine's word of the end and the command have crossed.
    let mut zone = transport_with_next(Playing);
    let effects = tell(&mut zone, EngineEvent::Ended(FIRST));
    // On the outputs it has: another zone may have been given some meanwhile.
    assert_eq!(effects, [Effect::Load(3, track("b")), Effect::Continue]);
    assert_eq!(zone.state().transport, Transitioning);
    assert_eq!(zone.state().track, Some(track("b")));
    let mut paused = transport_with_next(Paused);
    assert_eq!(tell(&mut paused, EngineEvent::Ended(FIRST)), [Effect::Stop]);
    assert_eq!(paused.state().transport, Stopped);
}

#[test]
fn a_failure_stops_it_with_the_reason_until_it_is_played_again() {
    for state in [Transitioning, Playing, Paused] {
        let mut zone = transport(state);
        let effects = tell(&mut zone, EngineEvent::Failed(FIRST, failure()));
        assert_eq!(effects, [Effect::Stop]);
        assert_eq!(zone.state().transport, Stopped);
        let error = zone.state().error.clone().expect("a reason");
        assert!(error.contains("nobody answers"), "{error}");
        let mut other = zone;
        other.command(ZoneCommand::Play, at(50)).expect("allowed");
        assert_eq!(other.state().error, None);
    }
}

#[test]
fn a_next_track_without_a_single_frame_ends_or_fails_as_itself() {
    // The feeder gets to its end before any of it was heard, so nothing says that it plays.
    for (event, has_error) in [
        (EngineEvent::Ended(NEXT), false),
        (EngineEvent::Failed(NEXT, failure()), true),
    ] {
        let mut zone = transport_with_next(Playing);
        assert_eq!(tell(&mut zone, event), [Effect::Stop]);
        let state = zone.state();
        assert_eq!(state.transport, Stopped);
        assert_eq!((&state.track, &state.next), (&Some(track("b")), &None));
        assert_eq!(state.error.is_some(), has_error);
    }
}

#[test]
fn a_stall_at_the_seam_is_the_next_tracks() {
    let mut zone = transport_with_next(Playing);
    tell(&mut zone, EngineEvent::Stalled(NEXT));
    assert_eq!(zone.state().transport, Transitioning);
    assert_eq!(zone.state().track, Some(track("b")));
    assert_eq!(zone.state().position(at(99)), Duration::ZERO);
}

#[test]
fn a_zone_that_lost_all_outputs_stops_and_one_that_is_silent_does_not_care() {
    for state in [Transitioning, Playing] {
        let mut zone = transport(state);
        assert_eq!(tell(&mut zone, EngineEvent::Displaced), [Effect::Stop]);
        assert_eq!(zone.state().transport, Stopped);
    }
    for state in [NoMedia, Stopped, Paused] {
        let mut zone = transport(state);
        assert_eq!(tell(&mut zone, EngineEvent::Displaced), []);
        assert_eq!(zone.state().transport, state);
    }
}

#[test]
fn word_of_an_old_track_changes_nothing() {
    for state in [NoMedia, Stopped, Transitioning, Playing, Paused] {
        let mut zone = transport(state);
        // Whatever was on the way when the track was changed.
        let _effects = zone.command(ZoneCommand::SetTrack(Some(track("c"))), at(40));
        let before = zone.state().clone();
        let old = if state == NoMedia { 7 } else { FIRST };
        for event in [
            EngineEvent::Opened(old, info(Some(5), false)),
            playing(old, 10),
            EngineEvent::Halted {
                track: old,
                position: SECOND,
            },
            EngineEvent::Stalled(old),
            EngineEvent::Ended(old),
            EngineEvent::Failed(old, failure()),
        ] {
            let text = format!("{state:?}, {event:?}");
            assert_eq!(tell(&mut zone, event), [], "{text}");
            assert_eq!(*zone.state(), before, "{text}");
        }
    }
}

#[test]
fn word_of_a_track_that_was_taken_away_changes_nothing() {
    let mut zone = transport(Playing);
    zone.command(ZoneCommand::SetTrack(None), at(40))
        .expect("always allowed");
    let before = zone.state().clone();
    assert!(before.seekable, "as in a new zone");
    tell(&mut zone, EngineEvent::Opened(FIRST, info(Some(5), false)));
    tell(&mut zone, playing(FIRST, 10));
    tell(&mut zone, EngineEvent::Ended(FIRST));
    assert_eq!(*zone.state(), before);
}
