//! ReplayGain and R128: how much louder or softer a recording is to be played so that all are equally loud.
//! Where the measurements stand in a file is not this module's business.

use super::gain::db_gain;

/// What the loudness of recordings is made equal by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ReplayGain {
    /// Nothing: each plays as it was made.
    #[default]
    Off,
    /// Every track is as loud as every other.
    Track,
    /// Every album is as loud as every other, and its tracks keep what they are to each other.
    Album,
}

/// How loud something was measured to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// What makes it as loud as it is to be, in decibels.
    pub gain_db: f32,
    /// Its highest sample, full scale being 1, if that was measured.
    pub peak: Option<f32>,
}

/// What is known of a track's loudness.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Loudness {
    /// Of the track by itself.
    pub track: Option<Measured>,
    /// Of the album that it is from.
    pub album: Option<Measured>,
}

/// No measurement says more than this: what is beyond is damaged. It is the range of the original proposal's ID3 frame.
const LARGEST_DB: f32 = 51.0;

impl ReplayGain {
    /// Every one, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Off, Self::Track, Self::Album];

    /// Its name in the config.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Track => "track",
            Self::Album => "album",
        }
    }

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// The factor of the samples of a recording. It never takes its peak beyond full scale: where the peak is not known, nothing is made
    /// louder than it is. Of track and album the one that is not known is taken to be the other.
    pub fn factor(self, loudness: &Loudness) -> f32 {
        let measured = match self {
            Self::Off => None,
            Self::Track => loudness.track.or(loudness.album),
            Self::Album => loudness.album.or(loudness.track),
        };
        let Some(Measured { gain_db, peak }) = measured else {
            return 1.0;
        };
        if !(-LARGEST_DB..=LARGEST_DB).contains(&gain_db) {
            return 1.0;
        }
        let peak = peak.filter(|peak| peak.is_finite() && *peak > 0.0);
        let loudest = peak.map_or(1.0, |peak| 1.0 / peak);
        db_gain(gain_db).min(loudest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gain_is_that_of_the_mode_and_never_clips() {
        let measured = |gain_db: f32, peak: Option<f32>| Some(Measured { gain_db, peak });
        let check = |mode: ReplayGain, track, album, expected_db: f32| {
            let factor = mode.factor(&Loudness { track, album });
            let db = 20.0 * factor.log10();
            assert!(
                (db - expected_db).abs() < 1e-3,
                "{mode:?} {track:?} {album:?}: {db}"
            );
        };
        let (loud, soft) = (measured(-8.0, Some(1.0)), measured(-3.0, Some(0.9)));
        check(ReplayGain::Off, loud, soft, 0.0);
        check(ReplayGain::Track, loud, soft, -8.0);
        check(ReplayGain::Album, loud, soft, -3.0);
        check(ReplayGain::Album, loud, None, -8.0);
        check(ReplayGain::Track, None, soft, -3.0);
        check(ReplayGain::Track, None, None, 0.0);
        // Half of full scale has 6.02 dB to spare.
        check(ReplayGain::Track, measured(9.0, Some(0.5)), None, 6.0206);
        check(ReplayGain::Track, measured(4.0, Some(0.5)), None, 4.0);
        check(ReplayGain::Track, measured(4.0, None), None, 0.0);
        check(ReplayGain::Track, measured(0.0, Some(1.25)), None, -1.9382);
        check(ReplayGain::Track, measured(f32::NAN, None), None, 0.0);
        check(ReplayGain::Track, measured(900.0, Some(1e-6)), None, 0.0);
        check(ReplayGain::Track, measured(-6.0, Some(0.0)), None, -6.0);
    }

    #[test]
    fn each_mode_has_a_name() {
        for mode in ReplayGain::ALL {
            assert_eq!(ReplayGain::from_name(mode.name()), Some(mode));
        }
        assert_eq!(ReplayGain::from_name("loud"), None);
    }
}
