//! What Symphonia calls the channels of a stream, in the words of the sums.

use symphonia::core::audio::{ChannelLabel, Channels, Position};

use crate::audio::Speaker;

/// Where each channel is meant to be heard from, in their order.
pub(super) fn speakers(channels: &Channels) -> Vec<Speaker> {
    match channels {
        // The first few places in a row are what Symphonia names where the file names none.
        Channels::Positioned(positions) if (positions.bits() + 1).is_power_of_two() => {
            Speaker::usual(positions.bits().count_ones() as u16)
        }
        // The channels of one set come in the order of their places.
        Channels::Positioned(positions) => positions.iter().map(speaker).collect(),
        Channels::Custom(labels) => labels
            .iter()
            .map(|label| match label {
                ChannelLabel::Positioned(position) => speaker(*position),
                _ => Speaker::Nowhere,
            })
            .collect(),
        other => Speaker::usual(u16::try_from(other.count()).unwrap_or(u16::MAX)),
    }
}

fn speaker(position: Position) -> Speaker {
    match position {
        Position::FRONT_LEFT | Position::FRONT_LEFT_WIDE => Speaker::Left,
        Position::FRONT_RIGHT | Position::FRONT_RIGHT_WIDE => Speaker::Right,
        Position::FRONT_CENTER => Speaker::Centre,
        Position::LFE1 | Position::LFE2 => Speaker::Bass,
        Position::FRONT_LEFT_CENTER => Speaker::LeftOfCentre,
        Position::FRONT_RIGHT_CENTER => Speaker::RightOfCentre,
        Position::REAR_LEFT
        | Position::SIDE_LEFT
        | Position::TOP_FRONT_LEFT
        | Position::TOP_REAR_LEFT
        | Position::TOP_SIDE_LEFT
        | Position::BOTTOM_FRONT_LEFT => Speaker::SurroundLeft,
        Position::REAR_RIGHT
        | Position::SIDE_RIGHT
        | Position::TOP_FRONT_RIGHT
        | Position::TOP_REAR_RIGHT
        | Position::TOP_SIDE_RIGHT
        | Position::BOTTOM_FRONT_RIGHT => Speaker::SurroundRight,
        Position::REAR_CENTER
        | Position::TOP_CENTER
        | Position::TOP_FRONT_CENTER
        | Position::TOP_REAR_CENTER
        | Position::BOTTOM_FRONT_CENTER => Speaker::SurroundCentre,
        _ => Speaker::Nowhere,
    }
}
