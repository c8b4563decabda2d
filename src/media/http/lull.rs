//! When a connection that brings next to nothing is given up for a new one. Pure.

use std::time::Duration;

use tokio::time::Instant;

/// A lull of this length is one too many for who needs what would come. Where a hold-up of the network has cost TCP all that was on its
/// way, the server goes on up to twice as long after it began as it lasted, or later if a piece came through in the middle of it: before
/// each attempt to send it again TCP waits twice as long as before the last one (RFC 6298, 5.5). A new connection waits for none of them.
/// If it brings nothing either, it is the server that is slow.
const TOO_LONG: Duration = Duration::from_millis(2500);
/// What plays for this part of the time in which it comes is next to nothing: no network that is merely slow is as slow as that.
const NEXT_TO_NOTHING: u64 = 8;

/// A time in which next to nothing has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lull {
    since: Instant,
    /// How many bytes have come since.
    came: u64,
}

impl Lull {
    /// One that begins at `now`, as each connection does.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            came: 0,
        }
    }

    /// So many `bytes` have come at `now`, of a file of which `rate` bytes play for a second, if that is known. Where it is not, it is
    /// enough that something comes.
    pub(super) fn came(&mut self, bytes: u64, rate: Option<u64>, now: Instant) {
        self.came += bytes;
        let lasts = self.lasts(now).as_secs_f64();
        let little = rate.unwrap_or(0) as f64 * lasts / NEXT_TO_NOTHING as f64;
        if self.came as f64 >= little {
            *self = Self::new(now);
        }
    }

    /// For so long nothing was wanted: that is no lull.
    pub(super) fn was_full_for(&mut self, time: Duration) {
        self.since += time;
    }

    /// How long it lasts, at `now`.
    pub(super) fn lasts(&self, now: Instant) -> Duration {
        now - self.since
    }

    /// Whether it is too long, at `now`, for who needs what would come.
    pub(super) fn is_too_long(&self, now: Instant) -> bool {
        self.lasts(now) >= TOO_LONG
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes per second, as of a CD.
    const RATE: u64 = 176_400;
    const TENTH: Duration = Duration::from_millis(100);

    /// After how many tenths of a second it is too long, if in each so many bytes come; at most six seconds are looked at.
    fn too_long_after(rate: Option<u64>, bytes: impl Fn(u64) -> u64) -> Option<u64> {
        let start = Instant::now();
        let mut lull = Lull::new(start);
        (1..=60).find(|tenth| {
            let now = start + TENTH * u32::try_from(*tenth).expect("small");
            match bytes(*tenth) {
                0 => {}
                bytes => lull.came(bytes, rate, now),
            }
            lull.is_too_long(now)
        })
    }

    #[test]
    fn nothing_and_next_to_nothing_are_the_same() {
        assert_eq!(too_long_after(Some(RATE), |_| 0), Some(25));
        assert_eq!(too_long_after(Some(RATE), |_| RATE / 100), Some(25));
        let one_packet = |tenth| if tenth == 15 { 1460 } else { 0 };
        assert_eq!(too_long_after(Some(RATE), one_packet), Some(25));
    }

    #[test]
    fn a_slow_network_and_one_that_goes_on_in_time_are_no_lull() {
        assert_eq!(too_long_after(Some(RATE), |_| RATE / 50), None);
        let each_other_second = |tenth: u64| match tenth % 20 {
            0 => RATE * 2,
            _ => 0,
        };
        assert_eq!(too_long_after(Some(RATE), each_other_second), None);
    }

    #[test]
    fn after_enough_has_come_it_begins_anew() {
        let until_the_tenth = |tenth| if tenth <= 10 { RATE / 10 } else { 0 };
        assert_eq!(too_long_after(Some(RATE), until_the_tenth), Some(35));
    }

    #[test]
    fn without_a_rate_anything_is_enough() {
        assert_eq!(too_long_after(None, |_| 1), None);
        assert_eq!(too_long_after(None, |_| 0), Some(25));
    }

    #[test]
    fn a_full_buffer_is_no_lull() {
        let start = Instant::now();
        let mut lull = Lull::new(start);
        lull.was_full_for(Duration::from_secs(10));
        assert!(!lull.is_too_long(start + Duration::from_secs(12)));
        assert!(lull.is_too_long(start + Duration::from_millis(12_500)));
    }
}
