//! What a running program does, as lines for a terminal.
//! How columns are laid out is `view`'s matter.

use std::time::Duration;

use crate::api::{
    BluetoothStatus, Hearing, InputStatus, OutputStatus, State, Transport, ZoneStatus,
};
use crate::view::{Side, UNKNOWN, figure, minutes, table, troubles};

/// Tables: zones, outputs with their figures, and inputs if there are any. What is not known is a dash.
pub(super) fn state(state: &State) -> Vec<String> {
    let zones = state.zones.iter().map(zone_row);
    let outputs = state.outputs.iter().map(output_row);
    let mut lines = table(
        &[
            ("ZONE", Side::Left),
            ("STATE", Side::Left),
            ("VOLUME", Side::Left),
            ("TIME", Side::Right),
            ("TRACK", Side::Left),
        ],
        &zones.collect::<Vec<_>>(),
    );
    lines.push(String::new());
    lines.extend(table(
        &[
            ("OUTPUT", Side::Left),
            ("STATE", Side::Left),
            ("AHEAD", Side::Right),
            ("CLOCK", Side::Right),
            ("LATE", Side::Right),
            ("CHANNELS", Side::Left),
            ("TRIM", Side::Right),
            ("VOLUME", Side::Left),
            ("ZONE", Side::Left),
            ("TROUBLES", Side::Left),
        ],
        &outputs.collect::<Vec<_>>(),
    ));
    if !state.inputs.is_empty() {
        lines.push(String::new());
        lines.extend(table(
            &[
                ("INPUT", Side::Left),
                ("STATE", Side::Left),
                ("CLOCK", Side::Right),
                ("ZONE", Side::Left),
                ("SOURCE", Side::Left),
            ],
            &state.inputs.iter().map(input_row).collect::<Vec<_>>(),
        ));
    }
    let speakers = state.outputs.iter().filter_map(|output| {
        let bluetooth = output.bluetooth.as_ref()?;
        Some(speaker_row(&output.name, bluetooth))
    });
    let speakers: Vec<_> = speakers.collect();
    if !speakers.is_empty() {
        lines.push(String::new());
        lines.extend(table(
            &[
                ("SPEAKER", Side::Left),
                ("ADDRESS", Side::Left),
                ("STATE", Side::Left),
                ("BATTERY", Side::Right),
                ("CODEC", Side::Left),
                ("ADAPTER", Side::Left),
                ("SIGNAL", Side::Right),
            ],
            &speakers,
        ));
    }
    lines
}

fn input_row(input: &InputStatus) -> Vec<String> {
    let state = match (input.playing, input.state) {
        (true, _) => "playing".to_owned(),
        (false, state) => word(&state),
    };
    vec![
        input.name.clone(),
        state,
        figure(input.clock_ppm, "ppm"),
        input.zone.clone(),
        input.source.clone(),
    ]
}

/// What has come of having an input played.
pub(super) fn played(input: &InputStatus) -> String {
    let (name, zone) = (input.name.escape_debug(), input.zone.escape_debug());
    match input.state {
        Hearing::Sounding => format!("{zone} plays {name}"),
        Hearing::Silent => format!("{zone} plays {name}, which is silent now"),
        Hearing::Lost => format!("{zone} plays {name} when it is there: {}", input.source),
    }
}

fn speaker_row(name: &str, speaker: &BluetoothStatus) -> Vec<String> {
    let unknown = || UNKNOWN.to_owned();
    let state = match speaker.connected {
        Some(true) => "connected",
        Some(false) => "not connected",
        None => UNKNOWN,
    };
    let battery = speaker
        .battery_percent
        .map(|percent| format!("{percent} %"));
    let signal = speaker.signal_dbm.map(|dbm| format!("{dbm} dBm"));
    vec![
        name.to_owned(),
        speaker.address.clone(),
        state.to_owned(),
        battery.unwrap_or_else(unknown),
        speaker.codec.clone().unwrap_or_else(unknown),
        speaker.adapter.clone().unwrap_or_else(unknown),
        signal.unwrap_or_else(unknown),
    ]
}

fn zone_row(zone: &ZoneStatus) -> Vec<String> {
    let state = match zone.state {
        Transport::NoMedia => "waiting for a cast",
        Transport::Stopped if zone.error.is_some() => "stopped by an error",
        Transport::Stopped => "stopped",
        Transport::Loading => "loading",
        Transport::Playing => "playing",
        Transport::Paused => "paused",
    };
    let time = |seconds: f64| Duration::try_from_secs_f64(seconds).map(minutes).ok();
    let position = zone.position_s.and_then(time);
    let duration = zone.duration_s.and_then(time);
    let time = match (position, duration) {
        (Some(position), Some(duration)) => Some(format!("{position} / {duration}")),
        (position, _) => position,
    };
    let track = match (&zone.title, &zone.artist) {
        (Some(title), Some(artist)) => Some(format!("{title} · {artist}")),
        (title, _) => title.clone(),
    };
    let unknown = || UNKNOWN.to_owned();
    vec![
        zone.name.clone(),
        state.to_owned(),
        volume(zone.volume, zone.muted, ""),
        time.unwrap_or_else(unknown),
        track.unwrap_or_else(unknown),
    ]
}

fn output_row(output: &OutputStatus) -> Vec<String> {
    let alone = if output.volume_sync { "" } else { ", alone" };
    let troubles = troubles(output.reanchored, output.gaps, output.starved_frames);
    vec![
        output.name.clone(),
        word(&output.state),
        figure(output.misalignment_ms, "ms"),
        figure(output.clock_ppm, "ppm"),
        format!("{} ms", output.late_ms),
        word(&output.channels),
        format!("{} dB", output.trim_db),
        volume(output.volume, output.muted, alone),
        output.zone.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
        troubles.unwrap_or_else(|| UNKNOWN.to_owned()),
    ]
}

fn volume(volume: u8, muted: bool, note: &str) -> String {
    let muted = if muted { ", muted" } else { "" };
    format!("{volume}{note}{muted}")
}

/// How an output is set, a line for each key, in the words of the config.
pub(super) fn settings(output: &OutputStatus) -> Vec<String> {
    let sync = output.volume_sync;
    vec![
        format!("# {}", output.name.escape_debug()),
        format!("late_ms = {}", output.late_ms),
        format!("channels = {:?}", word(&output.channels)),
        format!("trim_db = {}", output.trim_db),
        format!("volume = {}", output.volume),
        format!("volume_sync = {sync}"),
        format!("muted = {}", output.muted),
    ]
}

/// The word of the API for one of its words.
fn word(word: &impl serde::Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(word)) => word,
        _ => UNKNOWN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::api::{Activity, Channels};

    use super::*;

    fn output(name: &str) -> OutputStatus {
        OutputStatus {
            name: name.to_owned(),
            sink: "the default sink".to_owned(),
            state: Activity::Resting,
            zone: None,
            misalignment_ms: None,
            clock_ppm: None,
            late_ms: 0.0,
            channels: Channels::Stereo,
            trim_db: 0.0,
            volume: 100,
            volume_sync: true,
            muted: false,
            starved_frames: 0,
            gaps: 0,
            reanchored: 0,
            bluetooth: None,
        }
    }

    #[test]
    fn bluetooth_speakers_have_a_table_of_their_own() {
        let speaker = BluetoothStatus {
            address: "AA:BB:CC:DD:EE:01".to_owned(),
            connected: Some(true),
            battery_percent: Some(70),
            codec: Some("aac".to_owned()),
            adapter: Some("hci0".to_owned()),
            signal_dbm: None,
        };
        let flip = OutputStatus {
            bluetooth: Some(speaker),
            ..output("Flip")
        };
        let lines = state(&State {
            zones: Vec::new(),
            outputs: vec![output("Desk"), flip],
            inputs: Vec::new(),
        });
        assert_eq!(
            lines[lines.len() - 3..],
            [
                "",
                "SPEAKER  ADDRESS            STATE      BATTERY  CODEC  ADAPTER  SIGNAL",
                "Flip     AA:BB:CC:DD:EE:01  connected     70 %  aac    hci0          –",
            ]
        );
    }

    #[test]
    fn what_is_known_stands_in_columns_and_the_rest_is_a_dash() {
        let kitchen = OutputStatus {
            state: Activity::Playing,
            zone: Some("Everywhere".to_owned()),
            misalignment_ms: Some(-0.024),
            clock_ppm: Some(12.34),
            late_ms: 180.5,
            channels: Channels::Mono,
            trim_db: -3.0,
            volume: 40,
            volume_sync: false,
            muted: true,
            gaps: 2,
            ..output("Kitchen")
        };
        let zone = ZoneStatus {
            name: "Everywhere".to_owned(),
            id: uuid::Uuid::nil(),
            state: Transport::Playing,
            error: None,
            title: Some("Blue in Green".to_owned()),
            artist: Some("Miles Davis".to_owned()),
            position_s: Some(83.4),
            duration_s: Some(337.0),
            volume: 35,
            muted: false,
            outputs: Vec::new(),
        };
        let idle = ZoneStatus {
            name: "Desk".to_owned(),
            state: Transport::NoMedia,
            title: None,
            artist: None,
            position_s: None,
            duration_s: None,
            ..zone.clone()
        };
        let lines = state(&State {
            zones: vec![zone, idle],
            outputs: vec![kitchen, output("Desk\u{1b}[2J")],
            inputs: vec![InputStatus {
                name: "Echo Dot".to_owned(),
                source: "what AA:BB:CC:DD:EE:FF plays over Bluetooth".to_owned(),
                state: Hearing::Silent,
                zone: "Everywhere".to_owned(),
                playing: false,
                clock_ppm: None,
            }],
        });
        assert_eq!(
            lines,
            [
                "ZONE        STATE               VOLUME         TIME  TRACK",
                "Everywhere  playing             35      1:23 / 5:37  Blue in Green · Miles Davis",
                "Desk        waiting for a cast  35                –  –",
                "",
                "OUTPUT    STATE       AHEAD      CLOCK      LATE  CHANNELS   TRIM  VOLUME            ZONE        TROUBLES",
                "Kitchen   playing  −0.02 ms  +12.3 ppm  180.5 ms  mono      -3 dB  40, alone, muted  Everywhere  2 gaps",
                "Desk [2J  resting         –          –      0 ms  stereo     0 dB  100               –           –",
                "",
                "INPUT     STATE   CLOCK  ZONE        SOURCE",
                "Echo Dot  silent      –  Everywhere  what AA:BB:CC:DD:EE:FF plays over Bluetooth",
            ]
        );
    }
}
