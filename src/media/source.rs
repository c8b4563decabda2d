//! The thread that decodes one piece of media, and the queue between it and whoever plays it.
//! What decoding is, the decoders know; this knows when.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::task::AbortHandle;

use super::buffer::{self, ByteReader, Interrupter};
use super::decoder::{self, Decoder, Reached, Undecodable};
use super::http::Network;
use super::{Chunk, MediaError, MediaInfo, MediaRequest, Polled, Source, Waker};

/// How much decoded audio waits to be polled. Enough for a busy machine, little enough that it costs half a megabyte.
const DECODED_AHEAD: Duration = Duration::from_millis(1500);
/// No media is longer (it is 41 days); sums on the bytes of a place beyond it could overflow.
const LONGEST: Duration = Duration::from_hours(1000);
/// Linux cuts the names of threads after 15 bytes; "decode-" is 7 of them.
const NAME_BYTES: usize = 8;

/// Begins to fetch and decode what `request` names, and returns at once. Everything else, errors too, comes from
/// [`Source::poll`]; `waker` is called when there is something new after it has said [`Polled::Pending`].
///
/// A thread and a task live as long as the source; dropping it ends both within milliseconds, whatever they wait for.
pub fn open(request: MediaRequest, network: &Network, waker: Waker) -> Box<dyn Source> {
    let (intake, reader, interrupter) = buffer::buffer();
    let fetch = network.fetch(request.uri.clone(), intake);
    let outlet = Arc::new(Outlet {
        state: Mutex::new(State {
            // So that one may also wait for the waker before the first poll.
            asked_in_vain: true,
            ..State::default()
        }),
        changed: Condvar::new(),
        waker,
    });
    let uri = request.uri.clone();
    let player = Player {
        request,
        reader,
        outlet: Arc::clone(&outlet),
    };
    let spawned = thread::Builder::new()
        .name(format!("decode-{}", short_name(&uri)))
        .spawn(move || player.run());
    if let Err(error) = spawned {
        let reason = format!("no thread could be started for it: {error}");
        outlet.finish(Ending::Failed(MediaError::Decode { uri, reason }));
    }
    Box::new(Streamed {
        outlet,
        interrupter,
        fetch,
    })
}

/// The end of `uri`'s path, of characters that a thread's name may have.
fn short_name(uri: &str) -> String {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    let plain = |character: &char| character.is_ascii_alphanumeric() || "-_.".contains(*character);
    file.chars().filter(plain).take(NAME_BYTES).collect()
}

/// The playing side's end.
struct Streamed {
    outlet: Arc<Outlet>,
    interrupter: Interrupter,
    fetch: AbortHandle,
}

impl Source for Streamed {
    fn poll(&mut self) -> Polled {
        self.outlet.poll()
    }

    fn seek(&mut self, to: Duration) {
        if let Some(number) = self.outlet.seek(to) {
            self.interrupter.interrupt(number);
        }
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        self.outlet.close();
        self.interrupter.close();
        self.fetch.abort();
    }
}

/// What waits to be polled, and what the playing side wants.
struct Outlet {
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
    seek: Option<Duration>,
    /// How many seeks there have been; each has its number.
    seeks: u64,
    /// The media is known to have but one order.
    unseekable: bool,
    /// How long the audio polled up to now plays: where unseekable media is.
    polled: Duration,
    /// The playing side waits for the waker.
    asked_in_vain: bool,
    closed: bool,
}

enum Item {
    Opened(MediaInfo),
    Sought(Duration),
    Audio(Chunk),
}

#[derive(Clone)]
enum Ending {
    End,
    Failed(MediaError),
}

/// What the playing side wants of the decode thread.
enum Wish {
    Seek { to: Duration, number: u64 },
    Close,
}

impl Outlet {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while holding the lock, and the state is sound between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self) -> Polled {
        let mut state = self.lock();
        let polled = match state.ready.pop_front() {
            Some(Item::Opened(info)) => Polled::Opened(info),
            Some(Item::Sought(landed)) => Polled::Sought(landed),
            Some(Item::Audio(chunk)) => {
                state.queued = state.queued.saturating_sub(playing_time(&chunk));
                state.polled += playing_time(&chunk);
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

    /// Notes a seek and answers its number; `None` when there is nobody to interrupt for it.
    fn seek(&self, to: Duration) -> Option<u64> {
        let mut state = self.lock();
        if matches!(state.ending, Some(Ending::Failed(_))) {
            return None;
        }
        if state.unseekable {
            // It goes on from where it is, and says so. Nothing is lost of it, and nobody is interrupted.
            let opened = |item: &&Item| matches!(item, Item::Opened(_));
            let place = state.ready.iter().take_while(opened).count();
            let here = Item::Sought(state.polled);
            state.ready.insert(place, here);
            self.wake(state);
            return None;
        }
        state.ready.retain(|item| matches!(item, Item::Opened(_)));
        state.queued = Duration::ZERO;
        state.ending = None;
        state.seek = Some(to);
        state.seeks += 1;
        self.changed.notify_one();
        Some(state.seeks)
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Hands `item` over, waiting for room. What a seek has made stale is dropped.
    fn push(&self, item: Item) {
        let mut state = self.lock();
        if let Item::Opened(info) = &item {
            state.unseekable = !info.seekable;
        }
        if let Item::Audio(chunk) = &item {
            while state.queued >= DECODED_AHEAD && state.seek.is_none() && !state.closed {
                state = self.wait(state);
            }
            if state.seek.is_some() {
                return;
            }
            state.queued += playing_time(chunk);
        } else if state.seek.is_some() && matches!(item, Item::Sought(_)) {
            return;
        }
        state.ready.push_back(item);
        self.wake(state);
    }

    fn finish(&self, ending: Ending) {
        let mut state = self.lock();
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
    fn wish(&self) -> Option<Wish> {
        Self::take_wish(&mut self.lock())
    }

    /// Waits until the playing side wants something.
    fn next_wish(&self) -> Wish {
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
        let number = state.seeks;
        state.seek.take().map(|to| Wish::Seek { to, number })
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn playing_time(chunk: &Chunk) -> Duration {
    let frames = chunk.format.frames(chunk.samples.len());
    Duration::from_secs_f64(frames as f64 / f64::from(chunk.format.rate.max(1)))
}

/// The decode thread's end.
struct Player {
    request: MediaRequest,
    reader: ByteReader,
    outlet: Arc<Outlet>,
}

/// Why the thread stops doing what it does.
enum Break {
    /// The playing side wants something else.
    Wish(Wish),
    Failed(MediaError),
}

impl Player {
    fn run(self) {
        // The bytes come from strangers; a decoder that panics on them ends this track and nothing else.
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| self.play()));
        let error = match outcome {
            Ok(Break::Wish(_)) => return,
            Ok(Break::Failed(error)) => error,
            Err(_) => self.undecodable("the decoder failed on it".to_owned()),
        };
        self.outlet.finish(Ending::Failed(error));
    }

    /// Plays until the source is dropped or something fails.
    fn play(&self) -> Break {
        let mut target = None;
        let mut decoder = loop {
            match self.open() {
                Ok(decoder) => break decoder,
                Err(Break::Wish(Wish::Seek { to, number })) => {
                    self.reader.heed(number);
                    target = Some(to);
                }
                Err(other) => return other,
            }
        };
        self.outlet.push(Item::Opened(decoder.info()));
        let mut ended = false;
        loop {
            if ended {
                // Not every demuxer finds back from the end.
                match self.open() {
                    Ok(anew) => decoder = anew,
                    Err(Break::Wish(Wish::Seek { to, number })) => {
                        self.reader.heed(number);
                        target = Some(to);
                        continue;
                    }
                    Err(other) => return other,
                }
                ended = false;
            }
            let played = match target {
                // Asked for before anything was known of it, and so before anything was decoded.
                Some(_) if !decoder.info().seekable => {
                    self.outlet.push(Item::Sought(Duration::ZERO));
                    self.play_on(&mut *decoder)
                }
                Some(to) => self.play_from(&mut *decoder, to),
                None => self.play_on(&mut *decoder),
            };
            let wish = match played {
                Ok(()) => {
                    ended = true;
                    self.outlet.finish(Ending::End);
                    self.outlet.next_wish()
                }
                Err(Break::Wish(wish)) => wish,
                Err(failed @ Break::Failed(_)) => return failed,
            };
            match wish {
                Wish::Seek { to, number } => {
                    self.reader.heed(number);
                    target = Some(to);
                }
                close @ Wish::Close => return Break::Wish(close),
            }
        }
    }

    fn open(&self) -> Result<Box<dyn Decoder>, Break> {
        decoder::open(self.reader.clone(), &self.request).map_err(|error| self.explain(error))
    }

    /// Hands out frames until the end.
    fn play_on(&self, decoder: &mut dyn Decoder) -> Result<(), Break> {
        while let Some(decoded) = self.decode(decoder)? {
            self.outlet.push(Item::Audio(decoded.chunk));
        }
        Ok(())
    }

    /// The same from the frame at `to`, which it announces.
    fn play_from(&self, decoder: &mut dyn Decoder, to: Duration) -> Result<(), Break> {
        let info = decoder.info();
        let rate = f64::from(info.format.rate);
        let to = to.min(info.duration.unwrap_or(LONGEST)).min(LONGEST);
        let frame = (to.as_secs_f64() * rate).round() as u64;
        let reached = decoder.seek(frame).map_err(|error| self.explain(error))?;
        if reached == Reached::Place {
            while let Some(mut decoded) = self.decode(decoder)? {
                let format = decoded.chunk.format;
                let early = usize::try_from(frame.saturating_sub(decoded.at)).unwrap_or(usize::MAX);
                if early >= format.frames(decoded.chunk.samples.len()) {
                    continue;
                }
                decoded.chunk.samples.drain(..format.samples(early));
                let landed = (decoded.at + early as u64) as f64 / rate;
                self.outlet
                    .push(Item::Sought(Duration::from_secs_f64(landed)));
                self.outlet.push(Item::Audio(decoded.chunk));
                return self.play_on(decoder);
            }
        }
        self.outlet.push(Item::Sought(to));
        Ok(())
    }

    fn decode(&self, decoder: &mut dyn Decoder) -> Result<Option<decoder::Decoded>, Break> {
        if let Some(wish) = self.outlet.wish() {
            return Err(Break::Wish(wish));
        }
        let decoded = decoder.decode().map_err(|error| self.explain(error))?;
        match (decoded, self.reader.failure()) {
            // To a demuxer a connection that breaks off may look like the end of the file.
            (None, Some(error)) => Err(Break::Failed(error)),
            (decoded, _) => Ok(decoded),
        }
    }

    /// Of what happened, the first that explains the rest: someone interrupted, the transfer failed, the file is bad.
    fn explain(&self, error: Undecodable) -> Break {
        if self.reader.is_interrupted() {
            return Break::Wish(self.outlet.next_wish());
        }
        Break::Failed(match self.reader.failure() {
            Some(error) => error,
            None => self.undecodable(error.0),
        })
    }

    fn undecodable(&self, reason: String) -> MediaError {
        MediaError::Decode {
            uri: self.request.uri.clone(),
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::audio::StreamFormat;

    use super::*;

    #[test]
    fn decoding_stops_when_enough_waits_and_goes_on_when_it_is_polled() {
        let outlet = Outlet {
            state: Mutex::default(),
            changed: Condvar::new(),
            waker: Arc::new(|| {}),
        };
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
