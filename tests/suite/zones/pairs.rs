//! Every action in every state, against the table of the protocol's reference: what becomes of the state, or which error.
//! What is done outside for it is in `table`, what is heard of it in `heard`.

use unisono::zone::TransportState::{self, NoMedia, Paused, Playing, Stopped, Transitioning};
use unisono::zone::{Effect, ZoneCommand, ZoneError};

use super::{SECOND, at, track, transport, transport_with_next};

const STATES: [TransportState; 5] = [NoMedia, Stopped, Transitioning, Playing, Paused];

/// What an action comes to: the state after it, or the UPnP error.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Outcome {
    To(TransportState),
    Error(u16),
}
use Outcome::{Error, To};

/// 701, transition not available.
const NO: Outcome = Error(701);
/// 711, illegal seek target.
const NOWHERE: Outcome = Error(711);

/// An action's name, the action, whether there is a next track before it, and what it comes to in each of [`STATES`].
type Row = (&'static str, fn() -> ZoneCommand, bool, [Outcome; 5]);

#[rustfmt::skip]
const TABLE: [Row; 14] = [
    //                                                                          no media     stopped      transitioning      playing            paused
    ("SetURI",           || ZoneCommand::SetTrack(Some(track("c"))), false,     [To(Stopped), To(Stopped), To(Transitioning), To(Transitioning), To(Paused)]),
    ("SetURI empty",     || ZoneCommand::SetTrack(None),             true,      [To(NoMedia), To(NoMedia), To(NoMedia),       To(NoMedia),       To(NoMedia)]),
    ("SetNext",          || ZoneCommand::SetNext(Some(track("c"))),  false,     [To(NoMedia), To(Stopped), To(Transitioning), To(Playing),       To(Paused)]),
    ("SetNext again",    || ZoneCommand::SetNext(Some(track("c"))),  true,      [To(NoMedia), To(Stopped), To(Transitioning), To(Playing),       To(Paused)]),
    ("SetNext empty",    || ZoneCommand::SetNext(None),              true,      [To(NoMedia), To(Stopped), To(Transitioning), To(Playing),       To(Paused)]),
    ("Play",             || ZoneCommand::Play,                       false,     [NO,          To(Transitioning), To(Transitioning), To(Playing), To(Transitioning)]),
    ("Pause",            || ZoneCommand::Pause,                      false,     [NO,          NO,          To(Paused),        To(Paused),        To(Paused)]),
    ("Stop",             || ZoneCommand::Stop,                       false,     [To(NoMedia), To(Stopped), To(Stopped),       To(Stopped),       To(Stopped)]),
    ("Stop, with next",  || ZoneCommand::Stop,                       true,      [To(NoMedia), To(Stopped), To(Stopped),       To(Stopped),       To(Stopped)]),
    ("Seek",             || ZoneCommand::Seek(60 * SECOND),          false,     [NO,          To(Stopped), To(Transitioning), To(Transitioning), To(Paused)]),
    ("Seek beyond",      || ZoneCommand::Seek(101 * SECOND),         false,     [NO,          NOWHERE,     NOWHERE,           NOWHERE,           NOWHERE]),
    ("Next",             || ZoneCommand::Next,                       true,      [NO,          To(Stopped), To(Transitioning), To(Transitioning), To(Transitioning)]),
    ("Next, there is none", || ZoneCommand::Next,                    false,     [NO,          NOWHERE,     NOWHERE,           NOWHERE,           NOWHERE]),
    ("Previous",         || ZoneCommand::Previous,                   false,     [NO,          To(Stopped), To(Transitioning), To(Transitioning), To(Paused)]),
];

/// As the renderer numbers a refusal; `tests/suite/renderer/transport.rs` holds it to that.
fn number(refusal: ZoneError) -> u16 {
    match refusal {
        ZoneError::TransitionNotAvailable => 701,
        ZoneError::IllegalSeekTarget => 711,
        ZoneError::Closed => 501,
    }
}

#[test]
fn t00_every_action_in_every_state() {
    for (name, action, with_next, outcomes) in TABLE {
        for (state, expected) in STATES.into_iter().zip(outcomes) {
            let mut zone = if with_next {
                transport_with_next(state)
            } else {
                transport(state)
            };
            let before = zone.state().clone();
            let text = format!("{name} in {state:?}");
            let outcome = match zone.command(action(), at(40)) {
                Ok(effects) => {
                    let stops = effects.contains(&Effect::Stop);
                    let silent = matches!(zone.state().transport, NoMedia | Stopped | Paused);
                    assert!(silent || !stops, "{text}: {effects:?}");
                    To(zone.state().transport)
                }
                Err(refusal) => {
                    assert_eq!(*zone.state(), before, "{text}: refused, yet changed");
                    Error(number(refusal))
                }
            };
            assert_eq!(outcome, expected, "{text}");
            // Nothing that is asked for is an error that has occurred.
            assert_eq!(zone.state().error, None, "{text}");
        }
    }
}

#[test]
fn n05_n06_n10_what_becomes_of_the_next_track() {
    for state in STATES {
        let next = |command: ZoneCommand| {
            let mut zone = transport_with_next(state);
            zone.command(command, at(40)).expect("allowed");
            zone.state().next.clone()
        };
        assert_eq!(next(ZoneCommand::SetTrack(Some(track("c")))), None);
        assert_eq!(next(ZoneCommand::SetTrack(None)), None);
        assert_eq!(next(ZoneCommand::SetNext(None)), None);
        let last = Some(track("c"));
        assert_eq!(next(ZoneCommand::SetNext(last.clone())), last);
        // It stays for when somebody plays again.
        assert_eq!(next(ZoneCommand::Stop), Some(track("b")), "{state:?}");
    }
}
