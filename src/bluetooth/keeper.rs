//! When to connect which speaker: told what is seen and what came of an attempt, it says what to do next. Pure; who carries it out
//! is `src/app/bluetooth`.
//!
//! BlueZ does not say why a speaker has gone: switched off, out of range, or because a person has connected a phone to it. So
//! every loss is treated alike, and what tells them apart is what happens next: a speaker that is off does not answer, one that
//! plays for a phone refuses, and one that two want at a time drops us soon after we came. The waiting times are in the tables below
//! and in docs/bluetooth.md; a test holds the page against them.

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{Address, Failure};
use crate::clock::ClockTime;

/// A connection that has lasted so long is a good one: what went wrong before it is forgotten.
pub const SETTLED: Duration = Duration::from_secs(30);

/// From a loss to the first attempt, in seconds: a phone that somebody connects instead has it by then.
pub const AFTER_LOSS_S: u64 = 5;

/// Pauses after attempts that nobody answered, in seconds; the last repeats. Each attempt keeps the adapter busy for five seconds, which others on it may hear: so
/// for eight minutes every minute at most, and more rarely from then on.
pub const NO_ANSWER_S: [u64; 11] = [10, 20, 40, 60, 60, 60, 60, 60, 60, 120, 300];

/// Pauses after attempts that were refused or failed in another way, in seconds; the last repeats. A phone plays on it for an hour, or a
/// person has to do something.
pub const REFUSED_S: [u64; 4] = [30, 60, 120, 300];

/// Pauses after connections of ours that did not last, in seconds; the last repeats. Somebody else wants the speaker: whoever it is is not
/// to be annoyed.
pub const DROPPED_S: [u64; 3] = [120, 300, 600];

/// For so long a sound server may take to have a sink for a speaker that is connected, in seconds; one that was started anew after that does not
/// learn of it by itself. From then on it is connected once more, with [`REFUSED_S`] between attempts until there is a sink.
pub const SILENT_S: u64 = 10;

/// What is seen of a speaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It is connected.
    Connected,
    /// It is, and is to play, and the sound server has no sink for it.
    Silent,
    /// It is not, and could be asked to.
    Apart,
    /// It is not, and cannot be.
    Hindered(Hindrance),
}

/// What has to change before a speaker can be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// There is no Bluetooth, or no adapter.
    NoAdapter,
    /// The adapter is off.
    AdapterOff,
    /// It is not paired.
    NotPaired,
}

/// What has happened to a speaker, worth telling a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// It is connected.
    Connected {
        /// By us, not by itself.
        by_us: bool,
    },
    /// It has gone; when we ask it to come back.
    Lost {
        /// The time until then.
        again_in: Duration,
    },
    /// It has gone soon after we connected it.
    Dropped {
        /// The time until we try again.
        again_in: Duration,
    },
    /// An attempt has failed.
    Failed {
        /// Why.
        failure: Failure,
        /// The time until the next.
        again_in: Duration,
    },
    /// It cannot be connected until something changes.
    Hindered(Hindrance),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has been seen yet.
    New,
    Hindered(Hindrance),
    Connected(Link),
    Waiting {
        until: ClockTime,
    },
    Trying,
}

/// A connection that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Link {
    since: ClockTime,
    by_us: bool,
    /// Since when it has been silent.
    silent: Option<ClockTime>,
}

#[derive(Debug)]
struct Speaker {
    address: Address,
    phase: Phase,
    /// Attempts that nobody answered, since the last good connection.
    unanswered: usize,
    /// Attempts that were refused, since then.
    refused: usize,
    /// Connections of ours that did not last, since then.
    dropped: usize,
    /// How often it was connected though it was, for want of a sink, since then.
    mended: usize,
    /// What was last told of failing; the same again is no news.
    told: Option<Failure>,
}

/// Keeps speakers connected.
#[derive(Debug)]
pub struct Keeper {
    speakers: Vec<Speaker>,
}

impl Keeper {
    /// A keeper of these speakers.
    pub fn new(addresses: impl IntoIterator<Item = Address>) -> Self {
        let speaker = |address| Speaker {
            address,
            phase: Phase::New,
            unanswered: 0,
            refused: 0,
            dropped: 0,
            mended: 0,
            told: None,
        };
        Self {
            speakers: addresses.into_iter().map(speaker).collect(),
        }
    }

    fn speaker(&mut self, address: Address) -> Option<&mut Speaker> {
        let mut speakers = self.speakers.iter_mut();
        speakers.find(|speaker| speaker.address == address)
    }

    /// Takes note of what is seen of a speaker, changed or not.
    pub fn saw(&mut self, now: ClockTime, address: Address, sight: Sight) -> Option<News> {
        self.speaker(address)?.saw(now, sight)
    }

    /// The speaker to connect now, if any. One at a time: an attempt takes airtime from all.
    pub fn due(&mut self, now: ClockTime) -> Option<Address> {
        if self.speakers.iter().any(|it| it.phase == Phase::Trying) {
            return None;
        }
        let waiting = self.speakers.iter_mut().filter_map(|speaker| {
            let until = speaker.waits_until()?;
            (until <= now).then_some((until, speaker))
        });
        let (_, speaker) = waiting.min_by_key(|(until, _)| *until)?;
        if matches!(speaker.phase, Phase::Connected(_)) {
            speaker.mended += 1;
        }
        speaker.phase = Phase::Trying;
        Some(speaker.address)
    }

    /// When [`Keeper::due`] may have an answer next, if nothing else happens.
    pub fn next(&self) -> Option<ClockTime> {
        let waiting = self.speakers.iter().filter_map(Speaker::waits_until);
        waiting.min()
    }

    /// Takes note of what came of the attempt that [`Keeper::due`] asked for.
    pub fn tried(
        &mut self,
        now: ClockTime,
        address: Address,
        outcome: Result<(), Failure>,
    ) -> Option<News> {
        self.speaker(address)?.tried(now, outcome)
    }
}

impl Speaker {
    fn waits_until(&self) -> Option<ClockTime> {
        match self.phase {
            Phase::Waiting { until } => Some(until),
            Phase::Connected(Link { silent, .. }) => Some(silent? + self.patience()),
            _ => None,
        }
    }

    /// For how long it may be silent.
    fn patience(&self) -> Duration {
        match self.mended {
            0 => Duration::from_secs(SILENT_S),
            mended => pause(&REFUSED_S, mended - 1),
        }
    }

    fn saw(&mut self, now: ClockTime, sight: Sight) -> Option<News> {
        match (self.phase, sight) {
            // Its outcome tells; BlueZ shows a link before it knows whether anything can be played over it.
            (Phase::Trying, Sight::Connected | Sight::Silent | Sight::Apart) => None,
            (Phase::Connected(link), Sight::Connected) => {
                self.phase = Phase::Connected(Link {
                    silent: None,
                    ..link
                });
                if now.saturating_since(link.since) >= SETTLED {
                    self.forgive();
                }
                None
            }
            (Phase::Connected(link), Sight::Silent) => {
                let silent = link.silent.or(Some(now));
                self.phase = Phase::Connected(Link { silent, ..link });
                None
            }
            // An attempt to mend that has failed: it is as it was.
            (Phase::Waiting { .. }, Sight::Silent) if self.mended > 0 => None,
            (_, Sight::Connected | Sight::Silent) => {
                let news = self.connected(now, false);
                (self.mended == 0).then_some(news)
            }
            (Phase::New | Phase::Hindered(_), Sight::Apart) => {
                self.phase = Phase::Waiting { until: now };
                None
            }
            (Phase::Connected(link), Sight::Apart) => Some(self.lost(now, link)),
            (Phase::Waiting { .. }, Sight::Apart) => {
                self.mended = 0;
                None
            }
            (Phase::Hindered(known), Sight::Hindered(hindrance)) if known == hindrance => None,
            (_, Sight::Hindered(hindrance)) => {
                self.phase = Phase::Hindered(hindrance);
                // Whatever it was, it is another situation afterwards.
                self.forgive();
                Some(News::Hindered(hindrance))
            }
        }
    }

    fn forgive(&mut self) {
        (self.unanswered, self.refused) = (0, 0);
        (self.dropped, self.mended) = (0, 0);
        self.told = None;
    }

    fn connected(&mut self, now: ClockTime, by_us: bool) -> News {
        if !by_us {
            // It wants us, whoever else there is.
            self.dropped = 0;
        }
        self.phase = Phase::Connected(Link {
            since: now,
            by_us,
            silent: None,
        });
        News::Connected { by_us }
    }

    fn lost(&mut self, now: ClockTime, link: Link) -> News {
        self.mended = 0;
        if now.saturating_since(link.since) >= SETTLED {
            self.forgive();
        } else if link.by_us {
            let again_in = pause(&DROPPED_S, self.dropped);
            self.dropped += 1;
            self.wait(now, again_in);
            return News::Dropped { again_in };
        }
        let after_loss = Duration::from_secs(AFTER_LOSS_S);
        let again_in = match self.unanswered + self.refused {
            0 => after_loss,
            failed => pause(&NO_ANSWER_S, failed - 1),
        };
        self.wait(now, again_in);
        News::Lost { again_in }
    }

    fn tried(&mut self, now: ClockTime, outcome: Result<(), Failure>) -> Option<News> {
        if self.phase != Phase::Trying {
            return None;
        }
        let failure = match outcome {
            Ok(()) if self.mended > 0 => {
                // It was all the time.
                self.connected(now, false);
                return None;
            }
            Ok(()) => return Some(self.connected(now, true)),
            Err(failure) => failure,
        };
        let again_in = match failure {
            Failure::OutOfReach | Failure::TimedOut => {
                self.unanswered += 1;
                pause(&NO_ANSWER_S, self.unanswered - 1)
            }
            _ => {
                self.refused += 1;
                pause(&REFUSED_S, self.refused - 1)
            }
        };
        self.wait(now, again_in);
        let news = self.told.as_ref() != Some(&failure);
        self.told = Some(failure.clone());
        news.then_some(News::Failed { failure, again_in })
    }

    fn wait(&mut self, now: ClockTime, pause: Duration) {
        self.phase = Phase::Waiting { until: now + pause };
    }
}

/// The pause after `before` earlier ones; the last of a table repeats.
fn pause(table: &[u64], before: usize) -> Duration {
    let seconds = table.get(before).or(table.last());
    Duration::from_secs(seconds.copied().unwrap_or(AFTER_LOSS_S))
}
