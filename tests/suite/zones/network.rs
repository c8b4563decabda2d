//! A house that plays over a network that is hardly fast enough and hiccups, in virtual time: what is at hand is kept large enough.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use unisono::audio::StreamFormat;
use unisono::clock::{Clock, ClockTime, ManualClock};
use unisono::media::{Chunk, MediaInfo, Polled, Source, Supply};
use unisono::playback::EngineEvent;

use crate::support::house::{House, card};

const FRAMES: u64 = 1024;
const RATE: f64 = 48_000.0;
/// So much of it fits into the buffer.
const BUFFER: f64 = 12.0;

/// Media of some length that comes over a network which sends nothing at times.
struct Download {
    clock: Arc<ManualClock>,
    began: ClockTime,
    seconds: f64,
    /// How many seconds of it come in one second.
    speed: f64,
    /// It sends for so many seconds and then nothing for so many.
    flow: f64,
    hiccup: f64,
    /// What has come, as seconds of media, and when that was looked at.
    came: Cell<f64>,
    looked: Cell<f64>,
    polled: f64,
    opened: bool,
}

impl Download {
    fn new(house: &House, speed: f64, flow: f64, hiccup: f64) -> Self {
        Self {
            clock: house.clock.clone(),
            began: house.now(),
            seconds: 120.0,
            speed,
            flow,
            hiccup,
            came: Cell::default(),
            looked: Cell::default(),
            polled: 0.0,
            opened: false,
        }
    }

    /// What has come by now.
    fn look(&self) -> f64 {
        const STEP: f64 = 0.01;
        let now = self.clock.now().seconds_since(self.began);
        while self.looked.get() + STEP <= now {
            self.looked.set(self.looked.get() + STEP);
            let flows = self.looked.get() % (self.flow + self.hiccup) < self.flow;
            if flows && self.came.get() - self.polled < BUFFER {
                self.came.set(self.came.get() + STEP * self.speed);
            }
        }
        self.came.get().min(self.seconds)
    }
}

impl Source for Download {
    fn poll(&mut self) -> Polled {
        let came = self.look();
        let format = StreamFormat::STANDARD;
        if came > 0.0 && !std::mem::replace(&mut self.opened, true) {
            return Polled::Opened(MediaInfo {
                format,
                duration: Some(Duration::from_secs_f64(self.seconds)),
                seekable: true,
            });
        }
        let chunk = FRAMES as f64 / RATE;
        if self.polled + chunk / 2.0 > self.seconds {
            return Polled::End;
        }
        if self.polled + chunk / 2.0 > came {
            return Polled::Pending;
        }
        self.polled += chunk;
        Polled::Audio(Chunk {
            format,
            samples: vec![0.25; format.samples(FRAMES as usize)],
        })
    }

    fn seek(&mut self, _to: Duration) {}

    fn supply(&self) -> Supply {
        let came = self.look();
        let ahead = came - self.polled;
        Supply {
            ahead: Duration::from_secs_f64(ahead.max(0.0)),
            full: ahead >= BUFFER || came >= self.seconds,
            paced: false,
        }
    }
}

/// How long it took to start, how often it stalled, and how many frames lanes missed.
fn play(speed: f64, flow: f64, hiccup: f64) -> (f64, usize, u64) {
    let mut house = House::new(&[card(0.0), card(150.0)]);
    let began = house.now();
    let download = Download::new(&house, speed, flow, hiccup);
    house.play(download);
    house.run(Duration::from_secs(150));
    let ended = matches!(house.events.last(), Some(EngineEvent::Ended(1)));
    assert!(ended, "{:?}", house.events.last());
    let first = house.events.iter().find_map(|event| match event {
        EngineEvent::Playing { start, .. } => Some(start.seconds_since(began)),
        _ => None,
    });
    let stalled = |event: &&EngineEvent| matches!(event, EngineEvent::Stalled(_));
    let stalls = house.events.iter().filter(stalled).count();
    let starved = (0..2).map(|room| house.report(room).starved_frames).sum();
    (first.expect("it plays"), stalls, starved)
}

#[test]
fn a_network_of_1_2_times_the_rate_that_stalls_for_two_seconds_is_not_heard() {
    // With less than 12 s between them the network would be too slow in the mean.
    for flow in [12.0, 13.0, 20.0] {
        let (began, stalls, starved) = play(1.2, flow, 2.0);
        assert_eq!((stalls, starved), (0, 0), "{flow}");
        assert!(began < 4.5, "it starts when it is safe: {began}");
    }
}

#[test]
fn a_fast_network_starts_at_once() {
    let (began, stalls, starved) = play(50.0, 1000.0, 0.0);
    assert_eq!((stalls, starved), (0, 0));
    assert!(began < 0.7, "{began}");
}

#[test]
fn a_network_that_is_too_slow_stalls_ever_more_rarely() {
    let (_, stalls, starved) = play(0.9, 1000.0, 0.0);
    // 120 s come in 133: with what each stall waits for, twice as much each time, a few are enough.
    assert!((1..=4).contains(&stalls), "{stalls}");
    assert_eq!(starved, 0);
}
