//! What a zone decides: its transport's table row by row, what it makes of the engine's words, and that no order of either
//! leads it, or the feeder and lanes under it, to a place from where it does not play.

mod any_order;
mod channels;
mod events;
mod flat;
mod heard;
mod network;
mod next;
mod pairs;
mod patience;
mod station;
mod table;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use unisono::audio::StreamFormat;
use unisono::clock::ClockTime;
use unisono::media::{MediaInfo, MediaRequest};
use unisono::playback::EngineEvent;
use unisono::zone::{Effect, Track, Transport, TransportState, ZoneCommand, ZoneError};

const SECOND: Duration = Duration::from_secs(1);

/// A track that is known by its address.
fn track(uri: &str) -> Arc<Track> {
    Arc::new(Track {
        request: MediaRequest {
            uri: uri.to_owned(),
            ..MediaRequest::default()
        },
        title: uri.to_owned(),
        ..Track::default()
    })
}

/// So many seconds after the test's beginning.
fn at(seconds: u64) -> ClockTime {
    ClockTime::default() + Duration::from_secs(seconds)
}

fn info(duration: Option<u64>, seekable: bool) -> MediaInfo {
    MediaInfo {
        format: StreamFormat::STANDARD,
        duration: duration.map(Duration::from_secs),
        seekable,
    }
}

/// The track the tests' transports start with is the engine's number 1.
const FIRST: u64 = 1;

/// A transport in this state: with track "a" (100 s long, heard since second 10 if it plays, paused at position 20).
fn transport(state: TransportState) -> Transport {
    let mut transport = Transport::new(50);
    let mut tell = |command, now| transport.command(command, now).expect("allowed");
    if state == TransportState::NoMedia {
        return transport;
    }
    tell(ZoneCommand::SetTrack(Some(track("a"))), at(0));
    if state != TransportState::Stopped {
        tell(ZoneCommand::Play, at(0));
    }
    transport.event(EngineEvent::Opened(FIRST, info(Some(100), true)), at(0));
    if matches!(state, TransportState::Playing | TransportState::Paused) {
        let start = at(10);
        transport.event(
            EngineEvent::Playing {
                track: FIRST,
                start,
            },
            at(10),
        );
    }
    if state == TransportState::Paused {
        let paused = transport.command(ZoneCommand::Pause, at(30));
        paused.expect("allowed while playing");
    }
    assert_eq!(transport.state().transport, state);
    transport
}

/// The same with "b" to follow it; its number is 2.
fn transport_with_next(state: TransportState) -> Transport {
    let mut transport = transport(state);
    let set = transport.command(ZoneCommand::SetNext(Some(track("b"))), at(0));
    set.expect("always allowed");
    transport
}

/// Tells it, at second 40, and compares what becomes of it.
fn check(
    mut transport: Transport,
    command: ZoneCommand,
    expected: Result<(TransportState, &[Effect]), ZoneError>,
) -> Transport {
    let before = transport.state().clone();
    let text = format!("{:?}, {command:?}", before.transport);
    let answer = transport.command(command, at(40));
    match expected {
        Ok((state, effects)) => {
            assert_eq!(answer.as_deref(), Ok(effects), "{text}");
            assert_eq!(transport.state().transport, state, "{text}");
        }
        Err(refusal) => {
            assert_eq!(answer, Err(refusal), "{text}");
            assert_eq!(*transport.state(), before, "{text}: refused, yet changed");
        }
    }
    transport
}
