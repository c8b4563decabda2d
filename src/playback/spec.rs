//! What an output is: its far end, how it is to sound, and what was learnt of it earlier.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::settings::OutputSettings;
use crate::sink::SinkSpec;

/// Faster or slower than this no crystal is: a stored value beyond it is damaged.
const CLOCK_PPM: RangeInclusive<f64> = -1000.0..=1000.0;
/// The largest buffer that is learnt: a machine that is held up for longer needs another cure.
pub(super) const LARGEST_BUFFER: Duration = Duration::from_millis(400);

/// One output: a far end, and how it is to be fed.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputSpec {
    /// The user's name for it, unique.
    pub name: String,
    /// Its far end.
    pub sink: SinkSpec,
    /// How it is to sound at first.
    pub settings: OutputSettings,
    /// What an earlier start of the program has learnt of the device.
    pub learnt: Learnt,
    /// Whether its sink is opened when the program starts and stays so: for what may have to be heard at any moment.
    pub kept_open: bool,
}

impl OutputSpec {
    /// An output on which everything sounds as it comes, and of which nothing is known.
    pub fn plain(name: &str, sink: SinkSpec) -> Self {
        Self {
            name: name.to_owned(),
            sink,
            settings: OutputSettings::default(),
            learnt: Learnt::default(),
            kept_open: false,
        }
    }
}

/// What is learnt of a device by playing on it, and worth keeping for the next start.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Learnt {
    /// How fast its crystal is, in parts per million.
    pub clock_ppm: Option<f64>,
    /// How much has to be written ahead so that it does not run dry on this machine. `None`: the usual.
    pub buffer: Option<Duration>,
}

impl Learnt {
    /// The same without what cannot be true.
    #[must_use]
    pub fn plausible(self) -> Self {
        Self {
            clock_ppm: self.clock_ppm.filter(|ppm| CLOCK_PPM.contains(ppm)),
            buffer: self.buffer.filter(|buffer| *buffer <= LARGEST_BUFFER),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_true_is_not_believed() {
        let check = |ppm: f64, millis: u64, expected: (bool, bool)| {
            let learnt = Learnt {
                clock_ppm: Some(ppm),
                buffer: Some(Duration::from_millis(millis)),
            };
            let kept = learnt.plausible();
            assert_eq!((kept.clock_ppm.is_some(), kept.buffer.is_some()), expected);
        };
        check(-480.0, 180, (true, true));
        check(f64::NAN, 180, (false, true));
        check(f64::INFINITY, 0, (false, true));
        check(2e4, 90_000, (false, false));
    }
}
