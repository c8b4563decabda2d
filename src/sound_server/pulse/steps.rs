//! Reports of a server that says where it was when it last took something, and not where it is. PipeWire's do: the position
//! stands for 5 to 21 ms, then moves by as much at once. It is not known when it moved, only that it had moved, or had not yet.
//!
//! Each report bounds the true position from both sides: no less than was said, and less than one step more. The line that keeps
//! most distance from all bounds of the last seconds is known to a small part of a step: it is the line whose largest distance
//! from the reports is least (Chebyshev's), half a step up.

use std::collections::VecDeque;

use crate::clock::ClockTime;

/// Shorter steps than this, in frames, are less than what is measured otherwise.
const LEAST_STEP: i64 = 64;
/// So many reports tell whether a server steps.
const TELLING: usize = 8;
/// The part of a step by which the latency changes at most in a server that steps. In one that does not, the latency makes up
/// for the steps.
const STEADY: f64 = 0.25;
/// By how much of a step the moment of a report may be wrong.
const SLACK: f64 = 0.1;
/// Widths that differ by less than this part of a step are as good.
const PLAY: f64 = 0.05;
/// Reports older than this, in seconds, say nothing any more.
const WINDOW_SECONDS: f64 = 10.0;
/// No crystal is further off than this part.
const LARGEST_DRIFT: f64 = 500e-6;
/// Halvings of the range of rates, to less than 0.01 ppm.
const HALVINGS: usize = 18;

/// What a server said at a moment, in frames.
#[derive(Debug, Clone, Copy)]
struct Said {
    at: ClockTime,
    read: i64,
    latency: f64,
}

/// What becomes of reports that step.
#[derive(Debug)]
pub(crate) struct Steps {
    rate: f64,
    said: VecDeque<Said>,
    /// How many reports in a row did not fit to the others.
    misfits: usize,
}

impl Steps {
    /// For a stream of so many frames per second.
    pub(crate) fn new(rate: u32) -> Self {
        Self {
            rate: f64::from(rate),
            said: VecDeque::new(),
            misfits: 0,
        }
    }

    /// The position starts anew.
    pub(crate) fn moved(&mut self) {
        self.said.clear();
        self.misfits = 0;
    }

    /// The frame heard at `at`, when the server says that it has read `read` frames, of which `latency` are not yet heard.
    /// `None` if that contradicts what it has said before.
    pub(crate) fn heard(&mut self, read: i64, latency: f64, at: ClockTime) -> Option<f64> {
        self.said.push_back(Said { at, read, latency });
        let old = |said: &Said| at.seconds_since(said.at) > WINDOW_SECONDS;
        while self.said.front().is_some_and(old) {
            self.said.pop_front();
        }
        let said = read as f64 - latency;
        let Some(step) = self.step() else {
            return Some(said);
        };
        let (low, high) = self.band(at, said, step);
        if high - low <= step * (1.0 + SLACK) {
            self.misfits = 0;
            return Some(said + f64::midpoint(low, high) + step / 2.0);
        }
        self.said.pop_back();
        self.misfits += 1;
        if self.misfits > TELLING {
            self.moved();
        }
        None
    }

    /// How far below and above the last report, which is `said` at `at`, the closest parallels are that all lie between.
    fn band(&self, at: ClockTime, said: f64, step: f64) -> (f64, f64) {
        // For a drift, the reports lie between two parallels; how far apart these are is a convex function of the drift.
        let parallels = |drift: f64| {
            let rate = self.rate * (1.0 + drift);
            let above = |report: &Said| {
                let then = report.read as f64 - report.latency;
                then + at.seconds_since(report.at) * rate - said
            };
            let all = self.said.iter().map(above);
            all.fold((0.0_f64, 0.0_f64), |(low, high), above| {
                (low.min(above), high.max(above))
            })
        };
        let width = |drift: f64| {
            let (low, high) = parallels(drift);
            high - low
        };
        let (mut from, mut to) = (-LARGEST_DRIFT, LARGEST_DRIFT);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(from, to);
            let little = (to - from) * 0.01;
            if width(middle - little) < width(middle + little) {
                to = middle;
            } else {
                from = middle;
            }
        }
        // Of the drifts that fit nearly as well the least: reports of a short time fit to any.
        let (mut out, mut inside) = (0.0, f64::midpoint(from, to));
        let enough = width(inside) + PLAY * step;
        if width(out) <= enough {
            return parallels(out);
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(out, inside);
            if width(middle) <= enough {
                inside = middle;
            } else {
                out = middle;
            }
        }
        parallels(inside)
    }

    /// By how many frames the server steps, if it does.
    fn step(&self) -> Option<f64> {
        if self.said.len() < TELLING {
            return None;
        }
        // What all moves are multiples of. Each may be one of several steps; of a window full, not all are of as many.
        let moves = self.said.iter().zip(self.said.iter().skip(1));
        let step = moves.fold(0, |step, (before, after)| {
            common_divisor(step, after.read - before.read)
        });
        let latencies = self.said.iter().map(|said| said.latency);
        let (low, high) = latencies.fold(
            (f64::INFINITY, f64::NEG_INFINITY),
            |(low, high), latency| (latency.min(low), latency.max(high)),
        );
        (step >= LEAST_STEP && high - low < STEADY * step as f64).then_some(step as f64)
    }
}

fn common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 {
        a.abs()
    } else {
        common_divisor(b, a % b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 48_000.0;

    fn time(seconds: f64) -> ClockTime {
        ClockTime::from_nanos(1_000_000_000).plus_seconds(seconds)
    }

    /// Asks a server that takes `step` frames at a time, at irregular moments. Returns the errors in frames, after 20 s.
    fn errors(ppm: f64, step: i64) -> Vec<f64> {
        let mut steps = Steps::new(RATE as u32);
        let (mut seconds, mut errors, mut dice) = (0.0, Vec::new(), 17_u64);
        for report in 0..1500 {
            // Knuth's MMIX multiplier and increment; the upper bits are the good ones.
            dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            seconds += if report < 40 { 0.008 } else { 0.09 } + (dice >> 53) as f64 * 1e-6;
            let truth = 7_000.3 + seconds * RATE * (1.0 + ppm * 1e-6);
            let read = (truth / step as f64).floor() as i64 * step;
            if report % 150 == 149 {
                // One that was held up on its way.
                assert_eq!(steps.heard(read, 480.0, time(seconds + 0.03)), None);
                continue;
            }
            let heard = steps.heard(read, 480.0, time(seconds));
            let heard = heard.expect("it fits");
            if seconds > 20.0 {
                errors.push(heard + 480.0 - truth);
            }
        }
        errors
    }

    #[test]
    fn a_position_that_steps_is_made_to_run() {
        for (ppm, step) in [(0.0, 256), (60.0, 1024), (-300.0, 256), (200.0, 1024)] {
            let errors = errors(ppm, step);
            let worst = errors
                .iter()
                .fold(0.0_f64, |worst, error| worst.max(error.abs()));
            assert!(
                worst < step as f64 / 6.0,
                "{ppm} ppm, {step}: {worst} frames"
            );
            let mean = errors.iter().sum::<f64>() / errors.len() as f64;
            assert!(
                mean.abs() < step as f64 / 10.0,
                "{ppm} ppm, {step}: {mean} frames"
            );
        }
    }

    #[test]
    fn a_server_whose_latency_makes_up_for_its_steps_is_believed() {
        let mut steps = Steps::new(RATE as u32);
        for report in 0..200 {
            let seconds = f64::from(report) * 0.013;
            let truth = seconds * RATE;
            let read = (truth / 960.0).ceil() * 960.0;
            let heard = steps.heard(read as i64, read - truth, time(seconds));
            assert!((heard.expect("believed") - truth).abs() < 1e-6);
        }
    }
}
