//! What an input has heard just now, between the thread that listens and whoever plays it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::audio::StreamFormat;
use crate::clock::ClockTime;
use crate::media::{Chunk, Live, MediaInfo, Polled, Source, Supply, Waker};

const RATE: u32 = StreamFormat::STANDARD.rate;
/// What was heard is kept for this many frames (2 s), for whoever is asked to play it a little later.
const KEPT: usize = 2 * RATE as usize;
/// Sound that began so many frames ago (1 s) at most is played from its beginning; of older sound what is heard now.
const FRESH: u64 = RATE as u64;
/// Played from so many frames (50 ms) before what was taken for sound, since it begins softer than that.
const BEFORE: u64 = RATE as u64 / 20;
/// Handed out at a time at most, in frames.
const CHUNK: usize = 960;

/// How an input is doing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct InputState {
    /// Its far end is there.
    pub open: bool,
    /// There is sound, or was until just now.
    pub sounds: bool,
    /// How fast the far end's clock is, in parts per million, once that is known.
    pub clock_ppm: Option<f64>,
}

/// The last seconds of one input.
#[derive(Default)]
pub(super) struct Shelf {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    samples: VecDeque<f32>,
    /// The number of the first frame of `samples`, and when frame zero was taken in.
    first: u64,
    origin: ClockTime,
    /// Where the present sound began.
    sound: Option<u64>,
    state: InputState,
    wakers: Vec<(u64, Waker)>,
    last_reader: u64,
}

impl Inner {
    fn end(&self) -> u64 {
        self.first + self.samples.len() as u64 / 2
    }
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shelf").finish_non_exhaustive()
    }
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while holding the lock, and what it guards is sound between any two statements.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the next frames, the first of which has number `start` and was taken in at `at`.
    pub(super) fn put(&self, start: u64, at: ClockTime, samples: &[f32]) {
        let mut inner = self.lock();
        if inner.samples.is_empty() {
            inner.first = start;
            inner.origin = at.plus_seconds(-(start as f64) / f64::from(RATE));
        }
        inner.samples.extend(samples);
        let over = (inner.samples.len() / 2).saturating_sub(KEPT);
        inner.samples.drain(..over * 2);
        inner.first += over as u64;
    }

    /// Says that there is something new, to all who play it.
    pub(super) fn wake(&self) {
        for (_, waker) in &self.lock().wakers {
            waker();
        }
    }

    pub(super) fn set_open(&self, open: bool) {
        self.lock().state.open = open;
    }

    pub(super) fn set_clock(&self, ppm: Option<f64>) {
        self.lock().state.clock_ppm = ppm;
    }

    pub(super) fn set_sounding(&self, from: Option<u64>) {
        let mut inner = self.lock();
        inner.sound = from;
        inner.state.sounds = from.is_some();
    }

    pub(super) fn state(&self) -> InputState {
        self.lock().state
    }

    /// What is heard from the beginning of the present sound on, or from now on.
    pub(super) fn listen(self: &Arc<Self>, buffer: Duration, waker: Waker) -> Heard {
        let mut inner = self.lock();
        inner.last_reader += 1;
        let number = inner.last_reader;
        inner.wakers.push((number, waker));
        let end = inner.end();
        let fresh = inner.sound.filter(|from| end.saturating_sub(*from) < FRESH);
        let next = fresh.map_or(end, |from| from.saturating_sub(BEFORE).max(inner.first));
        let begins = inner.origin.plus_seconds(next as f64 / f64::from(RATE));
        Heard {
            shelf: self.clone(),
            number,
            next,
            live: Live { begins, buffer },
            opened: false,
        }
    }
}

/// An input as media: what is heard at this moment, one frame for each of the clock.
pub(super) struct Heard {
    shelf: Arc<Shelf>,
    number: u64,
    next: u64,
    live: Live,
    opened: bool,
}

impl Source for Heard {
    fn poll(&mut self) -> Polled {
        if !self.opened {
            self.opened = true;
            return Polled::Opened(MediaInfo {
                format: StreamFormat::STANDARD,
                duration: None,
                seekable: false,
            });
        }
        let inner = self.shelf.lock();
        let count = usize::try_from(inner.end().saturating_sub(self.next)).unwrap_or(usize::MAX);
        let count = count.min(CHUNK);
        if count == 0 {
            return Polled::Pending;
        }
        // Whoever was away for longer than is kept has missed something; what follows keeps its place.
        let missed = usize::try_from(inner.first.saturating_sub(self.next)).unwrap_or(usize::MAX);
        let missed = missed.min(count);
        let mut samples = vec![0.0; missed * 2];
        let from = self.next.saturating_sub(inner.first) as usize;
        let kept = inner.samples.range(from * 2..(from + count - missed) * 2);
        samples.extend(kept);
        self.next += count as u64;
        Polled::Audio(Chunk {
            format: StreamFormat::STANDARD,
            samples,
        })
    }

    /// There is nowhere to go.
    fn seek(&mut self, _to: Duration) {}

    fn live(&self) -> Option<Live> {
        Some(self.live)
    }

    fn supply(&self) -> Supply {
        Supply {
            ahead: Duration::ZERO,
            full: false,
            paced: true,
        }
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        let number = self.number;
        self.shelf
            .lock()
            .wakers
            .retain(|(other, _)| *other != number);
    }
}
