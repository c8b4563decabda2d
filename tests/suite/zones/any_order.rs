//! Any order of commands and events: the transport stays in step with an engine that does what it is told, refuses
//! without changing anything, and plays afterwards.

use proptest::prelude::*;
use std::time::Duration;

use unisono::media::MediaError;
use unisono::playback::EngineEvent;
use unisono::zone::{Channel, Effect, Progress, Transport, TransportState, ZoneCommand, ZoneState};

use super::{at, info, track};

#[derive(Debug, Clone)]
enum Happening {
    Told(ZoneCommand),
    Heard(EngineEvent),
}

/// Commands with every kind of argument, and events about tracks that are, were, or never were.
fn happening() -> impl Strategy<Value = Happening> {
    let name = prop_oneof![Just("a"), Just("b"), Just("c")];
    let some_track = proptest::option::weighted(0.8, name.prop_map(track));
    let seconds = (0u64..200).prop_map(Duration::from_secs);
    let id = 0u64..12;
    let channel = proptest::sample::select(vec![Channel::Master, Channel::Left, Channel::Right]);
    let command = prop_oneof![
        some_track.clone().prop_map(ZoneCommand::SetTrack),
        some_track.prop_map(ZoneCommand::SetNext),
        Just(ZoneCommand::Play),
        Just(ZoneCommand::Play),
        Just(ZoneCommand::Pause),
        Just(ZoneCommand::Stop),
        seconds.clone().prop_map(ZoneCommand::Seek),
        Just(ZoneCommand::Next),
        Just(ZoneCommand::Previous),
        (channel.clone(), any::<u8>())
            .prop_map(|(channel, volume)| ZoneCommand::SetVolume(channel, volume)),
        (channel, any::<bool>()).prop_map(|(channel, muted)| ZoneCommand::SetMute(channel, muted)),
    ];
    let failed = |track| {
        let uri = "http://192.0.2.1/a".to_owned();
        let reason = "it is broken".to_owned();
        EngineEvent::Failed(track, MediaError::Decode { uri, reason })
    };
    let event = prop_oneof![
        (id.clone(), proptest::option::of(0u64..300), any::<bool>()).prop_map(
            |(track, duration, seekable)| { EngineEvent::Opened(track, info(duration, seekable)) }
        ),
        (id.clone(), 0u64..100).prop_map(|(track, start)| EngineEvent::Playing {
            track,
            start: at(start)
        }),
        (id.clone(), seconds).prop_map(|(track, position)| EngineEvent::Halted { track, position }),
        id.clone().prop_map(EngineEvent::Stalled),
        id.clone().prop_map(EngineEvent::Ended),
        id.prop_map(failed),
        Just(EngineEvent::Displaced),
    ];
    prop_oneof![
        command.prop_map(Happening::Told),
        event.prop_map(Happening::Heard),
    ]
}

/// An engine that does what it is told, as far as the transport can know.
#[derive(Debug, Default)]
struct Engine {
    loaded: Option<u64>,
    wants_to_play: bool,
    last_id: u64,
}

impl Engine {
    fn carry_out(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Load(id, _) => {
                    assert!(*id > self.last_id, "a number is used once");
                    (self.loaded, self.wants_to_play, self.last_id) = (Some(*id), false, *id);
                }
                Effect::Queue(next) => {
                    assert!(self.loaded.is_some(), "queued behind nothing");
                    if let Some((id, _)) = next {
                        assert!(*id > self.last_id, "a number is used once");
                        self.last_id = *id;
                    }
                }
                Effect::Play | Effect::Continue => {
                    assert!(self.loaded.is_some(), "told to play nothing");
                    self.wants_to_play = true;
                }
                Effect::Seek(_) => assert!(self.loaded.is_some(), "told to seek in nothing"),
                Effect::Pause => self.wants_to_play = false,
                Effect::Stop => (self.loaded, self.wants_to_play) = (None, false),
                Effect::Prepare | Effect::Gain { .. } => {}
            }
        }
    }
}

fn is_consistent(state: &ZoneState, engine: &Engine) {
    use TransportState::{NoMedia, Paused, Playing, Stopped, Transitioning};
    let runs = matches!(state.progress, Progress::RunningSince(_));
    assert_eq!(runs, state.transport == Playing, "{state:?}");
    assert_eq!(
        state.track.is_none(),
        state.transport == NoMedia,
        "{state:?}"
    );
    assert!(
        state.error.is_none() || state.transport == Stopped,
        "{state:?}"
    );
    assert!(state.volume <= 100);
    let active = matches!(state.transport, Playing | Transitioning);
    assert_eq!(engine.wants_to_play, active, "{state:?}, {engine:?}");
    if matches!(state.transport, Playing | Transitioning | Paused) {
        assert!(engine.loaded.is_some(), "{state:?}, {engine:?}");
    }
    if state.transport == NoMedia {
        assert_eq!(state.duration, None);
        assert_eq!(state.position(at(1_000_000)), Duration::ZERO);
    }
    if let Some(duration) = state.duration {
        assert!(state.position(at(1_000_000)) <= duration);
    }
}

proptest! {
    #[test]
    fn no_order_leads_astray(happenings in proptest::collection::vec(happening(), 0..60)) {
        let mut transport = Transport::new(30);
        let mut engine = Engine::default();
        let mut last_seen = 0;
        for (step, happening) in happenings.into_iter().enumerate() {
            let now = at(step as u64);
            let before = transport.state().clone();
            let effects = match happening {
                Happening::Told(command) => transport.command(command, now).unwrap_or_else(|_refused| {
                    assert_eq!(*transport.state(), before, "refused, yet changed");
                    Vec::new()
                }),
                Happening::Heard(event) => transport.event(event, now),
            };
            engine.carry_out(&effects);
            is_consistent(transport.state(), &engine);
            engine.carry_out(&transport.give_up(now));
            is_consistent(transport.state(), &engine);
            last_seen = step as u64;
        }
        // Whatever happened, the next cast plays.
        let now = at(last_seen);
        let effects = transport.command(ZoneCommand::SetTrack(Some(track("z"))), now).expect("always allowed");
        engine.carry_out(&effects);
        let effects = transport.command(ZoneCommand::Play, now).expect("there is media");
        engine.carry_out(&effects);
        is_consistent(transport.state(), &engine);
        let loaded = engine.loaded.expect("loaded");
        transport.event(EngineEvent::Playing { track: loaded, start: now }, now);
        if transport.state().transport != TransportState::Playing {
            // It was paused: then it waits for another word.
            prop_assert_eq!(transport.state().transport, TransportState::Paused);
        }
    }
}
