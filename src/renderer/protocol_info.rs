//! What we can play, as the `protocolInfo` strings that ConnectionManager lists.
//! What that is, is in the table of `media`; here is only how it is written.

use std::sync::LazyLock;

use crate::media::FORMATS;

/// The `SinkProtocolInfo`: entries of four fields, separated by commas, without blanks, escapes or wildcard MIME types
/// (Home Assistant splits blindly, the Windows logo tests want everything listed to play).
static SINK: LazyLock<String> = LazyLock::new(|| {
    let mut entries = Vec::new();
    for format in FORMATS {
        // The plain entry comes first for each type: VLC and Kodi match no other.
        entries.extend(format.mimes.iter().map(|mime| entry(mime, "*")));
        entries.extend(
            format
                .profiles
                .iter()
                .map(|(mime, profile)| entry(mime, &format!("DLNA.ORG_PN={profile}"))),
        );
    }
    entries.join(",")
});

/// Everything that can be played.
pub(super) fn sink() -> String {
    SINK.clone()
}

fn entry(mime: &str, additional: &str) -> String {
    format!("http-get:*:{mime}:{additional}")
}
