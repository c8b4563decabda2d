//! A sound card of any system, through `rodio::cpal`.
//!
//! This is the lane's end: it finds and opens the card and keeps the ring filled. What runs on the card's own thread is
//! `callback`.

mod callback;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rodio::cpal;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{OutputCallbackInfo, SampleFormat, SizedSample, StreamConfig};
use rtrb::{Consumer, Producer, RingBuffer};

use callback::{Callback, Signals};

use super::{Heard, Sink, SinkError, SinkSpec, spec::DeviceSpec};
use crate::clock::Clock;
use crate::sound_card::{CardEntry, choice};

/// What the ring holds beyond what the card takes at a time: the lane's thread may be late by this much. Samples in the
/// ring cannot be taken back.
const SPARE: Duration = Duration::from_millis(40);
/// The most that the ring can hold; only cards that take nearly as much at a time need it.
const LARGEST_RING: Duration = Duration::from_millis(400);
/// The most that it is kept filled with because it has run dry: a halt of all rooms waits for it.
const LARGEST_WANTED: Duration = Duration::from_millis(250);
/// How often the ring is filled: a quarter of what is spare.
const PACE: Duration = Duration::from_millis(10);
/// Reports wait here until the lane takes them; when it is late, later ones are as good.
const REPORTS: usize = 16;

/// Lists the sound cards that can play.
///
/// # Errors
/// A sentence, when the system's sound interface does not answer.
pub fn devices() -> Result<Vec<CardEntry>, String> {
    let host = cpal::default_host();
    let default = host.default_output_device();
    let devices = host.output_devices().map_err(|error| error.to_string())?;
    Ok(choice::entries(devices, default.as_ref()))
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
    let build = match format {
        SampleFormat::F32 => start::<f32>,
        SampleFormat::I16 => start::<i16>,
        SampleFormat::I32 => start::<i32>,
        SampleFormat::U16 => start::<u16>,
        SampleFormat::U8 => start::<u8>,
        other => return Err(failed(format!("it takes only samples of the kind {other}"))),
    };
    let name = SinkSpec::Device(spec.clone()).to_string();
    let card = build(&device, config, name, clock, buffer.unwrap_or_default()).map_err(failed)?;
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
    let matches = |device: &cpal::Device| choice::is_called(device, wanted);
    devices.find(matches).ok_or_else(|| {
        "there is no sound card of this name; `unisono outputs` lists those there are".to_owned()
    })
}

fn choose(device: &cpal::Device) -> Result<(StreamConfig, SampleFormat), String> {
    let offered = device
        .supported_output_configs()
        .map_err(|error| error.to_string())?;
    choice::plainest(offered, || device.default_output_config())
}

/// The lane's end.
struct Card {
    // Dropped first: with it the callback ends.
    _stream: cpal::Stream,
    name: String,
    rate: u32,
    /// How many frames it has been found to need in the ring.
    wanted: usize,
    ring: Producer<f32>,
    reports: Consumer<Heard>,
    signals: Arc<Signals>,
}

/// How many frames the ring of a card is kept filled with, which takes `period` frames at a time.
fn kept_filled(period: usize, rate: u32) -> usize {
    let spare = SPARE.as_secs_f64() * f64::from(rate);
    (period + spare as usize).min(capacity(rate))
}

/// How many frames the ring can hold.
fn capacity(rate: u32) -> usize {
    (LARGEST_RING.as_secs_f64() * f64::from(rate)) as usize
}

fn start<T: SizedSample + cpal::FromSample<f32>>(
    device: &cpal::Device,
    config: StreamConfig,
    name: String,
    clock: &Arc<dyn Clock>,
    buffer: Duration,
) -> Result<Card, String> {
    let rate = config.sample_rate;
    let (ring, samples) = RingBuffer::new(capacity(rate) * 2);
    let (told, reports) = RingBuffer::new(REPORTS);
    let signals = Arc::new(Signals::default());
    let channels = usize::from(config.channels);
    let mut callback = Callback::new(samples, told, signals.clone(), clock.clone(), channels);
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
    // A card that does not say is known by what it takes.
    let period = stream.buffer_size().unwrap_or(choice::PERIOD) as usize;
    signals.period.fetch_max(period, Ordering::Relaxed);
    stream.play().map_err(|error| error.to_string())?;
    Ok(Card {
        _stream: stream,
        name,
        rate,
        wanted: (buffer.min(LARGEST_WANTED).as_secs_f64() * f64::from(rate)) as usize,
        ring,
        reports,
        signals,
    })
}

impl Card {
    fn kept_filled(&self) -> usize {
        kept_filled(self.signals.period.load(Ordering::Relaxed), self.rate)
            .max(self.wanted)
            .min(capacity(self.rate))
    }
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
        let filled = capacity(self.rate) - self.ring.slots() / 2;
        Ok(self.kept_filled().saturating_sub(filled))
    }

    fn write(&mut self, frames: &[f32]) -> Result<(), SinkError> {
        // The lane writes no more than `writable` said, so there is room.
        let _full = self.ring.push_partial_slice(frames);
        Ok(())
    }

    fn heard(&mut self) -> Option<Heard> {
        self.reports.pop().ok()
    }

    fn rewind(&mut self, _frames: usize) -> usize {
        0
    }

    fn committed(&self) -> Duration {
        let latency = self.signals.latency.load(Ordering::Relaxed);
        self.buffer() + Duration::from_nanos(latency)
    }

    fn buffer(&self) -> Duration {
        Duration::from_secs_f64(self.kept_filled() as f64 / f64::from(self.rate))
    }

    fn pace(&self) -> Duration {
        PACE
    }

    fn gaps(&self) -> u64 {
        self.signals.gaps.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_holds_what_a_card_takes_at_a_time_and_more() {
        for rate in [44_100, 48_000, 192_000] {
            for period in [64, 480, 2_400, 4_096, 8_192] {
                let spare = kept_filled(period, rate) - period;
                let wanted = SPARE.as_secs_f64() * f64::from(rate);
                assert_eq!(spare, wanted as usize, "{period} at {rate}");
            }
            assert_eq!(kept_filled(1_000_000, rate), capacity(rate));
        }
        assert_eq!(kept_filled(choice::PERIOD as usize, 48_000), 2_400);
    }
}
