//! The document, as far as it can be read: whatever it is wrapped in, whatever prefixes it uses, wherever it breaks off.
//! What its parts are good for is decided elsewhere.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::text::{clean, percent_decode, unescape};
use super::{Item, Resource};

/// Larger metadata is not read: 30 `res` elements fit several times.
const MAX_LENGTH: usize = 256 * 1024;
/// Deeper elements than any honest document has.
const MAX_DEPTH: usize = 64;

/// Reads whatever metadata turns out to be.
pub(super) fn read(metadata: &str) -> Item {
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
    let readable = loop {
        let Ok(event) = reader.read_event() else {
            break false;
        };
        match event {
            Event::Start(element) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return item;
                }
                let name = element.local_name().as_ref().to_owned();
                match name.as_str() {
                    "item" | "container" => inside = true,
                    "res" => item.resources.push(resource(&element)),
                    _ => {}
                }
                open = Some((name, String::new()));
            }
            Event::Empty(element) if element.local_name().as_ref() == "res" => {
                item.resources.push(resource(&element));
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
                    break true;
                }
            }
            // Whoever declares entities is up to something.
            Event::DocType(_) => return Item::default(),
            Event::Eof => break true,
            _ => {}
        }
    };
    if !readable || item.title.is_none() {
        salvage(&mut item, text);
    }
    item
}

/// Fills in what stands plainly between its tags and was lost to the reader: a `<` within a title takes everything after
/// it along.
fn salvage(item: &mut Item, document: &str) {
    for name in ["title", "artist", "creator", "album", "albumArtURI"] {
        if let Some(place) = item.text(name)
            && let Some(text) = between_tags(document, name)
        {
            *place = clean(&unescape(text));
        }
    }
}

/// What is between the first tag of this local name and its counterpart.
fn between_tags<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = document;
    loop {
        let (_, from_tag) = rest.split_once('<')?;
        rest = from_tag;
        // What holds another `<` is no tag; and looking for its end from each of many would take for ever.
        let end = from_tag.find(['<', '>'])?;
        let (tag, Some(inside)) = (&from_tag[..end], from_tag[end..].strip_prefix('>')) else {
            continue;
        };
        let qualified = tag.split_whitespace().next().unwrap_or_default();
        let local = qualified.rsplit(':').next().unwrap_or_default();
        let opens = !tag.starts_with('/') && !tag.ends_with('/');
        if opens && local == name {
            let (text, _) = inside.split_once(&format!("</{qualified}>"))?;
            return Some(text);
        }
    }
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
    } else {
        item.loudness.note(name, text);
    }
}

/// The attributes of a `res` element.
fn resource(element: &BytesStart<'_>) -> Resource {
    let mut resource = Resource::default();
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
