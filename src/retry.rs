//! When to try again to open what could not be opened, or was lost. Pure.

use std::time::Duration;

use crate::clock::ClockTime;

/// What was lost is tried again after this, and after twice as long each time.
const FIRST: Duration = Duration::from_millis(500);

/// The attempts to open one thing.
#[derive(Debug)]
pub struct Retry {
    at: ClockTime,
    pause: Duration,
    longest: Duration,
    failing: bool,
}

impl Retry {
    /// Attempts of which the first is due at once, and that are never further apart than `longest`.
    pub fn up_to(longest: Duration) -> Self {
        Self {
            at: ClockTime::default(),
            pause: FIRST,
            longest,
            failing: false,
        }
    }

    /// Whether the next attempt is due at `now`.
    pub fn is_due(&self, now: ClockTime) -> bool {
        now >= self.at
    }

    /// An attempt was successful.
    pub fn worked(&mut self) {
        (self.pause, self.failing) = (FIRST, false);
    }

    /// An attempt has failed at `now`. Whether it is worth a word: it is the first one since one was successful.
    pub fn failed(&mut self, now: ClockTime) -> bool {
        self.at = now + self.pause;
        self.pause = (self.pause * 2).min(self.longest);
        !std::mem::replace(&mut self.failing, true)
    }

    /// What was open was lost at `now`.
    pub fn lost(&mut self, now: ClockTime) {
        self.at = now + FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> ClockTime {
        ClockTime::default() + Duration::from_millis(milliseconds)
    }

    #[test]
    fn attempts_grow_rarer_up_to_a_bound_and_the_first_failure_is_told() {
        let mut retry = Retry::up_to(Duration::from_secs(2));
        let mut attempts = Vec::new();
        for now in (0..7000).step_by(100) {
            if retry.is_due(at(now)) {
                let told = retry.failed(at(now));
                attempts.push((now, told));
            }
        }
        let expected = [0, 500, 1500, 3500, 5500].map(|now| (now, now == 0));
        assert_eq!(attempts, expected);
    }

    #[test]
    fn after_success_it_begins_anew() {
        let mut retry = Retry::up_to(Duration::from_secs(2));
        assert!(retry.failed(at(0)) && !retry.failed(at(500)));
        retry.worked();
        retry.lost(at(9000));
        assert!(!retry.is_due(at(9499)) && retry.is_due(at(9500)));
        assert!(retry.failed(at(9500)));
        assert!(!retry.is_due(at(9999)) && retry.is_due(at(10_000)));
    }
}
