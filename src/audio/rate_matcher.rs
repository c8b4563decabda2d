//! Plays a stream at a rate that may be bent while it runs: rubato's adjustable resampler behind one face.
//! It keeps the books: which media position, to a fraction of a frame, the next output frame carries.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Adjustable, Async, FixedAsync, Indexing, Resampler, Resizable, SincInterpolationParameters,
    SincInterpolationType, WindowFunction,
};

/// Stereo throughout.
const CHANNELS: usize = 2;
/// Filter length in input frames. See `docs/synchronisation.md` for the response that follows from it.
const SINC_LENGTH: usize = 64;
/// The middle of the filter's transition, as a part of the Nyquist frequency of the input or, if lower, the output: what
/// lies 4 kHz to each side of it folds back onto what nobody hears.
const CUTOFF: f32 = 1.0;
/// Points per input frame between which the filter is interpolated in straight lines: their error stays below −110 dB at
/// 20 kHz and falls with the square of the frequency.
const OVERSAMPLING: usize = 512;
/// How far before the first input frame the resampler's centre stands after a reset, in input frames: half the filter,
/// less the one point by which rubato's table is off centre (found and kept by the test below).
const CENTRE: f64 = (SINC_LENGTH / 2) as f64 - 1.0 / OVERSAMPLING as f64;
/// So many input frames have been asked for beyond the one that the last output frame carries.
pub const LOOK_AHEAD: usize = SINC_LENGTH / 2;
/// Most output frames per call.
pub const LARGEST_OUTPUT: usize = 512;
/// By how much the ratio may be bent: 1000 ppm of correction, a crystal some 1000 ppm off, and the first frames
/// after [`RateMatcher::begin`], which are stretched a little to land between two input frames.
const LARGEST_BEND: f64 = 1.06;

/// Resamples stereo by a ratio close to a nominal one.
pub struct RateMatcher {
    resampler: Async<f32>,
    /// Input frames per output frame when nothing is bent.
    nominal_step: f64,
    step: f64,
    /// The media position of the last output frame.
    last: f64,
    begin: Option<f64>,
    input: Vec<f32>,
    thrown_away: Vec<f32>,
}

impl std::fmt::Debug for RateMatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RateMatcher")
            .field("step", &self.step)
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}

impl RateMatcher {
    /// A matcher from `input_rate` to nominally `output_rate` frames per second. Allocates; nothing later does.
    ///
    /// # Errors
    /// The rates are zero or absurdly far apart.
    pub fn new(
        input_rate: u32,
        output_rate: u32,
    ) -> Result<Self, rubato::ResamplerConstructionError> {
        let nominal_step = f64::from(input_rate) / f64::from(output_rate);
        let parameters =
            SincInterpolationParameters::new(SINC_LENGTH, WindowFunction::BlackmanHarris)
                .f_cutoff(CUTOFF)
                .oversampling_factor(OVERSAMPLING)
                .interpolation(SincInterpolationType::Linear);
        let resampler = Async::new_sinc(
            1.0 / nominal_step,
            LARGEST_BEND,
            &parameters,
            LARGEST_OUTPUT,
            CHANNELS,
            FixedAsync::Output,
        )?;
        let most_input = resampler.input_frames_max();
        Ok(Self {
            resampler,
            nominal_step,
            step: nominal_step,
            last: 0.0,
            begin: None,
            input: vec![0.0; most_input * CHANNELS],
            thrown_away: vec![0.0; LARGEST_OUTPUT * CHANNELS],
        })
    }

    /// Starts anew so that the next output frame carries media position `at`. The next input frame asked for is
    /// number `at` rounded down; what lies before it counts as silence.
    pub fn begin(&mut self, at: f64) {
        self.resampler.reset();
        self.step = self.nominal_step;
        self.last = at.floor() - CENTRE;
        self.begin = Some(at);
    }

    /// The media position that the next output frame carries.
    pub fn position(&self) -> f64 {
        self.begin.unwrap_or(self.last + self.step)
    }

    /// Media frames per output frame from now on, as a factor on the nominal ratio.
    pub fn bend(&mut self, factor: f64) {
        let factor = factor.clamp(1.0 / LARGEST_BEND, LARGEST_BEND);
        let step = self.nominal_step * factor;
        let ratio = 1.0 / step;
        if self.resampler.set_resample_ratio(ratio, false).is_ok() {
            self.step = step;
        }
    }

    /// Media frames per output frame at present.
    pub fn step(&self) -> f64 {
        self.step
    }

    /// Fills `output` (stereo, at most [`LARGEST_OUTPUT`] frames). `feed` is called to fill a buffer with the next
    /// input frames; where there are none it fills in silence.
    pub fn process(&mut self, output: &mut [f32], mut feed: impl FnMut(&mut [f32])) {
        if let Some(at) = self.begin.take() {
            let wanted = self.step;
            let away = at - wanted - self.last;
            let frames = (away / self.nominal_step).round().max(1.0);
            self.bend(away / frames / self.nominal_step);
            let mut aside = std::mem::take(&mut self.thrown_away);
            self.run(&mut aside[..frames as usize * CHANNELS], &mut feed);
            self.thrown_away = aside;
            self.bend(wanted / self.nominal_step);
        }
        self.run(output, &mut feed);
    }

    fn run(&mut self, output: &mut [f32], feed: &mut impl FnMut(&mut [f32])) {
        let frames = output.len() / CHANNELS;
        if frames == 0 || self.resampler.set_chunk_size(frames).is_err() {
            output.fill(0.0);
            return;
        }
        let needed = self.resampler.input_frames_next();
        let input = &mut self.input[..needed * CHANNELS];
        feed(input);
        let done = InterleavedSlice::new(input, CHANNELS, needed)
            .ok()
            .zip(InterleavedSlice::new_mut(output, CHANNELS, frames).ok())
            .and_then(|(from, mut to)| {
                self.resampler
                    .process_into_buffer(&from, &mut to, None::<&Indexing>)
                    .ok()
            });
        debug_assert!(
            done.is_some(),
            "buffers are sized by the resampler's own word"
        );
        self.last += frames as f64 * self.step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slow sine tells where an output frame lies in the input far more finely than a frame.
    fn position_error(at: f64, bend: f64, frames: usize, rates: (u32, u32)) -> f64 {
        let mut matcher = RateMatcher::new(rates.0, rates.1).expect("plain rates");
        matcher.begin(at);
        matcher.bend(bend);
        let wave = |position: f64| (position * 0.02).sin();
        let mut next = at.floor() as i64;
        let mut worst = 0.0f64;
        let mut output = vec![0.0f32; 2 * 100];
        for round in 0..frames / 100 {
            let before = matcher.position();
            matcher.process(&mut output, |input| {
                for frame in input.chunks_exact_mut(2) {
                    frame.fill(wave(next as f64) as f32);
                    next += 1;
                }
            });
            if round < 3 {
                continue;
            }
            for (index, frame) in output.chunks_exact(2).enumerate() {
                let position = before + index as f64 * matcher.step();
                let slope = 0.02 * (position * 0.02).cos();
                // Near its zeros: at its crests a gain a millionth off would look like an error of position.
                if slope.abs() > 0.019 {
                    worst = worst.max((f64::from(frame[0]) - wave(position)).abs() / slope.abs());
                }
            }
        }
        worst
    }

    #[test]
    fn the_position_it_states_is_the_one_it_plays() {
        for (at, bend, rates) in [
            (0.0, 1.0, (48_000, 48_000)),
            (1000.0, 1.0, (48_000, 48_000)),
            (1000.37, 1.0, (48_000, 48_000)),
            (77.9, 1.0005, (48_000, 48_000)),
            (500.5, 0.9993, (48_000, 44_100)),
        ] {
            let error = position_error(at, bend, 20_000, rates);
            assert!(error < 0.001, "{at} {bend} {rates:?}: {error} frames");
        }
    }
}
