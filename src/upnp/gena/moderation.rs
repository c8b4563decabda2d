//! How often anything is said: the first change at once, further ones together.
//! Not what or to whom. Nothing here sleeps or asks for the time.

use std::time::{Duration, Instant};

/// The least time between two events of a service (AVTransport:1 and RenderingControl:1 §2.3).
const MODERATION: Duration = Duration::from_millis(200);

/// Leading-edge moderation: the first change is told at once, what follows within [`MODERATION`] is told together.
#[derive(Debug, Default)]
pub(crate) struct Moderation {
    last: Option<Instant>,
    due: Option<Instant>,
}

impl Moderation {
    /// Notes that something changed at `now`.
    pub(crate) fn changed(&mut self, now: Instant) {
        let earliest = self.last.map_or(now, |last| now.max(last + MODERATION));
        self.due.get_or_insert(earliest);
    }

    /// When it is to be told, if there is anything to tell.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// True if it is to be told at `now`; then it counts as told.
    pub(crate) fn take_due(&mut self, now: Instant) -> bool {
        let due = self.due.is_some_and(|due| due <= now);
        if due {
            self.due = None;
            self.last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g16_moderation_is_leading_edge_and_keeps_the_last() {
        let now = tokio::time::Instant::now().into_std();
        let mut moderation = Moderation::default();
        let mut told = Vec::new();
        // A change every 30 ms for a second.
        for ms in 0..1300 {
            let at = now + Duration::from_millis(ms);
            if ms <= 1000 && ms % 30 == 0 {
                moderation.changed(at);
            }
            if moderation.take_due(at) {
                told.push(ms);
            }
        }
        assert_eq!(told, [0, 200, 400, 600, 800, 1000]);
        assert_eq!(moderation.due(), None);
    }
}
