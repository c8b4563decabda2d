//! The track that is played: which it is, and the arithmetic between the container's clock and frames.
//! It reads nothing and decodes nothing.

use std::time::Duration;

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::formats::well_known::FORMAT_ID_ISOMP4;
use symphonia::core::formats::{FormatReader, Track, TrackType};
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

use crate::audio::StreamFormat;
use crate::media::Chunk;
use crate::media::decoder::{Decoded, Undecodable};
use crate::media::edits::Edit;

/// The track that is played, and its arithmetic. Its clock ticks in the container's units; the program counts frames.
pub(super) struct Selected {
    pub(super) id: u32,
    pub(super) rate: u32,
    time_base: TimeBase,
    /// The tick of frame 0; what comes before it is not music.
    pub(super) zero: i64,
    /// The earliest tick that can be sought.
    pub(super) start: i64,
    /// How many frames there are, if the container knows.
    pub(super) length: Option<u64>,
    /// The container says how much of a packet is to be heard, and the decoder does not know.
    trims_by_duration: bool,
}

impl Selected {
    pub(super) fn of(format: &dyn FormatReader, edit: Option<Edit>) -> Result<Self, Undecodable> {
        let track = audio_track(format)?;
        let rate = audio_parameters(track).and_then(|parameters| parameters.sample_rate);
        let (Some(rate), Some(time_base)) = (rate.filter(|rate| *rate > 0), track.time_base) else {
            return Err(Undecodable("it does not say its sample rate".to_owned()));
        };
        let mut selected = Self {
            id: track.id,
            rate,
            time_base,
            zero: 0,
            start: track.start_ts.get(),
            length: None,
            trims_by_duration: format.format_info().format == FORMAT_ID_ISOMP4,
        };
        if let Some(Edit { start, timescale }) = edit {
            let frames = u128::from(start) * u128::from(rate) / u128::from(timescale);
            selected.zero = selected.tick(u64::try_from(frames).unwrap_or(0));
        }
        let duration = track
            .duration
            .and_then(|duration| i64::try_from(duration.get()).ok());
        selected.length = duration
            .and_then(|ticks| u64::try_from(selected.frame(ticks)).ok())
            .filter(|frames| *frames > 0);
        Ok(selected)
    }

    /// The frame heard at `tick`; negative before the music.
    fn frame(&self, tick: i64) -> i64 {
        let (numerator, denominator) = self.ticks_to_frames();
        let ticks = i128::from(tick) - i128::from(self.zero);
        let frames = (ticks * numerator + denominator / 2).div_euclid(denominator);
        i64::try_from(frames).unwrap_or(i64::MAX)
    }

    /// The tick at which `frame` is heard, or the one before it.
    pub(super) fn tick(&self, frame: u64) -> i64 {
        let (numerator, denominator) = self.ticks_to_frames();
        let ticks = i128::from(frame) * denominator / numerator + i128::from(self.zero);
        i64::try_from(ticks).unwrap_or(i64::MAX)
    }

    /// Frames per tick as a fraction.
    fn ticks_to_frames(&self) -> (i128, i128) {
        let TimeBase { numer, denom } = self.time_base;
        let frames_per_numerator = i128::from(numer.get()) * i128::from(self.rate);
        (frames_per_numerator, i128::from(denom.get()))
    }

    pub(super) fn duration(&self) -> Option<Duration> {
        let seconds = self.length? as f64 / f64::from(self.rate);
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// The frames of `buffer`, decoded from `packet`, that are music, and where they belong.
    pub(super) fn place(
        &self,
        packet: &Packet,
        buffer: &GenericAudioBufferRef<'_>,
    ) -> Option<Decoded> {
        let format = StreamFormat {
            rate: buffer.spec().rate(),
            channels: u16::try_from(buffer.spec().channels().count()).ok()?,
        };
        let ticks = |duration: symphonia::core::units::Duration| {
            i64::try_from(duration.get()).unwrap_or(i64::MAX)
        };
        // The decoder has trimmed the packet already where it knows how.
        let start = self.frame(packet.pts.get().saturating_add(ticks(packet.trim_start)));
        let mut frames = buffer.frames();
        if self.trims_by_duration && !packet.dur.is_zero() {
            let heard = self.frame(ticks(packet.dur).saturating_add(self.zero));
            frames = frames.min(usize::try_from(heard).unwrap_or(frames));
        }
        let before = usize::try_from(start.saturating_neg())
            .unwrap_or(0)
            .min(frames);
        if before == frames {
            return None;
        }
        let mut samples = Vec::new();
        buffer.copy_to_vec_interleaved(&mut samples);
        samples.truncate(format.samples(frames));
        samples.drain(..format.samples(before));
        Some(Decoded {
            at: u64::try_from(start).unwrap_or(0),
            chunk: Chunk { format, samples },
        })
    }
}

pub(super) fn audio_track(format: &dyn FormatReader) -> Result<&Track, Undecodable> {
    format
        .default_track(TrackType::Audio)
        .ok_or_else(|| Undecodable("there is no audio in it".to_owned()))
}

pub(super) fn audio_parameters(track: &Track) -> Option<&AudioCodecParameters> {
    track.codec_params.as_ref().and_then(CodecParameters::audio)
}
