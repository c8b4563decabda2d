//! A whole flat in virtual time: a transport over the house's feeder and lanes, with songs that work and songs that do not.

use std::time::Duration;

use unisono::audio::StreamFormat;
use unisono::media::{MediaError, MediaInfo, Polled, Source};
use unisono::playback::EngineCommand;
use unisono::zone::{Effect, Transport, TransportState, ZoneCommand, ZoneError, ZoneState};

use super::track;
use crate::support::house::{Generated, House, RATE, card};

const STEP: Duration = Duration::from_millis(10);

/// What can be cast.
pub const SONGS: [&str; 6] = ["song", "other song", "short", "empty", "broken", "hangs"];

/// How loud the two songs are.
pub const SONG: f32 = 0.25;
const OTHER_SONG: f32 = 0.5;

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

fn open(uri: &str) -> Box<dyn Source> {
    let level = |seconds, level| {
        let duration = Duration::from_secs_f32(seconds);
        Box::new(Generated::new(RATE, duration, move |_| [level; 2]))
    };
    let mute = |then| {
        Box::new(Mute {
            opened: false,
            then,
        })
    };
    match uri {
        "song" => level(60.0, SONG),
        "other song" => level(60.0, OTHER_SONG),
        "short" => level(0.3, SONG),
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
}

impl Flat {
    /// Two rooms that record.
    pub fn new() -> Self {
        let mut house = House::new(&[card(0.0), card(200.0)]);
        house.record();
        let transport = Transport::new(100);
        Self { house, transport }
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
        Ok(())
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
            self.house.send(match effect {
                Effect::Gain { .. } => continue,
                Effect::Prepare => EngineCommand::Prepare,
                Effect::Load(id, track) => EngineCommand::Load(id, open(&track.request.uri)),
                Effect::Queue(next) => {
                    EngineCommand::Queue(next.map(|(id, track)| (id, open(&track.request.uri))))
                }
                Effect::Play => EngineCommand::Play,
                Effect::Pause => EngineCommand::Pause,
                Effect::Seek(to) => EngineCommand::Seek(to),
                Effect::Stop => EngineCommand::Stop,
            });
        }
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
        }
    }

    /// The last sample heard in each room.
    pub fn levels(&self) -> Vec<f32> {
        let last = |room: usize| {
            let ear = self.house.rooms[room].ear.borrow();
            let tape = ear.tape.as_ref().expect("it records");
            tape.last().map_or(0.0, |(_, frame)| frame[0])
        };
        (0..self.house.rooms.len()).map(last).collect()
    }
}
