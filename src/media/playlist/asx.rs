//! ASX: entries with references, of which the first that plays is meant, and references to other playlists.

use super::Written;
use super::xml::{Part, walk};

pub(super) fn read(text: &str) -> Vec<Written> {
    let mut written: Vec<Written> = Vec::new();
    let mut entry: Option<Written> = None;
    let mut inner = String::new();
    walk(text, |part| match part {
        Part::Begin { name, href, value } => {
            inner.clear();
            match (name.as_str(), href) {
                ("entry", _) => written.extend(entry.replace(Written::default())),
                ("ref", Some(href)) => match &mut entry {
                    Some(entry) => entry.addresses.push(href),
                    None => written.push(alone(href)),
                },
                ("entryref", Some(href)) => written.push(alone(href)),
                ("duration", _) => {
                    if let (Some(entry), Some(value)) = (&mut entry, value) {
                        entry.seconds = seconds(&value);
                    }
                }
                _ => {}
            }
        }
        Part::Text(text) => inner.push_str(&text),
        Part::End(name) => match (name.as_str(), &mut entry) {
            ("entry", _) => written.extend(entry.take()),
            ("title", Some(entry)) => inner.trim().clone_into(&mut entry.title),
            _ => {}
        },
    });
    // Many a playlist ends before its last entry does.
    written.extend(entry);
    written
}

fn alone(address: String) -> Written {
    Written {
        addresses: vec![address],
        ..Written::default()
    }
}

/// `hh:mm:ss.fract`, of which anything but the seconds may be missing.
fn seconds(time: &str) -> f64 {
    time.split(':').fold(0.0, |sum, part| {
        sum * 60.0 + part.trim().parse().unwrap_or(0.0)
    })
}
