//! The feeder reads a zone's tracks ahead of the clock, stamps what they hold, and hands it to the zone's lanes.
//! It owns no thread and never waits: not for a source, not for a lane.

mod cushion;
mod live;
mod port;
mod stream;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::lane::{Claim, Gain, LaneHandle};
use crate::audio::Timeline;
use crate::clock::ClockTime;
use crate::media::{MediaError, MediaInfo, Source};
use cushion::Cushion;
use live::LiveLine;
use port::Port;
use stream::{Fill, Stream};

/// Read ahead of the ear by this much, the largest lateness not counted.
const LEAD: Duration = Duration::from_millis(1500);
/// A stream starts when this much has been decoded (or all of it), and `cushion` finds that it will not run dry soon.
const START: Duration = Duration::from_millis(250);
/// After running dry this much must have been decoded.
const REFILL: Duration = Duration::from_millis(1500);
/// Between a decision here and the lane's thread having acted on it.
const MARGIN: Duration = Duration::from_millis(10);
/// From a halt until lanes are silent: they fade for 5 ms at 48 kHz, and for a little longer at 44.1.
const FADED: Duration = Duration::from_millis(6);
/// A start waits for so long for outputs whose devices are not known yet; after that they join where the music is.
const PATIENCE: Duration = Duration::from_millis(700);
/// While a start waits, for them or for bytes, which wake nobody, the feeder looks around this often.
const IMPATIENT: Duration = Duration::from_millis(5);
/// While nothing is expected the feeder looks around this often.
const IDLE: Duration = Duration::from_millis(500);
/// While it plays it looks around this often…
const BUSY: Duration = Duration::from_millis(50);
/// …or, when it has read as far ahead as it may, only this often: a few large pieces are decoded and converted at less cost
/// than many small ones.
const CALM: Duration = Duration::from_millis(250);

/// A number for each track that is loaded, so that an event about an old one is not taken for one about the new.
pub type TrackId = u64;

/// What a zone tells its feeder.
pub enum EngineCommand {
    /// Open the zone's outputs: something is going to be played.
    Prepare,
    /// Drop what was loaded, halt, and load this.
    Load(TrackId, Box<dyn Source>),
    /// The track that follows without a gap, or none.
    Queue(Option<(TrackId, Box<dyn Source>)>),
    /// Play what is loaded, or go on: the zone takes its outputs, whoever has them.
    Play,
    /// Play what is loaded on the outputs that the zone still has.
    Continue,
    /// Halt; keep the position.
    Pause,
    /// Go to this position of the current track.
    Seek(Duration),
    /// Halt and unload everything.
    Stop,
}

impl std::fmt::Debug for EngineCommand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prepare => f.write_str("Prepare"),
            Self::Load(id, _) => write!(f, "Load({id})"),
            Self::Queue(next) => write!(f, "Queue({:?})", next.as_ref().map(|(id, _)| id)),
            Self::Play => f.write_str("Play"),
            Self::Continue => f.write_str("Continue"),
            Self::Pause => f.write_str("Pause"),
            Self::Seek(to) => write!(f, "Seek({to:?})"),
            Self::Stop => f.write_str("Stop"),
        }
    }
}

/// What a feeder tells its zone.
#[derive(Debug, Clone)]
pub enum EngineEvent {
    /// The track has been opened, the current or the next one.
    Opened(TrackId, MediaInfo),
    /// The track plays: its beginning is, or would have been, heard at `start`.
    Playing {
        /// Which.
        track: TrackId,
        /// The moment its position is zero.
        start: ClockTime,
    },
    /// The music was halted, or a seek was carried out while it was: the ear is at this position.
    Halted {
        /// Which track.
        track: TrackId,
        /// Where.
        position: Duration,
    },
    /// The source does not keep up; the music halts until it does.
    Stalled(TrackId),
    /// The track cannot be sought in, but up to this position it is at hand, or will be when that is heard. Told once a second.
    Reach(TrackId, Duration),
    /// What is heard of the track from now on has this title, by the word of whoever sends it.
    Title(TrackId, String),
    /// The last track has been heard to its end.
    Ended(TrackId),
    /// The track cannot be played, or not further.
    Failed(TrackId, MediaError),
    /// Other zones have taken every output.
    Displaced,
}

/// When the feeder wants to be called again, unless something wakes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WakeAt(pub ClockTime);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mode {
    /// Nothing is to be heard.
    Halted,
    /// To be heard as soon as there is enough; after a stall that is more. Since when outputs have been waited for.
    Starting {
        refill: bool,
        waiting: Option<ClockTime>,
    },
    /// Heard along this line.
    Running(Timeline),
}

impl Mode {
    fn starting(refill: bool) -> Self {
        Self::Starting {
            refill,
            waiting: None,
        }
    }
}

/// Feeds a zone's lanes.
pub struct Feeder {
    rate: u32,
    ports: Vec<Port>,
    gain: Arc<Gain>,
    claims: Arc<dyn Fn() -> Claim + Send + Sync>,
    /// By which the zone holds its outputs since it was last told to play. Going on after a stall, after a seek or with the
    /// next track does not renew it, so that what another zone has been given meanwhile stays there.
    claim: Claim,
    stream: Stream,
    mode: Mode,
    cushion: Cushion,
    live_line: LiveLine,
    /// The frame the music goes on from.
    resume: f64,
    /// Whether the music starts in the middle of something.
    fade_in: bool,
    /// What was halted last is heard until then: a beginning that came before it would be lost.
    faded: ClockTime,
    events: VecDeque<EngineEvent>,
}

impl std::fmt::Debug for Feeder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feeder")
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl Feeder {
    /// A feeder for these lanes. `claims` gives a number larger than any it gave before, to any zone.
    pub fn new(
        rate: u32,
        lanes: Vec<LaneHandle>,
        gain: Arc<Gain>,
        claims: Arc<dyn Fn() -> Claim + Send + Sync>,
    ) -> Self {
        Self {
            rate,
            ports: lanes.into_iter().map(Port::new).collect(),
            gain,
            claims,
            claim: 0,
            stream: Stream::new(rate),
            mode: Mode::Halted,
            cushion: Cushion::default(),
            live_line: LiveLine::default(),
            resume: 0.0,
            fade_in: false,
            faded: ClockTime::default(),
            events: VecDeque::new(),
        }
    }

    /// The next thing the zone is to know.
    pub fn event(&mut self) -> Option<EngineEvent> {
        self.events.pop_front()
    }

    /// Carries out a command.
    pub fn command(&mut self, command: EngineCommand, now: ClockTime) {
        match command {
            EngineCommand::Prepare => self.prepare(),
            EngineCommand::Load(id, source) => {
                self.halt(now);
                self.stream = Stream::new(self.rate);
                self.stream.append(id, source);
                self.cushion = Cushion::default();
                self.live_line = LiveLine::default();
                self.restart_at(0.0, false);
            }
            EngineCommand::Queue(next) => {
                let cut = self.stream.set_next(next, self.heard(now));
                if cut && matches!(self.mode, Mode::Running(_)) {
                    self.restart_where_halted(now);
                }
            }
            EngineCommand::Play => {
                if self.mode == Mode::Halted {
                    // Outputs may have been given back since the track was loaded.
                    self.prepare();
                    self.claim = (self.claims)();
                    self.mode = Mode::starting(false);
                }
            }
            EngineCommand::Continue => {
                if self.mode == Mode::Halted {
                    self.mode = Mode::starting(false);
                }
            }
            EngineCommand::Pause => {
                if self.mode != Mode::Halted {
                    self.resume = self.halt(now);
                    self.fade_in = self.resume > 0.0;
                    self.tell_position();
                }
            }
            EngineCommand::Seek(to) => {
                let playing = self.mode != Mode::Halted;
                let heard = self.halt(now);
                if self.stream.seek(heard, to) {
                    self.restart_at(0.0, true);
                    self.cushion.begin_anew();
                } else {
                    self.resume = heard;
                    self.fade_in = true;
                }
                if playing {
                    self.mode = Mode::starting(false);
                }
            }
            EngineCommand::Stop => {
                self.halt(now);
                self.stream = Stream::new(self.rate);
                self.restart_at(0.0, false);
            }
        }
    }

    /// Does what is due at `now`.
    pub fn step(&mut self, now: ClockTime) -> WakeAt {
        self.read(now);
        match self.mode {
            Mode::Halted => {}
            Mode::Starting { refill, waiting } => self.start_if_ready(now, refill, waiting),
            Mode::Running(line) => self.run(line, now),
        }
        WakeAt(match self.mode {
            Mode::Halted => now + IDLE,
            Mode::Starting {
                refill: true,
                waiting: None,
            } => now + BUSY,
            Mode::Starting { .. } => now + IMPATIENT,
            Mode::Running(line) => {
                let latest = now + self.pace(line, now);
                // What the zone is told at a boundary it is told in time.
                let boundary = self.stream.next_boundary().map(|frame| line.time_of(frame));
                boundary.map_or(latest, |boundary| boundary.clamp(now, latest))
            }
        })
    }

    /// How soon to look around while the music runs.
    fn pace(&self, line: Timeline, now: ClockTime) -> Duration {
        let ahead = self.stream.end() as f64 - line.frame_at(now);
        let is_full = ahead >= self.frames(LEAD);
        if is_full || self.stream.end_frame().is_some() {
            CALM
        } else {
            BUSY
        }
    }

    fn prepare(&self) {
        for port in &self.ports {
            port.prepare();
        }
    }

    /// Halts and goes on at once: lanes are given the stream anew.
    fn restart_where_halted(&mut self, now: ClockTime) {
        let at = self.halt(now).min(self.stream.end() as f64);
        self.restart_at(at, true);
        self.mode = Mode::starting(false);
    }

    fn restart_at(&mut self, frame: f64, fade_in: bool) {
        self.resume = frame;
        self.fade_in = fade_in;
    }

    fn frames(&self, duration: Duration) -> f64 {
        duration.as_secs_f64() * f64::from(self.rate)
    }

    /// How soon all lanes can act on what they are told now.
    fn reach(&self) -> Duration {
        let reach = self.ports.iter().map(Port::reach).max();
        reach.unwrap_or_default() + MARGIN
    }

    /// How far ahead of the ear lanes write, their reach not counted. What they need for it must be there, or they halt
    /// each on its own.
    fn writes_ahead(&self) -> Duration {
        let ahead = self.ports.iter().map(Port::writes_ahead).max();
        ahead.unwrap_or_default()
    }

    /// The frame at the ear.
    fn heard(&self, now: ClockTime) -> f64 {
        match self.mode {
            Mode::Running(line) => line.frame_at(now).max(line.origin() as f64),
            _ => self.resume,
        }
    }

    /// Ends the music on the same frame on every lane; returns that frame.
    fn halt(&mut self, now: ClockTime) -> f64 {
        let Mode::Running(line) = self.mode else {
            self.mode = Mode::Halted;
            return self.resume;
        };
        self.mode = Mode::Halted;
        let at = now + self.reach();
        self.faded = at + FADED;
        for port in &mut self.ports {
            port.halt(at);
        }
        let end = self.stream.end_frame().unwrap_or(u64::MAX) as f64;
        line.frame_at(at).max(line.origin() as f64).min(end).floor()
    }

    fn tell_position(&mut self) {
        if let Some((track, position)) = self.stream.tell_position(self.resume) {
            self.events
                .push_back(EngineEvent::Halted { track, position });
        }
    }

    /// Takes in what the sources have, up to the lead; of what is live all.
    fn read(&mut self, now: ClockTime) {
        let mut heard = self.heard(now);
        let late = self.ports.iter().map(Port::reach).max().unwrap_or_default();
        let ending = heard + self.frames(self.reach() + self.writes_ahead() + 2 * BUSY);
        let mut limit = heard + self.frames(LEAD + late);
        if self.stream.live().is_some() {
            limit = f64::INFINITY;
            // While it is not heard, what has been taken in goes by.
            heard = heard.max(self.stream.end() as f64 - self.frames(LEAD));
        }
        let earliest = match self.mode {
            Mode::Running(line) => line.frame_at(now + self.reach()),
            Mode::Halted | Mode::Starting { .. } => 0.0,
        };
        // An end is one before lanes need it.
        let told = self.stream.read(heard, limit, ending, earliest);
        self.events.extend(told);
        if let Some((track, reach)) = self.stream.new_reach() {
            self.events.push_back(EngineEvent::Reach(track, reach));
        }
    }

    fn start_if_ready(&mut self, now: ClockTime, refill: bool, waiting: Option<ClockTime>) {
        let live = self.stream.live();
        match self.stream.fill() {
            Fill::Nothing => return,
            Fill::Flowing if live.is_some() => {}
            Fill::Failed(track, error) if self.stream.end() as f64 <= self.resume => {
                self.mode = Mode::Halted;
                self.events.push_back(EngineEvent::Failed(track, error));
                return;
            }
            Fill::Ended(track) if self.stream.end() as f64 <= self.resume => {
                if self.stream.go_over().is_none() {
                    self.mode = Mode::Halted;
                    self.events.push_back(EngineEvent::Ended(track));
                }
                self.cushion.begin_anew();
                return;
            }
            Fill::Flowing => {
                let least = START.max(self.writes_ahead() + 2 * BUSY);
                let wanted = self.frames(if refill { REFILL } else { least });
                let decoded = self.stream.end() as f64 - self.resume;
                let time = Duration::from_secs_f64(decoded.max(0.0) / f64::from(self.rate));
                let safe = self.cushion.is_safe(time, self.stream.supply(), now);
                if decoded < wanted || !safe {
                    return;
                }
            }
            Fill::Ended(_) | Fill::Failed(..) => {}
        }
        let since = waiting.unwrap_or(now);
        if self.ports.iter().any(Port::getting_ready) && now < since + PATIENCE {
            let waiting = Some(since);
            self.mode = Mode::Starting { refill, waiting };
            return;
        }
        let reach = self.reach();
        let line = match live {
            None => {
                let start = self.faded.max(now + reach);
                Timeline::new(self.resume as u64, start, self.rate)
            }
            Some(live) => {
                let place = (self.resume, self.stream.end());
                self.live_line.begin(live, self.rate, place, reach, now)
            }
        };
        self.fade_in |= line.origin() > self.resume as u64;
        self.resume = line.origin() as f64;
        self.mode = Mode::Running(line);
        for port in &mut self.ports {
            port.begin(self.claim, line, &self.gain, self.fade_in, &self.stream);
        }
        self.stream.begin_telling(self.resume);
        self.tell_passed(line, line.anchor());
    }

    fn run(&mut self, line: Timeline, now: ClockTime) {
        for port in &mut self.ports {
            port.feed(&self.stream);
        }
        if !self.ports.is_empty() && self.ports.iter().all(Port::displaced) {
            self.mode = Mode::Halted;
            self.resume = line.frame_at(now).max(line.origin() as f64).floor();
            self.fade_in = true;
            self.events.push_back(EngineEvent::Displaced);
            return;
        }
        self.tell_passed(line, now);
        let end = self.stream.end();
        let heard_all = line.time_of(end as f64) <= now;
        match self.stream.fill() {
            Fill::Ended(track) if heard_all => {
                self.finish(end);
                match self.stream.go_over() {
                    None => self.events.push_back(EngineEvent::Ended(track)),
                    // Named too late, or its server is: it begins as soon as it can.
                    Some((next, is_there)) => {
                        self.restart_at(end as f64, false);
                        self.mode = Mode::starting(false);
                        self.cushion.begin_anew();
                        if !is_there {
                            // Told of it, the zone names the one after it: it is not taken back for that.
                            self.stream.tell_position(end as f64);
                            self.events.push_back(EngineEvent::Stalled(next));
                        }
                    }
                }
            }
            Fill::Failed(track, error) if heard_all => {
                self.finish(end);
                self.events.push_back(EngineEvent::Failed(track, error));
            }
            Fill::Flowing if let Some(live) = self.stream.live() => {
                let reach = self.reach();
                if self
                    .live_line
                    .is_too_short(live, self.rate, end, reach, now)
                {
                    self.restart_where_halted(now);
                }
            }
            Fill::Flowing | Fill::Nothing => {
                // Before a lane has nothing left to write, the music must stop on the same frame everywhere.
                let left = (end as f64 - line.frame_at(now)) / f64::from(self.rate);
                if left < (self.reach() + self.writes_ahead() + BUSY).as_secs_f64() {
                    self.resume = self.halt(now).min(end as f64);
                    self.fade_in = true;
                    self.mode = Mode::starting(true);
                    self.cushion.ran_dry();
                    if let Some((track, _)) = self.stream.tell_position(self.resume) {
                        self.events.push_back(EngineEvent::Stalled(track));
                    }
                }
            }
            Fill::Ended(_) | Fill::Failed(..) => {}
        }
    }

    fn finish(&mut self, end: u64) {
        self.mode = Mode::Halted;
        self.resume = end as f64;
        for port in &mut self.ports {
            port.end();
        }
    }

    /// Tells of each track, and of each title, whose beginning the ear has passed.
    fn tell_passed(&mut self, line: Timeline, now: ClockTime) {
        let heard = line.frame_at(now);
        while let Some((track, start)) = self.stream.passed(heard) {
            self.events.push_back(EngineEvent::Playing {
                track,
                start: line.time_of(start),
            });
        }
        while let Some((track, title)) = self.stream.title_passed(heard) {
            self.events.push_back(EngineEvent::Title(track, title));
        }
    }
}
