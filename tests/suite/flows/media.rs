//! What a cast comes to when its media or its metadata are not as they should be, over the wire. T, K, I cases.

use super::*;

const DIDL: &str = "<DIDL-Lite xmlns=\"urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:upnp=\"urn:schemas-upnp-org:metadata-1-0/upnp/\"><item id=\"1\"><dc:title>Song</dc:title>";

/// Casts what must fail, and waits until it has.
async fn fails(renderer: &Renderer, uri: &str) {
    renderer.set_uri(uri).await;
    renderer.play().await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (state, status) = renderer.condition().await;
        // An error is never shown while there is still hope: Kodi gives up at the sight of one.
        assert!(status == "OK" || state == "STOPPED", "{state} {status}");
        if status == "ERROR_OCCURRED" {
            break;
        }
        assert!(Instant::now() < deadline, "{uri} does not fail: {state}");
        milliseconds(20).await;
    }
    // No fault, whatever happened, and the URI is still there.
    let info = renderer.transport("GetPositionInfo", &[]).await;
    assert_eq!(info.element("RelTime"), Some("0:00:00"));
    assert_eq!(info.element("TrackURI"), Some(uri));
}

#[tokio::test]
async fn t15_t16_t17_what_cannot_be_played_ends_in_error_and_the_next_cast_plays() {
    let server = MediaServer::start();
    let stack = Stack::start().await;
    let house = &stack.renderer;
    let vacant = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let nobody = format!("http://{}/song", vacant.local_addr().expect("an address"));
    drop(vacant);
    fails(house, &nobody).await;
    fails(house, &server.url("/404")).await;
    fails(house, &server.serve("/noise", Media::new(vec![0x55; 3000]))).await;
    let song = server.serve("/song", Media::fixture("sine.flac"));
    house.set_uri(&song).await;
    assert_eq!(house.condition().await, ("STOPPED".into(), "OK".into()));
    house.cast_to_the_end(&song).await;
    for recording in stack.end().await {
        assert_heard(&recording, 1.5);
    }
}

#[tokio::test]
async fn t02_t25_nothing_is_heard_before_play() {
    let server = MediaServer::start();
    let stack = Stack::start().await;
    let house = &stack.renderer;
    let song = server.serve("/song", Media::fixture("sine.flac"));
    // A Play without media is refused, and not remembered for the cast that follows.
    assert_eq!(
        house.call("AVTransport", "Play", &[]).await.err(),
        Some(701)
    );
    house.set_uri(&song).await;
    milliseconds(1500).await;
    assert_eq!(house.condition().await.0, "STOPPED");
    let offered = actions(house).await;
    assert!(offered.contains(&"Play".to_owned()), "{offered:?}");
    for recording in stack.end().await {
        assert!(recording.sounds().is_empty());
    }
}

#[tokio::test]
async fn t24_a_stop_at_the_machine_is_told_and_a_remote_play_goes_on() {
    let server = MediaServer::start();
    let stack = playing(&server).await;
    let house = &stack.renderer;
    let mut subscriber = house.subscribe("AVTransport").await;
    subscriber.event().await;
    let stopped = stack.zone.send(unisono::zone::ZoneCommand::Stop).await;
    assert_eq!(stopped, Ok(()));
    let event = subscriber.event().await;
    assert_eq!(changed(&event, "TransportState"), Some("STOPPED"));
    assert_eq!(house.condition().await.0, "STOPPED");
    house.play().await;
    house.reach("PLAYING").await;
    stack.end().await;
}

#[tokio::test]
async fn t27_t28_the_uri_is_asked_for_and_told_as_it_was_set() {
    let server = MediaServer::start();
    let stack = Stack::start().await;
    let house = &stack.renderer;
    let path = format!("/a%20b+c&d=%C3%A9/{}?x=1&y=%26&z=a+b", "q".repeat(2048));
    let song = server.serve(&path, Media::fixture("sine.flac"));
    house.cast_to_the_end(&song).await;
    assert_eq!(current_uri(house).await, song);
    assert_eq!(server.requests()[0].path, path);
    let moved = server.serve("/moved", Media::redirect(302, &path));
    house.cast_to_the_end(&moved).await;
    assert_eq!(current_uri(house).await, moved);
    let info = house.transport("GetPositionInfo", &[]).await;
    assert_eq!(info.element("TrackURI"), Some(moved.as_str()));
    stack.end().await;
}

#[tokio::test]
async fn k08_a_live_stream_is_not_sought_in_and_plays_on() {
    let server = MediaServer::start();
    let stack = Stack::start().await;
    let house = &stack.renderer;
    let live = Media::new(tone(60.0)).framing(Framing::UntilClose);
    let live = server.serve("/live", live);
    // Before anybody knows that it is live: then it plays from where it is, and says so.
    house.set_uri(&live).await;
    let target = [("Unit", "REL_TIME"), ("Target", "0:00:30")];
    let _early = house.call("AVTransport", "Seek", &target).await;
    house.play().await;
    house.reach("PLAYING").await;
    milliseconds(500).await;
    let refused = house.call("AVTransport", "Seek", &target).await;
    assert_eq!(refused.err(), Some(711));
    assert_eq!(house.condition().await.0, "PLAYING");
    assert!(house.position().await < 5, "no claim to be elsewhere");
    let offered = actions(house).await;
    let seeks = |action: &String| action == "Seek" || action == "X_DLNA_SeekTime";
    assert!(!offered.iter().any(seeks), "{offered:?}");
    let [recording, _] = stack.end().await;
    let sound = recording.longest_sound();
    sound.inner(0.05).assert_tones(PITCH, LEVEL);
}

#[tokio::test]
async fn h08_a_stations_titles_are_told_when_they_are_heard() {
    let server = MediaServer::start();
    let stack = Stack::start().await;
    let house = &stack.renderer;
    let mut subscriber = house.subscribe("AVTransport").await;
    let song = tone(60.0);
    let second = song.len() as u64 / 60;
    // All of it is sent at once; it takes two seconds and a half to hear the second.
    let later = second * 5 / 2;
    let titles: [(u64, &[u8]); 2] = [(0, b"House - First"), (later, b"House - Second")];
    let live = Media::new(song).framing(Framing::Icy).titles(4096, &titles);
    let live = server.serve("/live", live.header("icy-name", "Tone FM"));
    house.cast(&live).await;
    let mut told = Vec::new();
    while told.len() < 2 {
        let event = subscriber.event().await;
        let metadata = changed(&event, "CurrentTrackMetaData").unwrap_or_default();
        for title in ["First", "Second"] {
            // Escaped, and escaped again.
            if metadata.contains(&format!(";{title}&amp;")) {
                told.push((title, house.position().await));
            }
        }
    }
    assert_eq!(told[0].0, "First");
    assert_eq!(told[1].0, "Second");
    assert!((2..4).contains(&told[1].1), "{told:?}");
    let info = house.transport("GetPositionInfo", &[]).await;
    assert_eq!(info.element("TrackURI"), Some(live.as_str()));
    assert!(
        info.element("TrackMetaData")
            .is_some_and(|it| it.contains("Second"))
    );
    stack.end().await;
}

#[tokio::test]
async fn k09_a_server_without_ranges_is_read_on_to_the_place() {
    let server = MediaServer::start();
    let stack = Stack::start().await;
    let house = &stack.renderer;
    let song = Media::new(ruler(60.0)).framing(Framing::IgnoresRanges);
    house.cast(&server.serve("/song", song)).await;
    milliseconds(300).await;
    for (target, second) in [("0:00:50", 50.0), ("0:00:20", 20.0)] {
        let to = [("Unit", "ABS_TIME"), ("Target", target)];
        house.transport("Seek", &to).await;
        house.reach("PLAYING").await;
        milliseconds(500).await;
        let position = house.position().await as f64;
        assert!((second..second + 5.0).contains(&position), "{position}");
    }
    for recording in stack.end().await {
        for second in [0.0, 50.0, 20.0] {
            assert_heard_from(&recording, 60.0, second);
        }
    }
}

#[tokio::test]
async fn k11_twenty_seeks_in_two_seconds_cost_two_connections_at_most() {
    let server = MediaServer::start();
    let stack = Stack::start().await;
    let house = &stack.renderer;
    // Far more than is read ahead, so that each seek is a request.
    house
        .cast(&server.serve("/song", Media::new(ruler(240.0))))
        .await;
    for number in 1..=20 {
        let second = if number % 2 == 0 {
            200 - number
        } else {
            number
        };
        let target = format!("0:{:02}:{:02}", second / 60, second % 60);
        let to = [("Unit", "REL_TIME"), ("Target", target.as_str())];
        house.transport("Seek", &to).await;
        milliseconds(100).await;
        server.wait_until("few connections", |log| log.open <= 2);
    }
    house.reach("PLAYING").await;
    milliseconds(700).await;
    let position = house.position().await;
    assert!((180..190).contains(&position), "{position}");
    for recording in stack.end().await {
        assert_heard_from(&recording, 240.0, 180.0);
    }
}

#[tokio::test]
async fn i10_i14_metadata_changes_nothing_of_what_is_heard_and_no_cover_is_fetched() {
    let server = MediaServer::start();
    let stack = Stack::start().await;
    let house = &stack.renderer;
    let song = server.serve("/song", Media::fixture("sine.flac"));
    server.serve(
        "/large",
        Media::new(vec![0xff; 50 << 20]).mime("image/jpeg"),
    );
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]><DIDL-Lite><item><dc:title>&b;</dc:title></item></DIDL-Lite>";
    let covers = ["/missing", "cover.jpg", &server.url("/large")]
        .map(|art| format!("{DIDL}<upnp:albumArtURI>{art}</upnp:albumArtURI></item></DIDL-Lite>"));
    let documents = covers.iter().map(String::as_str).chain([bomb]);
    let mut played = 0;
    for metadata in documents {
        let arguments = [
            ("CurrentURI", song.as_str()),
            ("CurrentURIMetaData", metadata),
        ];
        house.transport("SetAVTransportURI", &arguments).await;
        house.play().await;
        house.reach("PLAYING").await;
        house.reach("STOPPED").await;
        assert!(!house.has_failed().await, "{metadata}");
        played += 1;
    }
    let fetched: Vec<_> = server.requests().into_iter().map(|it| it.path).collect();
    assert_eq!(fetched, vec!["/song"; played]);
    for recording in stack.end().await {
        // A busy machine may break one.
        assert!(recording.sounds().len() >= played);
    }
}
