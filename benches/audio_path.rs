//! What a second of audio costs on its way through a zone: one thread, virtual time, simulated speakers.
//! Divide by a second to get the part of a core that it takes. Decoding is in `decode`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use unisono::audio::{
    ChannelMap, Converter, Heard, MixRamp, PositionFilter, RateMatcher, StreamFormat,
};
use unisono::clock::{Clock, ClockTime, ManualClock};
use unisono::media::{Chunk, MediaInfo, Polled, Source};
use unisono::playback::{
    EngineCommand, Feeder, Gain, Lane, LaneHandle, LaneState, OutputSpec, Wake,
};
use unisono::sink::simulated::Simulated;
use unisono::sink::{SimulatedSpec, SinkSpec};

const RATE: u32 = 48_000;
/// How often a lane's thread looks around.
const STEP: Duration = Duration::from_millis(10);
const STEPS_PER_SECOND: usize = 100;
/// Frames that a lane writes at a time.
const CHUNK: usize = 240;

fn main() {
    divan::main();
}

/// Items are frames of the zone.
fn one_second() -> ItemsCount {
    ItemsCount::new(RATE)
}

/// A second of stereo that is not silence.
fn second(rate: u32) -> Vec<f32> {
    let sample = |frame: u32| (frame as f32 * 0.05).sin() * 0.5;
    (0..rate)
        .flat_map(|frame| [sample(frame), -sample(frame)])
        .collect()
}

/// Audio without end that is there at once.
struct Endless {
    format: StreamFormat,
    opened: bool,
    samples: Vec<f32>,
}

impl Source for Endless {
    fn poll(&mut self) -> Polled {
        if !std::mem::replace(&mut self.opened, true) {
            return Polled::Opened(MediaInfo {
                format: self.format,
                duration: None,
                seekable: false,
            });
        }
        Polled::Audio(Chunk {
            format: self.format,
            samples: self.samples.clone(),
        })
    }

    fn seek(&mut self, _to: Duration) {}
}

#[derive(Debug)]
struct NoThread;

impl Wake for NoThread {
    fn wake(&self) {}
}

/// A zone that plays, its feeder and lanes stepped by hand.
struct Zone {
    clock: Arc<ManualClock>,
    feeder: Feeder,
    lanes: Vec<(Lane, LaneHandle)>,
}

impl Zone {
    fn playing(speakers: usize, rate: u32) -> Self {
        let clock = Arc::new(ManualClock::new());
        let lanes: Vec<(Lane, LaneHandle)> = (0..speakers)
            .map(|index| {
                let card = SimulatedSpec {
                    crystal_ppm: 80.0 * index as f64,
                    ..SimulatedSpec::default()
                };
                let name = format!("speaker {index}");
                let spec = OutputSpec::plain(&name, SinkSpec::Simulated(card.clone()));
                let (handle, end) = LaneHandle::pair(&spec, Arc::new(NoThread));
                let mut lane = Lane::new(&spec, RATE, end);
                let sink = Simulated::new(card, clock.clone(), Box::new(|_, _| Ok(())));
                lane.attach(Box::new(sink)).expect("48 kHz to 48 kHz");
                (lane, handle)
            })
            .collect();
        let handles = lanes.iter().map(|(_, handle)| handle.clone()).collect();
        let claims = AtomicU64::new(0);
        let next = move || claims.fetch_add(1, Ordering::Relaxed) + 1;
        let feeder = Feeder::new(RATE, handles, Arc::new(Gain::new(0.5)), Arc::new(next));
        let mut zone = Self {
            clock,
            feeder,
            lanes,
        };
        let source = Endless {
            format: StreamFormat { rate, channels: 2 },
            opened: false,
            samples: second(rate)[..2 * 1152].to_vec(),
        };
        zone.send(EngineCommand::Prepare);
        zone.send(EngineCommand::Load(1, Box::new(source)));
        zone.run(50);
        zone.send(EngineCommand::Play);
        // Full lines of reports in every lane's filter: the usual case, and the dearest.
        zone.run(20 * STEPS_PER_SECOND);
        for (_, handle) in &zone.lanes {
            assert_eq!(handle.report().state, LaneState::Playing);
        }
        zone
    }

    fn send(&mut self, command: EngineCommand) {
        self.feeder.command(command, self.clock.now());
    }

    fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            let now = self.clock.now();
            self.feeder.step(now);
            while self.feeder.event().is_some() {}
            for (lane, _) in &mut self.lanes {
                lane.step(now).expect("simulated speakers do not go away");
            }
            self.clock.advance(STEP);
        }
    }
}

/// Feeder and lanes together, speaker by speaker: what one more costs is the difference.
#[divan::bench(args = [1, 2, 4, 8, 16, 32], sample_size = 1, max_time = 1)]
fn zone(bencher: Bencher, speakers: usize) {
    let mut zone = Zone::playing(speakers, RATE);
    bencher
        .counter(one_second())
        .bench_local(|| zone.run(STEPS_PER_SECOND));
}

/// The same with a CD's rate, which the feeder converts once for all speakers.
#[divan::bench(args = [2], sample_size = 1, max_time = 1)]
fn zone_at_44100(bencher: Bencher, speakers: usize) {
    let mut zone = Zone::playing(speakers, 44_100);
    bencher
        .counter(one_second())
        .bench_local(|| zone.run(STEPS_PER_SECOND));
}

/// The lane's resampler, bent a little anew for each chunk as when it is steered.
#[divan::bench(args = [48_000, 44_100], max_time = 1)]
fn rate_matcher(bencher: Bencher, output_rate: u32) {
    let mut matcher = RateMatcher::new(RATE, output_rate).expect("plain rates");
    matcher.begin(0.0);
    let mut chunk = vec![0.0_f32; CHUNK * 2];
    let input = second(RATE);
    let chunks = output_rate as usize / CHUNK;
    bencher.counter(one_second()).bench_local(|| {
        let mut at = 0;
        for round in 0..chunks {
            matcher.bend(1.0 + (round % 7) as f64 * 1e-6);
            matcher.process(&mut chunk, |frames| {
                // The last chunk of a second may want some frames of the next.
                let from = at.min(input.len() - frames.len());
                frames.copy_from_slice(&input[from..from + frames.len()]);
                at += frames.len();
            });
            black_box(&chunk);
        }
    });
}

/// The feeder's conversion to the zone's rate.
#[divan::bench(args = [44_100, 96_000, 48_000], max_time = 1)]
fn converter(bencher: Bencher, rate: u32) {
    let format = StreamFormat { rate, channels: 2 };
    let input = second(rate);
    let mut converter = Converter::new(RATE);
    let mut output = Vec::with_capacity(RATE as usize * 4);
    bencher.counter(one_second()).bench_local(|| {
        output.clear();
        for chunk in input.chunks(2 * 1152) {
            converter.push(format, chunk, &mut output);
        }
        black_box(&output);
    });
}

#[divan::bench(args = ChannelMap::ALL.map(ChannelMap::name))]
fn channel_map(bencher: Bencher, name: &str) {
    let mix = ChannelMap::from_name(name).expect("one of them all").mix();
    let mut frames = second(RATE);
    let mut ramp = MixRamp::new(RATE);
    ramp.jump(mix);
    bencher
        .counter(one_second())
        .bench_local(|| ramp.apply(black_box(&mut frames), mix));
}

/// A volume that stays, and one that is on its way.
#[divan::bench(args = ["steady", "ramp"])]
fn gain(bencher: Bencher, kind: &str) {
    let mut frames = vec![0.0_f32; RATE as usize * 2];
    let stereo = ChannelMap::Stereo.mix();
    let mut ramp = MixRamp::new(RATE);
    ramp.jump(stereo.scaled(0.5));
    let targets = if kind == "ramp" {
        [0.2, 0.8]
    } else {
        [0.5, 0.5]
    };
    bencher.counter(one_second()).bench_local(|| {
        // A chunk is shorter than a ramp, so that the target is never reached.
        for (chunk, index) in frames.chunks_mut(2 * CHUNK).zip(0..) {
            let target: usize = index % 2;
            ramp.apply(black_box(chunk), stereo.scaled(targets[target]));
        }
    });
}

/// One report of a device's position taken into a full window, a third of them late.
#[divan::bench]
fn position_filter_observe(bencher: Bencher) {
    let mut filter = PositionFilter::new(RATE, None);
    let mut number = 0_u32;
    let mut report = move || {
        number += 1;
        let late = if number.is_multiple_of(3) { 0.004 } else { 0.0 };
        let at = f64::from(number) * 0.02;
        Heard {
            frames: at * f64::from(RATE) * 1.000_08,
            at: ClockTime::default().plus_seconds(at + late),
        }
    };
    for _ in 0..1000 {
        filter.observe(report());
    }
    bencher.bench_local(|| filter.observe(report()));
    assert!((filter.ppm() - 80.0).abs() < 1.0, "{}", filter.ppm());
}
