//! F01 to F08: sessions of Home Assistant, Jellyfin, Kodi, Windows, VLC, BubbleUPnP, of an app that only polls, and of two at once.

use super::*;

/// It skips Play when its idea of the state, which it has from events, is still PLAYING.
#[tokio::test]
async fn f01_home_assistant() {
    let server = MediaServer::start();
    let stack = playing(&server).await;
    let house = &stack.renderer;
    let mut subscriber = house.subscribe("AVTransport").await;
    let initial = subscriber.event().await;
    assert_eq!(changed(&initial, "TransportState"), Some("PLAYING"));
    let y = server.serve("/y", Media::new(ruler(60.0)));

    house.transport("Stop", &[]).await;
    house.set_uri(&y).await;
    assert!(actions(house).await.contains(&"Play".to_owned()));
    // Whatever it is told before it plays must not leave it in the belief that music plays.
    let told = events_until(&mut subscriber, "AVTransportURI", &y).await;
    assert_eq!(values(&told, "TransportState"), ["STOPPED"]);
    assert_eq!(changed(&told[0], "TransportState"), Some("STOPPED"));
    house.play().await;
    let told = events_until(&mut subscriber, "TransportState", "PLAYING").await;
    assert!(!values(&told, "TransportState").contains(&"STOPPED"));
    milliseconds(500).await;
    assert_eq!(current_uri(house).await, y);
    for recording in stack.end().await {
        assert_heard_from(&recording, 60.0, 0.0);
    }
}

/// It stops, waits until nothing plays, clears what follows, and numbers mutes.
#[tokio::test]
async fn f02_jellyfin() {
    let server = MediaServer::start();
    let stack = playing(&server).await;
    let house = &stack.renderer;
    set_next(house, &server.url("/left-over")).await;
    let y = server.serve("/y", Media::fixture("first-half.flac"));
    let z = server.serve("/z", Media::fixture("second-half.flac"));

    house.transport("Stop", &[]).await;
    let deadline = Instant::now() + PATIENCE;
    while house.condition().await.0 == "PLAYING" {
        assert!(Instant::now() < deadline, "it never stops");
        milliseconds(50).await;
    }
    set_next(house, "").await;
    house.set_uri(&y).await;
    milliseconds(50).await;
    house.play().await;
    set_next(house, &z).await;
    let mute = house.rendering("GetMute", &[]).await;
    assert_eq!(mute.element("CurrentMute"), Some("0"));
    let watcher = stack.watch();
    house.reach("PLAYING").await;
    house.reach("STOPPED").await;
    assert_eq!(house.condition().await.1, "OK");
    assert_eq!(watcher.uris(), [y.as_str(), z.as_str()]);
    assert_eq!(current_uri(house).await, z);
    drop(watcher);
    for recording in stack.end().await {
        let last = recording.sounds().pop().expect("heard");
        // Two seconds of y and z in one piece, if the machine was not too busy.
        assert!(last.seconds() < 2.01, "{} s", last.seconds());
    }
}

/// It looks at the state first, plays, polls for ten seconds at most, and then goes to where the film was left.
#[tokio::test]
async fn f03_kodi() {
    let server = MediaServer::start();
    let stack = Stack::start().await;
    let house = &stack.renderer;
    let x = server.serve("/x", Media::new(ruler(60.0)));
    assert_eq!(
        house.condition().await,
        ("NO_MEDIA_PRESENT".into(), "OK".into())
    );
    house.set_uri(&x).await;
    house.play().await;
    house.reach("PLAYING").await;
    let target = [("Unit", "REL_TIME"), ("Target", "0:00:40.000")];
    house.transport("Seek", &target).await;
    assert!(house.position().await >= 40, "told at once");
    house.reach("PLAYING").await;
    let info = house.transport("GetMediaInfo", &[]).await;
    assert_eq!(info.element("MediaDuration"), Some("0:01:00"));
    milliseconds(500).await;
    for recording in stack.end().await {
        assert_heard_from(&recording, 60.0, 40.0);
    }
}

/// It changes tracks without a word of stopping, wants both names for seeking, and subscribes late.
#[tokio::test]
async fn f04_windows() {
    let server = MediaServer::start();
    let stack = playing(&server).await;
    let house = &stack.renderer;
    let watcher = stack.watch();
    let y = server.serve("/y", Media::new(ruler(60.0)));
    house.set_uri(&y).await;
    house.reach("PLAYING").await;
    let offered = actions(house).await;
    for wanted in ["Pause", "Stop", "Seek", "X_DLNA_SeekTime"] {
        assert!(offered.iter().any(|it| it == wanted), "{offered:?}");
    }
    let play = format!(
        "{}/tests/fixtures/upnp/wmp/play.xml",
        env!("CARGO_MANIFEST_DIR")
    );
    let body = std::fs::read(play).expect("the fixture");
    assert_eq!(house.post("", body).await.status(), 200);
    let mut late = house.subscribe("AVTransport").await;
    let initial = late.event().await;
    assert_eq!(changed(&initial, "TransportState"), Some("PLAYING"));
    assert_eq!(changed(&initial, "AVTransportURI"), Some(y.as_str()));
    milliseconds(500).await;
    let states = watcher.states();
    assert!(!states.contains(&"STOPPED".to_owned()), "{states:?}");
    drop(watcher);
    for recording in stack.end().await {
        assert_heard_from(&recording, 60.0, 0.0);
    }
}

/// It prepares a connection, ignores that it cannot, and stops what does not play.
#[tokio::test]
async fn f05_vlc() {
    let server = MediaServer::start();
    let stack = Stack::start().await;
    let house = &stack.renderer;
    let prepare = [
        ("RemoteProtocolInfo", "http-get:*:audio/flac:*"),
        ("PeerConnectionManager", "/"),
        ("PeerConnectionID", "-1"),
        ("Direction", "Input"),
    ];
    let refused = house
        .call("ConnectionManager", "PrepareForConnection", &prepare)
        .await;
    assert_eq!(refused.err(), Some(401));
    house.transport("Stop", &[]).await;
    let x = server.serve("/x", Media::fixture("sine.flac"));
    house.cast_to_the_end(&x).await;
    for recording in stack.end().await {
        assert_heard(&recording, 1.5);
    }
}

/// It looks once a second, and names the next track when it sees that another one plays.
#[tokio::test]
async fn f06_an_app_that_polls_once_a_second() {
    let server = MediaServer::start();
    let stack = Stack::start().await;
    let house = &stack.renderer;
    let uris = ["/a", "/b", "/c"].map(|path| server.serve(path, Media::new(tone(2.5))));
    house.set_uri(&uris[0]).await;
    house.play().await;
    let mut to_name = uris[1..].iter();
    let mut seen: Vec<String> = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "it never ends: {seen:?}");
        let (state, status) = house.condition().await;
        assert_eq!(status, "OK");
        let uri = current_uri(house).await;
        if seen.last() != Some(&uri) {
            seen.push(uri);
            if let Some(next) = to_name.next() {
                set_next(house, next).await;
            }
        }
        if state == "STOPPED" {
            break;
        }
        milliseconds(1000).await;
    }
    assert_eq!(seen, uris);
    for recording in stack.end().await {
        assert_heard(&recording, 7.5);
    }
}

/// Whoever spoke last is obeyed, and both are told.
#[tokio::test]
async fn f07_two_control_points_take_turns() {
    let server = MediaServer::start();
    let stack = Stack::start().await;
    let house = &stack.renderer;
    let mut subscribers = [
        house.subscribe("AVTransport").await,
        house.subscribe("AVTransport").await,
    ];
    let x = server.serve("/x", Media::new(tone(60.0)));
    let y = server.serve("/y", Media::new(ruler(60.0)));
    // The first casts, the second casts over it.
    house.cast(&x).await;
    house.set_uri(&y).await;
    house.play().await;
    house.reach("PLAYING").await;
    assert_eq!(current_uri(house).await, y);
    // The first pauses, the second plays on and stops, the first goes back. States that last less than the fifth of a
    // second between two events need not be told.
    let told = 300;
    milliseconds(told).await;
    house.transport("Pause", &[]).await;
    milliseconds(told).await;
    house.play().await;
    house.reach("PLAYING").await;
    milliseconds(told).await;
    house.transport("Stop", &[]).await;
    milliseconds(told).await;
    house.cast(&x).await;
    for subscriber in &mut subscribers {
        let mut events = events_until(subscriber, "TransportState", "PAUSED_PLAYBACK").await;
        events.extend(events_until(subscriber, "TransportState", "STOPPED").await);
        events.extend(events_until(subscriber, "TransportState", "PLAYING").await);
        let uris = values(&events, "AVTransportURI");
        assert_eq!(uris.last(), Some(&x.as_str()));
        assert!(uris.contains(&y.as_str()), "{uris:?}");
        let numbers: Vec<_> = events.iter().map(|it| it.header("seq")).collect();
        let expected: Vec<_> = (0..events.len()).map(|it| it.to_string()).collect();
        assert!(
            numbers
                .iter()
                .zip(&expected)
                .all(|(sent, it)| *sent == Some(it)),
            "{numbers:?}"
        );
    }
    stack.end().await;
}

/// It names the next track at once, and its user drags the slider to the end.
#[tokio::test]
async fn f08_bubbleupnp() {
    let server = MediaServer::start();
    let stack = Stack::start().await;
    let house = &stack.renderer;
    let x = server.serve("/x", Media::new(tone(30.0)));
    let y = server.serve("/y", Media::new(ruler(4.0)));
    let watcher = stack.watch();
    house.set_uri(&x).await;
    house.play().await;
    set_next(house, &y).await;
    house.reach("PLAYING").await;
    milliseconds(500).await;
    let target = [("Unit", "REL_TIME"), ("Target", "00:00:29")];
    house.transport("Seek", &target).await;
    let deadline = Instant::now() + PATIENCE;
    while current_uri(house).await != y {
        assert!(Instant::now() < deadline, "the next one never came");
        milliseconds(20).await;
    }
    house.reach("STOPPED").await;
    milliseconds(50).await;
    let states = watcher.states();
    let stops = states.iter().filter(|state| *state == "STOPPED").count();
    // Before it plays and when all is over.
    assert!(stops <= 2, "{states:?}");
    assert_eq!(states.last().map(String::as_str), Some("STOPPED"));
    let uris = watcher.uris();
    assert_eq!(uris[uris.len() - 2..], [x.as_str(), y.as_str()]);
    drop(watcher);
    for recording in stack.end().await {
        // All of y was heard.
        let heard: f64 = recording.sounds().iter().map(|it| it.seconds()).sum();
        assert!(heard > 4.9, "{heard} s");
    }
}
