//! The track that is played: which it is, and the arithmetic between the container's clock and frames.
//! It reads nothing and decodes nothing.

use std::time::Duration;

use symphonia::core::audio::{Channels, GenericAudioBufferRef};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::formats::well_known::{FORMAT_ID_ISOMP4, FORMAT_ID_OGG};
use symphonia::core::formats::{FormatReader, Track, TrackType};
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

use crate::audio::{Downmix, StreamFormat};
use crate::media::Chunk;
use crate::media::decoder::{Decoded, Undecodable};
use crate::media::edits::Edit;

use super::codec::{Frames, opus_header};
use super::speakers::speakers;

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
    /// Where the music ends, if what comes behind it is only the codec's.
    end: Option<u64>,
    /// How many frames at the end of the next packet are only the codec's.
    padding: u64,
    /// How many frames the decoder still owes where no packet follows, because it is late.
    pub(super) owed: usize,
    /// The container says how much of a packet is to be heard, and the decoder does not know.
    trims_by_duration: bool,
    /// The frame that follows the last. A clock that ticks less often than there are frames is not asked where the next belongs.
    next: Option<i64>,
    mix: Option<(Channels, Downmix)>,
}

impl Selected {
    /// The track of `format` that is played, which is decoded at `rate`.
    pub(super) fn of(
        format: &dyn FormatReader,
        edit: Option<Edit>,
        rate: Option<u32>,
    ) -> Result<Self, Undecodable> {
        let track = audio_track(format)?;
        let parameters = audio_parameters(track);
        let rate = rate.or(parameters.and_then(|parameters| parameters.sample_rate));
        let (Some(rate), Some(time_base)) = (rate.filter(|rate| *rate > 0), track.time_base) else {
            return Err(Undecodable("it does not say its sample rate".to_owned()));
        };
        let container = format.format_info().format;
        let mut selected = Self {
            id: track.id,
            rate,
            time_base,
            zero: 0,
            start: track.start_ts.get(),
            length: None,
            end: None,
            padding: 0,
            owed: 0,
            trims_by_duration: container == FORMAT_ID_ISOMP4,
            next: None,
            mix: None,
        };
        let pre_skip = parameters
            .and_then(|parameters| opus_header(parameters, format))
            .map(|header| i64::from(header.pre_skip));
        if let Some(Edit {
            start, timescale, ..
        }) = edit
        {
            let frames = u128::from(start) * u128::from(rate) / u128::from(timescale);
            selected.zero = selected.tick(u64::try_from(frames).unwrap_or(0));
        } else if let Some(pre_skip) = pre_skip {
            if container == FORMAT_ID_OGG {
                // Its clock counts what is to be skipped, too (RFC 7845, section 4.1); it ticks in frames.
                selected.zero = pre_skip;
            } else if selected.is_coarse() {
                selected.next = Some(-pre_skip);
            }
        }
        let duration = track
            .duration
            .and_then(|duration| i64::try_from(duration.get()).ok());
        selected.length = duration
            .and_then(|ticks| u64::try_from(selected.frame(ticks)).ok())
            .filter(|frames| *frames > 0);
        if let Some(Edit {
            length: Some(length),
            timescale,
            ..
        }) = edit
        {
            let frames = u128::from(length) * u128::from(rate) / u128::from(timescale);
            selected.end = u64::try_from(frames).ok();
            selected.length = selected.end.min(selected.length).or(selected.end);
        }
        Ok(selected)
    }

    /// The decoder has turned out to work at another rate than the container says.
    pub(super) fn set_rate(&mut self, rate: u32) {
        let scaled = |frames: u64| frames * u64::from(rate) / u64::from(self.rate);
        self.length = self.length.map(scaled);
        self.end = self.end.map(scaled);
        self.rate = rate;
    }

    /// Where the next packet belongs is not known any more.
    pub(super) fn lose_place(&mut self) {
        self.next = None;
        self.padding = 0;
        self.owed = 0;
    }

    /// The next packet is the last, and so much at its end is no music.
    pub(super) fn leave_out(&mut self, nanos: u64) {
        let frames = u128::from(nanos) * u128::from(self.rate) + 500_000_000;
        self.padding = u64::try_from(frames / 1_000_000_000).unwrap_or(u64::MAX);
    }

    /// Whether a tick is longer than a frame.
    fn is_coarse(&self) -> bool {
        let (numerator, denominator) = self.ticks_to_frames();
        numerator > denominator
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

    /// What `packet` has become, as far as it is music, and where they belong.
    pub(super) fn place(
        &mut self,
        packet: &Packet,
        Frames { buffer, late }: &Frames<'_>,
    ) -> Option<Decoded> {
        let ticks = |duration: symphonia::core::units::Duration| {
            i64::try_from(duration.get()).unwrap_or(i64::MAX)
        };
        let frames = buffer.frames();
        // The decoder has trimmed the packet already where it knows how.
        let stated = self.frame(packet.pts.get().saturating_add(ticks(packet.trim_start)));
        let stated = stated.saturating_sub(*late as i64);
        let start = match self.next {
            Some(next) if self.is_coarse() && self.is_within_a_tick(stated, next) => next,
            _ => stated,
        };
        self.next = Some(start.saturating_add(frames as i64));
        let mut heard = frames;
        if self.trims_by_duration && !packet.dur.is_zero() {
            let stated = self.frame(ticks(packet.dur).saturating_add(self.zero));
            heard = heard.min(usize::try_from(stated).unwrap_or(heard));
        }
        heard = heard.saturating_sub(usize::try_from(self.padding).unwrap_or(heard));
        // The end of what belongs to this packet comes that much later.
        let dropped = frames - heard;
        self.owed = late.saturating_sub(dropped);
        self.heard(start, frames - dropped.saturating_sub(*late), buffer)
    }

    /// What the decoder has handed out behind the last packet, as far as it is music.
    pub(super) fn place_rest(&mut self, buffer: &GenericAudioBufferRef<'_>) -> Option<Decoded> {
        let start = self.next?;
        let frames = buffer.frames().min(self.owed);
        self.owed -= frames;
        self.next = Some(start.saturating_add(frames as i64));
        self.heard(start, frames, buffer)
    }

    /// The first so many frames of `buffer` as they are heard from the frame `start` on, as far as they are music.
    fn heard(
        &mut self,
        start: i64,
        mut frames: usize,
        buffer: &GenericAudioBufferRef<'_>,
    ) -> Option<Decoded> {
        if let Some(end) = self.end {
            let left = i64::try_from(end).unwrap_or(i64::MAX).saturating_sub(start);
            frames = frames.min(usize::try_from(left).unwrap_or(0));
        }
        let before = usize::try_from(start.saturating_neg())
            .unwrap_or(0)
            .min(frames);
        if before == frames {
            return None;
        }
        let channels = buffer.spec().channels();
        let mut samples: Vec<f32> = Vec::new();
        buffer.copy_to_vec_interleaved(&mut samples);
        samples.truncate(frames * channels.count());
        samples.drain(..before * channels.count());
        let mix = match &mut self.mix {
            Some((of, mix)) if of == channels => mix,
            mix => {
                &mut mix
                    .insert((channels.clone(), Downmix::new(&speakers(channels))))
                    .1
            }
        };
        // Files of floating point may hold what is no number; in a filter it would stay for ever.
        for sample in &mut samples {
            if !sample.is_finite() {
                *sample = 0.0;
            }
        }
        mix.apply(&mut samples);
        let format = StreamFormat {
            rate: buffer.spec().rate(),
            channels: mix.channels(),
        };
        Some(Decoded {
            at: u64::try_from(start).unwrap_or(0),
            chunk: Chunk { format, samples },
        })
    }

    /// Whether two frames are so near that the container's clock may mean both. Matroska's writers round each place and each length.
    fn is_within_a_tick(&self, one: i64, other: i64) -> bool {
        let (numerator, denominator) = self.ticks_to_frames();
        i128::from(one.abs_diff(other)) * denominator <= 2 * numerator
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
