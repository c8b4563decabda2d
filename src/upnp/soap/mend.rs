//! Requests that are not well-formed, and what their senders must have meant.
//! It decides nothing about them: what is mended is read like any other.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

use super::envelope::resolve;

/// Metadata often comes from careless string joining. Escapes what stands between the tags of the first argument whose name ends with
/// `MetaData`, so that the rest of the call can be read; `None` if there is no such argument.
pub(super) fn metadata(text: &str) -> Option<String> {
    const SUFFIX: &str = "MetaData";
    let name_end = text.find(SUFFIX)? + SUFFIX.len();
    let opening = text.get(..name_end)?.rfind('<')?;
    let name = text.get(opening + 1..name_end)?;
    let begin = name_end + text.get(name_end..)?.find('>')? + 1;
    let closing = format!("</{name}");
    let end = begin + text.get(begin..)?.rfind(&closing)?;
    let (before, inner, after) = (text.get(..begin)?, text.get(begin..end)?, text.get(end..)?);
    let mut mended = String::with_capacity(text.len() + 256);
    mended.push_str(before);
    // With elements in it, it was never escaped, and is to arrive as it stands; otherwise only stray ampersands are wrong.
    let unescaped = inner.contains('<');
    for (at, c) in inner.char_indices() {
        match c {
            '<' => mended.push_str("&lt;"),
            '&' if unescaped || !begins_reference(inner.get(at..).unwrap_or_default()) => {
                mended.push_str("&amp;");
            }
            c => mended.push(c),
        }
    }
    mended.push_str(after);
    Some(mended)
}

/// Whether `text` begins with a reference that [`resolve`] understands.
fn begins_reference(text: &str) -> bool {
    let Some((reference, _)) = text.get(1..).and_then(|rest| rest.split_once(';')) else {
        return false;
    };
    resolve(&BytesRef::new(reference)).is_ok()
}

/// Clients in JavaScript count the length of a request in characters, so that of one with other letters than ASCII only as many bytes
/// are read, and its end is missing. Writes the end tags that are, if they can be what is missing: no more than there are bytes
/// beyond the characters, and of what is said nothing cut but metadata. `None` otherwise.
pub(super) fn end(text: &str) -> Option<String> {
    let missing = text.len() - text.chars().count();
    let mut open: Vec<&str> = Vec::new();
    let mut reader = Reader::from_str(text);
    let end = loop {
        let at = usize::try_from(reader.buffer_position()).ok()?;
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                let begin = at + text.get(at..)?.find('<')? + 1;
                let length = start.name().as_ref().len();
                open.push(text.get(begin..begin + length)?);
            }
            Ok(Event::End(_)) => drop(open.pop()),
            Ok(Event::Eof) => break text.len(),
            Ok(_) => {}
            // A tag or a reference that was begun.
            Err(_) => break at,
        }
    };
    let local = |name: &str| name.rsplit(':').next().unwrap_or_default().to_owned();
    let innermost = local(open.last()?);
    if !(innermost.ends_with("MetaData") || ["Body", "Envelope"].contains(&innermost.as_str())) {
        return None;
    }
    let tags: String = open.iter().rev().map(|name| format!("</{name}>")).collect();
    let begun = text.len() - end;
    (tags.len() <= missing + begun)
        .then(|| format!("{}{tags}", text.get(..end).unwrap_or_default()))
}
