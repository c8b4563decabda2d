//! How long a zone waits for media. T15, T16, T19: transitioning is bounded, and what recovers in time plays on.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use unisono::clock::{Clock, ManualClock};
use unisono::playback::{EngineEvent, Outputs};
use unisono::zone::TransportState::{Paused, Playing, Stopped, Transitioning};
use unisono::zone::{Effect, OpenMedia, ZoneCommand, ZoneSpec};

use super::flat::{Flat, SONG, Silent};
use super::{FIRST, SECOND, at, info, track, transport, transport_with_next};

const MILLI: Duration = Duration::from_millis(1);

#[test]
fn t15_a_track_of_which_nothing_comes_is_an_error_after_fifteen_seconds() {
    let mut flat = Flat::new();
    flat.cast("silent");
    flat.run(14_900 * MILLI);
    assert_eq!(flat.state().transport, Transitioning);
    assert_eq!(flat.state().error, None);
    flat.run(200 * MILLI);
    assert_eq!(flat.state().transport, Stopped);
    let error = flat.state().error.clone().expect("a reason");
    assert!(
        error.contains("silent") && error.contains("15 s"),
        "{error}"
    );
    assert_eq!(flat.state().track, Some(track("silent")), "the URI is kept");
    // The next cast is not its fault.
    flat.cast("song");
    assert_eq!(flat.state().error, None);
    flat.run(SECOND);
    assert_eq!(flat.state().transport, Playing);
}

#[test]
fn t16_a_track_that_fails_is_an_error_at_once() {
    let mut flat = Flat::new();
    flat.cast("broken");
    flat.run(SECOND);
    assert_eq!(flat.state().transport, Stopped);
    assert!(flat.state().error.is_some());
    assert_eq!(flat.states(), [Stopped, Transitioning, Stopped]);
    flat.must(ZoneCommand::SetTrack(Some(track("song"))));
    assert_eq!(flat.state().error, None);
}

#[test]
fn t19_a_stall_of_twenty_seconds_recovers() {
    let mut flat = Flat::new();
    flat.cast("stalls");
    flat.run(5 * SECOND);
    assert_eq!(flat.state().transport, Transitioning);
    let heard = flat.position();
    assert!(heard > 2 * SECOND, "{heard:?}");
    flat.run(20 * SECOND);
    assert_eq!(flat.state().transport, Transitioning);
    assert_eq!(flat.position(), heard);
    flat.tap.store(true, Relaxed);
    flat.run(SECOND);
    assert_eq!(
        flat.states(),
        [Stopped, Transitioning, Playing, Transitioning, Playing]
    );
    let levels = flat.levels();
    let heard_again = levels.iter().all(|level| (level - SONG).abs() < 1e-3);
    assert!(heard_again, "{levels:?}");
    let on = flat.position() - heard;
    assert!(on < 1100 * MILLI, "it goes on where it was: {on:?}");
}

#[test]
fn t19_a_stall_of_sixty_seconds_is_an_error() {
    let mut flat = Flat::new();
    flat.cast("stalls");
    flat.run(65 * SECOND);
    assert_eq!(
        flat.states(),
        [Stopped, Transitioning, Playing, Transitioning, Stopped]
    );
    assert!(flat.state().error.is_some());
    assert_eq!(flat.position(), Duration::ZERO);
}

#[test]
fn waiting_is_counted_from_the_last_thing_that_came() {
    let mut zone = transport(Stopped);
    assert_eq!(zone.gives_up_at(), None);
    zone.command(ZoneCommand::SetTrack(Some(track("b"))), at(40))
        .expect("allowed");
    zone.command(ZoneCommand::Play, at(50)).expect("allowed");
    assert_eq!(zone.gives_up_at(), Some(at(65)));
    // Asking again is no sign of life.
    zone.command(ZoneCommand::Play, at(60)).expect("allowed");
    assert_eq!(zone.gives_up_at(), Some(at(65)));
    assert_eq!(zone.give_up(at(64)), []);
    assert_eq!(zone.state().transport, Transitioning);
    zone.event(EngineEvent::Opened(2, info(None, true)), at(64));
    assert_eq!(zone.gives_up_at(), Some(at(94)));
    assert_eq!(zone.give_up(at(94)), [Effect::Stop]);
    assert_eq!(zone.state().transport, Stopped);
    assert!(zone.state().error.is_some());
    // Word of it that comes later is history.
    let late = EngineEvent::Playing {
        track: 2,
        start: at(94),
    };
    assert_eq!(zone.event(late, at(95)), []);
    assert_eq!(zone.state().transport, Stopped);
}

#[test]
fn whoever_pauses_does_not_wait_and_whoever_plays_waits_anew() {
    let mut zone = transport(Transitioning);
    zone.command(ZoneCommand::Pause, at(10)).expect("allowed");
    assert_eq!((zone.state().transport, zone.gives_up_at()), (Paused, None));
    zone.command(ZoneCommand::Play, at(400)).expect("allowed");
    assert_eq!(zone.gives_up_at(), Some(at(430)));
    zone.command(ZoneCommand::Seek(SECOND), at(410))
        .expect("allowed");
    assert_eq!(zone.gives_up_at(), Some(at(440)));
    let start = at(420);
    let playing = EngineEvent::Playing {
        track: FIRST,
        start,
    };
    zone.event(playing, at(420));
    assert_eq!(
        (zone.state().transport, zone.gives_up_at()),
        (Playing, None)
    );
    // The next track is another one: what was known of the first says nothing of it.
    let mut zone = transport_with_next(Playing);
    zone.command(ZoneCommand::Next, at(40)).expect("allowed");
    assert_eq!(zone.gives_up_at(), Some(at(55)));
}

/// The zone at work looks at the clock by itself.
#[tokio::test(start_paused = true)]
async fn t15_nobody_has_to_ask_for_the_waiting_to_end() {
    let manual = Arc::new(ManualClock::new());
    let clock: Arc<dyn Clock> = manual.clone();
    let outputs = Outputs::start(Vec::new(), &clock).expect("no threads");
    let open: OpenMedia = Arc::new(|_, _| Box::new(Silent));
    let spec = ZoneSpec {
        name: "Hall".to_owned(),
        lanes: Vec::new(),
        volume: 50,
    };
    let stop = CancellationToken::new();
    let spawned = unisono::zone::spawn(spec, &outputs, clock, open, stop.clone());
    let (zone, task) = spawned.expect("a thread");
    let cast = ZoneCommand::SetTrack(Some(track("silent")));
    assert_eq!(zone.send(cast).await, Ok(()));
    assert_eq!(zone.send(ZoneCommand::Play).await, Ok(()));
    manual.advance(14 * SECOND);
    tokio::time::sleep(SECOND).await;
    assert_eq!(zone.state().transport, Transitioning);
    manual.advance(SECOND);
    let mut changes = zone.changes();
    let stopped = changes.wait_for(|state| state.transport == Stopped).await;
    assert!(stopped.is_ok_and(|state| state.error.is_some()));
    stop.cancel();
    task.await.expect("it ends well");
}
