//! The bytes of one file between the task that fetches them and the thread that decodes them.
//! It neither fetches nor decodes; one side is polled, the other blocks.

mod reader;

use std::collections::VecDeque;
use std::fmt::{self, Display, Formatter};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::MediaError;
use super::window::Window;
pub(super) use reader::ByteReader;

/// How far the fetching side reads ahead at least: two minutes of MP3, twelve seconds of CD sound.
const AHEAD: u64 = 2 << 20;
/// The same for what takes more bytes a second: so much time of it…
const AHEAD_TIME: u64 = 12;
/// …but no more than this. With what is kept behind it bounds the memory of a stream; it is seven seconds of 24 bit at 192 kHz.
const MOST_AHEAD: u64 = 8 << 20;
/// What is kept behind the reader, so that a decoder which looks back costs no new request.
const BEHIND: u64 = 512 << 10;
/// A jump forward by no more than this waits for the bytes instead of asking the server anew.
const WORTH_WAITING: u64 = 256 << 10;
/// Titles that wait to be passed: a station's, of two minutes.
const MOST_TITLES: usize = 64;

/// A place in the media, as a server can be asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// From this byte of the file on.
    Byte(u64),
    /// From this time on, as a file of its own (DLNA's `TimeSeekRange`).
    Time(Duration),
}

impl Display for Place {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(from) => write!(formatter, "from byte {from} on"),
            Self::Time(from) => write!(formatter, "from {:.3} s on", from.as_secs_f64()),
        }
    }
}

/// What the server said about the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Description {
    /// Its length in bytes, when stated and believable.
    pub(super) length: Option<u64>,
    /// Whether parts of it may be asked for by bytes.
    pub(super) ranges: bool,
    /// Whether they may be asked for by time, and only so.
    pub(super) by_time: bool,
    /// The time in the media at which it begins, if a part was asked for by time.
    pub(super) begins_at: Duration,
    /// How long the whole of it plays, if the server says so.
    pub(super) duration: Option<Duration>,
    /// Whether it is a station: without an end, and another one each time.
    pub(super) live: bool,
    /// Whether it is one of several files that are played as one: what it says of its own length is not how long all of them play.
    pub(super) one_of_many: bool,
    /// `Content-Type`, with its parameters.
    pub(super) content_type: Option<String>,
}

/// How the transfer came to an end.
#[derive(Debug)]
enum Ending {
    Complete,
    Broken(MediaError),
}

#[derive(Debug, Default)]
struct State {
    window: Window,
    /// Where the reader is.
    position: u64,
    description: Option<Description>,
    ending: Option<Ending>,
    /// The reader wants bytes from here and the window will not come by them.
    restart: Option<Place>,
    /// How many bytes a second it takes, as far as that is known.
    bytes_per_second: Option<u64>,
    /// Where in the window the part begins that is read now. A part is a file of its own: readers count from its beginning.
    base: u64,
    /// Where later parts begin.
    parts: VecDeque<u64>,
    /// Titles, and from where on they hold.
    titles: VecDeque<(u64, String)>,
    /// Whether it is known by its own word how long it plays.
    finite: bool,
    /// The title that the reader has last passed, until it is asked for.
    passed: Option<String>,
    /// The last interruption asked for, and the last one the reader has heeded.
    interrupts: u64,
    heeded: u64,
    closed: bool,
    /// The fetching side, waiting for room or for a restart.
    intake: Option<Waker>,
}

impl State {
    fn wake_intake(&mut self) {
        if let Some(waker) = self.intake.take() {
            waker.wake();
        }
    }

    /// How much lies ahead of the reader.
    fn stock(&self) -> u64 {
        self.window.end().saturating_sub(self.position)
    }

    fn most_ahead(&self) -> u64 {
        let rate = self.bytes_per_second.unwrap_or(0);
        rate.saturating_mul(AHEAD_TIME).clamp(AHEAD, MOST_AHEAD)
    }

    /// Copies what is at `place`, up to where something else begins: a part is not read across its end, and a title is passed
    /// only by a read that begins where it does. Demuxers read on when they have used up what they had, so that what they make
    /// of bytes before a title comes out before it.
    fn read(&mut self, place: u64, into: &mut [u8]) -> usize {
        while let Some((_, title)) = self.titles.pop_front_if(|(at, _)| *at <= place) {
            self.passed = Some(title);
        }
        let title = self.titles.front().map(|(at, _)| *at);
        let limit = title.into_iter().chain(self.parts.front().copied()).min();
        let most = limit.map_or(into.len(), |limit| {
            let left = usize::try_from(limit.saturating_sub(place)).unwrap_or(usize::MAX);
            left.min(into.len())
        });
        self.window.read(place, &mut into[..most])
    }

    /// Empties the window, which goes on at `place`.
    fn begin_anew(&mut self, place: u64, restart: Place) {
        self.window.restart(place);
        self.parts.clear();
        self.titles.clear();
        self.ending = None;
        self.restart = Some(restart);
        self.wake_intake();
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while holding the lock, and the state is sound between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stock(&self) -> Stock {
        let state = self.lock();
        Stock {
            bytes: state.stock(),
            full: state.ending.is_some() || state.stock() >= state.most_ahead(),
        }
    }
}

/// A new buffer: the side that fills it, the side that reads it, and the handle that interrupts the reader.
pub(super) fn buffer() -> (Intake, ByteReader, Interrupter) {
    let shared = Arc::new(Shared::default());
    (
        Intake(Arc::clone(&shared)),
        ByteReader::new(Arc::clone(&shared)),
        Interrupter(shared),
    )
}

/// The fetching side. Dropping it interrupts the reader for good.
#[derive(Debug)]
pub(super) struct Intake(Arc<Shared>);

impl Intake {
    /// Tells the reader what kind of file comes.
    pub(super) fn describe(&self, description: Description) {
        self.0.lock().description = Some(description);
        self.0.arrived.notify_all();
    }

    /// Appends the bytes that follow. Bytes fetched for a place the reader has left are dropped.
    pub(super) fn push(&self, bytes: &[u8]) {
        let mut state = self.0.lock();
        if state.restart.is_none() {
            state.window.push(bytes);
            self.0.arrived.notify_all();
        }
    }

    /// What follows has this title.
    pub(super) fn title(&self, title: String) {
        let mut state = self.0.lock();
        if state.restart.is_none() {
            let at = state.window.end();
            // Of several at one place, and of more than anybody would send, the last counts.
            if state.titles.len() >= MOST_TITLES {
                state.titles.pop_back();
            }
            state.titles.push_back((at, title));
        }
    }

    /// What follows does not go on where the last bytes ended: it is a file of its own, with a beginning.
    pub(super) fn part(&self, description: Description) {
        let mut state = self.0.lock();
        if state.restart.is_none() {
            let at = state.window.end();
            if at > state.base && state.parts.back() != Some(&at) {
                state.parts.push_back(at);
            }
            state.description = Some(description);
            self.0.arrived.notify_all();
        }
    }

    /// All bytes have come.
    pub(super) fn complete(&self) {
        self.finish(Ending::Complete);
    }

    /// No more bytes will come, and why.
    pub(super) fn fail(&self, error: MediaError) {
        self.finish(Ending::Broken(error));
    }

    fn finish(&self, ending: Ending) {
        let mut state = self.0.lock();
        if state.restart.is_none() {
            state.ending = Some(ending);
            self.0.arrived.notify_all();
        }
    }

    /// Whether what has come says how long it plays, so that it has an end.
    pub(super) fn is_finite(&self) -> bool {
        self.0.lock().finite
    }

    /// How many bytes play for a second, as far as that is known.
    pub(super) fn bytes_per_second(&self) -> Option<u64> {
        self.0.lock().bytes_per_second
    }

    /// Whether what lies ahead of the reader lasts for less than `time`, as far as that is known.
    pub(super) fn lasts_less_than(&self, time: Duration) -> bool {
        let state = self.0.lock();
        let rate = state.bytes_per_second;
        rate.is_some_and(|rate| (state.stock() as f64) < rate as f64 * time.as_secs_f64())
    }

    /// Waits, as a future does, until more bytes are wanted.
    pub(super) fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.restart.is_none() && state.stock() < state.most_ahead() {
            return Poll::Ready(());
        }
        state.intake = Some(context.waker().clone());
        Poll::Pending
    }

    /// Waits, as a future does, until the reader has gone elsewhere; the transfer is to begin anew at this place.
    pub(super) fn poll_restart(&self, context: &Context<'_>) -> Poll<Place> {
        let mut state = self.0.lock();
        if let Some(from) = state.restart.take() {
            return Poll::Ready(from);
        }
        state.intake = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        self.0.arrived.notify_all();
    }
}

/// What lies ahead of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stock {
    /// In bytes.
    pub(super) bytes: u64,
    /// No more will come before some of it is read.
    pub(super) full: bool,
}

/// Interrupts a [`ByteReader`] from another thread.
#[derive(Debug)]
pub(super) struct Interrupter(Arc<Shared>);

impl Interrupter {
    /// Makes reads fail that would wait, until the reader has heeded the interruption `number`.
    pub(super) fn interrupt(&self, number: u64) {
        self.0.lock().interrupts = number;
        self.0.arrived.notify_all();
    }

    /// What lies ahead of the reader.
    pub(super) fn stock(&self) -> Stock {
        self.0.stock()
    }

    /// Makes reads fail that would wait, for good.
    pub(super) fn close(&self) {
        self.0.lock().closed = true;
        self.0.arrived.notify_all();
    }
}

#[cfg(test)]
mod tests;
