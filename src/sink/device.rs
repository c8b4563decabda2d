//! A sound card of any system, through `rodio::cpal`.
//!
//! The device's own thread does four things and nothing else: take from the ring, fill the rest with silence, count, and
//! report what was heard when. It never allocates, locks, logs or decides; the ring and the reports are wait-free.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rodio::cpal;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{BufferSize, OutputCallbackInfo, SampleFormat, SizedSample, StreamConfig};
use rtrb::{Consumer, Producer, RingBuffer};

use super::{DeviceEntry, Heard, Sink, SinkError, SinkSpec, spec::DeviceSpec};
use crate::clock::Clock;

/// What the ring holds: the lane's thread may be late by this much. Samples in it cannot be taken back.
const RING: Duration = Duration::from_millis(50);
/// How often the ring is filled: a fifth of what the smallest holds.
const PACE: Duration = Duration::from_millis(10);
/// Frames the card is asked to take at a time.
const PERIOD: u32 = 480;
/// The rate asked for where the card has a choice: the zone's own.
const PREFERRED_RATE: u32 = 48_000;
/// Reports wait here until the lane takes them; when it is late, later ones are as good.
const REPORTS: usize = 16;

/// Lists the sound cards that can play.
///
/// # Errors
/// A sentence, when the system's sound interface does not answer.
pub fn devices() -> Result<Vec<DeviceEntry>, String> {
    let host = cpal::default_host();
    let default = host
        .default_output_device()
        .and_then(|device| device.id().ok());
    let devices = host.output_devices().map_err(|error| error.to_string())?;
    Ok(devices
        .filter_map(|device| {
            let id = device.id().ok()?;
            let description = device.description().ok();
            Some(DeviceEntry {
                default: default.as_ref() == Some(&id),
                description: description.map_or_else(
                    || id.to_string(),
                    |description| description.name().to_owned(),
                ),
                name: id.to_string(),
            })
        })
        .collect())
}

pub(super) fn open(
    spec: &DeviceSpec,
    clock: &Arc<dyn Clock>,
    buffer: Option<Duration>,
) -> Result<Box<dyn Sink>, SinkError> {
    let failed = |reason: String| SinkError::Open {
        sink: SinkSpec::Device(spec.clone()).to_string(),
        reason,
    };
    let device = find(spec).map_err(failed)?;
    let (config, format) = choose(&device).map_err(failed)?;
    let ring = buffer.unwrap_or_default().max(RING);
    let build = match format {
        SampleFormat::F32 => start::<f32>,
        SampleFormat::I16 => start::<i16>,
        SampleFormat::I32 => start::<i32>,
        SampleFormat::U16 => start::<u16>,
        SampleFormat::U8 => start::<u8>,
        other => return Err(failed(format!("it takes only samples of the kind {other}"))),
    };
    let name = SinkSpec::Device(spec.clone()).to_string();
    let card = build(&device, config, name, clock, ring).map_err(failed)?;
    Ok(Box::new(card))
}

fn find(spec: &DeviceSpec) -> Result<cpal::Device, String> {
    let host = cpal::default_host();
    let Some(wanted) = &spec.device else {
        return host
            .default_output_device()
            .ok_or_else(|| "this machine has no sound card".to_owned());
    };
    let mut devices = host.output_devices().map_err(|error| error.to_string())?;
    let matches = |device: &cpal::Device| {
        device.id().is_ok_and(|id| id.to_string() == *wanted)
            || device
                .description()
                .is_ok_and(|description| description.name() == wanted)
    };
    devices.find(matches).ok_or_else(|| {
        "there is no sound card of this name; `unisono outputs` lists those there are".to_owned()
    })
}

/// The card's configuration that needs least conversion: stereo float at 48 kHz, or what comes nearest.
fn choose(device: &cpal::Device) -> Result<(StreamConfig, SampleFormat), String> {
    let preference = |format: SampleFormat| match format {
        SampleFormat::F32 => 0,
        SampleFormat::I32 => 1,
        SampleFormat::I16 => 2,
        SampleFormat::U16 => 3,
        SampleFormat::U8 => 4,
        _ => 5,
    };
    let offered = device
        .supported_output_configs()
        .map_err(|error| error.to_string())?
        .filter(|range| range.channels() >= 1)
        .min_by_key(|range| {
            let has_rate =
                (range.min_sample_rate()..=range.max_sample_rate()).contains(&PREFERRED_RATE);
            (
                !has_rate,
                range.channels().abs_diff(2),
                preference(range.sample_format()),
            )
        });
    let chosen = match offered {
        Some(range) => {
            let rate = PREFERRED_RATE.clamp(range.min_sample_rate(), range.max_sample_rate());
            range.with_sample_rate(rate)
        }
        None => device
            .default_output_config()
            .map_err(|error| error.to_string())?,
    };
    let buffer_size = match chosen.buffer_size() {
        cpal::SupportedBufferSize::Range { min, max } if (*min..=*max).contains(&PERIOD) => {
            BufferSize::Fixed(PERIOD)
        }
        _ => BufferSize::Default,
    };
    let format = chosen.sample_format();
    let mut config: StreamConfig = chosen.into();
    config.buffer_size = buffer_size;
    Ok((config, format))
}

/// What the callback tells the lane besides reports.
#[derive(Debug, Default)]
struct Signals {
    gaps: AtomicU64,
    lost: AtomicBool,
    /// Nanoseconds between the callback and the ear, by the device's own word.
    latency: AtomicU64,
}

/// The device thread's end: it lives inside the callback.
struct Callback {
    ring: Consumer<f32>,
    reports: Producer<Heard>,
    signals: Arc<Signals>,
    clock: Arc<dyn Clock>,
    channels: usize,
    played: u64,
    dry: bool,
}

impl Callback {
    /// Take, fill, count, report.
    fn fill<T: SizedSample + cpal::FromSample<f32>>(&mut self, out: &mut [T], ahead: Duration) {
        let at = self.clock.now() + ahead;
        if self.played > 0 {
            // A full queue of reports means that the lane is late, not that this one matters.
            let _full = self.reports.push(Heard {
                frames: self.played as f64,
                at,
            });
        }
        self.signals
            .latency
            .store(ahead.as_nanos() as u64, Ordering::Relaxed);
        let mut missing = false;
        for frame in out.chunks_exact_mut(self.channels) {
            let mut stereo = [0.0f32; 2];
            if self.ring.slots() >= 2 {
                for sample in &mut stereo {
                    *sample = self.ring.pop().unwrap_or(0.0);
                }
                self.played += 1;
            } else {
                missing = true;
            }
            match frame {
                [mono] => *mono = T::from_sample((stereo[0] + stereo[1]) * 0.5),
                [left, right, rest @ ..] => {
                    *left = T::from_sample(stereo[0]);
                    *right = T::from_sample(stereo[1]);
                    rest.fill(T::EQUILIBRIUM);
                }
                [] => {}
            }
        }
        if missing && !self.dry && self.played > 0 {
            self.signals.gaps.fetch_add(1, Ordering::Relaxed);
        }
        self.dry = missing;
    }
}

/// The lane's end.
struct Card {
    // Dropped first: with it the callback ends.
    _stream: cpal::Stream,
    name: String,
    rate: u32,
    buffer: Duration,
    ring: Producer<f32>,
    reports: Consumer<Heard>,
    signals: Arc<Signals>,
}

fn start<T: SizedSample + cpal::FromSample<f32>>(
    device: &cpal::Device,
    config: StreamConfig,
    name: String,
    clock: &Arc<dyn Clock>,
    buffer: Duration,
) -> Result<Card, String> {
    let rate = config.sample_rate;
    let frames = (buffer.as_secs_f64() * f64::from(rate)) as usize;
    let (ring, samples) = RingBuffer::new(frames * 2);
    let (told, reports) = RingBuffer::new(REPORTS);
    let signals = Arc::new(Signals::default());
    let mut callback = Callback {
        ring: samples,
        reports: told,
        signals: signals.clone(),
        clock: clock.clone(),
        channels: usize::from(config.channels.max(1)),
        played: 0,
        dry: true,
    };
    let on_error = signals.clone();
    let stream = device
        .build_output_stream(
            config,
            move |out: &mut [T], info: &OutputCallbackInfo| {
                let timestamp = info.timestamp();
                let ahead = timestamp
                    .playback
                    .saturating_duration_since(timestamp.callback);
                callback.fill(out, ahead);
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
        buffer,
        ring,
        reports,
        signals,
    })
}

impl Sink for Card {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn writable(&mut self) -> Result<usize, SinkError> {
        if self.signals.lost.load(Ordering::Relaxed) {
            return Err(SinkError::Lost {
                sink: self.name.clone(),
                reason: "the sound card reported that it is gone".to_owned(),
            });
        }
        Ok(self.ring.slots() / 2)
    }

    fn write(&mut self, frames: &[f32]) -> Result<(), SinkError> {
        for &sample in frames {
            // The lane writes no more than `writable` said, so there is room.
            let _full = self.ring.push(sample);
        }
        Ok(())
    }

    fn heard(&mut self) -> Option<Heard> {
        self.reports.pop().ok()
    }

    fn rewind(&mut self, _frames: usize) -> usize {
        0
    }

    fn committed(&self) -> Duration {
        self.buffer + Duration::from_nanos(self.signals.latency.load(Ordering::Relaxed))
    }

    fn buffer(&self) -> Duration {
        self.buffer
    }

    fn pace(&self) -> Duration {
        PACE
    }

    fn gaps(&self) -> u64 {
        self.signals.gaps.load(Ordering::Relaxed)
    }
}
