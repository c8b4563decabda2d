//! How often one peer may ask, without a clock and without a socket.
//! Not how much at once: that is limited by `listener`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// So many peers are remembered before those are looked for that need not be.
const SWEEP: usize = 64;

/// A rate, and how far ahead of it a peer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// In the long run.
    pub per_second: u32,
    /// As many at once, after a rest.
    pub burst: u32,
}

/// Who has asked how much lately.
///
/// Nobody is refused: whoever asks too often waits for its turn. A peer has one request at a time on a connection and a limited
/// number of connections, so what waits is limited too; an app that sends a burst has all its answers, a flood no more than the rate.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    tolerance: Duration,
    /// When the peer's requests so far would all have had their turn, had they come evenly (GCRA's theoretical arrival time).
    peers: HashMap<IpAddr, Instant>,
    /// The number of peers at which they are looked over next.
    sweep: usize,
}

impl Pace {
    /// Nobody has asked yet.
    pub(super) fn new(rate: Rate) -> Self {
        let interval = Duration::from_secs(1) / rate.per_second.max(1);
        Self {
            interval,
            tolerance: interval * rate.burst,
            peers: HashMap::new(),
            sweep: SWEEP,
        }
    }

    /// When a request from `peer` that came at `now` has its turn: now, or later.
    pub(super) fn turn(&mut self, peer: IpAddr, now: Instant) -> Instant {
        if self.peers.len() >= self.sweep {
            self.peers.retain(|_, even| *even > now);
            self.sweep = SWEEP.max(2 * self.peers.len());
        }
        let even = self.peers.entry(peer.to_canonical()).or_insert(now);
        *even = (*even).max(now) + self.interval;
        even.checked_sub(self.tolerance)
            .map_or(now, |turn| turn.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 1, 9));

    fn start() -> Instant {
        tokio::time::Instant::now().into_std() + Duration::from_secs(3600)
    }

    /// How long each of these requests of one peer waits, in milliseconds, at 10 a second and 3 at once.
    fn check(sent_ms: &[u64], expected_ms: &[u64]) {
        let mut pace = Pace::new(Rate {
            per_second: 10,
            burst: 3,
        });
        let start = start();
        let waits: Vec<_> = sent_ms
            .iter()
            .map(|&ms| start + Duration::from_millis(ms))
            .map(|now| pace.turn(PHONE, now).duration_since(now).as_millis())
            .collect();
        let expected: Vec<_> = expected_ms.iter().map(|&ms| u128::from(ms)).collect();
        assert_eq!(waits, expected, "{sent_ms:?}");
    }

    #[test]
    fn a_burst_passes_and_a_flood_waits() {
        check(&[0, 0, 0], &[0, 0, 0]);
        check(&[0, 0, 0, 0, 0], &[0, 0, 0, 100, 200]);
        check(&[0, 0, 0, 0, 1000, 1000, 1000], &[0, 0, 0, 100, 0, 0, 0]);
        check(&[0, 100, 200, 300, 400, 500], &[0; 6]);
    }

    #[test]
    fn a_peer_waits_for_nobody_else_and_is_forgotten_when_it_rests() {
        let mut pace = Pace::new(Rate {
            per_second: 1,
            burst: 1,
        });
        let now = start();
        for number in 0..1000_u32 {
            assert_eq!(pace.turn(IpAddr::V4(number.into()), now), now);
        }
        let later = now + Duration::from_secs(2);
        for number in 2000..3000_u32 {
            assert_eq!(pace.turn(IpAddr::V4(number.into()), later), later);
        }
        assert!(pace.peers.len() <= 1000, "{}", pace.peers.len());
    }
}
