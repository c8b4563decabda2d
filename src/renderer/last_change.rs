//! Two snapshots become one `LastChange` document: what differs, or everything. A snapshot's name may have a channel behind
//! it: `Volume LF`.
//! When it is sent, and to whom, is the event machinery's business.

use std::fmt::Write;

use crate::upnp::{Property, Snapshot};

/// The two dialects of `LastChange`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// AVTransport
    Transport,
    /// RenderingControl
    Rendering,
}

impl Dialect {
    fn namespace(self) -> &'static str {
        match self {
            Self::Transport => "urn:schemas-upnp-org:metadata-1-0/AVT/",
            Self::Rendering => "urn:schemas-upnp-org:metadata-1-0/RCS/",
        }
    }
}

/// What belongs to the current track. Told whole when the track changes, whether or not each value does: two tracks of one
/// length, or without metadata, are two tracks all the same, and control points wait for these.
const OF_THE_TRACK: [&str; 9] = [
    "AVTransportURI",
    "AVTransportURIMetaData",
    "CurrentTrackURI",
    "CurrentTrackMetaData",
    "CurrentTrackDuration",
    "CurrentMediaDuration",
    "NextAVTransportURI",
    "NextAVTransportURIMetaData",
    "CurrentTransportActions",
];

/// Whether another track is the current one: another URI, or the next one has had its turn. (One that is taken away and
/// is the same as the current one looks like that; then what is told is true, if not news.)
fn is_another_track(before: &Snapshot, after: &Snapshot) -> bool {
    let value = |of: &Snapshot, name: &str| {
        let found = of.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let (was, is) = (
        value(before, "AVTransportURI"),
        value(after, "AVTransportURI"),
    );
    let next = value(before, "NextAVTransportURI");
    let next_is_over = value(after, "NextAVTransportURI").is_empty();
    was != is || (!next.is_empty() && next == is && next_is_over)
}

/// The one `LastChange` property that takes a subscriber from `before` (`None`: from nothing) to `after`; no property
/// when nothing has changed.
pub(super) fn properties(
    dialect: Dialect,
    before: Option<&Snapshot>,
    after: &Snapshot,
) -> Vec<Property> {
    let another_track = dialect == Dialect::Transport
        && before.is_some_and(|before| is_another_track(before, after));
    let changed: Vec<_> = after
        .iter()
        .filter(|entry| {
            before.is_none_or(|before| !before.contains(entry))
                || (another_track && OF_THE_TRACK.contains(&entry.0))
        })
        .collect();
    if changed.is_empty() {
        return Vec::new();
    }
    // No XML declaration: foobar2000 chokes on one inside a property.
    let mut document = format!(
        "<Event xmlns=\"{}\"><InstanceID val=\"0\">",
        dialect.namespace()
    );
    for (name, value) in changed {
        // A variable that exists per channel has its channel behind its name. Channel and value stand side by side, channel
        // first: AirConnect reads them by position, and without a channel others ignore them.
        let (name, channel) = match name.split_once(' ') {
            Some((name, channel)) => (name, format!(" channel=\"{channel}\"")),
            None => (*name, String::new()),
        };
        // Writing to a String cannot fail.
        let _ = write!(
            document,
            "<{name}{channel} val=\"{}\"/>",
            attribute_value(value)
        );
    }
    document.push_str("</InstanceID></Event>");
    vec![("LastChange", document)]
}

/// `text` as the value of an attribute: an XML reader gives it back unchanged, line breaks and tabs too. Characters
/// that XML 1.0 cannot carry at all are left out.
fn attribute_value(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            '\t' => escaped.push_str("&#9;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => escaped.push(character),
        }
    }
    escaped
}
