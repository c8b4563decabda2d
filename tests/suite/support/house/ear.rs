//! What somebody in front of a speaker hears, and when: clicks, a tape, or the helix, which tells every frame's number.
//! It does not know what should be heard.

use unisono::clock::ClockTime;

/// Frames in which the helix goes round once: 100 ms.
pub const TURN: u32 = super::RATE / 10;
const TURN_SECONDS: f64 = TURN as f64 / super::RATE as f64;

/// Where in its turn the helix was at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    pub at: ClockTime,
    /// Seconds since the turn began.
    into: f64,
}

/// The frame of its turn that the helix is at; `None` for what is not the helix at its full size: silence, a fade, the filter's
/// ringing at an edge.
pub fn turned([left, right]: [f32; 2]) -> Option<f64> {
    let (x, y) = (f64::from(left), f64::from(right));
    let angle = y.atan2(x) / std::f64::consts::TAU;
    ((x.hypot(y) - 0.5).abs() < 1e-3).then_some(angle * f64::from(TURN))
}

impl Reading {
    fn of(at: ClockTime, left: f32, right: f32) -> Option<Self> {
        let into = turned([left, right])? / f64::from(TURN) * TURN_SECONDS;
        Some(Self { at, into })
    }

    /// How much later than due this was heard `at` seconds after the helix' start. Half a turn is the most that can be told.
    pub(super) fn late(&self, at: f64) -> f64 {
        let late = (at - self.into).rem_euclid(TURN_SECONDS);
        if late > TURN_SECONDS / 2.0 {
            late - TURN_SECONDS
        } else {
            late
        }
    }
}

/// The value at a moment, from values at moments in order; `None` where there are none for more than a turn.
pub(super) fn between(readings: &[(f64, f64)], at: f64) -> Option<f64> {
    let next = readings.partition_point(|reading| reading.0 < at);
    let (before, after) = (readings.get(next.checked_sub(1)?)?, readings.get(next)?);
    let part = (at - before.0) / (after.0 - before.0);
    (after.0 - before.0 < TURN_SECONDS).then_some(before.1 + part * (after.1 - before.1))
}

/// What somebody in front of a speaker hears.
#[derive(Debug, Default)]
pub struct Ear {
    /// Everything, if asked for: moments and left samples.
    pub tape: Option<Vec<(ClockTime, [f32; 2])>>,
    /// When each click was heard, to a fraction of a frame.
    pub clicks: Vec<ClockTime>,
    /// Where in the helix each period of the card began, if asked for instead of clicks.
    pub readings: Option<Vec<Reading>>,
    /// The click under way: summed weight, summed weighted time.
    open: Option<(f64, f64, ClockTime)>,
    quiet: u32,
}

impl Ear {
    pub(super) fn hear(&mut self, first: ClockTime, frame_seconds: f64, frames: &[f32]) {
        let frames = frames.chunks_exact(2).enumerate();
        let at = |index: usize| first.plus_seconds(index as f64 * frame_seconds);
        if let Some(tape) = &mut self.tape {
            tape.extend(
                frames
                    .clone()
                    .map(|(index, frame)| (at(index), [frame[0], frame[1]])),
            );
        }
        if let Some(readings) = &mut self.readings {
            let heard = frames.take(1);
            readings.extend(heard.filter_map(|(_, frame)| Reading::of(first, frame[0], frame[1])));
            return;
        }
        for (index, frame) in frames {
            let weight = f64::from(frame[0]).abs();
            if weight > 1e-3 {
                let at = at(index);
                let (sum, moment, origin) = self.open.unwrap_or((0.0, 0.0, at));
                self.open = Some((
                    sum + weight,
                    moment + weight * at.seconds_since(origin),
                    origin,
                ));
                self.quiet = 0;
            } else if let Some((sum, moment, origin)) = self.open {
                self.quiet += 1;
                if self.quiet > 100 {
                    self.clicks.push(origin.plus_seconds(moment / sum));
                    self.open = None;
                }
            }
        }
    }

    /// The left channel of the tape.
    pub fn left(&self) -> Vec<f32> {
        let tape = self.tape.as_ref().expect("a tape was asked for");
        tape.iter().map(|(_, frame)| frame[0]).collect()
    }
}
