//! How much must be at hand before music starts or goes on, so that a network's hiccups are not heard. Pure; what is at hand the source says.

use std::time::Duration;

use crate::clock::ClockTime;
use crate::media::Supply;

/// With so much at hand a start is safe: a radio link may lose all for two seconds, and until the server goes on it may take another
/// one (see `TOO_LONG` in `media::http::lull`).
const SAFE: Duration = Duration::from_secs(4);
/// What comes at less than one and a half times the pace at which it plays has not been made up for when it happens the next time…
const SLOW: (u32, u32) = (3, 2);
/// …so that this much is to be at hand.
const SAFE_IF_SLOW: Duration = Duration::from_secs(5);
/// So is one from a server that sends so many times as fast as it plays…
const FAST: u32 = 4;
/// …and has been seen to for this long: the first bytes always come at once.
const SEEN_FOR: Duration = Duration::from_millis(100);
/// A start waits for no longer than this: from a server that is slower than that nothing is safe.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A stream that has run dry goes on with at least this, and with twice as much each time…
const AFTER_A_STALL: Duration = Duration::from_millis(1500);
/// …up to this.
const LARGEST: Duration = Duration::from_secs(12);

/// What has been learnt of how a track comes.
#[derive(Debug, Default)]
pub(super) struct Cushion {
    /// How often it has run dry.
    stalls: u32,
    /// Since when it has been seen to come, and how much was there then.
    seen: Option<(ClockTime, Duration)>,
}

impl Cushion {
    /// It has run dry: next time there is to be more.
    pub(super) fn ran_dry(&mut self) {
        self.stalls += 1;
        self.seen = None;
    }

    /// What comes now comes from elsewhere: how fast is still to be seen.
    pub(super) fn begin_anew(&mut self) {
        self.seen = None;
    }

    /// Whether music may start with this much decoded and that much to be had, at `now`.
    pub(super) fn is_safe(&mut self, decoded: Duration, supply: Supply, now: ClockTime) -> bool {
        let there = decoded.saturating_add(supply.ahead);
        if there.is_zero() {
            // The server has not begun: it is not slow yet.
            return supply.full;
        }
        let (since, then) = *self.seen.get_or_insert((now, there));
        let seen = now.saturating_since(since);
        let came = there.saturating_sub(then);
        let (more, than) = SLOW;
        let safe = if came * than < seen * more {
            SAFE_IF_SLOW
        } else {
            SAFE
        };
        if supply.full || there >= self.wanted(supply.paced, safe) {
            return true;
        }
        let is_fast = seen >= SEEN_FOR && came >= seen * FAST;
        self.stalls == 0 && (is_fast || seen >= LONGEST_WAIT)
    }

    fn wanted(&self, paced: bool, safe: Duration) -> Duration {
        match self.stalls {
            // Whoever captures sound as it is played waits for what we wait: for ever.
            0 if paced => Duration::ZERO,
            0 => safe,
            stalls => {
                let wanted = AFTER_A_STALL.saturating_mul(1 << (stalls - 1).min(8));
                let wanted = wanted.min(LARGEST);
                if paced { wanted } else { wanted.max(safe) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    fn supply(ahead: Duration, paced: bool) -> Supply {
        Supply {
            ahead,
            full: false,
            paced,
        }
    }

    /// When a stream starts that sends so many times as fast as it plays, looked at every 10 ms, and how much is there then.
    fn start(cushion: &mut Cushion, speed: f64, paced: bool) -> (Duration, Duration) {
        let mut waited = Duration::ZERO;
        loop {
            let there = waited.mul_f64(speed);
            let decoded = there.min(1500 * MILLI);
            let now = ClockTime::default() + waited;
            if cushion.is_safe(decoded, supply(there - decoded, paced), now) {
                return (waited, there);
            }
            waited += 10 * MILLI;
        }
    }

    #[test]
    fn a_fast_server_starts_at_once_and_a_slow_one_when_it_is_safe() {
        let check = |speed, paced, waited: Duration| {
            let (took, _) = start(&mut Cushion::default(), speed, paced);
            assert!(took.abs_diff(waited) <= 10 * MILLI, "{speed}: {took:?}");
        };
        check(1000.0, false, 10 * MILLI);
        check(10.0, false, 100 * MILLI);
        check(2.0, false, 2000 * MILLI);
        check(1.2, false, 4170 * MILLI);
        check(0.5, false, 5000 * MILLI);
        check(1.0, true, Duration::ZERO);
    }

    #[test]
    fn what_is_full_waits_for_nothing() {
        let full = Supply {
            full: true,
            ..supply(Duration::ZERO, false)
        };
        let mut cushion = Cushion::default();
        cushion.ran_dry();
        assert!(cushion.is_safe(MILLI, full, ClockTime::default()));
    }

    #[test]
    fn each_stall_asks_for_more_up_to_a_bound() {
        let mut cushion = Cushion::default();
        let wanted: Vec<_> = (0..6)
            .map(|_| {
                cushion.ran_dry();
                start(&mut cushion, 1.0, true).1.as_millis()
            })
            .collect();
        assert_eq!(wanted, [1500, 3000, 6000, 12_000, 12_000, 12_000]);
    }
}
