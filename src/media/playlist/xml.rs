//! Playlists in XML, as far as they can be read: local names in small letters, in whatever case and nesting they are written.
//! What they mean, the kinds know.

use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};

/// Deeper elements than any honest playlist has.
const MAX_DEPTH: usize = 32;

/// What a document consists of.
#[derive(Debug)]
pub(super) enum Part {
    /// An element begins; empty ones end at once.
    Begin {
        name: String,
        /// Its attribute `href`.
        href: Option<String>,
        /// Its attribute `value`.
        value: Option<String>,
    },
    /// Text within it.
    Text(String),
    /// An element of this name has ended.
    End(String),
}

/// The name of the first element.
pub(super) fn root(text: &str) -> Option<String> {
    let mut rest = text;
    loop {
        let (_, tag) = rest.split_once('<')?;
        rest = match tag.strip_prefix("!--") {
            Some(comment) => comment.split_once("-->")?.1,
            None if tag.starts_with(['?', '!']) => tag,
            None => {
                let end = |character: char| character.is_whitespace() || "/>".contains(character);
                let name = tag.split(end).next().unwrap_or_default();
                let local = name.rsplit(':').next().unwrap_or_default();
                return Some(local.to_ascii_lowercase());
            }
        };
    }
}

/// Tells `each` of every part, up to where the document cannot be read any more.
pub(super) fn walk(text: &str, mut each: impl FnMut(Part)) {
    let mut reader = Reader::from_str(text);
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    config.allow_unmatched_ends = true;
    config.check_end_names = false;
    let mut depth = 0_usize;
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return;
                }
                each(begin(&element));
            }
            Event::Empty(element) => {
                each(begin(&element));
                each(Part::End(name(element.local_name().as_ref())));
            }
            Event::Text(text) => each(Part::Text(text.into_inner().into_owned())),
            Event::CData(text) => each(Part::Text(text.into_inner().into_owned())),
            Event::GeneralRef(reference) => {
                each(Part::Text(plain(&format!("&{};", reference.into_inner()))));
            }
            Event::End(element) => {
                depth = depth.saturating_sub(1);
                each(Part::End(name(element.local_name().as_ref())));
            }
            // Whoever declares entities is up to something.
            Event::DocType(declaration) if declaration.contains('[') => return,
            Event::Eof => return,
            _ => {}
        }
    }
}

fn begin(element: &BytesStart<'_>) -> Part {
    let (mut href, mut value) = (None, None);
    // Attributes that are none, or come twice, are passed over.
    for attribute in element.attributes().with_checks(false).flatten() {
        let place = match name(attribute.key.local_name().as_ref()).as_str() {
            "href" => &mut href,
            "value" => &mut value,
            _ => continue,
        };
        *place = Some(plain(&attribute.value));
    }
    Part::Begin {
        name: name(element.local_name().as_ref()),
        href,
        value,
    }
}

fn name(written: &str) -> String {
    written.to_ascii_lowercase()
}

/// The text without escapes; as it stands where it was never escaped, as in most addresses with several parameters.
fn plain(text: &str) -> String {
    unescape(text).map_or_else(|_| text.to_owned(), |it| it.into_owned())
}
