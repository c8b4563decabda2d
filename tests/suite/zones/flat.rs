//! A whole flat in virtual time: a transport over the house's feeder and lanes, with songs that work and songs that do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use unisono::audio::StreamFormat;
use unisono::clock::ClockTime;
use unisono::media::{MediaError, MediaInfo, Polled, Source};
use unisono::playback::EngineCommand;
use unisono::zone::{Effect, Transport, TransportState, ZoneCommand, ZoneError, ZoneState};

use super::track;
use crate::support::house::{Generated, House, RATE, card};

const STEP: Duration = Duration::from_millis(10);

/// What can be cast, among other things.
pub const SONGS: [&str; 6] = ["song", "other song", "short", "empty", "broken", "hangs"];

/// How loud the two songs are.
pub const SONG: f32 = 0.25;
pub const OTHER_SONG: f32 = 0.5;

/// Opens and then says only this.
struct Mute {
    opened: bool,
    then: fn() -> Polled,
}

impl Source for Mute {
    fn poll(&mut self) -> Polled {
        if std::mem::replace(&mut self.opened, true) {
            return (self.then)();
        }
        Polled::Opened(MediaInfo {
            format: StreamFormat::STANDARD,
            duration: None,
            seekable: true,
        })
    }

    fn seek(&mut self, _to: Duration) {}
}

/// Says nothing at all, as a server does that takes the connection and is silent.
pub struct Silent;

impl Source for Silent {
    fn poll(&mut self) -> Polled {
        Polled::Pending
    }

    fn seek(&mut self, _to: Duration) {}
}

/// A few seconds, then nothing while the tap is closed.
pub struct Tap<S> {
    pub source: S,
    /// Until it heeds the tap, in frames.
    pub free: usize,
    pub open: Arc<AtomicBool>,
}

impl<S: Source> Source for Tap<S> {
    fn poll(&mut self) -> Polled {
        if self.free == 0 && !self.open.load(Relaxed) {
            return Polled::Pending;
        }
        let polled = self.source.poll();
        if let Polled::Audio(chunk) = &polled {
            self.free = self.free.saturating_sub(chunk.samples.len() / 2);
        }
        polled
    }

    fn seek(&mut self, to: Duration) {
        self.source.seek(to);
    }
}

fn open(uri: &str, tap: &Arc<AtomicBool>) -> Box<dyn Source> {
    let level = |seconds, level| {
        let duration = Duration::from_secs_f32(seconds);
        Generated::new(RATE, duration, move |_| [level; 2])
    };
    let mute = |then| {
        Box::new(Mute {
            opened: false,
            then,
        })
    };
    match uri {
        "song" => Box::new(level(60.0, SONG)),
        "other song" => Box::new(level(60.0, OTHER_SONG)),
        "short" => Box::new(level(0.3, SONG)),
        "four seconds" => Box::new(level(4.0, SONG)),
        "of a CD" => Box::new(Generated::new(44_100, Duration::from_secs(60), |_| {
            [OTHER_SONG; 2]
        })),
        "two sides" => Box::new(Generated::new(RATE, Duration::from_secs(60), |_| {
            [SONG, OTHER_SONG]
        })),
        "stalls" => Box::new(Tap {
            source: level(60.0, SONG),
            free: 3 * RATE as usize,
            open: tap.clone(),
        }),
        "silent" => Box::new(Silent),
        "empty" => mute(|| Polled::End),
        "broken" => mute(|| {
            let (uri, reason) = ("broken".to_owned(), "there is a hole in it".to_owned());
            Polled::Failed(MediaError::Decode { uri, reason })
        }),
        _ => mute(|| Polled::Pending),
    }
}

pub struct Flat {
    pub house: House,
    transport: Transport,
    /// Closed until it is set.
    pub tap: Arc<AtomicBool>,
    /// What somebody has seen who looked every 10 ms: state, URI, since when.
    pub seen: Vec<(TransportState, String, ClockTime)>,
}

impl Flat {
    /// Two rooms that record.
    pub fn new() -> Self {
        let mut house = House::new(&[card(0.0), card(200.0)]);
        house.record();
        let transport = Transport::new(100);
        Self {
            house,
            transport,
            tap: Arc::default(),
            seen: Vec::new(),
        }
    }

    pub fn state(&self) -> &ZoneState {
        self.transport.state()
    }

    /// Where the ear is, as anybody outside is told.
    pub fn position(&self) -> Duration {
        self.state().position(self.house.now())
    }

    pub fn tell(&mut self, command: ZoneCommand) -> Result<(), ZoneError> {
        let effects = self.transport.command(command, self.house.now())?;
        self.carry_out(effects);
        self.look();
        Ok(())
    }

    /// Tells what must be allowed.
    #[track_caller]
    pub fn must(&mut self, command: ZoneCommand) {
        let text = format!("{command:?}");
        let told = self.tell(command);
        assert_eq!(told, Ok(()), "{text} in {:?}", self.state());
    }

    /// Casts this song and plays it.
    pub fn cast(&mut self, song: &str) {
        self.tell(ZoneCommand::SetTrack(Some(track(song))))
            .expect("always allowed");
        if self.state().transport != TransportState::Transitioning {
            self.tell(ZoneCommand::Play).expect("there is media");
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let open = |uri: &str| open(uri, &self.tap);
            let command = match effect {
                Effect::Gain { left, right } => {
                    self.house.gain.set(left, right);
                    continue;
                }
                Effect::Prepare => EngineCommand::Prepare,
                Effect::Load(id, track) => EngineCommand::Load(id, open(&track.request.uri)),
                Effect::Queue(next) => {
                    EngineCommand::Queue(next.map(|(id, track)| (id, open(&track.request.uri))))
                }
                Effect::Play => EngineCommand::Play,
                Effect::Continue => EngineCommand::Continue,
                Effect::Pause => EngineCommand::Pause,
                Effect::Seek(to) => EngineCommand::Seek(to),
                Effect::Stop => EngineCommand::Stop,
            };
            self.house.send(command);
        }
    }

    fn look(&mut self) {
        let state = self.state();
        let uri = state.track.as_ref().map(|track| track.request.uri.clone());
        let seen = (state.transport, uri.unwrap_or_default(), self.house.now());
        let last = self.seen.last().map(|(state, uri, _)| (*state, uri));
        if last != Some((seen.0, &seen.1)) {
            self.seen.push(seen);
        }
    }

    /// The states that were seen, one after the other.
    pub fn states(&self) -> Vec<TransportState> {
        let mut states: Vec<_> = self.seen.iter().map(|(state, _, _)| *state).collect();
        states.dedup();
        states
    }

    /// When this URI was first seen as the current one.
    pub fn seen_at(&self, uri: &str) -> ClockTime {
        let found = self.seen.iter().find(|(_, seen, _)| seen == uri);
        found.unwrap_or_else(|| panic!("never {uri}")).2
    }

    /// Lets time pass.
    pub fn run(&mut self, duration: Duration) {
        let end = self.house.now() + duration;
        while self.house.now() < end {
            self.house.run(STEP);
            for event in std::mem::take(&mut self.house.events) {
                let effects = self.transport.event(event, self.house.now());
                self.carry_out(effects);
            }
            let effects = self.transport.give_up(self.house.now());
            self.carry_out(effects);
            self.look();
        }
    }

    /// Begins the tapes anew.
    pub fn record(&mut self) {
        self.house.record();
    }

    /// What each room has heard on its left since the tapes began.
    pub fn tapes(&self) -> Vec<Vec<(ClockTime, f32)>> {
        let of_room = |room: usize| {
            let ear = self.house.rooms[room].ear.borrow();
            let tape = ear.tape.as_ref().expect("it records");
            tape.iter().map(|(at, frame)| (*at, frame[0])).collect()
        };
        (0..self.house.rooms.len()).map(of_room).collect()
    }

    /// The last samples heard in each room, left and right.
    pub fn sides(&self) -> Vec<[f32; 2]> {
        let last = |room: usize| {
            let ear = self.house.rooms[room].ear.borrow();
            let tape = ear.tape.as_ref().expect("it records");
            tape.last().map_or([0.0; 2], |(_, frame)| *frame)
        };
        (0..self.house.rooms.len()).map(last).collect()
    }

    /// The last sample heard in each room on its left.
    pub fn levels(&self) -> Vec<f32> {
        self.sides().into_iter().map(|sides| sides[0]).collect()
    }
}
