//! Mono and stereo of any rate become the zone's, once, in the feeder: stereo at the zone's rate.
//! It does not bend rates; that is the lanes' matter.
//!
//! The converter carries its filter across chunks and tracks of the same rate, so that a seam between two files that
//! hold one recording stays a seam in the file and not in the sound; between two rates one filter goes over into the other. It gives out
//! exactly as many frames as the input of each rate lasts, rounded to a frame.

mod seam;

use rubato::{SincInterpolationParameters, WindowFunction};

use super::format::StreamFormat;
use super::sinc::Sinc;
use seam::Seam;

const STEREO: usize = 2;
/// A rate above this has more than 20 kHz of sound in it.
const HEARD_WHOLE: u32 = 42_000;
/// Filter length in frames of the lower rate, where that is above [`HEARD_WHOLE`]: the transition lies around Nyquist, from
/// 20 kHz to what folds back onto 20 kHz, and nobody hears what is left of images and aliases there.
const SHORT: usize = 96;
/// Filter length in frames of the lower rate where everything would be heard: the transition ends at Nyquist.
const LONG: usize = 256;
/// Above this many phases a table of its own for each would cost more memory than it is worth.
const MOST_PHASES: u32 = 1280;
/// Input frames that are kept for the seam that may come: what lies under a filter at eight times the rate of the output.
const RECENT: usize = 1024;

/// Converts chunks to stereo at one rate.
pub struct Converter {
    output_rate: u32,
    track: Option<Track>,
    /// What has come of a track of another rate, and is too little yet for the seam.
    follower: Option<Follower>,
}

/// Phases between which the filter is interpolated when it cannot have one for each output frame.
const PHASES: u32 = 1024;

/// What plays: frames of one rate, of one file or of several.
struct Track {
    rate: u32,
    /// `None`: they are of the output's rate, and stay as they are.
    stage: Option<Stage>,
    taken: u64,
    given: u64,
    /// The last frames taken, for the seam that may come.
    recent: Vec<f32>,
}

struct Follower {
    rate: u32,
    frames: Vec<f32>,
}

/// The state for one input rate.
struct Stage {
    sinc: Sinc,
    /// Input frames per output frame.
    step: f64,
}

impl std::fmt::Debug for Converter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Converter")
            .field("output_rate", &self.output_rate)
            .field("input_rate", &self.track.as_ref().map(|track| track.rate))
            .finish()
    }
}

impl Converter {
    /// A converter to stereo at `output_rate`.
    pub fn new(output_rate: u32) -> Self {
        Self {
            output_rate,
            track: None,
            follower: None,
        }
    }

    /// Converts `samples` of `format`, mono or stereo, and appends the frames that are ready to `output`. Between two rates the sound goes
    /// over as if there were one.
    pub fn push(&mut self, format: StreamFormat, samples: &[f32], output: &mut Vec<f32>) {
        if ![1, 2].contains(&format.channels) || format.rate == 0 {
            return;
        }
        let mut stereo = Vec::with_capacity(format.frames(samples.len()) * STEREO);
        spread_to_stereo(format.channels, samples, &mut stereo);
        if let Some(follower) = &mut self.follower {
            if follower.rate == format.rate {
                follower.frames.extend(stereo);
                self.join(false, output);
                return;
            }
            // A track of some milliseconds: what can be made of the seam is made.
            self.join(true, output);
        }
        match &mut self.track {
            Some(track) if track.rate == format.rate => {
                track.take(&stereo, output);
            }
            Some(_) => {
                self.follower = Some(Follower {
                    rate: format.rate,
                    frames: stereo,
                });
                self.join(false, output);
            }
            track @ None => track
                .insert(Track::new(format.rate, self.output_rate))
                .take(&stereo, output),
        }
    }

    /// Goes over to the follower when enough of it is there, or at once.
    fn join(&mut self, at_once: bool, output: &mut Vec<f32>) {
        let (Some(track), Some(follower)) = (&mut self.track, &self.follower) else {
            return;
        };
        let future = track.stage.as_ref().map_or(0, Stage::half);
        let needed = future as f64 * f64::from(follower.rate) / f64::from(track.rate);
        if !at_once && (follower.frames.len() / STEREO) as f64 <= needed {
            return;
        }
        let mut next = Track::new(follower.rate, self.output_rate);
        let seam = Seam {
            before: &track.recent,
            before_rate: track.rate,
            behind: &follower.frames,
            behind_rate: follower.rate,
        };
        let future = seam.future(future);
        if let Some(stage) = &mut next.stage {
            stage.begin_behind(&seam.past(stage.half()));
        }
        track.end(&future, self.output_rate, output);
        next.take(&follower.frames, output);
        self.track = Some(next);
        self.follower = None;
    }

    /// Brings out what the filter still holds; the next chunk starts anew.
    pub fn finish(&mut self, output: &mut Vec<f32>) {
        self.join(true, output);
        if let Some(mut track) = self.track.take() {
            track.end(&[], self.output_rate, output);
        }
    }

    /// How many frames of output the filter still holds, of the input it was given so far.
    pub fn held(&self) -> u64 {
        let of_track = |track: &Track| track.due(self.output_rate) - track.given;
        let of_follower = |follower: &Follower| {
            let frames = (follower.frames.len() / STEREO) as u64;
            due(frames, follower.rate, self.output_rate)
        };
        self.track.as_ref().map_or(0, of_track) + self.follower.as_ref().map_or(0, of_follower)
    }

    /// Drops what the filter still holds: after a seek.
    pub fn reset(&mut self) {
        self.track = None;
        self.follower = None;
    }
}

impl Track {
    fn new(rate: u32, output_rate: u32) -> Self {
        Self {
            rate,
            stage: (rate != output_rate).then(|| Stage::new(rate, output_rate)),
            taken: 0,
            given: 0,
            recent: Vec::new(),
        }
    }

    /// Output frames that the input so far amounts to.
    fn due(&self, output_rate: u32) -> u64 {
        due(self.taken, self.rate, output_rate)
    }

    /// Takes in `stereo` and appends what is ready.
    fn take(&mut self, stereo: &[f32], output: &mut Vec<f32>) {
        self.taken += (stereo.len() / STEREO) as u64;
        match &mut self.stage {
            Some(stage) => {
                stage.sinc.put(stereo);
                let ready = stage.sinc.ready(stage.step);
                self.given += ready as u64;
                stage.give(ready, output);
            }
            None => {
                self.given = self.taken;
                output.extend_from_slice(stereo);
            }
        }
        let last = stereo.len().saturating_sub(RECENT * STEREO);
        self.recent.extend_from_slice(&stereo[last..]);
        let surplus = self.recent.len().saturating_sub(RECENT * STEREO);
        self.recent.drain(..surplus);
    }

    /// Appends all that is due, if `future` and then silence follow.
    fn end(&mut self, future: &[f32], output_rate: u32, output: &mut Vec<f32>) {
        let frames = self.due(output_rate).saturating_sub(self.given) as usize;
        if let Some(stage) = &mut self.stage {
            stage.sinc.put(future);
            let missing = stage.sinc.wanted(frames, stage.step);
            stage.sinc.put(&vec![0.0; missing * STEREO]);
            stage.give(frames, output);
        }
        self.given += frames as u64;
    }
}

impl Stage {
    fn new(input_rate: u32, output_rate: u32) -> Self {
        let phases = Self::phases(input_rate, output_rate);
        let filter = filter(input_rate, output_rate).oversampling_factor(phases as usize);
        let step = step(input_rate, output_rate);
        Self {
            sinc: Sinc::new(&filter, 1.0 / step, 0),
            step,
        }
    }

    /// Input frames on either side of an output frame that have a part in it.
    fn half(&self) -> usize {
        self.sinc.length() / 2
    }

    /// The first frame comes behind these.
    fn begin_behind(&mut self, past: &[f32]) {
        self.sinc.begin((past.len() / STEREO) as f64);
        self.sinc.put(past);
    }

    /// Appends the next `frames` to `output`.
    fn give(&mut self, frames: usize, output: &mut Vec<f32>) {
        let before = output.len();
        output.resize(before + frames * STEREO, 0.0);
        self.sinc.read(&mut output[before..], self.step);
    }

    /// Between common rates every output frame falls exactly on one of the table's phases.
    fn phases(input_rate: u32, output_rate: u32) -> u32 {
        let exact = output_rate / gcd(input_rate, output_rate);
        if exact <= MOST_PHASES { exact } else { PHASES }
    }
}

/// Input frames per output frame.
fn step(input_rate: u32, output_rate: u32) -> f64 {
    f64::from(input_rate) / f64::from(output_rate)
}

/// Output frames that so many input frames amount to.
fn due(frames: u64, input_rate: u32, output_rate: u32) -> u64 {
    (frames as f64 / step(input_rate, output_rate)).round() as u64
}

/// The filter between two rates. Its length is in input frames, a multiple of 8.
fn filter(input_rate: u32, output_rate: u32) -> SincInterpolationParameters {
    let lower = input_rate.min(output_rate);
    let scaled = |length: usize| {
        let frames = length as u64 * u64::from(input_rate) / u64::from(lower);
        (frames as usize).next_multiple_of(8)
    };
    if lower > HEARD_WHOLE {
        SincInterpolationParameters::new(scaled(SHORT), WindowFunction::BlackmanHarris)
            .f_cutoff(1.0)
    } else {
        SincInterpolationParameters::new(scaled(LONG), WindowFunction::Blackman2)
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Appends `samples` of `channels`, one or two, to `output` as stereo.
fn spread_to_stereo(channels: u16, samples: &[f32], output: &mut Vec<f32>) {
    match channels {
        1 => output.extend(samples.iter().flat_map(|&sample| [sample, sample])),
        _ => output.extend_from_slice(samples),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(rate: u32, frames: usize, from: usize) -> Vec<f32> {
        (from..from + frames)
            .flat_map(|n| {
                let value = (n as f64 * 1000.0 * std::f64::consts::TAU / f64::from(rate)).sin();
                [value as f32, value as f32]
            })
            .collect()
    }

    /// The largest difference from a 1 kHz sine that starts with the first frame, away from the ends.
    fn worst_against_sine(output: &[f32], rate: u32) -> f32 {
        let ideal = sine(rate, output.len() / 2, 0);
        let inner = 4000..output.len() - 4000;
        output[inner.clone()]
            .iter()
            .zip(&ideal[inner])
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max)
    }

    #[test]
    fn a_stream_comes_out_in_full_length_and_in_place() {
        for rate in [
            8000, 22_050, 32_000, 44_100, 88_200, 96_000, 192_000, 44_056,
        ] {
            let format = StreamFormat { rate, channels: 2 };
            let (mut converter, mut output) = (Converter::new(48_000), Vec::new());
            let input = sine(rate, rate as usize / 2, 0);
            for chunk in input.chunks(2 * 1153) {
                converter.push(format, chunk, &mut output);
            }
            converter.finish(&mut output);
            assert_eq!(output.len() / 2, 24_000, "{rate}");
            let worst = worst_against_sine(&output, 48_000);
            // 44 056 Hz has no table of its own: its frames land between points, a thousandth of a frame off.
            let allowed = if rate == 44_056 { 1e-3 } else { 2e-5 };
            assert!(worst < allowed, "{rate}: {worst}");
        }
    }

    #[test]
    fn two_halves_of_one_recording_join_without_a_seam() {
        let format = StreamFormat {
            rate: 44_100,
            channels: 2,
        };
        let (mut converter, mut output) = (Converter::new(48_000), Vec::new());
        converter.push(format, &sine(44_100, 10_001, 0), &mut output);
        converter.push(format, &sine(44_100, 34_099, 10_001), &mut output);
        converter.finish(&mut output);
        assert_eq!(output.len() / 2, 48_000);
        assert!(worst_against_sine(&output, 48_000) < 2e-5);
    }

    #[test]
    fn a_change_of_rate_is_not_heard() {
        // In milliseconds of sine: rates, each for a whole number of frames.
        for rates in [
            [32_000, 96_000, 48_000],
            [48_000, 32_000, 192_000],
            [96_000, 48_000, 64_000],
            [48_000, 8_000, 48_000],
        ] {
            let (mut converter, mut output) = (Converter::new(48_000), Vec::new());
            for (number, rate) in rates.into_iter().enumerate() {
                let format = StreamFormat { rate, channels: 2 };
                // A quarter of a turn beyond whole ones, where the sine is loudest.
                let frames = rate as usize / 2 + rate as usize / 4000;
                let samples = sine(rate, frames, number * frames);
                for chunk in samples.chunks(2 * 1153) {
                    converter.push(format, chunk, &mut output);
                    let expected = 24_012.0 * number as f64;
                    assert!(output.len() as f64 / 2.0 + converter.held() as f64 > expected);
                }
            }
            converter.finish(&mut output);
            assert_eq!(output.len() / 2, 72_036, "{rates:?}");
            let worst = worst_against_sine(&output, 48_000);
            assert!(worst < 1e-3, "{rates:?}: {worst}");
        }
    }

    #[test]
    fn tracks_shorter_than_the_filter_lose_no_frame() {
        let (mut converter, mut output) = (Converter::new(48_000), Vec::new());
        for (rate, frames) in [
            (44_100, 147),
            (96_000, 4),
            (48_000, 3),
            (8_000, 1),
            (48_000, 10),
        ] {
            let format = StreamFormat { rate, channels: 2 };
            converter.push(format, &sine(rate, frames, 0), &mut output);
        }
        assert_eq!(
            output.len() as u64 / 2 + converter.held(),
            160 + 2 + 3 + 6 + 10
        );
        converter.finish(&mut output);
        assert_eq!(output.len() / 2, 160 + 2 + 3 + 6 + 10);
    }

    #[test]
    fn a_change_of_rate_loses_no_frame() {
        let (mut converter, mut output) = (Converter::new(48_000), Vec::new());
        let cd = StreamFormat {
            rate: 44_100,
            channels: 2,
        };
        converter.push(cd, &sine(44_100, 44_100, 0), &mut output);
        converter.push(StreamFormat::STANDARD, &sine(48_000, 480, 0), &mut output);
        converter.push(cd, &sine(44_100, 44_100, 0), &mut output);
        converter.finish(&mut output);
        assert_eq!(output.len() / 2, 48_000 + 480 + 48_000);
    }
}
