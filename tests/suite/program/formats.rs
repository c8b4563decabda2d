//! Every format, cast to a zone of its own at the same time: each is heard on both of the zone's outputs.

use futures_util::future::join_all;

use crate::support::media_server::{Media, MediaServer, fixture};
use crate::support::namespace::inside;
use crate::support::program::Home;
use crate::support::recording::{FIXTURE_PITCH, LEVEL};
use crate::support::soap::Renderer;

/// The fixtures' sine as a casting app sends captured sound: 16 bits, most significant byte first, no header.
fn raw() -> Media {
    let wav = fixture("sine.wav");
    let data = wav.windows(4).position(|tag| tag == b"data");
    let samples = &wav[data.expect("a data chunk") + 8..];
    let swapped = samples.chunks_exact(2).flat_map(|pair| [pair[1], pair[0]]);
    Media::new(swapped.collect::<Vec<u8>>()).mime("audio/L16;rate=44100;channels=2")
}

#[tokio::test]
async fn every_format_is_heard_on_both_outputs() {
    if !inside("program::formats::every_format_is_heard_on_both_outputs") {
        return;
    }
    let songs = [
        ("WAV", Media::fixture("sine.wav").mime("audio/wav")),
        ("FLAC", Media::fixture("sine.flac").mime("audio/flac")),
        ("MP3", Media::fixture("sine.mp3").mime("audio/mpeg")),
        ("M4A", Media::fixture("sine.m4a").mime("audio/mp4")),
        ("AAC", Media::fixture("sine.aac").mime("audio/aac")),
        ("OGG", Media::fixture("sine.ogg").mime("audio/ogg")),
        ("AIFF", Media::fixture("sine.aiff").mime("audio/aiff")),
        ("ALAC", Media::fixture("alac.m4a").mime("audio/mp4")),
        ("L16", raw()),
    ];
    let zones = songs.each_ref().map(|(zone, _)| *zone);
    let home = Home::with_zones(&zones);
    let program = home.start().await;
    let server = MediaServer::start();
    let casts = songs.map(|(zone, media)| {
        let url = server.serve(&format!("/{zone}"), media);
        async move { Renderer::find(zone).await.cast_to_the_end(&url).await }
    });
    join_all(casts).await;
    program.stop().await;

    for zone in zones {
        for recording in home.recordings(zone) {
            let sound = recording.only_sound();
            // ADTS cannot say how much silence the encoder put around the music, nor is all of it silent.
            let most = if zone == "AAC" { 1.57 } else { 1.502 };
            assert!(
                (1.498..most).contains(&sound.seconds()),
                "{zone}: {} s",
                sound.seconds()
            );
            let inner = sound.inner(0.1);
            inner.assert_tones(FIXTURE_PITCH, LEVEL);
        }
    }
}
