//! A zone's volumes: the master and one for each side of its stereo, and what they come to.
//! How outputs follow is their lanes' matter.

use super::state::ZoneState;
use crate::audio::volume_gain;
use crate::playback::SideGain;

/// The loudest a volume can be set to; the quietest is 0.
pub const LOUDEST: u8 = 100;

/// Which of a zone's volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// That of the whole zone.
    Master,
    /// That of the stream's left, on whichever speakers it is heard.
    Left,
    /// That of the stream's right.
    Right,
}

/// One of a zone's volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// 0 to 100.
    pub volume: u8,
    /// Whether nothing is heard of it; apart from the volume.
    pub muted: bool,
}

impl Default for Level {
    /// As it comes.
    fn default() -> Self {
        Self {
            volume: LOUDEST,
            muted: false,
        }
    }
}

impl ZoneState {
    /// The volume and mute of a channel.
    pub fn level(&self, channel: Channel) -> Level {
        match channel {
            Channel::Master => Level {
                volume: self.volume,
                muted: self.muted,
            },
            Channel::Left => self.left,
            Channel::Right => self.right,
        }
    }

    /// Sets the volume of a channel; more than the most is the most.
    pub(super) fn set_volume(&mut self, channel: Channel, volume: u8) {
        let place = match channel {
            Channel::Master => &mut self.volume,
            Channel::Left => &mut self.left.volume,
            Channel::Right => &mut self.right.volume,
        };
        *place = volume.min(LOUDEST);
    }

    pub(super) fn set_muted(&mut self, channel: Channel, muted: bool) {
        let place = match channel {
            Channel::Master => &mut self.muted,
            Channel::Left => &mut self.left.muted,
            Channel::Right => &mut self.right.muted,
        };
        *place = muted;
    }

    /// What the volumes come to on the stream's left and right: the decibels of master and side add up.
    pub(super) fn gains(&self) -> [SideGain; 2] {
        [self.left, self.right].map(|side| SideGain {
            factor: volume_gain(self.volume) * volume_gain(side.volume),
            muted: self.muted || side.muted,
        })
    }
}
