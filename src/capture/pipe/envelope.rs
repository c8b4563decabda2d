//! Where a writer is that writes a piece at a time, from when its pieces were found: pure.
//!
//! A piece is found some time after it was written, never before: what has been found lies below the line that the writer
//! would keep if it wrote frame by frame, and touches it where a piece was found at once. So the line is the one that lies above all
//! that was found in the last seconds and as close to it as can be. Pieces that were held up do not move it.

use std::collections::VecDeque;

use crate::audio::Heard;
use crate::clock::ClockTime;

/// What was found earlier than this many seconds ago says nothing any more.
const WINDOW_SECONDS: f64 = 10.0;
/// No crystal is further off than this part.
const LARGEST_DRIFT: f64 = 500e-6;
/// Halvings of the range of rates, to less than 0.01 ppm.
const HALVINGS: usize = 18;

/// The line above what was found.
#[derive(Debug)]
pub(super) struct Envelope {
    rate: f64,
    found: VecDeque<Heard>,
    /// What was found that a line above all can touch: seconds before the last, and frames beyond the nominal rate's.
    hull: Vec<(f64, f64)>,
    /// Frames at the moment of what was found last, and frames per second.
    line: Option<(Heard, f64)>,
}

impl Envelope {
    /// For a writer of so many frames per second.
    pub(super) fn new(rate: f64) -> Self {
        Self {
            rate,
            found: VecDeque::new(),
            hull: Vec::new(),
            line: None,
        }
    }

    /// The writer begins from another place.
    pub(super) fn moved(&mut self) {
        self.found.clear();
        self.line = None;
    }

    /// Where the line expects the writer to be; `None` before anything was found.
    pub(super) fn expected(&self, at: ClockTime) -> Option<f64> {
        let (last, rate) = self.line?;
        Some(last.frames + at.seconds_since(last.at) * rate)
    }

    /// Takes in that so many frames had been found at that moment, and answers where the writer is then.
    pub(super) fn observe(&mut self, found: Heard) -> f64 {
        self.found.push_back(found);
        let old = |first: &Heard| found.at.seconds_since(first.at) > WINDOW_SECONDS;
        while self.found.front().is_some_and(old) {
            self.found.pop_front();
        }
        let count = self.found.len() as f64;
        let ages = self.found.iter().map(|one| found.at.seconds_since(one.at));
        let mean_age = ages.sum::<f64>() / count;
        // How high a line of this rate has to be now to lie above all. Where it is at their mean time tells how close it is to them,
        // which is a convex function of the rate.
        self.find_hull(found);
        let height = |rate: f64| {
            let heights = self
                .hull
                .iter()
                .map(|(age, beyond)| found.frames + beyond + age * (rate - self.rate));
            heights.fold(f64::NEG_INFINITY, f64::max)
        };
        let distance = |rate: f64| height(rate) - mean_age * rate;
        let (mut from, mut to) = (
            self.rate * (1.0 - LARGEST_DRIFT),
            self.rate * (1.0 + LARGEST_DRIFT),
        );
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(from, to);
            let little = (to - from) * 0.01;
            if distance(middle - little) < distance(middle + little) {
                to = middle;
            } else {
                from = middle;
            }
        }
        let rate = f64::midpoint(from, to);
        let frames = height(rate);
        self.line = Some((Heard { frames, ..found }, rate));
        frames
    }

    /// Leaves out what lies below the straight line between two others (Andrew's monotone chain).
    fn find_hull(&mut self, last: Heard) {
        self.hull.clear();
        for one in &self.found {
            let age = last.at.seconds_since(one.at);
            let point = (age, one.frames - last.frames + age * self.rate);
            while let [.., before, between] = self.hull.as_slice()
                && (before.0 - between.0) * (point.1 - before.1)
                    >= (before.0 - point.0) * (between.1 - before.1)
            {
                self.hull.pop();
            }
            self.hull.push(point);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of 8 ms, found up to 10 ms late and some far later: where the writer is said to be, less where it is, in frames.
    fn error_after(seconds: f64, ppm: f64) -> f64 {
        let mut envelope = Envelope::new(44_100.0);
        let rate = 44_100.0 * (1.0 + ppm * 1e-6);
        let (mut dice, mut error, mut before) = (17_u64, 0.0, 0.0_f64);
        let pieces = (seconds * rate / 352.0) as u64;
        for piece in 1..=pieces {
            // Knuth's MMIX multiplier and increment; the upper bits are the good ones.
            dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let late = (dice >> 40) as f64 / f64::from(1 << 24);
            let late = if piece % 50 == 0 { 0.2 } else { late * 0.010 };
            let frames = (piece * 352) as f64;
            // Found after all that was written before.
            before = before.max(frames / rate + late);
            let at = ClockTime::default().plus_seconds(before);
            let said = envelope.observe(Heard { frames, at });
            error = said - before * rate;
        }
        error
    }

    #[test]
    fn it_lies_where_pieces_were_found_at_once() {
        for ppm in [-300.0, 0.0, 300.0] {
            // After a second within a millisecond, in the end within a quarter.
            let early = error_after(1.0, ppm);
            assert!(early.abs() < 0.001 * 44_100.0, "{ppm}: {early} frames");
            let late = error_after(30.0, ppm);
            assert!(late.abs() < 0.00025 * 44_100.0, "{ppm}: {late} frames");
        }
    }
}
