//! The click: as a song made of nothing else, and found again in what was recorded.
//! It knows frames only, no times.

use std::f64::consts::TAU;
use std::time::Duration;

use unisono::audio::StreamFormat;
use unisono::media::{Chunk, MediaInfo, Polled, Source};

/// Frames per second, of the song, the sinks and the recordings: nothing on the way but the library converts.
pub(crate) const RATE: u32 = 48_000;
/// Frames from one click to the next, half a second.
pub(crate) const APART: u64 = 24_000;
/// A click is a raised cosine so many frames wide: there is nothing in it above 2 kHz that a resampler could turn.
const WIDTH: u64 = 64;
/// How loud it is at its middle.
const PEAK: f64 = 0.5;
/// A fifth of the peak: no resampler rings as loudly.
const LOUD: f32 = 0.1;
/// A click and its ringing begin at most so many frames before it is loud…
const BEFORE: usize = 64;
/// …and end at most so many after: the click, and a resampler's 64 frames.
const AFTER: usize = 160;

/// Clicks without end.
#[derive(Debug, Default)]
pub(crate) struct Clicks {
    at: u64,
    opened: bool,
    sought: Option<Duration>,
}

impl Source for Clicks {
    fn poll(&mut self) -> Polled {
        let format = StreamFormat {
            rate: RATE,
            channels: 2,
        };
        if !std::mem::replace(&mut self.opened, true) {
            return Polled::Opened(MediaInfo {
                format,
                duration: None,
                seekable: true,
            });
        }
        if let Some(to) = self.sought.take() {
            return Polled::Sought(to);
        }
        let frames = self.at..self.at + 1024;
        self.at = frames.end;
        Polled::Audio(Chunk {
            format,
            samples: frames.flat_map(|frame| [sample(frame); 2]).collect(),
        })
    }

    fn seek(&mut self, to: Duration) {
        self.at = (to.as_secs_f64() * f64::from(RATE)) as u64;
        self.sought = Some(to);
    }
}

fn sample(frame: u64) -> f32 {
    let into = frame % APART;
    if into >= WIDTH {
        return 0.0;
    }
    let turn = into as f64 / WIDTH as f64 * TAU;
    (PEAK * (0.5 - 0.5 * turn.cos())) as f32
}

/// Finds clicks in samples as they come, and keeps no more of them than it needs.
#[derive(Debug, Default)]
pub(crate) struct Finder {
    samples: Vec<f32>,
    /// The number of the first of `samples`.
    first: u64,
    /// How many of `samples` have been looked at.
    searched: usize,
}

impl Finder {
    /// Adds samples, and answers the middles of the clicks that are complete now: sample numbers, with fractions.
    pub(crate) fn hear(&mut self, samples: impl Iterator<Item = f32>) -> Vec<f64> {
        self.samples.extend(samples);
        let mut found = Vec::new();
        while let Some(loud) = self.next_loud() {
            self.searched = loud;
            let end = loud + AFTER;
            if end > self.samples.len() {
                break;
            }
            let start = loud.saturating_sub(BEFORE);
            found.push(self.first as f64 + start as f64 + middle(&self.samples[start..end]));
            self.searched = end;
        }
        let done = self.searched.saturating_sub(BEFORE);
        self.samples.drain(..done);
        self.first += done as u64;
        self.searched -= done;
        found
    }

    /// Where the next loud sample is. When there is none, all have been looked at.
    fn next_loud(&mut self) -> Option<usize> {
        let rest = &self.samples[self.searched..];
        let loud = rest.iter().position(|sample| sample.abs() > LOUD);
        if loud.is_none() {
            self.searched = self.samples.len();
        }
        loud.map(|ahead| self.searched + ahead)
    }
}

/// The centroid. A band-limited click that is moved by a fraction of a sample has its centroid moved by exactly that.
fn middle(samples: &[f32]) -> f64 {
    let (sum, moment) =
        samples
            .iter()
            .enumerate()
            .fold((0.0, 0.0), |(sum, moment), (at, sample)| {
                let sample = f64::from(*sample);
                (sum + sample, moment + sample * at as f64)
            });
    moment / sum
}
