//! DIDL-Lite metadata becomes a track: what people see, and hints for whoever fetches.
//! It is forgiving without end, because setting a URI must never fail on metadata; broken metadata is merely less of it.

mod document;
mod text;

use std::time::Duration;

use self::document::read;
use self::text::{name_of, resolve};
use super::duration;
use crate::media::{MediaRequest, Said};
use crate::zone::Track;

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
            titled: item.title.is_some(),
            loudness: item.loudness.loudness(),
            ..MediaRequest::default()
        },
        metadata: metadata.to_owned(),
        title: item.title.clone().unwrap_or_else(|| name_of(uri)),
        artist: item.artist.clone().or(item.creator),
        album: item.album.clone(),
        art: item.art.as_deref().and_then(|art| resolve(uri, art)),
        station: None,
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
    loudness: Said,
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
    /// The third field of the `protocolInfo`, unless it is a wildcard.
    fn mime(&self) -> Option<&str> {
        let mime = self.protocol_info.split(':').nth(2)?.trim();
        (!mime.is_empty() && mime != "*").then_some(mime)
    }
}
