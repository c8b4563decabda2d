//! Reads a stereo stream between its frames: a windowed sinc out of a table, in straight lines between the table's phases.
//! It knows neither rates nor media positions; the rate matcher and the converter keep those.
//!
//! The filters are rubato's. The loop over them is not, since this is where most of the program's work is done: here the
//! filter between two phases is made once for both channels, on vectors as wide as the machine has.

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, f32x8};
use rubato::SincInterpolationParameters;
use rubato::sinc_interpolator::{SincInterpolator, make_interpolator};

/// Samples that are summed side by side; filters are a multiple of this long.
const LANES: usize = 8;

/// A filter, and the part of the stream that lies under it.
pub(super) struct Sinc {
    level: Level,
    /// Of the filter, in frames.
    length: usize,
    /// Rows of the table that a frame is divided into.
    phases: usize,
    /// A filter for each phase from the one frame to the next, both included.
    table: Vec<f32>,
    left: Vec<f32>,
    right: Vec<f32>,
    /// Where the next frame's filter begins in `left` and `right`.
    at: f64,
}

impl Sinc {
    /// A filter by these parameters (its type of interpolation is always linear), for about `ratio` output frames per
    /// input frame, with room for `room` input frames before it allocates.
    pub(super) fn new(filter: &SincInterpolationParameters, ratio: f64, room: usize) -> Self {
        let (length, phases) = (filter.sinc_len, filter.oversampling_factor);
        let interpolator =
            make_interpolator::<f64>(length, ratio, filter.f_cutoff, phases, filter.window);
        let length = interpolator.nbr_points().max(length);
        let rows = interpolator.get_sincs();
        // Row n of rubato's reads (n + 1) / phases behind a frame; that at the frame itself is its last, a frame earlier.
        let at_frame = rows[phases - 1][1..].iter().chain([&0.0]);
        let table = at_frame
            .chain(rows.iter().flat_map(|row| row.iter()))
            .map(|&tap| tap as f32)
            .collect();
        let mut sinc = Self {
            level: Level::new(),
            length,
            phases,
            table,
            left: Vec::with_capacity(length + room),
            right: Vec::with_capacity(length + room),
            at: 0.0,
        };
        sinc.begin(0.0);
        sinc
    }

    /// Starts anew: the next frame read lies `fraction` of a frame behind the next one that is put in, and there is
    /// silence before that.
    pub(super) fn begin(&mut self, fraction: f64) {
        for channel in [&mut self.left, &mut self.right] {
            channel.clear();
            channel.resize(self.length / 2 - 1, 0.0);
        }
        self.at = fraction;
    }

    /// Of the filter, in frames.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// How many frames must be put in before `frames` of them, `step` apart, can be read.
    pub(super) fn wanted(&self, frames: usize, step: f64) -> usize {
        let Some(last) = frames.checked_sub(1) else {
            return 0;
        };
        let end = place(self.at, last, step) as usize + self.length;
        end.saturating_sub(self.left.len())
    }

    /// How many frames, `step` apart, can be read before more must be put in.
    pub(super) fn ready(&self, step: f64) -> usize {
        let room = (self.left.len() + 1) as f64 - self.length as f64 - self.at;
        let mut frames = (room / step).ceil().max(0.0) as usize;
        // Rounding has no say in what lies within the buffer.
        while self.wanted(frames, step) > 0 {
            frames -= 1;
        }
        frames
    }

    /// Takes in the next frames of the stream.
    pub(super) fn put(&mut self, stereo: &[f32]) {
        let (frames, _) = stereo.as_chunks::<2>();
        self.left.extend(frames.iter().map(|frame| frame[0]));
        self.right.extend(frames.iter().map(|frame| frame[1]));
    }

    /// Fills `output` with stereo frames that are `step` apart; silence if [`Sinc::wanted`] frames have not been put in.
    pub(super) fn read(&mut self, output: &mut [f32], step: f64) {
        let frames = output.len() / 2;
        if self.wanted(frames, step) > 0 {
            output.fill(0.0);
            return;
        }
        dispatch!(self.level, simd => self.sum(simd, output, step));
        let next = place(self.at, frames, step);
        let gone = (next as usize).min(self.left.len());
        self.left.drain(..gone);
        self.right.drain(..gone);
        self.at = next - gone as f64;
    }

    /// The sums themselves.
    #[inline(always)]
    fn sum<S: Simd>(&self, simd: S, output: &mut [f32], step: f64) {
        let (output, _) = output.as_chunks_mut::<2>();
        for (index, frame) in output.iter_mut().enumerate() {
            let place = place(self.at, index, step);
            let first = place as usize;
            let phase = (place - first as f64) * self.phases as f64;
            let row = (phase as usize).min(self.phases - 1);
            let between = (phase - row as f64) as f32;
            let rows = &self.table[row * self.length..(row + 2) * self.length];
            let (before, after) = rows.split_at(self.length);
            let left = &self.left[first..first + self.length];
            let right = &self.right[first..first + self.length];
            let after_part = f32x8::splat(simd, between);
            let before_part = f32x8::splat(simd, 1.0 - between);
            let mut sums = [f32x8::splat(simd, 0.0); 2];
            let filters = before.chunks_exact(LANES).zip(after.chunks_exact(LANES));
            let frames = left.chunks_exact(LANES).zip(right.chunks_exact(LANES));
            for ((before, after), (left, right)) in filters.zip(frames) {
                let before = f32x8::from_slice(simd, before) * before_part;
                let filter = f32x8::from_slice(simd, after).mul_add(after_part, before);
                sums[0] = filter.mul_add(f32x8::from_slice(simd, left), sums[0]);
                sums[1] = filter.mul_add(f32x8::from_slice(simd, right), sums[1]);
            }
            *frame = sums.map(|sum| {
                let (one, other) = sum.split();
                (one + other).reduce_sum()
            });
        }
    }
}

/// Where frame `index` of those that are `step` apart begins. Whoever asks how many frames there must be, and whoever
/// reads them, get the same answer to the last bit.
#[inline(always)]
fn place(at: f64, index: usize, step: f64) -> f64 {
    at + index as f64 * step
}

#[cfg(test)]
mod tests {
    use rubato::WindowFunction;

    use super::*;

    fn sinc() -> Sinc {
        let filter = SincInterpolationParameters::new(64, WindowFunction::BlackmanHarris)
            .f_cutoff(1.0)
            .oversampling_factor(512);
        Sinc::new(&filter, 1.0, 0)
    }

    #[test]
    fn what_is_ready_can_be_read_and_what_is_wanted_makes_it_ready() {
        for step in [0.25, 0.918_75, 1.0, 1.000_000_3, 1.088_435_374, 4.0] {
            let mut sinc = sinc();
            sinc.begin(0.37);
            for frames in [1, 7, 240, 33, 512, 2] {
                let wanted = sinc.wanted(frames, step);
                sinc.put(&vec![0.5; 2 * wanted]);
                assert_eq!(sinc.wanted(frames, step), 0);
                let ready = sinc.ready(step);
                assert!(ready >= frames, "{frames} frames {step} apart: {ready}");
                assert!(sinc.wanted(ready + 1, step) > 0, "no more than {ready}");
                sinc.read(&mut vec![0.0; 2 * frames], step);
            }
        }
    }

    #[test]
    fn a_machine_of_any_kind_hears_the_same() {
        let machine = Level::new();
        let mut levels = vec![machine];
        #[cfg(target_arch = "x86_64")]
        levels.extend(
            [
                machine.as_sse2().map(Level::Sse2),
                machine.as_avx2().map(Level::Avx2),
            ]
            .into_iter()
            .flatten(),
        );
        let mut heard = Vec::new();
        for level in levels {
            let mut sinc = sinc();
            sinc.level = level;
            let samples: Vec<f32> = (0..2000).map(|index| (index as f32 * 0.7).sin()).collect();
            sinc.put(&samples);
            let mut output = vec![0.0; 2 * 900];
            sinc.read(&mut output, 1.01);
            heard.push(output);
        }
        assert!(heard[0].iter().any(|sample| sample.abs() > 0.5));
        for other in &heard[1..] {
            let differences = heard[0]
                .iter()
                .zip(other)
                .map(|(one, two)| (one - two).abs());
            assert!(differences.fold(0.0, f32::max) < 1e-6);
        }
    }
}
