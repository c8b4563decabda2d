//! A zone's present stream: tracks one after the other in one count of frames, as blocks.
//! It decides nothing about time; the feeder says how far to read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{EngineEvent, TrackId};
use crate::audio::{AudioBlock, Converter, StreamFormat};
use crate::media::{Live, MediaError, MediaInfo, Polled, Source, Supply};

/// Frames in a block: 20 ms at 48 kHz.
const BLOCK: usize = 960;
/// What has been heard is kept for this many frames (1 s), for lanes that come late and for resuming.
const HISTORY: u64 = 48_000;

/// By how much what is at hand must have changed to be told.
const TELLING: Duration = Duration::from_secs(1);

/// How the stream's near end is doing.
#[derive(Debug)]
pub(super) enum Fill {
    /// There is no track.
    Nothing,
    /// More is to come.
    Flowing,
    /// This was the last track, and all of it is there.
    Ended(TrackId),
    /// The last track broke off here.
    Failed(TrackId, MediaError),
}

/// A track in the stream.
struct Part {
    id: TrackId,
    /// The stream frame at which the track's position is `offset`.
    start: u64,
    offset: Duration,
    told: bool,
}

/// A title that a track's sender has told, and the stream frame from which it holds.
struct Title {
    id: TrackId,
    start: u64,
    text: String,
}

struct Open {
    id: TrackId,
    source: Box<dyn Source>,
    info: Option<MediaInfo>,
    /// How far it was at hand when that was last told.
    reach: Duration,
    outcome: Option<Result<(), MediaError>>,
    /// What has been read of it already and cannot be had again, in the stream's format.
    read: Vec<f32>,
}

impl Open {
    fn new(id: TrackId, source: Box<dyn Source>) -> Self {
        Self {
            id,
            source,
            info: None,
            reach: Duration::ZERO,
            outcome: None,
            read: Vec::new(),
        }
    }

    /// Whether it has opened, or never will.
    fn is_there(&self) -> bool {
        self.info.is_some() || self.outcome.is_some()
    }

    fn live(&self) -> Option<Live> {
        self.info.and(self.source.live())
    }
}

pub(super) struct Stream {
    rate: u32,
    converter: Converter,
    /// Read to its end, and perhaps still heard: a seek may come back to it.
    previous: Option<Open>,
    current: Option<Open>,
    next: Option<Open>,
    parts: VecDeque<Part>,
    /// Those that have not been heard.
    titles: VecDeque<Title>,
    blocks: VecDeque<Arc<AudioBlock>>,
    /// Converted frames that do not fill a block yet.
    pending: Vec<f32>,
    /// The frame after the last block.
    end: u64,
    /// A seek has been asked for and its answer has not come.
    seeking: bool,
    /// Before this frame nothing can be played any more.
    earliest: f64,
}

impl Stream {
    pub(super) fn new(rate: u32) -> Self {
        Self {
            rate,
            converter: Converter::new(rate),
            previous: None,
            current: None,
            next: None,
            parts: VecDeque::new(),
            titles: VecDeque::new(),
            blocks: VecDeque::new(),
            pending: Vec::new(),
            end: 0,
            seeking: false,
            earliest: 0.0,
        }
    }

    /// Makes this the current track; it begins where the stream ends.
    pub(super) fn append(&mut self, id: TrackId, source: Box<dyn Source>) {
        self.begin_part(id);
        self.current = Some(Open::new(id, source));
    }

    /// Sets the track that follows. If the one that was to follow is in the stream already, not yet heard and not told
    /// of, the stream is cut back to where it begins. Whether it was cut: then lanes have been given what is no longer
    /// true.
    pub(super) fn set_next(
        &mut self,
        next: Option<(TrackId, Box<dyn Source>)>,
        heard: f64,
    ) -> bool {
        self.next = next.map(|(id, source)| Open::new(id, source));
        let unheard = self
            .parts
            .back()
            .is_some_and(|part| !part.told && part.start as f64 >= heard);
        if !unheard || self.previous.is_none() {
            return false;
        }
        if let Some(part) = self.parts.pop_back() {
            self.cut(part.start);
        }
        self.current = self.previous.take();
        true
    }

    /// Drops everything from `frame` on.
    fn cut(&mut self, frame: u64) {
        // What is on its way to a block may be of before `frame`.
        self.flush();
        while let Some(block) = self.blocks.pop_back() {
            if block.start < frame {
                let kept = (frame - block.start).min(block.frames() as u64) as usize;
                self.blocks.push_back(Arc::new(AudioBlock {
                    start: block.start,
                    samples: block.samples[..kept * 2].to_vec(),
                }));
                break;
            }
        }
        self.end = frame.min(self.end);
        self.titles.retain(|title| title.start < frame);
    }

    /// Starts over at `to` in the track that is heard at stream frame `heard`. False if that track is no longer open.
    pub(super) fn seek(&mut self, heard: f64, to: Duration) -> bool {
        let at = self.part_at(heard).map(|part| part.id);
        if self
            .previous
            .as_ref()
            .is_some_and(|open| Some(open.id) == at)
        {
            // The next track has begun to be read; it goes back to being the next.
            let mut later = std::mem::replace(&mut self.current, self.previous.take());
            if let Some(later) = &mut later {
                if later.info.is_some_and(|info| !info.seekable) {
                    later.read = self.frames_of(later.id);
                } else {
                    later.source.seek(Duration::ZERO);
                    later.outcome = None;
                }
            }
            self.next = later;
        }
        let Some(current) = &mut self.current else {
            return false;
        };
        if at != Some(current.id) {
            return false;
        }
        current.source.seek(to);
        current.outcome = None;
        let id = current.id;
        self.converter.reset();
        self.blocks.clear();
        self.pending.clear();
        self.parts.clear();
        self.titles.clear();
        self.end = 0;
        self.earliest = 0.0;
        self.begin_part(id);
        if let Some(part) = self.parts.back_mut() {
            part.offset = to;
        }
        self.seeking = true;
        true
    }

    /// What the stream holds of a track that has begun to be read.
    fn frames_of(&mut self, id: TrackId) -> Vec<f32> {
        self.flush();
        let part = self.parts.iter().rev().find(|part| part.id == id);
        let Some(start) = part.map(|part| part.start) else {
            return Vec::new();
        };
        let blocks = self.blocks_from(start);
        let samples = blocks.flat_map(|block| {
            let before = start.saturating_sub(block.start) as usize * 2;
            block.samples[before..].iter().copied()
        });
        samples.collect()
    }

    fn begin_part(&mut self, id: TrackId) {
        self.parts.push_back(Part {
            id,
            start: self.read_until(),
            offset: Duration::ZERO,
            told: false,
        });
    }

    /// The frame at which what is polled next begins.
    fn read_until(&self) -> u64 {
        self.end + self.pending.len() as u64 / 2 + self.converter.held()
    }

    /// The frame after the last that has been read.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The frame at which the stream ends, if that is known and all of it is in blocks.
    pub(super) fn end_frame(&self) -> Option<u64> {
        match self.fill() {
            Fill::Ended(_) | Fill::Failed(..) => {
                Some(self.end).filter(|end| *end == self.read_until())
            }
            Fill::Nothing | Fill::Flowing => None,
        }
    }

    pub(super) fn fill(&self) -> Fill {
        match &self.current {
            None => Fill::Nothing,
            Some(open) => match &open.outcome {
                None => Fill::Flowing,
                Some(Ok(())) if self.next.as_ref().is_some_and(|next| self.follows(next)) => {
                    Fill::Flowing
                }
                Some(Ok(())) => Fill::Ended(open.id),
                Some(Err(error)) => Fill::Failed(open.id, error.clone()),
            },
        }
    }

    /// Blocks that hold `frame` and what follows it.
    pub(super) fn blocks_from(&self, frame: u64) -> impl Iterator<Item = &Arc<AudioBlock>> {
        let at = self.blocks.partition_point(|block| block.end() <= frame);
        self.blocks.range(at..)
    }

    /// Reads on until stream frame `limit`, and forgets what was heard long ago. An end that comes before stream frame `ending` is the
    /// end; behind that, a track that is set yet may go on from it without a seam. Before stream frame `earliest` nothing can be
    /// played any more, so that the beginning of a track that went on from there would not be heard. Returns what the zone is to know.
    pub(super) fn read(
        &mut self,
        heard: f64,
        limit: f64,
        ending: f64,
        earliest: f64,
    ) -> Vec<EngineEvent> {
        let mut told = Vec::new();
        self.earliest = earliest;
        while (self.end as f64) < limit && self.read_once(&mut told) {}
        self.prefetch(&mut told);
        let is_over = matches!(self.fill(), Fill::Ended(_));
        if is_over && (self.read_until() as f64) < ending {
            self.flush();
        }
        let keep = (heard as u64).saturating_sub(HISTORY);
        while self.blocks.front().is_some_and(|block| block.end() < keep) {
            self.blocks.pop_front();
        }
        while self.parts.len() > 1 && self.parts[1].start < keep && self.parts[1].told {
            self.parts.pop_front();
            self.previous = None;
        }
        told
    }

    /// One turn; whether there may be more.
    fn read_once(&mut self, told: &mut Vec<EngineEvent>) -> bool {
        let Some(current) = &mut self.current else {
            return false;
        };
        match &current.outcome {
            None => {}
            Some(Ok(())) => return self.follow(told),
            Some(Err(_)) => return false,
        }
        match current.source.poll() {
            Polled::Pending => return false,
            Polled::Opened(info) => {
                current.info = Some(info);
                told.push(EngineEvent::Opened(current.id, info));
            }
            Polled::Sought(to) => {
                self.seeking = false;
                if let Some(part) = self.parts.back_mut() {
                    part.offset = to;
                }
            }
            // What was on the way when the seek was asked for.
            Polled::Audio(_) if self.seeking => {}
            Polled::Title(text) => {
                let id = current.id;
                let start = self.read_until();
                self.titles.push_back(Title { id, start, text });
            }
            Polled::Audio(chunk) => {
                self.converter
                    .push(chunk.format, &chunk.samples, &mut self.pending);
                // What is live is handed on as it comes.
                let least = if current.live().is_some() { 1 } else { BLOCK };
                self.make_blocks(least);
            }
            Polled::End => current.outcome = Some(Ok(())),
            Polled::Failed(error) => current.outcome = Some(Err(error)),
        }
        if let Some(Open {
            outcome: Some(outcome),
            ..
        }) = &self.current
        {
            self.seeking = false;
            if outcome.is_err() {
                self.flush();
            }
        }
        true
    }

    /// Brings out what the converter and the last block still hold.
    fn flush(&mut self) {
        self.converter.finish(&mut self.pending);
        self.make_blocks(1);
    }

    /// Whether the frames of the next track can stand behind those that have been read: it has opened, lanes are not past that place, and
    /// it is not live, whose frames have their own moments.
    fn follows(&self, next: &Open) -> bool {
        next.is_there() && next.live().is_none() && self.read_until() as f64 >= self.earliest
    }

    /// Goes over to the next track when it has something; whether it did.
    fn follow(&mut self, told: &mut Vec<EngineEvent>) -> bool {
        self.prefetch(told);
        self.next.as_ref().is_some_and(|next| self.follows(next)) && self.go_over().is_some()
    }

    /// Goes over to the next track where the stream ends, though lanes are past that or it has not opened. Which it is, and whether it
    /// has opened; `None` when there is none, or it is live and has moments of its own.
    pub(super) fn go_over(&mut self) -> Option<(TrackId, bool)> {
        let mut next = self.next.take_if(|next| next.live().is_none())?;
        let over = (next.id, next.is_there());
        self.begin_part(next.id);
        let read = std::mem::take(&mut next.read);
        self.previous = self.current.replace(next);
        if !read.is_empty() {
            let format = StreamFormat {
                rate: self.rate,
                channels: 2,
            };
            self.converter.push(format, &read, &mut self.pending);
            self.make_blocks(BLOCK);
        }
        Some(over)
    }

    /// Lets the next track open while the current one plays.
    fn prefetch(&mut self, told: &mut Vec<EngineEvent>) {
        let Some(next) = self.next.as_mut().filter(|next| !next.is_there()) else {
            return;
        };
        match next.source.poll() {
            Polled::Opened(info) => {
                next.info = Some(info);
                told.push(EngineEvent::Opened(next.id, info));
            }
            Polled::Failed(error) => next.outcome = Some(Err(error)),
            Polled::End => next.outcome = Some(Ok(())),
            Polled::Pending | Polled::Audio(_) | Polled::Sought(_) | Polled::Title(_) => {}
        }
    }

    /// Cuts blocks off what is pending, as long as there are at least `least` frames.
    fn make_blocks(&mut self, least: usize) {
        while self.pending.len() / 2 >= least {
            let frames = (self.pending.len() / 2).min(BLOCK);
            let samples: Vec<f32> = self.pending.drain(..frames * 2).collect();
            self.blocks.push_back(Arc::new(AudioBlock {
                start: self.end,
                samples,
            }));
            self.end += frames as u64;
        }
    }

    /// The frame at which the zone is next to be told something: where a track or a title begins that it has not been told of, or
    /// where everything ends.
    pub(super) fn next_boundary(&self) -> Option<f64> {
        let untold = self.parts.iter().find(|part| !part.told);
        let track = untold.map(|part| part.start);
        let title = self.titles.front().map(|title| title.start);
        let next = track.into_iter().chain(title).min();
        next.or_else(|| self.end_frame()).map(|frame| frame as f64)
    }

    fn part_at(&self, frame: f64) -> Option<&Part> {
        let passed = self
            .parts
            .iter()
            .rev()
            .find(|part| part.start as f64 <= frame);
        passed.or(self.parts.front())
    }

    /// Which track is at stream frame `frame`, and at which of its positions.
    pub(super) fn position_of(&self, frame: f64) -> Option<(TrackId, Duration)> {
        self.part_at(frame).map(|part| {
            let into = (frame - part.start as f64).max(0.0) / f64::from(self.rate);
            (part.id, part.offset + Duration::from_secs_f64(into))
        })
    }

    /// The same, to be told to the zone: then it knows of that track.
    pub(super) fn tell_position(&mut self, frame: f64) -> Option<(TrackId, Duration)> {
        let reached = |part: &&mut Part| part.start as f64 <= frame;
        if let Some(part) = self.parts.iter_mut().rev().find(reached) {
            part.told = true;
        }
        self.position_of(frame)
    }

    /// From here on [`Stream::passed`] tells of the track at `frame` again.
    pub(super) fn begin_telling(&mut self, frame: f64) {
        for part in self.parts.iter_mut().rev() {
            part.told = false;
            if part.start as f64 <= frame {
                break;
            }
        }
    }

    /// A title that holds at or before `heard` and has not been told, and whose it is.
    pub(super) fn title_passed(&mut self, heard: f64) -> Option<(TrackId, String)> {
        let passed = |title: &mut Title| title.start as f64 <= heard;
        let title = self.titles.pop_front_if(passed)?;
        Some((title.id, title.text))
    }

    /// The position up to which a track that cannot be sought in is at hand, if that has changed by enough to be told.
    pub(super) fn new_reach(&mut self) -> Option<(TrackId, Duration)> {
        let read = self.position_of(self.read_until() as f64)?;
        let current = self.current.as_mut()?;
        let is_seekable = current.info.is_none_or(|info| info.seekable);
        if read.0 != current.id || is_seekable || current.live().is_some() {
            return None;
        }
        let reach = read.1.saturating_add(current.source.supply().ahead);
        if reach.abs_diff(current.reach) < TELLING {
            return None;
        }
        current.reach = reach;
        Some((current.id, reach))
    }

    /// Whether the source that is read now is live.
    pub(super) fn live(&self) -> Option<Live> {
        self.current.as_ref().and_then(Open::live)
    }

    /// What the source that is read now has at hand.
    pub(super) fn supply(&self) -> Supply {
        let current = self.current.as_ref();
        current.map_or(Supply::ALL, |open| open.source.supply())
    }

    /// A track not told of yet whose beginning is at or before `heard`, and the (possibly negative) stream frame at
    /// which its position is zero.
    pub(super) fn passed(&mut self, heard: f64) -> Option<(TrackId, f64)> {
        let rate = f64::from(self.rate);
        let part = self
            .parts
            .iter_mut()
            .find(|part| !part.told && part.start as f64 <= heard)?;
        part.told = true;
        Some((
            part.id,
            part.start as f64 - part.offset.as_secs_f64() * rate,
        ))
    }
}

#[cfg(test)]
mod tests;
