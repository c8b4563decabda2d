//! A track that comes and goes by itself, an input that begins to sound: what the zone is told then, and what it gets back. Pure.

use std::sync::Arc;

use super::command::ZoneCommand;
use super::state::{Track, ZoneState};

/// The visits that one such track pays to a zone.
#[derive(Debug)]
pub struct Visit {
    guest: Arc<Track>,
    /// What was set when the present visit began.
    before: Option<Option<Arc<Track>>>,
}

impl Visit {
    /// Visits of `guest`, none of which has begun.
    pub fn new(guest: Track) -> Self {
        Self {
            guest: Arc::new(guest),
            before: None,
        }
    }

    /// It comes: it is played, whatever is playing, as with any cast.
    pub fn begin(&mut self, state: &ZoneState) -> Vec<ZoneCommand> {
        if !self.is_there(state) {
            self.before = Some(state.track.as_ref().map(Track::as_set));
        }
        vec![
            ZoneCommand::SetTrack(Some(self.guest.clone())),
            ZoneCommand::Play,
        ]
    }

    /// It goes: the zone stops and has what was set before. If something else has been cast meanwhile, that plays on.
    pub fn end(&mut self, state: &ZoneState) -> Vec<ZoneCommand> {
        let before = self.before.take();
        if !self.is_there(state) {
            return Vec::new();
        }
        let stop = [ZoneCommand::Stop];
        let back = before.map(ZoneCommand::SetTrack);
        stop.into_iter().chain(back).collect()
    }

    fn is_there(&self, state: &ZoneState) -> bool {
        let set = state.track.as_ref();
        set.is_some_and(|track| track.request.uri == self.guest.request.uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::MediaRequest;

    fn track(uri: &str) -> Track {
        let request = MediaRequest {
            uri: uri.to_owned(),
            ..MediaRequest::default()
        };
        Track {
            request,
            ..Track::default()
        }
    }

    fn state(uri: Option<&str>) -> ZoneState {
        ZoneState {
            track: uri.map(|uri| Arc::new(track(uri))),
            ..ZoneState::default()
        }
    }

    fn set(uri: Option<&str>) -> ZoneCommand {
        ZoneCommand::SetTrack(uri.map(|uri| Arc::new(track(uri))))
    }

    #[test]
    fn it_plays_and_what_was_set_before_is_set_again() {
        for before in [None, Some("http://a/song")] {
            let mut visit = Visit::new(track("dot"));
            let asked = visit.begin(&state(before));
            assert_eq!(asked, [set(Some("dot")), ZoneCommand::Play]);
            let asked = visit.end(&state(Some("dot")));
            assert_eq!(asked, [ZoneCommand::Stop, set(before)]);
        }
    }

    #[test]
    fn a_cast_that_took_over_plays_on() {
        let mut visit = Visit::new(track("dot"));
        visit.begin(&state(None));
        assert_eq!(visit.end(&state(Some("http://a/song"))), []);
    }

    #[test]
    fn what_was_put_there_by_hand_is_only_stopped() {
        let mut visit = Visit::new(track("dot"));
        assert_eq!(visit.end(&state(Some("dot"))), [ZoneCommand::Stop]);
        // And sound while it is set does not make it its own predecessor.
        visit.begin(&state(Some("dot")));
        assert_eq!(visit.end(&state(Some("dot"))), [ZoneCommand::Stop]);
    }
}
