//! What we say about the current track: the sender's own words if others can read them, else ours.
//! The metadata of a *URI* is always returned as it came; this is about `CurrentTrackMetaData` only.

use std::fmt::Write;

use quick_xml::NsReader;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{NamespaceResolver, ResolveResult};

use crate::upnp::xml::{escape, is_xml};
use crate::zone::Track;

/// The sender's metadata where it is well-formed DIDL-Lite, otherwise a document of our own; and that of a radio station, once it has
/// told what it plays.
pub(super) fn shown(track: &Track) -> String {
    if track.station.is_none() && is_well_formed(&track.metadata) {
        track.metadata.clone()
    } else {
        minimal_didl(track)
    }
}

/// A DIDL-Lite document with what is known about `track`.
pub fn minimal_didl(track: &Track) -> String {
    let mut document = String::from(
        "<DIDL-Lite xmlns=\"urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
         xmlns:upnp=\"urn:schemas-upnp-org:metadata-1-0/upnp/\">\
         <item id=\"0\" parentID=\"-1\" restricted=\"1\">",
    );
    let mut element = |name: &str, text: &str| {
        // Writing to a String cannot fail.
        let _ = write!(document, "<{name}>{}</{name}>", escape(text));
    };
    element("dc:title", &track.title);
    if let Some(station) = &track.station {
        element("upnp:class", "object.item.audioItem.audioBroadcast");
        element("upnp:channelName", &station.title);
    } else {
        element("upnp:class", "object.item.audioItem.musicTrack");
    }
    for (name, text) in [
        ("upnp:artist", &track.artist),
        ("upnp:album", &track.album),
        ("upnp:albumArtURI", &track.art),
    ] {
        if let Some(text) = text {
            element(name, text);
        }
    }
    let mime = track.request.mime.as_deref().unwrap_or("*");
    let _ = write!(
        document,
        "<res protocolInfo=\"http-get:*:{}:*\">{}</res></item></DIDL-Lite>",
        escape(mime),
        escape(&track.request.uri)
    );
    document
}

/// A DIDL-Lite document about an input of this machine: a broadcast, which has no end, at an address that only this program knows.
pub fn live_didl(title: &str, uri: &str) -> String {
    format!(
        "<DIDL-Lite xmlns=\"urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" \
         xmlns:upnp=\"urn:schemas-upnp-org:metadata-1-0/upnp/\">\
         <item id=\"0\" parentID=\"-1\" restricted=\"1\"><dc:title>{}</dc:title>\
         <upnp:class>object.item.audioItem.audioBroadcast</upnp:class>\
         <res protocolInfo=\"internal:*:*:*\">{}</res></item></DIDL-Lite>",
        escape(title),
        escape(uri)
    )
}

/// Whether a strict, namespace-aware reader would take `metadata` for DIDL-Lite.
fn is_well_formed(metadata: &str) -> bool {
    if !metadata.chars().all(is_xml) {
        return false;
    }
    let mut reader = NsReader::from_str(metadata.trim());
    let mut depth = 0_usize;
    let mut roots = 0;
    loop {
        let Ok(event) = reader.read_event() else {
            return false;
        };
        let fine = match &event {
            Event::Start(element) | Event::Empty(element) => {
                if depth == 0 {
                    roots += 1;
                }
                (depth > 0 || element.local_name().as_ref() == "DIDL-Lite")
                    && names_and_values_are_sound(reader.resolver(), element)
            }
            Event::GeneralRef(reference) => {
                is_readable(&format!("&{};", reference.borrow().into_inner()))
            }
            Event::DocType(_) => false,
            Event::Eof => return depth == 0 && roots == 1,
            _ => true,
        };
        if !fine {
            return false;
        }
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
}

fn names_and_values_are_sound(resolver: &NamespaceResolver, element: &BytesStart<'_>) -> bool {
    let bound = |result: ResolveResult<'_>| !matches!(result, ResolveResult::Unknown(_));
    bound(resolver.resolve_element(element.name()).0)
        && element.attributes().all(|attribute| {
            attribute.is_ok_and(|attribute| {
                bound(resolver.resolve_attribute(attribute.key).0) && is_readable(&attribute.value)
            })
        })
}

/// Whether each reference in `text` is to something that XML has.
fn is_readable(text: &str) -> bool {
    unescape(text).is_ok_and(|plain| plain.chars().all(is_xml))
}
