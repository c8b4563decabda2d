//! Every format, cast to a zone of its own: each is heard on both of the zone's outputs.

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::support::ffmpeg::ffmpeg;
use crate::support::media_server::{Media, MediaServer, fixture};
use crate::support::namespace::inside;
use crate::support::program::{Home, wav_zone};
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

/// What a tag says is heeded by the zone that is to, and by no other.
#[tokio::test]
async fn the_replay_gain_of_a_zone_is_heard_there() {
    if !inside("program::formats::the_replay_gain_of_a_zone_is_heard_there") {
        return;
    }
    let home = Home::new();
    let gain = "replay_gain = \"track\"\n";
    home.configure(&format!("{}{gain}{}", wav_zone("Even"), wav_zone("Plain")));
    let folder = home.path("");
    std::fs::write(folder.join("sine.flac"), fixture("sine.flac")).expect("it can be written");
    let gain = "REPLAYGAIN_TRACK_GAIN=-6.02 dB";
    let how = [
        "-i",
        "sine.flac",
        "-c",
        "copy",
        "-metadata",
        gain,
        "tagged.flac",
    ];
    ffmpeg(&folder, how);
    let song = std::fs::read(folder.join("tagged.flac")).expect("it has been made");
    let program = home.start().await;
    let server = MediaServer::start();
    let url = server.serve("/song", Media::new(song));
    for zone in ["Even", "Plain"] {
        Renderer::find(zone).await.cast_to_the_end(&url).await;
    }
    program.stop().await;
    for (zone, level) in [("Even", LEVEL / 2.0), ("Plain", LEVEL)] {
        for recording in home.recordings(zone) {
            let inner = recording.longest_sound().inner(0.1);
            inner.assert_tones(FIXTURE_PITCH, level);
        }
    }
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
    // All of them at once would be too much for a small machine to play without a gap.
    let turns = Semaphore::new(3);
    let casts = songs.map(|(zone, media)| {
        let url = server.serve(&format!("/{zone}"), media);
        let turns = &turns;
        async move {
            let _turn = turns.acquire().await.expect("it is never closed");
            Renderer::find(zone).await.cast_to_the_end(&url).await;
        }
    });
    join_all(casts).await;
    program.stop().await;

    for zone in zones {
        for recording in home.recordings(zone) {
            let sound = recording.longest_sound();
            // What a codec smears before and after the music is left out; ADTS has some within it.
            let most = if zone == "AAC" { 1.57 } else { 1.502 };
            // With several zones at once a busy machine may begin some of them late.
            assert!(
                (1.45..most).contains(&sound.seconds()),
                "{zone}: {} s",
                sound.seconds()
            );
            let inner = sound.inner(0.1);
            inner.assert_tones(FIXTURE_PITCH, LEVEL);
        }
    }
}
