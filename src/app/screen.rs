//! What the live view shows of the zones and outputs at one moment.

use crate::clock::ClockTime;
use crate::config::Plan;
use crate::playback::LaneHandle;
use crate::view::{OutputLine, Screen, ZoneLine, troubles};
use crate::zone::{TransportState, ZoneHandle, ZoneState};

pub(super) fn screen(
    plan: &Plan,
    zones: &[ZoneHandle],
    lanes: &[LaneHandle],
    now: ClockTime,
) -> Screen {
    let zones = plan
        .zones
        .iter()
        .zip(zones)
        .map(|(zone, handle)| zone_line(&zone.name, &handle.state(), now))
        .collect();
    Screen {
        zones,
        outputs: lanes.iter().map(output_line).collect(),
    }
}

fn zone_line(name: &str, state: &ZoneState, now: ClockTime) -> ZoneLine {
    let word = match state.transport {
        TransportState::NoMedia => "waiting for a cast",
        TransportState::Stopped if state.error.is_some() => "stopped by an error",
        TransportState::Stopped => "stopped",
        TransportState::Transitioning => "loading",
        TransportState::Playing => "playing",
        TransportState::Paused => "paused",
    };
    let track = state.track.as_ref();
    ZoneLine {
        name: name.to_owned(),
        state: word.to_owned(),
        title: track.map(|track| track.title.clone()),
        artist: track.and_then(|track| track.artist.clone()),
        position: track.map(|_| state.position(now)),
        duration: state.duration,
    }
}

fn output_line(lane: &LaneHandle) -> OutputLine {
    let report = lane.report();
    OutputLine {
        name: lane.name().to_owned(),
        state: report.state.word().to_owned(),
        ahead_seconds: report.ahead_seconds,
        clock_ppm: report.clock_ppm,
        troubles: troubles(report.reanchored, report.gaps, report.starved_frames),
    }
}
