//! The web page that people find by mDNS or by an app's "device page": which zones there are and what they do.
//! It commands nothing.

use std::fmt::Write as _;

use axum::Router;
use axum::response::Html;
use axum::routing::get;

use crate::zone::{TransportState, ZoneHandle};

/// The page at `/`, over these zones.
pub(super) fn router(zones: Vec<(String, ZoneHandle)>) -> Router {
    let page = move || {
        let html = page(&zones);
        async move { Html(html) }
    };
    Router::new().route("/", get(page))
}

fn page(zones: &[(String, ZoneHandle)]) -> String {
    let mut html = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Unisono</title>\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <style>body{font:16px sans-serif;max-width:40em;margin:2em auto;padding:0 1em}</style></head><body>\n\
         <h1>Unisono</h1>\n<p>In your app's list of players, choose one of these:</p>\n<ul>\n",
    );
    for (name, zone) in zones {
        let state = zone.state();
        let title = state
            .track
            .as_ref()
            .map(|track| escaped(&track.title))
            .unwrap_or_default();
        let doing = match state.transport {
            TransportState::NoMedia => "waiting for a cast".to_owned(),
            TransportState::Stopped => format!("stopped: {title}"),
            TransportState::Transitioning => format!("loading {title}"),
            TransportState::Playing => format!("playing {title}"),
            TransportState::Paused => format!("paused: {title}"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(html, "<li><b>{}</b> – {doing}</li>", escaped(name));
    }
    html.push_str("</ul>\n</body></html>\n");
    html
}

fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zone::{Track, ZoneState};
    use std::sync::Arc;

    #[test]
    fn names_and_titles_cannot_break_the_page() {
        let state = ZoneState {
            transport: TransportState::Playing,
            track: Some(Arc::new(Track {
                title: "<script>alert(1)</script>".to_owned(),
                ..Track::default()
            })),
            ..ZoneState::default()
        };
        let (zone, _inbox) = ZoneHandle::pair(state);
        let html = page(&[("Tom & \"J\"".to_owned(), zone)]);
        assert!(
            html.contains("Tom &amp; &quot;J&quot;</b> – playing &lt;script&gt;"),
            "{html}"
        );
        assert!(!html.contains("<script>"));
    }
}
