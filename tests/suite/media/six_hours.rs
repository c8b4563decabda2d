//! A radio station for six hours, in virtual time over a real connection: cuts, stalls and titles. Nothing is left out but the waiting: all
//! bytes of the six hours are sent, fetched and decoded, and the feeder plays them by a clock that runs as fast as that goes.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

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
/// It makes what it sends in pieces of so many seconds.
const PIECE: u64 = 2;
/// What a station has sent of the past when one begins to listen, in seconds.
const BURST: u64 = 6;
/// Every half an hour nothing comes for so many seconds.
const STALL_EVERY: u64 = 1800;
const STALL: u64 = 4;
/// But the second time and the fifth it is longer than what is at hand, so that it is heard: the burst, and what the first was waited for.
const HEARD: [(u64, u64); 2] = [(2, 12), (5, 30)];
/// More than anybody waits for before music goes on.
const ENOUGH: Duration = Duration::from_secs(15);
/// What is read ahead of a stream of this rate, in seconds of it.
const BUFFER: f64 = (2 << 20) as f64 / RATE as f64;

/// Bytes that a decoder may ask for at a time, and more.
const PACKET: u64 = 32 << 10;

/// The header of a WAV file without end, of one channel of 8 bits.
fn endless_wav(rate: u32) -> Vec<u8> {
    let mut header = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    header.extend(rate.to_le_bytes());
    header.extend(rate.to_le_bytes());
    header.extend(b"\x01\0\x08\0data\xff\xff\xff\xff");
    header
}

/// What a station has on the air: it sends no faster than that is made.
struct Air {
    clock: Arc<ManualClock>,
    began: ClockTime,
    sent: AtomicU64,
}

impl Air {
    fn new(house: &House) -> Arc<Self> {
        Arc::new(Self {
            clock: house.clock.clone(),
            began: house.now(),
            sent: AtomicU64::new(0),
        })
    }

    /// How many bytes can have been sent by now.
    fn made(&self) -> u64 {
        let since = self.clock.now().saturating_since(self.began);
        let which = since.as_secs() / STALL_EVERY;
        let heard = HEARD.iter().find(|(number, _)| *number == which);
        let stall = heard.map_or(STALL, |(_, seconds)| *seconds);
        let stalls = which > 0 && since.as_secs() % STALL_EVERY < stall;
        let until = if stalls {
            Duration::from_secs(which * STALL_EVERY)
        } else {
            since
        };
        (BURST + until.as_secs() / PIECE * PIECE) * RATE
    }

    /// Waits until there is something to send, and says how much of `most`.
    fn send(&self, most: u64) -> u64 {
        loop {
            let left = self.made().saturating_sub(self.sent.load(Relaxed));
            if left > 0 {
                let sent = most.min(left);
                self.sent.fetch_add(sent, Relaxed);
                return sent;
            }
            // In a time that does not count.
            thread::sleep(Duration::from_micros(500));
        }
    }
}

/// An endless WAV file, whose level is the number of the song, as it is on the air.
fn station(air: Arc<Air>) -> Media {
    let header = endless_wav(RATE as u32);
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
        let sent = air.send(left.min(most as u64));
        vec![129 + song as u8; sent as usize]
    });
    media
        .framing(Framing::UntilClose)
        .header("icy-name", "Virtual FM")
        .titles(INTERVAL, &titles)
        .cut_after((before + PROGRAMME * RATE) as usize)
        .first_answers(&[200, 200, 503, 200, 404, 404, 200])
}

/// The source as it would be if the network and the decoder took no time: what can be there is.
struct Prompt {
    source: Box<dyn Source>,
    woken: Receiver<()>,
    /// Of a station. What is not of one is all there, but for the stalls.
    air: Option<Arc<Air>>,
    clock: Arc<ManualClock>,
    began: ClockTime,
    heard: Arc<Mutex<Songs>>,
}

impl Prompt {
    /// How many frames there are that have not been read.
    fn left(&self) -> u64 {
        let read = self.heard.lock().unwrap().frames;
        let at = self.clock.now().saturating_since(self.began).as_secs();
        match &self.air {
            Some(air) => air.made().saturating_sub(read),
            None if at >= STALL_EVERY && at % STALL_EVERY < STALL => 0,
            None => u64::MAX,
        }
    }
}

/// What has come of a programme.
#[derive(Default)]
struct Songs {
    frames: u64,
    song: u8,
    /// Where each has begun.
    begun: Vec<(u64, u8)>,
}

impl Songs {
    fn note(&mut self, frame: f32) {
        let song = (frame * 128.0).round() as u8;
        if std::mem::replace(&mut self.song, song) != song {
            self.begun.push((self.frames, song));
        }
        self.frames += 1;
    }
}

impl Source for Prompt {
    fn poll(&mut self) -> Polled {
        // Less than a packet cannot be waited for.
        if self.left() < PACKET {
            return Polled::Pending;
        }
        loop {
            match self.source.poll() {
                Polled::Pending => {
                    let woken = self.woken.recv_timeout(PATIENCE);
                    woken.expect("the source never woke");
                }
                Polled::Audio(chunk) => {
                    let mut heard = self.heard.lock().unwrap();
                    for frame in chunk.samples.chunks(usize::from(chunk.format.channels)) {
                        heard.note(frame[0]);
                    }
                    return Polled::Audio(chunk);
                }
                said => return said,
            }
        }
    }

    fn seek(&mut self, _to: Duration) {}

    fn supply(&self) -> Supply {
        // It fills up, in a time that does not count.
        for _ in 0..5 {
            let supply = self.source.supply();
            let there = supply.ahead.as_secs_f64() * RATE as f64;
            let all = self.left().saturating_sub(2 * PACKET) as f64;
            if supply.full || supply.ahead >= ENOUGH || there >= all {
                return supply;
            }
            thread::sleep(Duration::from_millis(1));
        }
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

/// What was heard in six hours.
struct Evening {
    songs: Vec<(u64, u8)>,
    /// How much of them had come.
    frames: u64,
    /// With the second of the programme at which each was told.
    titles: Vec<(f64, String)>,
    stalls: u64,
    /// How much more memory the last hour took than the second, in KiB.
    grown: u64,
    seconds: f64,
}

/// Hears what is at `uri` for all the hours, in a house without a room; `each_second` is told which it is, and how many frames have
/// been read by then.
fn listen(
    mut house: House,
    uri: String,
    air: Option<Arc<Air>>,
    mut each_second: impl FnMut(u64, u64),
) -> Evening {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let network = Network::new(runtime.handle().clone(), Vec::new());
    let (wake, woken): (Sender<()>, _) = channel();
    let wake = Mutex::new(wake);
    // The test may have ended.
    let waker = move || wake.lock().unwrap().send(()).unwrap_or_default();
    let source = media::open(request(uri), &network, Arc::new(waker));
    let heard = Arc::new(Mutex::new(Songs::default()));
    let prompt = Prompt {
        source,
        woken,
        air,
        clock: house.clock.clone(),
        began: house.now(),
        heard: heard.clone(),
    };
    house.send(EngineCommand::Load(1, Box::new(prompt)));
    house.send(EngineCommand::Play);
    let began = house.now();
    let (mut start, mut stalls, mut titles) = (began, 0, Vec::new());
    // At its lowest, for what is on its way is there at one moment and not at another.
    let mut lowest = [u64::MAX; HOURS as usize];
    for second in 0..HOURS * 3600 {
        let read = heard.lock().unwrap().frames;
        each_second(second, read);
        let lowest = &mut lowest[(second / 3600) as usize];
        *lowest = resident().min(*lowest);
        for _ in 0..50 {
            house.run(Duration::from_millis(20));
            let now = house.now();
            for event in house.events.drain(..) {
                match event {
                    EngineEvent::Playing { start: at, .. } => start = at,
                    EngineEvent::Stalled(_) => stalls += 1,
                    EngineEvent::Title(_, title) => {
                        titles.push((now.seconds_since(start), title));
                    }
                    EngineEvent::Opened(..) | EngineEvent::Reach(..) => {}
                    other => panic!("after {second} s: {other:?}"),
                }
            }
        }
    }
    let grown = lowest[HOURS as usize - 1].saturating_sub(lowest[1]);
    let heard = heard.lock().unwrap();
    Evening {
        songs: heard.begun.clone(),
        frames: heard.frames,
        titles,
        stalls,
        grown,
        seconds: house.now().seconds_since(began),
    }
}

#[test]
fn a_station_plays_for_six_hours_with_cuts_stalls_and_titles() {
    // In a process of its own, for its memory is looked at.
    if !inside("media::six_hours::a_station_plays_for_six_hours_with_cuts_stalls_and_titles") {
        return;
    }
    let server = MediaServer::start();
    let house = House::new(&[]);
    let air = Air::new(&house);
    let uri = server.serve("/radio", station(air.clone()));
    let mut behind = Vec::new();
    let evening = listen(house, uri, Some(air.clone()), |_, read| {
        behind.push((air.made() - read) as f64 / RATE as f64);
    });
    let heard = HEARD.len() as u64;
    assert_eq!(evening.stalls, heard, "only when nothing came for long");
    assert!(evening.grown < 4096, "{} KiB more", evening.grown);
    // Nearly all that was made has been heard, and each song and its title.
    let songs = HOURS * 3600 / SONG;
    let told = (evening.songs.len() as u64, evening.titles.len() as u64);
    assert!(
        (songs - 1..=songs + 1).contains(&told.0) && told.0.abs_diff(told.1) <= 1,
        "{told:?} of {songs}"
    );
    // The connections that were cut, and those that were refused.
    let requests = server.requests().len() as u64;
    let cuts = HOURS * 3600 / PROGRAMME;
    assert!((cuts + 3..=cuts + 5).contains(&requests), "{requests}");
    for ((frame, song), (heard, title)) in evening.songs.iter().zip(&evening.titles) {
        assert_eq!(title, &format!("Virtual - Song {song}"));
        let late = heard - *frame as f64 / RATE as f64;
        // The next block of titles is up to 83 ms away, and the feeder looks around every 50.
        assert!(
            (-0.05..0.25).contains(&late),
            "song {song} at {frame}: {late} s late"
        );
    }
    // It is as far behind the air as the burst and what was waited for made it, and never further than the buffer goes.
    let most = behind.iter().copied().fold(0.0, f64::max);
    assert!(most < BUFFER, "{most} s behind");
    let (second, last) = (behind[2 * 1800 - 60], behind[behind.len() - 1]);
    assert!((second - BURST as f64).abs() < 2.0, "{second} s behind");
    assert!((last - HEARD[1].1 as f64).abs() < 3.0, "{last} s behind");
}

/// How long a segment of the live stream is, in seconds: nine megabytes.
const SEGMENT: u64 = 180;
/// How many of them its list names.
const LISTED: u64 = 10;
/// One that nobody has…
const LOST: u64 = 11;
/// …and one that is there when it is asked for again.
const LATE: u64 = 10;

/// The samples of a segment.
fn level(number: u64) -> u8 {
    129 + (number % 100) as u8
}

/// Lists what there is of the live stream when so many segments have been made, and serves the newest. Each is of another level than
/// its neighbours.
fn go_on(server: &MediaServer, made: u64) {
    let first = made - LISTED;
    let new = if first == 0 { 0..made } else { made - 1..made };
    for number in new {
        let level = level(number);
        let media = Media::made(SEGMENT * RATE, move |_, most| vec![level; most]);
        let media = match number {
            LOST => Media::status(404),
            LATE => media.first_answers(&[503, 404, 200]),
            _ => media,
        };
        server.serve(&format!("/segment-{number}"), media);
    }
    // It says that they are short, so that it is asked for anew each half a second.
    let mut list = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-MAP:URI=\"header\"\n"
    );
    for number in first..made {
        list.push_str(&format!("#EXTINF:{SEGMENT},\nsegment-{number}\n"));
    }
    let list = Media::new(list.into_bytes()).mime("application/vnd.apple.mpegurl");
    server.serve("/live", list);
}

#[test]
fn a_live_stream_in_segments_plays_for_six_hours_with_stalls_and_losses() {
    if !inside(
        "media::six_hours::a_live_stream_in_segments_plays_for_six_hours_with_stalls_and_losses",
    ) {
        return;
    }
    let server = MediaServer::start();
    server.serve("/header", Media::new(endless_wav(RATE as u32)));
    go_on(&server, LISTED);
    let evening = listen(House::new(&[]), server.url("/live"), None, |second, _| {
        if second > 0 && second.is_multiple_of(SEGMENT) {
            go_on(&server, LISTED + second / SEGMENT);
        }
    });
    assert_eq!(evening.stalls, 2 * HOURS - 1, "only when nothing came");
    // What one of them took the allocator may keep for the next.
    let most = 4096 + SEGMENT * RATE / 1024;
    assert!(evening.grown < most, "{} KiB more", evening.grown);
    // From three before the end of the first list on, each once and whole, but for the one that is lost.
    let mut begins = 0;
    let numbers = (LISTED - 3..).filter(|number| *number != LOST);
    for ((frame, level), number) in evening.songs.iter().zip(numbers) {
        assert_eq!((*frame, 128 + level), (begins, self::level(number)));
        begins += SEGMENT * RATE;
    }
    // It is as far behind as it was at the beginning, but for the stalls and the segment that was lost.
    let behind = evening.seconds - evening.frames as f64 / RATE as f64;
    assert!((-60.0..120.0).contains(&behind), "{behind} s behind");
    let segments = HOURS * 3600 / SEGMENT;
    assert!(
        evening.songs.len() as u64 >= segments,
        "{}",
        evening.songs.len()
    );
}
