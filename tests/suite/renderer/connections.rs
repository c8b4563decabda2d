//! What can be played, and the one connection: C cases.

use std::collections::HashSet;

use unisono::zone::TransportState;

use super::bench::Bench;

#[tokio::test]
async fn c01_the_sink_list_is_what_control_points_match() {
    let mut bench = Bench::fresh();
    let sink = bench.value("GetProtocolInfo", "Sink").await;
    assert_eq!(bench.value("GetProtocolInfo", "Source").await, "");
    let entries: Vec<&str> = sink.split(',').collect();
    for entry in &entries {
        let fields: Vec<&str> = entry.split(':').collect();
        assert_eq!(fields.len(), 4, "{entry}");
        assert_eq!(fields[..2], ["http-get", "*"], "{entry}");
        assert!(
            fields[2].contains('/') && !fields[2].contains('*'),
            "{entry}"
        );
        assert!(entry.len() < 256 && !entry.contains([' ', '\\']), "{entry}");
        let plain = format!("http-get:*:{}:*", fields[2]);
        assert!(
            entries.contains(&plain.as_str()),
            "{entry} has no plain entry"
        );
    }
    let distinct: HashSet<_> = entries.iter().collect();
    assert_eq!(distinct.len(), entries.len(), "an entry appears twice");
    for wanted in [
        "http-get:*:audio/mpeg:*",
        "http-get:*:audio/L16;rate=44100;channels=2:DLNA.ORG_PN=LPCM",
        "http-get:*:audio/L16;rate=48000;channels=2:DLNA.ORG_PN=LPCM",
        "http-get:*:audio/L16;rate=44100;channels=1:DLNA.ORG_PN=LPCM",
        "http-get:*:audio/L16:DLNA.ORG_PN=LPCM",
        "http-get:*:audio/L16:*",
        "http-get:*:audio/l16:*",
        "http-get:*:audio/L24;rate=96000;channels=2:*",
        "http-get:*:audio/mpeg:DLNA.ORG_PN=MP3",
        "http-get:*:audio/mp4:DLNA.ORG_PN=AAC_ISO_320",
        "http-get:*:audio/vnd.dlna.adts:DLNA.ORG_PN=AAC_ADTS",
        "http-get:*:audio/flac:*",
        "http-get:*:audio/x-flac:*",
        "http-get:*:audio/wav:*",
        "http-get:*:audio/mp4:*",
        "http-get:*:audio/ogg:*",
        "http-get:*:audio/aiff:*",
        "http-get:*:audio/opus:*",
        "http-get:*:audio/webm:*",
    ] {
        assert!(entries.contains(&wanted), "{wanted}");
    }
    // What is not decoded is not named, however often it is asked for.
    for unwanted in ["HEAAC", "wma", "mpegurl", "audio/*", "mp4a-latm", "dsd"] {
        let named = entries.iter().find(|entry| entry.contains(unwanted));
        assert_eq!(named, None, "{unwanted}");
    }
}

#[tokio::test]
async fn c03_connection_0_is_the_only_one() {
    let mut bench = Bench::fresh();
    assert_eq!(bench.values("GetCurrentConnectionIDs").await, ["0"]);
    for (id, error) in [("7", 706), ("-1", 706), ("x", 402), ("", 402)] {
        let inputs = [("ConnectionID", id)];
        let outcome = bench.call("GetCurrentConnectionInfo", &inputs).await;
        assert_eq!(outcome, Err(error), "{id:?}");
    }
    // The optional actions do not exist, and asking for them changes nothing.
    for action in ["PrepareForConnection", "ConnectionComplete"] {
        assert_eq!(bench.call(action, &[]).await, Err(401), "{action}");
    }
    assert_eq!(bench.told, []);
    let zero = [("ConnectionID", "0")];
    let info = bench.call("GetCurrentConnectionInfo", &zero).await.unwrap();
    assert_eq!(
        info,
        [
            ("RcsID", "0"),
            ("AVTransportID", "0"),
            ("ProtocolInfo", ":::"),
            ("PeerConnectionManager", ""),
            ("PeerConnectionID", "-1"),
            ("Direction", "Input"),
            ("Status", "OK"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
    );
}

#[tokio::test]
async fn c03_the_connection_names_the_current_resource() {
    let mut bench = Bench::with_track(TransportState::Playing);
    let zero = [("ConnectionID", "0")];
    let info = bench.call("GetCurrentConnectionInfo", &zero).await.unwrap();
    assert_eq!(info[2].1, "http-get:*:audio/flac:DLNA.ORG_OP=01");
}

#[tokio::test]
async fn c04_events_are_plain_properties() {
    let bench = Bench::with_track(TransportState::Playing);
    let service = bench.service("ConnectionManager");
    let initial = service.properties(None, &service.snapshot());
    let names: Vec<_> = initial.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "SourceProtocolInfo",
            "SinkProtocolInfo",
            "CurrentConnectionIDs"
        ]
    );
    assert_eq!(
        service.properties(Some(&service.snapshot()), &service.snapshot()),
        []
    );
}
