//! What tags say of a track's loudness, in the words of whoever wrote them: ReplayGain of all taggers, R128 of Opus, and iTunes' Sound Check.
//! Tags are pairs of texts here; where they come from is the business of others.

use crate::audio::{Loudness, Measured};

/// R128 of Opus is about −23 LUFS, ReplayGain about −18 (RFC 7845, section 5.2.1; ReplayGain 2.0).
const ABOVE_R128_DB: f32 = 5.0;

/// Collects what is said.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Said {
    track: Heard,
    album: Heard,
    /// By iTunes, which measures more roughly: it counts where nobody else says anything.
    sound_check: Option<Measured>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Heard {
    gain_db: Option<f32>,
    peak: Option<f32>,
}

impl Heard {
    fn measured(self) -> Option<Measured> {
        Some(Measured {
            gain_db: self.gain_db?,
            peak: self.peak,
        })
    }
}

impl Said {
    /// Takes note of a tag, if it is about loudness: `REPLAYGAIN_TRACK_GAIN`, `replayGainTrackGain`, `R128_ALBUM_GAIN`, whatever stands
    /// before it. What has been said first counts.
    pub(crate) fn note(&mut self, name: &str, value: &str) {
        // A short name that may have something before it: nothing else is looked at twice.
        let name = name.rsplit(':').next().unwrap_or_default();
        if name.len() > 32 {
            return;
        }
        let plain = name
            .bytes()
            .filter(u8::is_ascii_alphanumeric)
            .map(|byte| byte.to_ascii_lowercase())
            .collect::<Vec<u8>>();
        let number = || leading_number(value);
        let (place, value) = match plain.as_slice() {
            b"replaygaintrackgain" => (&mut self.track.gain_db, number()),
            b"replaygaintrackpeak" => (&mut self.track.peak, number()),
            b"replaygainalbumgain" => (&mut self.album.gain_db, number()),
            b"replaygainalbumpeak" => (&mut self.album.peak, number()),
            b"r128trackgain" => (&mut self.track.gain_db, r128(value)),
            b"r128albumgain" => (&mut self.album.gain_db, r128(value)),
            b"itunnorm" => {
                self.sound_check = self.sound_check.or_else(|| sound_check(value));
                return;
            }
            _ => return,
        };
        if place.is_none() {
            *place = value;
        }
    }

    /// All of it.
    pub(crate) fn loudness(self) -> Loudness {
        Loudness {
            track: self.track.measured().or(self.sound_check),
            album: self.album.measured(),
        }
    }
}

/// The number that a text such as `-7,89 dB` begins with.
fn leading_number(text: &str) -> Option<f32> {
    let text = text.trim();
    let is_part = |c: char| c.is_ascii_digit() || "+-.,".contains(c);
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    text[..end].replace(',', ".").parse().ok()
}

/// Whole 256ths of a decibel, about R128's level.
fn r128(text: &str) -> Option<f32> {
    let steps: i16 = text.trim().parse().ok()?;
    Some(f32::from(steps) / 256.0 + ABOVE_R128_DB)
}

/// Ten numbers in hexadecimal: the first two are how loud left and right are, in thousandths of what ReplayGain makes everything, as powers;
/// the seventh and the eighth are the peaks, of 16 bits.
fn sound_check(text: &str) -> Option<Measured> {
    let numbers: Vec<u32> = text
        .split_ascii_whitespace()
        .map(|number| u32::from_str_radix(number, 16).ok())
        .collect::<Option<_>>()?;
    let louder = |at: usize| Some(*numbers.get(at)?.max(numbers.get(at + 1)?));
    let power = louder(0).filter(|power| *power > 0)?;
    let peak = louder(6).filter(|peak| *peak > 0);
    Some(Measured {
        gain_db: -10.0 * (power as f32 / 1000.0).log10(),
        peak: peak.map(|peak| peak as f32 / 32_768.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(tags: &[(&str, &str)]) -> Loudness {
        let mut said = Said::default();
        for (name, value) in tags {
            said.note(name, value);
        }
        said.loudness()
    }

    #[test]
    fn every_tagger_is_understood() {
        let of = |gain_db: f32, peak: Option<f32>| Some(Measured { gain_db, peak });
        let check = |tags: &[(&str, &str)], track, album| {
            assert_eq!(said(tags), Loudness { track, album }, "{tags:?}");
        };
        check(
            &[
                ("REPLAYGAIN_TRACK_GAIN", "-7.89 dB"),
                ("REPLAYGAIN_TRACK_PEAK", "0.98765"),
                ("REPLAYGAIN_ALBUM_GAIN", "+1.5"),
            ],
            of(-7.89, Some(0.98765)),
            of(1.5, None),
        );
        check(
            &[("replaygain_track_gain", " -3,5 dB ")],
            of(-3.5, None),
            None,
        );
        check(
            &[("com.apple.iTunes:replaygain_album_gain", "2 dB")],
            None,
            of(2.0, None),
        );
        check(&[("rg:replayGainTrackGain", "-1")], of(-1.0, None), None);
        check(&[("R128_TRACK_GAIN", "-1280")], of(0.0, None), None);
        check(&[("R128_ALBUM_GAIN", "256")], None, of(6.0, None));
        check(&[("R128_ALBUM_GAIN", "99999")], None, None);
        check(&[("REPLAYGAIN_TRACK_PEAK", "1")], None, None);
        check(&[("REPLAYGAIN_TRACK_GAIN", "loud")], None, None);
        check(&[("TITLE", "-3 dB")], None, None);
        let norm = " 00000FA0 000007D0 00001234 00000234 00000000 00000000 00002000 00004000 0 0";
        let by_itunes = of(-10.0 * 4.0_f32.log10(), Some(0.5));
        check(&[("com.apple.iTunes:iTunNORM", norm)], by_itunes, None);
        check(
            &[("iTunNORM", norm), ("REPLAYGAIN_TRACK_GAIN", "-1")],
            of(-1.0, None),
            None,
        );
        check(&[("iTunNORM", "0 0 0 0")], None, None);
        check(&[("iTunNORM", "-6 dB")], None, None);
        check(
            &[
                ("replaygain_track_gain", "-1"),
                ("replaygain_track_gain", "-2"),
            ],
            of(-1.0, None),
            None,
        );
    }
}
