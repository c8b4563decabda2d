//! A radio station for six hours, in virtual time over a real connection: cuts, stalls and titles. Nothing is left out but the waiting: all
//! bytes of the six hours are sent, fetched and decoded, and the feeder plays them by a clock that runs as fast as that goes.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use unisono::clock::{Clock, ClockTime, ManualClock};
use unisono::media::Supply;
use unisono::playback::{EngineCommand, EngineEvent};

use crate::support::house::House;
use crate::support::namespace::inside;

use super::*;

/// 8 bits, one channel: a byte is a frame.
const RATE: u64 = 48_000;
/// The station's connection holds for so long…
const PROGRAMME: u64 = 600;
/// …in which it plays four songs, each of them at a level of its own.
const SONG: u64 = 150;
/// Bytes between two titles.
const INTERVAL: usize = 4000;
const HOURS: u64 = 6;
/// Every half an hour nothing comes for four seconds.
const STALL_EVERY: Duration = Duration::from_mins(30);
const STALL: Duration = Duration::from_secs(4);

/// An endless WAV file, whose level is the number of the song.
fn station() -> Media {
    let mut header = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    header.extend((RATE as u32).to_le_bytes());
    header.extend((RATE as u32).to_le_bytes());
    header.extend(b"\x01\0\x08\0data\xff\xff\xff\xff");
    let before = header.len() as u64;
    let titles: Vec<_> = (0..4)
        .map(|song| {
            (
                before + song * SONG * RATE,
                format!("Virtual - Song {}", song + 1),
            )
        })
        .collect();
    let titles: Vec<_> = titles
        .iter()
        .map(|(at, title)| (*at, title.as_bytes()))
        .collect();
    let media = Media::made(u64::MAX, move |place, most| {
        let Some(frame) = place.checked_sub(before) else {
            return header[place as usize..]
                .iter()
                .copied()
                .take(most)
                .collect();
        };
        let song = frame / (SONG * RATE);
        let left = (song + 1) * SONG * RATE - frame;
        vec![129 + song as u8; most.min(left as usize)]
    });
    media
        .framing(Framing::UntilClose)
        .header("icy-name", "Virtual FM")
        .titles(INTERVAL, &titles)
        .cut_after((before + PROGRAMME * RATE) as usize)
        .first_answers(&[200, 200, 503, 200, 404, 404, 200])
}

/// The source as it would be if the network and the decoder took no time, but for the stalls.
struct Prompt {
    source: Box<dyn Source>,
    woken: Receiver<()>,
    clock: Arc<ManualClock>,
    began: ClockTime,
    frames: u64,
    song: u8,
    /// Where each song has begun.
    songs: Arc<Mutex<Vec<(u64, u8)>>>,
}

impl Source for Prompt {
    fn poll(&mut self) -> Polled {
        let at = self.clock.now().saturating_since(self.began);
        let into = at.as_nanos() % STALL_EVERY.as_nanos();
        if at > STALL_EVERY && into < STALL.as_nanos() {
            return Polled::Pending;
        }
        loop {
            match self.source.poll() {
                Polled::Pending => {
                    let woken = self.woken.recv_timeout(PATIENCE);
                    woken.expect("the source never woke");
                }
                Polled::Audio(chunk) => {
                    for frame in chunk.samples.chunks(usize::from(chunk.format.channels)) {
                        let song = (frame[0] * 128.0).round() as u8;
                        if std::mem::replace(&mut self.song, song) != song {
                            self.songs.lock().unwrap().push((self.frames, song));
                        }
                        self.frames += 1;
                    }
                    return Polled::Audio(chunk);
                }
                said => return said,
            }
        }
    }

    fn seek(&mut self, _to: Duration) {}

    fn supply(&self) -> Supply {
        self.source.supply()
    }
}

/// What this process occupies, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
    line.unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn a_station_plays_for_six_hours_with_cuts_stalls_and_titles() {
    // In a process of its own, for its memory is looked at.
    if !inside("media::six_hours::a_station_plays_for_six_hours_with_cuts_stalls_and_titles") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let network = Network::new(runtime.handle().clone(), Vec::new());
    let server = MediaServer::start();
    let uri = server.serve("/radio", station());
    let (wake, woken): (Sender<()>, _) = channel();
    let wake = Mutex::new(wake);
    // The test may have ended.
    let waker = move || wake.lock().unwrap().send(()).unwrap_or_default();
    let source = media::open(request(uri), &network, Arc::new(waker));
    let mut house = House::new(&[]);
    let songs = Arc::new(Mutex::new(Vec::new()));
    let prompt = Prompt {
        source,
        woken,
        clock: house.clock.clone(),
        began: house.now(),
        frames: 0,
        song: 0,
        songs: songs.clone(),
    };
    house.send(EngineCommand::Load(1, Box::new(prompt)));
    house.send(EngineCommand::Play);
    let began = house.now();
    let (mut start, mut stalls, mut titles) = (began, 0, Vec::new());
    let mut after_an_hour = 0;
    for second in 0..HOURS * 3600 {
        if second == 3600 {
            after_an_hour = resident();
        }
        for _ in 0..50 {
            house.run(Duration::from_millis(20));
            let now = house.now();
            for event in house.events.drain(..) {
                match event {
                    EngineEvent::Playing { start: at, .. } => start = at,
                    EngineEvent::Stalled(_) => stalls += 1,
                    EngineEvent::Title(_, title) => {
                        let heard = now.seconds_since(start) * RATE as f64;
                        titles.push((heard, title));
                    }
                    EngineEvent::Opened(..) | EngineEvent::Reach(..) => {}
                    other => panic!("after {second} s: {other:?}"),
                }
            }
        }
    }
    let grown = resident().saturating_sub(after_an_hour);
    assert!(grown < 4096, "{grown} KiB more than after the first hour");
    assert_eq!(stalls, 2 * HOURS - 1, "only when nothing came");

    let songs = songs.lock().unwrap();
    assert!(
        songs.len() as u64 >= HOURS * 3600 / SONG - 2,
        "{}",
        songs.len()
    );
    for ((frame, song), (heard, title)) in songs.iter().zip(&titles) {
        assert_eq!(title, &format!("Virtual - Song {song}"));
        let late = (heard - *frame as f64) / RATE as f64;
        // The next block of titles is up to 83 ms away, and the feeder looks around every 50.
        assert!(
            (-0.05..0.25).contains(&late),
            "song {song} at {frame}: {late} s late"
        );
    }
    // What has been sent and not heard is what the buffer and two sockets hold.
    let heard = house.now().seconds_since(began) * RATE as f64;
    let behind = server.sent() as f64 - heard;
    assert!(behind < f64::from(16 << 20), "{behind} bytes behind");
}
