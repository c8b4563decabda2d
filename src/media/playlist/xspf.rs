//! XSPF: tracks, each with locations, of which the first that plays is meant.

use super::Written;
use super::xml::{Part, walk};

pub(super) fn read(text: &str) -> Vec<Written> {
    let mut written = Vec::new();
    let mut track: Option<(Written, String)> = None;
    let mut inner = String::new();
    walk(text, |part| match part {
        Part::Begin { name, .. } => {
            inner.clear();
            if name == "track" {
                track = Some(Default::default());
            }
        }
        Part::Text(text) => inner.push_str(&text),
        Part::End(name) => {
            let text = std::mem::take(&mut inner);
            let text = text.trim();
            if name == "track"
                && let Some((mut done, creator)) = track.take()
            {
                if !creator.is_empty() && !done.title.is_empty() {
                    done.title = format!("{creator} - {}", done.title);
                }
                written.push(done);
            } else if let Some((track, creator)) = &mut track {
                match name.as_str() {
                    "location" => track.addresses.push(text.to_owned()),
                    "title" => text.clone_into(&mut track.title),
                    "creator" => text.clone_into(creator),
                    // In milliseconds.
                    "duration" => track.seconds = text.parse().map_or(0.0, |it: f64| it / 1000.0),
                    _ => {}
                }
            }
        }
    });
    written
}
