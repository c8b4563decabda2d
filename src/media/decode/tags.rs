//! What is of use in a file's tags: how loud it is, and where in it the music is. What people read of it they have from the sender.

use symphonia::core::formats::FormatReader;
use symphonia::core::meta::{MetadataRevision, RawValue, StandardTag, Tag};

use crate::audio::Loudness;
use crate::media::Said;
use crate::media::edits::{self, Edit};

/// How Symphonia names what a comment of ID3 says that it is.
const DESCRIPTION: &str = "SHORT_DESCRIPTION";

/// What was found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tags {
    pub(super) loudness: Loudness,
    /// Where the music is by iTunes' word.
    pub(super) edit: Option<Edit>,
}

impl Tags {
    /// Reads the newest of the tags that `format` has come across.
    pub(super) fn read(format: &mut dyn FormatReader) -> Self {
        let rate = super::track::audio_track(format)
            .ok()
            .and_then(|track| super::track::audio_parameters(track)?.sample_rate);
        let mut said = Said::default();
        let mut edit = None;
        let mut metadata = format.metadata();
        if let Some(revision) = metadata.skip_to_latest() {
            for tag in tags(revision) {
                note(tag, &mut said);
                if edit.is_none() && tag.raw.key.ends_with("iTunSMPB") {
                    edit = text(tag).and_then(|text| edits::itunes(text, rate?));
                }
            }
        }
        Self {
            loudness: said.loudness(),
            edit,
        }
    }
}

fn tags(revision: &MetadataRevision) -> impl Iterator<Item = &Tag> {
    let of_tracks = revision.per_track.iter().map(|track| &track.metadata.tags);
    revision.media.tags.iter().chain(of_tracks.flatten())
}

fn text(tag: &Tag) -> Option<&str> {
    string(&tag.raw.value)
}

/// What a tag is called; comments of ID3 are called what they say they are.
fn name(tag: &Tag) -> &str {
    let parts = tag.raw.sub_fields.as_deref().unwrap_or_default();
    let said = parts.iter().find(|part| part.field == DESCRIPTION);
    said.filter(|_| tag.raw.key == "COMM")
        .and_then(|part| string(&part.value))
        .unwrap_or(&tag.raw.key)
}

fn string(value: &RawValue) -> Option<&str> {
    match value {
        RawValue::String(text) => Some(text),
        _ => None,
    }
}

/// Some readers know a tag by its meaning only.
fn note(tag: &Tag, said: &mut Said) {
    match &tag.std {
        Some(StandardTag::ReplayGainTrackGain(text)) => said.note("replaygain_track_gain", text),
        Some(StandardTag::ReplayGainTrackPeak(text)) => said.note("replaygain_track_peak", text),
        Some(StandardTag::ReplayGainAlbumGain(text)) => said.note("replaygain_album_gain", text),
        Some(StandardTag::ReplayGainAlbumPeak(text)) => said.note("replaygain_album_peak", text),
        _ => {
            if let Some(text) = text(tag) {
                said.note(name(tag), text);
            }
        }
    }
}
