//! Where the music begins in an MP4 file: AAC encoders put some frames of silence before it, and the file's edit list
//! says how many. The demuxer reads the index for everything else, but passes this over.

/// More of each run of bytes is not kept: edit lists stand at the beginning of the index, and a demuxer that jumps to the
/// index lands up to 64 KiB before it, to fill its buffer.
const KEPT_OF_A_RUN: usize = 160 << 10;
/// The runs there are when the index is at the end: the beginning, the index, the audio; and some to spare.
const MOST_RUNS: usize = 6;

/// Keeps what a demuxer reads while it looks for the index, so that nothing has to be fetched twice.
#[derive(Debug, Default)]
pub(super) struct Tap {
    runs: Vec<Run>,
}

#[derive(Debug)]
struct Run {
    end: u64,
    bytes: Vec<u8>,
}

impl Tap {
    /// Notes that `bytes` were read at `position`.
    pub(super) fn note(&mut self, position: u64, bytes: &[u8]) {
        let count = self.runs.len();
        let run = match self.runs.last_mut() {
            Some(run) if run.end == position => run,
            _ if count < MOST_RUNS => self.runs.push_mut(Run {
                end: position,
                bytes: Vec::new(),
            }),
            _ => return,
        };
        run.end += bytes.len() as u64;
        let room = KEPT_OF_A_RUN - run.bytes.len();
        run.bytes.extend(&bytes[..bytes.len().min(room)]);
    }

    /// The edit of the first audio track, where one was read.
    pub(super) fn edit(&self) -> Option<Edit> {
        self.runs.iter().find_map(|run| edit_of_file(&run.bytes))
    }
}

/// Where a track's presentation begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    /// How much of the track comes before it, in units of the track.
    pub(super) start: u64,
    /// How long it is in the same units, where that is told as finely.
    pub(super) length: Option<u64>,
    /// Those units in a second; never 0.
    pub(super) timescale: u32,
}

fn edit_of_file(bytes: &[u8]) -> Option<Edit> {
    // The index is found by its name and that of the box it begins with: a run may begin anywhere.
    let named = |bytes: &[u8]| &bytes[..4] == b"moov" && &bytes[8..] == b"mvhd";
    let index = bytes.windows(12).position(named)?;
    boxes(&bytes[index + 4..])
        .filter(|(name, _)| *name == b"trak")
        .find_map(|(_, track)| edit_of_track(track))
}

fn edit_of_track(track: &[u8]) -> Option<Edit> {
    let media = child(track, b"mdia")?;
    let handler = child(media, b"hdlr")?.get(8..12)?;
    if handler != b"soun" {
        return None;
    }
    let header = child(media, b"mdhd")?;
    // Version 1 has times of eight bytes.
    let timescale = match header.first()? {
        0 => be32(header, 12)?,
        _ => be32(header, 20)?,
    };
    let list = child(child(track, b"edts")?, b"elst")?;
    let wide = *list.first()? != 0;
    let entries = list.get(8..)?.chunks_exact(if wide { 20 } else { 12 });
    let start = entries
        .take(be32(list, 4)? as usize)
        .map(|entry| {
            if wide {
                be64(entry, 8).map(u64::cast_signed)
            } else {
                be32(entry, 4).map(|time| time.cast_signed().into())
            }
        })
        // An entry of −1 plays silence; that is not the music's beginning.
        .find_map(|time| u64::try_from(time?).ok())?;
    (timescale > 0).then_some(Edit {
        start,
        length: None,
        timescale,
    })
}

fn child<'a>(bytes: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(bytes).find_map(|(found, content)| (found == name).then_some(content))
}

/// The boxes that follow each other in `bytes`; the content of the last may be cut off.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let size = be32(bytes, 0)? as usize;
        let name = bytes.get(4..8)?.try_into().ok()?;
        let (header, size) = match size {
            0 => (8, bytes.len()),
            1 => (16, usize::try_from(be64(bytes, 8)?).unwrap_or(usize::MAX)),
            size => (8, size),
        };
        let end = size.max(header).min(bytes.len());
        let content = bytes.get(header..end)?;
        bytes = &bytes[end..];
        Some((name, content))
    })
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}

fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit_in_pieces(file: &[u8]) -> Option<Edit> {
        let mut tap = Tap::default();
        for (number, piece) in file.chunks(700).enumerate() {
            tap.note(number as u64 * 700, piece);
        }
        tap.edit()
    }

    #[test]
    fn the_edit_list_of_an_encoder_is_read() {
        let file = include_bytes!("../../tests/fixtures/media/sine.m4a");
        let expected = Edit {
            start: 1024,
            length: None,
            timescale: 44_100,
        };
        assert_eq!(edit_in_pieces(file), Some(expected));
    }

    #[test]
    fn a_file_cut_anywhere_has_an_edit_or_none_but_never_a_panic() {
        let file = include_bytes!("../../tests/fixtures/media/sine.m4a");
        for length in 0..1500 {
            edit_in_pieces(&file[..length]);
        }
    }

    #[test]
    fn a_run_that_begins_before_the_index_is_understood() {
        let file = include_bytes!("../../tests/fixtures/media/index-last.m4a");
        let index = file.windows(4).position(|name| name == b"moov").unwrap() - 4;
        let mut tap = Tap::default();
        tap.note(0, &file[..1000]);
        let before = index - 500;
        tap.note(before as u64, &file[before..]);
        assert_eq!(tap.edit().map(|edit| edit.start), Some(1024));
    }
}
