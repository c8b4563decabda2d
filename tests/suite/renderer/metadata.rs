//! Metadata as it comes in the field: I cases.

use std::sync::Arc;
use std::time::Duration;

use unisono::renderer::{minimal_didl, track};
use unisono::zone::{TransportState, ZoneState};

use super::bench::{Bench, DIDL, URI, state};

/// What people see of a track, and what the fetcher is told.
#[track_caller]
fn check(metadata: &str, title: &str, artist: Option<&str>, mime: Option<&str>) {
    let track = track(URI, metadata);
    assert_eq!(
        (
            track.title.as_str(),
            track.artist.as_deref(),
            track.request.mime.as_deref()
        ),
        (title, artist, mime)
    );
    assert_eq!(track.request.uri, URI);
    assert_eq!(track.metadata, metadata);
}

const TITLE: &str = "Tom & \"J\" <x>";

#[test]
fn i01_normal() {
    check(DIDL, TITLE, Some("Ann"), Some("audio/flac"));
    let track = track(URI, DIDL);
    assert_eq!(track.album.as_deref(), Some("Blue"));
    assert_eq!(
        track.art.as_deref(),
        Some("http://192.0.2.20:8200/art/22.jpg")
    );
    assert_eq!(track.request.duration, Some(Duration::from_millis(205_506)));
}

#[test]
fn i02_escaped_twice_or_wrapped() {
    let twice = quick_xml::escape::escape(DIDL).into_owned();
    check(&twice, TITLE, Some("Ann"), Some("audio/flac"));
    let cdata = format!("<![CDATA[{DIDL}]]>");
    check(&cdata, TITLE, Some("Ann"), Some("audio/flac"));
    let marked = format!("\u{feff}{DIDL}\0\n");
    check(&marked, TITLE, Some("Ann"), Some("audio/flac"));
    check(
        "%3CDIDL-Lite%3E%3Citem%3E%3Ctitle%3EA%20b%3C/title%3E%3C/item%3E%3C/DIDL-Lite%3E",
        "A b",
        None,
        None,
    );
}

/// Metadata as this sender writes it.
fn fixture(sender: &str) -> String {
    let path = format!(
        "{}/tests/fixtures/upnp/{sender}/didl.xml",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What people see of a sender's track at `uri`: title, artist, album, art; and the MIME type and duration it claims.
#[track_caller]
fn check_sender(sender: &str, uri: &str, seen: [Option<&str>; 4], mime: &str, seconds: f64) {
    let metadata = fixture(sender);
    let track = track(uri, &metadata);
    let found = [
        Some(track.title.as_str()),
        track.artist.as_deref(),
        track.album.as_deref(),
        track.art.as_deref(),
    ];
    assert_eq!(found, seen, "{sender}");
    let claimed = track.request.mime.as_deref();
    assert_eq!(claimed, (!mime.is_empty()).then_some(mime), "{sender}");
    let duration = track.request.duration.map(|it| it.as_secs_f64());
    assert_eq!(duration, (seconds > 0.0).then_some(seconds), "{sender}");
    assert_eq!(track.metadata, metadata, "{sender}");
}

#[test]
fn i03_raw_ampersands_and_brackets() {
    check(
        r#"<DIDL-Lite><item><dc:title>A & B</dc:title><upnp:artist>AC&DC;</upnp:artist><res protocolInfo="http-get:*:audio/mpeg:X=1&Y=2">http://o/?x=1&y=2</res></item></DIDL-Lite>"#,
        "A & B",
        Some("AC&DC;"),
        Some("audio/mpeg"),
    );
    // A `<` in a title takes what follows along, for a reader; not for us.
    for title in ["I <3 you", "1 < 2", "<<", "a<b>c"] {
        let metadata = DIDL.replace("Tom &amp; \"J\" &lt;x&gt;", title);
        check(&metadata, title, Some("Ann"), Some("audio/flac"));
    }
    check_sender(
        "huya",
        "http://192.0.2.20/src/1.flv?wsSecret=a1&wsTime=6&u=0",
        [Some("直播 <3"), None, None, None],
        "audio/mpeg",
        0.0,
    );
}

#[test]
fn i05_music_assistant() {
    check_sender(
        "music-assistant",
        "http://192.168.1.4:8097/flow/1/2/3.flac?ts=1&player=x&fade=0",
        [
            Some("Everything is & nothing"),
            Some("Ann Other"),
            Some("One & Two"),
            Some("http://192.168.1.4:8097/imageproxy?size=512&path=%2Fa.jpg"),
        ],
        "audio/flac",
        0.0,
    );
}

#[test]
fn i01_i04_i06_i07_senders_as_they_write() {
    check_sender(
        "jellyfin",
        "http://192.168.1.5:8096/dlna/audio/5f0d/stream.mp3?static=true&tag=9",
        [
            Some("03 - Third & Last"),
            Some("Various Others"),
            Some("An Album"),
            Some("http://192.168.1.5:8096/Items/5f0d/Images/Primary?quality=90&tag=1"),
        ],
        "audio/mpeg",
        191.424,
    );
    let raw = "http://192.168.1.6:5901/stream/swyh.raw";
    check_sender(
        "swyh-rs",
        raw,
        [Some("swyh-rs"), None, None, None],
        "audio/L24;rate=48000;channels=2",
        0.0,
    );
    let raw = track(raw, &fixture("swyh-rs")).request;
    assert_eq!((raw.pcm_rate, raw.pcm_channels), (Some(48_000), Some(2)));
    check_sender(
        "airconnect",
        "http://192.168.1.7:49200/stream-1.flac",
        [
            Some("Streaming from AirConnect"),
            Some("AirConnect"),
            None,
            None,
        ],
        "audio/flac",
        0.0,
    );
    check_sender(
        "plainupnp",
        "http://192.168.1.8:8080/a/77",
        [Some("A song"), None, None, None],
        "",
        0.0,
    );
    check_sender(
        "home-assistant",
        "http://192.168.1.9:8123/api/tts_proxy/7.mp3",
        [Some("Home Assistant"), None, None, None],
        "audio/mpeg",
        0.0,
    );
    // Of its many resources that of the URI counts.
    for (uri, mime) in [
        ("http://192.168.1.4:10246/MDEServer/1/0.mp3", "audio/mpeg"),
        (
            "http://192.168.1.4:10246/MDEServer/1/10.l16",
            "audio/L16;rate=44100;channels=2",
        ),
    ] {
        let seen = [Some("A song"), Some("Somebody"), Some("A record"), None];
        check_sender("wmp", uri, seen, mime, 180.0);
    }
}

#[test]
fn i04_unbound_prefixes() {
    check(
        r#"<DIDL-Lite><item><dc:title>A</dc:title><upnp:artist>B</upnp:artist><res dlna:x="1" protocolInfo="http-get:*:audio/mpeg:*">x</res></item></DIDL-Lite>"#,
        "A",
        Some("B"),
        Some("audio/mpeg"),
    );
}

#[test]
fn i06_among_many_resources_that_of_the_uri_counts() {
    let others: String = (0..29)
        .map(|n| format!(r#"<res protocolInfo="http-get:*:audio/mpeg:*">http://o/{n}</res>"#))
        .collect();
    let metadata = DIDL.replace("<res ", &format!("{others}<res "));
    check(&metadata, TITLE, Some("Ann"), Some("audio/flac"));
    // Without one for the URI: the first that is audio.
    let elsewhere = DIDL.replace("/22.flac?", "/23.flac?").replace(
        "<res ",
        r#"<res protocolInfo="http-get:*:image/jpeg:*">http://o/i</res><res "#,
    );
    check(&elsewhere, TITLE, Some("Ann"), Some("audio/flac"));
}

#[test]
fn i07_resources_without_protocol_info() {
    let bare = DIDL.replace(r#"protocolInfo="http-get:*:audio/flac:DLNA.ORG_OP=01""#, "");
    check(&bare, TITLE, Some("Ann"), None);
    assert_eq!(
        track(URI, &bare).request.duration,
        Some(Duration::from_millis(205_506))
    );
}

#[test]
fn i08_i09_containers_and_cdata() {
    check(
        "<DIDL-Lite><container><title><![CDATA[A & <B>]]></title></container></DIDL-Lite>",
        "A & <B>",
        None,
        None,
    );
}

#[test]
fn i10_documents_that_declare_entities_are_not_read() {
    let laughs = format!(
        r#"<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>{}"#,
        DIDL.replace("Tom", "&b;")
    );
    check(&laughs, "22.flac", None, None);
    let deep = format!("{}{DIDL}", "<a>".repeat(100_000));
    check(&deep, "22.flac", None, None);
    let long = format!("{DIDL}{}", " ".repeat(10) + &"<x/>".repeat(100_000));
    check(&long, "22.flac", None, None);
}

#[test]
fn i11_durations_that_say_nothing_are_unknown() {
    for (sent, known) in [
        ("0:03:25.506", Some(Duration::from_millis(205_506))),
        ("00:00:00", None),
        ("23:59:59.000", None),
        ("24:00:00", None),
        ("bogus", None),
        ("", None),
    ] {
        let metadata = DIDL.replace("0:03:25.506", sent);
        assert_eq!(track(URI, &metadata).request.duration, known, "{sent:?}");
    }
}

#[test]
fn i13_odd_characters() {
    for (sent, seen) in [
        ("🎵 été", "🎵 été"),
        ("שלום", "שלום"),
        ("a&#0;b", "ab"),
        ("a&#x1F600;b", "a😀b"),
        ("a&nbsp;b", "a&nbsp;b"),
        ("a\nb\tc ", "a b c"),
        ("&amp;amp;", "&amp;"),
    ] {
        let metadata = DIDL.replace("Tom &amp; \"J\" &lt;x&gt;", sent);
        check(&metadata, seen, Some("Ann"), Some("audio/flac"));
    }
}

#[test]
fn i14_album_art_is_resolved_and_checked() {
    for (sent, art) in [
        ("http://h/a.jpg", Some("http://h/a.jpg")),
        ("https://h/a.jpg", Some("https://h/a.jpg")),
        ("/a.jpg", Some("http://192.0.2.20:8200/a.jpg")),
        ("a.jpg", Some("http://192.0.2.20:8200/MediaItems/a.jpg")),
        ("//h/a.jpg", Some("http://h/a.jpg")),
        ("file:///etc/passwd", None),
        ("data:image/png;base64,x", None),
        ("", None),
    ] {
        let metadata = DIDL.replace("/art/22.jpg", sent);
        assert_eq!(track(URI, &metadata).art.as_deref(), art, "{sent:?}");
    }
}

#[test]
fn t14_whatever_it_is_a_track_comes_out() {
    check("", "22.flac", None, None);
    check("NOT_IMPLEMENTED", "22.flac", None, None);
    check("My radio", "My radio", None, None);
    check("<", "22.flac", None, None);
    check("&lt;", "22.flac", None, None);
    check("<DIDL-Lite><item><dc:title>Half", "22.flac", None, None);
    check(
        "<DIDL-Lite><item><dc:title>A</dc:title><upnp:artist>B",
        "A",
        None,
        None,
    );
    check(
        "<item><title/><creator>C</creator></item>",
        "22.flac",
        Some("C"),
        None,
    );
    check("<<<>>>&&&%%%", "22.flac", None, None);
    // However many brackets there are, they are looked at once.
    let brackets = format!("<item>{}>", "<".repeat(200_000));
    check(&brackets, "22.flac", None, None);
}

#[test]
fn untitled_tracks_are_named_after_their_uri() {
    for (uri, title) in [
        ("http://h/Music/My%20Song%21.mp3?x=/y", "My Song!.mp3"),
        ("http://h/caf%C3%A9", "café"),
        ("http://h/100%", "100%"),
        ("http://h:8000/", "h:8000"),
        ("http://h:8000", "h:8000"),
        ("http://h/%00", "http://h/%00"),
    ] {
        assert_eq!(track(uri, "").title, title);
    }
}

#[test]
fn raw_pcm_hints() {
    let metadata = r#"<DIDL-Lite><item><res protocolInfo="http-get:*:audio/L16;rate=48000;channels=1:DLNA.ORG_PN=LPCM" sampleFrequency="48000" nrAudioChannels="1">x</res></item></DIDL-Lite>"#;
    let request = track(URI, metadata).request;
    assert_eq!(
        request.mime.as_deref(),
        Some("audio/L16;rate=48000;channels=1")
    );
    assert_eq!(
        (request.pcm_rate, request.pcm_channels),
        (Some(48_000), Some(1))
    );
}

#[tokio::test]
async fn i12_good_metadata_is_shown_as_it_came_and_bad_metadata_replaced() {
    let current = async |metadata: &str| {
        let mut bench = Bench::new(ZoneState {
            track: Some(Arc::new(track(URI, metadata))),
            ..state(TransportState::Playing)
        });
        bench.value("GetPositionInfo", "TrackMetaData").await
    };
    assert_eq!(current(DIDL).await, DIDL);
    for bad in [
        "",
        "NOT_IMPLEMENTED",
        "My radio",
        "<DIDL-Lite><item><dc:title>unbound</dc:title></item></DIDL-Lite>",
        "<DIDL-Lite><item>",
        "<item/>",
        "<DIDL-Lite/><DIDL-Lite/>",
        "<DIDL-Lite>&nbsp;</DIDL-Lite>",
        "<DIDL-Lite a='x & y'/>",
        "<!DOCTYPE x><DIDL-Lite/>",
        // What XML has no place for, written out and referred to.
        "<DIDL-Lite>\u{ffff}</DIDL-Lite>",
        "<DIDL-Lite>&#xFFFE;</DIDL-Lite>",
        "<DIDL-Lite a='&#1;'/>",
    ] {
        let shown = current(bad).await;
        assert_eq!(shown, minimal_didl(&track(URI, bad)), "{bad}");
        // Ours is good enough to be taken for the sender's own.
        assert_eq!(current(&shown).await, shown);
    }
}

#[test]
fn our_own_metadata_reads_back() {
    let original = track(URI, DIDL);
    let again = track(URI, &minimal_didl(&original));
    assert_eq!(again.title, original.title);
    assert_eq!(again.artist, original.artist);
    assert_eq!(again.album, original.album);
    assert_eq!(again.art, original.art);
    assert_eq!(again.request.mime, original.request.mime);
}

#[test]
fn what_xml_cannot_hold_is_left_out_of_a_title_and_the_rest_stays() {
    let odd = track(URI, "A\u{ffff} so\u{fffe}ng, \u{1f3b5}");
    let document = minimal_didl(&odd);
    assert!(
        document.contains("<dc:title>A song, \u{1f3b5}</dc:title>"),
        "{document}"
    );
}

/// No standard says how, but who tells of it writes what taggers write.
#[test]
fn loudness_is_read_under_the_names_of_taggers() {
    let metadata = DIDL.replace(
        "</item>",
        "<x:replayGainTrackGain>-7.5 dB</x:replayGainTrackGain>\
         <REPLAYGAIN_TRACK_PEAK>0.5</REPLAYGAIN_TRACK_PEAK></item>",
    );
    let loudness = track("http://192.0.2.1/a.flac", &metadata).request.loudness;
    let measured = loudness.track.unwrap();
    assert_eq!((measured.gain_db, measured.peak), (-7.5, Some(0.5)));
    assert_eq!(loudness.album, None);
}
