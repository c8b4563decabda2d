//! Seeking: to the frame, in any format, at any time, with no more requests than it takes.

use std::fs;

use super::*;
use crate::support::ffmpeg::{ffmpeg, folder_of_made};

async fn check_seek(name: &str, framing: Framing, millis: u64, tolerance: f64) {
    let what = format!("{name} {framing:?} to {millis} ms");
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::fixture(name).framing(framing));
    let mut listener = Listener::open(request(uri));
    listener.opened().await;
    listener.audio().await;
    let to = Duration::from_millis(millis);
    // Once from near the beginning, once from the end.
    for _ in 0..2 {
        listener.source.seek(to);
        let landed = listener.sought().await;
        let frame = (landed.as_secs_f64() * 44_100.0).round() as usize;
        assert_eq!(frame, millis as usize * 441 / 10, "{what}");
        let heard = listener.rest().await;
        assert!(heard.failure.is_none(), "{what}: {:?}", heard.failure);
        assert!(heard.info.is_none(), "{what}");
        assert_eq!(CD.frames(heard.samples.len()), WHOLE - frame, "{what}");
        let inner = &heard.samples[..heard.samples.len() - CD.samples(4096)];
        let deviation = deviation(CD, inner, frame);
        assert!(deviation < tolerance, "{what}: off by {deviation}");
    }
}

#[tokio::test]
async fn k13_seeking_lands_on_the_frame() {
    for millis in [0, 10, 200, 700, 1240] {
        for framing in [Framing::Ranges, Framing::IgnoresRanges] {
            for name in [
                "sine.wav",
                "sine.flac",
                "alac.m4a",
                "sine.aiff",
                "sine.aifc",
                "pieces.mp4",
            ] {
                check_seek(name, framing, millis, 1e-4).await;
            }
            if framing == Framing::Ranges {
                check_seek("sine.caf", framing, millis, 1e-4).await;
            }
            // The first frames of a lossy file are the jump from silence.
            if millis >= 200 {
                for name in [
                    "sine.mp3",
                    "vbr.mp3",
                    "sine.m4a",
                    "index-last.m4a",
                    "sine.ogg",
                ] {
                    if name == "index-last.m4a" && framing == Framing::IgnoresRanges {
                        continue;
                    }
                    check_seek(name, framing, millis, 0.02).await;
                }
            }
        }
    }
}

/// Of these nobody says what their encoder put before the sound: what is heard after a seek is what is heard there in passing.
#[tokio::test]
async fn k13_seeking_in_bare_frames_and_raw_samples_gives_what_playing_does() {
    let raw = stairs(0, WHOLE).split_off(44);
    let swapped: Vec<u8> = raw.chunks_exact(2).flat_map(|it| [it[1], it[0]]).collect();
    let l16 = "audio/L16;rate=44100;channels=2";
    for (name, media) in [
        ("plain.mp3", Media::fixture("plain.mp3")),
        ("sine.mp2", Media::fixture("sine.mp2")),
        ("sine.aac", Media::fixture("sine.aac")),
        ("L16", Media::new(swapped).mime(l16)),
    ] {
        let server = MediaServer::start();
        let uri = server.serve("/song", media);
        let whole = Listener::open(request(uri.clone())).rest().await;
        for millis in [0, 10, 200, 700, 1240] {
            let what = format!("{name} to {millis} ms");
            let mut listener = Listener::open(request(uri.clone()));
            assert!(listener.opened().await.seekable, "{what}");
            listener.audio().await;
            for _ in 0..2 {
                listener.source.seek(Duration::from_millis(millis));
                let landed = listener.sought().await;
                let frame = (landed.as_secs_f64() * 44_100.0).round() as usize;
                assert_eq!(frame, millis as usize * 441 / 10, "{what}");
                let heard = listener.rest().await;
                assert!(heard.failure.is_none(), "{what}: {:?}", heard.failure);
                let passing = &whole.samples[CD.samples(frame)..];
                assert_eq!(heard.samples.len(), passing.len(), "{what}");
                // A decoder that begins anew lacks what a frame takes from the one before it.
                let pairs = heard.samples.iter().zip(passing);
                let off = pairs
                    .skip(CD.samples(1152))
                    .map(|(one, other)| (one - other).abs());
                let off = off.fold(0.0, f32::max);
                // AAC has noise of its own; one frame too early or late would be 0.04 off.
                assert!(off < 0.01, "{what}: off by {off}");
            }
        }
    }
}

/// How many frames later than it should `samples` of the fixtures' sine are at frame `first`: the lag at which they fit best, up to
/// half of what its two tones have in common.
fn lag(rate: u32, samples: &[f32], first: usize) -> i64 {
    let half = i64::from(rate) / 440;
    let fit = |lag: &i64| {
        let inner = samples.chunks(2).enumerate().skip(4800).take(4800);
        let off = inner.map(|(number, frame)| {
            let at = (first + number) as i64 - lag;
            let of = |channel: usize| sine(rate, channel, at as usize) - f64::from(frame[channel]);
            of(0).powi(2) + of(1).powi(2)
        });
        off.sum::<f64>()
    };
    (-half..=half)
        .min_by(|one, other| fit(one).total_cmp(&fit(other)))
        .unwrap()
}

/// Opus to the frame; Matroska's clock ticks in milliseconds.
#[tokio::test]
async fn k13_seeking_in_opus_and_matroska_lands_within_a_tick() {
    for (name, rate, tick) in [
        ("sine.opus", 48_000, 0),
        ("sine.mka", 44_100, 45),
        ("sine.webm", 44_100, 90),
    ] {
        for millis in [300, 700, 1000] {
            let what = format!("{name} to {millis} ms");
            let server = MediaServer::start();
            let uri = server.serve("/song", Media::fixture(name));
            let mut listener = Listener::open(request(uri));
            assert!(listener.opened().await.seekable, "{what}");
            listener.audio().await;
            for _ in 0..2 {
                listener.source.seek(Duration::from_millis(millis));
                let landed = listener.sought().await;
                let first = (landed.as_secs_f64() * f64::from(rate)).round() as usize;
                assert_eq!(first as u64, millis * u64::from(rate) / 1000, "{what}");
                let heard = listener.rest().await;
                assert!(heard.failure.is_none(), "{what}: {:?}", heard.failure);
                let lag = lag(rate, &heard.samples, first);
                assert!(lag.abs() <= tick, "{what}: {lag} frames late");
                let left = rate as usize * 3 / 2 - first;
                let frames = heard.samples.len() / 2;
                assert!(frames.abs_diff(left) < 1152, "{what}: {frames}, not {left}");
            }
        }
    }
}

#[tokio::test]
async fn seeking_beyond_the_end_is_the_end() {
    for name in [
        "sine.wav",
        "sine.flac",
        "sine.mp3",
        "sine.m4a",
        "sine.ogg",
        "sine.aac",
    ] {
        let server = MediaServer::start();
        let uri = server.serve("/song", Media::fixture(name));
        let mut listener = Listener::open(request(uri));
        listener.opened().await;
        listener.source.seek(Duration::MAX);
        listener.sought().await;
        let heard = listener.rest().await;
        assert!(heard.failure.is_none(), "{name}: {:?}", heard.failure);
        assert!(heard.samples.is_empty(), "{name}");
        // And back from there.
        listener.source.seek(Duration::from_millis(500));
        listener.sought().await;
        let heard = listener.rest().await;
        assert!(CD.frames(heard.samples.len()) >= 44_100, "{name}");
    }
}

#[tokio::test]
async fn a_jump_in_a_long_file_is_one_request_with_a_range() {
    let (bytes, _) = long_wav();
    let server = MediaServer::start();
    let uri = server.serve("/long", Media::new(bytes));
    let mut listener = Listener::open(request(uri));
    listener.opened().await;
    for (jumps, second) in [200, 100, 250, 0].into_iter().enumerate() {
        listener.source.seek(Duration::from_secs(second));
        assert_eq!(listener.sought().await, Duration::from_secs(second));
        let samples = listener.audio().await;
        assert_eq!(u64::from(number_of(&samples)), second * 44_100);
        assert_eq!(server.requests().len(), jumps + 2);
    }
    let requests = server.requests();
    let ranges: Vec<_> = requests.iter().map(|r| r.header("range")).collect();
    assert_eq!(ranges[0], None);
    assert!(ranges[1].unwrap().starts_with("bytes=352"), "{ranges:?}");
    assert!(ranges[2..].iter().all(Option::is_some), "{ranges:?}");
}

#[tokio::test]
async fn a_place_that_the_server_has_not_ends_the_song_and_is_named() {
    let log = Log::start();
    let (bytes, frames) = long_wav();
    let server = MediaServer::start();
    let half = bytes.len() / 2;
    let uri = server.serve("/song", Media::new(bytes).ends_at(half));
    let mut listener = Listener::open(request(uri.clone()));
    listener.opened().await;
    let place = Duration::from_secs(frames as u64 * 3 / 4 / 44_100);
    listener.source.seek(place);
    assert_eq!(listener.sought().await, place);
    let heard = listener.rest().await;
    assert!(heard.failure.is_none() && heard.samples.is_empty());
    let parts = [
        "WARN",
        &uri,
        "by the server's word there is nothing from byte",
    ];
    log.assert_line(&parts);
    assert_eq!(log.text().matches("WARN").count(), 1, "{}", log.text());
}

#[tokio::test]
async fn k09_a_server_that_only_seemed_seekable_is_read_on_to_the_place() {
    let log = Log::start();
    let (bytes, _) = long_wav();
    let server = MediaServer::start();
    let uri = server.serve("/long", Media::new(bytes).framing(Framing::IgnoresRanges));
    let mut listener = Listener::open(request(uri.clone()));
    listener.opened().await;
    for second in [200, 30] {
        listener.source.seek(Duration::from_secs(second));
        assert_eq!(listener.sought().await, Duration::from_secs(second));
        let samples = listener.audio().await;
        assert_eq!(u64::from(number_of(&samples)), second * 44_100);
    }
    assert_eq!(server.requests().len(), 3);
    let remark = "sends all of it though a part was asked for";
    log.assert_line(&["INFO", &uri, remark, "bytes are passed over"]);
}

#[tokio::test]
async fn k08_k09_what_was_asked_of_a_stream_before_it_was_known_to_be_one_is_not_claimed() {
    for framing in [
        Framing::UntilClose,
        Framing::Chunked,
        Framing::RefusesRanges,
    ] {
        for name in ["sine.wav", "sine.mp3", "sine.aac", "sine.flac"] {
            let log = Log::start();
            let server = MediaServer::start();
            let uri = server.serve("/live", Media::fixture(name).framing(framing));
            let mut listener = Listener::open(request(uri.clone()));
            listener.source.seek(Duration::from_secs(1));
            assert!(!listener.opened().await.seekable);
            assert_eq!(
                listener.sought().await,
                Duration::ZERO,
                "{name} {framing:?}"
            );
            log.assert_line(&["INFO", &uri, "no seeking but forward in what has come"]);
            let heard = listener.rest().await;
            assert!(heard.failure.is_none(), "{name}: {:?}", heard.failure);
            assert!(CD.frames(heard.samples.len()) >= WHOLE, "{name}");
        }
    }
}

/// The frame that a seek has led to.
fn frame_of(landed: Duration) -> usize {
    (landed.as_secs_f64() * 44_100.0).round() as usize
}

#[tokio::test]
async fn k09_a_stream_is_sought_in_forward_as_far_as_it_has_come() {
    let server = MediaServer::start();
    // A quarter of a second comes, and the rest is withheld.
    let live = Media::new(stairs(0, 10 * 44_100)).framing(Framing::UntilClose);
    let uri = server.serve("/live", live.stall_after(44_100));
    let mut listener = Listener::open(request(uri));
    assert!(!listener.opened().await.seekable);
    let heard = CD.frames(listener.audio().await.len());
    server.wait_until("sent a quarter of a second", |log| log.sent >= 44_100);
    // What has been sent is still to come out of the socket.
    tokio::time::sleep(Duration::from_millis(50)).await;
    listener.source.seek(Duration::from_millis(150));
    assert_eq!(listener.sought().await, Duration::from_millis(150));
    let samples = listener.audio().await;
    assert_stairs(&samples, 6615);
    // Back there is no way: it goes on.
    let here = 6615 + CD.frames(samples.len());
    listener.source.seek(Duration::ZERO);
    assert_eq!(frame_of(listener.sought().await), here);
    // Farther than it has come it leads to where that ends.
    listener.source.seek(Duration::from_secs(5));
    server.release();
    let landed = frame_of(listener.sought().await);
    assert!(
        landed > here && landed <= 5 * 44_100,
        "{heard} {here} {landed}"
    );
    let rest = listener.rest().await;
    assert_stairs(&rest.samples, landed);
    assert_eq!(landed + CD.frames(rest.samples.len()), 10 * 44_100);
}

#[tokio::test]
async fn k10_where_bytes_are_not_offered_a_time_is_asked_for() {
    let log = Log::start();
    let (bytes, frames) = long_wav();
    let server = MediaServer::start();
    let media = Media::new(bytes).framing(Framing::Chunked);
    let media = media.by_time(move |time| match frame_of(time) {
        from if from < frames => stairs(from, frames),
        _ => Vec::new(),
    });
    let uri = server.serve("/song", media);
    let mut listener = Listener::open(request(uri.clone()));
    let info = listener.opened().await;
    assert!(info.seekable);
    log.assert_line(&["INFO", &uri, "places in it are asked for by time"]);
    for second in [200, 30, 0] {
        listener.source.seek(Duration::from_secs(second));
        assert_eq!(listener.sought().await, Duration::from_secs(second));
        let samples = listener.audio().await;
        assert_stairs(&samples, second as usize * 44_100);
    }
    let requests = server.requests();
    let asked = requests
        .iter()
        .map(|it| (it.header("timeseekrange.dlna.org"), it.header("range")));
    let expected = [
        None,
        Some("npt=200.000-"),
        Some("npt=30.000-"),
        Some("npt=0.000-"),
    ];
    assert!(asked.eq(expected.map(|time| (time, None))));
    // To the end, and back from there.
    listener.source.seek(Duration::from_millis(299_500));
    assert_eq!(listener.sought().await, Duration::from_millis(299_500));
    assert_stairs(&listener.rest().await.samples, 299_500 * 441 / 10);
    listener.source.seek(Duration::from_secs(100));
    assert_eq!(listener.sought().await, Duration::from_secs(100));
    assert_stairs(&listener.audio().await, 100 * 44_100);
    // Behind the end there is nothing, and the way back is open.
    listener.source.seek(Duration::from_secs(400));
    assert_eq!(listener.sought().await, Duration::from_secs(300));
    let heard = listener.rest().await;
    assert!(heard.failure.is_none() && heard.samples.is_empty());
    log.assert_line(&["WARN", &uri, "there is nothing from 300.000 s on"]);
    listener.source.seek(Duration::from_secs(100));
    assert_eq!(listener.sought().await, Duration::from_secs(100));
    assert_stairs(&listener.audio().await, 100 * 44_100);
}

#[tokio::test]
async fn an_index_at_the_end_is_fetched_first() {
    // Between the audio and the index lies more than is read ahead.
    let mut bytes = fixture("index-last.m4a");
    let index = bytes.windows(4).position(|name| name == b"moov").unwrap() - 4;
    let gap = 8 << 20;
    let mut free = vec![0; gap];
    free[..4].copy_from_slice(&(gap as u32).to_be_bytes());
    free[4..8].copy_from_slice(b"free");
    bytes.splice(index..index, free);

    let server = MediaServer::start();
    let uri = server.serve("/song", Media::new(bytes));
    let heard = Listener::open(request(uri)).rest().await;
    assert!(heard.failure.is_none(), "{:?}", heard.failure);
    assert_eq!(CD.frames(heard.samples.len()), WHOLE);
    assert!(inner_deviation(CD, &heard.samples, 0) < 0.02);
    // The beginning, the index, the beginning again.
    let requests = server.requests();
    let ranges: Vec<_> = requests.iter().map(|r| r.header("range")).collect();
    assert_eq!(ranges.len(), 3, "{ranges:?}");
    let from = ranges[1]
        .unwrap()
        .trim_matches(|c: char| !c.is_ascii_digit());
    let before = index + gap - from.parse::<usize>().unwrap();
    assert!(before <= 64 << 10, "{before} bytes before the index");
}

/// An Ogg file is searched by halves, a request each. Whoever drags a slider interrupts that, and Ogg's reader takes it for the end.
#[tokio::test]
async fn a_search_that_is_interrupted_finds_no_end() {
    let folder = folder_of_made("seeking");
    let noise = "-f lavfi -i anoisesrc=d=60:r=44100 -ac 2 -c:a libvorbis -q:a 9 long.ogg";
    ffmpeg(&folder, noise.split(' '));
    let log = Log::start();
    let server = MediaServer::start();
    let media = Media::new(fs::read(folder.join("long.ogg")).unwrap());
    let media = media.trickle(1_000_000);
    let uri = server.serve("/song", media.begins_after(Duration::from_millis(50)));
    let mut listener = Listener::open(MediaRequest {
        duration: Some(Duration::from_secs(60)),
        ..request(uri)
    });
    listener.opened().await;
    // While its end is looked for…
    for _ in 0..3 {
        listener.source.seek(Duration::from_secs(50));
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    assert_eq!(listener.sought().await, Duration::from_secs(50));
    // …and while a place is.
    for number in 0..20 {
        listener
            .source
            .seek(Duration::from_secs(2 + number * 23 % 50));
        tokio::time::sleep(Duration::from_millis(20 + 10 * (number % 9))).await;
    }
    listener.source.seek(Duration::from_secs(59));
    assert_eq!(listener.sought().await, Duration::from_secs(59));
    let heard = listener.rest().await;
    assert!(heard.failure.is_none(), "{:?}", heard.failure);
    let seconds = CD.frames(heard.samples.len()) as f64 / 44_100.0;
    assert!((0.9..1.1).contains(&seconds), "{seconds} s");
    assert_eq!(log.text(), "");
}
