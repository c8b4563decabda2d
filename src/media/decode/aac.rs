//! AAC: what its configuration says, and the part of HE-AAC that a decoder of AAC-LC can play.
//!
//! HE-AAC is AAC-LC at half the rate, with a description of the upper half of the sound beside it (SBR), and with one of the right
//! channel (PS). What does not know these plays the rest of it in its own rate: at the right speed and pitch, duller.

/// The rates that have a number (ISO 14496-3, table 1.18).
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];
/// The kinds of AAC (ISO 14496-3, table 1.17).
const LOW_COMPLEXITY: u32 = 2;
const SBR: u32 = 5;
const PARAMETRIC_STEREO: u32 = 29;

/// The beginning of an AudioSpecificConfig (ISO 14496-3, 1.6.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Config {
    /// Of the AAC-LC in it.
    pub(super) rate: u32,
    /// By number (table 1.19); up to 6 it is how many channels there are.
    pub(super) channels: u8,
    /// Whether it says that there is more than AAC-LC.
    pub(super) is_high_efficiency: bool,
}

impl Config {
    /// Reads it. `None` if it is no AAC-LC in whatever wrapping, or is cut short.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut bits = Bits { bytes, at: 0 };
        let kind = bits.kind()?;
        let rate = bits.rate()?;
        let channels = u8::try_from(bits.take(4)?).ok()?;
        let is_high_efficiency = [SBR, PARAMETRIC_STEREO].contains(&kind);
        let core = if is_high_efficiency {
            bits.rate()?;
            bits.kind()?
        } else {
            kind
        };
        (core == LOW_COMPLEXITY).then_some(Self {
            rate,
            channels,
            is_high_efficiency,
        })
    }

    /// The same of the AAC-LC alone.
    pub(super) fn of_core(self) -> Vec<u8> {
        let index = RATES.iter().position(|rate| *rate == self.rate);
        let channels = u64::from(self.channels);
        // Kind, rate, channels, and three bits of which none is set.
        let (bits, length) = match index {
            Some(index) => (
                (u64::from(LOW_COMPLEXITY) << 11 | (index as u64) << 7 | channels << 3) << 48,
                2,
            ),
            None => {
                let rate = 0xf << 24 | u64::from(self.rate);
                (
                    (u64::from(LOW_COMPLEXITY) << 35 | rate << 7 | channels << 3) << 24,
                    5,
                )
            }
        };
        bits.to_be_bytes()[..length].to_vec()
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    fn kind(&mut self) -> Option<u32> {
        match self.take(5)? {
            31 => Some(32 + self.take(6)?),
            kind => Some(kind),
        }
    }

    fn rate(&mut self) -> Option<u32> {
        let rate = match self.take(4)? as usize {
            15 => self.take(24)?,
            index => *RATES.get(index)?,
        };
        (rate > 0).then_some(rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_read_and_its_core_written() {
        let check =
            |bytes: &[u8], rate: u32, channels: u8, is_high_efficiency: bool, core: &[u8]| {
                let config = Config::read(bytes).expect("a configuration");
                let expected = Config {
                    rate,
                    channels,
                    is_high_efficiency,
                };
                assert_eq!(config, expected, "{bytes:x?}");
                assert_eq!(config.of_core(), core, "{bytes:x?}");
            };
        check(&[0x12, 0x10], 44_100, 2, false, &[0x12, 0x10]);
        // SBR over 22.05 kHz, said at the beginning; and said behind the core, where it may be passed over.
        check(&[0x2b, 0x92, 0x08, 0x00], 22_050, 2, true, &[0x13, 0x90]);
        check(
            &[0x13, 0x90, 0x56, 0xe5, 0xa0],
            22_050,
            2,
            false,
            &[0x13, 0x90],
        );
        // Parametric stereo.
        check(&[0xeb, 0x8a, 0x08, 0x00], 22_050, 1, true, &[0x13, 0x88]);
        // A rate without a number.
        let odd = [0x17, 0x80, 0x51, 0x44, 0x10];
        check(&odd, 41_608, 2, false, &odd);
        assert_eq!(Config::read(&[0x12]), None);
        assert_eq!(Config::read(&[0x0a, 0x10]), None);
        assert_eq!(Config::read(&[0x17, 0x80, 0, 0, 0x10]), None);
    }
}
