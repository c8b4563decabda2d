//! Playlists: files that only say where the music is, as radio directories hand them out. Bytes in, addresses out.
//! Pure; fetching what they name, and playing it, is `http::programme`'s matter.

mod asx;
pub mod hls;
mod m3u;
mod pls;
mod xml;
mod xspf;

use std::borrow::Cow;
use std::time::Duration;

use url::Url;

use super::formats;

/// A longer playlist is not read. The longest of radio directories, with every station of a country, are not played as a track.
pub const LONGEST: usize = 256 << 10;
/// More entries than this are left out.
pub const MOST_ENTRIES: usize = 1000;
/// Enough of the beginning to tell a playlist from anything else, comments before its first entry included.
pub const HEAD: usize = 512;
/// Longer titles are cut: they are shown on small displays.
const LONGEST_TITLE: usize = 256;
/// Longer durations are mistakes; and sums of them stay within bounds.
const LONGEST_DURATION: Duration = Duration::from_hours(1000);

/// A kind of playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A stream in segments, or several of them; [`hls`] reads it.
    Hls,
    /// One address a line, with or without `#EXTM3U`; in UTF-8 it is called M3U8.
    M3u,
    /// `[playlist]`, as SHOUTcast and Icecast give it; Windows Media's `[Reference]` too.
    Pls,
    /// XML of `xspf.org`.
    Xspf,
    /// Windows Media's, which only looks like XML.
    Asx,
}

/// What is played at one place of a playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is, by `http` or `https`; never none. Several are the same from several servers, the first to be tried first.
    pub addresses: Vec<Url>,
    /// What it is called, if that is said.
    pub title: Option<String>,
    /// How long it plays, if that is said.
    pub duration: Option<Duration>,
}

/// Why there is nothing to play in a playlist. The text goes on where "the playlist …" began.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It is longer than [`LONGEST`].
    #[error("is longer than {} KiB", LONGEST >> 10)]
    TooLong,
    /// It is a stream in segments of a kind that is not played.
    #[error("is an HLS stream that {0}, which is not played")]
    Hls(&'static str),
    /// It has no entries.
    #[error("is empty")]
    Empty,
    /// It has entries, and none by `http` or `https`.
    #[error("names only what is not fetched, such as {0}; http:// and https:// are")]
    Elsewhere(String),
}

impl Kind {
    /// The kind of a file that begins with `head`, of at least [`HEAD`] bytes if it has so many. `path` is that of its address and
    /// `mime` its MIME type; they matter only where the bytes leave a doubt. `None` for whatever is no playlist.
    pub fn of(head: &[u8], path: &str, mime: Option<&str>) -> Option<Self> {
        if !may_begin(head) {
            return None;
        }
        let text = decode(head);
        let text = text.trim_start();
        if text.starts_with('<') {
            return match xml::root(text)?.as_str() {
                "asx" => Some(Self::Asx),
                "playlist" => Some(Self::Xspf),
                _ => None,
            };
        }
        let begins = |word: &str| {
            text.get(..word.len())
                .is_some_and(|it| it.eq_ignore_ascii_case(word))
        };
        if begins("[playlist]") || begins("[reference]") {
            return Some(Self::Pls);
        }
        if begins("#extm3u") {
            // Each has some at its beginning.
            let is_hls = text
                .lines()
                .any(|line| line.trim_start().starts_with("#EXT-X-"));
            return Some(if is_hls { Self::Hls } else { Self::M3u });
        }
        let hinted = mime.and_then(by_mime).or_else(|| by_extension(path));
        match hinted {
            Some(Self::M3u | Self::Pls) if !text.is_empty() => hinted,
            _ => begins_with_address(text).then_some(Self::M3u),
        }
    }
}

/// Whether a file that begins with these bytes may be a playlist: text, that is, and of no format that is decoded.
pub fn may_begin(head: &[u8]) -> bool {
    let control = |byte: &u8| *byte < b' ' && !b"\t\r\n\x0c".contains(byte);
    !head.iter().any(control) && formats::by_sign(head).is_none()
}

/// The entries of a playlist in the order in which they are to be played, of which there is one at least. Those that cannot be fetched are
/// left out, relative addresses are completed by `base`, the address of the playlist.
///
/// # Errors
/// Why there is none.
pub fn read(kind: Kind, bytes: &[u8], base: &Url) -> Result<Vec<Entry>, Unreadable> {
    if bytes.len() > LONGEST {
        return Err(Unreadable::TooLong);
    }
    let text = decode(bytes);
    let written = match kind {
        Kind::Hls => return Err(Unreadable::Hls("is read as a list of songs")),
        Kind::M3u => m3u::read(&text),
        Kind::Pls => pls::read(&text),
        Kind::Xspf => xspf::read(&text),
        Kind::Asx => asx::read(&text),
    };
    let entries: Vec<Entry> = written
        .iter()
        .filter_map(|it| it.resolve(base))
        .take(MOST_ENTRIES)
        .collect();
    if !entries.is_empty() {
        return Ok(entries);
    }
    let address = written.into_iter().flat_map(|it| it.addresses).next();
    Err(address.map_or(Unreadable::Empty, |address| {
        Unreadable::Elsewhere(cut(&address).to_owned())
    }))
}

/// An entry as it stands in the file.
#[derive(Debug, Default, PartialEq)]
struct Written {
    addresses: Vec<String>,
    title: String,
    /// In seconds; what is not above zero is unknown.
    seconds: f64,
}

impl Written {
    fn resolve(&self, base: &Url) -> Option<Entry> {
        let fetched = |address: &String| {
            let url = base.join(address.trim()).ok()?;
            let fetched = ["http", "https"].contains(&url.scheme()) && url.has_host();
            fetched.then_some(url)
        };
        let mut addresses: Vec<Url> = self.addresses.iter().filter_map(fetched).collect();
        addresses.dedup();
        let title = cut(self.title.trim());
        let duration = Duration::try_from_secs_f64(self.seconds).ok();
        let believed = |it: &Duration| (Duration::from_nanos(1)..LONGEST_DURATION).contains(it);
        (!addresses.is_empty()).then(|| Entry {
            addresses,
            title: (!title.is_empty()).then(|| title.to_owned()),
            duration: duration.filter(believed),
        })
    }
}

/// Of a text no more than can be shown.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST_TITLE))
        .unwrap_or_default()
}

/// UTF-8 with or without a mark, or else Latin-1.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        // The head of a file may end within a character.
        Err(error) if error.error_len().is_none() => {
            String::from_utf8_lossy(&bytes[..error.valid_up_to()])
        }
        Err(_) => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

fn by_mime(mime: &str) -> Option<Kind> {
    let essence = formats::essence(mime).to_ascii_lowercase();
    match essence.as_str() {
        "audio/x-mpegurl"
        | "audio/mpegurl"
        | "application/x-mpegurl"
        | "application/mpegurl"
        | "application/vnd.apple.mpegurl"
        | "audio/m3u"
        | "audio/x-m3u" => Some(Kind::M3u),
        "audio/x-scpls" | "audio/scpls" | "application/pls" | "application/pls+xml" => {
            Some(Kind::Pls)
        }
        _ => None,
    }
}

fn by_extension(path: &str) -> Option<Kind> {
    let (_, extension) = path.rsplit_once('.')?;
    match extension.to_ascii_lowercase().as_str() {
        "m3u" | "m3u8" => Some(Kind::M3u),
        "pls" => Some(Kind::Pls),
        _ => None,
    }
}

/// Whether the first line that is no comment is an address.
fn begins_with_address(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| {
        let scheme = line.split_once("://").map(|(scheme, _)| scheme);
        scheme.is_some_and(|it| it.eq_ignore_ascii_case("http") || it.eq_ignore_ascii_case("https"))
    })
}

#[cfg(test)]
mod tests;
