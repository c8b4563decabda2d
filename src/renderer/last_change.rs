//! Two snapshots become one `LastChange` document: what differs, or everything.
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

    /// The `channel` attribute of variables that exist per channel; control points ignore a volume without one.
    fn channel(self, variable: &str) -> Option<&'static str> {
        match (self, variable) {
            (Self::Rendering, "Volume" | "Mute") => Some("Master"),
            _ => None,
        }
    }
}

/// The one `LastChange` property that takes a subscriber from `before` (`None`: from nothing) to `after`; no property
/// when nothing has changed.
pub(super) fn properties(
    dialect: Dialect,
    before: Option<&Snapshot>,
    after: &Snapshot,
) -> Vec<Property> {
    let changed: Vec<_> = after
        .iter()
        .filter(|entry| before.is_none_or(|before| !before.contains(entry)))
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
        // Channel and value stand side by side, channel first: AirConnect reads them by position.
        let channel = dialect
            .channel(name)
            .map_or_else(String::new, |channel| format!(" channel=\"{channel}\""));
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
