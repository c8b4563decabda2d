//! Where the timeline of a live source lies: a frame is heard as long after it was taken in as its buffer and the slowest output
//! ask for, and that stays so. Pure.

use std::time::Duration;

use crate::audio::Timeline;
use crate::clock::ClockTime;
use crate::media::Live;

/// What comes so much later than the last start reckoned with is heard all the same: the buffer is there for that.
const TOLERATED: Duration = Duration::from_millis(20);
/// What always comes too late, for so long, is given more time.
const LATE_FOR: Duration = Duration::from_secs(1);
/// Beyond what it takes to come and to be played, a frame has at least this much time.
const SPARE: Duration = Duration::from_millis(20);

/// The delay between a live source and the ear.
#[derive(Debug, Default)]
pub(super) struct LiveLine {
    /// From being taken in to being heard; nothing has been heard yet while there is none.
    delay: Option<Duration>,
    /// Since when all that came has come too late.
    late_since: Option<ClockTime>,
}

impl LiveLine {
    /// The line to start on at `now`, when what was taken in up to stream frame `end` is there and the outputs need `reach`. It goes
    /// on from frame `resume`, or from the first that can still be heard in time.
    pub(super) fn begin(
        &mut self,
        live: Live,
        rate: u32,
        (resume, end): (f64, u64),
        reach: Duration,
        now: ClockTime,
    ) -> Timeline {
        let needed = (live.buffer + reach).max(lag(live, rate, end, now) + reach + SPARE);
        let delay = self.delay.unwrap_or_default().max(needed);
        self.delay = Some(delay);
        self.late_since = None;
        let line = Timeline::new(0, live.begins + delay, rate);
        let soonest = line.frame_at(now + reach).round();
        let first = resume.max(soonest).max(0.0).floor();
        Timeline::new(first as u64, line.time_of(first), rate)
    }

    /// Whether the line has to be laid anew because outputs, or the source, have become slower than it can bear.
    pub(super) fn is_too_short(
        &mut self,
        live: Live,
        rate: u32,
        end: u64,
        reach: Duration,
        now: ClockTime,
    ) -> bool {
        let Some(delay) = self.delay else {
            return false;
        };
        let is_late = lag(live, rate, end, now) + reach > delay;
        self.late_since = is_late.then(|| self.late_since.unwrap_or(now));
        let is_always_late = self
            .late_since
            .is_some_and(|since| now.saturating_since(since) >= LATE_FOR);
        is_always_late || live.buffer + reach > delay + TOLERATED
    }
}

/// How long ago the frame before `end` was taken in.
fn lag(live: Live, rate: u32, end: u64, now: ClockTime) -> Duration {
    let taken_in = live.begins.plus_seconds(end as f64 / f64::from(rate));
    now.saturating_since(taken_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;
    const MILLI: Duration = Duration::from_millis(1);

    fn at(millis: u32) -> ClockTime {
        ClockTime::default() + MILLI * millis
    }

    fn frames(millis: u32) -> u64 {
        u64::from(millis * RATE / 1000)
    }

    fn live() -> Live {
        Live {
            begins: at(1000),
            buffer: 120 * MILLI,
        }
    }

    #[test]
    fn the_delay_is_the_buffer_and_what_the_outputs_take() {
        let mut line = LiveLine::default();
        let place = (0.0, frames(40));
        let timeline = line.begin(live(), RATE, place, 60 * MILLI, at(1050));
        assert_eq!(timeline.origin(), 0);
        assert_eq!(timeline.anchor(), at(1180));
    }

    #[test]
    fn who_starts_late_begins_where_it_can_be_in_time_and_the_delay_stays() {
        let mut line = LiveLine::default();
        let place = (0.0, frames(690));
        let timeline = line.begin(live(), RATE, place, 60 * MILLI, at(1700));
        assert_eq!(timeline.origin(), frames(580));
        assert_eq!(timeline.anchor(), at(1760));
        // After a pause it goes on with what is taken in now.
        let place = (frames(1000) as f64, frames(8990));
        let timeline = line.begin(live(), RATE, place, 50 * MILLI, at(10_000));
        assert_eq!(timeline.time_of(0.0), at(1180));
        assert_eq!(timeline.anchor(), at(10_050));
    }

    #[test]
    fn a_source_that_comes_later_than_its_buffer_is_given_what_it_takes() {
        let mut line = LiveLine::default();
        let place = (0.0, frames(10));
        let timeline = line.begin(live(), RATE, place, 60 * MILLI, at(1310));
        assert_eq!(timeline.time_of(0.0), at(1380));
    }

    #[test]
    fn a_slower_output_has_it_laid_anew_and_a_hold_up_has_not() {
        let mut line = LiveLine::default();
        line.begin(live(), RATE, (0.0, frames(40)), 60 * MILLI, at(1050));
        let mut asked = |end: u32, reach: u32, now: u32| {
            line.is_too_short(live(), RATE, frames(end), reach * MILLI, at(now))
        };
        assert!(!asked(1000, 60, 2010));
        assert!(!asked(1000, 79, 2010));
        assert!(asked(1000, 250, 2010));
        assert!(!asked(1000, 60, 2010));
        // Held up, and then not.
        assert!(!asked(1000, 60, 2500));
        assert!(!asked(1000, 60, 3400));
        assert!(!asked(2450, 60, 3460));
        // Always late.
        assert!(!asked(2500, 60, 4000));
        assert!(!asked(3400, 60, 4900));
        assert!(asked(3500, 60, 5010));
    }
}
