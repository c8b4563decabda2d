//! LastChange: what is in it, and what never is. N02, N03, R05, T26, G02, G17.

use std::sync::Arc;
use std::time::Duration;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::Event;
use unisono::renderer::track;
use unisono::upnp::Snapshot;
use unisono::zone::{Level, Progress, TransportState, ZoneState};

use super::bench::{Bench, DIDL, URI, standard_track, state};

/// One variable of a LastChange: name, channel, value.
type Change = (String, Option<String>, String);

/// All that is told when one track follows another without a stop.
const TRACK_CHANGE: [&str; 9] = [
    "CurrentTrackDuration",
    "CurrentMediaDuration",
    "CurrentTrackURI",
    "CurrentTrackMetaData",
    "AVTransportURI",
    "AVTransportURIMetaData",
    "NextAVTransportURI",
    "NextAVTransportURIMetaData",
    "CurrentTransportActions",
];

/// Reads a LastChange as a strict client would.
fn changes(document: &str) -> (String, Vec<Change>) {
    let mut reader = Reader::from_str(document);
    let mut namespace = String::new();
    let mut found = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return (namespace, found),
            Event::Start(element) | Event::Empty(element) => {
                let attribute = |name: &str| {
                    let attribute = element.try_get_attribute(name).unwrap()?;
                    Some(
                        attribute
                            .normalized_value(XmlVersion::Explicit1_0)
                            .unwrap()
                            .into_owned(),
                    )
                };
                match element.name().as_ref() {
                    "Event" => namespace = attribute("xmlns").unwrap(),
                    "InstanceID" => assert_eq!(attribute("val").unwrap(), "0"),
                    name => found.push((
                        name.to_owned(),
                        attribute("channel"),
                        attribute("val").unwrap(),
                    )),
                }
            }
            _ => {}
        }
    }
}

/// The LastChange that leads from `before` to `after`, if there is one.
fn last_change(bench: &Bench, id: &str, before: Option<&Snapshot>) -> Option<Vec<Change>> {
    let service = bench.service(id);
    let properties = service.properties(before, &service.snapshot());
    let [(name, document)] = &properties[..] else {
        assert_eq!(properties, []);
        return None;
    };
    assert_eq!(*name, "LastChange");
    assert!(!document.contains("<?xml"));
    let (namespace, changes) = changes(document);
    let dialect = if id == "AVTransport" { "AVT" } else { "RCS" };
    assert_eq!(
        namespace,
        format!("urn:schemas-upnp-org:metadata-1-0/{dialect}/")
    );
    Some(changes)
}

fn names(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|(name, _, _)| name.as_str()).collect()
}

fn value<'a>(changes: &'a [Change], variable: &str) -> &'a str {
    let found = changes.iter().find(|(name, _, _)| name == variable);
    &found.unwrap().2
}

#[test]
fn g02_the_initial_event_has_everything_but_positions() {
    let bench = Bench::with_track(TransportState::Playing);
    let changes = last_change(&bench, "AVTransport", None).unwrap();
    let mut sent = names(&changes);
    sent.sort_unstable();
    let mut expected: Vec<_> = bench
        .service("AVTransport")
        .description()
        .variables
        .iter()
        .map(|variable| variable.name)
        .filter(|name| {
            !name.starts_with("A_ARG_TYPE_") && !name.ends_with("Position") && *name != "LastChange"
        })
        .collect();
    expected.sort_unstable();
    assert_eq!(sent, expected);
}

#[test]
fn r05_the_initial_rendering_event_names_the_channels() {
    let bench = Bench::fresh();
    let changes = last_change(&bench, "RenderingControl", None).unwrap();
    let change = |name: &str, channel: &str, value: &str| {
        let channel = (!channel.is_empty()).then(|| channel.to_owned());
        (name.to_owned(), channel, value.to_owned())
    };
    assert_eq!(
        changes,
        [
            change("PresetNameList", "", "FactoryDefaults"),
            change("Mute", "Master", "0"),
            change("Volume", "Master", "30"),
            change("VolumeDB", "Master", "-9216"),
            change("Mute", "LF", "0"),
            change("Volume", "LF", "100"),
            change("VolumeDB", "LF", "0"),
            change("Mute", "RF", "0"),
            change("Volume", "RF", "100"),
            change("VolumeDB", "RF", "0"),
        ]
    );
    let service = bench.service("RenderingControl");
    let document = &service.properties(None, &service.snapshot())[0].1;
    assert!(document.contains(r#"<Volume channel="Master" val="30"/>"#));
}

#[test]
fn r05_r08_a_volume_change_is_all_there_is_in_its_event() {
    let bench = Bench::fresh();
    let before = bench.snapshot("RenderingControl");
    let louder = ZoneState {
        volume: 31,
        ..ZoneState::default()
    };
    bench.publish(louder.clone());
    let changes = last_change(&bench, "RenderingControl", Some(&before)).unwrap();
    assert_eq!(names(&changes), ["Volume", "VolumeDB"]);
    assert_eq!(value(&changes, "Volume"), "31");
    let before = bench.snapshot("RenderingControl");
    bench.publish(ZoneState {
        right: Level {
            muted: true,
            ..Level::default()
        },
        ..louder
    });
    let changes = last_change(&bench, "RenderingControl", Some(&before)).unwrap();
    let mute = ("Mute".to_owned(), Some("RF".to_owned()), "1".to_owned());
    assert_eq!(changes, [mute]);
}

#[test]
fn h08_a_stations_title_is_told_as_metadata_of_the_same_track() {
    let bench = Bench::with_track(TransportState::Playing);
    let before = bench.snapshot("AVTransport");
    let playing = state(TransportState::Playing);
    let station = playing.track.clone().unwrap();
    bench.publish(ZoneState {
        track: Some(station.telling("Bj\u{f6}rk - J\u{f3}ga & more")),
        ..playing.clone()
    });
    let changes = last_change(&bench, "AVTransport", Some(&before)).unwrap();
    assert_eq!(names(&changes), ["CurrentTrackMetaData"]);
    let metadata = value(&changes, "CurrentTrackMetaData");
    for part in [
        "<dc:title>J\u{f3}ga &amp; more</dc:title>",
        "<upnp:artist>Bj\u{f6}rk</upnp:artist>",
        "object.item.audioItem.audioBroadcast",
        "<upnp:channelName>Tom &amp; &quot;J&quot; &lt;x&gt;</upnp:channelName>",
        "/MediaItems/22.flac",
    ] {
        assert!(metadata.contains(part), "no {part} in {metadata}");
    }
    // And no more when the station takes it back.
    let told = bench.snapshot("AVTransport");
    bench.publish(playing);
    let changes = last_change(&bench, "AVTransport", Some(&told)).unwrap();
    assert_eq!(names(&changes), ["CurrentTrackMetaData"]);
    assert_eq!(bench.snapshot("AVTransport"), before);
}

#[test]
fn time_passing_is_no_event() {
    let bench = Bench::with_track(TransportState::Playing);
    let before = bench.snapshot("AVTransport");
    bench.clock.advance(Duration::from_secs(10));
    bench.publish(ZoneState {
        progress: Progress::At(Duration::from_secs(100)),
        ..state(TransportState::Playing)
    });
    assert_eq!(last_change(&bench, "AVTransport", Some(&before)), None);
}

#[test]
fn t24_a_stop_at_the_player_is_seen_with_its_actions() {
    let bench = Bench::with_track(TransportState::Playing);
    let before = bench.snapshot("AVTransport");
    bench.publish(state(TransportState::Stopped));
    let changes = last_change(&bench, "AVTransport", Some(&before)).unwrap();
    assert_eq!(
        names(&changes),
        ["TransportState", "CurrentTransportActions"]
    );
    assert_eq!(value(&changes, "TransportState"), "STOPPED");
}

#[test]
fn t26_a_uri_set_while_stopped_does_not_repeat_the_state() {
    let bench = Bench::with_track(TransportState::Stopped);
    let before = bench.snapshot("AVTransport");
    bench.publish(ZoneState {
        track: Some(Arc::new(track("http://192.0.2.20/other.mp3", ""))),
        duration: None,
        ..state(TransportState::Stopped)
    });
    let changes = last_change(&bench, "AVTransport", Some(&before)).unwrap();
    let names = names(&changes);
    for told in [
        "AVTransportURI",
        "AVTransportURIMetaData",
        "CurrentTrackMetaData",
        "CurrentTransportActions",
    ] {
        assert!(names.contains(&told), "{told} is not in {names:?}");
    }
    assert!(!names.contains(&"TransportState"));
}

#[test]
fn n01_a_queued_track_is_evented() {
    let bench = Bench::with_track(TransportState::Playing);
    let before = bench.snapshot("AVTransport");
    bench.publish(ZoneState {
        next: Some(standard_track()),
        ..state(TransportState::Playing)
    });
    let changes = last_change(&bench, "AVTransport", Some(&before)).unwrap();
    assert_eq!(
        names(&changes),
        [
            "NextAVTransportURI",
            "NextAVTransportURIMetaData",
            "CurrentTransportActions"
        ]
    );
    assert_eq!(value(&changes, "NextAVTransportURI"), URI);
}

#[test]
fn n02_n03_a_gapless_track_change_is_one_event_without_a_state() {
    let bench = Bench::with_track(TransportState::Playing);
    let next = Arc::new(track(
        "http://192.0.2.20/second.flac",
        &DIDL.replace("Tom", "Ann"),
    ));
    bench.publish(ZoneState {
        next: Some(next.clone()),
        ..state(TransportState::Playing)
    });
    let before = bench.snapshot("AVTransport");
    bench.publish(ZoneState {
        track: Some(next.clone()),
        next: None,
        duration: Some(Duration::from_secs(100)),
        ..state(TransportState::Playing)
    });
    let changes = last_change(&bench, "AVTransport", Some(&before)).unwrap();
    assert_eq!(names(&changes), TRACK_CHANGE);
    assert_eq!(value(&changes, "AVTransportURI"), next.request.uri);
    assert_eq!(value(&changes, "CurrentTrackURI"), next.request.uri);
    assert_eq!(value(&changes, "CurrentTrackMetaData"), next.metadata);
    assert_eq!(value(&changes, "CurrentTrackDuration"), "0:01:40");
    assert_eq!(value(&changes, "NextAVTransportURI"), "");
}

/// The set is told whole, although nothing but the URI, or not even that, differs between the two.
#[test]
fn n02_two_tracks_that_look_alike_are_two_tracks() {
    for uri in ["http://192.0.2.20/second.flac", URI] {
        let bench = Bench::with_track(TransportState::Playing);
        let next = Arc::new(track(uri, DIDL));
        bench.publish(ZoneState {
            next: Some(next.clone()),
            ..state(TransportState::Playing)
        });
        let before = bench.snapshot("AVTransport");
        bench.publish(ZoneState {
            track: Some(next),
            ..state(TransportState::Playing)
        });
        let changes = last_change(&bench, "AVTransport", Some(&before)).unwrap();
        assert_eq!(names(&changes), TRACK_CHANGE, "{uri}");
        assert_eq!(value(&changes, "AVTransportURI"), uri);
        assert_eq!(value(&changes, "NextAVTransportURI"), "");
    }
}

#[test]
fn g17_metadata_survives_the_journey() {
    let odd = format!("{DIDL}\n\t\r<!-- 'single' & \"double\" -->");
    let bench = Bench::new(ZoneState {
        track: Some(Arc::new(track(URI, &odd))),
        ..state(TransportState::Playing)
    });
    let changes = last_change(&bench, "AVTransport", None).unwrap();
    assert_eq!(value(&changes, "AVTransportURIMetaData"), odd);
    assert_eq!(value(&changes, "AVTransportURI"), URI);
    // As a property the document is escaped once more; the `&` of the title then has three levels.
    let service = bench.service("AVTransport");
    let document = &service.properties(None, &service.snapshot())[0].1;
    let escaped = quick_xml::escape::escape(document.as_str());
    assert!(escaped.contains("Tom &amp;amp;amp; "));
}

#[test]
fn what_xml_cannot_carry_is_left_out() {
    let bench = Bench::new(ZoneState {
        track: Some(Arc::new(track(URI, "a\u{0}b\u{1b}c\u{ffff}"))),
        ..state(TransportState::Playing)
    });
    let changes = last_change(&bench, "AVTransport", None).unwrap();
    assert_eq!(value(&changes, "AVTransportURIMetaData"), "abc");
}
