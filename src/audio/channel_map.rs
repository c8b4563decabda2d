//! Which part of the stereo stream an output plays.

use super::mix::Mix;

/// What an output's two channels carry. Sinks are stereo; a mono sink is given the left one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ChannelMap {
    /// Left on left, right on right.
    #[default]
    Stereo,
    /// The left channel on both.
    Left,
    /// The right channel on both.
    Right,
    /// The mean of left and right on both.
    Mono,
    /// Left on right, right on left.
    Swap,
}

impl ChannelMap {
    /// Every map, in the order of the documentation.
    pub const ALL: [Self; 5] = [
        Self::Stereo,
        Self::Left,
        Self::Right,
        Self::Mono,
        Self::Swap,
    ];

    /// Its name in the config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stereo => "stereo",
            Self::Left => "left",
            Self::Right => "right",
            Self::Mono => "mono",
            Self::Swap => "swap",
        }
    }

    /// Its factors.
    pub fn mix(self) -> Mix {
        let [left, right, mean] = [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]];
        let mix = |left, right| Mix { left, right };
        match self {
            Self::Stereo => mix(left, right),
            Self::Left => mix(left, left),
            Self::Right => mix(right, right),
            Self::Mono => mix(mean, mean),
            Self::Swap => mix(right, left),
        }
    }

    /// The map of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|map| map.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::MixRamp;

    #[test]
    fn each_map_puts_the_right_channel_in_the_right_place() {
        let check = |map: ChannelMap, expected: [f32; 2]| {
            let mut ramp = MixRamp::new(48_000);
            ramp.jump(map.mix());
            let mut frame = [0.25, 0.75];
            ramp.apply(&mut frame, map.mix());
            assert_eq!(frame, expected, "{}", map.name());
            assert_eq!(ChannelMap::from_name(map.name()), Some(map));
        };
        check(ChannelMap::Stereo, [0.25, 0.75]);
        check(ChannelMap::Left, [0.25, 0.25]);
        check(ChannelMap::Right, [0.75, 0.75]);
        check(ChannelMap::Mono, [0.5, 0.5]);
        check(ChannelMap::Swap, [0.75, 0.25]);
    }
}
