//! Any arrangement of loudspeakers becomes left and right, by ITU-R BS.775. What a decoder calls its channels, it knows itself.

/// −3 dB, the level at which BS.775 (table 2) folds centre and surrounds into the front pair.
const FOLD: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// Where a channel is meant to be heard from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Speaker {
    /// In front.
    Left,
    /// In front.
    Right,
    /// In front; alone it is mono.
    Centre,
    /// Low frequency effects. BS.775 leaves it away.
    Bass,
    /// Beside, behind or above the listener, to the left.
    SurroundLeft,
    /// The same to the right.
    SurroundRight,
    /// Behind or above, in the middle.
    SurroundCentre,
    /// Between left and centre.
    LeftOfCentre,
    /// Between right and centre.
    RightOfCentre,
    /// No place that is known.
    Nowhere,
}

impl Speaker {
    /// How loud it is left and right.
    fn parts(self) -> [f32; 2] {
        match self {
            Self::Left => [1.0, 0.0],
            Self::Right => [0.0, 1.0],
            Self::Centre => [FOLD, FOLD],
            Self::SurroundLeft | Self::LeftOfCentre => [FOLD, 0.0],
            Self::SurroundRight | Self::RightOfCentre => [0.0, FOLD],
            Self::SurroundCentre => [0.5, 0.5],
            Self::Bass | Self::Nowhere => [0.0, 0.0],
        }
    }

    /// Where `channels` channels are meant to be heard from when nobody says: the order of WAVE.
    pub fn usual(channels: u16) -> Vec<Self> {
        use Speaker::{Bass, Centre, Left, Right, SurroundCentre, SurroundLeft, SurroundRight};
        let usual: &[Self] = match channels {
            1 => &[Centre],
            2 => &[Left, Right],
            3 => &[Left, Right, Centre],
            4 => &[Left, Right, SurroundLeft, SurroundRight],
            5 => &[Left, Right, Centre, SurroundLeft, SurroundRight],
            6 => &[Left, Right, Centre, Bass, SurroundLeft, SurroundRight],
            7 => &[
                Left,
                Right,
                Centre,
                Bass,
                SurroundCentre,
                SurroundLeft,
                SurroundRight,
            ],
            _ => &[
                Left,
                Right,
                Centre,
                Bass,
                SurroundLeft,
                SurroundRight,
                SurroundLeft,
                SurroundRight,
            ],
        };
        let rest = usize::from(channels).saturating_sub(usual.len());
        let rest = std::iter::repeat_n(Self::Nowhere, rest);
        usual.iter().copied().chain(rest).collect()
    }
}

/// Makes mono or stereo of frames whose channels have these places.
#[derive(Debug, Clone, PartialEq)]
pub struct Downmix {
    channels: usize,
    /// How loud each channel is left and right; `None` where nothing is to be done.
    parts: Option<Vec<[f32; 2]>>,
}

impl Downmix {
    /// Of channels with these places. The sum of all parts of a side is 1, so that full scale stays full scale.
    pub fn new(speakers: &[Speaker]) -> Self {
        let parts: Vec<[f32; 2]> = speakers.iter().map(|speaker| speaker.parts()).collect();
        let is_plain = speakers.len() == 1 || speakers == [Speaker::Left, Speaker::Right];
        let sum = |side: usize| parts.iter().map(|parts| parts[side]).sum::<f32>();
        let whole = sum(0).max(sum(1));
        let scaled = parts
            .iter()
            .map(|parts| parts.map(|part| part / whole))
            .collect();
        Self {
            channels: speakers.len(),
            // Channels that are nowhere, all of them, are better heard anywhere.
            parts: (!is_plain && whole > 0.0).then_some(scaled),
        }
    }

    /// How many channels there are afterwards.
    pub fn channels(&self) -> u16 {
        match self.channels {
            1 => 1,
            _ => 2,
        }
    }

    /// Mixes whole frames, in place.
    pub fn apply(&self, samples: &mut Vec<f32>) {
        let channels = self.channels;
        if channels <= 2 && self.parts.is_none() {
            return;
        }
        let frames = samples.len() / channels.max(1);
        for frame in 0..frames {
            let of = &samples[frame * channels..(frame + 1) * channels];
            let mixed = match &self.parts {
                Some(parts) => of
                    .iter()
                    .zip(parts)
                    .fold([0.0; 2], |mixed, (sample, parts)| {
                        [mixed[0] + sample * parts[0], mixed[1] + sample * parts[1]]
                    }),
                None => [of[0], of[1]],
            };
            samples[frame * 2..frame * 2 + 2].copy_from_slice(&mixed);
        }
        samples.truncate(frames * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixed(speakers: &[Speaker], frame: &[f32]) -> Vec<f32> {
        let mut samples = frame.repeat(3);
        Downmix::new(speakers).apply(&mut samples);
        let channels = usize::from(Downmix::new(speakers).channels());
        assert_eq!(samples.len(), 3 * channels);
        samples[channels..2 * channels].to_vec()
    }

    #[test]
    fn mono_and_stereo_stay_as_they_are() {
        assert_eq!(mixed(&Speaker::usual(1), &[0.5]), [0.5]);
        assert_eq!(mixed(&Speaker::usual(2), &[0.5, -0.25]), [0.5, -0.25]);
    }

    #[test]
    fn surround_keeps_its_sides_its_balance_and_its_full_scale() {
        let whole = 1.0 + 2.0 * FOLD;
        let near = |frame: &[f32], expected: [f32; 2]| {
            let mixed = mixed(&Speaker::usual(frame.len() as u16), frame);
            let off = (mixed[0] - expected[0]).abs() + (mixed[1] - expected[1]).abs();
            assert!(off < 1e-6, "{frame:?}: {mixed:?}");
        };
        near(&[1.0, 0.0, 0.0, 1.0, 0.0, 0.0], [1.0 / whole, 0.0]);
        near(&[0.0, 0.0, 1.0, 0.0, 0.0, 0.0], [FOLD / whole; 2]);
        near(&[0.0, 0.0, 0.0, 0.0, 0.0, 1.0], [0.0, FOLD / whole]);
        near(&[0.0, 0.0, 1.0, 0.0], [FOLD / (1.0 + FOLD), 0.0]);
        for channels in 3..=8 {
            near(&vec![1.0; channels], [1.0; 2]);
        }
        near(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], [0.0; 2]);
    }

    #[test]
    fn the_order_of_the_container_counts() {
        use Speaker::{Bass, Centre, Left, Right, SurroundCentre};
        assert_eq!(mixed(&[Centre, Left, Right], &[0.0, 1.0, 0.0])[1], 0.0);
        assert_eq!(mixed(&[Left, Right, Bass], &[0.5, 0.25, 1.0]), [0.5, 0.25]);
        assert_eq!(mixed(&[Right, Left], &[0.5, 0.25]), [0.25, 0.5]);
        let mono_surround = mixed(
            &[Left, Right, Centre, SurroundCentre],
            &[0.0, 0.0, 0.0, 1.0],
        );
        assert!((mono_surround[0] - 0.5 / (1.5 + FOLD)).abs() < 1e-6);
    }

    #[test]
    fn channels_that_are_nowhere_are_heard() {
        assert_eq!(
            mixed(&[Speaker::Nowhere; 4], &[0.5, 0.25, 1.0, 1.0]),
            [0.5, 0.25]
        );
    }
}
