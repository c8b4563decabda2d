//! Which card is meant, and how it is opened, through `rodio::cpal`.

use rodio::cpal;

use cpal::traits::DeviceTrait;
use cpal::{
    BufferSize, Device, SampleFormat, StreamConfig, SupportedBufferSize, SupportedStreamConfig,
    SupportedStreamConfigRange,
};

use super::CardEntry;

/// Frames the card is asked to take or give at a time.
pub(crate) const PERIOD: u32 = 480;
/// The rate asked for where the card has a choice: the zone's own.
const PREFERRED_RATE: u32 = 48_000;

/// The cards as data; `default` is the system's own.
pub(crate) fn entries(
    devices: impl Iterator<Item = Device>,
    default: Option<&Device>,
) -> Vec<CardEntry> {
    let default = default.and_then(|device| device.id().ok());
    let entry = |device: Device| {
        let id = device.id().ok()?;
        let description = device.description().ok();
        Some(CardEntry {
            default: default.as_ref() == Some(&id),
            description: description.map_or_else(
                || id.to_string(),
                |description| description.name().to_owned(),
            ),
            name: id.to_string(),
        })
    };
    devices.filter_map(entry).collect()
}

/// Whether the config's word for a card means this one.
pub(crate) fn is_called(device: &Device, wanted: &str) -> bool {
    device.id().is_ok_and(|id| id.to_string() == *wanted)
        || device
            .description()
            .is_ok_and(|description| description.name() == wanted)
}

/// The one of the configurations offered that needs least conversion: stereo float at 48 kHz, or what comes nearest. Where none is
/// offered, the card's default.
pub(crate) fn plainest(
    offered: impl Iterator<Item = SupportedStreamConfigRange>,
    default: impl FnOnce() -> Result<SupportedStreamConfig, cpal::Error>,
) -> Result<(StreamConfig, SampleFormat), String> {
    let preference = |format: SampleFormat| match format {
        SampleFormat::F32 => 0,
        SampleFormat::I32 => 1,
        SampleFormat::I16 => 2,
        SampleFormat::U16 => 3,
        SampleFormat::U8 => 4,
        _ => 5,
    };
    let plainest = offered
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
    let chosen = match plainest {
        Some(range) => {
            let rate = PREFERRED_RATE.clamp(range.min_sample_rate(), range.max_sample_rate());
            range.with_sample_rate(rate)
        }
        None => default().map_err(|error| error.to_string())?,
    };
    let buffer_size = match chosen.buffer_size() {
        SupportedBufferSize::Range { min, max } if min <= max => {
            BufferSize::Fixed(PERIOD.clamp(*min, *max))
        }
        _ => BufferSize::Default,
    };
    let format = chosen.sample_format();
    let mut config: StreamConfig = chosen.into();
    config.buffer_size = buffer_size;
    Ok((config, format))
}
