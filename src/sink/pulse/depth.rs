//! How far ahead of the ear a server may have handed sound to the device: what is nearer cannot be taken back. Pure.
//!
//! A server that counts its latency down from one piece to the next says with the largest how much the device ever holds; what it has not
//! been handed by then is still ours. One that says the same all the time (PipeWire) may take another piece at any moment.

use std::time::Duration;

use crate::clock::ClockTime;

/// So many reports, at irregular places in the pieces, have seen the largest latency but for a part of a millisecond or two.
const TELLING: u32 = 24;

/// What a server has said of its latency since it has been handing pieces of the present size to the device.
#[derive(Debug)]
pub(super) struct Depth {
    since: ClockTime,
    said: u32,
    latest: Duration,
    least: Duration,
    most: Duration,
}

impl Depth {
    /// Nothing is known yet; `latency` is believed until something is. What is said before `since` is of other pieces.
    pub(super) fn new(latency: Duration, since: ClockTime) -> Self {
        Self {
            since,
            said: 0,
            latest: latency,
            least: Duration::MAX,
            most: Duration::ZERO,
        }
    }

    /// Takes note of the latency that the server says it has at `now`.
    pub(super) fn note(&mut self, latency: Duration, now: ClockTime) {
        self.latest = latency;
        if now >= self.since {
            self.said = self.said.saturating_add(1);
            self.least = self.least.min(latency);
            self.most = self.most.max(latency);
        }
    }

    /// The latency it said last.
    pub(super) fn latest(&self) -> Duration {
        self.latest
    }

    /// How far ahead of the ear it may have handed sound to the device, which it does `piece` by piece.
    pub(super) fn most(&self, piece: Duration) -> Duration {
        let counts_down = self.most.saturating_sub(self.least) >= piece / 2;
        if self.said >= TELLING && counts_down {
            self.most.max(self.latest)
        } else {
            self.latest + piece
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: Duration = Duration::from_millis(20);

    fn at(millis: u64) -> ClockTime {
        ClockTime::default() + Duration::from_millis(millis)
    }

    /// After reports every 8 ms of a server with this latency at each moment.
    fn told(since: u64, latency: impl Fn(u64) -> u64) -> Depth {
        let mut depth = Depth::new(PIECE, at(since));
        for millis in (0..320).step_by(8) {
            depth.note(Duration::from_millis(latency(millis)), at(millis));
        }
        depth
    }

    #[test]
    fn a_latency_that_counts_down_tells_what_the_device_holds_at_most() {
        let depth = told(0, |millis| 150 + 20 - millis % 20);
        assert_eq!(depth.most(PIECE), Duration::from_millis(170));
    }

    #[test]
    fn one_that_stands_still_tells_nothing_of_the_next_piece() {
        let depth = told(0, |_| 21);
        assert_eq!(depth.most(PIECE), Duration::from_millis(41));
    }

    #[test]
    fn what_was_said_of_larger_pieces_is_forgotten_and_nothing_is_believed_too_soon() {
        let latency = |millis: u64| if millis < 100 { 60 } else { 20 - millis % 20 };
        let depth = told(100, latency);
        assert_eq!(depth.most(PIECE), Duration::from_millis(20));
        let mut depth = Depth::new(PIECE, at(0));
        for millis in [0, 8, 16] {
            depth.note(Duration::from_millis(20 - millis), at(millis));
        }
        assert_eq!(depth.most(PIECE), Duration::from_millis(24));
    }
}
