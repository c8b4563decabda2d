//! How much of what a pipe holds is given on, and by whose clock it counts: pure, on what was found at a moment.
//!
//! A writer that is faster than it is heard fills the pipe and waits there. It has no clock, so ours counts: frames are given on at
//! the nominal rate. One that writes at the pace of its own clock leaves the pipe empty after each reading: then it is the one that
//! says how fast time goes, and all it has written is given on at once. Which of the two it is shows in whether the pipe has been
//! emptied though not more than [`AHEAD`] was taken beyond what nominal time had let one expect.

use std::time::Duration;

use super::envelope::Envelope;
use crate::audio::Heard;
use crate::clock::ClockTime;

/// So much more than nominal time lets one expect is given on before a writer is taken to be faster than it is heard: longer than
/// pieces are that programs write at a time, and than they are late.
const AHEAD: Duration = Duration::from_millis(100);
/// A writer that has written nothing for so long has paused, and begins from another place.
const PAUSE: Duration = Duration::from_millis(500);
/// The pipe has been found empty for so long though frames are held back: more than would be left of what was held. So the writer
/// does not wait; it has once been held up, and is as fast as it is heard.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a writer is watched that begins, before anything is said of where it is: one that is faster than it is heard has filled
/// what is there by then.
const WATCH: Duration = Duration::from_millis(50);
/// A writer is somewhere else if it is this many seconds ahead of its own line, or behind it for as long as a pause.
const LEAP: f64 = 0.030;

/// Decides at each reading.
#[derive(Debug)]
pub(super) struct Pacer {
    rate: f64,
    given: u64,
    gaps: u64,
    report: Option<Heard>,
    /// What nominal time counts from: so many frames had been given on at that moment, and there were no others.
    from: Option<Heard>,
    /// When the writer has begun.
    begun: ClockTime,
    /// When something was last found.
    came: Option<ClockTime>,
    /// Whether the writer waits for us.
    waits: bool,
    /// Since when the pipe has been found empty while frames were held back.
    empty: Option<ClockTime>,
    /// Since when nothing has had to be held back of what a writer wrote that has waited for us.
    short: Option<ClockTime>,
    /// Since when the writer has been behind its line.
    behind: Option<ClockTime>,
    envelope: Envelope,
}

impl Pacer {
    /// Nothing has come yet.
    pub(super) fn new(rate: u32) -> Self {
        let rate = f64::from(rate);
        Self {
            rate,
            given: 0,
            gaps: 0,
            report: None,
            from: None,
            begun: ClockTime::default(),
            came: None,
            waits: false,
            empty: None,
            short: None,
            behind: None,
            envelope: Envelope::new(rate),
        }
    }

    /// Answers how many of the `held` frames are to be given on, of which `found` have just been taken out of the pipe. `dry` says
    /// whether that has emptied it.
    pub(super) fn turn(&mut self, now: ClockTime, found: usize, held: usize, dry: bool) -> usize {
        if held == 0 {
            return 0;
        }
        if found > 0 {
            let paused = |came| now.saturating_since(came) >= PAUSE;
            if self.from.is_none() {
                self.begun = now;
                self.count_from(now);
            } else if found == held && self.came.is_some_and(paused) {
                self.begin_anew(now);
            }
            self.came = Some(now);
        }
        let allowed = self.nominal(now);
        let due = (allowed - self.given as f64).max(0.0) as usize;
        let stuck = !dry || self.empty.is_none();
        let empty = *self.empty.get_or_insert(now);
        if !dry {
            self.empty = None;
        }
        if dry && held <= due {
            self.given += held as u64;
            if !self.waits || self.is_short(now, found > 0) {
                self.follow(now, found > 0);
            }
            return held;
        }
        self.short = None;
        if !stuck && now.saturating_since(empty) >= PATIENCE {
            self.given += held as u64;
            self.begin_anew(now);
            self.follow(now, true);
            return held;
        }
        if !self.waits {
            self.waits = true;
            // What it has been said to have written until now was by another count.
            self.gaps += u64::from(self.envelope.expected(now).is_some());
            self.envelope.moved();
            self.behind = None;
        }
        let given = held.min(due);
        self.given += given as u64;
        self.report = Some(Heard {
            frames: allowed,
            at: now,
        });
        given
    }

    /// The next report, once.
    pub(super) fn heard(&mut self) -> Option<Heard> {
        self.report.take()
    }

    /// How often the count began from another place.
    pub(super) fn gaps(&self) -> u64 {
        self.gaps
    }

    /// How many frames may have been given on by now.
    fn nominal(&self, now: ClockTime) -> f64 {
        let Some(from) = self.from else {
            return self.given as f64;
        };
        let seconds = now.seconds_since(from.at) + AHEAD.as_secs_f64();
        from.frames + seconds * self.rate
    }

    fn count_from(&mut self, now: ClockTime) {
        self.from = Some(Heard {
            frames: self.given as f64,
            at: now,
        });
        self.empty = None;
    }

    fn begin_anew(&mut self, now: ClockTime) {
        self.gaps += 1;
        self.begun = now;
        self.envelope.moved();
        self.behind = None;
        self.waits = false;
        self.short = None;
        self.report = None;
        self.count_from(now);
    }

    /// Whether a writer that has waited for us writes on, and does not any more. One that is held up for a moment fills the pipe again.
    fn is_short(&mut self, now: ClockTime, found: bool) -> bool {
        let since = *self.short.get_or_insert(now);
        found && now.saturating_since(since) >= PAUSE
    }

    /// All has been given on that there was: the writer is the slow side, and says where it is.
    fn follow(&mut self, now: ClockTime, found: bool) {
        self.waits = false;
        self.short = None;
        self.count_from(now);
        if !found || now.saturating_since(self.begun) < WATCH {
            // What was found before may have been written long ago, and what is found first be only a part.
            return;
        }
        let here = Heard {
            frames: self.given as f64,
            at: now,
        };
        let leap = LEAP * self.rate;
        let expected = self.envelope.expected(now);
        if expected.is_some_and(|expected| here.frames > expected + leap) {
            self.begin_anew(now);
        }
        let frames = self.envelope.observe(here);
        if here.frames < frames - leap {
            let since = *self.behind.get_or_insert(now);
            if now.saturating_since(since) < PAUSE {
                return;
            }
            self.begin_anew(now);
            self.envelope.observe(here);
            self.report = Some(here);
            return;
        }
        self.behind = None;
        self.report = Some(Heard { frames, at: now });
    }
}

#[cfg(test)]
mod tests;
