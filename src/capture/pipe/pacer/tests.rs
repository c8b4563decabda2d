//! Writers of several kinds at a pipe in virtual time, and what is given on and said of them.

use std::ops::Range;

use super::*;
use crate::capture::pipe::{HELD, pace};

const RATE: f64 = 44_100.0;
/// What a pipe holds on Linux, in frames of 16-bit stereo.
const PIPE: usize = 65_536 / 4;

/// Somebody who writes `piece` frames at a time.
struct Writer {
    piece: usize,
    /// The moment at which the next piece is written, if there is room, and how long after the one before.
    next: f64,
    every: f64,
    /// It writes nothing in this time, and goes on afterwards as if it had not been.
    pause: Range<f64>,
    /// Frames that it wanted to write at its moment and could not.
    late: usize,
}

impl Writer {
    /// One whose own clock is off by so much.
    fn of_clock(ppm: f64, piece: usize) -> Self {
        Self {
            piece,
            next: 0.003,
            every: piece as f64 / (RATE * (1.0 + ppm * 1e-6)),
            pause: 0.0..0.0,
            late: 0,
        }
    }

    /// One that writes whenever there is room.
    fn fast() -> Self {
        Self {
            every: 0.0001,
            ..Self::of_clock(0.0, 1024)
        }
    }

    fn until(&mut self, now: f64, pipe: &mut usize) {
        while self.next <= now {
            if self.pause.contains(&self.next) {
                self.next += self.pause.end - self.pause.start;
                continue;
            }
            if *pipe + self.piece > PIPE {
                self.late += self.piece;
                // It waits: what it has comes at the next chance.
                self.next = now + 1e-6;
                return;
            }
            *pipe += self.piece;
            self.next += self.every;
        }
    }
}

/// What came of it.
struct Run {
    given: usize,
    reports: Vec<Heard>,
    gaps: u64,
    /// Gaps and the moments of them.
    gap_times: Vec<f64>,
}

fn run(writer: &mut Writer, seconds: f64) -> Run {
    let mut pacer = Pacer::new(RATE as u32);
    let room = (HELD.as_secs_f64() * RATE) as usize;
    let (mut pipe, mut held, mut reads, mut now) = (0, 0, 0, 0.0);
    let mut run = Run {
        given: 0,
        reports: Vec::new(),
        gaps: 0,
        gap_times: Vec::new(),
    };
    while now < seconds {
        writer.until(now, &mut pipe);
        let found = pipe.min(room - held);
        pipe -= found;
        held += found;
        let at = ClockTime::default().plus_seconds(now);
        let given = pacer.turn(at, found, held, pipe == 0 && held < room);
        held -= given;
        run.given += given;
        run.reports.extend(pacer.heard());
        if pacer.gaps() != run.gaps {
            run.gaps = pacer.gaps();
            run.gap_times.push(now);
        }
        reads += 1;
        now += pace(reads).as_secs_f64();
    }
    run
}

/// How far the rate of reports within a time is off the nominal one, in ppm, by the straight line through them.
fn ppm(reports: &[Heard], time: Range<f64>) -> f64 {
    let points = reports.iter().map(|report| {
        let at = report.at.seconds_since(ClockTime::default());
        (at, report.frames - at * RATE)
    });
    let points: Vec<_> = points.filter(|(at, _)| time.contains(at)).collect();
    let count = points.len() as f64;
    assert!(count > 100.0, "{count} reports");
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (mean_at, mean_frames) = (mean(|point| point.0), mean(|point| point.1));
    let sums = points
        .iter()
        .fold((0.0, 0.0), |(up, across), (at, frames)| {
            let at = at - mean_at;
            (up + at * (frames - mean_frames), across + at * at)
        });
    sums.0 / sums.1 / RATE * 1e6
}

#[test]
fn a_writer_that_has_to_wait_is_heard_at_exactly_the_nominal_rate() {
    let run = run(&mut Writer::fast(), 60.0);
    assert_eq!(run.gaps, 0);
    let off = ppm(&run.reports, 0.0..60.0);
    assert!(off.abs() < 1e-6, "{off} ppm");
    let given = run.given as f64 / RATE;
    assert!(
        (given - 60.0 - AHEAD.as_secs_f64()).abs() < 0.02,
        "{given} s"
    );
    for report in &run.reports {
        let line = RATE * (report.at.seconds_since(run.reports[0].at) + AHEAD.as_secs_f64());
        assert!((report.frames - line).abs() < 1e-3);
    }
}

/// The longest is ten minutes, in which a pipe that was read at the nominal rate would come to hold more than is given on at once.
#[test]
fn a_writer_with_a_clock_of_its_own_is_followed() {
    for (off, piece, seconds) in [
        (-300.0, 352, 120.0),
        (300.0, 352, 600.0),
        (300.0, 441, 120.0),
        (-300.0, 4096, 120.0),
        (120.0, 1, 120.0),
    ] {
        let mut writer = Writer::of_clock(off, piece);
        let run = run(&mut writer, seconds);
        assert_eq!(
            run.gaps, 0,
            "{off} ppm, {piece} at a time: {:?}",
            run.gap_times
        );
        assert_eq!(writer.late, 0, "it never had to wait");
        let wrote = writer.next * RATE * (1.0 + off * 1e-6);
        let missing = wrote - run.given as f64;
        assert!(
            missing < 0.02 * RATE + 2.0 * piece as f64,
            "{missing} frames"
        );
        let measured = ppm(&run.reports, 10.0..seconds);
        assert!((measured - off).abs() < 5.0, "{measured} ppm, of {off}");
        // Ten seconds alone tell it well enough to play by.
        for from in [10.0, 50.0, 100.0] {
            let measured = ppm(&run.reports, from..from + 10.0);
            assert!(
                (measured - off).abs() < 60.0,
                "{measured} ppm, of {off}, {piece} at a time, from {from} s"
            );
        }
    }
}

#[test]
fn a_writer_that_pauses_and_goes_on_has_made_a_gap() {
    // What lies in the pipe is given on until the pause is heard.
    let of_clock = || Writer::of_clock(0.0, 352);
    for (mut writer, pause) in [
        (of_clock(), 0.7),
        (of_clock(), 45.0),
        (Writer::fast(), 2.0),
        (Writer::fast(), 45.0),
    ] {
        writer.pause = 5.0..5.0 + pause;
        let run = run(&mut writer, 60.0);
        assert_eq!(run.gaps, 1, "{pause} s: {:?}", run.gap_times);
        assert!((run.gap_times[0] - 5.0 - pause).abs() < 0.05);
        let measured = ppm(&run.reports, 52.0..60.0);
        assert!(measured.abs() < 60.0, "{measured} ppm");
    }
}

#[test]
fn a_fast_writer_that_is_held_up_for_a_moment_goes_on_where_it_was() {
    let mut writer = Writer::fast();
    writer.pause = 5.0..5.7;
    let run = run(&mut writer, 20.0);
    assert_eq!(run.gaps, 0);
    let first = run.reports[0];
    for report in &run.reports {
        let line = first.frames + RATE * report.at.seconds_since(first.at);
        assert!((report.frames - line).abs() < 1e-3);
    }
}

/// A quarter of a second at once, more than is given on at once, and then no faster than it is heard.
#[test]
fn a_writer_of_its_own_clock_that_begins_with_a_burst_is_followed_in_the_end() {
    let mut writer = Writer::of_clock(300.0, 352);
    writer.next -= 0.25;
    let run = run(&mut writer, 60.0);
    assert_eq!(run.gaps, 1, "{:?}", run.gap_times);
    assert!(run.gap_times[0] < 1.5, "{:?}", run.gap_times);
    let measured = ppm(&run.reports, 30.0..60.0);
    assert!((measured - 300.0).abs() < 15.0, "{measured} ppm");
}

#[test]
fn a_writer_that_is_held_up_for_a_moment_is_still_where_it_was() {
    let mut writer = Writer::of_clock(50.0, 352);
    // It makes up for it: what it was late with comes at once.
    writer.until(0.0, &mut 0);
    let mut pacer = Pacer::new(RATE as u32);
    let mut reports = Vec::new();
    let (mut pipe, mut now) = (0, 0.0);
    for reads in 1..6000 {
        let held_up = now > 20.0 && now < 20.3;
        if !held_up {
            writer.until(now, &mut pipe);
        }
        let at = ClockTime::default().plus_seconds(now);
        let found = std::mem::take(&mut pipe);
        assert_eq!(pacer.turn(at, found, found, true), found, "at {now}");
        reports.extend(pacer.heard());
        now += pace(reads).as_secs_f64();
    }
    assert_eq!(pacer.gaps(), 0);
    let measured = ppm(&reports, 10.0..40.0);
    assert!((measured - 50.0).abs() < 5.0, "{measured} ppm");
}
