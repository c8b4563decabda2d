//! The file as a demuxer sees it: the bytes, repaired where need be, and only as much about them as it should know.
//! It understands nothing of what it passes on.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use symphonia::core::io::MediaSource;

use crate::media::buffer::ByteReader;
use crate::media::edits::{Edit, Tap};
use crate::media::fragments::Runs;
use crate::media::padding::Padding;
use crate::media::wav::Front;

/// What a demuxer may know of the file beyond its bytes; it changes once the file is open.
#[derive(Debug)]
pub(super) struct Gate {
    seekable: AtomicBool,
    length: AtomicBool,
}

impl Gate {
    /// Whether the demuxer may go elsewhere, and whether it may know how long the file is.
    pub(super) fn new(seekable: bool, length: bool) -> Self {
        Self {
            seekable: AtomicBool::new(seekable),
            length: AtomicBool::new(length),
        }
    }

    /// The same from now on.
    pub(super) fn set(&self, seekable: bool, length: bool) {
        self.set_seekable(seekable);
        self.length.store(length, Ordering::Relaxed);
    }

    pub(super) fn set_seekable(&self, seekable: bool) {
        self.seekable.store(seekable, Ordering::Relaxed);
    }

    pub(super) fn shows_length(&self) -> bool {
        self.length.load(Ordering::Relaxed)
    }
}

/// The file as the demuxer sees it.
#[derive(Debug, Clone)]
pub(super) struct Input {
    reader: ByteReader,
    /// What is read instead of the beginning of the file.
    front: Arc<Front>,
    /// Where the demuxer is: in what it sees.
    position: u64,
    pub(super) gate: Arc<Gate>,
    /// Listens while the index of an MP4 is looked for.
    tap: Arc<Mutex<Option<Tap>>>,
    /// Of an MP4 in fragments.
    runs: Runs,
    /// Of a Matroska file.
    padding: Arc<Mutex<Option<Padding>>>,
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let before = usize::try_from(self.position)
            .ok()
            .and_then(|at| self.front.bytes.get(at..))
            .unwrap_or_default();
        let count = if before.is_empty() {
            self.reader
                .seek(SeekFrom::Start(self.behind_front(self.position)))?;
            self.reader.read(into)?
        } else {
            let count = before.len().min(into.len());
            into[..count].copy_from_slice(&before[..count]);
            count
        };
        self.runs.pass(self.position, &mut into[..count]);
        if let Some(tap) = &mut *self.tap() {
            tap.note(self.position, &into[..count]);
        }
        if let Some(padding) = &mut *self.padding() {
            padding.pass(self.position, &into[..count]);
        }
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => {
                let end = self.reader.seek(SeekFrom::End(0))?;
                self.seen_length(end).checked_add_signed(by)
            }
        };
        self.position = position.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "a seek to before the file")
        })?;
        Ok(self.position)
    }
}

impl MediaSource for Input {
    fn is_seekable(&self) -> bool {
        self.gate.seekable.load(Ordering::Relaxed)
    }

    fn byte_len(&self) -> Option<u64> {
        let known = self.gate.shows_length();
        let length = known.then(|| self.reader.length()).flatten()?;
        Some(self.seen_length(length))
    }
}

impl Input {
    /// `front` is what to read instead of the beginning.
    pub(super) fn new(
        reader: ByteReader,
        front: Front,
        gate: Gate,
        tap: Option<Tap>,
        padding: Option<Padding>,
    ) -> Self {
        Self {
            reader,
            front: Arc::new(front),
            position: 0,
            gate: Arc::new(gate),
            tap: Arc::new(Mutex::new(tap)),
            runs: Runs::default(),
            padding: Arc::new(Mutex::new(padding)),
        }
    }

    /// Whether reading it was interrupted, or has failed for good.
    pub(super) fn is_stopped(&self) -> bool {
        self.reader.is_interrupted() || self.reader.failure().is_some()
    }

    /// Where in the file a place behind the front is.
    fn behind_front(&self, place: u64) -> u64 {
        let into = place.saturating_sub(self.front.bytes.len() as u64);
        self.front.audio.saturating_add(into)
    }

    /// How long a file of this length seems to be.
    fn seen_length(&self, length: u64) -> u64 {
        self.front.bytes.len() as u64 + length.saturating_sub(self.front.audio)
    }

    /// Where the music begins by the edit list, if one has been read. From now on nothing is kept of what is read.
    pub(super) fn take_edit(&self) -> Option<Edit> {
        self.tap().take()?.edit()
    }

    /// How much of the last packet that was read is no music, by the file's word: nanoseconds at its end.
    pub(super) fn padding_nanos(&self) -> u64 {
        self.padding().as_ref().map_or(0, Padding::nanos)
    }

    fn padding(&self) -> MutexGuard<'_, Option<Padding>> {
        self.padding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tap(&self) -> MutexGuard<'_, Option<Tap>> {
        self.tap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
