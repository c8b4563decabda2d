//! Discovery without sockets or clocks: when each message is due on one interface.
//! Not what it says; that is in `message`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::message::{Advertisement, GROUP, Kind, MAX_AGE, Search, Terms, answer, notifications};

/// Between two datagrams of a set, so that slow receivers keep up.
const STEP: Duration = Duration::from_millis(20);
/// Between the copies of a set, besides the time the set itself takes.
const BETWEEN: Duration = Duration::from_millis(120);
/// Copies of the first announcement: UDP forgets, and so do access points.
const COPIES: u32 = 3;
/// As many answers wait at most; a flood of searches beyond that is not answered.
const WAITING: usize = 1024;

/// A datagram and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where to.
    pub to: SocketAddr,
    /// What.
    pub text: String,
}

/// What will be said on one interface, and when.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: BTreeMap<(Instant, u64), Message>,
    counter: u64,
}

impl Outbox {
    /// When the next message is due.
    pub fn next_at(&self) -> Option<Instant> {
        self.waiting.keys().next().map(|&(at, _)| at)
    }

    /// Takes the next message that is due at `now`.
    pub fn take_due(&mut self, now: Instant) -> Option<Message> {
        let entry = self.waiting.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Forgets everything that waits.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    fn push(&mut self, at: Instant, to: SocketAddr, text: String) {
        self.counter += 1;
        let message = Message { to, text };
        self.waiting.insert((at, self.counter), message);
    }

    /// A set of announcements, one after the other from `at` on; returns when the set is over.
    pub fn announce(
        &mut self,
        kind: Kind,
        advertisements: &[Advertisement],
        terms: &Terms,
        at: Instant,
    ) -> Instant {
        let step = match kind {
            Kind::Alive => STEP,
            // On the way out, and before anything else can be said, there is no time to lose.
            Kind::ByeBye | Kind::Update { .. } => STEP / 10,
        };
        let mut at = at;
        for advertisement in advertisements {
            for text in notifications(kind, advertisement, terms) {
                self.push(at, GROUP.into(), text);
                at += step;
            }
        }
        at
    }

    /// Several sets of alive from `at` on.
    pub fn announce_well(&mut self, advertisements: &[Advertisement], terms: &Terms, at: Instant) {
        let mut at = at;
        for _ in 0..COPIES {
            at = self.announce(Kind::Alive, advertisements, terms, at) + BETWEEN;
        }
    }

    /// The last words, twice; everything else is forgotten.
    pub fn close(&mut self, advertisements: &[Advertisement], terms: &Terms, now: Instant) {
        self.clear();
        let again = self.announce(Kind::ByeBye, advertisements, terms, now);
        self.announce(Kind::ByeBye, advertisements, terms, again + STEP);
    }

    /// Queues the answers to a search. `random`, from 0 to 1, is where in its share of the window each answer falls.
    pub fn answer(
        &mut self,
        search: &Search,
        from: SocketAddr,
        advertisements: &[Advertisement],
        terms: &Terms,
        now: Instant,
        random: f64,
    ) {
        let answers: Vec<String> = advertisements
            .iter()
            .flat_map(|advertisement| {
                let answers = advertisement.answers(&search.st);
                answers
                    .into_iter()
                    .map(move |(st, usn)| answer(advertisement, terms, &st, &usn))
            })
            .collect();
        if self.waiting.len() + answers.len() > WAITING {
            return;
        }
        let share = search.window.div_f64(answers.len().max(1) as f64);
        let mut at = now + share.mul_f64(random);
        for text in answers {
            self.push(at, from, text);
            at += share;
        }
    }
}

/// The time to the second announcement on an interface, about a minute; `random` is from 0 to 1. A switch that looks for loops lets nothing
/// through for half a minute after a cable is plugged in (IEEE 802.1D: twice its forward delay of 15 s), and the first is lost then.
pub fn until_second_announcement(random: f64) -> Duration {
    Duration::from_secs(60).mul_f64(0.9 + 0.2 * random)
}

/// How long to wait before the first alive; `random` is from 0 to 1. Many devices may hear of one network at one moment.
pub fn first_wait(random: f64) -> Duration {
    STEP + Duration::from_millis(100).mul_f64(random)
}

/// The time from then on to the next regular announcement: a third of [`MAX_AGE`], give or take a tenth; `random` is from 0 to 1.
pub fn until_next_announcement(random: f64) -> Duration {
    (MAX_AGE / 3).mul_f64(0.9 + 0.2 * random)
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::device;
    use super::*;

    fn terms() -> Terms {
        Terms {
            server: "Linux/6 UPnP/1.0 Lamp/1".to_owned(),
            boot_id: 1234,
            http: "192.0.2.10:49494".parse().expect("an address"),
        }
    }

    fn now() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    #[test]
    fn s02_answers_are_spread_over_the_window_and_s24_bounded() {
        let search = Search {
            st: "ssdp:all".to_owned(),
            window: Duration::from_millis(900),
        };
        let from = "192.0.2.20:5000".parse().expect("an address");
        let mut outbox = Outbox::default();
        let begin = now();
        outbox.answer(&search, from, &[device()], &terms(), begin, 0.99);
        let last = outbox.waiting.keys().last().map(|&(at, _)| at - begin);
        assert!(last <= Some(search.window), "{last:?}");
        assert!(last > Some(search.window / 2), "{last:?}");
        assert!(outbox.waiting.values().all(|message| {
            message.text.starts_with("HTTP/1.1 200 OK\r\n") && message.text.contains("EXT: \r\n")
        }));
        for _ in 0..10_000 {
            outbox.answer(&search, from, &[device()], &terms(), begin, 0.5);
        }
        assert!(outbox.len() <= WAITING);
    }

    #[test]
    fn s19_the_next_announcement_is_long_before_half_of_max_age() {
        assert_eq!(until_next_announcement(0.0), Duration::from_secs(540));
        assert_eq!(until_next_announcement(1.0), Duration::from_secs(660));
    }

    #[test]
    fn s20_the_last_words_are_byebye_for_everything_twice() {
        let mut outbox = Outbox::default();
        let begin = now();
        outbox.announce_well(&[device()], &terms(), begin);
        outbox.close(&[device()], &terms(), begin);
        assert_eq!(outbox.len(), 12);
        let gone = |message: &Message| message.text.contains("NTS: ssdp:byebye\r\n");
        assert!(outbox.waiting.values().all(gone));
        let last = outbox.waiting.keys().last().map(|&(at, _)| at - begin);
        assert!(last < Some(Duration::from_millis(200)), "{last:?}");
    }
}
