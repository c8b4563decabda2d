//! What a stream of tracks gives out, polled by hand.

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
    let mut told = stream.read(heard as f64, limit as f64, f64::INFINITY, 0.0);
    told.extend(stream.read(heard as f64, limit as f64, f64::INFINITY, 0.0));
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
fn a_next_track_that_cannot_be_had_again_is_whole_after_a_seek_back() {
    for read_ahead in [1, 5000, 2 * SECOND] {
        let mut stream = stream(0.1, SECOND);
        let mut one_way = Tone::new(0.2, SECOND + 321);
        one_way.answers = [Polled::Opened(MediaInfo {
            format: StreamFormat::STANDARD,
            duration: None,
            seekable: false,
        })]
        .into();
        stream.set_next(Some((2, one_way)), 0.0);
        for _ in 0..2 {
            read(&mut stream, 0, SECOND + read_ahead);
            assert!(stream.seek(1000.0, Duration::from_millis(500)));
        }
        read(&mut stream, 0, 10 * SECOND);
        let expected = [(0.1, SECOND / 2), (0.2, SECOND + 321)];
        assert_eq!(levels(&stream, 0), expected, "{read_ahead} frames ahead");
        assert!(matches!(stream.fill(), Fill::Ended(2)));
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
fn a_next_track_that_does_not_open_leaves_the_end_an_end_and_is_gone_over_to() {
    let mut stream = stream(0.1, SECOND);
    stream.set_next(Some((2, Box::new(Silent))), 0.0);
    read(&mut stream, 0, 10 * SECOND);
    assert!(matches!(stream.fill(), Fill::Ended(1)));
    assert_eq!(stream.go_over(), Some((2, false)));
    assert!(matches!(stream.fill(), Fill::Flowing));
    // Taken back, the end is that of the first again.
    stream.set_next(None, 0.0);
    read(&mut stream, 0, 10 * SECOND);
    assert!(matches!(stream.fill(), Fill::Ended(1)));
    assert_eq!(stream.go_over(), None);
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
