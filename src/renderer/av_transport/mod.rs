//! AVTransport:1 over a zone: what to play, and where in it the ear is.
//! Which action is possible in which state is the zone's decision; only arguments are judged here.

mod table;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use self::table::{DESCRIPTION, NO_COUNTER, NORMAL, NOT_IMPLEMENTED, PLAYBACK_MEDIA, SPEED};
use super::last_change::{self, Dialect};
use super::{action_error, check_instance, didl, duration, track_metadata, unknown_action};
use crate::clock::Clock;
use crate::upnp::{Action, ActionError, Answer, Property, Service, ServiceDescription, Snapshot};
use crate::zone::{Track, TransportState, ZoneCommand, ZoneHandle, ZoneState};

/// An InstanceID other than 0 (RenderingControl has another number for it).
const INVALID_INSTANCE: u16 = 718;

/// The service of one zone.
pub(super) struct AvTransport {
    zone: ZoneHandle,
    clock: Arc<dyn Clock>,
}

impl AvTransport {
    /// AVTransport of `zone`, whose positions are read off `clock`.
    pub(super) fn new(zone: ZoneHandle, clock: Arc<dyn Clock>) -> Self {
        Self { zone, clock }
    }

    async fn carry_out(&self, action: &Action) -> Result<Answer, ActionError> {
        check_instance(action, INVALID_INSTANCE)?;
        let command = match action.spec.name {
            "SetAVTransportURI" => ZoneCommand::SetTrack(read_track(
                action.input("CurrentURI"),
                action.input("CurrentURIMetaData"),
            )?),
            "SetNextAVTransportURI" => ZoneCommand::SetNext(read_track(
                action.input("NextURI"),
                action.input("NextURIMetaData"),
            )?),
            "GetMediaInfo" => return Ok(media_info(&self.zone.state())),
            "GetTransportInfo" => return Ok(transport_info(&self.zone.state())),
            "GetPositionInfo" => return Ok(self.position_info()),
            "GetDeviceCapabilities" => {
                return Ok(texts([PLAYBACK_MEDIA, NOT_IMPLEMENTED, NOT_IMPLEMENTED]));
            }
            "GetTransportSettings" => return Ok(texts([NORMAL, NOT_IMPLEMENTED])),
            "Stop" => ZoneCommand::Stop,
            "Play" => {
                check_speed(action.input("Speed"))?;
                ZoneCommand::Play
            }
            "Pause" => ZoneCommand::Pause,
            "Seek" => ZoneCommand::Seek(read_seek(action.input("Unit"), action.input("Target"))?),
            "Next" => ZoneCommand::Next,
            "Previous" => ZoneCommand::Previous,
            "SetPlayMode" => return set_play_mode(action.input("NewPlayMode")),
            "GetCurrentTransportActions" => {
                return Ok(vec![transport_actions(&self.zone.state())]);
            }
            name => return Err(unknown_action(name)),
        };
        self.zone.send(command).await.map_err(action_error)?;
        Ok(Vec::new())
    }

    fn position_info(&self) -> Answer {
        let state = self.zone.state();
        let shown = shown_duration(&state);
        let position = state.position(self.clock.now());
        // Never beyond the end that the same answer names.
        let position = duration::write(shown.map_or(position, |shown| position.min(shown)));
        vec![
            track_count(&state),
            time(shown),
            current_metadata(&state),
            uri(state.track.as_ref()),
            // One track per medium, so both positions are the same.
            position.clone(),
            position,
            NO_COUNTER.to_owned(),
            NO_COUNTER.to_owned(),
        ]
    }
}

impl Service for AvTransport {
    fn description(&self) -> &'static ServiceDescription {
        &DESCRIPTION
    }

    fn invoke<'a>(&'a self, action: &'a Action) -> BoxFuture<'a, Result<Answer, ActionError>> {
        self.carry_out(action).boxed()
    }

    /// Everything but the positions, which are polled.
    fn snapshot(&self) -> Snapshot {
        let state = self.zone.state();
        let duration = time(shown_duration(&state));
        let track_uri = uri(state.track.as_ref());
        vec![
            (
                "TransportState",
                transport_state(state.transport).to_owned(),
            ),
            ("TransportStatus", transport_status(&state).to_owned()),
            ("TransportPlaySpeed", SPEED.to_owned()),
            ("PlaybackStorageMedium", play_medium(&state).to_owned()),
            ("RecordStorageMedium", NOT_IMPLEMENTED.to_owned()),
            ("PossiblePlaybackStorageMedia", PLAYBACK_MEDIA.to_owned()),
            ("PossibleRecordStorageMedia", NOT_IMPLEMENTED.to_owned()),
            ("CurrentPlayMode", NORMAL.to_owned()),
            ("RecordMediumWriteStatus", NOT_IMPLEMENTED.to_owned()),
            ("CurrentRecordQualityMode", NOT_IMPLEMENTED.to_owned()),
            ("PossibleRecordQualityModes", NOT_IMPLEMENTED.to_owned()),
            ("NumberOfTracks", track_count(&state)),
            ("CurrentTrack", track_count(&state)),
            ("CurrentTrackDuration", duration.clone()),
            ("CurrentMediaDuration", duration),
            ("CurrentTrackURI", track_uri.clone()),
            ("CurrentTrackMetaData", current_metadata(&state)),
            ("AVTransportURI", track_uri),
            ("AVTransportURIMetaData", metadata(state.track.as_ref())),
            ("NextAVTransportURI", uri(state.next.as_ref())),
            ("NextAVTransportURIMetaData", metadata(state.next.as_ref())),
            ("CurrentTransportActions", transport_actions(&state)),
        ]
    }

    fn properties(&self, before: Option<&Snapshot>, after: &Snapshot) -> Vec<Property> {
        last_change::properties(Dialect::Transport, before, after)
    }
}

/// The track that a control point sets; `None` for an empty URI. Nothing is fetched to find out whether it is there:
/// some streams can be fetched only once.
fn read_track(uri: &str, metadata: &str) -> Result<Option<Arc<Track>>, ActionError> {
    if uri.trim().is_empty() {
        return Ok(None);
    }
    match uri.trim_start().split_once("://") {
        Some((scheme, rest))
            if ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str())
                && !rest.is_empty()
                && !rest.starts_with(['/', '?', '#']) => {}
        _ => {
            return Err(ActionError::new(
                716,
                format!(
                    "only http:// and https:// addresses can be played, not {:?}",
                    brief(uri)
                ),
            ));
        }
    }
    Ok(Some(Arc::new(didl::track(uri, metadata))))
}

/// Enough of a URI for a sentence.
fn brief(uri: &str) -> String {
    const ENOUGH: usize = 80;
    if uri.chars().count() <= ENOUGH {
        return uri.to_owned();
    }
    uri.chars().take(ENOUGH).chain(['…']).collect()
}

fn check_speed(speed: &str) -> Result<(), ActionError> {
    let speed = speed.trim();
    if speed.is_empty() || speed == "1/1" || speed.parse() == Ok(1.0) {
        return Ok(());
    }
    Err(ActionError::new(
        717,
        format!("the only speed is {SPEED}, not {speed:?}"),
    ))
}

fn read_seek(unit: &str, target: &str) -> Result<Duration, ActionError> {
    let (mut unit, mut target) = (unit.trim(), target.trim());
    // AirConnect sends them the wrong way round.
    if !is_seek_unit(unit) && is_seek_unit(target) {
        (unit, target) = (target, unit);
    }
    let position = match unit {
        // Both mean a position in the current track: the media has but one.
        "REL_TIME" | "ABS_TIME" => duration::read(target),
        "TRACK_NR" => (target.parse() == Ok(1)).then_some(Duration::ZERO),
        _ => {
            return Err(ActionError::new(
                710,
                format!("seeking by {unit:?} is not supported"),
            ));
        }
    };
    position.ok_or_else(|| {
        ActionError::new(
            711,
            format!("{target:?} is no position in the current track"),
        )
    })
}

fn is_seek_unit(text: &str) -> bool {
    matches!(text, "REL_TIME" | "ABS_TIME" | "TRACK_NR")
}

fn set_play_mode(mode: &str) -> Result<Answer, ActionError> {
    if mode.trim() == NORMAL {
        return Ok(Vec::new());
    }
    Err(ActionError::new(
        712,
        format!("the only play mode is {NORMAL}, not {mode:?}"),
    ))
}

fn media_info(state: &ZoneState) -> Answer {
    vec![
        track_count(state),
        time(shown_duration(state)),
        uri(state.track.as_ref()),
        metadata(state.track.as_ref()),
        uri(state.next.as_ref()),
        metadata(state.next.as_ref()),
        play_medium(state).to_owned(),
        NOT_IMPLEMENTED.to_owned(),
        NOT_IMPLEMENTED.to_owned(),
    ]
}

fn transport_info(state: &ZoneState) -> Answer {
    texts([
        transport_state(state.transport),
        transport_status(state),
        SPEED,
    ])
}

fn transport_state(state: TransportState) -> &'static str {
    match state {
        TransportState::NoMedia => "NO_MEDIA_PRESENT",
        TransportState::Stopped => "STOPPED",
        TransportState::Transitioning => "TRANSITIONING",
        TransportState::Playing => "PLAYING",
        TransportState::Paused => "PAUSED_PLAYBACK",
    }
}

fn transport_status(state: &ZoneState) -> &'static str {
    match state.error {
        None => "OK",
        Some(_) => "ERROR_OCCURRED",
    }
}

/// What a control point may offer to its user now.
fn transport_actions(state: &ZoneState) -> String {
    let mut actions = match state.transport {
        TransportState::NoMedia => vec![],
        TransportState::Stopped => vec!["Play"],
        // Home Assistant waits for Play to appear before it goes on.
        TransportState::Transitioning => vec!["Play", "Stop", "Pause"],
        TransportState::Playing => vec!["Pause", "Stop"],
        TransportState::Paused => vec!["Play", "Stop"],
    };
    match state.transport {
        TransportState::Stopped if state.seekable => actions.push("Seek"),
        TransportState::Playing | TransportState::Paused => {
            if state.seekable {
                // The Windows logo tests ask for both names.
                actions.extend(["Seek", "X_DLNA_SeekTime"]);
            }
            if state.next.is_some() {
                actions.push("Next");
            }
            // To the start of the track, or tuned in anew: that always works.
            actions.push("Previous");
        }
        _ => {}
    }
    actions.join(",")
}

fn track_count(state: &ZoneState) -> String {
    u8::from(state.track.is_some()).to_string()
}

fn play_medium(state: &ZoneState) -> &'static str {
    match state.track {
        None => "NONE",
        Some(_) => "NETWORK",
    }
}

/// The duration as decoded; until that is known, as the sender claims.
fn shown_duration(state: &ZoneState) -> Option<Duration> {
    let claimed = || {
        state
            .track
            .as_ref()
            .and_then(|track| track.request.duration)
    };
    state.duration.or_else(claimed)
}

/// Unknown is 0:00:00, never `NOT_IMPLEMENTED`.
fn time(duration: Option<Duration>) -> String {
    duration::write(duration.unwrap_or_default())
}

fn uri(track: Option<&Arc<Track>>) -> String {
    track.map_or_else(String::new, |track| track.request.uri.clone())
}

/// As it was sent, byte for byte, so that a control point knows its own item again.
fn metadata(track: Option<&Arc<Track>>) -> String {
    track.map_or_else(String::new, |track| track.metadata.clone())
}

fn current_metadata(state: &ZoneState) -> String {
    state
        .track
        .as_ref()
        .map_or_else(String::new, |track| track_metadata::shown(track))
}

fn texts<const N: usize>(values: [&str; N]) -> Answer {
    values.map(str::to_owned).to_vec()
}
