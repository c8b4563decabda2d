//! The straight line from frame number to the moment that frame is heard.

use crate::clock::ClockTime;

/// When each frame of a zone's stream is due at the listener's ear.
///
/// `time(f) = anchor + (f − origin) / rate`
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timeline {
    origin: u64,
    anchor: ClockTime,
    rate: u32,
}

impl Timeline {
    /// The line on which frame `origin` is heard at `anchor`, and `rate` frames follow each second.
    pub fn new(origin: u64, anchor: ClockTime, rate: u32) -> Self {
        Self {
            origin,
            anchor,
            rate,
        }
    }

    /// The frame heard at the anchor.
    pub fn origin(&self) -> u64 {
        self.origin
    }

    /// The moment the origin is heard.
    pub fn anchor(&self) -> ClockTime {
        self.anchor
    }

    /// Frames per second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// When a frame is heard; whole or in between.
    pub fn time_of(&self, frame: f64) -> ClockTime {
        self.anchor
            .plus_seconds((frame - self.origin as f64) / f64::from(self.rate))
    }

    /// The frame heard at `time`: fractional, and before the origin if `time` is before the anchor.
    pub fn frame_at(&self, time: ClockTime) -> f64 {
        self.origin as f64 + time.seconds_since(self.anchor) * f64::from(self.rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frame_and_time_are_inverses(origin in 0u64..1 << 40, anchor in -1i64 << 50..1 << 50, ahead in -1e9f64..1e9) {
            let line = Timeline::new(origin, ClockTime::from_nanos(anchor), 48_000);
            let frame = origin as f64 + ahead;
            // A nanosecond is 0.000048 frames.
            prop_assert!((line.frame_at(line.time_of(frame)) - frame).abs() < 1e-3);
        }
    }
}
