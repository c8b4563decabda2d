//! One sine, cut into two files of any two formats, is heard as one sine: through decoder, feeder and lane, in virtual time.

use std::collections::VecDeque;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use unisono::playback::{EngineCommand, EngineEvent};

use super::*;
use crate::support::ffmpeg::{ffmpeg, folder_of_made};
use crate::support::house::{House, RATE, card};

/// Where the sine is cut, in seconds: a whole number of frames at every rate, and of no codec's packets.
const CUT: f64 = 1.47;
const SECOND_HALF: f64 = 1.5;
const HERTZ: f64 = 440.0;

/// How a half is made: what ffmpeg is told, the ending, and the rate.
#[derive(Clone, Copy)]
struct Made {
    arguments: &'static str,
    ending: &'static str,
    rate: u32,
    channels: usize,
}

const fn made(ending: &'static str, rate: u32, arguments: &'static str) -> Made {
    Made {
        arguments,
        ending,
        rate,
        channels: 2,
    }
}

const FLAC: Made = made("flac", 44_100, "-c:a flac -sample_fmt s32");
const FLAC_48: Made = made("flac", 48_000, "-c:a flac -sample_fmt s32");
const FLAC_96: Made = made("flac", 96_000, "-c:a flac -sample_fmt s32");
const FLAC_MONO: Made = Made {
    channels: 1,
    ..FLAC
};
const MP3: Made = made("mp3", 44_100, "-c:a libmp3lame -b:a 320k");
const AAC: Made = made("m4a", 44_100, "-c:a aac -b:a 320k");
const ALAC: Made = made("m4a", 44_100, "-c:a alac -sample_fmt s32p");
const VORBIS: Made = made("ogg", 44_100, "-c:a libvorbis -q:a 8");
const OPUS: Made = made("opus", 48_000, "-c:a libopus -b:a 256k");
const WAV_8: Made = made("wav", 8_000, "-c:a pcm_f32le");

fn half(made: Made, is_first: bool) -> Vec<u8> {
    // Tests that run side by side want the same halves.
    static UNFINISHED: AtomicU32 = AtomicU32::new(0);
    let folder = folder_of_made("gapless");
    let (from, seconds) = if is_first {
        (0.0, CUT)
    } else {
        (CUT, SECOND_HALF)
    };
    let tone = format!("0.5*sin(2*PI*{HERTZ}*(t+{from}))");
    let tones = vec![tone; made.channels].join("|");
    let sound = format!("aevalsrc={tones}:s={}:d={seconds}", made.rate);
    let kind = made.arguments.replace([' ', ':'], "");
    let name = format!(
        "{is_first}{}x{}{kind}.{}",
        made.rate, made.channels, made.ending
    );
    let file = folder.join(&name);
    if !file.exists() {
        // Never half a file under the name of a whole one.
        let number = UNFINISHED.fetch_add(1, Ordering::Relaxed);
        let unfinished = format!("new{number}-{name}");
        let how = ["-f", "lavfi", "-i", &sound, "-bitexact"].into_iter();
        ffmpeg(
            &folder,
            how.chain(made.arguments.split(' ')).chain([&*unfinished]),
        );
        fs::rename(folder.join(unfinished), &file).unwrap();
    }
    fs::read(file).unwrap()
}

/// All that a file is decoded to; all of it is there at once.
struct Decoded(VecDeque<Polled>);

impl Source for Decoded {
    fn poll(&mut self) -> Polled {
        self.0.pop_front().unwrap_or(Polled::End)
    }

    fn seek(&mut self, _to: Duration) {
        panic!("nobody seeks here");
    }
}

async fn decoded(bytes: Vec<u8>) -> Decoded {
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::new(bytes));
    let mut listener = Listener::open(request(uri));
    let mut all = VecDeque::new();
    loop {
        match listener.next().await {
            Polled::End => return Decoded(all),
            Polled::Failed(error) => panic!("{error}"),
            polled => all.push_back(polled),
        }
    }
}

/// The phase of the sine in a quarter of a second of `samples` from `from` on, in frames, as it would be at frame 0.
fn phase(samples: &[f32], from: usize) -> f64 {
    let length = RATE as usize / 4;
    let (mut along, mut across) = (0.0, 0.0);
    for (number, sample) in samples[from..from + length].iter().enumerate() {
        let window = 1.0 - (TAU * number as f64 / length as f64).cos();
        let angle = TAU * HERTZ * (from + number) as f64 / f64::from(RATE);
        along += window * f64::from(*sample) * angle.sin();
        across += window * f64::from(*sample) * angle.cos();
    }
    across.atan2(along) / TAU * f64::from(RATE) / HERTZ
}

/// When the second half is set as the one that follows.
#[derive(Clone, Copy)]
enum Set {
    /// Before the first is played.
    Early,
    /// So long before the first has been heard, when all of it has been read.
    Late(Duration),
}

/// Plays two halves and says how many frames are missing at the seam, and how far the sound there, of some milliseconds, is from the
/// sine, in parts of it.
async fn seam(first: Made, second: Made, set: Set) -> (f64, f64) {
    let mut house = House::new(&[card(0.0)]);
    house.record();
    let sources = [
        decoded(half(first, true)).await,
        decoded(half(second, false)).await,
    ];
    let [one, other] = sources;
    house.send(EngineCommand::Prepare);
    // The outputs know their devices, as they do a few seconds after a track has been set.
    house.run(Duration::from_secs(3));
    house.send(EngineCommand::Load(1, Box::new(one)));
    let next = EngineCommand::Queue(Some((2, Box::new(other))));
    match set {
        Set::Early => {
            house.send(next);
            house.run(Duration::from_millis(300));
            house.send(EngineCommand::Play);
        }
        Set::Late(before) => {
            house.run(Duration::from_millis(300));
            house.send(EngineCommand::Play);
            let playing = |event: &EngineEvent| match event {
                EngineEvent::Playing { start, .. } => Some(*start),
                _ => None,
            };
            while house.events.iter().find_map(playing).is_none() {
                house.run(Duration::from_millis(10));
            }
            let start = house.events.iter().find_map(playing).unwrap();
            let at = start.plus_seconds(CUT) - before;
            house.run(at.saturating_since(house.now()));
            house.send(next);
        }
    }
    house.run(Duration::from_secs(5));
    let ended = |event: &EngineEvent| matches!(event, EngineEvent::Ended(2));
    assert!(house.events.iter().any(ended), "{:?}", house.events);
    let samples = house.rooms[0].ear.borrow().left();
    // The sine rises from its very beginning, and the lane fades nothing in.
    let heard = |sample: &f32| sample.abs() > 0.2;
    let start = samples.iter().position(heard).unwrap();
    let end = samples.iter().rposition(heard).unwrap();
    let cut = start + (CUT * f64::from(RATE)) as usize;
    let quarter = RATE as usize / 4;
    let before = phase(&samples, cut - quarter - quarter / 2);
    let after = phase(&samples, cut + quarter / 2);
    let turn = f64::from(RATE) / HERTZ;
    let missing = (after - before + turn / 2.0).rem_euclid(turn) - turn / 2.0;
    let sine = |number: usize| {
        0.5 * (TAU * HERTZ * (number as f64 + before + missing / 2.0) / f64::from(RATE)).sin()
    };
    let off = (cut - 960..cut + 960)
        .map(|number| (f64::from(samples[number]) - sine(number)).abs() / 0.5)
        .fold(0.0, f64::max);
    let whole = (CUT + SECOND_HALF) * f64::from(RATE);
    let excess = (end - start) as f64 - whole;
    // The first and the last of it are quieter than what counts as heard; a whole turn too many would be 109 frames.
    assert!((-30.0..10.0).contains(&excess), "{excess} frames too many");
    (missing, off)
}

/// A track whose server answers only when it is told to.
struct Held(Arc<AtomicBool>, Decoded);

impl Source for Held {
    fn poll(&mut self) -> Polled {
        if self.0.load(Ordering::Relaxed) {
            self.1.poll()
        } else {
            Polled::Pending
        }
    }

    fn seek(&mut self, _to: Duration) {
        panic!("nobody seeks here");
    }
}

/// Names the second half so long before the first has been heard; its server answers after `opening`. How long the silence between them
/// is, and how much of either is not heard, in seconds; and whether the zone is told that something does not keep up.
async fn hole(before: Duration, opening: Duration) -> (f64, f64, bool) {
    let mut house = House::new(&[card(0.0)]);
    house.record();
    house.send(EngineCommand::Prepare);
    house.run(Duration::from_secs(3));
    let first = decoded(half(FLAC_48, true)).await;
    house.send(EngineCommand::Load(1, Box::new(first)));
    house.run(Duration::from_millis(300));
    house.send(EngineCommand::Play);
    while house.start().is_none() {
        house.run(Duration::from_millis(10));
    }
    let end = house.start().unwrap().plus_seconds(CUT);
    house.run((end - before).saturating_since(house.now()));
    let answers = Arc::new(AtomicBool::new(opening.is_zero()));
    let second = Held(answers.clone(), decoded(half(FLAC_48, false)).await);
    house.send(EngineCommand::Queue(Some((2, Box::new(second)))));
    house.run(opening);
    answers.store(true, Ordering::Relaxed);
    house.run(Duration::from_secs(4));
    let told = |wanted: fn(&EngineEvent) -> bool| house.events.iter().any(wanted);
    assert!(told(|event| matches!(event, EngineEvent::Ended(2))));
    assert!(!told(|event| matches!(event, EngineEvent::Ended(1))));
    let samples = house.rooms[0].ear.borrow().left();
    let heard: Vec<_> = (0..samples.len())
        .filter(|number| samples[*number].abs() > 0.2)
        .collect();
    let longest = heard.windows(2).map(|pair| pair[1] - pair[0]).max();
    let silence = longest.unwrap() as f64 / f64::from(RATE);
    let span = (heard[heard.len() - 1] - heard[0]) as f64 / f64::from(RATE);
    let lost = CUT + SECOND_HALF + silence - span;
    let stalled = told(|event| matches!(event, EngineEvent::Stalled(_)));
    (silence, lost, stalled)
}

#[tokio::test]
async fn a_next_track_that_is_named_at_the_last_moment_loses_nothing() {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    for opening in [0, 30, 160, 700] {
        for before in [500, 400, 300, 250, 200, 150, 100, 50, 20] {
            let millis = Duration::from_millis;
            let (silence, lost, stalled) = hole(millis(before), millis(opening)).await;
            let found = format!(
                "{before} ms before, answered after {opening} ms: {:.1} ms of silence, {:.1} ms lost, stalled: {stalled}",
                silence * 1e3,
                lost * 1e3
            );
            let late = millis(opening).saturating_sub(millis(before));
            // Of the sine itself no more than a millisecond is silent. What is there 100 ms before the end is there in time.
            let allowed = match before.saturating_sub(opening) {
                100.. => 0.001,
                _ => late.as_secs_f64() + 0.1,
            };
            if lost.abs() > 0.002 || silence > allowed || stalled == late.is_zero() {
                faults.push(found.clone());
            }
            seen.push(found);
        }
    }
    assert!(
        faults.is_empty(),
        "{}\nof\n{}",
        faults.join("\n"),
        seen.join("\n")
    );
}

/// The zone tells a sender of the second track when it has gone over to it, and senders then name the third.
#[tokio::test]
async fn a_track_that_is_gone_over_to_and_waited_for_is_heard_though_the_one_after_it_is_named() {
    for named in [true, false] {
        let mut house = House::new(&[card(0.0)]);
        house.record();
        let first = decoded(half(FLAC_48, true)).await;
        house.send(EngineCommand::Load(1, Box::new(first)));
        house.send(EngineCommand::Play);
        let answers = Arc::new(AtomicBool::new(false));
        let second = Held(answers.clone(), decoded(half(FLAC_48, false)).await);
        house.send(EngineCommand::Queue(Some((2, Box::new(second)))));
        house.run(Duration::from_secs(5));
        let told = |event: &EngineEvent| matches!(event, EngineEvent::Stalled(2));
        assert!(house.events.iter().any(told), "{:?}", house.events);
        let third = decoded(half(FLAC_48, true)).await;
        let third: Option<(_, Box<dyn Source>)> = named.then(|| (3, Box::new(third) as _));
        house.send(EngineCommand::Queue(third));
        answers.store(true, Ordering::Relaxed);
        house.run(Duration::from_secs(6));
        let last = if named { 3 } else { 2 };
        let ended = house.events.iter().find_map(|event| match event {
            EngineEvent::Ended(track) => Some(*track),
            _ => None,
        });
        assert_eq!(ended, Some(last), "{:?}", house.events);
        let samples = house.rooms[0].ear.borrow().left();
        let heard = samples.iter().filter(|sample| sample.abs() > 0.2).count();
        // A sine is above two fifths of its height for three quarters of the time.
        let seconds = heard as f64 / f64::from(RATE) / 0.738;
        let expected = CUT + SECOND_HALF + if named { CUT } else { 0.0 };
        assert!(
            (seconds - expected).abs() < 0.03,
            "{seconds} s, not {expected}"
        );
    }
}

#[tokio::test]
async fn a_sine_cut_into_two_files_of_any_two_formats_is_one_sine() {
    let (mut faults, mut seen) = (Vec::new(), Vec::new());
    // Encoders smear the beginning of a sound; what they may be off there, in parts of the sine.
    for (what, first, second, allowed) in [
        ("FLAC to FLAC", FLAC, FLAC, 1e-3),
        ("ALAC to ALAC", ALAC, ALAC, 1e-3),
        ("FLAC to ALAC", FLAC, ALAC, 1e-3),
        ("mono to stereo", FLAC_MONO, FLAC, 1e-3),
        ("MP3 to MP3", MP3, MP3, 0.1),
        ("AAC to AAC", AAC, AAC, 0.12),
        ("Vorbis to Vorbis", VORBIS, VORBIS, 0.1),
        ("Opus to Opus", OPUS, OPUS, 0.1),
        ("MP3 to FLAC", MP3, FLAC, 0.1),
        ("FLAC to MP3", FLAC, MP3, 0.1),
        ("Opus to AAC", OPUS, AAC, 0.12),
        ("FLAC of 44.1 to 96 kHz", FLAC, FLAC_96, 0.01),
        ("FLAC of 96 to 44.1 kHz", FLAC_96, FLAC, 0.01),
        ("FLAC of 44.1 to 48 kHz", FLAC, FLAC_48, 0.01),
        ("FLAC of 48 to 96 kHz", FLAC_48, FLAC_96, 0.01),
        ("8 to 48 kHz", WAV_8, FLAC_48, 0.1),
    ] {
        let (missing, off) = seam(first, second, Set::Early).await;
        let found = format!("{what}: {missing:.3} frames missing, {off:.5} off");
        if missing.abs() > 0.2 || off > allowed {
            faults.push(found.clone());
        }
        seen.push(found);
    }
    assert!(
        faults.is_empty(),
        "{}\nof\n{}",
        faults.join("\n"),
        seen.join("\n")
    );
}

#[tokio::test]
async fn a_next_track_that_is_set_when_the_first_has_been_read_to_its_end_follows_without_a_seam() {
    let mut faults = Vec::new();
    // Lanes write a quarter of a second ahead of the ear, and what they have written is over.
    for millis in [1000, 700, 500] {
        for (what, first, second, allowed) in [
            ("48 kHz", FLAC_48, FLAC_48, 1e-3),
            ("44.1 kHz", FLAC, FLAC, 1e-3),
            ("44.1 to 96 kHz", FLAC, FLAC_96, 0.01),
            ("MP3", MP3, MP3, 0.1),
        ] {
            let before = Duration::from_millis(millis);
            let (missing, off) = seam(first, second, Set::Late(before)).await;
            if missing.abs() > 0.2 || off > allowed {
                faults.push(format!(
                    "{what}, {millis} ms before: {missing:.3} frames missing, {off:.5} off"
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
