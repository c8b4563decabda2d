//! The file as a demuxer sees it: the bytes, repaired where need be, and only as much about them as it should know.
//! It understands nothing of what it passes on.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use symphonia::core::io::MediaSource;

use crate::media::buffer::ByteReader;
use crate::media::edits::{Edit, Tap};
use crate::media::wav::{self, Patch};

/// What a demuxer may know of the file beyond its bytes; it changes once the file is open.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) seekable: AtomicBool,
    pub(super) length: AtomicBool,
}

/// The file as the demuxer sees it.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub(super) reader: ByteReader,
    pub(super) patches: Arc<[Patch]>,
    pub(super) gate: Arc<Gate>,
    /// Listens while the index of an MP4 is looked for.
    pub(super) tap: Arc<Mutex<Option<Tap>>>,
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let position = self.reader.stream_position()?;
        let count = self.reader.read(into)?;
        wav::apply(&self.patches, position, &mut into[..count]);
        if let Some(tap) = &mut *self.tap() {
            tap.note(position, &into[..count]);
        }
        Ok(count)
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.reader.seek(to)
    }
}

impl MediaSource for Input {
    fn is_seekable(&self) -> bool {
        self.gate.seekable.load(Ordering::Relaxed)
    }

    fn byte_len(&self) -> Option<u64> {
        let known = self.gate.length.load(Ordering::Relaxed);
        known.then(|| self.reader.length()).flatten()
    }
}

impl Input {
    /// Where the music begins by the edit list, if one has been read. From now on nothing is kept of what is read.
    pub(super) fn take_edit(&self) -> Option<Edit> {
        self.tap().take()?.edit()
    }

    fn tap(&self) -> MutexGuard<'_, Option<Tap>> {
        self.tap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
