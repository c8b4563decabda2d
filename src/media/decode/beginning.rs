//! How a file begins, and what is said of it: which of the formats with a way of their own it has.

use crate::media::MediaRequest;
use crate::media::buffer::Description;
use crate::media::wav::UNKNOWN_FROM;

/// What is known of a file before it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning<'a> {
    /// Its first bytes.
    pub(super) head: &'a [u8],
    pub(super) description: &'a Description,
    pub(super) request: &'a MediaRequest,
}

impl Beginning<'_> {
    pub(super) fn is_mp4(self) -> bool {
        self.head.get(4..8).is_some_and(|name| name == b"ftyp")
    }

    pub(super) fn is_caf(self) -> bool {
        self.head.starts_with(b"caff")
    }

    /// Bare AAC: a frame begins with twelve bits that are set, and two more that are not.
    pub(super) fn is_adts(self) -> bool {
        matches!(self.head, [0xff, second, ..] if second & 0xf6 == 0xf0)
    }

    /// Whether what its header says of its length is a mark of a writer that did not know it, or nothing at all. Of WAV that is seen to
    /// elsewhere.
    pub(super) fn is_of_unknown_length(self) -> bool {
        let aiff = self.head.strip_prefix(b"FORM");
        let size = aiff.and_then(|rest| rest.first_chunk()).copied();
        self.is_adts()
            || size.is_some_and(|size| u64::from(u32::from_be_bytes(size)) >= UNKNOWN_FROM)
    }

    pub(super) fn is_matroska(self) -> bool {
        self.head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3])
    }
}
