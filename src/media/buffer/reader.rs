//! The blocking end of a buffer: the bytes as a decoder reads them.
//! It fetches nothing, and waits only where nothing is at hand.

use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use super::{BEHIND, Description, Ending, Place, Shared, State, Stock, WORTH_WAITING};
use crate::media::MediaError;

/// The blocking side: a file of which only a window is at hand. Seeking is free; the read after it may ask the server
/// anew. A clone reads the same window from a position of its own, but the window follows whoever read last.
#[derive(Debug, Clone)]
pub(in crate::media) struct ByteReader {
    pub(super) shared: Arc<Shared>,
    position: u64,
}

impl ByteReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            position: 0,
        }
    }

    /// Waits for the server's answer.
    ///
    /// # Errors
    /// Why there is none; see [`Self::failure`].
    pub(in crate::media) fn describe(&self) -> io::Result<Description> {
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
    pub(in crate::media) fn failure(&self) -> Option<MediaError> {
        match &self.shared.lock().ending {
            Some(Ending::Broken(error)) => Some(error.clone()),
            Some(Ending::Complete) | None => None,
        }
    }

    /// Whether the transfer is over and has brought less than the server said.
    pub(in crate::media) fn is_short(&self) -> bool {
        let state = self.shared.lock();
        let length = state.description.as_ref().and_then(|it| it.length);
        let came = state.window.end().saturating_sub(state.base);
        state.ending.is_some() && length.is_some_and(|length| came < length)
    }

    /// Whether the transfer is over and has brought nothing.
    pub(in crate::media) fn is_empty(&self) -> bool {
        let state = self.shared.lock();
        matches!(state.ending, Some(Ending::Complete)) && state.window.end() == state.base
    }

    /// Reads on after the interruption `number`.
    pub(in crate::media) fn heed(&self, number: u64) {
        self.shared.lock().heeded = number;
    }

    /// Whether a read that had to wait would fail because of an interruption.
    pub(in crate::media) fn is_interrupted(&self) -> bool {
        stopped(&self.shared.lock()).is_err()
    }

    /// The title that has been passed since the last time, if any.
    pub(in crate::media) fn take_title(&self) -> Option<String> {
        self.shared.lock().passed.take()
    }

    /// Goes on to the next part, if this one has ended; whether it has. Whoever opened this one reads in vain from now on.
    pub(in crate::media) fn next_part(&self) -> bool {
        let mut state = self.shared.lock();
        let Some(base) = state.parts.pop_front() else {
            return false;
        };
        state.base = base;
        true
    }

    /// Whether all of this part has been read, and another follows.
    pub(in crate::media) fn is_at_end_of_part(&self) -> bool {
        let state = self.shared.lock();
        state
            .parts
            .front()
            .is_some_and(|end| state.position >= *end)
    }

    /// How far it has been read, counted from the beginning of the part.
    pub(in crate::media) fn consumed(&self) -> u64 {
        let state = self.shared.lock();
        state.position.saturating_sub(state.base)
    }

    /// Has the media sent anew from `time` on, as a part of its own.
    pub(in crate::media) fn go_to(&self, time: Duration) {
        let mut state = self.shared.lock();
        let end = state.window.end();
        state.base = end;
        state.position = end;
        state.description = None;
        state.begin_anew(end, Place::Time(time));
    }

    /// Says how many bytes a second of it takes, as far as that is known: what is read ahead follows.
    pub(in crate::media) fn consumes(&self, bytes_per_second: u64) {
        let mut state = self.shared.lock();
        let before = state.bytes_per_second.replace(bytes_per_second);
        if before < Some(bytes_per_second) {
            state.wake_intake();
        }
    }

    /// Notes that the media says how long it plays.
    pub(in crate::media) fn is_finite(&self) {
        self.shared.lock().finite = true;
    }

    /// What lies ahead of the reader.
    pub(in crate::media) fn stock(&self) -> Stock {
        self.shared.stock()
    }

    /// The file's length, as far as the server has stated it.
    pub(in crate::media) fn length(&self) -> Option<u64> {
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
            let place = state.base.saturating_add(self.position);
            if state.position != place {
                state.position = place;
                state.wake_intake();
            }
            let count = state.read(place, into);
            if count > 0 {
                self.position += count as u64;
                state.position = place + count as u64;
                let kept = state.position.saturating_sub(BEHIND);
                state.window.forget_before(kept);
                state.wake_intake();
                return Ok(count);
            }
            if state.parts.front().is_some_and(|end| place >= *end) {
                return Ok(0);
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
            let done = state.ending.is_some() && place > end;
            if !within_reach.contains(&place) || (done && description.ranges) {
                if !description.ranges {
                    return Err(io::Error::new(
                        io::ErrorKind::Unsupported,
                        "the server does not hand out parts of files",
                    ));
                }
                state.begin_anew(place, Place::Byte(place));
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
