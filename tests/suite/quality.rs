//! What one hears of the sums: distortion, level, images, clicks and seams, after feeder, lane and a speaker whose crystal
//! is off. How far apart speakers are is the matter of `sync`, what commands do that of `playback`.

mod tone;

use std::f64::consts::TAU;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use unisono::media::Source;
use unisono::playback::{EngineCommand, EngineEvent, Gain, SideGain};

use crate::support::house::{Generated, House, RATE, card};
use tone::{Tone, db};

const SECOND: Duration = Duration::from_secs(1);
/// The crystal of the speaker that is listened to.
const PPM: f64 = 200.0;
/// Rates of the material.
const RATES: [u32; 2] = [48_000, 44_100];
/// When it is listened to, in seconds. What is left then of the first microseconds of misalignment is worked off too slowly
/// to count as anything but a drift.
const SETTLED: [u64; 3] = [8, 16, 40];
/// −1 dBFS.
const LOUD: f64 = 0.891_25;

fn sine(rate: u32, hertz: f64, seconds: f64) -> impl Source + 'static {
    let length = Duration::from_secs_f64(seconds);
    Generated::new(rate, length, move |frame| {
        let phase = frame as f64 * hertz / f64::from(rate);
        [(LOUD * (TAU * phase).sin()) as f32; 2]
    })
}

/// Cycles of a tone for each frame of the speaker.
fn cycles(hertz: f64) -> f64 {
    hertz / (f64::from(RATE) * (1.0 + PPM * 1e-6))
}

/// A speaker that plays this tone, and what is heard in the second that begins `from` seconds after the start.
fn heard(rate: u32, hertz: f64, from: u64) -> Tone {
    let mut house = House::new(&[card(PPM)]);
    house.play(sine(rate, hertz, from as f64 + 5.0));
    house.run(SECOND * from as u32);
    house.record();
    house.run(SECOND);
    let ear = house.rooms[0].ear.borrow();
    Tone::fit(&ear.left(), cycles(hertz))
}

/// 997 Hz at −1 dBFS, over the whole band of 0 to 24 kHz, unweighted.
#[test]
fn a_tone_comes_out_as_pure_as_it_went_in() {
    for rate in RATES {
        for from in SETTLED {
            let tone = heard(rate, 997.0, from);
            let rest = db(tone.rest);
            assert!(rest < -100.0, "{rate} Hz, after {from} s: {rest} dB");
            let level = db(tone.amplitude / LOUD);
            assert!(level.abs() < 0.001, "{rate} Hz: {level} dB");
        }
    }
}

#[test]
fn every_pitch_is_as_loud_as_the_others() {
    for rate in RATES {
        let middle = heard(rate, 997.0, 2).amplitude;
        for hertz in [
            20.0, 101.0, 4_999.0, 10_007.0, 15_013.0, 18_000.0, 19_001.0, 20_000.0,
        ] {
            let level = db(heard(rate, hertz, 2).amplitude / middle);
            assert!(level.abs() < 0.1, "{hertz} Hz of {rate}: {level} dB");
        }
    }
}

/// All that is heard beside a high tone, wherever it lies: images, aliases, and the filter's own errors.
#[test]
fn a_high_tone_has_no_images() {
    for rate in RATES {
        for hertz in [15_013.0, 18_000.0, 19_001.0] {
            let rest = db(heard(rate, hertz, SETTLED[1]).rest);
            assert!(rest < -90.0, "{hertz} Hz of {rate}: {rest} dB");
        }
    }
}

/// A house that plays a tone, whose volume can be set.
fn playing(rate: u32, hertz: f64) -> (House, Arc<Gain>) {
    let mut house = House::new(&[card(PPM)]);
    let gain = Arc::new(Gain::new(1.0));
    let lanes = house.rooms.iter().map(|room| room.handle.clone()).collect();
    house.feeder = House::another_feeder(lanes, &gain, &Arc::new(AtomicU64::new(0)));
    house.play(sine(rate, hertz, 60.0));
    house.run(2 * SECOND);
    (house, gain)
}

/// The largest step from one sample to the next, in parts of the tone's amplitude.
fn largest_step(house: &House) -> f64 {
    let samples = house.rooms[0].ear.borrow().left();
    let steps = samples.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    f64::from(steps.fold(0.0, f32::max)) / LOUD
}

/// At each of many phases of the tone no sample is further from the one before than the tone's own slope and a fade over
/// 5 ms (volume: 10 ms) make it.
#[test]
fn nothing_that_people_do_clicks() {
    // No two of these moments, 130 ms apart, fall on the same phase.
    let hertz = 197.0;
    let pause = Duration::from_millis(130);
    let own = TAU * hertz / f64::from(RATE);
    for rate in RATES {
        let (mut house, gain) = playing(rate, hertz);
        let set = |factor| {
            let side = SideGain {
                factor,
                muted: false,
            };
            gain.set(side, side);
        };
        let mut check = |what: &str, fade: f64, act: &mut dyn FnMut(&mut House, u32)| {
            for time in 0..12 {
                house.record();
                act(&mut house, time);
                house.run(pause);
                let (step, allowed) = (largest_step(&house), own + 1.0 / fade);
                assert!(
                    step < allowed * 1.01,
                    "{what} {time} at {rate}: {step}, not {allowed}"
                );
                assert!(
                    step > own * 0.1,
                    "{what} {time} at {rate}: nothing is heard"
                );
            }
        };
        check("volume", 480.0, &mut |_, time| {
            set([0.3, 1.0, 0.05, 0.7, 0.0, 0.9, 1.0][time as usize % 7]);
        });
        set(1.0);
        check("pause and resume", 240.0, &mut |house, _| {
            house.send(EngineCommand::Pause);
            house.run(pause);
            house.send(EngineCommand::Play);
        });
        check("seek", 240.0, &mut |house, time| {
            house.send(EngineCommand::Seek(SECOND * (3 + 7 * time % 40)));
            house.run(2 * pause);
        });
    }
}

/// Two files whose lengths are no round numbers, with a click at the very beginning of the first and one at the very end
/// of the second, and a tone that runs through the seam. A frame too few or too many would be heard as a break in the
/// tone, or in the time from one click to the other.
#[test]
fn a_pair_of_files_is_heard_with_not_one_frame_more_or_less() {
    for rate in RATES {
        let lengths = [u64::from(rate) * 3 + 17, u64::from(rate) * 2 + 1_234];
        let whole = lengths[0] + lengths[1];
        let recording = move |frame: u64| {
            let from_end = frame.min(whole - 1 - frame);
            let value = if from_end < 64 {
                let into = if frame < 64 { frame } else { 63 - from_end };
                0.25 - 0.25 * (TAU * (into as f64 + 0.5) / 64.0).cos()
            } else if frame.abs_diff(lengths[0]) < u64::from(rate) {
                LOUD * (TAU * 997.0 * frame as f64 / f64::from(rate)).sin()
            } else {
                0.0
            };
            [value as f32; 2]
        };
        let file = |frames: u64, from: u64| {
            let length = Duration::from_secs_f64(frames as f64 / f64::from(rate));
            Generated::new(rate, length, move |frame| recording(from + frame))
        };
        let crystals = [0.0, PPM, -300.0];
        let mut house = House::new(&crystals.map(card));
        house.record();
        house.send(EngineCommand::Prepare);
        // The outputs know their devices, as they do a few seconds after a track has been set.
        house.run(3 * SECOND);
        house.play(file(lengths[0], 0));
        house.send(EngineCommand::Queue(Some((
            2,
            Box::new(file(lengths[1], lengths[0])),
        ))));
        house.run(8 * SECOND);
        let ended = |event: &EngineEvent| matches!(event, EngineEvent::Ended(2));
        assert!(house.events.iter().any(ended), "{:?}", house.events);
        for (room, crystal) in house.rooms.iter().zip(crystals) {
            let ear = room.ear.borrow();
            let [first, _tone, last] = ear.clicks[..] else {
                panic!("{crystal} ppm of {rate}: {:?}", ear.clicks);
            };
            let seconds = (whole - 64) as f64 / f64::from(rate);
            let frames = (last.seconds_since(first) - seconds) * f64::from(rate);
            assert!(
                frames.abs() < 0.25,
                "{crystal} ppm of {rate}: {frames} frames"
            );
            let samples = ear.left();
            let start = samples.iter().position(|sample| sample.abs() > 1e-3);
            let speaker = f64::from(RATE) * (1.0 + crystal * 1e-6);
            let seam = lengths[0] as f64 / f64::from(rate) * speaker;
            let seam = start.expect("a click") + seam as usize;
            let around = &samples[seam - 12_000..seam + 12_000];
            let rest = db(Tone::fit(around, 997.0 / speaker).rest);
            assert!(
                rest < -100.0,
                "{crystal} ppm of {rate}: {rest} dB at the seam"
            );
            assert_eq!(room.handle.report().starved_frames, 0);
        }
    }
}
