//! The seam between two tracks of different rates. A filter that hears silence on the other side of it makes a click of the seam; here it
//! is given what the other track has there, at its own rate.
//! Where the seam is, and what is done with it, the converter knows.

use super::STEREO;

/// Frames of the other rate between which one is found: Lagrange's polynomial through so many. It is within −60 dB up to a quarter of the
/// lower rate, and what it finds is heard only through the far ends of a filter.
const POINTS: usize = 8;

/// The last frames of one track and the first of the next, stereo.
pub(super) struct Seam<'a> {
    pub(super) before: &'a [f32],
    pub(super) before_rate: u32,
    pub(super) behind: &'a [f32],
    pub(super) behind_rate: u32,
}

impl Seam<'_> {
    /// What the track before it would go on with: `frames` frames at its rate.
    pub(super) fn future(&self, frames: usize) -> Vec<f32> {
        let at = |frame: usize| frame as f64 / f64::from(self.before_rate);
        (0..frames).flat_map(|frame| self.at(at(frame))).collect()
    }

    /// What the track behind it would have come from: `frames` frames at its rate.
    pub(super) fn past(&self, frames: usize) -> Vec<f32> {
        let at = |frame: usize| -(frame as f64) / f64::from(self.behind_rate);
        (1..=frames)
            .rev()
            .flat_map(|frame| self.at(at(frame)))
            .collect()
    }

    /// The frame at so many seconds behind the seam, between those that are nearest to it.
    fn at(&self, time: f64) -> [f32; STEREO] {
        let count = (self.before.len() + self.behind.len()) / STEREO;
        let next = self.first_from(time);
        let from = next.saturating_sub(POINTS / 2);
        let until = (from + POINTS).min(count);
        let points = until.saturating_sub(POINTS)..until;
        let mut sum = [0.0; STEREO];
        for point in points.clone() {
            let place = self.time(point);
            let others = points.clone().filter(|other| *other != point);
            let weight: f64 = others
                .map(|other| (time - self.time(other)) / (place - self.time(other)))
                .product();
            for (sum, sample) in sum.iter_mut().zip(self.frame(point)) {
                *sum += weight * f64::from(*sample);
            }
        }
        sum.map(|sample| sample as f32)
    }

    /// The number of the first frame at `time` or behind it, counted over both tracks.
    fn first_from(&self, time: f64) -> usize {
        let before = self.before.len() / STEREO;
        if time < 0.0 {
            let back = (-time * f64::from(self.before_rate)) as usize;
            before.saturating_sub(back)
        } else {
            before + (time * f64::from(self.behind_rate)).ceil() as usize
        }
    }

    fn time(&self, frame: usize) -> f64 {
        let before = self.before.len() / STEREO;
        if frame < before {
            -((before - frame) as f64) / f64::from(self.before_rate)
        } else {
            (frame - before) as f64 / f64::from(self.behind_rate)
        }
    }

    fn frame(&self, frame: usize) -> &[f32] {
        let at = frame * STEREO;
        let samples = match at.checked_sub(self.before.len()) {
            None => self.before.get(at..at + STEREO),
            Some(at) => self.behind.get(at..at + STEREO),
        };
        samples.unwrap_or_default()
    }
}
