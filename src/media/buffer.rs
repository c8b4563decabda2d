//! The bytes of one file between the task that fetches them and the thread that decodes them.
//! It neither fetches nor decodes; one side is polled, the other blocks.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::MediaError;
use super::window::Window;

/// How far the fetching side reads ahead: two minutes of MP3, twelve seconds of CD sound.
const AHEAD: u64 = 2 << 20;
/// What is kept behind the reader, so that a decoder which looks back costs no new request.
const BEHIND: u64 = 512 << 10;
/// A jump forward by no more than this waits for the bytes instead of asking the server anew.
const WORTH_WAITING: u64 = 256 << 10;

/// What the server said about the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Description {
    /// Its length in bytes, when stated and believable.
    pub(super) length: Option<u64>,
    /// Whether parts of it may be asked for.
    pub(super) ranges: bool,
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
    restart: Option<u64>,
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
}

/// A new buffer: the side that fills it, the side that reads it, and the handle that interrupts the reader.
pub(super) fn buffer() -> (Intake, ByteReader, Interrupter) {
    let shared = Arc::new(Shared::default());
    (
        Intake(Arc::clone(&shared)),
        ByteReader {
            shared: Arc::clone(&shared),
            position: 0,
        },
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

    /// Waits, as a future does, until more bytes are wanted.
    pub(super) fn poll_room(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.restart.is_none() && state.window.end().saturating_sub(state.position) < AHEAD {
            return Poll::Ready(());
        }
        state.intake = Some(context.waker().clone());
        Poll::Pending
    }

    /// Waits, as a future does, until the reader has gone elsewhere; the transfer is to begin anew at this byte.
    pub(super) fn poll_restart(&self, context: &Context<'_>) -> Poll<u64> {
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

/// Interrupts a [`ByteReader`] from another thread.
#[derive(Debug)]
pub(super) struct Interrupter(Arc<Shared>);

impl Interrupter {
    /// Makes reads fail that would wait, until the reader has heeded the interruption `number`.
    pub(super) fn interrupt(&self, number: u64) {
        self.0.lock().interrupts = number;
        self.0.arrived.notify_all();
    }

    /// Makes reads fail that would wait, for good.
    pub(super) fn close(&self) {
        self.0.lock().closed = true;
        self.0.arrived.notify_all();
    }
}

/// The blocking side: a file of which only a window is at hand. Seeking is free; the read after it may ask the server
/// anew. A clone reads the same window from a position of its own, but the window follows whoever read last.
#[derive(Debug, Clone)]
pub(super) struct ByteReader {
    shared: Arc<Shared>,
    position: u64,
}

impl ByteReader {
    /// Waits for the server's answer.
    ///
    /// # Errors
    /// Why there is none; see [`Self::failure`].
    pub(super) fn describe(&self) -> io::Result<Description> {
        let mut state = self.shared.lock();
        loop {
            if let Some(description) = &state.description {
                return Ok(description.clone());
            }
            if let Some(ending) = &state.ending {
                return ended(ending).map(|()| Description::default());
            }
            stopped(&state)?;
            state = wait(&self.shared, state);
        }
    }

    /// Why the transfer broke off, if it did. A reader that was interrupted has no failure.
    pub(super) fn failure(&self) -> Option<MediaError> {
        match &self.shared.lock().ending {
            Some(Ending::Broken(error)) => Some(error.clone()),
            Some(Ending::Complete) | None => None,
        }
    }

    /// Reads on after the interruption `number`.
    pub(super) fn heed(&self, number: u64) {
        self.shared.lock().heeded = number;
    }

    /// Whether a read that had to wait would fail because of an interruption.
    pub(super) fn is_interrupted(&self) -> bool {
        stopped(&self.shared.lock()).is_err()
    }

    /// The file's length, as far as the server has stated it.
    pub(super) fn length(&self) -> Option<u64> {
        self.shared.lock().description.as_ref()?.length
    }
}

impl io::Read for ByteReader {
    /// Hands out what is there and waits only when nothing is.
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        let mut state = self.shared.lock();
        loop {
            if state.position != self.position {
                state.position = self.position;
                state.wake_intake();
            }
            let count = state.window.read(self.position, into);
            if count > 0 {
                self.position += count as u64;
                state.position = self.position;
                let kept = self.position.saturating_sub(BEHIND);
                state.window.forget_before(kept);
                state.wake_intake();
                return Ok(count);
            }
            let description = state.description.clone().unwrap_or_default();
            if description
                .length
                .is_some_and(|length| self.position >= length)
            {
                return Ok(0);
            }
            let (start, end) = (state.window.start(), state.window.end());
            let within_reach = start..=end + WORTH_WAITING;
            let done = state.ending.is_some() && self.position > end;
            if !within_reach.contains(&self.position) || (done && description.ranges) {
                if !description.ranges {
                    return Err(io::Error::new(
                        io::ErrorKind::Unsupported,
                        "the server does not hand out parts of files",
                    ));
                }
                state.window.restart(self.position);
                state.ending = None;
                state.restart = Some(self.position);
                state.wake_intake();
            } else if let Some(ending) = &state.ending {
                return ended(ending).map(|()| 0);
            }
            stopped(&state)?;
            state = wait(&self.shared, state);
        }
    }
}

impl io::Seek for ByteReader {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let position = match to {
            io::SeekFrom::Start(position) => Some(position),
            io::SeekFrom::Current(by) => self.position.checked_add_signed(by),
            io::SeekFrom::End(by) => {
                let length = self.length().ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::Unsupported,
                        "the server does not say how long the file is",
                    )
                })?;
                length.checked_add_signed(by)
            }
        };
        self.position = position.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "a seek to before the file")
        })?;
        Ok(self.position)
    }
}

fn wait<'a>(shared: &Shared, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    shared
        .arrived
        .wait(state)
        .unwrap_or_else(PoisonError::into_inner)
}

fn stopped(state: &State) -> io::Result<()> {
    if state.closed || state.interrupts > state.heeded {
        // Not `Interrupted`: readers take that as a wish to try again.
        return Err(io::Error::other("reading was interrupted"));
    }
    Ok(())
}

fn ended(ending: &Ending) -> io::Result<()> {
    match ending {
        Ending::Complete => Ok(()),
        Ending::Broken(error) => Err(io::Error::other(error.clone())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, SeekFrom};

    use super::*;

    const PIECE: usize = 64 << 10;

    fn wants_more(intake: &Intake) -> bool {
        let context = Context::from_waker(Waker::noop());
        intake.poll_room(&context).is_ready()
    }

    fn restart(intake: &Intake) -> Option<u64> {
        match intake.poll_restart(&Context::from_waker(Waker::noop())) {
            Poll::Ready(from) => Some(from),
            Poll::Pending => None,
        }
    }

    fn seekable(length: u64) -> Description {
        Description {
            length: Some(length),
            ranges: true,
            content_type: None,
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let (intake, mut reader, _interrupter) = buffer();
        let kept = |reader: &ByteReader| {
            let state = reader.shared.lock();
            state.window.end() - state.window.start()
        };
        for _ in 0..200 {
            while wants_more(&intake) {
                intake.push(&[7; PIECE]);
            }
            assert!(kept(&reader) <= AHEAD + BEHIND + PIECE as u64);
            reader.read_exact(&mut [0; 3 * PIECE]).unwrap();
        }
        assert!(kept(&reader) >= BEHIND);
    }

    #[test]
    fn a_jump_within_the_window_is_free_and_one_out_of_it_a_restart() {
        let (intake, mut reader, interrupter) = buffer();
        intake.describe(seekable(1 << 30));
        for byte in 0..32 {
            intake.push(&[byte; PIECE]);
        }
        let mut read_at = |piece: u64| {
            let mut byte = [0];
            reader.seek(SeekFrom::Start(piece * PIECE as u64)).unwrap();
            reader.read_exact(&mut byte).map(|()| byte[0])
        };
        for piece in [31, 26, 24, 30] {
            assert_eq!(read_at(piece).unwrap(), piece as u8);
        }
        assert_eq!(restart(&intake), None);

        // Interrupted before, so that the reads fail instead of waiting.
        interrupter.interrupt(1);
        assert!(read_at(500).is_err());
        intake.push(&[99; PIECE]);
        assert_eq!(restart(&intake), Some(500 * PIECE as u64));
        assert!(read_at(2).is_err());
        assert_eq!(restart(&intake), Some(2 * PIECE as u64));
        intake.push(&[2; PIECE]);
        assert_eq!(read_at(2).unwrap(), 2);
    }
}
