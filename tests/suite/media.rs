//! A URI becomes decoded audio: every format, every kind of server, seeking, and letting go.

use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::timeout;
use unisono::audio::StreamFormat;
use unisono::media::{self, MediaError, MediaInfo, MediaRequest, Network, Polled, Source};

use super::support::media_server::{Framing, Media, MediaServer, fixture};

const CD: StreamFormat = StreamFormat {
    rate: 44_100,
    channels: 2,
};
/// One and a half seconds of it.
const WHOLE: usize = 66_150;
/// Longer than any time limit of the program.
const PATIENCE: Duration = Duration::from_secs(60);

/// Someone who polls a source and waits for its waker.
struct Listener {
    source: Box<dyn Source>,
    woken: Arc<Notify>,
}

/// All that a source had to say.
#[derive(Debug, Default)]
struct Heard {
    info: Option<MediaInfo>,
    format: Option<StreamFormat>,
    samples: Vec<f32>,
    failure: Option<MediaError>,
}

impl Listener {
    fn open(request: MediaRequest) -> Self {
        Self::on(
            &Network::new(Handle::current(), Vec::new()).unwrap(),
            request,
        )
    }

    fn on(network: &Network, request: MediaRequest) -> Self {
        let woken = Arc::new(Notify::new());
        let waker = Arc::clone(&woken);
        Self {
            source: media::open(request, network, Arc::new(move || waker.notify_one())),
            woken,
        }
    }

    /// The next thing the source has to say.
    async fn next(&mut self) -> Polled {
        loop {
            match self.source.poll() {
                Polled::Pending => timeout(PATIENCE, self.woken.notified())
                    .await
                    .expect("the source never woke"),
                said => return said,
            }
        }
    }

    async fn opened(&mut self) -> MediaInfo {
        match self.next().await {
            Polled::Opened(info) => info,
            other => panic!("not opened: {other:?}"),
        }
    }

    async fn audio(&mut self) -> Vec<f32> {
        match self.next().await {
            Polled::Audio(chunk) => chunk.samples,
            other => panic!("no audio: {other:?}"),
        }
    }

    async fn sought(&mut self) -> Duration {
        match self.next().await {
            Polled::Sought(landed) => landed,
            other => panic!("not sought: {other:?}"),
        }
    }

    /// Everything up to the end or a failure.
    async fn rest(&mut self) -> Heard {
        let mut heard = Heard::default();
        loop {
            match self.next().await {
                Polled::Opened(info) => heard.info = Some(info),
                Polled::Audio(chunk) => {
                    heard.format = Some(chunk.format);
                    assert!(!chunk.samples.is_empty());
                    heard.samples.extend(chunk.samples);
                }
                Polled::End => return heard,
                Polled::Failed(error) => {
                    heard.failure = Some(error);
                    return heard;
                }
                other => panic!("unasked: {other:?}"),
            }
        }
    }
}

fn request(uri: String) -> MediaRequest {
    MediaRequest {
        uri,
        ..MediaRequest::default()
    }
}

async fn hear(media: Media) -> Heard {
    let server = MediaServer::start();
    let uri = server.serve("/media", media);
    Listener::open(request(uri)).rest().await
}

/// The frame `number` of the fixtures' sine, as it was before any codec.
fn sine(rate: u32, channel: usize, number: usize) -> f64 {
    let pitch = [440.0, 660.0][channel];
    0.5 * (TAU * pitch * number as f64 / f64::from(rate)).sin()
}

/// The loudest deviation from the fixtures' sine, of which `samples` begin with the frame `first`. Frequency, level,
/// channels and place are all right only if it is small.
fn deviation(format: StreamFormat, samples: &[f32], first: usize) -> f64 {
    let channels = usize::from(format.channels);
    let of_frame = |(number, frame): (usize, &[f32])| {
        let of_sample = |(channel, sample): (usize, &f32)| {
            (f64::from(*sample) - sine(format.rate, channel, first + number)).abs()
        };
        frame.iter().enumerate().map(of_sample).fold(0.0, f64::max)
    };
    samples
        .chunks(channels)
        .enumerate()
        .map(of_frame)
        .fold(0.0, f64::max)
}

/// The same away from the ends, where lossy codecs smear the jump from silence.
fn inner_deviation(format: StreamFormat, samples: &[f32], first: usize) -> f64 {
    let channels = usize::from(format.channels);
    let edge = 4096;
    let inner = &samples[edge * channels..samples.len() - edge * channels];
    deviation(format, inner, first + edge)
}

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
    for name in ["sine.wav", "sine.flac", "alac.m4a", "sine.aiff"] {
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
    check_lossy("sine.m4a", WHOLE, 0).await;
    check_lossy("index-last.m4a", WHOLE, 0).await;
    check_lossy("sine.ogg", WHOLE, 0).await;
    // Neither an MP3 without LAME's tag nor ADTS can say it.
    check_lossy("plain.mp3", 59 * 1152, 1105).await;
    check_lossy("sine.aac", 66 * 1024, 1024).await;
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
            let heard = hear(Media::new(lying).framing(framing)).await;
            let what = format!("{size:#x} {framing:?}");
            assert!(heard.failure.is_none(), "{what}: {:?}", heard.failure);
            assert_eq!(CD.frames(heard.samples.len()), WHOLE, "{what}");
            let expected = (framing == Framing::Ranges).then_some(Duration::from_millis(1500));
            assert_eq!(heard.info.unwrap().duration, expected, "{what}");
        }
    }
}

#[tokio::test]
async fn every_way_to_send_a_file_is_understood() {
    for name in [
        "sine.wav",
        "sine.flac",
        "sine.mp3",
        "sine.ogg",
        "sine.m4a",
        "sine.aac",
    ] {
        for framing in [
            Framing::Ranges,
            Framing::IgnoresRanges,
            Framing::RefusesRanges,
            Framing::UnaskedPartial,
            Framing::Chunked,
            Framing::UntilClose,
            Framing::Http10,
        ] {
            let server = MediaServer::start();
            let uri = server.serve("/media", Media::fixture(name).framing(framing));
            let heard = Listener::open(request(uri)).rest().await;
            let what = format!("{name} {framing:?}");
            assert!(heard.failure.is_none(), "{what}: {:?}", heard.failure);
            assert!(CD.frames(heard.samples.len()) >= WHOLE, "{what}");
            let seekable = matches!(
                framing,
                Framing::Ranges | Framing::IgnoresRanges | Framing::UnaskedPartial
            );
            assert_eq!(heard.info.unwrap().seekable, seekable, "{what}");
            assert_eq!(server.requests().len(), 1, "{what}");
        }
    }
}

#[tokio::test]
async fn the_request_is_one_plain_get_with_dlna_headers() {
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::fixture("sine.flac"));
    Listener::open(request(uri)).rest().await;
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].method, "GET");
    let check = |name: &str, expected: Option<&str>| {
        assert_eq!(requests[0].header(name), expected, "{name}");
    };
    check("range", None);
    check("accept", Some("*/*"));
    check("accept-encoding", Some("identity"));
    check("transferMode.dlna.org", Some("Streaming"));
    check("getcontentFeatures.dlna.org", Some("1"));
    check("icy-metadata", None);
    let agent = requests[0].header("user-agent").unwrap();
    assert!(
        agent.starts_with("Unisono/") && agent.ends_with(" UPnP/1.0 DLNADOC/1.50"),
        "{agent}"
    );
}

/// Failed without a sound, for a reason that the message names together with the address.
async fn check_failure(server: &MediaServer, path: &str, reason: &str) {
    let uri = server.url(path);
    let heard = Listener::open(request(uri.clone())).rest().await;
    assert!(heard.samples.is_empty(), "{path}");
    let message = heard.failure.expect(path).to_string();
    assert!(message.contains(&uri), "{message}");
    assert!(message.contains(reason), "{message}");
}

#[tokio::test]
async fn what_cannot_be_played_says_why() {
    let server = MediaServer::start();
    server.serve("/forbidden", Media::status(403));
    server.serve("/broken", Media::status(500));
    server.serve(
        "/page",
        Media::new(&b"<html>Log in</html>"[..]).mime("text/html"),
    );
    server.serve("/empty", Media::new(&b""[..]));
    server.serve("/noise", Media::new(vec![0x55; 3000]));
    let refuses = Media::fixture("index-last.m4a").framing(Framing::RefusesRanges);
    server.serve("/index-last", refuses);
    check_failure(&server, "/missing", "404").await;
    check_failure(&server, "/forbidden", "403 Forbidden").await;
    check_failure(&server, "/broken", "500").await;
    check_failure(
        &server,
        "/page",
        "no known audio format (the server says of it: text/html)",
    )
    .await;
    check_failure(&server, "/empty", "the file is empty").await;
    check_failure(&server, "/noise", "no known audio format").await;
    check_failure(&server, "/index-last", "does not hand out parts of files").await;
}

#[tokio::test]
async fn addresses_that_are_not_fetched_are_refused_at_once() {
    for (uri, reason) in [
        ("file:///etc/passwd", "file://"),
        ("https://127.0.0.1:1/song", "https://"),
        ("data:audio/wav;base64,AAAA", "data://"),
        ("not an address", "relative URL"),
        ("", "relative URL"),
    ] {
        let failure = Listener::open(request(uri.to_owned())).rest().await.failure;
        let Some(MediaError::Address { .. }) = failure else {
            panic!("{uri}: {failure:?}");
        };
        let message = failure.unwrap().to_string();
        assert!(message.contains(reason), "{message}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_failure() {
    let vacant = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let uri = format!("http://{}/song", vacant.local_addr().unwrap());
    drop(vacant);
    let failure = Listener::open(request(uri)).rest().await.failure.unwrap();
    assert!(failure.to_string().contains("refused"), "{failure}");
}

#[tokio::test]
async fn redirects_are_followed_but_not_for_ever_and_not_everywhere() {
    let server = MediaServer::start();
    for (number, status) in [301, 302, 303, 307, 308].into_iter().enumerate() {
        let next = format!("/{}", number + 1);
        server.serve(&format!("/{number}"), Media::redirect(status, &next));
    }
    server.serve("/5", Media::fixture("sine.flac"));
    let heard = Listener::open(request(server.url("/0"))).rest().await;
    assert_eq!(CD.frames(heard.samples.len()), WHOLE, "{:?}", heard.failure);

    server.serve("/loop", Media::redirect(302, "/loop"));
    check_failure(&server, "/loop", "redirects more than 10 times").await;
    server.serve("/file", Media::redirect(302, "file:///etc/passwd"));
    check_failure(&server, "/file", "file://").await;
    server.serve("/nowhere", Media::status(302));
    check_failure(&server, "/nowhere", "without a usable Location").await;
}

#[tokio::test]
async fn the_program_does_not_fetch_from_itself() {
    let own = MediaServer::start();
    let elsewhere = MediaServer::start();
    let network = Network::new(Handle::current(), vec![own.port()]).unwrap();
    let direct = own.serve("/song", Media::fixture("sine.wav"));
    let by_name = direct.replace("127.0.0.1", "localhost");
    let by_redirect = elsewhere.serve("/song", Media::redirect(302, &direct));
    for uri in [direct, by_name, by_redirect] {
        let heard = Listener::on(&network, request(uri.clone())).rest().await;
        let message = heard.failure.expect(&uri).to_string();
        assert!(message.contains("this renderer itself"), "{message}");
    }
    assert!(own.requests().is_empty());
}

/// Lets so much time pass at once for the tasks, though not for the threads.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_within_fifteen_seconds() {
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::silence());
    let mut listener = Listener::open(request(uri));
    while server.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    pass(Duration::from_secs(15)).await;
    let failure = listener.rest().await.failure.unwrap();
    assert!(
        failure.to_string().contains("sent nothing for 14 s"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_after_what_it_sent_has_played() {
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::fixture("sine.wav").stall_after(44_100 + 78));
    let mut listener = Listener::open(request(uri));
    listener.opened().await;
    let mut samples = listener.audio().await;
    while samples.len() < 20_000 {
        samples.extend(listener.audio().await);
    }
    pass(Duration::from_secs(14)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    while let Polled::Audio(_) = listener.source.poll() {}
    assert!(matches!(listener.source.poll(), Polled::Pending));
    pass(Duration::from_secs(1)).await;
    let heard = listener.rest().await;
    let failure = heard.failure.unwrap().to_string();
    assert!(
        failure.contains("fell silent for 15 s after 44178 bytes"),
        "{failure}"
    );
    assert!(deviation(CD, &samples, 0) < 1e-4);
}

#[tokio::test]
async fn a_file_cut_short_plays_and_then_fails() {
    for name in ["sine.wav", "sine.flac", "sine.mp3", "sine.m4a", "sine.aac"] {
        let server = MediaServer::start();
        let bytes = fixture(name);
        let (whole, cut) = (bytes.len(), bytes.len() * 2 / 3);
        let uri = server.serve("/song", Media::new(bytes).cut_after(cut));
        let heard = Listener::open(request(uri)).rest().await;
        let frames = CD.frames(heard.samples.len());
        assert!(
            (WHOLE / 3..WHOLE * 3 / 4).contains(&frames),
            "{name}: {frames}"
        );
        let message = heard.failure.expect(name).to_string();
        let reason =
            format!("the server closed the connection {cut} of {whole} bytes into the file");
        assert!(message.contains(&reason), "{name}: {message}");
    }
    // Where nobody knows how long the file is, the end of the connection is its end; but not in the middle of a chunk.
    let mp3 = Media::fixture("sine.mp3").cut_after(15_000);
    let heard = hear(mp3.clone().framing(Framing::UntilClose)).await;
    assert!(heard.failure.is_none(), "{:?}", heard.failure);
    let failure = hear(mp3.framing(Framing::Chunked)).await.failure.unwrap();
    assert!(
        failure.to_string().contains("15000 bytes into the stream"),
        "{failure}"
    );
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
    check_starts_with("sine.wav", 8 << 10).await;
    check_starts_with("sine.flac", 32 << 10).await;
    check_starts_with("sine.mp3", 4 << 10).await;
    check_starts_with("sine.m4a", 8 << 10).await;
    check_starts_with("alac.m4a", 40 << 10).await;
    check_starts_with("sine.ogg", 8 << 10).await;
    check_starts_with("sine.aiff", 8 << 10).await;
}

async fn check_seek(name: &str, framing: Framing, millis: u64, tolerance: f64) {
    let what = format!("{name} {framing:?} to {millis} ms");
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::fixture(name).framing(framing));
    let mut listener = Listener::open(request(uri));
    listener.opened().await;
    listener.audio().await;
    // First to the end, so that every place after it lies behind.
    let to = Duration::from_millis(millis);
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
async fn seeking_lands_on_the_frame() {
    for millis in [0, 10, 200, 700, 1240] {
        for framing in [Framing::Ranges, Framing::IgnoresRanges] {
            for name in ["sine.wav", "sine.flac", "alac.m4a", "sine.aiff"] {
                check_seek(name, framing, millis, 1e-4).await;
            }
            // The first frames of a lossy file are the jump from silence.
            if millis >= 200 {
                for name in ["sine.mp3", "sine.m4a", "index-last.m4a", "sine.ogg"] {
                    if name == "index-last.m4a" && framing == Framing::IgnoresRanges {
                        continue;
                    }
                    check_seek(name, framing, millis, 0.02).await;
                }
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
        listener.source.seek(Duration::from_secs(100));
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

/// Five minutes of a staircase, each frame of which tells its number: larger than anything that is kept of it.
fn long_wav() -> (Vec<u8>, usize) {
    let frames = 300 * 44_100;
    let mut bytes = fixture("sine.wav");
    let data = bytes.windows(4).position(|tag| tag == b"data").unwrap() + 4;
    bytes.truncate(data);
    bytes.extend((frames as u32 * 4).to_le_bytes());
    for frame in 0..frames as u32 {
        bytes.extend(frame.to_le_bytes());
    }
    (bytes, frames)
}

fn number_of(frame: &[f32]) -> u32 {
    let of = |sample: f32| u32::from((sample * 32_768.0).round() as i16 as u16);
    of(frame[0]) | of(frame[1]) << 16
}

#[tokio::test]
async fn a_jump_in_a_long_file_is_one_request_with_a_range() {
    let (bytes, _) = long_wav();
    let server = MediaServer::start();
    let uri = server.serve("/long", Media::new(bytes));
    let mut listener = Listener::open(request(uri));
    listener.opened().await;
    for (jumps, second) in [200, 100, 299, 0].into_iter().enumerate() {
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
    // The beginning is the file without a range, as at first.
    assert!(ranges[1..4].iter().all(Option::is_some), "{ranges:?}");
}

#[tokio::test]
async fn a_server_that_only_seemed_seekable_says_so() {
    let (bytes, _) = long_wav();
    let server = MediaServer::start();
    let uri = server.serve("/long", Media::new(bytes).framing(Framing::IgnoresRanges));
    let mut listener = Listener::open(request(uri));
    listener.opened().await;
    listener.source.seek(Duration::from_secs(200));
    let failure = listener.rest().await.failure.unwrap().to_string();
    assert!(
        failure.contains("sends the whole file when asked for a part"),
        "{failure}"
    );
}

#[tokio::test]
async fn read_ahead_is_bounded_when_nobody_polls() {
    let (bytes, _) = long_wav();
    let total = bytes.len();
    let server = MediaServer::start();
    let uri = server.serve("/long", Media::new(bytes));
    let mut listener = Listener::open(request(uri));
    listener.opened().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut sent = 0;
    server.wait_until("begun", |log| {
        // What the kernel's buffers hold counts as sent.
        assert!(log.sent < 20 << 20, "{} of {total} bytes sent", log.sent);
        true
    });
    // Audio in hand: a second and a half, not five minutes.
    while let Polled::Audio(chunk) = listener.source.poll() {
        sent += CD.frames(chunk.samples.len());
        if sent > 3 * 44_100 {
            break;
        }
    }
    assert!(sent >= 44_100, "{sent} frames were ready");
}

#[tokio::test]
async fn a_seek_while_the_server_is_silent_goes_ahead_at_once() {
    let (bytes, _) = long_wav();
    let server = MediaServer::start();
    let uri = server.serve("/long", Media::new(bytes).stall_after(50_000));
    let mut listener = Listener::open(request(uri));
    listener.opened().await;
    while !matches!(listener.source.poll(), Polled::Pending) {}
    listener.source.seek(Duration::from_secs(150));
    assert_eq!(listener.sought().await, Duration::from_secs(150));
    assert_eq!(number_of(&listener.audio().await), 150 * 44_100);
}

#[tokio::test]
async fn a_seek_before_anything_has_come_is_remembered() {
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::fixture("sine.flac"));
    let mut listener = Listener::open(request(uri));
    listener.source.seek(Duration::from_millis(300));
    listener.source.seek(Duration::from_millis(900));
    listener.opened().await;
    assert_eq!(listener.sought().await, Duration::from_millis(900));
    assert_eq!(
        CD.frames(listener.rest().await.samples.len()),
        WHOLE - 39_690
    );
}

/// Whether a thread of that name is alive in this process.
fn thread_lives(name: &str) -> bool {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.into_iter().any(|found| found.trim() == name)
}

async fn check_letting_go(path: &str, media: Media, wait: impl AsyncFn(&mut Listener)) {
    let server = MediaServer::start();
    let uri = server.serve(path, media);
    let mut listener = Listener::open(request(uri));
    let name = format!("decode-{}", &path[1..]);
    wait(&mut listener).await;
    server.wait_until("asked", |log| log.requests.len() == 1);
    assert!(thread_lives(&name), "{name}");
    drop(listener);
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.wait_until("let go", |log| log.open == 0);
    assert!(!thread_lives(&name), "{name}");
}

#[tokio::test]
async fn dropping_a_source_ends_its_thread_and_its_connection() {
    let begun = async |listener: &mut Listener| {
        listener.opened().await;
    };
    let ended = async |listener: &mut Listener| {
        listener.rest().await;
    };
    // It waits for an answer, for the rest, for someone to poll, for a seek after the end.
    let soon = async |_: &mut Listener| tokio::time::sleep(Duration::from_millis(100)).await;
    check_letting_go("/answer", Media::silence(), soon).await;
    let stalled = Media::fixture("sine.wav").stall_after(60_000);
    check_letting_go("/rest", stalled, begun).await;
    check_letting_go("/poll", Media::new(long_wav().0), begun).await;
    check_letting_go("/seek", Media::fixture("sine.wav"), ended).await;
}

#[tokio::test]
async fn the_end_and_a_failure_repeat_themselves() {
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::fixture("u8.wav"));
    let mut listener = Listener::open(request(uri));
    listener.rest().await;
    assert!(matches!(listener.source.poll(), Polled::End));
    let mut listener = Listener::open(request(server.url("/missing")));
    listener.rest().await;
    listener.source.seek(Duration::ZERO);
    assert!(matches!(listener.source.poll(), Polled::Failed(_)));
}

#[tokio::test]
async fn the_duration_is_the_containers_or_else_the_senders() {
    let server = MediaServer::start();
    let said = Some(Duration::from_secs(7));
    for (name, expected) in [
        ("sine.flac", Some(Duration::from_millis(1500))),
        ("sine.mp3", Some(Duration::from_millis(1500))),
        ("sine.m4a", Some(Duration::from_millis(1500))),
        ("plain.mp3", said),
        ("sine.ogg", said),
        ("sine.aac", said),
    ] {
        let uri = server.serve(&format!("/{name}"), Media::fixture(name));
        let request = MediaRequest {
            duration: said,
            ..request(uri)
        };
        let info = Listener::open(request).opened().await;
        assert_eq!(info.duration, expected, "{name}");
    }
}

#[tokio::test]
async fn damaged_files_end_or_fail_but_never_hang_or_crash() {
    // A fixed sequence: a failure can be repeated.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize
    };
    for name in [
        "sine.flac",
        "sine.mp3",
        "sine.m4a",
        "alac.m4a",
        "sine.ogg",
        "sine.aac",
        "sine.aiff",
        "u8.wav",
    ] {
        for _ in 0..12 {
            let mut bytes = fixture(name);
            for _ in 0..20 {
                let within = if next() % 2 == 0 { bytes.len() } else { 200 };
                let at = next() % within;
                bytes[at] = next() as u8;
            }
            let server = MediaServer::start();
            let uri = server.serve("/damaged", Media::new(bytes));
            let mut listener = Listener::open(request(uri));
            listener.rest().await;
            listener
                .source
                .seek(Duration::from_millis(next() as u64 % 1500));
            while !matches!(listener.next().await, Polled::End | Polled::Failed(_)) {}
        }
    }
}

#[tokio::test]
async fn a_seek_that_interrupts_a_packet_still_lands_on_the_frame() {
    for name in [
        "sine.wav",
        "sine.flac",
        "sine.mp3",
        "sine.m4a",
        "alac.m4a",
        "sine.ogg",
    ] {
        let bytes = fixture(name);
        // In the middle of a packet, wherever they begin.
        let server = MediaServer::start();
        let uri = server.serve(
            "/song",
            Media::new(bytes.clone()).stall_after(bytes.len() * 2 / 3 + 7),
        );
        let mut listener = Listener::open(request(uri));
        listener.opened().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        while let Polled::Audio(_) = listener.source.poll() {}
        listener.source.seek(Duration::from_millis(700));
        listener.source.seek(Duration::from_millis(1000));
        tokio::time::sleep(Duration::from_millis(20)).await;
        server.release();
        assert_eq!(
            listener.sought().await,
            Duration::from_millis(1000),
            "{name}"
        );
        let heard = listener.rest().await;
        assert!(heard.failure.is_none(), "{name}: {:?}", heard.failure);
        assert_eq!(CD.frames(heard.samples.len()), WHOLE - 44_100, "{name}");
        let inner = &heard.samples[..heard.samples.len() - CD.samples(4096)];
        assert!(deviation(CD, inner, 44_100) < 0.02, "{name}");
    }
}
