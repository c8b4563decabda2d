//! What comes in by an input's own clock, brought onto ours: frame number k of the grid is what was taken in at the moment k. Pure.

use std::time::Duration;

use crate::audio::{DriftController, Heard, PositionFilter, RateMatcher, StreamFormat};
use crate::clock::ClockTime;

/// Frames made at a time: the rate is steered this often.
pub(super) const PIECE: usize = 240;
/// Beyond this the grid goes on where the input is instead of steering. In seconds.
const JUMP: f64 = 0.030;
/// What has not come so long after it was taken in is taken for silence, or when it could not be heard in time any more.
const LOST_AFTER: Duration = Duration::from_millis(100);
/// More than this is not waited for: nobody can hear it in time. In seconds.
const MOST: f64 = 2.0;

const RATE: u32 = StreamFormat::STANDARD.rate;

/// An input's frames on our clock.
pub(super) struct Grid {
    /// The moment of frame zero.
    origin: ClockTime,
    /// How long frames are waited for.
    patience: Duration,
    /// The next frame.
    next: u64,
    far: Option<Far>,
}

/// An open far end, its clock, and what has come of it.
struct Far {
    rate: u32,
    line: PositionFilter,
    matcher: RateMatcher,
    /// Stereo frames that have come and were not used.
    pending: Vec<f32>,
    /// The number of the first of them.
    first: u64,
    /// The matcher has a position.
    begun: bool,
}

impl std::fmt::Debug for Grid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Grid")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

impl Grid {
    /// A grid that begins at `now`, with nothing on it, for whoever hears frames so long after they were taken in.
    pub(super) fn new(buffer: Duration, now: ClockTime) -> Self {
        Self {
            origin: now,
            patience: buffer.max(LOST_AFTER),
            next: 0,
            far: None,
        }
    }

    /// When frame `frame` was taken in.
    pub(super) fn time_of(&self, frame: u64) -> ClockTime {
        self.origin.plus_seconds(frame as f64 / f64::from(RATE))
    }

    /// A far end of this nominal rate has been opened.
    ///
    /// # Errors
    /// The rate cannot be matched.
    pub(super) fn open(&mut self, rate: u32) -> Result<(), rubato::ResamplerConstructionError> {
        self.far = Some(Far {
            rate,
            line: PositionFilter::new(rate, None),
            matcher: RateMatcher::new(rate, RATE)?,
            pending: Vec::new(),
            first: 0,
            begun: false,
        });
        Ok(())
    }

    /// It is gone.
    pub(super) fn close(&mut self) {
        self.far = None;
    }

    /// How fast the far end's clock is, in parts per million, once that is known.
    pub(super) fn clock_ppm(&self) -> Option<f64> {
        let line = self.far.as_ref().map(|far| &far.line)?;
        line.settled().then(|| line.ppm())
    }

    /// So much had come in at that moment.
    pub(super) fn observe(&mut self, heard: Heard) {
        if let Some(far) = &mut self.far {
            far.line.observe(heard);
        }
    }

    /// Something was lost on the way.
    pub(super) fn lost_some(&mut self) {
        if let Some(far) = &mut self.far {
            far.line.moved();
        }
    }

    /// These frames have come.
    pub(super) fn push(&mut self, frames: &[f32]) {
        if let Some(far) = &mut self.far {
            far.pending.extend_from_slice(frames);
            far.forget_old();
        }
    }

    /// Makes the next [`PIECE`] frames, if there is what it takes. What cannot come, or has not come for too long at `now`, is
    /// silence. Returns the number of the first.
    pub(super) fn pull(&mut self, now: ClockTime, output: &mut [f32; PIECE * 2]) -> Option<u64> {
        let start = self.next;
        let due = self.time_of(start);
        let made = self.far.as_mut().is_some_and(|far| far.make(due, output));
        if !made {
            let can_come = self.far.as_ref().is_some_and(|far| far.line.settled());
            let patience = if can_come {
                self.patience
            } else {
                Duration::ZERO
            };
            if now < self.time_of(start + PIECE as u64) + patience {
                return None;
            }
            output.fill(0.0);
            if let Some(far) = &mut self.far {
                far.begun = false;
            }
        }
        self.next += PIECE as u64;
        Some(start)
    }
}

impl Far {
    /// The frames taken in from `due` on; whether they have come.
    fn make(&mut self, due: ClockTime, output: &mut [f32]) -> bool {
        let Some(place) = self.line.frames_at(due).filter(|_| self.line.settled()) else {
            return false;
        };
        let ahead = (self.matcher.position() - place) / f64::from(self.rate);
        if !self.begun || ahead.abs() > JUMP {
            let end = self.first + self.pending.len() as u64 / 2;
            if place < self.first as f64 || place >= end as f64 {
                return false;
            }
            self.drop_before(place as u64);
            self.matcher.begin(place);
            self.begun = true;
        }
        let ahead = (self.matcher.position() - place) / f64::from(self.rate);
        let crystal = self.line.rate() / f64::from(self.rate);
        self.matcher.bend(crystal * DriftController.factor(ahead));
        let wanted = self.matcher.wanted(PIECE);
        if self.pending.len() / 2 < wanted {
            return false;
        }
        let pending = &self.pending;
        self.matcher.process(output, |input| {
            input.copy_from_slice(&pending[..input.len()]);
        });
        self.pending.drain(..wanted * 2);
        self.first += wanted as u64;
        true
    }

    fn drop_before(&mut self, frame: u64) {
        let count = usize::try_from(frame.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let count = count.min(self.pending.len() / 2);
        self.pending.drain(..count * 2);
        self.first += count as u64;
    }

    fn forget_old(&mut self) {
        let most = (MOST * f64::from(self.rate)) as u64;
        let end = self.first + self.pending.len() as u64 / 2;
        if end.saturating_sub(self.first) > most {
            self.drop_before(end - most);
            self.begun = false;
        }
    }
}
