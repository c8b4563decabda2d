//! Which part of the stereo stream an output plays.

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

    /// Maps interleaved stereo frames in place.
    pub fn apply(self, frames: &mut [f32]) {
        for frame in frames.chunks_exact_mut(2) {
            let [left, right] = [frame[0], frame[1]];
            let mapped = match self {
                Self::Stereo => [left, right],
                Self::Left => [left, left],
                Self::Right => [right, right],
                Self::Mono => [(left + right) * 0.5; 2],
                Self::Swap => [right, left],
            };
            frame.copy_from_slice(&mapped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_map_puts_the_right_channel_in_the_right_place() {
        let check = |map: ChannelMap, expected: [f32; 2]| {
            let mut frame = [0.25, 0.75];
            map.apply(&mut frame);
            assert_eq!(frame, expected, "{}", map.name());
        };
        check(ChannelMap::Stereo, [0.25, 0.75]);
        check(ChannelMap::Left, [0.25, 0.25]);
        check(ChannelMap::Right, [0.75, 0.75]);
        check(ChannelMap::Mono, [0.5, 0.5]);
        check(ChannelMap::Swap, [0.75, 0.25]);
    }
}
