//! DIDL-Lite metadata becomes a track: what people see, and hints for whoever fetches.
//! It is forgiving without end, because setting a URI must never fail on metadata; broken metadata is merely less of it.

use std::borrow::Cow;
use std::time::Duration;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::duration;
use crate::media::MediaRequest;
use crate::zone::Track;

/// Larger metadata is not read: 30 `res` elements fit several times.
const MAX_LENGTH: usize = 256 * 1024;
/// Deeper elements than any honest document has.
const MAX_DEPTH: usize = 64;
/// Senders put this day-long duration on endless streams.
const ENDLESS: Duration = Duration::from_secs(23 * 3600 + 59 * 60 + 59);

/// The track at `uri` as `metadata` describes it. Both are kept byte for byte. Whatever the metadata is, a track comes
/// out; without a usable title it is named after the URI.
pub fn track(uri: &str, metadata: &str) -> Track {
    let item = read(metadata);
    let resource = item.resource(uri);
    let mime = resource.and_then(|resource| resource.mime());
    Track {
        request: MediaRequest {
            uri: uri.to_owned(),
            mime: mime.map(str::to_owned),
            pcm_rate: resource.and_then(|resource| resource.sample_frequency.trim().parse().ok()),
            pcm_channels: resource.and_then(|resource| resource.channels.trim().parse().ok()),
            duration: resource
                .and_then(|resource| duration::read(&resource.duration))
                .filter(|duration| !duration.is_zero() && *duration < ENDLESS),
        },
        metadata: metadata.to_owned(),
        title: item.title.clone().unwrap_or_else(|| name_of(uri)),
        artist: item.artist.clone().or(item.creator),
        album: item.album.clone(),
        art: item.art.as_deref().and_then(|art| resolve(uri, art)),
    }
}

/// The `protocolInfo` that `metadata` gives for `uri`, if it has four fields.
pub(super) fn protocol_info(uri: &str, metadata: &str) -> Option<String> {
    let item = read(metadata);
    let info = item.resource(uri)?.protocol_info.trim();
    (info.split(':').count() >= 4).then(|| info.to_owned())
}

/// What is of interest in the first item.
#[derive(Debug, Default)]
struct Item {
    title: Option<String>,
    artist: Option<String>,
    creator: Option<String>,
    album: Option<String>,
    art: Option<String>,
    resources: Vec<Resource>,
}

/// One `res` element, as text.
#[derive(Debug, Default)]
struct Resource {
    uri: String,
    protocol_info: String,
    duration: String,
    sample_frequency: String,
    channels: String,
}

impl Item {
    /// The one that is played: that of the URI, else the first audio, else the only one.
    fn resource(&self, uri: &str) -> Option<&Resource> {
        let same = |resource: &&Resource| resource.uri.trim() == uri.trim();
        let audio = |resource: &&Resource| {
            resource
                .mime()
                .is_some_and(|mime| mime.to_ascii_lowercase().starts_with("audio/"))
        };
        let only = || match &self.resources[..] {
            [only] => Some(only),
            _ => None,
        };
        let mut resources = self.resources.iter();
        resources
            .clone()
            .find(same)
            .or_else(|| resources.find(audio))
            .or_else(only)
    }

    /// Where the text of element `name` belongs. The first occurrence counts.
    fn text(&mut self, name: &str) -> Option<&mut Option<String>> {
        let place = match name {
            "title" => &mut self.title,
            "artist" => &mut self.artist,
            "creator" => &mut self.creator,
            "album" => &mut self.album,
            "albumArtURI" => &mut self.art,
            _ => return None,
        };
        place.is_none().then_some(place)
    }
}

impl Resource {
    fn new(element: &BytesStart<'_>) -> Self {
        let mut resource = Self::default();
        // Attributes that are none, or come twice, are passed over.
        for attribute in element.attributes().with_checks(false).flatten() {
            let place = match attribute.key.local_name().as_ref() {
                "protocolInfo" => &mut resource.protocol_info,
                "duration" => &mut resource.duration,
                "sampleFrequency" => &mut resource.sample_frequency,
                "nrAudioChannels" => &mut resource.channels,
                _ => continue,
            };
            *place = unescape(&attribute.value).into_owned();
        }
        resource
    }

    /// The third field of the `protocolInfo`, unless it is a wildcard.
    fn mime(&self) -> Option<&str> {
        let mime = self.protocol_info.split(':').nth(2)?.trim();
        (!mime.is_empty() && mime != "*").then_some(mime)
    }
}

/// Reads whatever metadata turns out to be.
fn read(metadata: &str) -> Item {
    let text = unwrap(metadata);
    let text = text.trim_matches(|character: char| character.is_whitespace() || character == '\0');
    if text.len() > MAX_LENGTH || text.is_empty() || text == "NOT_IMPLEMENTED" {
        return Item::default();
    }
    if !text.starts_with('<') {
        return Item {
            title: clean(text),
            ..Item::default()
        };
    }
    read_document(text)
}

/// Takes off what senders wrap a document in: a byte order mark, a second escaping, percent-encoding, CDATA.
fn unwrap(metadata: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(metadata.trim_start_matches('\u{feff}').trim());
    if text.len() > MAX_LENGTH {
        return text;
    }
    if text
        .get(..3)
        .is_some_and(|start| start.eq_ignore_ascii_case("%3c"))
    {
        text = Cow::Owned(percent_decode(&text));
    }
    // Once more than any sender has been seen to.
    for _ in 0..2 {
        if text.trim_start().starts_with("&lt;") {
            text = Cow::Owned(unescape(&text).into_owned());
        }
    }
    match text
        .strip_prefix("<![CDATA[")
        .and_then(|rest| rest.strip_suffix("]]>"))
    {
        Some(inner) => Cow::Owned(inner.to_owned()),
        None => text,
    }
}

/// Reads a document by local names as far as it can be read, whatever prefixes and namespaces it uses.
fn read_document(text: &str) -> Item {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    config.allow_unmatched_ends = true;
    config.check_end_names = false;

    let mut item = Item::default();
    let mut inside = false;
    let mut depth = 0_usize;
    // The element whose text is being read, and that text.
    let mut open: Option<(String, String)> = None;
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    break;
                }
                let name = element.local_name().as_ref().to_owned();
                match name.as_str() {
                    "item" | "container" => inside = true,
                    "res" => item.resources.push(Resource::new(&element)),
                    _ => {}
                }
                open = Some((name, String::new()));
            }
            Event::Empty(element) if element.local_name().as_ref() == "res" => {
                item.resources.push(Resource::new(&element));
            }
            Event::Text(text) => append(&mut open, &text.into_inner()),
            Event::CData(text) => append(&mut open, &text.into_inner()),
            Event::GeneralRef(reference) => {
                let reference = format!("&{};", reference.into_inner());
                append(&mut open, &unescape(&reference));
            }
            Event::End(element) => {
                depth = depth.saturating_sub(1);
                let closed = element.local_name().as_ref().to_owned();
                if let Some((name, text)) = open.take()
                    && inside
                {
                    store(&mut item, &name, &text);
                }
                // Only the first item is the one that plays.
                if matches!(closed.as_str(), "item" | "container") {
                    break;
                }
            }
            // Whoever declares entities is up to something.
            Event::DocType(_) => return Item::default(),
            Event::Eof => break,
            _ => {}
        }
    }
    item
}

fn append(open: &mut Option<(String, String)>, text: &str) {
    if let Some((_, so_far)) = open {
        so_far.push_str(text);
    }
}

fn store(item: &mut Item, name: &str, text: &str) {
    if name == "res" {
        if let Some(resource) = item.resources.last_mut() {
            text.trim().clone_into(&mut resource.uri);
        }
    } else if let Some(place) = item.text(name) {
        *place = clean(text);
    }
}

/// Text for people: no control characters, no blank ends, nothing if nothing is left.
fn clean(text: &str) -> Option<String> {
    let text: String = text
        .chars()
        .map(|character| match character {
            '\n' | '\r' | '\t' => ' ',
            other => other,
        })
        .filter(|character| !character.is_control())
        .collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Resolves the predefined entities and character references; every other `&` stays what it is.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        // The longest reference is `&#x10FFFF;`.
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        let character = end.and_then(|end| resolve_reference(&rest[1..end]));
        match (character, end) {
            (Some(character), Some(end)) => {
                plain.push(character);
                rest = &rest[end + 1..];
            }
            _ => {
                plain.push('&');
                rest = &rest[1..];
            }
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

fn resolve_reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// What to call a track that has no title: the last part of its path, else its host.
fn name_of(uri: &str) -> String {
    let path = uri.split(['?', '#']).next().unwrap_or(uri);
    let last = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(path);
    clean(&percent_decode(last)).unwrap_or_else(|| uri.to_owned())
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = bytes
            .get(at + 1..at + 3)
            .filter(|code| bytes[at] == b'%' && code.iter().all(u8::is_ascii_hexdigit))
            .and_then(|code| std::str::from_utf8(code).ok())
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        match code {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The address of album art, which may be relative to the track's; only http(s) ones are of use.
fn resolve(base: &str, reference: &str) -> Option<String> {
    let lower = reference.to_ascii_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return Some(reference.to_owned());
    }
    if reference
        .split(['/', '?', '#'])
        .next()
        .is_some_and(|start| start.contains(':'))
    {
        return None;
    }
    let base = base.trim().split(['?', '#']).next()?;
    let (scheme, rest) = base.split_once("://")?;
    let authority = rest.split('/').next()?;
    if let Some(with_host) = reference.strip_prefix("//") {
        return Some(format!("{scheme}://{with_host}"));
    }
    if reference.starts_with('/') {
        return Some(format!("{scheme}://{authority}{reference}"));
    }
    let folder = rest
        .rsplit_once('/')
        .map_or(authority, |(folder, _)| folder);
    Some(format!("{scheme}://{folder}/{reference}"))
}
