//! What a sound card of any system takes in, through `rodio::cpal`.
//!
//! This is the reader's end: it finds and opens the card and empties the ring. What runs on the card's own thread is `callback`.

mod callback;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rodio::cpal;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{InputCallbackInfo, SampleFormat, SizedSample, StreamConfig};
use rtrb::{Consumer, RingBuffer};

use callback::{Callback, Signals};

use super::{Capture, CaptureError, CaptureSpec, DeviceInput};
use crate::audio::Heard;
use crate::clock::Clock;
use crate::sound_card::{CardEntry, choice};

/// What the ring holds: the reading thread may be late by this much.
const RING: Duration = Duration::from_millis(400);
/// How often the ring is emptied.
const PACE: Duration = Duration::from_millis(10);
/// Reports wait here until they are read; when the reader is late, later ones are as good.
const REPORTS: usize = 16;

/// Lists the sound cards that take something in.
///
/// # Errors
/// A sentence, when the system's sound interface does not answer.
pub fn devices() -> Result<Vec<CardEntry>, String> {
    let host = cpal::default_host();
    let default = host.default_input_device();
    let devices = host.input_devices().map_err(|error| error.to_string())?;
    Ok(choice::entries(devices, default.as_ref()))
}

pub(super) fn open(
    spec: &DeviceInput,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Capture>, CaptureError> {
    let input = CaptureSpec::Device(spec.clone()).to_string();
    let opened = find(spec).and_then(|device| {
        let (config, format) = choose(&device)?;
        let build = match format {
            SampleFormat::F32 => start::<f32>,
            SampleFormat::I16 => start::<i16>,
            SampleFormat::I32 => start::<i32>,
            SampleFormat::U16 => start::<u16>,
            SampleFormat::U8 => start::<u8>,
            other => return Err(format!("it gives only samples of the kind {other}")),
        };
        build(&device, config, input.clone(), clock)
    });
    match opened {
        Ok(card) => Ok(Box::new(card)),
        Err(reason) => Err(CaptureError::Open { input, reason }),
    }
}

fn find(spec: &DeviceInput) -> Result<cpal::Device, String> {
    let host = cpal::default_host();
    let Some(wanted) = &spec.device else {
        return host
            .default_input_device()
            .ok_or_else(|| "this machine has no sound card that takes anything in".to_owned());
    };
    let mut devices = host.input_devices().map_err(|error| error.to_string())?;
    let matches = |device: &cpal::Device| choice::is_called(device, wanted);
    devices.find(matches).ok_or_else(|| {
        "there is no sound card of this name that takes anything in; `unisono outputs` lists those there are".to_owned()
    })
}

fn choose(device: &cpal::Device) -> Result<(StreamConfig, SampleFormat), String> {
    let offered = device
        .supported_input_configs()
        .map_err(|error| error.to_string())?;
    choice::plainest(offered, || device.default_input_config())
}

/// The reader's end.
struct Card {
    // Dropped first: with it the callback ends.
    _stream: cpal::Stream,
    name: String,
    rate: u32,
    ring: Consumer<f32>,
    reports: Consumer<Heard>,
    signals: Arc<Signals>,
}

fn start<T>(
    device: &cpal::Device,
    config: StreamConfig,
    name: String,
    clock: &Arc<dyn Clock>,
) -> Result<Card, String>
where
    T: SizedSample,
    f32: cpal::FromSample<T>,
{
    let rate = config.sample_rate;
    let frames = (RING.as_secs_f64() * f64::from(rate)) as usize;
    let (samples, ring) = RingBuffer::new(frames * 2);
    let (told, reports) = RingBuffer::new(REPORTS);
    let signals = Arc::new(Signals::default());
    let channels = usize::from(config.channels);
    let mut callback = Callback::new(samples, told, signals.clone(), clock.clone(), channels);
    let on_error = signals.clone();
    let stream = device
        .build_input_stream(
            config,
            move |input: &[T], info: &InputCallbackInfo| {
                let timestamp = info.timestamp();
                let ago = timestamp
                    .callback
                    .saturating_duration_since(timestamp.capture);
                callback.take(input, ago);
            },
            move |error: cpal::Error| match error.kind() {
                cpal::ErrorKind::Xrun => {
                    on_error.gaps.fetch_add(1, Ordering::Relaxed);
                }
                cpal::ErrorKind::RealtimeDenied | cpal::ErrorKind::DeviceChanged => {}
                _ => on_error.lost.store(true, Ordering::Relaxed),
            },
            None,
        )
        .map_err(|error| error.to_string())?;
    stream.play().map_err(|error| error.to_string())?;
    Ok(Card {
        _stream: stream,
        name,
        rate,
        ring,
        reports,
        signals,
    })
}

impl Capture for Card {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn read(&mut self, frames: &mut Vec<f32>) -> Result<usize, CaptureError> {
        if self.signals.lost.load(Ordering::Relaxed) {
            return Err(CaptureError::Lost {
                input: self.name.clone(),
                reason: "the sound card reported that it is gone".to_owned(),
            });
        }
        // Samples are put in one by one: the second of a frame may be on its way.
        let there = self.ring.slots() / 2;
        if let Ok(chunk) = self.ring.read_chunk(there * 2) {
            frames.extend(chunk);
        }
        Ok(there)
    }

    fn heard(&mut self) -> Option<Heard> {
        self.reports.pop().ok()
    }

    fn pace(&self) -> Duration {
        PACE
    }

    fn gaps(&self) -> u64 {
        self.signals.gaps.load(Ordering::Relaxed)
    }
}
