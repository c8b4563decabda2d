//! How long a zone waits for its media. When waiting begins, and what its end leads to, is the transport's decision.

use std::time::Duration;

use crate::clock::ClockTime;

/// A track of which nothing has come yet is given up after this. Control points count on it: they send the next track when
/// this one plays or has failed.
const NOTHING_FOR: Duration = Duration::from_secs(15);
/// A track that has begun to come is given up after waiting so long for more: longer than a server needs that is started
/// anew or wakes its disks, shorter than people wait.
const STALLED_FOR: Duration = Duration::from_secs(30);
/// A radio station is given up after this: longer than a router needs that is started anew. People leave it on all day, and
/// nobody stands by to start it again.
const STATION_GONE_FOR: Duration = Duration::from_mins(5);

/// What has come of a track.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Came {
    #[default]
    Nothing,
    /// The beginning of something that has an end.
    Media,
    /// A radio station.
    Station,
}

/// Patience with one track.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Patience {
    since: ClockTime,
    came: Came,
}

impl Patience {
    /// Waiting begins, or begins anew.
    pub(super) fn begin(&mut self, now: ClockTime) {
        self.since = now;
    }

    /// It is another track now, of which nothing is known.
    pub(super) fn forget(&mut self) {
        self.came = Came::Nothing;
    }

    /// It has begun to come; what is waited for now is more of it.
    pub(super) fn saw_it_come(&mut self, is_station: bool, now: ClockTime) {
        self.since = now;
        self.came = if is_station {
            Came::Station
        } else {
            Came::Media
        };
    }

    /// When it ends.
    pub(super) fn ends(&self) -> ClockTime {
        self.since
            + match self.came {
                Came::Nothing => NOTHING_FOR,
                Came::Media => STALLED_FOR,
                Came::Station => STATION_GONE_FOR,
            }
    }

    /// How long there has been nothing new.
    pub(super) fn waited(&self, now: ClockTime) -> Duration {
        now.saturating_since(self.since)
    }
}
