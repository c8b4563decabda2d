//! What we can play, as the `protocolInfo` strings that ConnectionManager lists.
//! Not what decides whether something plays: that is found out by looking at the data.

/// One format that `media` decodes, under every name that it goes by.
struct Format {
    /// MIME types. Control points compare them as exact strings, so each spelling in the field is listed.
    mimes: &'static [&'static str],
    /// MIME types together with a DLNA media profile, which Windows and television sets ask for.
    profiles: &'static [(&'static str, &'static str)],
}

/// A format with MIME types only: DLNA has no profile for it.
const fn plain(mimes: &'static [&'static str]) -> Format {
    Format {
        mimes,
        profiles: &[],
    }
}

/// The formats that are decoded. Lossless ones first; no control point is known to mind the order.
const FORMATS: &[Format] = &[
    // FLAC
    plain(&[
        "audio/flac",
        "audio/x-flac",
        "application/flac",
        "application/x-flac",
    ]),
    // WAV
    plain(&[
        "audio/wav",
        "audio/x-wav",
        "audio/wave",
        "audio/x-wave",
        "audio/vnd.wave",
    ]),
    // Raw PCM, 16 bit, big-endian. BubbleUPnP wants the parameters spelled out.
    Format {
        mimes: &[
            "audio/L16",
            "audio/l16",
            "audio/L16;rate=44100;channels=2",
            "audio/L16;rate=44100;channels=1",
            "audio/L16;rate=48000;channels=2",
            "audio/L16;rate=48000;channels=1",
        ],
        profiles: &[
            ("audio/L16;rate=44100;channels=2", "LPCM"),
            ("audio/L16;rate=44100;channels=1", "LPCM"),
            ("audio/L16;rate=48000;channels=2", "LPCM"),
            ("audio/L16;rate=48000;channels=1", "LPCM"),
            ("audio/L16", "LPCM"),
        ],
    },
    // AIFF
    plain(&["audio/aiff", "audio/x-aiff", "audio/aif", "audio/x-aif"]),
    // ALAC, which mostly comes under the MP4 names
    plain(&["audio/alac", "audio/x-alac"]),
    // AAC in MP4
    Format {
        mimes: &["audio/mp4", "audio/m4a", "audio/x-m4a"],
        profiles: &[
            ("audio/mp4", "AAC_ISO"),
            ("audio/mp4", "AAC_ISO_192"),
            ("audio/mp4", "AAC_ISO_320"),
        ],
    },
    // AAC in ADTS
    Format {
        mimes: &[
            "audio/aac",
            "audio/x-aac",
            "audio/aacp",
            "audio/vnd.dlna.adts",
        ],
        profiles: &[
            ("audio/vnd.dlna.adts", "AAC_ADTS"),
            ("audio/vnd.dlna.adts", "AAC_ADTS_320"),
        ],
    },
    // Ogg Vorbis
    plain(&[
        "audio/ogg",
        "audio/x-ogg",
        "application/ogg",
        "audio/vorbis",
        "audio/x-vorbis",
        "audio/x-vorbis+ogg",
    ]),
    // MP3
    Format {
        mimes: &[
            "audio/mpeg",
            "audio/mp3",
            "audio/x-mpeg",
            "audio/x-mp3",
            "audio/mpeg3",
        ],
        profiles: &[("audio/mpeg", "MP3"), ("audio/mpeg", "MP3X")],
    },
];

/// The `SinkProtocolInfo`: entries of four fields, separated by commas, without blanks, escapes or wildcard MIME types
/// (Home Assistant splits blindly, the Windows logo tests want everything listed to play).
pub(super) fn sink() -> String {
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
}

fn entry(mime: &str, additional: &str) -> String {
    format!("http-get:*:{mime}:{additional}")
}
