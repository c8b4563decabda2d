//! What was heard: a recording of one output, cut into stretches of sound, and questions to ask of them.
//! And songs made to answer such questions. Everything is 48 kHz stereo.

use std::f64::consts::{PI, TAU};
use std::path::Path;

/// Frames per second.
pub const RATE: usize = 48_000;
/// The pitch of [`tone`], left and right: no two periods of it fall on the same samples, and a frame that is missing shows.
pub const PITCH: [f64; 2] = [997.0, 1499.0];
/// The pitch of the fixtures, left and right.
pub const FIXTURE_PITCH: [f64; 2] = [440.0, 660.0];
/// The amplitude of [`tone`] and of the fixtures.
pub const LEVEL: f64 = 0.5;
/// Below this it is silence: what codecs and a resampler's ringing leave.
const SILENCE: f32 = 0.01;
/// Silence that is shorter than this belongs to the sound around it. Longer than both sides of [`tone`] together are near
/// zero at the lowest level in use, and shorter than a fade to nothing and back, by which a seek shows.
const REST: usize = 10;
/// What is louder than silence for so short a time, so close to a sound, is a peak of its fade: one that is just loud enough stands
/// alone, half a turn of a low [`tone`] from the next.
const PEAK: usize = 48;
/// The right side of [`ruler`] rises from this…
const RULER_START: f64 = 0.25;
/// …by this much.
const RULER_RISE: f64 = 0.5;

/// A sine on each side, as a WAV file.
pub fn tone(seconds: f64) -> Vec<u8> {
    wav(seconds, |frame, _| {
        PITCH.map(|pitch| sine(pitch, frame as f64))
    })
}

/// A sine on the left, and on the right a straight line that says how far into the song it is, as a WAV file.
pub fn ruler(seconds: f64) -> Vec<u8> {
    wav(seconds, |frame, frames| {
        let way = frame as f64 / frames as f64;
        [sine(PITCH[0], frame as f64), RULER_START + RULER_RISE * way]
    })
}

fn sine(pitch: f64, frame: f64) -> f64 {
    LEVEL * (TAU * pitch * frame / RATE as f64).sin()
}

/// A WAV file in 32-bit floats.
fn wav(seconds: f64, of_frame: impl Fn(usize, usize) -> [f64; 2]) -> Vec<u8> {
    let frames = (seconds * RATE as f64) as usize;
    let data = (frames * 8) as u32;
    let rate = RATE as u32;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + data).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x03\0\x02\0");
    bytes.extend(rate.to_le_bytes());
    bytes.extend((rate * 8).to_le_bytes());
    bytes.extend(b"\x08\0\x20\0data");
    bytes.extend(data.to_le_bytes());
    for frame in 0..frames {
        for sample in of_frame(frame, frames) {
            bytes.extend((sample as f32).to_le_bytes());
        }
    }
    bytes
}

/// All that an output played.
#[derive(Debug, Clone)]
pub struct Recording {
    sides: [Vec<f32>; 2],
}

impl Recording {
    /// The file of a `wav` output after the program's end. Its header must say exactly what the file holds.
    pub fn of_wav(path: &Path) -> Self {
        let bytes = read(path);
        let number = |at: usize| {
            let bytes = bytes[at..at + 4].try_into().expect("four bytes");
            u32::from_le_bytes(bytes) as usize
        };
        assert_eq!(&bytes[..4], b"RIFF", "{path:?}");
        assert_eq!(&bytes[8..16], b"WAVEfmt ", "{path:?}");
        // IEEE float, two channels.
        assert_eq!(&bytes[20..24], b"\x03\0\x02\0", "{path:?}");
        assert_eq!(number(24), RATE, "{path:?}");
        assert_eq!(&bytes[36..40], b"data", "{path:?}");
        assert_eq!(number(4), bytes.len() - 8, "the size of {path:?}");
        assert_eq!(number(40), bytes.len() - 44, "the music in {path:?}");
        Self::of_floats(&bytes[44..])
    }

    /// A file of bare 32-bit floats.
    #[cfg(feature = "pulse")]
    pub fn of_raw(path: &Path) -> Self {
        Self::of_floats(&read(path))
    }

    fn of_floats(bytes: &[u8]) -> Self {
        let side = |side: usize| {
            let frames = bytes.chunks_exact(8);
            let sample = |frame: &[u8]| {
                let bytes = frame[side * 4..][..4].try_into();
                f32::from_le_bytes(bytes.expect("four bytes"))
            };
            frames.map(sample).collect()
        };
        Self {
            sides: [side(0), side(1)],
        }
    }

    /// The stretches of sound between silences.
    pub fn sounds(&self) -> Vec<Sound> {
        let loud = |frame: &usize| {
            let side = |side: &Vec<f32>| side[*frame].abs() > SILENCE;
            self.sides.iter().any(side)
        };
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for frame in (0..self.sides[0].len()).filter(loud) {
            match spans.last_mut() {
                Some((_, end)) if frame < *end + REST => *end = frame + 1,
                _ => spans.push((frame, frame + 1)),
            }
        }
        spans.dedup_by(|(start, end), (before, until)| {
            let is_peak = (*end - *start).min(*until - *before) < PEAK;
            let is_one = is_peak && *start < *until + PEAK;
            if is_one {
                *until = *end;
            }
            is_one
        });
        let sound = |(start, end): (usize, usize)| Sound {
            start,
            sides: [0, 1].map(|side: usize| self.sides[side][start..end].to_vec()),
        };
        spans.into_iter().map(sound).collect()
    }

    /// The longest stretch of sound.
    pub fn longest_sound(&self) -> Sound {
        let longest = self.sounds().into_iter().max_by_key(Sound::frames);
        longest.expect("no sound at all")
    }

    /// The only stretch of sound there is.
    #[track_caller]
    pub fn only_sound(&self) -> Sound {
        let mut sounds = self.sounds();
        let spans: Vec<_> = sounds.iter().map(Sound::span).collect();
        assert_eq!(spans.len(), 1, "stretches of sound: {spans:?}");
        sounds.remove(0)
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A stretch of sound.
#[derive(Debug, Clone)]
pub struct Sound {
    start: usize,
    sides: [Vec<f32>; 2],
}

impl Sound {
    /// How long it is, in frames.
    pub fn frames(&self) -> usize {
        self.sides[0].len()
    }

    /// Where in the recording it is.
    pub fn span(&self) -> (usize, usize) {
        (self.start, self.start + self.frames())
    }

    /// How long it is, in seconds.
    pub fn seconds(&self) -> f64 {
        self.frames() as f64 / RATE as f64
    }

    /// A part of it: seconds from its start.
    pub fn between(&self, from: f64, to: f64) -> Self {
        let frame = |seconds: f64| ((seconds * RATE as f64) as usize).min(self.frames());
        Self {
            start: self.start + frame(from),
            sides: [0, 1].map(|side: usize| self.sides[side][frame(from)..frame(to)].to_vec()),
        }
    }

    /// It without so many seconds at each end.
    pub fn inner(&self, edge: f64) -> Self {
        self.between(edge, (self.seconds() - edge).max(edge))
    }

    /// The largest sample.
    pub fn peak(&self) -> f32 {
        let samples = self.sides.iter().flatten();
        samples.fold(0.0, |most, sample| most.max(sample.abs()))
    }

    /// The largest sample of one side.
    pub fn peak_of(&self, side: usize) -> f32 {
        let samples = self.sides[side].iter();
        samples.fold(0.0, |most, sample| most.max(sample.abs()))
    }

    /// Asserts that this side is this tone at this amplitude and nothing else, within 5 % of it (what
    /// lossy codecs may do to it), all the way.
    #[track_caller]
    pub fn assert_tone(&self, side: usize, pitch: f64, level: f64) {
        let piece = RATE / 20;
        assert!(self.frames() >= piece, "too short: {:?}", self.span());
        for (index, samples) in self.sides[side].chunks_exact(piece).enumerate() {
            let (of_tone, of_all) = (amplitude(samples, pitch), effective(samples));
            let right = |value: f64| (value / level - 1.0).abs() < 0.05;
            assert!(
                right(of_tone) && right(of_all),
                "side {side}, {} ms into {:?}: {of_tone:.4} of {pitch} Hz, {of_all:.4} in all; expected {level:.4}",
                index * 50,
                self.span(),
            );
        }
    }

    /// Asserts that both sides are their tones at this amplitude.
    #[track_caller]
    pub fn assert_tones(&self, pitch: [f64; 2], level: f64) {
        self.assert_tone(0, pitch[0], level);
        self.assert_tone(1, pitch[1], level);
    }

    /// Asserts that the sine of this pitch has no frame too few or too many: each sample follows from the two before it.
    /// A rate bent by a thousandth does not show in that.
    #[track_caller]
    pub fn assert_unbroken(&self, side: usize, pitch: f64) {
        let samples = &self.sides[side];
        let turn = TAU * pitch / RATE as f64;
        let amplitude = samples.iter().fold(0.0f32, |most, x| most.max(x.abs()));
        // A frame too few is noticed least at the peak, where the next one is lower by turn²/2; two windows see it.
        let limit = f64::from(amplitude) * turn * turn / 6.0;
        let off = samples.windows(3).position(|x| {
            let [a, b, c] = [x[0], x[1], x[2]].map(f64::from);
            (a + c - 2.0 * turn.cos() * b).abs() > limit
        });
        assert_eq!(
            off.map(|frame| frame as f64 / RATE as f64),
            None,
            "side {side} of {:?} breaks so many seconds into it",
            self.span()
        );
    }

    /// The frame of the [`ruler`] song of `seconds` that is heard at this frame of the sound, at full volume.
    pub fn ruled(&self, seconds: f64, frame: usize) -> f64 {
        let way = (f64::from(self.sides[1][frame]) - RULER_START) / RULER_RISE;
        way * seconds * RATE as f64
    }

    /// Of the [`ruler`] song: the frame that is heard first, as what follows the fade shows.
    pub fn ruled_start(&self, seconds: f64) -> f64 {
        let after_fade = 1000;
        self.ruled(seconds, after_fade) - after_fade as f64
    }

    /// Of the [`ruler`] song: the frame after the last, as what precedes a fade of `fade` frames shows.
    pub fn ruled_end(&self, seconds: f64, fade: usize) -> f64 {
        let before_fade = self.frames() - fade - 60;
        self.ruled(seconds, before_fade) + 60.0
    }
}

/// How much of this pitch there is, through a Hann window so that neighbouring pitches do not count.
fn amplitude(samples: &[f32], pitch: f64) -> f64 {
    let (mut real, mut imaginary, mut weight) = (0.0, 0.0, 0.0);
    for (index, sample) in samples.iter().enumerate() {
        let window = (PI * index as f64 / samples.len() as f64).sin().powi(2);
        let angle = TAU * pitch * index as f64 / RATE as f64;
        real += window * f64::from(*sample) * angle.cos();
        imaginary += window * f64::from(*sample) * angle.sin();
        weight += window;
    }
    2.0 * f64::hypot(real, imaginary) / weight
}

/// The amplitude of a sine with the power of all there is.
fn effective(samples: &[f32]) -> f64 {
    let squares: f64 = samples.iter().map(|x| f64::from(*x).powi(2)).sum();
    (2.0 * squares / samples.len() as f64).sqrt()
}
