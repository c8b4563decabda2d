//! What is decoded: one row per format, with every name that it goes by and what makes frames of it.
//! A new format begins here. Who lists the names to control points, and how, is not this module's business.

use super::wav::WAVE64;

/// A format that is decoded.
#[derive(Debug)]
pub struct Format {
    /// For people.
    pub name: &'static str,
    /// Its MIME types. Control points compare them as exact strings, so each spelling in the field is here, parameters too.
    pub mimes: &'static [&'static str],
    /// MIME types together with a DLNA media profile, which Windows and television sets ask for.
    pub profiles: &'static [(&'static str, &'static str)],
    /// Bytes that no file begins with by chance, and how far into it they are. What has none is known by its name, or by
    /// the prober of its decoder.
    signs: &'static [(usize, &'static [u8])],
    pub(super) decoding: Decoding,
}

/// What makes frames of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoding {
    /// [`decode`](super::decode), which looks at the bytes.
    Container,
    /// [`pcm`](super::pcm): nothing in the bytes tells what they are.
    Raw {
        /// Of each sample.
        bytes: usize,
    },
}

impl Format {
    /// A container without DLNA profiles.
    const fn container(
        name: &'static str,
        signs: &'static [(usize, &'static [u8])],
        mimes: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            mimes,
            profiles: &[],
            signs,
            decoding: Decoding::Container,
        }
    }

    const fn with_profiles(self, profiles: &'static [(&'static str, &'static str)]) -> Self {
        Self { profiles, ..self }
    }
}

/// How every MP4 begins: a length, and this.
const MP4: &[(usize, &[u8])] = &[(4, b"ftyp")];

/// Every format. Lossless ones first; no control point is known to mind the order.
pub const FORMATS: &[Format] = &[
    Format::container(
        "FLAC",
        &[(0, b"fLaC")],
        &[
            "audio/flac",
            "audio/x-flac",
            "application/flac",
            "application/x-flac",
        ],
    ),
    Format::container(
        "WAV",
        &[(0, b"RIFF"), (0, b"RF64"), (0, WAVE64)],
        &[
            "audio/wav",
            "audio/x-wav",
            "audio/wave",
            "audio/x-wave",
            "audio/vnd.wave",
        ],
    ),
    // Big-endian (RFC 2586). BubbleUPnP wants the parameters spelled out, others in the other order.
    Format {
        name: "L16",
        mimes: &[
            "audio/L16",
            "audio/l16",
            "audio/L16;rate=44100;channels=2",
            "audio/L16;rate=44100;channels=1",
            "audio/L16;rate=48000;channels=2",
            "audio/L16;rate=48000;channels=1",
            "audio/L16;channels=2;rate=44100",
            "audio/L16;channels=2;rate=48000",
        ],
        profiles: &[
            ("audio/L16;rate=44100;channels=2", "LPCM"),
            ("audio/L16;rate=44100;channels=1", "LPCM"),
            ("audio/L16;rate=48000;channels=2", "LPCM"),
            ("audio/L16;rate=48000;channels=1", "LPCM"),
            ("audio/L16", "LPCM"),
        ],
        signs: &[],
        decoding: Decoding::Raw { bytes: 2 },
    },
    // Big-endian too (RFC 3190); DLNA has no profile for it.
    Format {
        name: "L24",
        mimes: &[
            "audio/L24",
            "audio/l24",
            "audio/L24;rate=44100;channels=2",
            "audio/L24;rate=48000;channels=2",
            "audio/L24;rate=88200;channels=2",
            "audio/L24;rate=96000;channels=2",
            "audio/L24;rate=176400;channels=2",
            "audio/L24;rate=192000;channels=2",
        ],
        profiles: &[],
        signs: &[],
        decoding: Decoding::Raw { bytes: 3 },
    },
    Format::container(
        "AIFF",
        &[(0, b"FORM")],
        &[
            "audio/aiff",
            "audio/x-aiff",
            "audio/aif",
            "audio/x-aif",
            "audio/aifc",
            "audio/x-aifc",
        ],
    ),
    Format::container("CAF", &[(0, b"caff")], &["audio/x-caf"]),
    // It mostly comes under the names of MP4.
    Format::container("ALAC", MP4, &["audio/alac", "audio/x-alac"]),
    // Of HE-AAC everybody hears the core at least, but the HE profiles promise the whole.
    Format::container(
        "AAC in MP4",
        MP4,
        &["audio/mp4", "audio/m4a", "audio/x-m4a"],
    )
    .with_profiles(&[
        ("audio/mp4", "AAC_ISO"),
        ("audio/mp4", "AAC_ISO_192"),
        ("audio/mp4", "AAC_ISO_320"),
    ]),
    Format::container(
        "AAC in ADTS",
        &[],
        &[
            "audio/aac",
            "audio/x-aac",
            "audio/aacp",
            "audio/vnd.dlna.adts",
        ],
    )
    .with_profiles(&[
        ("audio/vnd.dlna.adts", "AAC_ADTS"),
        ("audio/vnd.dlna.adts", "AAC_ADTS_320"),
    ]),
    Format::container(
        "Ogg Vorbis",
        &[(0, b"OggS")],
        &[
            "audio/ogg",
            "audio/x-ogg",
            "application/ogg",
            "audio/vorbis",
            "audio/x-vorbis",
            "audio/x-vorbis+ogg",
        ],
    ),
    // It comes under the names of Ogg and WebM, too.
    Format::container(
        "Opus",
        &[],
        &["audio/opus", "audio/x-opus", "audio/x-opus+ogg"],
    ),
    Format::container(
        "Matroska",
        &[(0, b"\x1a\x45\xdf\xa3")],
        &["audio/x-matroska", "audio/matroska", "audio/webm"],
    ),
    Format::container("MP2", &[], &["audio/mp2", "audio/x-mp2"]),
    // With a tag at its beginning; without one its frames are found by the prober.
    Format::container(
        "MP3",
        &[(0, b"ID3")],
        &[
            "audio/mpeg",
            "audio/mp3",
            "audio/x-mpeg",
            "audio/x-mp3",
            "audio/mpeg3",
        ],
    )
    .with_profiles(&[("audio/mpeg", "MP3"), ("audio/mpeg", "MP3X")]),
];

/// The format of a file that begins with `head`, where that leaves no doubt.
pub(super) fn by_sign(head: &[u8]) -> Option<&'static Format> {
    let begins = |(at, sign): &(usize, &[u8])| head.get(*at..*at + sign.len()) == Some(*sign);
    FORMATS
        .iter()
        .find(|format| format.signs.iter().any(begins))
}

/// The format of this MIME type, whatever its case and parameters.
pub(super) fn by_mime(mime: &str) -> Option<&'static Format> {
    let essence = essence(mime);
    let same = |known: &&str| self::essence(known).eq_ignore_ascii_case(essence);
    FORMATS.iter().find(|format| format.mimes.iter().any(same))
}

/// A MIME type without its parameters.
pub(super) fn essence(mime: &str) -> &str {
    mime.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_beginning_or_by_its_name() {
        let sign = |head: &[u8]| by_sign(head).map(|format| format.name);
        assert_eq!(sign(b"fLaC\0\0\0\x22"), Some("FLAC"));
        assert_eq!(sign(b"RF64\xff\xff\xff\xffWAVE"), Some("WAV"));
        assert_eq!(sign(b"\0\0\0\x20ftypM4A "), Some("ALAC"));
        assert_eq!(sign(b"riff\x2e\x91\xcf\x11\xa5\xd6"), Some("WAV"));
        assert_eq!(sign(b"caff\0\x01\0\0desc"), Some("CAF"));
        assert_eq!(sign(b"\x1a\x45\xdf\xa3\xa3"), Some("Matroska"));
        assert_eq!(sign(b"\xff\xfb\x90\0"), None);
        assert_eq!(sign(b"fL"), None);
        let mime = |mime: &str| by_mime(mime).map(|format| format.name);
        assert_eq!(mime("Audio/l24 ; rate=96000"), Some("L24"));
        assert_eq!(mime("audio/x-wav"), Some("WAV"));
        assert_eq!(mime("audio/*"), None);
        assert_eq!(mime(""), None);
    }

    #[test]
    fn a_profile_belongs_to_a_mime_type_of_its_row() {
        for format in FORMATS {
            for (mime, profile) in format.profiles {
                assert!(format.mimes.contains(mime), "{profile} of {}", format.name);
            }
        }
    }
}
