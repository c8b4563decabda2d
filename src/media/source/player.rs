//! The thread that decodes one piece of media: opens it, plays it, and goes where the playing side wants to be.
//! What decoding is, the decoders know.

use std::io::{self, Seek, SeekFrom};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use super::outlet::{Ending, Item, Outlet, Wish, leave_out, playing_time};
use super::shortfall::Extent;
use crate::media::buffer::ByteReader;
use crate::media::decoder::{self, Decoded, Decoder, Reached, Undecodable};
use crate::media::{MediaError, MediaInfo, MediaRequest};

/// No media is longer (it is 41 days); sums on the bytes of a place beyond it could overflow.
const LONGEST: Duration = Duration::from_hours(1000);
/// A demuxer has read up to this much of what it has not handed on.
const DEMUXED_AHEAD: u64 = 64 << 10;
/// What so much of it took says how much the rest will take: then what a demuxer has read ahead is little beside it.
const TELLING: Duration = Duration::from_secs(4);

/// The decode thread's end.
pub(super) struct Player {
    request: MediaRequest,
    reader: ByteReader,
    outlet: Arc<Outlet>,
    /// How much has been decoded since the last opening or jump, and where in the part that began.
    decoded: Duration,
    began_at: u64,
    /// Up to where it has been decoded, counted from its beginning; in media sought by time, from where that was sent from.
    reached: Duration,
    /// Whether other places in it are asked for by time.
    by_time: bool,
    /// How many bytes a second of it takes, if length and duration say so.
    rate: Option<u64>,
    /// The same as far as what has been decoded shows…
    estimate: Option<u64>,
    /// …and whether that was enough to go by.
    estimate_tells: bool,
    /// Whether it comes only as fast as it plays, as far as anybody knows.
    paced: bool,
}

/// Why the thread stops doing what it does.
enum Break {
    /// The playing side wants something else.
    Wish(Wish),
    Failed(MediaError),
}

/// What the decoder is to do next.
#[derive(Clone, Copy)]
enum Task {
    /// Go on from where it is.
    On,
    /// Go on from this place, and say so.
    From(Duration),
    /// The same in media of one order that has been decoded up to the first: forward, by what is at hand.
    Forward(Duration, Duration),
}

impl Player {
    pub(super) fn new(request: MediaRequest, reader: ByteReader, outlet: Arc<Outlet>) -> Self {
        Self {
            request,
            reader,
            outlet,
            decoded: Duration::ZERO,
            began_at: 0,
            reached: Duration::ZERO,
            by_time: false,
            rate: None,
            estimate: None,
            estimate_tells: false,
            paced: false,
        }
    }

    pub(super) fn run(mut self) {
        // The bytes come from strangers; a decoder that panics on them ends this track and nothing else.
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| self.play()));
        let error = match outcome {
            Ok(Break::Wish(_)) => return,
            Ok(Break::Failed(error)) => error,
            Err(_) => self.undecodable("the decoder failed on it".to_owned()),
        };
        self.outlet.finish(Ending::Failed(error));
    }

    /// Plays until the source is dropped or something fails.
    fn play(&mut self) -> Break {
        let mut task = Task::On;
        let mut decoder = loop {
            match self.open() {
                Ok(decoder) => break decoder,
                Err(Break::Wish(wish)) => match self.taken_up(wish) {
                    Ok(wanted) => task = wanted,
                    Err(close) => return close,
                },
                Err(failed) => return failed,
            }
        };
        self.by_time = self.reader.describe().is_ok_and(|stated| stated.by_time);
        let info = self.info(&*decoder);
        self.outlet.push(Item::Opened(info));
        let mut ended = false;
        loop {
            let played = self.carry_out(&mut decoder, task, info, ended);
            let wish = match played {
                Ok(()) => {
                    self.remark_on_end(&*decoder);
                    ended = true;
                    self.outlet.finish(Ending::End);
                    self.outlet.next_wish()
                }
                Err(Break::Wish(wish)) => {
                    ended = false;
                    wish
                }
                Err(failed) => return failed,
            };
            task = match self.taken_up(wish) {
                Ok(task) => task,
                Err(close) => return close,
            };
        }
    }

    /// Says so where media ends sooner than it should.
    fn remark_on_end(&self, decoder: &dyn Decoder) {
        let described = self.reader.describe().unwrap_or_default();
        let is_part = described.live || described.one_of_many || self.by_time;
        // What the server had announced and did not send has been told by whoever fetched it.
        if is_part || self.reader.is_short() {
            return;
        }
        let extent = Extent {
            stated: decoder.stated(),
            sent: self.request.duration,
            reached: self.reached,
            length: described.length,
        };
        if let Some(shortfall) = extent.shortfall() {
            tracing::warn!("{}: {shortfall}", self.request.uri);
        }
    }

    /// What a wish means for the decoder, or that there is nothing more to do.
    fn taken_up(&self, wish: Wish) -> Result<Task, Break> {
        match wish {
            Wish::Seek { to, number } => {
                self.reader.heed(number);
                Ok(Task::From(to))
            }
            Wish::Skip { from, to } => Ok(Task::Forward(from, to)),
            Wish::Close => Err(Break::Wish(Wish::Close)),
        }
    }

    /// Plays to the end of the media, of all of its parts.
    fn carry_out(
        &mut self,
        decoder: &mut Box<dyn Decoder>,
        task: Task,
        info: MediaInfo,
        ended: bool,
    ) -> Result<(), Break> {
        match task {
            Task::From(to) if self.by_time => self.play_anew(decoder, to, info.duration)?,
            Task::From(to) if info.seekable => {
                if ended {
                    // Not every demuxer finds back from the end.
                    *decoder = self.open()?;
                }
                self.play_from(&mut **decoder, to)?;
            }
            Task::From(_) => {
                // Asked for before anything was known of it, and so before anything was decoded.
                self.outlet.push(Item::Sought(Duration::ZERO));
                self.play_on(&mut **decoder)?;
            }
            Task::Forward(from, to) => self.play_forward(&mut **decoder, from, to)?,
            Task::On => self.play_on(&mut **decoder)?,
        }
        while self.next_part()? {
            match self.open() {
                Ok(anew) => *decoder = anew,
                // Too little of it came to be anything.
                Err(Break::Failed(_)) if self.reader.is_at_end_of_part() => continue,
                Err(other) => return Err(other),
            }
            self.play_on(&mut **decoder)?;
        }
        Ok(())
    }

    /// Goes on to the next part; whether there is one.
    fn next_part(&self) -> Result<bool, Break> {
        let stated = self.reader.describe().unwrap_or_default();
        if stated.one_of_many {
            // Not every decoder reads to the end, and the next part need not have begun to come.
            let mut rest = self.reader.clone();
            rest.seek(SeekFrom::Start(self.reader.consumed()))
                .and_then(|_| io::copy(&mut rest, &mut io::sink()))
                .map_err(|error| self.explain(error.into()))?;
        }
        Ok(self.reader.next_part())
    }

    fn open(&mut self) -> Result<Box<dyn Decoder>, Break> {
        let opened = decoder::open(self.reader.clone(), &self.request);
        let opened = opened.map_err(|error| self.explain(error))?;
        self.measure_anew();
        let stated = self.reader.describe().unwrap_or_default();
        let duration = opened.info().duration;
        if duration.is_some() {
            self.reader.is_finite();
        }
        let whole = stated.length.zip(duration);
        (self.estimate, self.estimate_tells) = (None, false);
        self.rate = whole.and_then(|(bytes, time)| rate_of(bytes, time));
        self.paced = stated.live || (stated.length.is_none() && duration.is_none());
        self.note_rate();
        Ok(opened)
    }

    /// What is known of the media, by its decoder and by the server.
    fn info(&self, decoder: &dyn Decoder) -> MediaInfo {
        let info = decoder.info();
        let stated = self.reader.describe().unwrap_or_default();
        if stated.one_of_many {
            return MediaInfo {
                duration: stated.duration,
                seekable: false,
                ..info
            };
        }
        MediaInfo {
            duration: info.duration.or(stated.duration),
            seekable: info.seekable || stated.by_time,
            ..info
        }
    }

    /// Notes how many bytes a second of it takes: as the whole of it does, or as it has been so far.
    fn note_rate(&mut self) {
        let tells = self.decoded >= TELLING;
        if self.rate.is_none() && (tells || !self.estimate_tells) {
            let bytes = self.reader.consumed().saturating_sub(self.began_at);
            self.estimate = rate_of(bytes, self.decoded);
            self.estimate_tells = tells;
        }
        let rate = self.rate.or(self.estimate);
        self.outlet.note_rate(rate, self.paced);
        if let Some(rate) = self.rate.or(self.estimate.filter(|_| self.estimate_tells)) {
            self.reader.consumes(rate);
        }
    }

    /// What is consumed from here on goes with what is decoded from here on, give or take what the demuxer has.
    fn measure_anew(&mut self) {
        self.decoded = Duration::ZERO;
        self.began_at = self.reader.consumed().saturating_sub(DEMUXED_AHEAD);
    }

    /// Hands out frames until the end.
    fn play_on(&mut self, decoder: &mut dyn Decoder) -> Result<(), Break> {
        while let Some(decoded) = self.decode(decoder)? {
            self.hand_out(decoded);
        }
        Ok(())
    }

    fn hand_out(&mut self, decoded: Decoded) {
        if let Some(title) = self.reader.take_title() {
            self.outlet.push(Item::Title(title));
        }
        self.decoded += playing_time(&decoded.chunk);
        if self.rate.is_none() {
            self.note_rate();
        }
        self.outlet.push(Item::Audio(decoded.chunk));
    }

    /// The same from the frame at `to`, which it announces.
    fn play_from(&mut self, decoder: &mut dyn Decoder, to: Duration) -> Result<(), Break> {
        let info = decoder.info();
        let rate = f64::from(info.format.rate);
        let to = to.min(info.duration.unwrap_or(LONGEST)).min(LONGEST);
        let frame = (to.as_secs_f64() * rate).round() as u64;
        let reached = decoder.seek(frame).map_err(|error| self.explain(error))?;
        self.reached = Duration::ZERO;
        if reached == Reached::End {
            self.not_stopped()?;
            self.reached = to;
        } else {
            while let Some(mut decoded) = self.decode(decoder)? {
                let format = decoded.chunk.format;
                let early = usize::try_from(frame.saturating_sub(decoded.at)).unwrap_or(usize::MAX);
                if early >= format.frames(decoded.chunk.samples.len()) {
                    continue;
                }
                decoded.chunk.samples.drain(..format.samples(early));
                let landed = (decoded.at + early as u64) as f64 / rate;
                self.measure_anew();
                self.outlet
                    .push(Item::Sought(Duration::from_secs_f64(landed)));
                self.outlet.push(Item::Audio(decoded.chunk));
                return self.play_on(decoder);
            }
        }
        self.outlet.push(Item::Sought(to));
        Ok(())
    }

    /// The same where the server is asked for a time, and sends a file that begins there or shortly before; `whole` is how long all of it
    /// plays.
    fn play_anew(
        &mut self,
        decoder: &mut Box<dyn Decoder>,
        to: Duration,
        whole: Option<Duration>,
    ) -> Result<(), Break> {
        let to = to.min(whole.unwrap_or(LONGEST)).min(LONGEST);
        self.reader.go_to(to);
        *decoder = match self.open() {
            Ok(decoder) => decoder,
            // There is no such place.
            Err(Break::Failed(_)) if self.reader.is_empty() => {
                self.outlet.push(Item::Sought(to));
                return Ok(());
            }
            Err(other) => return Err(other),
        };
        let begins_at = self.reader.describe().unwrap_or_default().begins_at;
        self.leave_out(&mut **decoder, begins_at, to, |_| true)?;
        self.play_on(&mut **decoder)
    }

    /// The same in media of one order: what is at hand is left out up to `to`, and no more is waited for.
    fn play_forward(
        &mut self,
        decoder: &mut dyn Decoder,
        from: Duration,
        to: Duration,
    ) -> Result<(), Break> {
        self.leave_out(decoder, from, to, |reader| reader.stock().bytes > 0)?;
        self.play_on(decoder)
    }

    /// Leaves out what comes before `to`, while that `goes_on`, and says where the rest begins.
    fn leave_out(
        &mut self,
        decoder: &mut dyn Decoder,
        mut at: Duration,
        to: Duration,
        goes_on: impl Fn(&ByteReader) -> bool,
    ) -> Result<(), Break> {
        while at < to && goes_on(&self.reader) {
            let Some(mut decoded) = self.decode(decoder)? else {
                break;
            };
            at += leave_out(&mut decoded.chunk, to.saturating_sub(at));
            if !decoded.chunk.samples.is_empty() {
                self.outlet.push(Item::Sought(at));
                self.measure_anew();
                self.hand_out(decoded);
                return Ok(());
            }
        }
        self.outlet.push(Item::Sought(at));
        Ok(())
    }

    fn decode(&mut self, decoder: &mut dyn Decoder) -> Result<Option<Decoded>, Break> {
        if let Some(wish) = self.outlet.wish() {
            return Err(Break::Wish(wish));
        }
        let decoded = match (decoder.decode(), self.reader.failure()) {
            // What is left of a packet at the end of a part.
            (Err(_), _) if self.reader.is_at_end_of_part() => None,
            (Err(error), _) => return Err(self.explain(error)),
            // To a demuxer a connection that breaks off may look like the end of the file.
            (Ok(None), Some(error)) => return Err(Break::Failed(error)),
            (Ok(decoded), _) => decoded,
        };
        if let Some(Decoded { at, chunk }) = &decoded {
            let rate = f64::from(chunk.format.rate);
            let begins = Duration::try_from_secs_f64(*at as f64 / rate).unwrap_or(LONGEST);
            // Where several streams stand one behind the other, each counts from its own beginning.
            self.reached = begins.max(self.reached).saturating_add(playing_time(chunk));
        }
        Ok(decoded)
    }

    /// Whether an end is one: a demuxer that looks for a place may take whatever stops it for the end of the file.
    fn not_stopped(&self) -> Result<(), Break> {
        if self.reader.is_interrupted() {
            return Err(Break::Wish(self.outlet.next_wish()));
        }
        self.reader
            .failure()
            .map_or(Ok(()), |error| Err(Break::Failed(error)))
    }

    /// Of what happened, the first that explains the rest: someone interrupted, the transfer failed, the file is bad.
    fn explain(&self, error: Undecodable) -> Break {
        if self.reader.is_interrupted() {
            return Break::Wish(self.outlet.next_wish());
        }
        Break::Failed(match self.reader.failure() {
            Some(error) => error,
            None => self.undecodable(error.0),
        })
    }

    fn undecodable(&self, reason: String) -> MediaError {
        MediaError::Decode {
            uri: self.request.uri.clone(),
            reason,
        }
    }
}

/// How many bytes a second takes.
fn rate_of(bytes: u64, time: Duration) -> Option<u64> {
    (time > Duration::ZERO).then(|| (bytes as f64 / time.as_secs_f64()) as u64)
}
