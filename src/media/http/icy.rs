//! Titles that a radio station sends between its sound: after every so many bytes one that says how long the block is that
//! follows, in sixteenths, and the block, `StreamTitle='…';StreamUrl='…';`. Pure; the rest of the answer is `answer`'s matter.

use hyper::body::Bytes;

/// What comes out of a station's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::media) enum Piece {
    /// Sound.
    Audio(Bytes),
    /// The title of what follows; empty when the station says that there is none.
    Title(String),
}

/// What is to come next.
#[derive(Debug)]
enum Next {
    /// So many bytes of sound.
    Audio(usize),
    /// The length of a block.
    Length,
    /// So many more bytes of a block, and those that have come.
    Block(usize, Vec<u8>),
}

/// Takes titles out of a station's bytes.
#[derive(Debug)]
pub(super) struct Icy {
    interval: usize,
    next: Next,
}

impl Icy {
    /// For a station that sends a block after every `interval` bytes of sound.
    pub(super) fn new(interval: usize) -> Self {
        Self {
            interval,
            next: Next::Audio(interval),
        }
    }

    /// Takes the next piece off the front of `bytes`; none when more bytes are needed.
    pub(super) fn take(&mut self, bytes: &mut Bytes) -> Option<Piece> {
        while !bytes.is_empty() {
            match &mut self.next {
                Next::Audio(left) => {
                    let audio = bytes.split_to(bytes.len().min(*left));
                    *left -= audio.len();
                    if *left == 0 {
                        self.next = Next::Length;
                    }
                    return Some(Piece::Audio(audio));
                }
                Next::Length => {
                    let length = usize::from(bytes.split_to(1)[0]) * 16;
                    self.next = match length {
                        // Nothing has changed.
                        0 => Next::Audio(self.interval),
                        length => Next::Block(length, Vec::with_capacity(length)),
                    };
                }
                Next::Block(left, block) => {
                    let part = bytes.split_to(bytes.len().min(*left));
                    *left -= part.len();
                    block.extend_from_slice(&part);
                    if *left == 0 {
                        let title = title(block);
                        self.next = Next::Audio(self.interval);
                        if let Some(title) = title {
                            return Some(Piece::Title(title));
                        }
                    }
                }
            }
        }
        None
    }
}

/// The title in a block. Titles are not escaped: one ends where its quote is followed by a semicolon and then by the end or
/// another name.
fn title(block: &[u8]) -> Option<String> {
    const NAME: &str = "streamtitle='";
    let text = text(block);
    let text = text.trim_end_matches(['\0', ' ']);
    let at = text.to_ascii_lowercase().find(NAME)? + NAME.len();
    let rest = &text[at..];
    let ends = rest.match_indices("';").map(|(at, _)| at);
    let another = |rest: &str| {
        let name = rest.split_once("='").map(|(name, _)| name);
        name.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()))
    };
    let is_end = |at: &usize| {
        let after = rest[at + 2..].trim_start();
        after.is_empty() || another(after)
    };
    let title = match ends.clone().find(is_end) {
        Some(at) => &rest[..at],
        None => rest.trim_end_matches(';').trim_end_matches('\''),
    };
    Some(title.trim().to_owned())
}

/// UTF-8, as stations of today send it, else Latin-1, as those of old do.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_read_as_stations_send_them() {
        let check = |block: &[u8], expected: Option<&str>| {
            assert_eq!(title(block).as_deref(), expected, "{block:?}");
        };
        check(
            b"StreamTitle='Kraftwerk - Autobahn';\0\0\0",
            Some("Kraftwerk - Autobahn"),
        );
        check(
            b"StreamTitle='It's a sin';StreamUrl='';\0",
            Some("It's a sin"),
        );
        check(b"StreamTitle='a';b';StreamUrl='http://x/';", Some("a';b"));
        check(b"StreamUrl='x';StreamTitle='Last';", Some("Last"));
        check(
            "StreamTitle='Bj\u{f6}rk \u{266b}';".as_bytes(),
            Some("Bj\u{f6}rk \u{266b}"),
        );
        check(b"StreamTitle='Bj\xf6rk';\0", Some("Bj\u{f6}rk"));
        check(b"StreamTitle='';\0", Some(""));
        check(b"streamtitle='never ended", Some("never ended"));
        check(b"StreamTitle='no semicolon'", Some("no semicolon"));
        check(b"nonsense\xff\xfe", None);
        check(b"", None);
    }

    /// However the bytes are cut, the same comes out.
    #[test]
    fn titles_are_taken_out_wherever_packets_end() {
        let mut sent = Vec::new();
        let mut sound = Vec::new();
        let titles = ["one", "", "two", "It's three"];
        for (number, name) in titles.iter().enumerate() {
            let audio = vec![number as u8 + 1; 100];
            sound.extend_from_slice(&audio);
            sent.extend_from_slice(&audio);
            if name.is_empty() {
                sent.push(0);
                continue;
            }
            let block = format!("StreamTitle='{name}';");
            let length = block.len().div_ceil(16);
            sent.push(length as u8);
            sent.extend_from_slice(block.as_bytes());
            sent.resize(sent.len() + length * 16 - block.len(), 0);
        }
        for packet in [1, 2, 7, 99, 100, 101, 1000] {
            let mut icy = Icy::new(100);
            let (mut heard, mut told) = (Vec::new(), Vec::new());
            for bytes in sent.chunks(packet) {
                let mut bytes = Bytes::copy_from_slice(bytes);
                while let Some(piece) = icy.take(&mut bytes) {
                    match piece {
                        Piece::Audio(audio) => heard.extend_from_slice(&audio),
                        Piece::Title(title) => told.push((heard.len(), title)),
                    }
                }
            }
            assert_eq!(heard, sound, "{packet}");
            let expected = [(100, "one"), (300, "two"), (400, "It's three")];
            assert_eq!(
                told,
                expected.map(|(at, name)| (at, name.to_owned())),
                "{packet}"
            );
        }
    }

    proptest::proptest! {
        /// Whatever comes, what is neither length nor title is sound, and it is the same however it is cut.
        #[test]
        fn any_bytes_are_sound_or_titles(bytes: Vec<u8>, interval in 1..40_usize, packet in 1..50_usize) {
            let read = |packet: usize| {
                let mut icy = Icy::new(interval);
                let (mut audio, mut titles) = (Vec::new(), Vec::new());
                for packet in bytes.chunks(packet) {
                    let mut packet = Bytes::copy_from_slice(packet);
                    while let Some(piece) = icy.take(&mut packet) {
                        match piece {
                            Piece::Audio(piece) => audio.extend_from_slice(&piece),
                            Piece::Title(title) => titles.push((audio.len(), title)),
                        }
                    }
                    assert!(packet.is_empty());
                }
                (audio, titles)
            };
            let whole = read(usize::MAX);
            assert!(whole.0.len() <= bytes.len());
            assert_eq!(read(packet), whole);
        }

        #[test]
        fn any_block_is_read(bytes: Vec<u8>, rest: String) {
            title(&bytes);
            title(format!("StreamTitle='{rest}").as_bytes());
        }
    }
}
