//! A URI becomes decoded audio. What the tests of it share.

#![expect(
    clippy::unwrap_used,
    reason = "a test that unwraps in vain has failed, in its helpers too"
)]

mod conduct;
mod cut_short;
mod formats;
mod gapless;
mod high_efficiency;
mod hls;
mod loudness;
mod matrix;
mod playlists;
mod radio;
mod resume;
mod seeking;
mod servers;
mod six_hours;
mod start;

use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::timeout;
use unisono::audio::StreamFormat;
use unisono::media::{self, MediaError, MediaInfo, MediaRequest, Network, Polled, Source};

use super::support::log::Log;
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
    /// With the number of samples before each.
    titles: Vec<(usize, String)>,
    failure: Option<MediaError>,
}

impl Listener {
    fn open(request: MediaRequest) -> Self {
        Self::on(&Network::new(Handle::current(), Vec::new()), request)
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
        self.until(usize::MAX).await
    }

    /// The same, but no more than it takes to have this many samples.
    async fn until(&mut self, samples: usize) -> Heard {
        let mut heard = Heard::default();
        while heard.samples.len() < samples {
            match self.next().await {
                Polled::Opened(info) => heard.info = Some(info),
                Polled::Audio(chunk) => {
                    heard.format = Some(chunk.format);
                    assert!(!chunk.samples.is_empty());
                    heard.samples.extend(chunk.samples);
                }
                Polled::Title(title) => heard.titles.push((heard.samples.len(), title)),
                Polled::End => return heard,
                Polled::Failed(error) => {
                    heard.failure = Some(error);
                    return heard;
                }
                other => panic!("unasked: {other:?}"),
            }
        }
        heard
    }
}

/// Lets so much time pass at once for the tasks, though not for the threads.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
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

/// Five minutes of a staircase, each frame of which tells its number: larger than anything that is kept of it.
fn long_wav() -> (Vec<u8>, usize) {
    let frames = 300 * 44_100;
    (stairs(0, frames), frames)
}

/// A WAV file of the staircase from one frame to another.
fn stairs(first: usize, end: usize) -> Vec<u8> {
    let mut bytes = fixture("sine.wav");
    let data = bytes.windows(4).position(|tag| tag == b"data").unwrap() + 4;
    bytes.truncate(data);
    bytes.extend(((end - first) as u32 * 4).to_le_bytes());
    for frame in first as u32..end as u32 {
        bytes.extend(frame.to_le_bytes());
    }
    bytes
}

/// Asserts that these are frames of the staircase from `first` on, none missing and none twice.
#[track_caller]
fn assert_stairs(samples: &[f32], first: usize) {
    for (number, frame) in samples.chunks_exact(2).enumerate() {
        assert_eq!(number_of(frame) as usize, first + number);
    }
}

fn number_of(frame: &[f32]) -> u32 {
    let of = |sample: f32| u32::from((sample * 32_768.0).round() as i16 as u16);
    of(frame[0]) | of(frame[1]) << 16
}
