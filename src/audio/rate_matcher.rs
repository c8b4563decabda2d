//! Plays a stream at a rate that may be bent while it runs.
//! It keeps the books: which media position, to a fraction of a frame, the next output frame carries.

use rubato::{ResamplerConstructionError, SincInterpolationParameters, WindowFunction};

use super::sinc::Sinc;

/// Stereo throughout.
const CHANNELS: usize = 2;
/// Filter length in input frames. See `docs/synchronisation.md` for the response that follows from it.
const SINC_LENGTH: usize = 64;
/// The middle of the filter's transition, as a part of the Nyquist frequency of the input or, if lower, the output: what
/// lies 4 kHz to each side of it folds back onto what nobody hears.
const CUTOFF: f32 = 1.0;
/// Phases per input frame, between which the filter is interpolated in straight lines: their error stays below −110 dB at
/// 20 kHz and falls with the square of the frequency.
const OVERSAMPLING: usize = 512;
/// So many input frames have been asked for beyond the one that the last output frame carries.
pub const LOOK_AHEAD: usize = SINC_LENGTH / 2;
/// Most output frames per call.
pub const LARGEST_OUTPUT: usize = 512;
/// By how much the ratio may be bent: a glide of 1 %, 1000 ppm of correction and a crystal some 1000 ppm off are within.
pub const LARGEST_BEND: f64 = 1.02;
/// Input frames per output frame at most, and the other way round. The filter is made for ratios near 1; sound cards stay
/// between 8 and 384 kHz.
const LARGEST_STEP: f64 = 16.0;

/// Resamples stereo by a ratio close to a nominal one.
pub struct RateMatcher {
    sinc: Sinc,
    /// Input frames per output frame when nothing is bent.
    nominal_step: f64,
    step: f64,
    /// The media position of the next output frame.
    next: f64,
    input: Vec<f32>,
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
    pub fn new(input_rate: u32, output_rate: u32) -> Result<Self, ResamplerConstructionError> {
        let nominal_step = f64::from(input_rate) / f64::from(output_rate);
        let ratio = 1.0 / nominal_step;
        if !(1.0 / LARGEST_STEP..=LARGEST_STEP).contains(&nominal_step) {
            return Err(ResamplerConstructionError::InvalidRatio(ratio));
        }
        let filter = SincInterpolationParameters::new(SINC_LENGTH, WindowFunction::BlackmanHarris)
            .f_cutoff(CUTOFF)
            .oversampling_factor(OVERSAMPLING);
        let largest_input = LARGEST_OUTPUT as f64 * nominal_step * LARGEST_BEND;
        let room = largest_input as usize + SINC_LENGTH;
        Ok(Self {
            sinc: Sinc::new(&filter, ratio, room),
            nominal_step,
            step: nominal_step,
            next: 0.0,
            input: vec![0.0; room * CHANNELS],
        })
    }

    /// Starts anew so that the next output frame carries media position `at`. The next input frame asked for is
    /// number `at` rounded down; what lies before it counts as silence.
    pub fn begin(&mut self, at: f64) {
        self.sinc.begin(at - at.floor());
        self.step = self.nominal_step;
        self.next = at;
    }

    /// The media position that the next output frame carries.
    pub fn position(&self) -> f64 {
        self.next
    }

    /// Media frames per output frame from now on, as a factor on the nominal ratio.
    pub fn bend(&mut self, factor: f64) {
        if factor.is_finite() {
            let factor = factor.clamp(1.0 / LARGEST_BEND, LARGEST_BEND);
            self.step = self.nominal_step * factor;
        }
    }

    /// Media frames per output frame at present.
    pub fn step(&self) -> f64 {
        self.step
    }

    /// How many input frames the next `frames` of output ask for.
    pub fn wanted(&self, frames: usize) -> usize {
        self.sinc.wanted(frames, self.step)
    }

    /// Fills `output` (stereo, at most [`LARGEST_OUTPUT`] frames). `feed` is called to fill a buffer with the next
    /// input frames; where there are none it fills in silence.
    pub fn process(&mut self, output: &mut [f32], mut feed: impl FnMut(&mut [f32])) {
        let frames = output.len() / CHANNELS;
        let wanted = self.sinc.wanted(frames, self.step) * CHANNELS;
        let Some(input) = self.input.get_mut(..wanted) else {
            debug_assert!(frames > LARGEST_OUTPUT, "there is room for what is allowed");
            output.fill(0.0);
            return;
        };
        feed(input);
        self.sinc.put(input);
        self.sinc.read(output, self.step);
        self.next += frames as f64 * self.step;
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
