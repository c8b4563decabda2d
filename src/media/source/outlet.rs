//! The queue between the thread that decodes and whoever plays: what waits to be polled, and what the playing side wants.
//! It decodes nothing.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::media::buffer::Stock;
use crate::media::{Chunk, MediaError, MediaInfo, Polled, Supply, Waker};

/// How much decoded audio waits to be polled. Enough for a busy machine, little enough that it costs half a megabyte.
const DECODED_AHEAD: Duration = Duration::from_millis(1500);

/// What waits to be polled, and what the playing side wants.
pub(super) struct Outlet {
    state: Mutex<State>,
    changed: Condvar,
    waker: Waker,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Item>,
    /// How long the audio in `ready` plays.
    queued: Duration,
    ending: Option<Ending>,
    /// The last seek, until the decode thread has taken it up.
    seek: Option<Seek>,
    /// How many seeks there have been; each has its number.
    seeks: u64,
    /// The media is known to have but one order.
    one_way: bool,
    /// Where in media of one order the playing side is.
    at: Duration,
    /// What the media consumes, once that is known.
    bytes_per_second: Option<u64>,
    /// Whether the media comes only as fast as it plays.
    paced: bool,
    /// The playing side waits for the waker.
    asked_in_vain: bool,
    closed: bool,
}

/// Where the playing side wants to be.
#[derive(Clone, Copy)]
struct Seek {
    to: Duration,
    /// In media that is known to have but one order.
    forward: bool,
}

pub(super) enum Item {
    Opened(MediaInfo),
    Sought(Duration),
    Title(String),
    Audio(Chunk),
}

#[derive(Clone)]
pub(super) enum Ending {
    End,
    Failed(MediaError),
}

/// What the playing side wants of the decode thread.
#[derive(Clone, Copy)]
pub(super) enum Wish {
    /// To go elsewhere. Reads that wait are interrupted until this number is heeded.
    Seek {
        to: Duration,
        number: u64,
    },
    /// To leave out what comes before `to`, in media of one order that has been decoded up to `from`.
    Skip {
        from: Duration,
        to: Duration,
    },
    Close,
}

impl State {
    fn is_skipping(&self) -> bool {
        self.seek.is_some_and(|seek| seek.forward)
    }

    /// Leaves out what is queued before `to`; whether that was all of it.
    fn drop_before(&mut self, to: Duration) -> bool {
        while let Some(item) = self.ready.pop_front() {
            match item {
                Item::Audio(mut chunk) => {
                    let time = playing_time(&chunk);
                    self.queued = self.queued.saturating_sub(time);
                    if self.at + time <= to {
                        self.at += time;
                        continue;
                    }
                    self.at += leave_out(&mut chunk, to.saturating_sub(self.at));
                    self.queued += playing_time(&chunk);
                    self.ready.push_front(Item::Audio(chunk));
                    return false;
                }
                Item::Sought(_) => {}
                // These hold for what follows.
                kept => {
                    let all = self.drop_before(to);
                    self.ready.push_front(kept);
                    return all;
                }
            }
        }
        true
    }
}

impl Outlet {
    pub(super) fn new(waker: Waker) -> Self {
        Self {
            state: Mutex::new(State {
                // So that one may also wait for the waker before the first poll.
                asked_in_vain: true,
                ..State::default()
            }),
            changed: Condvar::new(),
            waker,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while holding the lock, and the state is sound between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn poll(&self) -> Polled {
        let mut state = self.lock();
        let polled = match state.ready.pop_front() {
            Some(Item::Opened(info)) => Polled::Opened(info),
            Some(Item::Sought(landed)) => Polled::Sought(landed),
            Some(Item::Title(title)) => Polled::Title(title),
            Some(Item::Audio(chunk)) => {
                state.queued = state.queued.saturating_sub(playing_time(&chunk));
                state.at += playing_time(&chunk);
                Polled::Audio(chunk)
            }
            None => match state.ending.clone() {
                Some(Ending::End) => Polled::End,
                Some(Ending::Failed(error)) => Polled::Failed(error),
                None => Polled::Pending,
            },
        };
        state.asked_in_vain = matches!(polled, Polled::Pending);
        drop(state);
        self.changed.notify_one();
        polled
    }

    /// What is at hand, with this much of it not decoded yet.
    pub(super) fn supply(&self, stock: Stock) -> Supply {
        let state = self.lock();
        let coded = state.bytes_per_second.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64(stock.bytes as f64 / rate.max(1) as f64)
        });
        Supply {
            ahead: state.queued + coded,
            full: stock.full || state.ending.is_some(),
            paced: state.paced,
        }
    }

    /// Notes what is known of how the media comes.
    pub(super) fn note_rate(&self, bytes_per_second: Option<u64>, paced: bool) {
        let mut state = self.lock();
        state.bytes_per_second = bytes_per_second;
        state.paced = paced;
    }

    /// Notes a seek and answers its number; `None` when there is nobody to interrupt for it.
    pub(super) fn seek(&self, to: Duration) -> Option<u64> {
        let mut state = self.lock();
        if matches!(state.ending, Some(Ending::Failed(_))) {
            return None;
        }
        if state.one_way {
            // Nobody is interrupted: what is torn there cannot be read again.
            self.go_forward(state, to);
            return None;
        }
        let lasts = |item: &Item| matches!(item, Item::Opened(_));
        state.ready.retain(lasts);
        state.queued = Duration::ZERO;
        state.ending = None;
        state.seek = Some(Seek { to, forward: false });
        state.seeks += 1;
        self.changed.notify_one();
        Some(state.seeks)
    }

    /// In media of one order: forward by what is at hand, or on from where it is.
    fn go_forward(&self, mut state: MutexGuard<'_, State>, to: Duration) {
        let opened = |item: &&Item| matches!(item, Item::Opened(_));
        let is_opened = state.ready.iter().take_while(opened).count() == 0;
        let ended = state.ending.is_some();
        if is_opened && to > state.at && state.drop_before(to) && !ended {
            // The decode thread goes on with it.
            state.seek = Some(Seek { to, forward: true });
            self.changed.notify_one();
            return;
        }
        let place = state.ready.iter().take_while(opened).count();
        let here = Item::Sought(state.at);
        state.ready.insert(place, here);
        self.wake(state);
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Hands `item` over, waiting for room. What a seek has made stale is dropped.
    pub(super) fn push(&self, item: Item) {
        let mut state = self.lock();
        if let Item::Opened(info) = &item {
            state.one_way = !info.seekable;
        }
        match &item {
            Item::Audio(chunk) => {
                while state.queued >= DECODED_AHEAD && state.seek.is_none() && !state.closed {
                    state = self.wait(state);
                }
                let time = playing_time(chunk);
                if state.is_skipping() {
                    // It is among what is left out.
                    state.at += time;
                }
                if state.seek.is_some() {
                    return;
                }
                state.queued += time;
            }
            Item::Sought(landed) if state.seek.is_none() => state.at = *landed,
            Item::Sought(_) => return,
            Item::Opened(_) | Item::Title(_) => {}
        }
        state.ready.push_back(item);
        self.wake(state);
    }

    pub(super) fn finish(&self, ending: Ending) {
        let mut state = self.lock();
        if state.is_skipping() {
            // The media ends before the place that was asked for.
            state.seek = None;
            let here = Item::Sought(state.at);
            state.ready.push_back(here);
        }
        if state.seek.is_none() || matches!(ending, Ending::Failed(_)) {
            state.ending = Some(ending);
            self.wake(state);
        }
    }

    /// Calls the waker, outside the lock, if the playing side waits for it.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let waits = std::mem::take(&mut state.asked_in_vain);
        drop(state);
        if waits {
            (self.waker)();
        }
    }

    /// What the playing side wants now, if anything.
    pub(super) fn wish(&self) -> Option<Wish> {
        Self::take_wish(&mut self.lock())
    }

    /// Waits until the playing side wants something.
    pub(super) fn next_wish(&self) -> Wish {
        let mut state = self.lock();
        loop {
            if let Some(wish) = Self::take_wish(&mut state) {
                return wish;
            }
            state = self.wait(state);
        }
    }

    fn take_wish(state: &mut State) -> Option<Wish> {
        if state.closed {
            return Some(Wish::Close);
        }
        let Seek { to, forward } = state.seek.take()?;
        let from = state.at;
        Some(if forward {
            Wish::Skip { from, to }
        } else {
            let number = state.seeks;
            Wish::Seek { to, number }
        })
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long `chunk` plays.
pub(super) fn playing_time(chunk: &Chunk) -> Duration {
    let frames = chunk.format.frames(chunk.samples.len());
    Duration::from_secs_f64(frames as f64 / f64::from(chunk.format.rate.max(1)))
}

/// Drops the frames at the beginning of `chunk` that play before `time` is over, and answers how long they would have played.
pub(super) fn leave_out(chunk: &mut Chunk, time: Duration) -> Duration {
    let rate = f64::from(chunk.format.rate.max(1));
    let frames = (time.as_secs_f64() * rate).round() as usize;
    let samples = chunk.format.samples(frames).min(chunk.samples.len());
    chunk.samples.drain(..samples);
    Duration::from_secs_f64(chunk.format.frames(samples) as f64 / rate)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use crate::audio::StreamFormat;

    use super::*;

    #[test]
    fn decoding_stops_when_enough_waits_and_goes_on_when_it_is_polled() {
        let outlet = Outlet::new(Arc::new(|| {}));
        let format = StreamFormat::STANDARD;
        let tenth = Chunk {
            format,
            samples: vec![0.0; format.samples(4800)],
        };
        let waiting = || outlet.lock().ready.len();
        thread::scope(|scope| {
            let pushing = scope.spawn(|| {
                for _ in 0..40 {
                    outlet.push(Item::Audio(tenth.clone()));
                }
            });
            for polled in 0..40 {
                while waiting() < 15.min(40 - polled) {
                    thread::yield_now();
                }
                assert_eq!(waiting(), 15.min(40 - polled));
                assert!(matches!(outlet.poll(), Polled::Audio(_)));
            }
            assert!(pushing.join().is_ok());
        });
        assert!(matches!(outlet.poll(), Polled::Pending));
    }
}
