//! Every format: what comes out is what went in, and playing begins before the file has arrived.

use std::collections::BTreeSet;
use std::path::Path;

use unisono::clock::ManualClock;
use unisono::renderer::services;
use unisono::upnp::{Action, SharedService};
use unisono::zone::{ZoneHandle, ZoneState};

use super::*;

async fn check_lossless(name: &str, format: StreamFormat, frames: usize, tolerance: f64) {
    let heard = hear(Media::fixture(name)).await;
    assert!(heard.failure.is_none(), "{name}: {:?}", heard.failure);
    let info = heard.info.unwrap();
    assert_eq!(info.format, format, "{name}");
    assert_eq!(heard.format, Some(format), "{name}");
    assert_eq!(format.frames(heard.samples.len()), frames, "{name}");
    let seconds = frames as f64 / f64::from(format.rate);
    assert_eq!(
        info.duration,
        Some(Duration::from_secs_f64(seconds)),
        "{name}"
    );
    assert!(info.seekable, "{name}");
    let deviation = deviation(format, &heard.samples, 0);
    assert!(deviation <= tolerance, "{name}: off by {deviation}");
}

#[tokio::test]
async fn lossless_formats_come_out_as_they_went_in() {
    // Half a step of 16 bits; ffmpeg rounds, so no sample is further off.
    let sixteen = 0.51 / 32_768.0;
    for name in [
        "sine.wav",
        "sine.flac",
        "alac.m4a",
        "sine.aiff",
        "sine.aifc",
        "sine.caf",
    ] {
        check_lossless(name, CD, WHOLE, sixteen).await;
    }
    let quarter = 11_025;
    check_lossless("u8.wav", CD, quarter, 1.01 / 128.0).await;
    check_lossless("s24.wav", CD, quarter, 1.01 / 8_388_608.0).await;
    check_lossless("s32.wav", CD, quarter, 1e-7).await;
    check_lossless("f32.wav", CD, quarter, 1e-7).await;
    let mono = StreamFormat {
        rate: 48_000,
        channels: 1,
    };
    check_lossless("mono-48k.wav", mono, 24_000, sixteen).await;
    let fine = StreamFormat {
        rate: 96_000,
        channels: 2,
    };
    check_lossless("24-96k.flac", fine, 48_000, 1.01 / 8_388_608.0).await;
}

/// `delay` is what the file does not say of its encoder's silence at the beginning.
async fn check_lossy(name: &str, frames: usize, delay: usize) {
    let heard = hear(Media::fixture(name)).await;
    assert!(heard.failure.is_none(), "{name}: {:?}", heard.failure);
    assert_eq!(heard.format, Some(CD), "{name}");
    assert_eq!(CD.frames(heard.samples.len()), frames, "{name}");
    let music = &heard.samples[CD.samples(delay)..][..CD.samples(WHOLE)];
    let deviation = inner_deviation(CD, music, 0);
    assert!(deviation < 0.02, "{name}: off by {deviation}");
}

#[tokio::test]
async fn lossy_formats_are_trimmed_as_far_as_they_say() {
    check_lossy("sine.mp3", WHOLE, 0).await;
    check_lossy("vbr.mp3", WHOLE, 0).await;
    check_lossy("sine.m4a", WHOLE, 0).await;
    check_lossy("index-last.m4a", WHOLE, 0).await;
    check_lossy("sine.ogg", WHOLE, 0).await;
    // Neither an MP3 without LAME's tag nor ADTS can say it.
    check_lossy("plain.mp3", 59 * 1152, 1105).await;
    check_lossy("sine.aac", 66 * 1024, 1024).await;
}

/// The number of its frames in the header of an MP3.
fn counting(name: &str, frames: u32) -> Vec<u8> {
    let mut bytes = fixture(name);
    let header = bytes
        .windows(4)
        .position(|tag| tag == b"Xing" || tag == b"Info");
    let at = header.unwrap() + 8;
    bytes[at..at + 4].copy_from_slice(&frames.to_be_bytes());
    bytes
}

#[tokio::test]
async fn an_mp3_whose_header_counts_too_few_frames_is_heard_to_its_end() {
    for name in ["sine.mp3", "vbr.mp3"] {
        for frames in [1, 20, 50] {
            let heard = hear(Media::new(counting(name, frames))).await;
            assert!(heard.failure.is_none(), "{name}: {:?}", heard.failure);
            // What the encoder has filled up with is heard, too: nobody knows where it begins.
            let excess = CD.frames(heard.samples.len()) - WHOLE;
            assert!(excess < 1152 * 2, "{name} {frames}: {excess}");
            let music = &heard.samples[..CD.samples(WHOLE)];
            assert!(inner_deviation(CD, music, 0) < 0.02, "{name} {frames}");
        }
    }
}

#[tokio::test]
async fn two_files_cut_from_one_sine_join_without_a_seam() {
    let mut whole = hear(Media::fixture("first-half.flac")).await.samples;
    assert_eq!(CD.frames(whole.len()), 44_133);
    whole.extend(hear(Media::fixture("second-half.flac")).await.samples);
    assert_eq!(CD.frames(whole.len()), 88_200);
    assert!(deviation(CD, &whole, 0) <= 0.51 / 32_768.0);
}

/// The fixtures' sine as raw PCM of `bytes` bytes a sample, with its header left to whoever serves it.
fn raw_pcm(bytes: usize, format: StreamFormat, frames: usize) -> Vec<u8> {
    let full_scale = f64::from(1 << (8 * bytes - 1));
    let mut raw = Vec::new();
    for frame in 0..frames {
        for channel in 0..usize::from(format.channels) {
            let sample = (sine(format.rate, channel, frame) * full_scale).round() as i32;
            raw.extend(&sample.to_be_bytes()[4 - bytes..]);
        }
    }
    raw
}

async fn check_raw(
    served: Option<&'static str>,
    said: MediaRequest,
    bytes: usize,
    format: StreamFormat,
) {
    let server = MediaServer::start();
    let mut media = Media::new(raw_pcm(bytes, format, 10_000));
    if let Some(mime) = served {
        media = media.mime(mime);
    }
    let uri = server.serve("/raw", media);
    let what = format!("{served:?} {said:?}");
    let heard = Listener::open(MediaRequest { uri, ..said }).rest().await;
    assert!(heard.failure.is_none(), "{what}: {:?}", heard.failure);
    assert_eq!(heard.format, Some(format), "{what}");
    assert_eq!(format.frames(heard.samples.len()), 10_000, "{what}");
    assert!(deviation(format, &heard.samples, 0) < 1e-4, "{what}");
    let seconds = 10_000.0 / f64::from(format.rate);
    let duration = heard.info.unwrap().duration;
    assert_eq!(duration, Some(Duration::from_secs_f64(seconds)), "{what}");
}

#[tokio::test]
async fn raw_pcm_is_laid_out_as_server_or_sender_say() {
    let nothing = MediaRequest::default;
    let stereo_48k = StreamFormat::STANDARD;
    let mono = StreamFormat {
        rate: 22_050,
        channels: 1,
    };
    check_raw(
        Some("audio/L16;rate=48000;channels=2"),
        nothing(),
        2,
        stereo_48k,
    )
    .await;
    check_raw(
        Some("audio/L24; channels=1; rate=22050"),
        nothing(),
        3,
        mono,
    )
    .await;
    check_raw(Some("audio/L16"), nothing(), 2, CD).await;
    let sender = MediaRequest {
        mime: Some("audio/L16;rate=48000;channels=2".to_owned()),
        ..nothing()
    };
    check_raw(Some("application/octet-stream"), sender, 2, stereo_48k).await;
    let sender = MediaRequest {
        mime: Some("audio/L16".to_owned()),
        pcm_rate: Some(22_050),
        pcm_channels: Some(1),
        ..nothing()
    };
    check_raw(None, sender, 2, mono).await;
}

/// What the renderer says that it plays.
async fn sink() -> Vec<String> {
    let (zone, _inbox) = ZoneHandle::pair(ZoneState::default());
    let services = services(zone, Arc::new(ManualClock::new()));
    let find = |service: &SharedService| {
        let actions = service.description().actions;
        let spec = actions.iter().find(|spec| spec.name == "GetProtocolInfo")?;
        Some((service.clone(), spec))
    };
    let (service, spec) = services.iter().find_map(find).unwrap();
    let inputs = Vec::new();
    let answer = service.invoke(&Action { spec, inputs }).await.unwrap();
    answer[1].split(',').map(str::to_owned).collect()
}

/// A file of the format that a MIME type names, and what comes out of it.
fn of_mime(mime: &str) -> (Vec<u8>, StreamFormat, usize, f64) {
    let mut parameters = mime.split(';');
    let kind = parameters.next().unwrap().to_ascii_lowercase();
    let kind = kind.split_once('/').unwrap().1.trim_start_matches("x-");
    let mut format = CD;
    for parameter in parameters {
        let (name, value) = parameter.split_once('=').unwrap();
        match name {
            "rate" => format.rate = value.parse().unwrap(),
            "channels" => format.channels = value.parse().unwrap(),
            other => panic!("{mime}: {other}"),
        }
    }
    let sixteen = 0.51 / 32_768.0;
    let file = |name: &str, tolerance| (fixture(name), CD, WHOLE, tolerance);
    match kind {
        "l16" => (raw_pcm(2, format, 10_000), format, 10_000, 1e-4),
        "l24" => (raw_pcm(3, format, 10_000), format, 10_000, 1e-6),
        "flac" => file("sine.flac", sixteen),
        "wav" | "wave" | "vnd.wave" => file("sine.wav", sixteen),
        "aiff" | "aif" => file("sine.aiff", sixteen),
        "aifc" => file("sine.aifc", sixteen),
        "caf" => file("sine.caf", sixteen),
        "matroska" => file("sine.mka", sixteen),
        // How much of its last packet counts, the reader does not say.
        "webm" => (fixture("sine.webm"), CD, WHOLE + 90, 0.02),
        "opus" | "opus+ogg" => (fixture("sine.opus"), StreamFormat::STANDARD, 72_000, 0.02),
        // Nobody tells of its encoder's silence at the beginning.
        "mp2" => (fixture("sine.mp2"), CD, 58 * 1152, f64::INFINITY),
        "alac" => file("alac.m4a", sixteen),
        "mp4" | "m4a" => file("sine.m4a", 0.02),
        "ogg" | "vorbis" | "vorbis+ogg" => file("sine.ogg", 0.02),
        "mpeg" | "mp3" | "mpeg3" => file("sine.mp3", 0.02),
        // Its encoder's silence at the beginning is not told: the whole is longer.
        "aac" | "aacp" | "vnd.dlna.adts" => (fixture("sine.aac"), CD, 66 * 1024, f64::INFINITY),
        other => panic!("no fixture for {mime} ({other})"),
    }
}

/// Everything that is listed plays, served under the very name it is listed by (the Windows logo tests do this).
#[tokio::test]
async fn c02_whatever_the_sink_list_names_is_played() {
    let mimes: BTreeSet<String> = sink()
        .await
        .iter()
        .map(|entry| entry.split(':').nth(2).unwrap().to_owned())
        .collect();
    assert!(mimes.len() > 40, "{mimes:?}");
    for mime in mimes {
        let (bytes, format, frames, tolerance) = of_mime(&mime);
        let server = MediaServer::start();
        let media = Media::new(bytes).mime(mime.as_str());
        let uri = server.serve("/media", media);
        // As a sender would that goes by the list, too.
        let said = MediaRequest {
            uri,
            mime: Some(mime.clone()),
            ..MediaRequest::default()
        };
        let heard = Listener::open(said).rest().await;
        assert!(heard.failure.is_none(), "{mime}: {:?}", heard.failure);
        assert_eq!(heard.format, Some(format), "{mime}");
        assert_eq!(format.frames(heard.samples.len()), frames, "{mime}");
        let deviation = if tolerance < 0.01 {
            deviation(format, &heard.samples, 0)
        } else {
            inner_deviation(format, &heard.samples, 0)
        };
        assert!(deviation <= tolerance, "{mime}: off by {deviation}");
    }
}

/// What the fuzzer begins with is worth nothing if it is refused.
#[tokio::test]
async fn the_shortest_file_of_each_kind_plays() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/fuzz/media");
    let mut kinds = 0;
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "sh") {
            continue;
        }
        let name = path.display();
        let heard = hear(Media::new(std::fs::read(&path).unwrap())).await;
        assert!(heard.failure.is_none(), "{name}: {:?}", heard.failure);
        let loudest = heard.samples.iter().copied().fold(0.0, f32::max);
        assert!((0.2..0.8).contains(&loudest), "{name}: {loudest}");
        kinds += 1;
    }
    assert!(kinds > 15, "{kinds}");
}

#[tokio::test]
async fn a_wrong_mime_type_does_not_matter() {
    for name in [
        "sine.wav",
        "sine.flac",
        "sine.mp3",
        "sine.ogg",
        "sine.m4a",
        "sine.aiff",
    ] {
        for mime in [
            "text/html",
            "audio/mpeg",
            "audio/L16;rate=8000;channels=1",
            "video/mp4",
        ] {
            let media = Media::fixture(name).mime(mime);
            // An MP3 has no name at its beginning; but this one has an ID3 tag.
            let heard = hear(media).await;
            assert!(
                heard.failure.is_none(),
                "{name} as {mime}: {:?}",
                heard.failure
            );
            assert_eq!(CD.frames(heard.samples.len()), WHOLE, "{name} as {mime}");
        }
    }
}

#[tokio::test]
async fn wav_headers_that_lie_about_the_size_play_to_the_end() {
    let honest = fixture("sine.wav");
    let data = honest.windows(4).position(|tag| tag == b"data").unwrap() + 4;
    for size in [0, u32::MAX, 0x7fff_ffff, 300_000_000] {
        for framing in [Framing::Ranges, Framing::UntilClose] {
            if framing == Framing::UntilClose && size == 300_000_000 {
                continue;
            }
            let mut lying = honest.clone();
            lying[4..8].copy_from_slice(&size.to_le_bytes());
            lying[data..data + 4].copy_from_slice(&size.to_le_bytes());
            let log = Log::start();
            let heard = hear(Media::new(lying).framing(framing)).await;
            log.assert_line(&["INFO", "/media: its WAV header does not say how long"]);
            let what = format!("{size:#x} {framing:?}");
            assert!(heard.failure.is_none(), "{what}: {:?}", heard.failure);
            assert_eq!(CD.frames(heard.samples.len()), WHOLE, "{what}");
            let expected = (framing == Framing::Ranges).then_some(Duration::from_millis(1500));
            assert_eq!(heard.info.unwrap().duration, expected, "{what}");
        }
    }
}

/// Sound must come before the server has sent more than `bytes`: whatever the decoder waits for, the listener waits for.
async fn check_starts_with(name: &str, bytes: usize) {
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::fixture(name).stall_after(bytes));
    let mut listener = Listener::open(request(uri));
    listener.opened().await;
    let mut samples = listener.audio().await;
    server.release();
    let rest = listener.rest().await;
    assert!(rest.failure.is_none(), "{name}: {:?}", rest.failure);
    samples.extend(rest.samples);
    assert!(CD.frames(samples.len()) >= WHOLE, "{name}");
    assert_eq!(server.requests().len(), 1, "{name}");
}

#[tokio::test]
async fn playing_begins_while_the_file_arrives() {
    // A packet of 1152 frames and the header.
    check_starts_with("sine.wav", 4_800).await;
    check_starts_with("sine.aiff", 4_800).await;
    // The header with 8 KiB of padding, a packet, and the beginning of the next, which ends it.
    check_starts_with("sine.flac", 22_000).await;
    // The tag, the frame with the encoder's data, two packets.
    check_starts_with("sine.mp3", 1_400).await;
    // The index and a packet.
    check_starts_with("sine.m4a", 3_000).await;
    check_starts_with("alac.m4a", 15_000).await;
    // 4.3 kB of code books and a page.
    check_starts_with("sine.ogg", 5_200).await;
    // 16 KiB, of which the duration is estimated.
    check_starts_with("sine.aac", 16_400).await;
}

#[tokio::test]
async fn a_file_that_trickles_in_is_heard_as_it_comes() {
    let bytes = fixture("sine.mp3");
    let server = MediaServer::start();
    // Four times as fast as it plays.
    let uri = server.serve("/song", Media::new(bytes.clone()).trickle(100_000));
    let mut listener = Listener::open(request(uri));
    listener.opened().await;
    let mut samples = listener.audio().await;
    server.wait_until("begun", |log| {
        assert!(log.sent < bytes.len() / 2, "{} bytes were sent", log.sent);
        true
    });
    samples.extend(listener.rest().await.samples);
    assert_eq!(CD.frames(samples.len()), WHOLE);
}

/// As where a connection breaks and the next one goes on somewhere else.
#[tokio::test]
async fn what_is_missing_in_the_middle_is_left_out_and_the_rest_plays() {
    for name in [
        "sine.aac",
        "plain.mp3",
        "vbr.mp3",
        "sine.mp2",
        "sine.flac",
        "sine.wav",
    ] {
        let bytes = fixture(name);
        for part in 3..8 {
            let from = bytes.len() / part;
            let rest = [&bytes[..from], &bytes[from * 2..]].concat();
            let heard = hear(Media::new(rest).framing(Framing::UntilClose)).await;
            assert!(heard.failure.is_none(), "{name}: {:?}", heard.failure);
            // Two blocks of FLAC lie across the seam.
            let least = WHOLE - WHOLE / part - 10_000;
            let frames = CD.frames(heard.samples.len());
            assert!(frames > least, "{name} without 1/{part}: {frames}");
        }
    }
}

#[tokio::test]
async fn matroska_says_how_long_it_lasts() {
    for name in ["sine.mka", "sine.webm"] {
        for framing in [Framing::Ranges, Framing::UntilClose] {
            let heard = hear(Media::fixture(name).framing(framing)).await;
            let duration = heard.info.unwrap().duration.unwrap().as_secs_f64();
            // Its clock ticks in milliseconds; the codec's padding may count.
            assert!((1.499..1.51).contains(&duration), "{name}: {duration} s");
        }
    }
}
