//! What is played: sources made of a function from frame number to sample. All of it is there at once.
//! Nothing is decoded.

use std::time::Duration;

use unisono::audio::StreamFormat;
use unisono::media::{Chunk, MediaInfo, Polled, Source};

use super::RATE;
use super::ear::TURN;

/// A source made of a function from frame number to sample; all of it is there at once.
pub struct Generated<F> {
    format: StreamFormat,
    frames: u64,
    at: u64,
    opened: bool,
    sought: Option<Duration>,
    sample: F,
}

impl<F: FnMut(u64) -> [f32; 2] + Send> Generated<F> {
    pub fn new(rate: u32, duration: Duration, sample: F) -> Self {
        Self {
            format: StreamFormat { rate, channels: 2 },
            frames: (duration.as_secs_f64() * f64::from(rate)).round() as u64,
            at: 0,
            opened: false,
            sought: None,
            sample,
        }
    }
}

impl<F: FnMut(u64) -> [f32; 2] + Send> Source for Generated<F> {
    fn poll(&mut self) -> Polled {
        let rate = f64::from(self.format.rate);
        if !std::mem::replace(&mut self.opened, true) {
            return Polled::Opened(MediaInfo {
                format: self.format,
                duration: Some(Duration::from_secs_f64(self.frames as f64 / rate)),
                seekable: true,
            });
        }
        if let Some(to) = self.sought.take() {
            return Polled::Sought(to);
        }
        if self.at >= self.frames {
            return Polled::End;
        }
        let end = (self.at + 1024).min(self.frames);
        let samples = (self.at..end)
            .flat_map(|frame| (self.sample)(frame))
            .collect();
        self.at = end;
        Polled::Audio(Chunk {
            format: self.format,
            samples,
        })
    }

    fn seek(&mut self, to: Duration) {
        self.at = (to.as_secs_f64() * f64::from(self.format.rate)) as u64;
        self.sought = Some(to);
    }
}

/// A soft click every half second: a raised cosine 64 frames wide, which has a well-defined middle.
pub fn clicks(duration: Duration) -> impl Source + 'static {
    Generated::new(RATE, duration, |frame| {
        let into = frame % (u64::from(RATE) / 2);
        let value = if into < 64 {
            (0.5 - 0.5 * (into as f64 / 64.0 * std::f64::consts::TAU).cos()) as f32 * 0.5
        } else {
            0.0
        };
        [value, value]
    })
}

/// A sine on both channels, of amplitude 0.5.
pub fn sine(rate: u32, hertz: f64, duration: Duration) -> impl Source + 'static {
    Generated::new(rate, duration, move |frame| {
        let phase = frame as f64 * hertz / f64::from(rate) * std::f64::consts::TAU;
        [phase.sin() as f32 * 0.5; 2]
    })
}

/// A point that goes round once every [`TURN`] frames, left and right being its coordinates: every frame says which it is.
pub fn helix(duration: Duration) -> impl Source + 'static {
    let frames = 0..TURN;
    let angle = |frame| f64::from(frame) / f64::from(TURN) * std::f64::consts::TAU;
    let turn: Vec<[f32; 2]> = frames
        .map(|frame| {
            [
                angle(frame).cos() as f32 * 0.5,
                angle(frame).sin() as f32 * 0.5,
            ]
        })
        .collect();
    Generated::new(RATE, duration, move |frame| {
        turn[(frame % u64::from(TURN)) as usize]
    })
}
