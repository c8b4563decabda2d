//! Repairs the header of a WAV stream whose writer did not know its size.
//! It decodes nothing: it says which four bytes of the file to read differently.

use std::io::{self, Read};

/// Sizes from here on are the marks of a writer that did not know the size: 2³¹ − 1 and 2³² − 1, rounded in many ways.
const UNKNOWN_FROM: u32 = 0x7fff_f000;
/// Chunks before the audio that are longer than this, all together, are not looked behind.
const LONGEST_PREAMBLE: u64 = 256 << 10;

/// Four bytes at a place in the file, as they should read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patch {
    /// Where.
    pub(super) at: u64,
    /// What should stand there.
    pub(super) bytes: [u8; 4],
}

/// Whether a file that begins with `head` is a WAV file.
pub(super) fn is_wav(head: &[u8]) -> bool {
    head.len() >= 12 && (&head[..4] == b"RIFF" || &head[..4] == b"RF64") && &head[8..12] == b"WAVE"
}

/// What to read differently in the WAV file that `reader` is at the beginning of, so that its audio reaches to the end of
/// the file when the header does not know, or says more than the file holds. `length` is that of the file.
///
/// # Errors
/// Only those of reading; what is no WAV file gets no patches.
pub(super) fn patches(reader: &mut impl Read, length: Option<u64>) -> io::Result<Vec<Patch>> {
    let mut head = [0; 12];
    reader.read_exact(&mut head)?;
    let unknown = u32::MAX.to_le_bytes();
    // The size of the whole says nothing the chunks do not say, and is wrong more often.
    let mut patches = vec![Patch {
        at: 4,
        bytes: unknown,
    }];
    if &head[..4] == b"RF64" {
        patches.push(Patch {
            at: 0,
            bytes: *b"RIFF",
        });
    }
    let mut at = 12;
    while at < LONGEST_PREAMBLE {
        let mut chunk = [0; 8];
        reader.read_exact(&mut chunk)?;
        let [tag @ .., s0, s1, s2, s3] = chunk;
        let size = u32::from_le_bytes([s0, s1, s2, s3]);
        at += 8;
        if &tag == b"data" {
            let there = length.map(|length| length.saturating_sub(at));
            let believable = size != 0
                && size < UNKNOWN_FROM
                && there.is_none_or(|there| u64::from(size) <= there);
            if !believable {
                let size = there.and_then(|there| u32::try_from(there).ok());
                patches.push(Patch {
                    at: at - 4,
                    bytes: size.map_or(unknown, u32::to_le_bytes),
                });
            }
            break;
        }
        let padded = u64::from(size) + u64::from(size & 1);
        at += padded;
        if at < LONGEST_PREAMBLE {
            io::copy(&mut reader.by_ref().take(padded), &mut io::sink())?;
        }
    }
    Ok(patches)
}

/// Applies `patches` to `bytes`, which were read at `position`.
pub(super) fn apply(patches: &[Patch], position: u64, bytes: &mut [u8]) {
    for patch in patches {
        for (at, byte) in (patch.at..).zip(patch.bytes) {
            if let Some(offset) = at.checked_sub(position)
                && let Some(place) = usize::try_from(offset)
                    .ok()
                    .and_then(|offset| bytes.get_mut(offset))
            {
                *place = byte;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(magic: &[u8; 4], extra: &[u8], data_size: u32) -> Vec<u8> {
        let mut bytes = magic.to_vec();
        bytes.extend(100u32.to_le_bytes());
        bytes.extend(b"WAVE");
        bytes.extend(extra);
        bytes.extend(b"data");
        bytes.extend(data_size.to_le_bytes());
        bytes
    }

    fn data_size_as_read(header: &[u8], length: Option<u64>) -> u32 {
        let mut bytes = header.to_vec();
        let patches = patches(&mut &header[..], length).unwrap();
        // In two pieces cut through the patch, as a network would.
        let cut = bytes.len() - 2;
        let (front, back) = bytes.split_at_mut(cut);
        apply(&patches, 0, front);
        apply(&patches, cut as u64, back);
        let size = bytes[bytes.len() - 4..].try_into().unwrap();
        assert_eq!(&bytes[..4], b"RIFF");
        u32::from_le_bytes(size)
    }

    #[test]
    fn a_size_that_fits_is_kept_and_any_other_reaches_to_the_end() {
        let check = |size: u32, length: Option<u64>, expected: u32| {
            let header = header(b"RIFF", b"junk\x03\0\0\0abc\0", size);
            let length = length.map(|audio| header.len() as u64 + audio);
            assert_eq!(
                data_size_as_read(&header, length),
                expected,
                "{size} of {length:?}"
            );
        };
        check(400, Some(400), 400);
        check(400, Some(460), 400);
        check(400, None, 400);
        check(0, Some(400), 400);
        check(0, None, u32::MAX);
        check(u32::MAX, None, u32::MAX);
        check(u32::MAX, Some(400), 400);
        check(0x7fff_ffd8, None, u32::MAX);
        check(500, Some(400), 400);
        check(0, Some(5 << 30), u32::MAX);
    }

    #[test]
    fn rf64_reads_as_riff() {
        let header = header(b"RF64", &[], u32::MAX);
        assert!(is_wav(&header));
        assert_eq!(data_size_as_read(&header, None), u32::MAX);
    }
}
