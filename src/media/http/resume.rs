//! How a transfer goes on when its connection has ended: whether that was the end of the file, and if not, when to ask again and how often.
//! Pure; the asking is done in `transfer`.

use std::time::Duration;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// As the server had said it would.
    End,
    /// Before that, closed by the server.
    Closed,
    /// Before that, not closed but broken.
    Broken,
    /// It is open, and nothing comes.
    Silent,
}

/// What is known of a file whose connection has ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    /// A station: it has no end.
    pub(super) live: bool,
    /// The file's length, if it was stated and is believed.
    pub(super) length: Option<u64>,
    /// How far it has come.
    pub(super) position: u64,
    /// Whether nothing had been read for so long that the server may have lost its patience.
    pub(super) was_paused: bool,
    /// How many answers in a row have ended and brought nothing.
    pub(super) fruitless: u32,
}

/// An answer that brings nothing is no accident when it happens so often. More attempts would outlast what is left to be heard.
const MOST_FRUITLESS: u32 = 2;

/// What follows from a connection's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All has come.
    Complete,
    /// The rest is to be asked for.
    Again,
    /// The server has said that there is more, and each time that was all: it has guessed, as those do that convert while they send, or
    /// has no more itself.
    Shorter,
    /// Asking has been in vain.
    Hopeless,
}

impl Known {
    /// What follows from it.
    pub(super) fn after(self, stop: Stop) -> Verdict {
        let again = match stop {
            _ if self.fruitless < MOST_FRUITLESS => Verdict::Again,
            Stop::End | Stop::Closed => Verdict::Shorter,
            Stop::Broken | Stop::Silent => Verdict::Hopeless,
        };
        match (stop, self.length) {
            _ if self.live => Verdict::Again,
            (_, Some(length)) if self.position < length => again,
            (_, Some(_)) => Verdict::Complete,
            // A server that lost its patience ends like one that has sent everything. The rest shows which; there is none the second time.
            (Stop::End, None) if self.was_paused && self.fruitless == 0 => Verdict::Again,
            (Stop::End, None) => Verdict::Complete,
            (Stop::Closed | Stop::Broken | Stop::Silent, None) => again,
        }
    }
}

/// The pauses between attempts to reach a server: the first is made at once, the others ever more rarely.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BackOff {
    attempts: u32,
}

impl BackOff {
    /// Before the second attempt; each later one waits twice as long…
    const FIRST: Duration = Duration::from_millis(250);
    /// …up to this.
    const LONGEST: Duration = Duration::from_secs(8);

    /// How long to wait before the next attempt.
    pub(super) fn pause(&mut self) -> Duration {
        let attempt = self.attempts;
        self.attempts += 1;
        match attempt {
            0 => Duration::ZERO,
            attempt => Self::FIRST
                .saturating_mul(1 << (attempt - 1).min(10))
                .min(Self::LONGEST),
        }
    }

    /// How many attempts have been made.
    pub(super) fn attempts(self) -> u32 {
        self.attempts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_end_of_a_connection_means() {
        let file = Known {
            length: Some(1000),
            position: 400,
            ..Known::default()
        };
        let unknown = Known {
            length: None,
            ..file
        };
        let check = |known: Known, end, broken| {
            assert_eq!(known.after(Stop::End), end, "{known:?}");
            assert_eq!(known.after(Stop::Broken), broken, "{known:?}");
            assert_eq!(known.after(Stop::Silent), broken, "{known:?}");
            let closed = match broken {
                Hopeless => Shorter,
                other => other,
            };
            assert_eq!(known.after(Stop::Closed), closed, "{known:?}");
        };
        use Verdict::{Again, Complete, Hopeless, Shorter};
        check(file, Again, Again);
        check(
            Known {
                position: 1000,
                ..file
            },
            Complete,
            Complete,
        );
        check(
            Known {
                fruitless: 2,
                ..file
            },
            Shorter,
            Hopeless,
        );
        check(unknown, Complete, Again);
        check(
            Known {
                was_paused: true,
                ..unknown
            },
            Again,
            Again,
        );
        check(
            Known {
                was_paused: true,
                fruitless: 1,
                ..unknown
            },
            Complete,
            Again,
        );
        check(
            Known {
                live: true,
                fruitless: 9,
                ..unknown
            },
            Again,
            Again,
        );
    }

    #[test]
    fn attempts_become_rarer() {
        let mut back_off = BackOff::default();
        let pauses: Vec<_> = (0..9).map(|_| back_off.pause().as_millis()).collect();
        assert_eq!(pauses, [0, 250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(back_off.attempts(), 9);
        back_off.attempts = u32::MAX - 1;
        assert_eq!(back_off.pause(), BackOff::LONGEST);
    }
}
