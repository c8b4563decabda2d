//! How far ahead of the ear a server reads at most.

use std::time::Duration;

/// Reports in which the deepest is looked for. A device is given a piece at a time, so that what it holds goes up and down: in so
/// many it was seen near its highest.
const REPORTS: u32 = 20;

/// The most that a device was seen to hold of late.
#[derive(Debug, Default)]
pub(super) struct Depth {
    /// In the last `REPORTS`.
    last: Option<Duration>,
    /// In those since then.
    most: Duration,
    reports: u32,
}

impl Depth {
    /// The device held so much.
    pub(super) fn held(&mut self, latency: Duration) {
        self.most = self.most.max(latency);
        self.reports += 1;
        if self.reports == REPORTS {
            *self = Self {
                last: Some(self.most),
                ..Self::default()
            };
        }
    }

    /// The most it has held, once that is known.
    pub(super) fn most(&self) -> Option<Duration> {
        self.last.map(|last| last.max(self.most))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn is_the_most_of_late_and_unknown_before_enough_was_seen() {
        let mut depth = Depth::default();
        let mut see = |latency: u32, times| {
            for _ in 0..times {
                depth.held(latency * MILLI);
            }
            depth.most()
        };
        assert_eq!(see(60, REPORTS - 1), None);
        assert_eq!(see(10, 1), Some(60 * MILLI));
        assert_eq!(see(70, 1), Some(70 * MILLI), "deeper at once");
        assert_eq!(see(20, REPORTS), Some(70 * MILLI));
        assert_eq!(see(20, REPORTS), Some(20 * MILLI), "shallower in time");
    }
}
