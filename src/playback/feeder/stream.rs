//! A zone's present stream: tracks one after the other in one count of frames, as blocks.
//! It decides nothing about time; the feeder says how far to read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{EngineEvent, TrackId};
use crate::audio::{AudioBlock, Converter};
use crate::media::{MediaError, MediaInfo, Polled, Source};

/// Frames in a block: 20 ms at 48 kHz.
const BLOCK: usize = 960;
/// What has been heard is kept for this many frames (1 s), for lanes that come late and for resuming.
const HISTORY: u64 = 48_000;

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

struct Open {
    id: TrackId,
    source: Box<dyn Source>,
    info: Option<MediaInfo>,
    outcome: Option<Result<(), MediaError>>,
}

impl Open {
    fn new(id: TrackId, source: Box<dyn Source>) -> Self {
        Self {
            id,
            source,
            info: None,
            outcome: None,
        }
    }

    /// Whether it has opened, or never will.
    fn is_there(&self) -> bool {
        self.info.is_some() || self.outcome.is_some()
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
    blocks: VecDeque<Arc<AudioBlock>>,
    /// Converted frames that do not fill a block yet.
    pending: Vec<f32>,
    /// The frame after the last block.
    end: u64,
    /// A seek has been asked for and its answer has not come.
    seeking: bool,
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
            blocks: VecDeque::new(),
            pending: Vec::new(),
            end: 0,
            seeking: false,
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
                later.source.seek(Duration::ZERO);
                later.outcome = None;
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
        self.end = 0;
        self.begin_part(id);
        if let Some(part) = self.parts.back_mut() {
            part.offset = to;
        }
        self.seeking = true;
        true
    }

    fn begin_part(&mut self, id: TrackId) {
        self.parts.push_back(Part {
            id,
            start: self.end + self.pending.len() as u64 / 2 + self.converter.held(),
            offset: Duration::ZERO,
            told: false,
        });
    }

    /// The frame after the last that has been read.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The frame at which the stream ends, if that is known.
    pub(super) fn end_frame(&self) -> Option<u64> {
        match self.fill() {
            Fill::Ended(_) | Fill::Failed(..) => Some(self.end),
            Fill::Nothing | Fill::Flowing => None,
        }
    }

    pub(super) fn fill(&self) -> Fill {
        match &self.current {
            None => Fill::Nothing,
            Some(open) => match &open.outcome {
                None => Fill::Flowing,
                Some(Ok(())) if self.next.is_some() => Fill::Flowing,
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

    /// Reads on until stream frame `limit`, and forgets what was heard long ago. Returns what the zone is to know.
    pub(super) fn read(&mut self, heard: f64, limit: f64) -> Vec<EngineEvent> {
        let mut told = Vec::new();
        while (self.end as f64) < limit && self.read_once(&mut told) {}
        self.prefetch(&mut told);
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
            Polled::Audio(chunk) => {
                self.converter
                    .push(chunk.format, &chunk.samples, &mut self.pending);
                self.make_blocks(BLOCK);
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

    /// Goes over to the next track when it has something; whether it did.
    fn follow(&mut self, told: &mut Vec<EngineEvent>) -> bool {
        self.prefetch(told);
        let Some(next) = self.next.take_if(|next| next.is_there()) else {
            if self.next.is_none() {
                self.flush();
            }
            return false;
        };
        let seamless = match (&self.current, next.info) {
            (
                Some(Open {
                    info: Some(before), ..
                }),
                Some(after),
            ) => before.format.rate == after.format.rate,
            _ => false,
        };
        if !seamless {
            self.converter.finish(&mut self.pending);
        }
        self.begin_part(next.id);
        self.previous = self.current.replace(next);
        true
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
            Polled::Pending | Polled::Audio(_) | Polled::Sought(_) => {}
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
mod tests {
    use super::*;
    use crate::audio::StreamFormat;
    use crate::media::Chunk;

    const SECOND: u64 = 48_000;

    /// So many frames of one level at 48 kHz, as fast as they are polled.
    struct Tone {
        level: f32,
        frames: u64,
        at: u64,
        answers: VecDeque<Polled>,
    }

    impl Tone {
        fn new(level: f32, frames: u64) -> Box<Self> {
            Box::new(Self {
                level,
                frames,
                at: 0,
                answers: [Polled::Opened(MediaInfo {
                    format: StreamFormat::STANDARD,
                    duration: Some(Duration::from_secs(frames / SECOND)),
                    seekable: true,
                })]
                .into(),
            })
        }
    }

    impl Source for Tone {
        fn poll(&mut self) -> Polled {
            if let Some(answer) = self.answers.pop_front() {
                return answer;
            }
            let frames = (self.frames - self.at).min(1000);
            self.at += frames;
            if frames == 0 {
                return Polled::End;
            }
            Polled::Audio(Chunk {
                format: StreamFormat::STANDARD,
                samples: vec![self.level; frames as usize * 2],
            })
        }

        fn seek(&mut self, to: Duration) {
            self.at = (to.as_secs_f64() * SECOND as f64) as u64;
            self.answers.push_back(Polled::Sought(to));
        }
    }

    /// What never says anything.
    struct Silent;

    impl Source for Silent {
        fn poll(&mut self) -> Polled {
            Polled::Pending
        }

        fn seek(&mut self, _to: Duration) {}
    }

    fn stream(level: f32, frames: u64) -> Stream {
        let mut stream = Stream::new(48_000);
        stream.append(1, Tone::new(level, frames));
        stream
    }

    /// Reads as far as it goes, or to `limit`, with the ear at `heard`.
    fn read(stream: &mut Stream, heard: u64, limit: u64) -> Vec<EngineEvent> {
        let mut told = stream.read(heard as f64, limit as f64);
        told.extend(stream.read(heard as f64, limit as f64));
        told
    }

    /// The stream's levels from `frame` on, each with how many frames it lasts.
    fn levels(stream: &Stream, frame: u64) -> Vec<(f32, u64)> {
        let mut levels: Vec<(f32, u64)> = Vec::new();
        let mut next = frame;
        for block in stream.blocks_from(frame) {
            assert!(block.start <= next, "a hole at {next}");
            let skipped = (next - block.start) as usize * 2;
            for pair in block.samples[skipped..].chunks(2) {
                match levels.last_mut() {
                    Some((level, count)) if *level == pair[0] => *count += 1,
                    _ => levels.push((pair[0], 1)),
                }
            }
            next = block.end();
        }
        levels
    }

    #[test]
    fn tracks_follow_one_another_to_the_frame() {
        let mut stream = stream(0.1, SECOND + 17);
        stream.set_next(Some((2, Tone::new(0.2, 1234))), 0.0);
        read(&mut stream, 0, 10 * SECOND);
        assert_eq!(levels(&stream, 0), [(0.1, SECOND + 17), (0.2, 1234)]);
        assert!(matches!(stream.fill(), Fill::Ended(2)));
        assert_eq!(stream.end_frame(), Some(SECOND + 17 + 1234));
        assert_eq!(stream.passed(0.0), Some((1, 0.0)));
        let seam = (SECOND + 17) as f64;
        assert_eq!(stream.passed(seam - 1.0), None);
        assert_eq!(stream.passed(seam), Some((2, seam)));
        assert_eq!(stream.passed(seam), None, "told once");
    }

    #[test]
    fn a_next_track_that_is_replaced_leaves_the_first_whole() {
        for limit in [SECOND, SECOND + 500, 2 * SECOND] {
            let mut stream = stream(0.1, SECOND);
            stream.set_next(Some((2, Tone::new(0.2, SECOND))), 0.0);
            read(&mut stream, 0, limit);
            stream.set_next(Some((3, Tone::new(0.3, 777))), 100.0);
            read(&mut stream, 100, 3 * SECOND);
            assert_eq!(levels(&stream, 0), [(0.1, SECOND), (0.3, 777)]);
            assert!(matches!(stream.fill(), Fill::Ended(3)));
        }
    }

    #[test]
    fn a_next_track_that_is_replaced_before_it_gave_anything_leaves_the_first_whole() {
        for frames in [SECOND, SECOND + 17] {
            let mut stream = stream(0.1, frames);
            let mut hesitant = Tone::new(0.2, SECOND);
            hesitant
                .answers
                .extend(std::iter::repeat_with(|| Polled::Pending).take(10));
            stream.set_next(Some((2, hesitant)), 0.0);
            read(&mut stream, 0, 10 * SECOND);
            assert!(stream.set_next(Some((3, Tone::new(0.3, 777))), 100.0));
            read(&mut stream, 100, 10 * SECOND);
            assert_eq!(levels(&stream, 0), [(0.1, frames), (0.3, 777)]);
        }
    }

    #[test]
    fn a_next_track_that_is_heard_already_is_not_taken_back() {
        let mut stream = stream(0.1, SECOND);
        stream.set_next(Some((2, Tone::new(0.2, SECOND))), 0.0);
        read(&mut stream, 0, 10 * SECOND);
        assert!(!stream.set_next(Some((3, Tone::new(0.3, 777))), SECOND as f64 + 1.0));
        read(&mut stream, SECOND + 1, 10 * SECOND);
        let expected = [(0.1, SECOND), (0.2, SECOND), (0.3, 777)];
        assert_eq!(levels(&stream, 0), expected);
    }

    #[test]
    fn a_seek_in_the_first_track_makes_the_second_the_next_again() {
        let mut stream = stream(0.1, SECOND);
        stream.set_next(Some((2, Tone::new(0.2, SECOND))), 0.0);
        read(&mut stream, 0, 10 * SECOND);
        assert!(stream.seek(1000.0, Duration::from_millis(750)));
        assert!(matches!(stream.fill(), Fill::Flowing));
        read(&mut stream, 0, 10 * SECOND);
        assert_eq!(levels(&stream, 0), [(0.1, SECOND / 4), (0.2, SECOND)]);
        let there = Duration::from_millis(750);
        assert_eq!(stream.position_of(0.0), Some((1, there)));
        assert_eq!(stream.passed(0.0), Some((1, -36_000.0)));
        let seam = SECOND / 4;
        assert_eq!(stream.position_of(seam as f64), Some((2, Duration::ZERO)));
    }

    #[test]
    fn a_seek_in_the_second_track_does_not_bring_the_first_back() {
        let mut stream = stream(0.1, SECOND);
        stream.set_next(Some((2, Tone::new(0.2, SECOND))), 0.0);
        read(&mut stream, 0, 10 * SECOND);
        assert!(stream.seek(SECOND as f64, Duration::from_millis(500)));
        read(&mut stream, 0, 10 * SECOND);
        assert_eq!(levels(&stream, 0), [(0.2, SECOND / 2)]);
        assert!(matches!(stream.fill(), Fill::Ended(2)));
    }

    #[test]
    fn every_next_track_is_told_of_when_it_is_opened() {
        for read_before in [0, 10 * SECOND] {
            let mut stream = stream(0.1, SECOND);
            read(&mut stream, 0, read_before);
            stream.set_next(Some((2, Tone::new(0.2, SECOND))), 0.0);
            let told = read(&mut stream, 0, 10 * SECOND);
            let opened = |event: &&EngineEvent| matches!(event, EngineEvent::Opened(2, _));
            let count = told.iter().filter(opened).count();
            assert_eq!(count, 1, "{read_before} frames read before: {told:?}");
        }
    }

    #[test]
    fn a_next_track_that_does_not_open_keeps_the_end_open_until_it_is_taken_back() {
        let mut stream = stream(0.1, SECOND);
        stream.set_next(Some((2, Box::new(Silent))), 0.0);
        read(&mut stream, 0, 10 * SECOND);
        assert!(matches!(stream.fill(), Fill::Flowing));
        stream.set_next(None, 0.0);
        read(&mut stream, 0, 10 * SECOND);
        assert!(matches!(stream.fill(), Fill::Ended(1)));
        assert_eq!(levels(&stream, 0), [(0.1, SECOND)]);
    }

    #[test]
    fn days_of_short_tracks_take_no_more_memory_than_one() {
        let mut stream = stream(0.1, 10 * SECOND);
        let (mut heard, mut id) = (0, 1);
        for _ in 0..500 {
            heard += SECOND / 2;
            if stream.next.is_none() {
                id += 1;
                stream.set_next(Some((id, Tone::new(0.2, 3 * SECOND))), heard as f64);
            }
            read(&mut stream, heard, heard + 2 * SECOND);
            while stream.passed(heard as f64).is_some() {}
            assert!(stream.parts.len() < 5, "{} parts", stream.parts.len());
            let held = stream.end() - stream.blocks[0].start;
            assert!(held < 4 * SECOND, "{held} frames");
        }
        assert!(id > 50);
    }
}
