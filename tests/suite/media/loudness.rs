//! ReplayGain and R128: each recording as loud as its measurements say, by tags of all kinds or the sender's word.

use std::fs;

use unisono::audio::{Loudness, Measured, ReplayGain};

use super::*;
use crate::support::ffmpeg::{ffmpeg, folder_of_made};

const TAGS: [&str; 4] = [
    "REPLAYGAIN_TRACK_GAIN=-6.02 dB",
    "REPLAYGAIN_TRACK_PEAK=0.5",
    "REPLAYGAIN_ALBUM_GAIN=9 dB",
    "REPLAYGAIN_ALBUM_PEAK=0.625",
];

/// A second of a sine at half of full scale, with these tags.
fn tagged(name: &str, arguments: &str, tags: &[&str]) -> Vec<u8> {
    let folder = folder_of_made("loudness");
    let sine = "-f lavfi -i aevalsrc=0.5*sin(2*PI*440*t)|0.5*sin(2*PI*440*t):s=48000:d=1";
    let tags = tags.iter().flat_map(|tag| ["-metadata", tag]);
    let how = sine.split(' ').chain(arguments.split(' ')).chain(tags);
    ffmpeg(&folder, how.chain([name]));
    fs::read(folder.join(name)).unwrap()
}

/// How loud the middle of it is heard, full scale being 1.
async fn level(bytes: Vec<u8>, replay_gain: ReplayGain, loudness: Loudness) -> f64 {
    let server = MediaServer::start();
    let request = MediaRequest {
        replay_gain,
        loudness,
        ..request(server.serve("/song", Media::new(bytes)))
    };
    let heard = Listener::open(request).rest().await;
    assert!(heard.failure.is_none(), "{:?}", heard.failure);
    let channels = usize::from(heard.format.unwrap().channels);
    let left = heard.samples.iter().step_by(channels);
    let middle: Vec<f32> = left.copied().skip(12_000).take(24_000).collect();
    let power: f64 = middle.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (power / middle.len() as f64 * 2.0).sqrt()
}

async fn check(name: &str, bytes: &[u8], mode: ReplayGain, said: Loudness, expected: f64) {
    let level = level(bytes.to_vec(), mode, said).await;
    let db = 20.0 * (level / expected).log10();
    assert!(db.abs() < 0.1, "{name} {mode:?}: {level}, not {expected}");
}

#[tokio::test]
async fn tags_of_every_kind_are_heeded_and_nothing_clips() {
    let nothing = Loudness::default;
    for (name, arguments) in [
        ("tagged.flac", "-c:a flac"),
        ("tagged.mp3", "-c:a libmp3lame -b:a 320k"),
        ("tagged.ogg", "-c:a libvorbis -q:a 6"),
    ] {
        let bytes = tagged(name, arguments, &TAGS);
        check(name, &bytes, ReplayGain::Off, nothing(), 0.5).await;
        check(name, &bytes, ReplayGain::Track, nothing(), 0.25).await;
        // 9 dB would make the peak 1.76; the sine becomes 0.5 / 0.625.
        check(name, &bytes, ReplayGain::Album, nothing(), 0.8).await;
    }
}

/// A box of an MP4.
fn boxed(name: &[u8], content: &[u8]) -> Vec<u8> {
    let size = (content.len() + 8) as u32;
    [&size.to_be_bytes(), name, content].concat()
}

/// An MP4 with tags as iTunes and others write them: ffmpeg does not, but it puts the index, whose last box they end up in, last.
fn with_free_tags(mut bytes: Vec<u8>, tags: &[(&str, &str)]) -> Vec<u8> {
    let mut free = Vec::new();
    for (name, value) in tags {
        // Version and flags, which for the value say that it is text, and its language.
        let parts = [
            boxed(b"mean", b"\0\0\0\0com.apple.iTunes"),
            boxed(b"name", &[b"\0\0\0\0", name.as_bytes()].concat()),
            boxed(b"data", &[b"\0\0\0\x01\0\0\0\0", value.as_bytes()].concat()),
        ];
        free.extend(boxed(b"----", &parts.concat()));
    }
    for name in [b"moov", b"udta", b"meta", b"ilst"] {
        let at = bytes.windows(4).rposition(|it| it == name).unwrap() - 4;
        let size = u32::from_be_bytes(*bytes[at..].first_chunk().unwrap());
        assert_eq!(at + size as usize, bytes.len(), "it is the last");
        bytes[at..at + 4].copy_from_slice(&(size + free.len() as u32).to_be_bytes());
    }
    bytes.extend(free);
    bytes
}

/// Left and right are four times as loud as it is to be, and their peak is half of full scale.
const SOUND_CHECK: &str =
    " 00000FA0 00000FA0 00001234 00001234 00000000 00000000 00004000 00004000 00000000 00000000";

#[tokio::test]
async fn tags_of_mp4_are_heeded_and_sound_check_where_there_are_no_others() {
    let nothing = Loudness::default;
    let tags = TAGS.map(|tag| tag.split_once('=').unwrap());
    let lower = tags.map(|(name, value)| (name.to_lowercase(), value));
    let lower = lower
        .each_ref()
        .map(|(name, value)| (name.as_str(), *value));
    for (name, arguments) in [
        ("tagged-aac.m4a", "-c:a aac -b:a 256k"),
        ("tagged-alac.m4a", "-c:a alac"),
    ] {
        let plain = tagged(name, arguments, &["title=One"]);
        for tags in [tags, lower] {
            let bytes = with_free_tags(plain.clone(), &tags);
            check(name, &bytes, ReplayGain::Off, nothing(), 0.5).await;
            check(name, &bytes, ReplayGain::Track, nothing(), 0.25).await;
            check(name, &bytes, ReplayGain::Album, nothing(), 0.8).await;
        }
        let bytes = with_free_tags(plain, &[("iTunNORM", SOUND_CHECK)]);
        check(name, &bytes, ReplayGain::Off, nothing(), 0.5).await;
        check(name, &bytes, ReplayGain::Track, nothing(), 0.25).await;
    }
}

#[tokio::test]
async fn sound_check_in_a_comment_of_an_mp3_is_heeded() {
    let plain = tagged(
        "plain.mp3",
        "-c:a libmp3lame -b:a 320k -id3v2_version 0",
        &[],
    );
    let text = [b"\0engiTunNORM\0", SOUND_CHECK.as_bytes()].concat();
    let mut frame = b"COMM".to_vec();
    frame.extend((text.len() as u32).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(text);
    assert!(frame.len() < 0x80, "one byte of its length");
    let mut bytes = b"ID3\x03\0\0\0\0\0".to_vec();
    bytes.push(frame.len() as u8);
    bytes.extend(frame);
    bytes.extend(plain);
    check("mp3", &bytes, ReplayGain::Track, Loudness::default(), 0.25).await;
    check("mp3", &bytes, ReplayGain::Off, Loudness::default(), 0.5).await;
}

#[tokio::test]
async fn r128_of_opus_is_about_another_level() {
    // −11 dB about −23 LUFS are −6 dB about −18.
    let bytes = tagged(
        "tagged.opus",
        "-c:a libopus -b:a 128k",
        &["R128_TRACK_GAIN=-2816"],
    );
    check("opus", &bytes, ReplayGain::Off, Loudness::default(), 0.5).await;
    check("opus", &bytes, ReplayGain::Album, Loudness::default(), 0.25).await;
}

#[tokio::test]
async fn the_senders_word_counts_where_the_file_says_nothing() {
    let said = Loudness {
        track: Some(Measured {
            gain_db: -12.04,
            peak: None,
        }),
        album: None,
    };
    let silent = tagged("silent.flac", "-c:a flac", &[]);
    check("silent", &silent, ReplayGain::Track, said, 0.125).await;
    check("silent", &silent, ReplayGain::Off, said, 0.5).await;
    let tagged = tagged("told.flac", "-c:a flac", &TAGS);
    check("told", &tagged, ReplayGain::Track, said, 0.25).await;
}
