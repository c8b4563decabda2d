//! What a person sets of an output, also while it plays. How a lane follows a change is the lane's matter.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering::Relaxed};

use crate::audio::{ChannelMap, db_gain, volume_gain};

/// How late a speaker can be, in ms. Bluetooth and Wi-Fi speakers are known up to about 2 s. Below zero: it is heard too
/// early, because its sound server overstates its latency.
pub const LATE_MS: RangeInclusive<f64> = -5000.0..=5000.0;
/// Outputs of one zone may differ in lateness by so much, in ms: a lane holds that much of the stream, and more.
pub const LARGEST_SPREAD_MS: f64 = 5000.0;
/// Beyond this a trim is a mistake, in dB: below it an output is silent, above it clips.
pub const TRIM_DB: RangeInclusive<f64> = -60.0..=12.0;
/// The loudest an output can be set to.
pub const FULL_VOLUME: u8 = 100;

/// How an output is to sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutputSettings {
    /// By how many seconds the speaker behind the sink is late; it is fed that much earlier.
    pub late_seconds: f64,
    /// What it plays of the stereo stream.
    pub channels: ChannelMap,
    /// A lasting correction of its loudness, in dB.
    pub trim_db: f32,
    /// Its own volume, 0 to 100, on the same curve as the zone's.
    pub volume: u8,
    /// Whether the zone's volume counts too: then the decibels of both add up. Otherwise it has its own alone.
    pub volume_sync: bool,
    /// Whether it is silent, whatever the zone plays.
    pub muted: bool,
}

impl Default for OutputSettings {
    /// Everything as it comes.
    fn default() -> Self {
        Self {
            late_seconds: 0.0,
            channels: ChannelMap::Stereo,
            trim_db: 0.0,
            volume: FULL_VOLUME,
            volume_sync: true,
            muted: false,
        }
    }
}

impl OutputSettings {
    /// The output's own part of its gain.
    pub(super) fn gain(&self) -> f32 {
        if self.muted {
            0.0
        } else {
            db_gain(self.trim_db) * volume_gain(self.volume)
        }
    }
}

const SYNC: u32 = 1 << 8;
const MUTED: u32 = 1 << 9;
const CHANNELS: u32 = 16;

/// Settings that others write and a lane reads, without a lock. Each of the three words is whole by itself; a lane may see a
/// lateness one step before the trim that was set with it.
#[derive(Debug)]
pub(super) struct SharedSettings {
    late_nanos: AtomicI64,
    trim: AtomicU32,
    /// Volume in the lowest byte, flags above it, then the place of the channel map among all.
    rest: AtomicU32,
}

impl SharedSettings {
    pub(super) fn new(settings: OutputSettings) -> Self {
        let shared = Self {
            late_nanos: AtomicI64::new(0),
            trim: AtomicU32::new(0),
            rest: AtomicU32::new(0),
        };
        shared.store(settings);
        shared
    }

    pub(super) fn store(&self, settings: OutputSettings) {
        let place = ChannelMap::ALL
            .iter()
            .position(|map| *map == settings.channels);
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        let rest = u32::from(settings.volume)
            | flag(settings.volume_sync, SYNC)
            | flag(settings.muted, MUTED)
            | (place.unwrap_or(0) as u32) << CHANNELS;
        self.late_nanos
            .store((settings.late_seconds * 1e9).round() as i64, Relaxed);
        self.trim.store(settings.trim_db.to_bits(), Relaxed);
        self.rest.store(rest, Relaxed);
    }

    pub(super) fn load(&self) -> OutputSettings {
        let rest = self.rest.load(Relaxed);
        let place = (rest >> CHANNELS) as usize;
        OutputSettings {
            late_seconds: self.late_nanos.load(Relaxed) as f64 * 1e-9,
            channels: ChannelMap::ALL.get(place).copied().unwrap_or_default(),
            trim_db: f32::from_bits(self.trim.load(Relaxed)),
            volume: (rest & 0xff) as u8,
            volume_sync: rest & SYNC != 0,
            muted: rest & MUTED != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_what_is_read() {
        let shared = SharedSettings::new(OutputSettings::default());
        assert_eq!(shared.load(), OutputSettings::default());
        for (channels, flag) in ChannelMap::ALL.into_iter().zip([true, false].repeat(3)) {
            let settings = OutputSettings {
                late_seconds: -0.25,
                channels,
                trim_db: -3.5,
                volume: 37,
                volume_sync: flag,
                muted: !flag,
            };
            shared.store(settings);
            assert_eq!(shared.load(), settings);
        }
    }

    #[test]
    fn the_parts_of_a_gain_multiply() {
        let settings = OutputSettings {
            trim_db: -6.0,
            volume: 50,
            ..OutputSettings::default()
        };
        assert!((20.0 * settings.gain().log10() + 26.0).abs() < 1e-4);
        let muted = OutputSettings {
            muted: true,
            ..settings
        };
        assert_eq!(muted.gain(), 0.0);
    }
}
