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

/// Where the music is by the tag that iTunes writes: numbers in hexadecimal, of which the second is how many frames come before it, the
/// third how many behind it, and the fourth how many it has.
pub(super) fn itunes(text: &str, rate: u32) -> Option<Edit> {
    let mut numbers = text
        .split_ascii_whitespace()
        .map(|number| u64::from_str_radix(number, 16).ok());
    let start = numbers.nth(1)??;
    let length = numbers.nth(1)??;
    (length > 0 && rate > 0).then_some(Edit {
        start,
        length: Some(length),
        timescale: rate,
    })
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
    let header = child(&bytes[index + 4..], b"mvhd")?;
    let movie_timescale = timescale(header)?;
    boxes(&bytes[index + 4..])
        .filter(|(name, _)| *name == b"trak")
        .find_map(|(_, track)| edit_of_track(track, movie_timescale))
}

/// Ticks per second, of the header of a movie or its media.
fn timescale(header: &[u8]) -> Option<u32> {
    // Version 1 has times of eight bytes.
    match header.first()? {
        0 => be32(header, 12),
        _ => be32(header, 20),
    }
}

fn edit_of_track(track: &[u8], movie_timescale: u32) -> Option<Edit> {
    let media = child(track, b"mdia")?;
    let handler = child(media, b"hdlr")?.get(8..12)?;
    if handler != b"soun" {
        return None;
    }
    let timescale = timescale(child(media, b"mdhd")?)?;
    let list = child(child(track, b"edts")?, b"elst")?;
    let wide = *list.first()? != 0;
    let entries = list.get(8..)?.chunks_exact(if wide { 20 } else { 12 });
    let (length, start) = entries
        .take(be32(list, 4)? as usize)
        .map(|entry| {
            if wide {
                Some((be64(entry, 0)?, be64(entry, 8)?.cast_signed()))
            } else {
                let start = be32(entry, 4)?.cast_signed();
                Some((be32(entry, 0)?.into(), start.into()))
            }
        })
        // An entry of −1 plays silence; that is not the music's beginning.
        .find_map(|entry| {
            let (length, start) = entry?;
            Some((length, u64::try_from(start).ok()?))
        })?;
    // Lengths are in the movie's ticks, which most writers make a thousandth of a second: too little to say which frame is the last.
    let is_fine = movie_timescale >= timescale && length > 0;
    Some(Edit {
        start,
        length: is_fine
            .then(|| u128::from(length) * u128::from(timescale) / u128::from(movie_timescale))
            .and_then(|length| u64::try_from(length).ok()),
        timescale,
    })
    .filter(|_| timescale > 0)
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
    fn itunes_says_where_the_music_is() {
        let text = " 00000000 00000840 000001CA 00000000003F31F6 00000000 00000000 00000000";
        let expected = Edit {
            start: 2112,
            length: Some(4_141_558),
            timescale: 44_100,
        };
        assert_eq!(itunes(text, 44_100), Some(expected));
        assert_eq!(itunes("", 44_100), None);
        assert_eq!(itunes(" 00000000 00000840 000001CA", 44_100), None);
        assert_eq!(itunes(" 0 840 x -1", 44_100), None);
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
