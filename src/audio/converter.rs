//! Mono and stereo of any rate become the zone's, once, in the feeder: stereo at the zone's rate.
//! It does not bend rates; that is the lanes' matter.
//!
//! The converter carries its filter across chunks and tracks of the same rate, so that a seam between two files that
//! hold one recording stays a seam in the file and not in the sound. It gives out exactly as many frames as the input
//! lasts, rounded to a frame.

use rubato::{SincInterpolationParameters, WindowFunction};

use super::format::StreamFormat;
use super::sinc::Sinc;

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

/// Converts chunks to stereo at one rate.
pub struct Converter {
    output_rate: u32,
    stage: Option<Stage>,
}

/// Phases between which the filter is interpolated when it cannot have one for each output frame.
const PHASES: u32 = 1024;

/// The state for one input rate.
struct Stage {
    input_rate: u32,
    sinc: Sinc,
    /// Input frames per output frame.
    step: f64,
    taken: u64,
    given: u64,
    stereo: Vec<f32>,
}

impl std::fmt::Debug for Converter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Converter")
            .field("output_rate", &self.output_rate)
            .field(
                "input_rate",
                &self.stage.as_ref().map(|stage| stage.input_rate),
            )
            .finish()
    }
}

impl Converter {
    /// A converter to stereo at `output_rate`.
    pub fn new(output_rate: u32) -> Self {
        Self {
            output_rate,
            stage: None,
        }
    }

    /// Converts `samples` of `format` and appends the frames that are ready to `output`. A change of rate first
    /// brings out what the old rate still held.
    pub fn push(&mut self, format: StreamFormat, samples: &[f32], output: &mut Vec<f32>) {
        if ![1, 2].contains(&format.channels) || format.rate == 0 {
            return;
        }
        if format.rate == self.output_rate {
            self.finish(output);
            spread_to_stereo(format.channels, samples, output);
            return;
        }
        if self
            .stage
            .as_ref()
            .is_none_or(|stage| stage.input_rate != format.rate)
        {
            self.finish(output);
            self.stage = Some(Stage::new(format.rate, self.output_rate));
        }
        if let Some(stage) = &mut self.stage {
            stage.taken += format.frames(samples.len()) as u64;
            stage.stereo.clear();
            spread_to_stereo(format.channels, samples, &mut stage.stereo);
            stage.sinc.put(&stage.stereo);
            stage.give(stage.sinc.ready(stage.step), output);
        }
    }

    /// Brings out what the filter still holds; the next chunk starts anew.
    pub fn finish(&mut self, output: &mut Vec<f32>) {
        if let Some(mut stage) = self.stage.take() {
            stage.drain(stage.due(self.output_rate), output);
        }
    }

    /// How many frames of output the filter still holds, of the input it was given so far.
    pub fn held(&self) -> u64 {
        self.stage
            .as_ref()
            .map_or(0, |stage| stage.due(self.output_rate) - stage.given)
    }

    /// Drops what the filter still holds: after a seek.
    pub fn reset(&mut self) {
        self.stage = None;
    }
}

impl Stage {
    fn new(input_rate: u32, output_rate: u32) -> Self {
        // Between common rates every output frame falls exactly on one of the table's phases.
        let exact = output_rate / gcd(input_rate, output_rate);
        let phases = if exact <= MOST_PHASES { exact } else { PHASES };
        let filter = filter(input_rate, output_rate).oversampling_factor(phases as usize);
        let ratio = f64::from(output_rate) / f64::from(input_rate);
        Self {
            input_rate,
            sinc: Sinc::new(&filter, ratio, 0),
            step: 1.0 / ratio,
            taken: 0,
            given: 0,
            stereo: Vec::new(),
        }
    }

    /// Appends the next `frames` to `output`.
    fn give(&mut self, frames: usize, output: &mut Vec<f32>) {
        let before = output.len();
        output.resize(before + frames * STEREO, 0.0);
        self.sinc.read(&mut output[before..], self.step);
        self.given += frames as u64;
    }

    /// Output frames that the input so far amounts to.
    fn due(&self, output_rate: u32) -> u64 {
        let ratio = f64::from(output_rate) / f64::from(self.input_rate);
        (self.taken as f64 * ratio).round() as u64
    }

    fn drain(&mut self, due: u64, output: &mut Vec<f32>) {
        let frames = usize::try_from(due.saturating_sub(self.given)).unwrap_or(0);
        let missing = self.sinc.wanted(frames, self.step);
        self.sinc.put(&vec![0.0; missing * STEREO]);
        self.give(frames, output);
    }
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
