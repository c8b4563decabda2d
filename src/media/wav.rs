//! The header of a WAV file as it should have been: sizes that its writer did not know, 64-bit sizes (RF64, Wave64), and descriptions of
//! the samples in more ways than there need be. It decodes nothing: it says what to read before the samples.

use std::io::{self, Read};

/// Sizes from here on are the marks of a writer that did not know the size: 2³¹ − 1 and 2³² − 1, rounded in many ways. SoX takes
/// 0x7f000000 in AIFF, GStreamer 0x7fff0000.
pub(super) const UNKNOWN_FROM: u64 = 0x7f00_0000;
/// The same of 64-bit sizes: ffmpeg takes 2⁶³ − 1.
const UNKNOWN_FROM_64: u64 = 1 << 62;
/// Chunks before the audio that are longer than this, all together, are not looked behind.
const LONGEST_PREAMBLE: u64 = 256 << 10;

/// Kinds of samples (`wFormatTag`).
const PCM: u16 = 1;
const FLOAT: u16 = 3;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
const EXTENSIBLE: u16 = 0xfffe;
/// What the name of a kind of samples in an extensible header ends in, after the kind's number.
const OF_NUMBER: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
/// What the names of all chunks of Wave64 but the first end in.
const OF_WAVE64: [u8; 12] = [
    0xf3, 0xac, 0xd3, 0x11, 0x8c, 0xd1, 0, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a,
];
/// How Wave64 begins: "riff", and the rest of its name.
pub(super) const WAVE64: &[u8] = b"riff\x2e\x91\xcf\x11";

/// What to read instead of what stands before the samples.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Front {
    /// Instead of everything before `audio`.
    pub(super) bytes: Vec<u8>,
    /// Where in the file the samples begin.
    pub(super) audio: u64,
    /// How many frames there are, if the file knows or is as long.
    pub(super) frames: Option<u64>,
    /// How many there are by the header's word alone.
    pub(super) stated: Option<u64>,
    /// Whether the header's size of the samples is that of the samples.
    pub(super) is_size_true: bool,
}

/// Whether a file that begins with `head` is a WAV file.
pub(super) fn is_wav(head: &[u8]) -> bool {
    let is_riff = head.len() >= 12
        && (&head[..4] == b"RIFF" || &head[..4] == b"RF64")
        && &head[8..12] == b"WAVE";
    is_riff || head.starts_with(WAVE64)
}

/// The chunks of RIFF and of Wave64 differ in how they are named and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Riff,
    Wave64,
}

impl Layout {
    /// Name and size of the chunk at hand.
    fn chunk(self, reader: &mut impl Read) -> io::Result<([u8; 4], u64)> {
        let mut name = [0; 4];
        reader.read_exact(&mut name)?;
        match self {
            Self::Riff => {
                let mut size = [0; 4];
                reader.read_exact(&mut size)?;
                Ok((name, u32::from_le_bytes(size).into()))
            }
            Self::Wave64 => {
                let (mut rest, mut size) = ([0; 12], [0; 8]);
                reader.read_exact(&mut rest)?;
                reader.read_exact(&mut size)?;
                let name = if rest == OF_WAVE64 { name } else { *b"????" };
                // The size counts name and size too.
                Ok((name, u64::from_le_bytes(size).saturating_sub(24)))
            }
        }
    }

    fn head(self) -> u64 {
        match self {
            Self::Riff => 12,
            Self::Wave64 => 40,
        }
    }

    fn chunk_head(self) -> u64 {
        match self {
            Self::Riff => 8,
            Self::Wave64 => 24,
        }
    }

    fn padded(self, size: u64) -> u64 {
        match self {
            Self::Riff => size.saturating_add(size & 1),
            Self::Wave64 => size.saturating_add(7) & !7,
        }
    }
}

/// What to read before the samples of the WAV file that `reader` is at the beginning of. Its audio reaches to the end of the file when the
/// header does not know, or says more than the file holds. `length` is that of the file. `None` where there is nothing to mend it
/// by.
///
/// # Errors
/// Only those of reading.
pub(super) fn front(reader: &mut impl Read, length: Option<u64>) -> io::Result<Option<Front>> {
    let mut first = [0; 4];
    reader.read_exact(&mut first)?;
    let layout = match &first {
        b"riff" => Layout::Wave64,
        _ => Layout::Riff,
    };
    io::copy(
        &mut reader.by_ref().take(layout.head() - 4),
        &mut io::sink(),
    )?;
    let mut bytes = b"RIFF\xff\xff\xff\xffWAVE".to_vec();
    let mut at = layout.head();
    let mut frame = None;
    // RF64 has the size of the samples in a chunk of its own.
    let mut large = None;
    while at < LONGEST_PREAMBLE {
        let (name, size) = layout.chunk(reader)?;
        at += layout.chunk_head();
        if &name == b"data" {
            let stated = large
                .filter(|_| size == u64::from(u32::MAX))
                .unwrap_or(size);
            let there = length.map(|length| length.saturating_sub(at));
            let unknown_from = match layout {
                Layout::Riff if large.is_none() => UNKNOWN_FROM,
                Layout::Riff | Layout::Wave64 => UNKNOWN_FROM_64,
            };
            let stated = Some(stated).filter(|stated| (1..unknown_from).contains(stated));
            let known = stated.filter(|stated| there.is_none_or(|there| *stated <= there));
            let size = known.or(there);
            let told = size.and_then(|size| u32::try_from(size).ok());
            bytes.extend(b"data");
            bytes.extend(told.unwrap_or(u32::MAX).to_le_bytes());
            return Ok(Some(Front {
                bytes,
                audio: at,
                frames: size.zip(frame).map(|(size, frame)| size / frame),
                stated: stated.zip(frame).map(|(size, frame)| size / frame),
                is_size_true: known.is_some(),
            }));
        }
        let padded = layout.padded(size);
        if at.saturating_add(padded) >= LONGEST_PREAMBLE {
            break;
        }
        let mut content = vec![0; padded as usize];
        reader.read_exact(&mut content)?;
        content.truncate(size as usize);
        at += padded;
        match &name {
            b"ds64" => large = content.get(8..16).and_then(le64),
            b"fmt " => {
                let is_pcm = mend(&mut content);
                frame = content
                    .get(12..14)
                    .map(|pair| u64::from(u16::from_le_bytes([pair[0], pair[1]])))
                    .filter(|frame| is_pcm && *frame > 0);
                extend(&mut bytes, name, &content);
            }
            // What else there is of Wave64 is laid out otherwise, too.
            b"fact" if layout == Layout::Wave64 => {}
            _ if layout == Layout::Riff => extend(&mut bytes, name, &content),
            _ => {}
        }
    }
    Ok(None)
}

fn extend(bytes: &mut Vec<u8>, name: [u8; 4], content: &[u8]) {
    bytes.extend(name);
    bytes.extend((content.len() as u32).to_le_bytes());
    bytes.extend(content);
    if content.len() % 2 == 1 {
        bytes.push(0);
    }
}

/// Says the same of the samples in the plainest way. Whether each frame of them takes up the same room.
fn mend(format: &mut Vec<u8>) -> bool {
    let short = |format: &[u8], at: usize| {
        let pair = format.get(at..at + 2)?;
        Some(u16::from_le_bytes([pair[0], pair[1]]))
    };
    let (Some(mut kind), Some(bits)) = (short(format, 0), short(format, 14)) else {
        return false;
    };
    if kind == EXTENSIBLE && format.len() >= 40 && format[26..40] == OF_NUMBER {
        kind = short(format, 24).unwrap_or(kind);
        // Samples with fewer bits than they take up have them at the top, so that nothing need be known of it.
        format[18..20].copy_from_slice(&bits.to_le_bytes());
        if kind != PCM && kind != FLOAT {
            format[..2].copy_from_slice(&kind.to_le_bytes());
        }
    }
    let is_extensible = short(format, 0) == Some(EXTENSIBLE);
    match kind {
        PCM | FLOAT if !is_extensible => format.truncate(16),
        A_LAW | MU_LAW => format.resize(18, 0),
        _ => {}
    }
    if let (A_LAW | MU_LAW, Some(extra)) = (kind, format.get_mut(16..18)) {
        extra.fill(0);
    }
    [PCM, FLOAT, A_LAW, MU_LAW].contains(&kind)
}

fn le64(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
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

    fn front_of(header: &[u8], length: Option<u64>) -> Front {
        let front = front(&mut &header[..], length).unwrap().unwrap();
        assert_eq!(front.audio, header.len() as u64);
        assert_eq!(&front.bytes[..4], b"RIFF");
        front
    }

    fn data_size(front: &Front) -> u32 {
        let size = front.bytes[front.bytes.len() - 4..].try_into().unwrap();
        u32::from_le_bytes(size)
    }

    #[test]
    fn a_size_that_fits_is_kept_and_any_other_reaches_to_the_end() {
        let check = |size: u32, length: Option<u64>, expected: u32| {
            let header = header(b"RIFF", b"junk\x03\0\0\0abc\0", size);
            let length = length.map(|audio| header.len() as u64 + audio);
            let size_read = data_size(&front_of(&header, length));
            assert_eq!(size_read, expected, "{size} of {length:?}");
        };
        check(400, Some(400), 400);
        check(400, Some(460), 400);
        check(400, None, 400);
        check(0, Some(400), 400);
        check(0, None, u32::MAX);
        check(u32::MAX, None, u32::MAX);
        check(u32::MAX, Some(400), 400);
        check(0x7fff_ffd8, None, u32::MAX);
        check(0x7fff_0000, None, u32::MAX);
        check(500, Some(400), 400);
        check(0, Some(5 << 30), u32::MAX);
    }

    const STEREO_16: &[u8] = b"fmt \x10\0\0\0\x01\0\x02\0\x44\xac\0\0\x10\xb1\x02\0\x04\0\x10\0";

    #[test]
    fn rf64_reads_as_riff_and_knows_its_length() {
        let mut extra = b"ds64\x1c\0\0\0".to_vec();
        extra.extend(0u64.to_le_bytes());
        extra.extend((6u64 << 30).to_le_bytes());
        extra.extend([0; 12]);
        extra.extend(STEREO_16);
        let header = header(b"RF64", &extra, u32::MAX);
        assert!(is_wav(&header));
        let front = front_of(&header, None);
        assert_eq!(data_size(&front), u32::MAX);
        assert_eq!(front.frames, Some((6 << 30) / 4));
    }

    #[test]
    fn wave64_reads_as_riff() {
        let mut file = WAVE64.to_vec();
        file.extend(&[0xa5, 0xd6, 0x28, 0xdb, 0x04, 0xc1, 0, 0]);
        file.extend(0u64.to_le_bytes());
        file.extend(b"wave");
        file.extend(OF_WAVE64);
        file.extend(b"fmt ");
        file.extend(OF_WAVE64);
        file.extend(40u64.to_le_bytes());
        file.extend(&STEREO_16[8..]);
        file.extend(b"data");
        file.extend(OF_WAVE64);
        file.extend((24u64 + 400).to_le_bytes());
        assert!(is_wav(&file));
        let front = front_of(&file, None);
        assert_eq!(front.bytes, header_of(STEREO_16, 400));
        assert_eq!(front.frames, Some(100));
    }

    fn header_of(format: &[u8], size: u32) -> Vec<u8> {
        let mut header = header(b"RIFF", format, size);
        header[4..8].fill(0xff);
        header
    }

    #[test]
    fn samples_are_described_in_the_plainest_way() {
        let extensible = |kind: u8, bits: u8, of_them: u8| {
            let mut format = vec![
                0xfe, 0xff, 2, 0, 0x44, 0xac, 0, 0, 0, 0, 0, 0, 4, 0, bits, 0,
            ];
            format.extend([22, 0, of_them, 0, 3, 0, 0, 0, kind, 0]);
            format.extend(OF_NUMBER);
            format
        };
        let mut law = extensible(6, 8, 8);
        assert!(mend(&mut law));
        assert_eq!((law[0], law[1], law.len()), (6, 0, 18));
        let mut twenty = extensible(1, 24, 20);
        assert!(mend(&mut twenty));
        assert_eq!((twenty[0], twenty[18], twenty.len()), (0xfe, 24, 40));
        let mut odd = STEREO_16[8..].to_vec();
        odd.extend([4, 0, 1, 2, 3, 4]);
        assert!(mend(&mut odd));
        assert_eq!(odd, STEREO_16[8..]);
        assert!(!mend(&mut vec![2, 0, 1]));
    }
}
