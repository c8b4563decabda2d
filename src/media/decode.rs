//! Decodes containers and codecs with Symphonia, as the bytes arrive; this file and its parts are the only ones that name it.
//! It starts no thread and knows nothing of where the bytes come from.

mod aac;
mod beginning;
mod codec;
mod ending;
#[cfg(feature = "he-aac")]
mod he_aac;
mod input;
mod opus;
mod speakers;
mod tags;
mod track;

use std::io::{self, Seek, SeekFrom};
use std::time::Duration;

use symphonia::core::errors::{Error, SeekErrorKind};
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::well_known::{
    FORMAT_ID_ADTS, FORMAT_ID_MKV, FORMAT_ID_MP3, FORMAT_ID_OGG,
};
use symphonia::core::formats::{FormatOptions, FormatReader, SeekMode, SeekTo};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::Timestamp;
use symphonia::default::formats::{MkvReader, OggReader};

use crate::audio::{Loudness, StreamFormat};

use super::buffer::{ByteReader, Description};
use super::decoder::{Decoded, Decoder, Reached, Undecodable};
use super::edits::Tap;
use super::id3;
use super::padding::Padding;
use super::wav::{self, Front};
use super::{MediaInfo, MediaRequest};
use beginning::Beginning;
use codec::Codec;
use ending::Ending;
use input::{Gate, Input};
use tags::Tags;
use track::Selected;

/// Frames decoded and thrown away before the place of a seek. A lossy packet needs the one before it to sound right, an MP3
/// packet up to three (its bits may lie in earlier ones).
const PREROLL: u64 = 4 * 1152;
/// More packets in a row of which nothing is heard are no damage that the music gets over: a few bytes of an index can announce
/// billions of empty ones.
const MOST_BARREN: usize = 10_000;
/// Packets that seem to be of a kind that is not decoded, with none between them that is. The damaged ones are followed by others; where a
/// connection was cut within a packet, it is the first.
const MOST_UNKNOWN: usize = 8;

/// Decodes whatever Symphonia finds in a file.
pub(super) struct ContainerDecoder {
    format: Box<dyn FormatReader>,
    decoder: Codec,
    track: Selected,
    /// Of an MP3.
    ending: Ending,
    /// Of a Matroska file, whose last packet is told from the others by none that follows.
    following: Option<Packet>,
    source: Input,
    info: MediaInfo,
    stated: Option<Duration>,
    loudness: Loudness,
    /// The first frames, decoded at opening because only they tell the layout for certain.
    first: Option<Decoded>,
    /// How many packets have been of no known kind since the last that was decoded, and what is not known of them.
    unknown: usize,
    refused: Option<Undecodable>,
    /// There are no more packets.
    ended: bool,
    /// Reading was interrupted, so the demuxer may stand in the middle of something.
    torn: bool,
}

impl ContainerDecoder {
    /// Finds out what `reader` holds, reading no more than that needs. `head` is how the file begins.
    pub(super) fn open(
        mut reader: ByteReader,
        head: &[u8],
        description: &Description,
        request: &MediaRequest,
    ) -> Result<Self, Undecodable> {
        let front = if wav::is_wav(head) {
            wav::front(&mut reader, description.length)?
        } else {
            None
        };
        if front.as_ref().is_some_and(|front| !front.is_size_true) {
            tracing::info!(
                "{}: its WAV header does not say how long it is, or not truly; it plays as far as it goes",
                request.uri
            );
        }
        let front = front.unwrap_or_default();
        let beginning = Beginning {
            head,
            description,
            request,
        };
        let opened = Self::open_behind(&front, &reader, beginning, description.ranges);
        let is_searched = beginning.is_mp4() && description.ranges;
        if opened.is_ok() || !is_searched || reader.is_interrupted() || reader.failure().is_some() {
            return opened;
        }
        // One that has lost its end is still played from its beginning, if its index is there.
        Self::open_behind(&front, &reader, beginning, false).or(opened)
    }

    /// The same with `front` in place of what stands before the samples; by what is at the end of the file, too, if that `may_look_ahead`.
    fn open_behind(
        front: &Front,
        reader: &ByteReader,
        beginning: Beginning<'_>,
        may_look_ahead: bool,
    ) -> Result<Self, Undecodable> {
        let Beginning {
            description,
            request,
            ..
        } = beginning;
        let (is_mp4, is_caf) = (beginning.is_mp4(), beginning.is_caf());
        let is_adts = beginning.is_adts();
        // A seekable file is searched for tags and durations at its end first, which costs a request or two. Only an MP4
        // needs it: its index may be at the end. That of a CAF always is.
        let is_searched = (is_mp4 || is_caf) && may_look_ahead;
        // An ADTS reader that knows the length estimates the duration from the first 16 KiB.
        let is_measured = is_caf || (is_adts && request.duration.is_none());
        let gate = Gate::new(is_searched, is_measured);
        let tap = is_mp4.then(Tap::default);
        let padding = beginning.is_matroska().then(Padding::default);
        let source = Input::new(reader.clone(), front.clone(), gate, tap, padding);
        let stream = MediaSourceStream::new(Box::new(source.clone()), Default::default());
        let mut format = symphonia::default::get_probe()
            .probe(
                &Hint::new(),
                stream,
                FormatOptions::default(),
                MetadataOptions::default(),
            )
            .map_err(|error| unknown_format(error, description))?;
        source.gate.set_seekable(description.ranges);

        let tags = Tags::read(&mut *format);
        let decoder = Codec::of(&*format)?;
        let track = Selected::of(&*format, tags.edit.or(source.take_edit()), decoder.rate())?;
        let lasts =
            |frames: Option<u64>| frames.and_then(|frames| playing_time(frames, track.rate));
        let is_whole_one_track = format.tracks().len() == 1;
        let whole = whole(&*format).filter(|_| is_whole_one_track);
        let mut opened = Self {
            info: MediaInfo {
                format: StreamFormat {
                    rate: track.rate,
                    channels: 2,
                },
                duration: lasts(front.frames).or_else(|| track.duration()),
                seekable: description.ranges,
            },
            stated: lasts(front.stated)
                .or_else(|| track.duration())
                .or(whole)
                .filter(|_| !beginning.is_of_unknown_length()),
            loudness: tags.loudness,
            format,
            decoder,
            track,
            ending: Ending::default(),
            following: None,
            source,
            first: None,
            unknown: 0,
            refused: None,
            ended: false,
            torn: false,
        };
        opened.begin(beginning)?;
        Ok(opened)
    }

    /// Decodes the first frames, which complete what is known of the file.
    fn begin(&mut self, beginning: Beginning<'_>) -> Result<(), Undecodable> {
        let mut estimate = None;
        let mut barren = 0;
        let first = loop {
            let packet = self.next_packet()?.filter(|_| barren < MOST_BARREN);
            let Some(packet) = packet else {
                let Some(rest) = self.rest() else {
                    let nothing = || Undecodable("there is no audio in it".to_owned());
                    return Err(self.refused.take().unwrap_or_else(nothing));
                };
                break rest;
            };
            barren += 1;
            if estimate.is_none() {
                estimate = self.estimate(&packet, beginning);
            }
            if let Some(decoded) = self.decode_packet(&packet)? {
                break decoded;
            }
        };
        self.info.format = first.chunk.format;
        if self.track.rate != first.chunk.format.rate {
            self.track.set_rate(first.chunk.format.rate);
        }
        let duration = self.info.duration;
        self.info.duration = duration
            .or(beginning.request.duration)
            .or_else(|| whole(&*self.format))
            .or(estimate);
        self.first = Some(first);
        Ok(())
    }

    /// How long an MP3 of constant bit rate plays, by its first packet: such files do not say.
    fn estimate(&self, packet: &Packet, beginning: Beginning<'_>) -> Option<Duration> {
        if self.format.format_info().format != FORMAT_ID_MP3 || packet.data.is_empty() {
            return None;
        }
        let tag = id3::length(beginning.head) as u64;
        let audio = beginning.description.length?.checked_sub(tag)?;
        let packets = audio as f64 / packet.data.len() as f64;
        // An MP3's tick is a frame.
        let seconds = packets * packet.block_dur().get() as f64 / f64::from(self.track.rate);
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// The next packet of the track; `None` at the end.
    fn next_packet(&mut self) -> Result<Option<Packet>, Undecodable> {
        match self.format.format_info().format {
            FORMAT_ID_MP3 => self.next_of_mp3(),
            FORMAT_ID_MKV => self.next_of_matroska(),
            _ => self.read_packet(),
        }
    }

    fn next_of_mp3(&mut self) -> Result<Option<Packet>, Undecodable> {
        loop {
            if let Some(packet) = self.ending.take() {
                return Ok(Some(packet));
            }
            match self.read_packet()? {
                Some(packet) => self.ending.push(packet),
                None if self.ending.close() => {}
                None => return Ok(None),
            }
        }
    }

    fn next_of_matroska(&mut self) -> Result<Option<Packet>, Undecodable> {
        if self.following.is_none() {
            self.following = self.read_packet()?;
        }
        let after = self.read_packet()?;
        if after.is_none() {
            self.track.leave_out(self.source.padding_nanos());
        }
        Ok(std::mem::replace(&mut self.following, after))
    }

    /// The same as it stands in the file.
    fn read_packet(&mut self) -> Result<Option<Packet>, Undecodable> {
        loop {
            match self.format.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track.id => return Ok(Some(packet)),
                Ok(Some(_)) => {}
                Ok(None) => return Ok(None),
                Err(Error::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Ok(None);
                }
                // A new stream begins within the file, as radio stations do with every title.
                Err(Error::ResetRequired) => {
                    self.decoder = Codec::of(&*self.format)?;
                    let rate = self.decoder.rate();
                    self.track = Selected::of(&*self.format, None, rate)?;
                }
                Err(error) => {
                    self.torn = true;
                    return Err(undecodable(&error));
                }
            }
        }
    }

    /// The frames in `packet`; `None` when they are all padding, or the packet is damaged.
    fn decode_packet(&mut self, packet: &Packet) -> Result<Option<Decoded>, Undecodable> {
        let decoded = match self.decoder.decode(packet) {
            Ok(decoded) => decoded,
            // One damaged packet is a click; the music goes on.
            Err(Error::DecodeError(_) | Error::IoError(_)) => return Ok(None),
            Err(error @ Error::Unsupported(_)) if self.unknown < MOST_UNKNOWN => {
                self.unknown += 1;
                self.refused = Some(undecodable(&error));
                return Ok(None);
            }
            Err(Error::ResetRequired) => {
                self.decoder = Codec::of(&*self.format)?;
                return Ok(None);
            }
            Err(error) => return Err(undecodable(&error)),
        };
        self.unknown = 0;
        self.refused = None;
        Ok(self.track.place(packet, &decoded))
    }

    /// The frames that the decoder has held back, when there are no more packets.
    fn rest(&mut self) -> Option<Decoded> {
        self.ended = true;
        if self.track.owed == 0 {
            return None;
        }
        let rest = self.decoder.rest()?;
        self.track.place_rest(&rest)
    }

    /// Whether the demuxer knows where it is only by counting from the beginning. It must then not go on from where it was
    /// torn away; a seek to the beginning makes it count anew.
    fn counts_packets(&self) -> bool {
        [FORMAT_ID_MP3, FORMAT_ID_ADTS].contains(&self.format.format_info().format)
    }

    fn seek_tick(&mut self, tick: i64) -> Result<Reached, Undecodable> {
        let to = SeekTo::Timestamp {
            ts: Timestamp::new(tick),
            track_id: self.track.id,
        };
        self.torn = true;
        self.ended = false;
        self.unknown = 0;
        let sought = self.format.seek(SeekMode::Accurate, to);
        self.decoder.reset();
        self.ending.jump();
        self.following = None;
        self.track.lose_place();
        match sought {
            Ok(_) => {
                self.torn = false;
                Ok(Reached::Place)
            }
            Err(Error::SeekError(SeekErrorKind::OutOfRange)) => Ok(Reached::End),
            Err(Error::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Ok(Reached::End)
            }
            Err(Error::SeekError(SeekErrorKind::ForwardOnly | SeekErrorKind::Unseekable)) => {
                Err(Undecodable(
                    "it cannot be played from another place: the server does not hand out parts of files"
                        .to_owned(),
                ))
            }
            Err(error) => Err(undecodable(&error)),
        }
    }

    /// Whether what is needed to find anything in the file stands at its end, where nobody has looked yet: how long an Ogg file is, and
    /// the places in Matroska. The reader of the latter cannot go back either once it has been torn away.
    fn is_blind(&self) -> bool {
        match self.format.format_info().format {
            FORMAT_ID_OGG => !self.source.gate.shows_length(),
            FORMAT_ID_MKV => true,
            _ => false,
        }
    }

    /// Opens the file anew, and looks at its end.
    fn reopen(&mut self) -> Result<(), Undecodable> {
        let mut opened = self.opened_again(true);
        let is_matroska = self.format.format_info().format == FORMAT_ID_MKV;
        if opened.is_err() && is_matroska && !self.source.is_stopped() {
            // One that has lost its end can still be looked through from its beginning.
            opened = self.opened_again(false);
        }
        // Where this has failed, whoever has interrupted it will ask for a place again, and the end has not been seen.
        self.source.gate.set(true, opened.is_ok());
        let format = opened.map_err(|error| undecodable(&error))?;
        self.decoder = Codec::of(&*format)?;
        self.track = Selected::of(&*format, None, self.decoder.rate())?;
        self.format = format;
        self.torn = false;
        Ok(())
    }

    fn opened_again(&mut self, with_its_end: bool) -> Result<Box<dyn FormatReader>, Error> {
        let mut source = self.source.clone();
        source.gate.set(with_its_end, with_its_end);
        source.seek(SeekFrom::Start(0))?;
        let stream = MediaSourceStream::new(Box::new(source), Default::default());
        let options = FormatOptions::default();
        match self.format.format_info().format {
            FORMAT_ID_MKV => MkvReader::try_new(stream, options).map(|it| Box::new(it) as _),
            _ => OggReader::try_new(stream, options).map(|it| Box::new(it) as _),
        }
    }
}

impl Decoder for ContainerDecoder {
    fn info(&self) -> MediaInfo {
        self.info
    }

    fn stated(&self) -> Option<Duration> {
        self.stated
    }

    fn loudness(&self) -> Loudness {
        self.loudness
    }

    fn decode(&mut self) -> Result<Option<Decoded>, Undecodable> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        // Not every demuxer says a second time that it has come to the end.
        if self.ended {
            return Ok(self.rest());
        }
        for _ in 0..MOST_BARREN {
            let Some(packet) = self.next_packet()? else {
                return Ok(self.rest());
            };
            if let Some(decoded) = self.decode_packet(&packet)? {
                return Ok(Some(decoded));
            }
        }
        Err(Undecodable(
            "for minutes there is nothing in it that can be decoded".to_owned(),
        ))
    }

    fn seek(&mut self, to: u64) -> Result<Reached, Undecodable> {
        self.first = None;
        if self.info.seekable && self.is_blind() {
            self.reopen()?;
        }
        if self.track.length.is_some_and(|length| to >= length) {
            return Ok(Reached::End);
        }
        if self.torn && self.counts_packets() {
            self.seek_tick(self.track.start)?;
        }
        let tick = {
            // It may reach into what comes before the music.
            let preroll = self.track.tick(PREROLL) - self.track.zero;
            self.track.tick(to).saturating_sub(preroll)
        };
        self.seek_tick(tick.max(self.track.start))
    }
}

fn unknown_format(error: Error, description: &Description) -> Undecodable {
    match error {
        // What the prober says when it has found nothing; the rest it says about what it has found.
        Error::Unsupported(text) if text.contains("no suitable format reader") => {
            let stated = description.content_type.as_deref().unwrap_or("nothing");
            Undecodable(format!(
                "its bytes are of no known audio format (the server says of it: {stated})"
            ))
        }
        Error::Unsupported("isomp4: missing moov atom") if !description.ranges => Undecodable(
            "its index is at the end, and the server does not hand out parts of files".to_owned(),
        ),
        Error::Unsupported("isomp4: missing moov atom") => Undecodable(
            "its index is missing: it would be at the end, which the file has lost".to_owned(),
        ),
        error => undecodable(&error),
    }
}

/// How long all that is in a Matroska file plays: what is said of the file and not of a track.
fn whole(format: &dyn FormatReader) -> Option<Duration> {
    if format.format_info().format != FORMAT_ID_MKV {
        return None;
    }
    let info = format.media_info();
    let nanos = info.time_base?.calc_duration(info.duration?)?.as_nanos();
    let nanos = u64::try_from(nanos).ok().filter(|nanos| *nanos > 0);
    nanos.map(Duration::from_nanos)
}

fn playing_time(frames: u64, rate: u32) -> Option<Duration> {
    Duration::try_from_secs_f64(frames as f64 / f64::from(rate)).ok()
}

fn undecodable(error: &Error) -> Undecodable {
    Undecodable(error.to_string())
}
