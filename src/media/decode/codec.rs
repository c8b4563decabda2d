//! What decodes a track, and what that must be told which the container does not say.

use symphonia::core::audio::{Channels, GenericAudioBufferRef};
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::FormatReader;
use symphonia::core::formats::well_known::FORMAT_ID_ISOMP4;
use symphonia::core::packet::Packet;

use crate::media::decoder::Undecodable;

use super::aac::Config;
#[cfg(feature = "he-aac")]
use super::he_aac::HeAacDecoder;
use super::opus::{self, Header, OpusDecoder};
use super::track::{audio_parameters, audio_track};

/// More channels than any arrangement of loudspeakers has: the largest in use is 22.2.
const MOST_CHANNELS: usize = 32;
/// More frames than are in any packet: the longest are ADPCM's, which say in 16 bits how many bytes they have.
const LONGEST_PACKET: u64 = 1 << 17;

/// Makes frames of packets.
pub(super) enum Codec {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(OpusDecoder),
    #[cfg(feature = "he-aac")]
    HeAac(HeAacDecoder),
}

/// What a packet has become.
pub(super) struct Frames<'a> {
    pub(super) buffer: GenericAudioBufferRef<'a>,
    /// How many frames later than they belong they came.
    pub(super) late: usize,
}

impl Codec {
    /// For the track of `format` that is played.
    ///
    /// # Errors
    /// When nothing here decodes it.
    pub(super) fn of(format: &dyn FormatReader) -> Result<Self, Undecodable> {
        let parameters = audio_parameters(audio_track(format)?)
            .ok_or_else(|| Undecodable("it does not say how its audio is coded".to_owned()))?;
        bounded(parameters)?;
        let made = match parameters.codec {
            CODEC_ID_OPUS => opus(parameters, format),
            CODEC_ID_AAC => aac(parameters),
            _ => by_symphonia(parameters),
        };
        made.map_err(|error| {
            let container = format.format_info().long_name;
            Undecodable(format!(
                "its audio is coded in a way not known here ({container}; {error})"
            ))
        })
    }

    /// The frames of a packet that are to be heard, as far as the packet knows.
    ///
    /// # Errors
    /// Those of Symphonia.
    pub(super) fn decode(&mut self, packet: &Packet) -> Result<Frames<'_>, Error> {
        let in_place = |buffer| Frames { buffer, late: 0 };
        match self {
            Self::Symphonia(decoder) => decoder.decode(packet).map(in_place),
            Self::Opus(decoder) => decoder.decode(packet).map(in_place),
            #[cfg(feature = "he-aac")]
            Self::HeAac(decoder) => {
                decoder.decode(packet)?;
                Ok(Frames {
                    buffer: decoder.last(),
                    late: decoder.late(),
                })
            }
        }
    }

    /// What a decoder that is late hands out behind the last packet: a packet's worth, of which what was owed is to be heard. `None` where
    /// nothing is held back.
    pub(super) fn rest(&mut self) -> Option<GenericAudioBufferRef<'_>> {
        match self {
            Self::Symphonia(_) | Self::Opus(_) => None,
            #[cfg(feature = "he-aac")]
            Self::HeAac(decoder) => decoder.rest(),
        }
    }

    /// Forgets what came before: the next packet is from another place.
    pub(super) fn reset(&mut self) {
        match self {
            Self::Symphonia(decoder) => decoder.reset(),
            Self::Opus(decoder) => decoder.reset(),
            #[cfg(feature = "he-aac")]
            Self::HeAac(decoder) => decoder.reset(),
        }
    }

    /// Frames per second of what is decoded, if that is known before.
    pub(super) fn rate(&self) -> Option<u32> {
        match self {
            Self::Symphonia(decoder) => decoder.codec_params().sample_rate,
            Self::Opus(_) => Some(opus::RATE),
            #[cfg(feature = "he-aac")]
            Self::HeAac(decoder) => Some(decoder.rate()),
        }
    }
}

/// Decoders make room for what a file says of itself before they have seen any of it.
fn bounded(parameters: &AudioCodecParameters) -> Result<(), Undecodable> {
    let channels = parameters.channels.as_ref().map_or(0, Channels::count);
    let frames = parameters.max_frames_per_packet.unwrap_or(0);
    if channels > MOST_CHANNELS {
        let problem =
            format!("it says that it has {channels} channels; up to {MOST_CHANNELS} are played");
        return Err(Undecodable(problem));
    }
    if frames > LONGEST_PACKET {
        let problem = format!("it says that {frames} frames come at a time, which cannot be right");
        return Err(Undecodable(problem));
    }
    Ok(())
}

fn by_symphonia(parameters: &AudioCodecParameters) -> Result<Codec, Error> {
    symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map(Codec::Symphonia)
}

/// The header of Opus in `parameters`, which every container of it has.
pub(super) fn opus_header(
    parameters: &AudioCodecParameters,
    format: &dyn FormatReader,
) -> Option<Header> {
    let is_mp4 = format.format_info().format == FORMAT_ID_ISOMP4;
    Header::read(parameters.extra_data.as_deref()?, is_mp4)
}

fn opus(parameters: &AudioCodecParameters, format: &dyn FormatReader) -> Result<Codec, Error> {
    let header = opus_header(parameters, format)
        .ok_or(Error::DecodeError("opus: no identification header"))?;
    OpusDecoder::new(&header).map(Codec::Opus)
}

fn aac(parameters: &AudioCodecParameters) -> Result<Codec, Error> {
    let config = parameters.extra_data.as_deref().and_then(Config::read);
    #[cfg(feature = "he-aac")]
    if let Some(decoder) = HeAacDecoder::wanted(parameters, config) {
        return decoder.map(Codec::HeAac);
    }
    match config {
        Some(config) if config.is_high_efficiency => {
            let mut core = parameters.clone();
            core.with_extra_data(config.of_core().into())
                .with_sample_rate(config.rate);
            by_symphonia(&core)
        }
        _ => by_symphonia(parameters),
    }
}
