//! Raw PCM as DLNA senders stream it: `audio/L16` and `audio/L24`, big-endian, interleaved (RFC 2586, RFC 3190).
//! Nothing in the bytes tells the layout, so it comes from what is said about them.

use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use crate::audio::{Downmix, Speaker, StreamFormat};

use super::buffer::{ByteReader, Description};
use super::decoder::{Decoded, Decoder, Reached, Undecodable};
use super::formats::{self, Decoding};
use super::{Chunk, MediaInfo, MediaRequest};

/// What the RFCs leave open and CDs have settled.
const USUAL: StreamFormat = StreamFormat {
    rate: 44_100,
    channels: 2,
};
/// No one streams faster; anything above is a mistake.
const FASTEST: u32 = 768_000;
/// 24 channels is more than any recording has (22.2 sound).
const MOST_CHANNELS: u16 = 24;
/// Frames decoded at a time: 23 ms of CD sound.
const CHUNK: usize = 1024;

/// How raw PCM is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    bytes_per_sample: usize,
    format: StreamFormat,
}

impl Layout {
    /// The layout, when the server or the sender says that this is raw PCM. The server knows best what it sends; what it
    /// leaves open is taken from the sender's MIME type, then from the sender's other words, then from custom.
    pub(super) fn stated(content_type: Option<&str>, request: &MediaRequest) -> Option<Self> {
        let served = content_type.map(Mime::parse);
        let sent = request.mime.as_deref().map(Mime::parse);
        let bytes_per_sample = match (served, sent) {
            (Some(served), _) if served.bytes_per_sample.is_some() => served.bytes_per_sample?,
            // A server that names another kind of audio is believed over the sender.
            (Some(served), _) if served.is_audio => return None,
            (_, sent) => sent?.bytes_per_sample?,
        };
        let either = |of: fn(&Mime) -> Option<u32>| {
            let of = |mime: &Option<Mime>| mime.as_ref().and_then(of);
            of(&served).or(of(&sent))
        };
        let rate = either(|mime| mime.rate).or(request.pcm_rate);
        let channels = either(|mime| mime.channels)
            .and_then(|channels| u16::try_from(channels).ok())
            .or(request.pcm_channels);
        Some(Self {
            bytes_per_sample,
            format: StreamFormat {
                rate: rate
                    .filter(|rate| (1..=FASTEST).contains(rate))
                    .unwrap_or(USUAL.rate),
                channels: channels
                    .filter(|channels| (1..=MOST_CHANNELS).contains(channels))
                    .unwrap_or(USUAL.channels),
            },
        })
    }

    fn frame_bytes(self) -> usize {
        self.bytes_per_sample * usize::from(self.format.channels)
    }
}

/// The part of a MIME type that concerns PCM.
#[derive(Debug, Clone, Copy, Default)]
struct Mime {
    is_audio: bool,
    bytes_per_sample: Option<usize>,
    rate: Option<u32>,
    channels: Option<u32>,
}

impl Mime {
    /// Reads `audio/L16;rate=44100;channels=2` in any case and order, with spaces or quotes.
    fn parse(text: &str) -> Self {
        let essence = formats::essence(text).to_ascii_lowercase();
        let mut mime = Self {
            is_audio: essence.starts_with("audio/"),
            bytes_per_sample: match formats::by_mime(&essence).map(|format| format.decoding) {
                Some(Decoding::Raw { bytes }) => Some(bytes),
                Some(Decoding::Container) | None => None,
            },
            ..Self::default()
        };
        let parameters = text.split(';').skip(1);
        for (name, value) in parameters.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"').trim().parse().ok();
            match name.trim().to_ascii_lowercase().as_str() {
                "rate" => mime.rate = value,
                "channels" => mime.channels = value,
                _ => {}
            }
        }
        mime
    }
}

/// Decodes raw PCM.
pub(super) struct PcmDecoder {
    reader: ByteReader,
    layout: Layout,
    mix: Downmix,
    info: MediaInfo,
    next_frame: u64,
    bytes: Vec<u8>,
}

impl PcmDecoder {
    pub(super) fn new(reader: ByteReader, description: &Description, layout: Layout) -> Self {
        let frames = description
            .length
            .map(|length| length / layout.frame_bytes() as u64);
        let mix = Downmix::new(&Speaker::usual(layout.format.channels));
        Self {
            reader,
            layout,
            info: MediaInfo {
                format: StreamFormat {
                    channels: mix.channels(),
                    ..layout.format
                },
                duration: frames.map(|frames| {
                    Duration::from_secs_f64(frames as f64 / f64::from(layout.format.rate))
                }),
                seekable: description.ranges,
            },
            mix,
            next_frame: 0,
            bytes: Vec::new(),
        }
    }

    /// Reads what has arrived, at least one frame; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        let frame = self.layout.frame_bytes();
        self.bytes.resize(frame * CHUNK, 0);
        let mut filled = 0;
        while filled < frame {
            let count = self.reader.read(&mut self.bytes[filled..])?;
            if count == 0 {
                // A frame begun and never finished is none.
                filled = 0;
                break;
            }
            filled += count;
        }
        let ragged = filled % frame;
        if ragged > 0 {
            // The frame begun is read again with its rest.
            self.reader.seek(SeekFrom::Current(-(ragged as i64)))?;
        }
        self.bytes.truncate(filled - ragged);
        Ok(filled > 0)
    }
}

impl Decoder for PcmDecoder {
    fn info(&self) -> MediaInfo {
        self.info
    }

    fn decode(&mut self) -> Result<Option<Decoded>, Undecodable> {
        if !self.fill()? {
            return Ok(None);
        }
        let mut samples: Vec<f32> = match self.layout.bytes_per_sample {
            2 => self
                .bytes
                .chunks_exact(2)
                .map(|b| f32::from(i16::from_be_bytes([b[0], b[1]])) / 32_768.0)
                .collect(),
            _ => self
                .bytes
                .chunks_exact(3)
                .map(|b| (i32::from_be_bytes([b[0], b[1], b[2], 0]) >> 8) as f32 / 8_388_608.0)
                .collect(),
        };
        let at = self.next_frame;
        self.next_frame += self.layout.format.frames(samples.len()) as u64;
        self.mix.apply(&mut samples);
        Ok(Some(Decoded {
            at,
            chunk: Chunk {
                format: self.info.format,
                samples,
            },
        }))
    }

    fn seek(&mut self, to: u64) -> Result<Reached, Undecodable> {
        let place = to.saturating_mul(self.layout.frame_bytes() as u64);
        if self.reader.length().is_some_and(|length| place >= length) {
            return Ok(Reached::End);
        }
        self.reader.seek(SeekFrom::Start(place))?;
        self.next_frame = to;
        Ok(Reached::Place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_taken_from_who_knows_best() {
        let check =
            |served: Option<&str>, request: &MediaRequest, expected: Option<(usize, u32, u16)>| {
                let layout = Layout::stated(served, request)
                    .map(|l| (l.bytes_per_sample, l.format.rate, l.format.channels));
                assert_eq!(layout, expected, "{served:?} {request:?}");
            };
        let nothing = MediaRequest::default();
        let sent = |mime: &str| MediaRequest {
            mime: Some(mime.to_owned()),
            pcm_rate: Some(32_000),
            pcm_channels: Some(1),
            ..MediaRequest::default()
        };
        check(None, &nothing, None);
        check(Some("audio/L16"), &nothing, Some((2, 44_100, 2)));
        check(
            Some("Audio/l16; Channels=\"1\" ;RATE= 48000"),
            &nothing,
            Some((2, 48_000, 1)),
        );
        check(
            Some("audio/L24;rate=96000"),
            &sent("audio/L16;rate=8000;channels=6"),
            Some((3, 96_000, 6)),
        );
        check(
            Some("application/octet-stream"),
            &sent("audio/L16"),
            Some((2, 32_000, 1)),
        );
        check(None, &sent("audio/L16;rate=22050"), Some((2, 22_050, 1)));
        check(Some("audio/mpeg"), &sent("audio/L16"), None);
        check(
            Some("audio/L16;rate=0;channels=99"),
            &nothing,
            Some((2, 44_100, 2)),
        );
        check(
            Some("audio/L16;rate=fast"),
            &sent("audio/mpeg"),
            Some((2, 32_000, 1)),
        );
        check(Some(";;=;"), &nothing, None);
    }
}
