//! Opus, by libopus: Symphonia reads its containers and leaves decoding to others.
//! How much is to be left away at the beginning and the end is the container's word; nothing is counted here.

use std::fmt;

use opusic_c::SampleRate;
use opusic_c::multistream::{Config, Decoder};
use symphonia::core::audio::{
    AsGenericAudioBufferRef, AudioBuffer, AudioMut, AudioSpec, Channels, GenericAudioBufferRef,
    Position,
};
use symphonia::core::errors::{Error, Result, unsupported_error};
use symphonia::core::packet::Packet;

/// Frames per second of all Opus (RFC 7845, section 5.1).
pub(super) const RATE: u32 = 48_000;
/// The longest packet: 120 ms (RFC 6716, section 2.1.4).
const LONGEST: usize = RATE as usize * 120 / 1000;

/// What the identification header says (RFC 7845, section 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// Frames before the music.
    pub(super) pre_skip: u16,
    /// To be applied to what is decoded, in 1/256 dB.
    gain: i16,
    streams: u8,
    coupled: u8,
    /// Which decoded channel goes where, in the order of Vorbis.
    mapping: Vec<u8>,
}

impl Header {
    /// Reads it as it stands in Ogg and Matroska; in MP4 its numbers have the other byte order and it has no name of its own, for
    /// which Symphonia puts the usual one.
    pub(super) fn read(bytes: &[u8], is_mp4: bool) -> Option<Self> {
        let bytes = bytes.strip_prefix(b"OpusHead")?;
        let short = |at: usize| {
            let pair = bytes.get(at..)?.first_chunk()?;
            Some(if is_mp4 {
                u16::from_be_bytes(*pair)
            } else {
                u16::from_le_bytes(*pair)
            })
        };
        let channels = *bytes.get(1)?;
        let (streams, coupled, mapping) = match *bytes.get(10)? {
            0 if channels <= 2 => (1, channels.checked_sub(1)?, (0..channels).collect()),
            1 if (1..=8).contains(&channels) => {
                let mapping = bytes.get(13..13 + usize::from(channels))?;
                (*bytes.get(11)?, *bytes.get(12)?, mapping.to_vec())
            }
            _ => return None,
        };
        Some(Self {
            pre_skip: short(2)?,
            gain: short(8)?.cast_signed(),
            streams,
            coupled,
            mapping,
        })
    }

    fn channels(&self) -> usize {
        self.mapping.len()
    }

    /// A decoder whose channels come in the order of Symphonia.
    fn decoder(&self) -> Option<Decoder> {
        fn of<const CHANNELS: usize>(header: &Header, order: [usize; CHANNELS]) -> Option<Decoder> {
            let mapping = order.map(|channel| header.mapping[channel]);
            let there = header.streams.checked_add(header.coupled)?;
            let are_there = |index: &u8| *index == u8::MAX || *index < there;
            let config = Config::try_new(header.streams, header.coupled, mapping)
                .filter(|_| mapping.iter().all(are_there))?;
            Decoder::new(config, SampleRate::Hz48000).ok()
        }
        match self.channels() {
            1 => of(self, [0]),
            2 => of(self, [0, 1]),
            3 => of(self, [0, 2, 1]),
            4 => of(self, [0, 1, 2, 3]),
            5 => of(self, [0, 2, 1, 3, 4]),
            6 => of(self, [0, 2, 1, 5, 3, 4]),
            7 => of(self, [0, 2, 1, 6, 5, 3, 4]),
            8 => of(self, [0, 2, 1, 7, 5, 6, 3, 4]),
            _ => None,
        }
    }

    fn positions(&self) -> Position {
        let front = Position::FRONT_LEFT | Position::FRONT_RIGHT;
        let rear = Position::REAR_LEFT | Position::REAR_RIGHT;
        let side = Position::SIDE_LEFT | Position::SIDE_RIGHT;
        let centre = Position::FRONT_CENTER;
        match self.channels() {
            1 => Position::FRONT_LEFT,
            2 => front,
            3 => front | centre,
            4 => front | rear,
            5 => front | centre | rear,
            6 => front | centre | rear | Position::LFE1,
            7 => front | centre | side | Position::REAR_CENTER | Position::LFE1,
            _ => front | centre | side | rear | Position::LFE1,
        }
    }
}

/// Decodes the packets of one stream.
pub(super) struct OpusDecoder {
    decoder: Decoder,
    channels: usize,
    decoded: Vec<f32>,
    buffer: AudioBuffer<f32>,
}

impl fmt::Debug for OpusDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpusDecoder")
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}

impl OpusDecoder {
    /// # Errors
    /// When the header describes no decoder that there is.
    pub(super) fn new(header: &Header) -> Result<Self> {
        let Some(mut decoder) = header.decoder() else {
            return unsupported_error("opus: no such arrangement of channels");
        };
        // Of the decoder alone, so that a failure is no more than a wrong loudness.
        if header.gain != 0 && decoder.set_gain(header.gain.into()).is_err() {
            return unsupported_error("opus: no such gain");
        }
        let channels = Channels::Positioned(header.positions());
        Ok(Self {
            decoder,
            channels: header.channels(),
            decoded: Vec::new(),
            buffer: AudioBuffer::new(AudioSpec::new(RATE, channels), LONGEST),
        })
    }

    /// Forgets what came before: the next packet is from another place.
    pub(super) fn reset(&mut self) {
        // It fails for arguments only, and has none.
        let _ = self.decoder.reset();
    }

    /// The frames of a packet that are to be heard.
    ///
    /// # Errors
    /// When it is damaged.
    pub(super) fn decode(&mut self, packet: &Packet) -> Result<GenericAudioBufferRef<'_>> {
        self.buffer.clear();
        // To libopus an empty packet is a lost one, and as long as there is room for.
        if packet.data.is_empty() {
            return Err(Error::DecodeError("opus: an empty packet"));
        }
        self.decoded.resize(LONGEST * self.channels, 0.0);
        let frames = self
            .decoder
            .decode_float_to_slice(&packet.data, &mut self.decoded, false)
            .map_err(|_| Error::DecodeError("opus: a damaged packet"))?;
        self.buffer.render_uninit(Some(frames.min(LONGEST)));
        self.buffer
            .copy_from_slice_interleaved(&&self.decoded[..frames * self.channels]);
        let trim = |frames: u64| usize::try_from(frames).unwrap_or(usize::MAX);
        self.buffer
            .trim(trim(packet.trim_start.get()), trim(packet.trim_end.get()));
        Ok(self.buffer.as_generic_audio_buffer_ref())
    }
}
