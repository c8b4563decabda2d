//! The sine that fits samples best, and what is left when it is taken away.
//! It hears nothing: samples come from whoever recorded them.

use std::f64::consts::TAU;

/// Unknowns of the fit.
const UNKNOWNS: usize = 4;

/// A sine, and the rest.
#[derive(Debug)]
pub(super) struct Tone {
    pub(super) amplitude: f64,
    /// Root mean square of what is not the sine, against that of the sine, over the whole band and unweighted.
    pub(super) rest: f64,
}

impl Tone {
    /// Fits a sine of about `cycles` per sample by least squares. Amplitude, phase, frequency, and the speed at which the
    /// frequency changes are free: a lane that is steered changes it by some millionths over seconds, which is a pitch
    /// nobody can tell, and would otherwise hide what is sought, the distortion and noise of the sums. Anything faster
    /// than a straight line through the window stays in the rest.
    pub(super) fn fit(samples: &[f32], cycles: f64) -> Self {
        let half = samples.len() as f64 / 2.0;
        // Time runs from −1 to 1, so that the unknowns are of one size.
        let angles = |frequency: f64, sweep: f64| {
            move |index: usize| {
                let time = (index as f64 - half) / half;
                (time, TAU * (frequency * time * half + sweep * time * time))
            }
        };
        let (mut frequency, mut sweep) = (cycles, 0.0);
        let (mut cosine, mut sine) = (0.0, 0.0);
        for round in 0..6 {
            let angle = angles(frequency, sweep);
            // The first round knows no amplitude yet, and so nothing of frequencies.
            let unknowns = if round == 0 { 2 } else { UNKNOWNS };
            let mut sums = [[0.0; UNKNOWNS + 1]; UNKNOWNS];
            for (index, &sample) in samples.iter().enumerate() {
                let (time, angle) = angle(index);
                let (s, c) = angle.sin_cos();
                let along = sine * c - cosine * s;
                let row = [c, s, along * time, along * time * time];
                for (line, by) in sums.iter_mut().zip(row) {
                    for (sum, with) in line.iter_mut().zip(row) {
                        *sum += by * with;
                    }
                    line[UNKNOWNS] += by * f64::from(sample);
                }
            }
            let [c, s, shift, bend] = solve(sums, unknowns);
            (cosine, sine) = (c, s);
            frequency += shift / TAU / half;
            sweep += bend / TAU;
        }
        let angle = angles(frequency, sweep);
        let rest: f64 = samples
            .iter()
            .enumerate()
            .map(|(index, &sample)| {
                let (s, c) = angle(index).1.sin_cos();
                (f64::from(sample) - cosine * c - sine * s).powi(2)
            })
            .sum();
        let amplitude = cosine.hypot(sine);
        let rest = (rest / samples.len() as f64).sqrt();
        Self {
            amplitude,
            rest: rest / (amplitude / 2.0f64.sqrt()),
        }
    }
}

/// Solves the first `unknowns` lines by Gauss's elimination; what is not asked for is 0.
fn solve(mut lines: [[f64; UNKNOWNS + 1]; UNKNOWNS], unknowns: usize) -> [f64; UNKNOWNS] {
    for pivot in 0..unknowns {
        let upper = lines[pivot];
        for line in &mut lines[pivot + 1..unknowns] {
            let factor = line[pivot] / upper[pivot];
            for (value, above) in line.iter_mut().zip(upper) {
                *value -= factor * above;
            }
        }
    }
    let mut solution = [0.0; UNKNOWNS];
    for row in (0..unknowns).rev() {
        let known: f64 = (row + 1..unknowns)
            .map(|column| lines[row][column] * solution[column])
            .sum();
        solution[row] = (lines[row][UNKNOWNS] - known) / lines[row][row];
    }
    solution
}

/// A ratio of amplitudes in decibels.
pub(super) fn db(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

#[test]
fn what_is_added_to_a_sine_is_found_and_a_slow_glide_is_not() {
    let wave = |index: usize| {
        let time = index as f64;
        let main = (TAU * (0.020_77 * time + 1e-10 * time * time) + 1.0).sin();
        (0.9 * main + 0.9e-4 * (TAU * 0.2 * time).sin()) as f32
    };
    let samples: Vec<f32> = (0..48_000).map(wave).collect();
    let tone = Tone::fit(&samples, 0.020_771);
    assert!((tone.amplitude - 0.9).abs() < 1e-6, "{tone:?}");
    assert!((db(tone.rest) + 80.0).abs() < 0.1, "{tone:?}");
}
