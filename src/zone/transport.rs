//! The zone's decisions: (state, command or event) → (state, effects). It does no I/O and knows no clock but what it is told.
//!
//! | in state | SetTrack | Play | Pause | Stop | Seek | Next | Previous |
//! |---|---|---|---|---|---|---|---|
//! | no media | → stopped | refused | refused | nothing | refused | refused | refused |
//! | stopped | stays | → transitioning | refused | nothing | start position | loads it | position 0 |
//! | transitioning | starts the new one | nothing | → paused | → stopped | goes there | plays it | to the start |
//! | playing | starts the new one | nothing | → paused | → stopped | goes there | plays it | to the start |
//! | paused | loads it, stays | → transitioning | nothing | → stopped | stays | plays it | to the start |
//!
//! Seek and Next are refused with "nothing there" where the target is outside the track or there is no next one; a track that cannot
//! be sought in can be gone forward in as far as it has come. Transitioning
//! does not last: what brings nothing for too long ends in error.

use std::sync::Arc;
use std::time::Duration;

use super::command::{ZoneCommand, ZoneError};
use super::effect::Effect;
use super::level::LOUDEST;
use super::patience::Patience;
use super::state::{Progress, Track, TransportState, ZoneState};
use crate::clock::ClockTime;
use crate::media::MediaInfo;
use crate::playback::{EngineEvent, TrackId};

/// One zone's transport and volume.
#[derive(Debug)]
pub struct Transport {
    state: ZoneState,
    last_id: TrackId,
    current: TrackId,
    next: TrackId,
    next_info: Option<MediaInfo>,
    /// Up to where a current track that cannot be sought in can be gone forward in.
    reach: Duration,
    /// Whether the engine holds the current track.
    loaded: bool,
    /// With the current track; of meaning while transitioning.
    patience: Patience,
}

impl Transport {
    /// A transport without media, at this volume.
    pub fn new(volume: u8) -> Self {
        Self {
            state: ZoneState {
                volume: volume.min(LOUDEST),
                seekable: true,
                ..ZoneState::default()
            },
            last_id: 0,
            current: 0,
            next: 0,
            next_info: None,
            reach: Duration::ZERO,
            loaded: false,
            patience: Patience::default(),
        }
    }

    /// The state now.
    pub fn state(&self) -> &ZoneState {
        &self.state
    }

    /// What the volumes come to.
    fn gain(&self) -> Effect {
        let [left, right] = self.state.gains();
        Effect::Gain { left, right }
    }

    /// Decides on a command at `now`.
    ///
    /// # Errors
    /// The state does not allow it, or there is nothing at the target; then nothing has changed.
    pub fn command(
        &mut self,
        command: ZoneCommand,
        now: ClockTime,
    ) -> Result<Vec<Effect>, ZoneError> {
        match command {
            ZoneCommand::SetTrack(track) => Ok(self.set_track(track, now)),
            ZoneCommand::SetNext(track) => Ok(self.set_next(track)),
            ZoneCommand::Play => self.play(now),
            ZoneCommand::Pause => self.pause(now),
            ZoneCommand::Stop => Ok(self.stop()),
            ZoneCommand::Seek(to) => self.seek(to, now),
            ZoneCommand::Next => self.skip(now),
            ZoneCommand::Previous => self.go_back(now),
            ZoneCommand::SetVolume(channel, volume) => {
                self.state.set_volume(channel, volume);
                Ok(vec![self.gain()])
            }
            ZoneCommand::SetMute(channel, muted) => {
                self.state.set_muted(channel, muted);
                Ok(vec![self.gain()])
            }
        }
    }

    fn is_active(&self) -> bool {
        matches!(
            self.state.transport,
            TransportState::Playing | TransportState::Transitioning
        )
    }

    /// On the way to playing, from `now` on.
    fn wait(&mut self, now: ClockTime) {
        self.state.transport = TransportState::Transitioning;
        self.patience.begin(now);
    }

    /// When the present track will have been waited for long enough, unless something comes of it; then [`Self::give_up`].
    pub fn gives_up_at(&self) -> Option<ClockTime> {
        (self.state.transport == TransportState::Transitioning).then(|| self.patience.ends())
    }

    /// Ends in error what has been waited for for too long at `now`.
    pub fn give_up(&mut self, now: ClockTime) -> Vec<Effect> {
        if self.gives_up_at().is_none_or(|at| now < at) {
            return Vec::new();
        }
        let waited = self.patience.waited(now).as_secs();
        let track = self.state.track.as_ref();
        let uri = track.map_or("", |track| track.request.uri.as_str());
        let error = format!(
            "cannot play {uri}: nothing that can be played has come of it for {waited} s; see whether its server works"
        );
        self.stopped();
        self.state.error = Some(error);
        vec![Effect::Stop]
    }

    fn new_id(&mut self) -> TrackId {
        self.last_id += 1;
        self.last_id
    }

    fn set_track(&mut self, track: Option<Arc<Track>>, now: ClockTime) -> Vec<Effect> {
        self.state.error = None;
        self.clear_next();
        let Some(track) = track else {
            self.state.track = None;
            self.state.duration = None;
            self.state.seekable = true;
            self.state.progress = Progress::Unstarted;
            self.state.transport = TransportState::NoMedia;
            self.loaded = false;
            return vec![Effect::Stop];
        };
        let mut effects = vec![Effect::Prepare];
        effects.extend(self.load(&track));
        match self.state.transport {
            TransportState::NoMedia | TransportState::Stopped => {
                self.state.transport = TransportState::Stopped;
            }
            // A new cast takes the outputs, as Play does.
            TransportState::Playing | TransportState::Transitioning => {
                self.wait(now);
                effects.push(Effect::Play);
            }
            TransportState::Paused => {}
        }
        effects
    }

    /// Makes this the current track, at its start.
    fn load(&mut self, track: &Arc<Track>) -> Vec<Effect> {
        let track = track.as_set();
        self.current = self.new_id();
        self.loaded = true;
        self.patience.forget();
        self.reach = Duration::ZERO;
        self.state.duration = track.request.duration;
        self.state.seekable = true;
        self.state.progress = Progress::Unstarted;
        self.state.track = Some(track.clone());
        vec![Effect::Load(self.current, track)]
    }

    fn clear_next(&mut self) {
        self.state.next = None;
        self.next = 0;
        self.next_info = None;
    }

    fn set_next(&mut self, track: Option<Arc<Track>>) -> Vec<Effect> {
        self.clear_next();
        self.state.next = track;
        // Without a current track in the engine there is nothing it could follow; Play will queue it.
        if self.loaded {
            vec![self.queue()]
        } else {
            Vec::new()
        }
    }

    fn queue(&mut self) -> Effect {
        let Some(track) = self.state.next.clone() else {
            return Effect::Queue(None);
        };
        self.next = self.new_id();
        Effect::Queue(Some((self.next, track)))
    }

    fn play(&mut self, now: ClockTime) -> Result<Vec<Effect>, ZoneError> {
        match self.state.transport {
            TransportState::NoMedia => Err(ZoneError::TransitionNotAvailable),
            TransportState::Playing | TransportState::Transitioning => Ok(Vec::new()),
            TransportState::Stopped | TransportState::Paused => {
                self.state.error = None;
                self.wait(now);
                let mut effects = Vec::new();
                if !self.loaded
                    && let Some(track) = self.state.track.clone()
                {
                    let from = self.state.progress;
                    effects.push(Effect::Prepare);
                    effects.extend(self.load(&track));
                    if let Progress::At(position) = from {
                        self.state.progress = from;
                        effects.push(Effect::Seek(position));
                    }
                    if self.state.next.is_some() {
                        effects.push(self.queue());
                    }
                }
                effects.push(Effect::Play);
                Ok(effects)
            }
        }
    }

    fn pause(&mut self, now: ClockTime) -> Result<Vec<Effect>, ZoneError> {
        match self.state.transport {
            TransportState::NoMedia | TransportState::Stopped => {
                Err(ZoneError::TransitionNotAvailable)
            }
            TransportState::Paused => Ok(Vec::new()),
            TransportState::Playing | TransportState::Transitioning => {
                self.state.progress = Progress::At(self.state.position(now));
                self.state.transport = TransportState::Paused;
                Ok(vec![Effect::Pause])
            }
        }
    }

    fn stop(&mut self) -> Vec<Effect> {
        if matches!(
            self.state.transport,
            TransportState::NoMedia | TransportState::Stopped
        ) {
            return Vec::new();
        }
        self.stopped();
        vec![Effect::Stop]
    }

    fn stopped(&mut self) {
        self.state.transport = TransportState::Stopped;
        self.state.progress = Progress::Unstarted;
        self.loaded = false;
    }

    fn seek(&mut self, to: Duration, now: ClockTime) -> Result<Vec<Effect>, ZoneError> {
        if self.state.transport == TransportState::NoMedia {
            return Err(ZoneError::TransitionNotAvailable);
        }
        let is_beyond = self.state.duration.is_some_and(|duration| to > duration);
        // What cannot be sought in can still be gone forward in, as far as it has come.
        let is_at_hand = self.loaded && to >= self.state.position(now) && to <= self.reach;
        if is_beyond || !(self.state.seekable || is_at_hand) {
            return Err(ZoneError::IllegalSeekTarget);
        }
        self.state.progress = Progress::At(to);
        if self.is_active() {
            self.wait(now);
        }
        Ok(if self.loaded {
            vec![Effect::Seek(to)]
        } else {
            Vec::new()
        })
    }

    fn skip(&mut self, now: ClockTime) -> Result<Vec<Effect>, ZoneError> {
        if self.state.transport == TransportState::NoMedia {
            return Err(ZoneError::TransitionNotAvailable);
        }
        let next = self
            .state
            .next
            .clone()
            .ok_or(ZoneError::IllegalSeekTarget)?;
        self.clear_next();
        self.state.error = None;
        let mut effects = self.load(&next);
        match self.state.transport {
            TransportState::NoMedia | TransportState::Stopped => {}
            TransportState::Playing | TransportState::Transitioning => {
                self.wait(now);
                effects.push(Effect::Continue);
            }
            TransportState::Paused => {
                self.wait(now);
                effects.push(Effect::Play);
            }
        }
        Ok(effects)
    }

    fn go_back(&mut self, now: ClockTime) -> Result<Vec<Effect>, ZoneError> {
        if self.state.seekable {
            return self.seek(Duration::ZERO, now);
        }
        let Some(track) = self.state.track.clone() else {
            return Err(ZoneError::TransitionNotAvailable);
        };
        let mut effects = self.load(&track);
        if self.state.next.is_some() {
            effects.push(self.queue());
        }
        if self.is_active() {
            self.wait(now);
            effects.push(Effect::Continue);
        }
        Ok(effects)
    }

    /// Takes in what the engine says at `now`.
    pub fn event(&mut self, event: EngineEvent, now: ClockTime) -> Vec<Effect> {
        match event {
            EngineEvent::Opened(track, info) if track == self.current && self.loaded => {
                self.patience.saw_it_come(is_station(info), now);
                self.opened(info);
            }
            EngineEvent::Reach(track, reach) if track == self.current => self.reach = reach,
            EngineEvent::Opened(track, info) if track == self.next => self.next_info = Some(info),
            EngineEvent::Playing { track, start }
                if self.is_active() && self.advance_to(track, now) =>
            {
                self.state.transport = TransportState::Playing;
                self.state.progress = Progress::RunningSince(start);
            }
            EngineEvent::Halted { track, position } => {
                if self.state.transport == TransportState::Paused && self.advance_to(track, now) {
                    self.state.progress = Progress::At(position);
                }
            }
            EngineEvent::Stalled(track) if self.is_active() && self.advance_to(track, now) => {
                self.state.progress = Progress::At(self.state.position(now));
                self.wait(now);
            }
            EngineEvent::Title(track, title) if self.loaded && self.advance_to(track, now) => {
                self.state.track = self.state.track.take().map(|track| track.telling(&title));
            }
            EngineEvent::Ended(track) if self.loaded && self.advance_to(track, now) => {
                // A next track that was named while the last frames were heard: too late to follow without a gap.
                if self.is_active()
                    && let Ok(effects) = self.skip(now)
                {
                    return effects;
                }
                self.stopped();
                return vec![Effect::Stop];
            }
            EngineEvent::Failed(track, error) if self.loaded && self.advance_to(track, now) => {
                self.stopped();
                self.state.error = Some(error.to_string());
                return vec![Effect::Stop];
            }
            EngineEvent::Displaced if self.is_active() => {
                self.stopped();
                return vec![Effect::Stop];
            }
            EngineEvent::Opened(..)
            | EngineEvent::Reach(..)
            | EngineEvent::Playing { .. }
            | EngineEvent::Stalled(_)
            | EngineEvent::Title(..)
            | EngineEvent::Ended(_)
            | EngineEvent::Failed(..)
            | EngineEvent::Displaced => {}
        }
        Vec::new()
    }

    fn opened(&mut self, info: MediaInfo) {
        self.state.duration = info.duration.or(self.state.duration);
        self.state.seekable = info.seekable;
        if !info.seekable && matches!(self.state.progress, Progress::At(_)) {
            // Whatever was asked for before this was known, it plays from its start.
            self.state.progress = Progress::Unstarted;
        }
    }

    /// Whether `track` is the current one, after going over to the next if it is that.
    fn advance_to(&mut self, track: TrackId, now: ClockTime) -> bool {
        if track == self.next && track != 0 {
            let info = self.next_info.take();
            self.current = self.next;
            self.patience.forget();
            self.reach = Duration::ZERO;
            self.state.progress = Progress::Unstarted;
            self.state.track = self.state.next.take();
            self.state.duration = self
                .state
                .track
                .as_ref()
                .and_then(|track| track.request.duration);
            self.state.seekable = true;
            if let Some(info) = info {
                self.patience.saw_it_come(is_station(info), now);
                self.opened(info);
            }
            self.clear_next();
        }
        track == self.current
    }
}

/// Whether it looks like a radio station: without an end, and in one order.
fn is_station(info: MediaInfo) -> bool {
    info.duration.is_none() && !info.seekable
}
