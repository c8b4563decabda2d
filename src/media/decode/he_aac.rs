//! HE-AAC in its full bandwidth, and AAC of more than two channels, by Fraunhofer's decoder: the feature `he-aac`.
//! AAC-LC of one or two channels is Symphonia's, whose samples are not rounded to 16 bits.

use std::fmt;

use fdk_aac::dec::{Decoder, DecoderError, Transport};
use symphonia::core::audio::{
    AsGenericAudioBufferRef, AudioBuffer, AudioMut, AudioSpec, Channels, GenericAudioBufferRef,
};
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::errors::{Error, Result, unsupported_error};
use symphonia::core::packet::Packet;

use super::aac::Config;

/// A packet has 1024 frames per channel, twice as many with SBR; the decoder wants room for its largest configuration.
const LARGEST: usize = 8 * 4096;
/// What is coded at this rate or below may have SBR that nobody speaks of: the whole then has twice the rate.
const HALF_OF_A_RATE: u32 = 24_000;

/// Decodes the packets of one stream.
pub(super) struct HeAacDecoder {
    config: Vec<u8>,
    rate: u32,
    decoder: Decoder,
    decoded: Vec<i16>,
    buffer: AudioBuffer<i16>,
    late: usize,
    /// The last packet.
    packet: Vec<u8>,
}

impl fmt::Debug for HeAacDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeAacDecoder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl HeAacDecoder {
    /// A decoder for a track that Symphonia would play in part, or not at all; `None` for any other. `config` is what its configuration
    /// says, if it has one.
    pub(super) fn wanted(
        parameters: &AudioCodecParameters,
        config: Option<Config>,
    ) -> Option<Result<Self>> {
        let plain = || {
            let channels = parameters.channels.as_ref()?.count();
            Some(Config {
                rate: parameters.sample_rate?,
                // The number of an arrangement of eight channels is 7.
                channels: u8::try_from(channels).ok()?.min(7),
                is_high_efficiency: false,
            })
        };
        let config = config.or_else(plain)?;
        let is_for_it = config.is_high_efficiency
            || config.rate <= HALF_OF_A_RATE
            || !(1..=2).contains(&config.channels);
        let bytes = match &parameters.extra_data {
            Some(bytes) => bytes.to_vec(),
            None => config.of_core(),
        };
        is_for_it.then(|| Self::new(bytes, config.rate))
    }

    fn new(config: Vec<u8>, rate: u32) -> Result<Self> {
        Ok(Self {
            decoder: configured(&config)?,
            config,
            rate,
            decoded: vec![0; LARGEST],
            buffer: AudioBuffer::new(AudioSpec::new(HALF_OF_A_RATE, Channels::Discrete(1)), 0),
            late: 0,
            packet: Vec::new(),
        })
    }

    /// Forgets what came before: the next packet is from another place.
    pub(super) fn reset(&mut self) {
        // The same has succeeded before.
        if let Ok(decoder) = configured(&self.config) {
            self.decoder = decoder;
        }
    }

    /// Frames per second of the AAC-LC in it.
    pub(super) fn rate(&self) -> u32 {
        self.rate
    }

    /// How many frames later than they belong the last frames came.
    pub(super) fn late(&self) -> usize {
        self.late
    }

    /// The frames of a packet.
    ///
    /// # Errors
    /// When it is damaged.
    pub(super) fn decode(&mut self, packet: &Packet) -> Result<()> {
        self.packet.clear();
        self.packet.extend_from_slice(&packet.data);
        self.decode_packet()
    }

    /// What the decoder holds back, and more behind it: it hands that out with whatever comes next, and the last packet is as good as any.
    /// `None` when that does not decode.
    pub(super) fn rest(&mut self) -> Option<GenericAudioBufferRef<'_>> {
        self.decode_packet().ok()?;
        Some(self.last())
    }

    fn decode_packet(&mut self) -> Result<()> {
        self.buffer.clear();
        self.decoder.fill(&self.packet).map_err(damaged)?;
        self.decoder
            .decode_frame(&mut self.decoded)
            .map_err(damaged)?;
        let info = self.decoder.stream_info();
        let number = |value: i32| usize::try_from(value).unwrap_or(0);
        let (channels, frames) = (number(info.numChannels), number(info.frameSize));
        let decoded = self.decoded.get(..channels * frames);
        let Some(decoded) = decoded.filter(|decoded| !decoded.is_empty()) else {
            return Err(Error::DecodeError("aac: a packet of no size there is"));
        };
        let spec = AudioSpec::new(
            info.sampleRate.unsigned_abs(),
            Channels::Discrete(channels as u16),
        );
        self.late = info.outputDelay as usize;
        // Its channels come in the order of WAVE, unless it is told otherwise.
        let mut buffer = AudioBuffer::new(spec, frames);
        buffer.render_uninit(Some(frames));
        buffer.copy_from_slice_interleaved(&decoded);
        self.buffer = buffer;
        Ok(())
    }

    /// The frames of the last packet.
    pub(super) fn last(&self) -> GenericAudioBufferRef<'_> {
        self.buffer.as_generic_audio_buffer_ref()
    }
}

fn configured(config: &[u8]) -> Result<Decoder> {
    let mut decoder = Decoder::new(Transport::Raw);
    match decoder.config_raw(config) {
        Ok(()) => Ok(decoder),
        Err(_) => unsupported_error("aac: no such configuration"),
    }
}

fn damaged(error: DecoderError) -> Error {
    Error::DecodeError(error.message())
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;
    use std::io::Cursor;

    use symphonia::core::formats::FormatOptions;
    use symphonia::core::formats::probe::Hint;
    use symphonia::core::io::MediaSourceStream;
    use symphonia::core::meta::MetadataOptions;

    use super::super::codec::Codec;

    /// The rate, and the left channel of a file.
    fn decoded(file: &'static [u8]) -> (u32, Vec<f64>) {
        let stream = MediaSourceStream::new(Box::new(Cursor::new(file)), Default::default());
        let mut format = symphonia::default::get_probe()
            .probe(
                &Hint::new(),
                stream,
                FormatOptions::default(),
                MetadataOptions::default(),
            )
            .unwrap();
        let mut codec = Codec::of(&*format).unwrap();
        let (mut rate, mut left, mut frames) = (0, Vec::new(), Vec::<f32>::new());
        while let Some(packet) = format.next_packet().unwrap_or_default() {
            let Ok(decoded) = codec.decode(&packet) else {
                continue;
            };
            rate = decoded.buffer.spec().rate();
            let channels = decoded.buffer.spec().channels().count();
            decoded.buffer.copy_to_vec_interleaved(&mut frames);
            left.extend(frames.iter().step_by(channels).map(|it| f64::from(*it)));
        }
        (rate, left)
    }

    fn strength(samples: &[f64], rate: u32, hertz: f64) -> f64 {
        let (mut along, mut across) = (0.0, 0.0);
        for (number, sample) in samples.iter().enumerate() {
            let window = 1.0 - (TAU * number as f64 / samples.len() as f64).cos();
            let angle = TAU * hertz * number as f64 / f64::from(rate);
            along += window * sample * angle.sin();
            across += window * sample * angle.cos();
        }
        along.hypot(across) * 2.0 / samples.len() as f64
    }

    /// 440 Hz, and 14 kHz, which the core does not hold; `tests/suite/media/high_efficiency.rs` hears the rest.
    #[test]
    fn what_the_core_leaves_out_is_heard_too() {
        let files: [&[u8]; 4] = [
            include_bytes!("../../../tests/fixtures/media/he.aac"),
            include_bytes!("../../../tests/fixtures/media/he.m4a"),
            include_bytes!("../../../tests/fixtures/media/he-implied.m4a"),
            include_bytes!("../../../tests/fixtures/media/he-v2.aac"),
        ];
        for (number, file) in files.into_iter().enumerate() {
            let (rate, left) = decoded(file);
            assert_eq!(rate, 44_100, "{number}");
            let middle = &left[22_050..44_100];
            let low = strength(middle, rate, 440.0);
            assert!((low / 0.4 - 1.0).abs() < 0.15, "{number}: {low}");
            let high: f64 = (11_500..16_000)
                .step_by(4)
                .map(|hertz| strength(middle, rate, f64::from(hertz)).powi(2))
                .sum::<f64>()
                .sqrt();
            assert!(high > 0.02, "{number}: {high} above the core");
        }
    }
}
