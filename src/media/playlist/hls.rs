//! HLS (RFC 8216): a stream as a list of segments, and lists of such lists. What the tags say is read by `m3u8-rs`; what of it is played is
//! decided here.

use std::time::Duration;

use m3u8_rs::{AlternativeMediaType, KeyMethod, MasterPlaylist, MediaPlaylist, Playlist};
use url::Url;

use super::{LONGEST, MOST_ENTRIES, Unreadable, decode};

/// Live streams are begun so many segments before their end, as the standard asks (6.3.3).
const FROM_END: usize = 3;
/// In seconds; longer ones are mistakes.
const LONGEST_SEGMENT: f32 = 3600.0;
/// No stream has come so far; sums on numbers stay within bounds.
const LAST_NUMBER: u64 = 1 << 62;

/// What such a playlist is.
#[derive(Debug, Clone, PartialEq)]
pub enum Hls {
    /// Of the same music in several qualities; the best that is nothing but sound first.
    Master(Vec<Url>),
    /// Of segments.
    Media(Segments),
}

/// A stream as far as it is listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Segments {
    /// In order; never none but in a live stream.
    pub segments: Vec<Segment>,
    /// Whether no more will come.
    pub ended: bool,
    /// The longest of them: how often the playlist changes.
    pub target: Duration,
}

/// A piece of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Counted from the beginning of the stream.
    pub number: u64,
    /// Where it is.
    pub address: Url,
    /// Where the beginning of a file is that it goes on from, if it does not stand for itself.
    pub beginning: Option<Url>,
    /// Whether it does not go on where the one before ended.
    pub is_new: bool,
    /// How long it plays.
    pub duration: Duration,
}

impl Segments {
    /// How long all of them play, if no more will come.
    pub fn duration(&self) -> Option<Duration> {
        let whole = || self.segments.iter().map(|it| it.duration).sum();
        self.ended.then(whole)
    }

    /// The number of the segment to begin with.
    pub fn first(&self) -> u64 {
        let skipped = if self.ended {
            0
        } else {
            self.segments.len().saturating_sub(FROM_END)
        };
        self.segments.get(skipped).map_or(0, |it| it.number)
    }
}

/// Reads a playlist that came from `base`.
///
/// # Errors
/// Why it cannot be played.
pub fn read(bytes: &[u8], base: &Url) -> Result<Hls, Unreadable> {
    if bytes.len() > LONGEST {
        return Err(Unreadable::TooLong);
    }
    let text = decode(bytes);
    let text = text.trim_start();
    match m3u8_rs::parse_playlist_res(text.as_bytes()) {
        Ok(Playlist::MasterPlaylist(master)) => Ok(Hls::Master(qualities(&master, base)?)),
        Ok(Playlist::MediaPlaylist(media)) => Ok(Hls::Media(segments(&media, base)?)),
        Err(_) => Err(Unreadable::Hls("cannot be read")),
    }
}

fn qualities(master: &MasterPlaylist, base: &Url) -> Result<Vec<Url>, Unreadable> {
    let is_sound = |codecs: &Option<String>| {
        let of_pictures = ["avc", "hvc", "hev", "av01", "vp0", "dvh"];
        !codecs
            .iter()
            .any(|it| of_pictures.iter().any(|picture| it.contains(picture)))
    };
    let mut variants: Vec<_> = master.variants.iter().filter(|it| !it.is_i_frame).collect();
    variants.sort_by_key(|it| {
        let silent = it.resolution.is_some() || !is_sound(&it.codecs);
        (silent, std::cmp::Reverse(it.bandwidth))
    });
    let sound = |it: &&m3u8_rs::AlternativeMedia| it.media_type == AlternativeMediaType::Audio;
    let mut renditions: Vec<_> = master.alternatives.iter().filter(sound).collect();
    renditions.sort_by_key(|it| !it.default);
    let renditions = renditions.into_iter().filter_map(|it| it.uri.as_deref());
    let variants = variants.into_iter().map(|it| it.uri.as_str());
    let addresses: Vec<Url> = renditions
        .chain(variants)
        .filter_map(|address| fetched(address, base))
        .take(MOST_ENTRIES)
        .collect();
    if addresses.is_empty() {
        return Err(Unreadable::Empty);
    }
    Ok(addresses)
}

fn segments(media: &MediaPlaylist, base: &Url) -> Result<Segments, Unreadable> {
    let mut beginning = None;
    let mut segments = Vec::new();
    let first = media.media_sequence.min(LAST_NUMBER);
    for (number, written) in (first..).zip(&media.segments) {
        // A key holds from where it stands on, and nothing before it is in the clear for long.
        let locked = written
            .key
            .as_ref()
            .is_some_and(|it| it.method != KeyMethod::None);
        if locked {
            return Err(Unreadable::Hls("is encrypted"));
        }
        let map = written.map.as_ref();
        if written.byte_range.is_some() || map.is_some_and(|it| it.byte_range.is_some()) {
            return Err(Unreadable::Hls(
                "has segments that are stretches of one file",
            ));
        }
        if let Some(map) = map {
            beginning = fetched(&map.uri, base);
        }
        let Some(address) = fetched(&written.uri, base) else {
            return Err(Unreadable::Elsewhere(super::cut(&written.uri).to_owned()));
        };
        segments.push(Segment {
            number,
            address,
            beginning: beginning.clone(),
            is_new: written.discontinuity,
            duration: length(written.duration),
        });
    }
    // Of a long one that is over all is heard, of a long one that is live the end.
    if segments.is_empty() && media.end_list {
        return Err(Unreadable::Empty);
    }
    Ok(Segments {
        segments,
        ended: media.end_list,
        target: Duration::from_secs(media.target_duration.clamp(1, 60)),
    })
}

/// Whole milliseconds, and no more than anybody would wait for a segment: sums stay within bounds.
fn length(seconds: f32) -> Duration {
    Duration::from_millis((seconds.clamp(0.0, LONGEST_SEGMENT) * 1000.0).round() as u64)
}

fn fetched(address: &str, base: &Url) -> Option<Url> {
    let url = base.join(address.trim()).ok()?;
    (["http", "https"].contains(&url.scheme()) && url.has_host()).then_some(url)
}
