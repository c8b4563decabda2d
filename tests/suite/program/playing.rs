//! A song, and what a control point can do to it: what is heard of it.

use std::time::Duration;

use tokio::time::sleep;

use crate::support::media_server::{Media, MediaServer};
use crate::support::namespace::inside;
use crate::support::program::Home;
use crate::support::recording::{FIXTURE_PITCH, LEVEL, PITCH, RATE, Sound, ruler, tone};
use crate::support::soap::{Renderer, changed};
use crate::support::upnp_wire::Message;

/// A resampler's ringing before and after what it plays.
const RINGING: usize = 40;
/// How long the program's halts fade, in frames.
const FADE: usize = 240;

async fn milliseconds(number: u64) {
    sleep(Duration::from_millis(number)).await;
}

#[tokio::test]
async fn a_song_is_heard_whole_on_both_outputs_and_events_follow() {
    if !inside("program::playing::a_song_is_heard_whole_on_both_outputs_and_events_follow") {
        return;
    }
    let home = Home::with_zones(&["House"]);
    let program = home.start().await;
    let house = Renderer::find("House").await;
    let mut subscriber = house.subscribe("AVTransport").await;
    let server = MediaServer::start();
    let url = server.serve("/song.wav", Media::new(tone(2.5)));

    house.cast_to_the_end(&url).await;
    // The second time the outputs are open, and full of silence that has to give way.
    milliseconds(700).await;
    house.cast_to_the_end(&url).await;
    let mut events = vec![subscriber.event().await];
    let stopped = |event: &Message| changed(event, "TransportState") == Some("STOPPED");
    let playing = |event: &Message| changed(event, "TransportState") == Some("PLAYING");
    while !(events.iter().any(playing) && events.last().is_some_and(stopped)) {
        events.push(subscriber.event().await);
    }
    program.stop().await;

    for recording in home.recordings("House") {
        let sounds = recording.sounds();
        let lengths: Vec<_> = sounds.iter().map(Sound::frames).collect();
        let whole = |frames: &usize| frames.abs_diff(RATE * 5 / 2) < RINGING;
        assert!(
            lengths.len() == 2 && lengths.iter().all(whole),
            "two songs of two and a half seconds: {lengths:?}"
        );
        for sound in sounds {
            let inner = sound.inner(0.01);
            inner.assert_tones(PITCH, LEVEL);
            inner.assert_unbroken(0, PITCH[0]);
            inner.assert_unbroken(1, PITCH[1]);
        }
    }

    let numbers: Vec<_> = events.iter().map(|event| event.header("seq")).collect();
    let expected: Vec<_> = (0..events.len()).map(|number| number.to_string()).collect();
    assert_eq!(
        numbers,
        expected
            .iter()
            .map(|number| Some(number.as_str()))
            .collect::<Vec<_>>()
    );
    // States that last less than the fifth of a second between two events need not be among them.
    let states = events.iter().filter_map(|it| changed(it, "TransportState"));
    let mut possible = [
        "NO_MEDIA_PRESENT",
        "STOPPED",
        "TRANSITIONING",
        "PLAYING",
        "STOPPED",
    ]
    .into_iter();
    for state in states {
        assert!(
            possible.any(|next| next == state),
            "{state} out of order: {events:?}"
        );
    }
    assert_eq!(
        changed(&events[0], "TransportState"),
        Some("NO_MEDIA_PRESENT")
    );
    let uris: Vec<_> = events
        .iter()
        .filter_map(|it| changed(it, "AVTransportURI"))
        .collect();
    assert_eq!(uris, ["", url.as_str()]);
}

#[tokio::test]
async fn pause_loses_nothing_seek_lands_and_stop_goes_to_the_start() {
    if !inside("program::playing::pause_loses_nothing_seek_lands_and_stop_goes_to_the_start") {
        return;
    }
    const LENGTH: f64 = 8.0;
    let home = Home::with_zones(&["House"]);
    let program = home.start().await;
    let house = Renderer::find("House").await;
    let server = MediaServer::start();
    let url = server.serve("/song.wav", Media::new(ruler(LENGTH)));

    house.cast(&url).await;
    milliseconds(1600).await;
    house.transport("Pause", &[]).await;
    house.reach("PAUSED_PLAYBACK").await;
    milliseconds(600).await;
    assert_eq!(house.position().await, 1);
    house.play().await;
    house.reach("PLAYING").await;
    milliseconds(500).await;
    // From a pause, so that silence parts what was before from what comes after.
    house.transport("Pause", &[]).await;
    milliseconds(100).await;
    let target = [("Unit", "REL_TIME"), ("Target", "0:00:05")];
    house.transport("Seek", &target).await;
    assert_eq!(house.position().await, 5);
    house.play().await;
    house.reach("PLAYING").await;
    milliseconds(500).await;
    let target = [("Unit", "REL_TIME"), ("Target", "0:00:03")];
    house.transport("Seek", &target).await;
    house.reach("PLAYING").await;
    milliseconds(500).await;
    house.transport("Stop", &[]).await;
    house.reach("STOPPED").await;
    milliseconds(300).await;
    house.play().await;
    house.reach("PLAYING").await;
    milliseconds(300).await;
    house.transport("Stop", &[]).await;
    program.stop().await;

    let at = |seconds: f64| seconds * RATE as f64;
    // Held up by a busy machine, an output begins a little later in the song; 5 ms.
    let close = |frame: f64, expected: f64| (frame - expected).abs() < 240.0;
    for recording in home.recordings("House") {
        let sounds = recording.sounds();
        let starts: Vec<_> = sounds.iter().map(|it| it.ruled_start(LENGTH)).collect();
        let spans: Vec<_> = sounds.iter().map(|it| it.span()).collect();
        let told = format!("heard at {spans:?}: from {starts:?}");
        assert_eq!(sounds.len(), 5, "{told}");
        assert!(close(starts[0], 0.0), "{told}");
        // What was heard only fading is heard again.
        let until = sounds[0].ruled_end(LENGTH, FADE);
        assert!(close(starts[1], until), "{told}, until {until}");
        assert!(close(starts[2], at(5.0)), "{told}");
        assert!(close(starts[3], at(3.0)), "{told}");
        assert!(close(starts[4], 0.0), "{told}");
        for sound in &sounds {
            sound.inner(0.03).assert_unbroken(0, PITCH[0]);
        }
    }
}

#[tokio::test]
async fn the_next_track_follows_without_a_seam() {
    if !inside("program::playing::the_next_track_follows_without_a_seam") {
        return;
    }
    let home = Home::with_zones(&["House"]);
    let program = home.start().await;
    let house = Renderer::find("House").await;
    let server = MediaServer::start();
    let first = server.serve("/1.flac", Media::fixture("first-half.flac"));
    let second = server.serve("/2.flac", Media::fixture("second-half.flac"));
    house.set_uri(&first).await;
    let next = [("NextURI", second.as_str()), ("NextURIMetaData", "")];
    house.transport("SetNextAVTransportURI", &next).await;
    house.play().await;
    house.reach("PLAYING").await;
    house.reach("STOPPED").await;
    let info = house.transport("GetMediaInfo", &[]).await;
    assert_eq!(info.element("CurrentURI"), Some(second.as_str()));
    program.stop().await;

    for recording in home.recordings("House") {
        let sound = recording.only_sound();
        assert!(
            sound.frames().abs_diff(2 * RATE) < RINGING,
            "{} frames",
            sound.frames()
        );
        let inner = sound.inner(0.02);
        inner.assert_tones(FIXTURE_PITCH, LEVEL);
        inner.assert_unbroken(0, FIXTURE_PITCH[0]);
        inner.assert_unbroken(1, FIXTURE_PITCH[1]);
    }
}

#[tokio::test]
async fn volume_mute_trim_and_channels_are_heard() {
    if !inside("program::playing::volume_mute_trim_and_channels_are_heard") {
        return;
    }
    let home = Home::new();
    home.configure(
        "[[output]]\nname = \"Plain\"\ntype = \"wav\"\npath = \"House 1.wav\"\n\
         [[output]]\nname = \"Bent\"\ntype = \"wav\"\npath = \"House 2.wav\"\n\
         channels = \"left\"\ntrim_db = -6.0\n\
         [[zone]]\nname = \"House\"\noutputs = [\"Plain\", \"Bent\"]\n",
    );
    let program = home.start().await;
    let house = Renderer::find("House").await;
    let mut subscriber = house.subscribe("RenderingControl").await;
    let first = subscriber.event().await;
    assert_eq!(changed(&first, "Volume"), Some("50"), "{first:?}");
    assert_eq!(changed(&first, "Mute"), Some("0"));
    let server = MediaServer::start();
    let url = server.serve("/song.wav", Media::new(tone(30.0)));

    house.cast(&url).await;
    // It plays as soon as it is on its way to the ear, which the first time takes a quarter of a second.
    milliseconds(800).await;
    house
        .rendering("SetVolume", &[("DesiredVolume", "75")])
        .await;
    let answer = house.rendering("GetVolume", &[]).await;
    assert_eq!(answer.element("CurrentVolume"), Some("75"));
    assert_eq!(
        changed(&subscriber.event().await, "Volume"),
        Some("75"),
        "only that"
    );
    milliseconds(500).await;
    house.rendering("SetMute", &[("DesiredMute", "1")]).await;
    let answer = house.rendering("GetMute", &[]).await;
    assert_eq!(answer.element("CurrentMute"), Some("1"));
    let muted = subscriber.event().await;
    assert_eq!(changed(&muted, "Mute"), Some("1"));
    assert_eq!(changed(&muted, "Volume"), None);
    milliseconds(500).await;
    house
        .rendering("SetVolume", &[("DesiredVolume", "100")])
        .await;
    milliseconds(100).await;
    house.rendering("SetMute", &[("DesiredMute", "0")]).await;
    milliseconds(500).await;
    program.stop().await;

    let [plain, bent] = home.recordings("House");
    let trim = 10f64.powf(-6.0 / 20.0);
    for (recording, pitch, factor) in [(plain, PITCH, 1.0), (bent, [PITCH[0]; 2], trim)] {
        let sounds = recording.sounds();
        let spans: Vec<_> = sounds.iter().map(Sound::span).collect();
        assert_eq!(spans.len(), 2, "one on each side of the silence: {spans:?}");
        let before = &sounds[0];
        let end = before.seconds();
        // 50 is −20 dB, 75 is −10 dB.
        before
            .between(0.02, 0.35)
            .assert_tones(pitch, LEVEL * factor * 0.1);
        before
            .between(end - 0.35, end - 0.05)
            .assert_tones(pitch, LEVEL * factor * 10f64.powf(-10.0 / 20.0));
        sounds[1].inner(0.05).assert_tones(pitch, LEVEL * factor);
    }
}
