//! The one time everything is measured against.
//! It is monotonic and has no calendar: only differences mean anything.

use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// A moment on a [`Clock`], in nanoseconds since an arbitrary origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ClockTime(i64);

impl ClockTime {
    /// The moment `nanos` nanoseconds after the clock's origin.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's origin.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Seconds from `earlier` to `self`; negative when `self` comes first.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0) as f64 * 1e-9
    }

    /// The time from `earlier` to `self`, or zero when `self` comes first.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// This moment moved by `seconds`, which may be negative.
    pub fn plus_seconds(self, seconds: f64) -> Self {
        Self(self.0 + (seconds * 1e9).round() as i64)
    }
}

impl Add<Duration> for ClockTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos(duration)))
    }
}

impl Sub<Duration> for ClockTime {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(duration)))
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// A source of time. Threads and tasks ask it; logic is handed what it said.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> ClockTime;
}

/// The operating system's monotonic clock.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose origin is the moment of this call.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the operating system's time"
    )]
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// The clock time of an operating system instant.
    pub fn at(&self, instant: Instant) -> ClockTime {
        match instant.checked_duration_since(self.origin) {
            Some(after) => ClockTime(0) + after,
            None => ClockTime(0) - self.origin.duration_since(instant),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the operating system's time"
    )]
    fn now(&self) -> ClockTime {
        self.at(Instant::now())
    }
}

/// A clock that stands still until it is moved: virtual time for tests and simulations.
#[derive(Debug, Default)]
pub struct ManualClock {
    nanos: AtomicI64,
}

impl ManualClock {
    /// A clock that stands at its origin.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock to `time`, forwards or backwards.
    pub fn set(&self, time: ClockTime) {
        self.nanos.store(time.0, Ordering::Release);
    }

    /// Moves the clock forwards by `duration`.
    pub fn advance(&self, duration: Duration) {
        self.nanos.fetch_add(nanos(duration), Ordering::AcqRel);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> ClockTime {
        ClockTime(self.nanos.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_keep_their_sign() {
        let start = ClockTime::from_nanos(5_000_000_000);
        let later = start + Duration::from_millis(250);
        assert_eq!(later.seconds_since(start), 0.25);
        assert_eq!(start.seconds_since(later), -0.25);
        assert_eq!(start.saturating_since(later), Duration::ZERO);
        assert_eq!(later.plus_seconds(-0.25), start);
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new();
        let before = clock.now();
        clock.advance(Duration::from_secs(3));
        assert_eq!(clock.now().saturating_since(before), Duration::from_secs(3));
    }
}
