//! Speakers that come and go in virtual time: when each is asked to come back, and when it is left alone.

use super::*;

const FLIP: Address = Address::new([0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0x01]);
const BOOM: Address = Address::new([0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0x02]);
const DESK: Address = Address::new([0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0x03]);

/// A keeper whose time is moved by hand.
struct Bench {
    keeper: Keeper,
    now: ClockTime,
}

impl Bench {
    fn new(addresses: &[Address]) -> Self {
        Self {
            keeper: Keeper::new(addresses.iter().copied()),
            now: ClockTime::default(),
        }
    }

    fn after(&mut self, seconds: u64) -> &mut Self {
        self.now = self.now + Duration::from_secs(seconds);
        self
    }

    fn saw(&mut self, sight: Sight) -> Option<News> {
        self.keeper.saw(self.now, FLIP, sight)
    }

    fn tried(&mut self, outcome: Result<(), Failure>) -> Option<News> {
        self.keeper.tried(self.now, FLIP, outcome)
    }

    /// Waits for the next attempt and says how many seconds that took.
    fn attempt(&mut self) -> u64 {
        let next = self.keeper.next().expect("it has not been given up");
        let waited = next.saturating_since(self.now);
        if let Some(shortly) = waited.checked_sub(Duration::from_millis(1)) {
            assert_eq!(self.keeper.due(self.now + shortly), None);
        }
        self.now = self.now.max(next);
        assert_eq!(self.keeper.due(self.now), Some(FLIP));
        waited.as_secs()
    }

    /// The pauses before each of so many attempts that fail.
    fn pauses(&mut self, number: usize, failure: &Failure) -> Vec<u64> {
        let mut pauses = Vec::new();
        for _ in 0..number {
            pauses.push(self.attempt());
            self.tried(Err(failure.clone()));
        }
        pauses
    }

    /// Connected for long enough to count.
    fn settled() -> Self {
        let mut bench = Self::new(&[FLIP]);
        bench.saw(Sight::Apart);
        bench.attempt();
        bench.tried(Ok(()));
        bench.after(60);
        bench
    }
}

#[test]
fn at_the_start_it_is_connected_at_once_and_then_left_alone() {
    let mut bench = Bench::new(&[FLIP]);
    assert_eq!(bench.saw(Sight::Apart), None);
    assert_eq!(bench.attempt(), 0);
    assert_eq!(bench.tried(Ok(())), Some(News::Connected { by_us: true }));
    assert_eq!(bench.after(3600).saw(Sight::Connected), None);
    assert_eq!(bench.keeper.next(), None);
    // One that is connected already is not touched.
    let mut bench = Bench::new(&[FLIP]);
    assert_eq!(
        bench.saw(Sight::Connected),
        Some(News::Connected { by_us: false })
    );
    assert_eq!(bench.keeper.due(bench.now), None);
}

#[test]
fn one_that_is_off_is_asked_ever_more_rarely_and_never_given_up() {
    let mut bench = Bench::settled();
    let lost = News::Lost {
        again_in: Duration::from_secs(AFTER_LOSS_S),
    };
    assert_eq!(bench.saw(Sight::Apart), Some(lost));
    let mut expected = vec![AFTER_LOSS_S];
    expected.extend(NO_ANSWER_S);
    expected.extend([300; 600]);
    assert_eq!(bench.pauses(612, &Failure::OutOfReach), expected);
    // More than two days later.
    assert_eq!(bench.attempt(), 300);
    assert_eq!(bench.tried(Ok(())), Some(News::Connected { by_us: true }));
    bench.after(40).saw(Sight::Apart);
    assert_eq!(bench.attempt(), AFTER_LOSS_S, "all is forgiven");
}

#[test]
fn one_that_comes_by_itself_ends_the_waiting() {
    let mut bench = Bench::settled();
    bench.saw(Sight::Apart);
    bench.pauses(12, &Failure::OutOfReach);
    let came = bench.after(100).saw(Sight::Connected);
    assert_eq!(came, Some(News::Connected { by_us: false }));
    assert_eq!(bench.keeper.next(), None);
}

#[test]
fn one_that_a_phone_has_taken_is_left_to_it() {
    let mut bench = Bench::settled();
    bench.saw(Sight::Apart);
    let pauses = bench.pauses(8, &Failure::Taken);
    assert_eq!(pauses, [5, 30, 60, 120, 300, 300, 300, 300]);
}

#[test]
fn one_that_drops_us_soon_after_we_came_is_not_fought_for() {
    let mut bench = Bench::settled();
    bench.saw(Sight::Apart);
    let mut pauses = Vec::new();
    for _ in 0..5 {
        pauses.push(bench.attempt());
        bench.tried(Ok(()));
        let news = bench.after(4).saw(Sight::Apart);
        assert!(matches!(news, Some(News::Dropped { .. })), "{news:?}");
    }
    assert_eq!(pauses, [5, 120, 300, 600, 600]);
    // When the phone has left, and the speaker comes by itself, it is ours as before.
    bench.saw(Sight::Connected);
    bench.after(3).saw(Sight::Apart);
    assert_eq!(bench.attempt(), AFTER_LOSS_S);
    // And so it is when a connection of ours has lasted.
    bench.tried(Ok(()));
    bench.after(30).saw(Sight::Connected);
    bench.after(1).saw(Sight::Apart);
    assert_eq!(bench.attempt(), AFTER_LOSS_S);
}

#[test]
fn a_link_without_sound_behind_it_is_no_reason_to_hurry() {
    let mut bench = Bench::new(&[FLIP]);
    bench.saw(Sight::Apart);
    let mut pauses = Vec::new();
    for _ in 0..4 {
        pauses.push(bench.attempt());
        // BlueZ makes the link, finds that there is nothing to play over it, and ends it.
        assert_eq!(bench.saw(Sight::Connected), None);
        bench.tried(Err(Failure::NoSoundServer));
        bench.saw(Sight::Connected);
        bench.after(2).saw(Sight::Apart);
    }
    assert_eq!(pauses, [0, 10, 20, 40]);
}

#[test]
fn one_that_is_connected_and_has_no_sink_is_connected_once_more() {
    let mut bench = Bench::settled();
    // A sink that is only slow is waited for.
    bench.saw(Sight::Silent);
    bench.after(SILENT_S - 1).saw(Sight::Connected);
    assert_eq!(bench.keeper.next(), None);

    bench.saw(Sight::Silent);
    assert_eq!(bench.attempt(), SILENT_S);
    assert_eq!(bench.tried(Ok(())), None, "it was all the time");
    // Its sink does not come, and whoever is to make it does not answer then.
    bench.saw(Sight::Silent);
    bench.saw(Sight::Silent);
    assert_eq!(bench.attempt(), REFUSED_S[0]);
    let again_in = Duration::from_secs(REFUSED_S[0]);
    let failure = Failure::NoSoundServer;
    let news = News::Failed {
        failure: failure.clone(),
        again_in,
    };
    assert_eq!(bench.tried(Err(failure)), Some(news));
    assert_eq!(bench.saw(Sight::Silent), None);
    assert_eq!(bench.attempt(), REFUSED_S[0]);
    bench.tried(Ok(()));
    assert_eq!(bench.after(1).saw(Sight::Connected), None);
    bench.after(SETTLED.as_secs()).saw(Sight::Connected);

    // From the beginning, when that is long ago.
    bench.saw(Sight::Silent);
    assert_eq!(bench.attempt(), SILENT_S);
    bench.tried(Ok(()));
    // And a loss is a loss.
    let again_in = Duration::from_secs(AFTER_LOSS_S);
    let lost = bench.after(60).saw(Sight::Apart);
    assert_eq!(lost, Some(News::Lost { again_in }));
}

#[test]
fn what_hinders_is_told_once_and_ends_with_an_attempt_at_once() {
    for hindrance in [
        Hindrance::NoAdapter,
        Hindrance::AdapterOff,
        Hindrance::NotPaired,
    ] {
        let mut bench = Bench::settled();
        bench.saw(Sight::Apart);
        bench.pauses(12, &Failure::OutOfReach);
        let hindered = Sight::Hindered(hindrance);
        assert_eq!(bench.saw(hindered), Some(News::Hindered(hindrance)));
        assert_eq!(bench.after(1000).saw(hindered), None);
        assert_eq!(bench.keeper.next(), None);
        bench.saw(Sight::Apart);
        assert_eq!(bench.attempt(), 0);
    }
}

#[test]
fn the_same_failure_again_is_no_news() {
    let mut bench = Bench::settled();
    bench.saw(Sight::Apart);
    let mut told = Vec::new();
    for failure in [
        Failure::OutOfReach,
        Failure::OutOfReach,
        Failure::Taken,
        Failure::Taken,
        Failure::OutOfReach,
    ] {
        bench.attempt();
        told.push(bench.tried(Err(failure)).is_some());
    }
    assert_eq!(told, [true, false, true, false, true]);
}

#[test]
fn one_is_asked_at_a_time_and_who_has_waited_longest_first() {
    let mut bench = Bench::new(&[FLIP, BOOM, DESK]);
    for (second, address) in [DESK, FLIP, BOOM].into_iter().enumerate() {
        bench.now = ClockTime::default() + Duration::from_secs(second as u64);
        bench.keeper.saw(bench.now, address, Sight::Apart);
    }
    let mut asked = Vec::new();
    while let Some(address) = bench.keeper.due(bench.now) {
        assert_eq!(bench.keeper.due(bench.now), None);
        asked.push(address);
        bench.keeper.tried(bench.now, address, Ok(()));
    }
    assert_eq!(asked, [DESK, FLIP, BOOM]);
}

/// Three speakers, each going fifty times in random order: switched off, out of range or taken by a phone for a while.
#[test]
fn fifty_losses_in_random_order_are_fifty_returns() {
    let addresses = [FLIP, BOOM, DESK];
    let mut bench = Bench::new(&addresses);
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut below = |bound: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % bound
    };
    // Until when each is away (answers nothing), and whether it is connected.
    let (mut away, mut connected, mut since) = ([0_u64; 3], [false; 3], [0_u64; 3]);
    let mut returns = [0; 3];
    for second in 0..200_000_u64 {
        bench.now = ClockTime::default() + Duration::from_secs(second);
        for (index, &address) in addresses.iter().enumerate() {
            if connected[index] && second - since[index] > 40 && below(60) == 0 {
                connected[index] = false;
                away[index] = second + below(120);
            }
            let sight = if connected[index] {
                Sight::Connected
            } else {
                Sight::Apart
            };
            bench.keeper.saw(bench.now, address, sight);
        }
        let Some(address) = bench.keeper.due(bench.now) else {
            continue;
        };
        let index = addresses.iter().position(|it| *it == address).unwrap();
        assert!(!connected[index], "it was asked though it is there");
        let outcome = if away[index] <= second {
            // Back no later than the pause that a loss as long as this can have come to.
            assert!(second - away[index] <= 120, "it waited for too long");
            (connected[index], since[index]) = (true, second);
            returns[index] += 1;
            Ok(())
        } else {
            Err(Failure::OutOfReach)
        };
        bench.keeper.tried(bench.now, address, outcome);
        if returns.iter().all(|returns| *returns > 50) {
            return;
        }
    }
    panic!("only {returns:?} returns");
}
