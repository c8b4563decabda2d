//! A sound card in sums: it plays at the pace of its own crystal, and nobody hears it.
//! With a [`crate::clock::ManualClock`] it runs in virtual time; nothing here waits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{Heard, Sink, SinkError, spec::SimulatedSpec};
use crate::clock::{Clock, ClockTime};

const RATE: u32 = 48_000;
/// What the card holds: 270 ms, as much as a lane writes ahead to a sound server, or two periods where that is more.
const CAPACITY: usize = 12_960;

/// How often it is filled, as a sound server's stream: less than half of what the smallest holds.
const PACE: Duration = Duration::from_millis(100);

/// Hears what the card plays: the moment at which the first of the frames sounds, and the frames, silence that the card
/// put in included. An error from it takes the card away.
pub type Ear = Box<dyn FnMut(ClockTime, &[f32]) -> Result<(), SinkError>>;

/// A sound card that exists only as sums.
pub struct Simulated {
    spec: SimulatedSpec,
    clock: Arc<dyn Clock>,
    ear: Ear,
    started: ClockTime,
    periods: u64,
    capacity: usize,
    queue: VecDeque<f32>,
    played: u64,
    gaps: u64,
    dry: bool,
    report: Option<Heard>,
    noise: u64,
    period: Vec<f32>,
}

impl std::fmt::Debug for Simulated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulated")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

impl Simulated {
    /// A card switched on now.
    pub fn new(spec: SimulatedSpec, clock: Arc<dyn Clock>, ear: Ear) -> Self {
        let started = clock.now() + spec.start_up;
        let capacity = CAPACITY.max(2 * spec.period as usize);
        Self {
            noise: spec.crystal_ppm.to_bits() ^ u64::from(spec.period),
            period: Vec::with_capacity(spec.period as usize * 2),
            queue: VecDeque::with_capacity(capacity * 2),
            capacity,
            spec,
            clock,
            ear,
            started,
            periods: 0,
            played: 0,
            gaps: 0,
            dry: true,
            report: None,
        }
    }

    fn boundary(&self, period: u64) -> ClockTime {
        let rate = f64::from(RATE) * (1.0 + self.spec.crystal_ppm * 1e-6);
        self.started
            .plus_seconds((period * u64::from(self.spec.period)) as f64 / rate)
    }

    /// A number below `bound`, the same sequence in every run.
    fn random(&mut self, bound: u64) -> u64 {
        // Knuth's MMIX multiplier and increment; the upper bits are the good ones.
        self.noise = self
            .noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.noise >> 33) % bound.max(1)
    }

    fn report(&mut self, at: ClockTime) {
        let latest = self.spec.late_reports.as_nanos() as u64;
        let late = if latest > 0 && self.random(3) == 0 {
            Duration::from_nanos(self.random(latest))
        } else {
            Duration::ZERO
        };
        self.report = Some(Heard {
            frames: self.played as f64,
            at: at + late,
        });
    }

    fn play_until(&mut self, now: ClockTime) -> Result<(), SinkError> {
        while self.boundary(self.periods) <= now {
            let at = self.boundary(self.periods);
            let wanted = self.spec.period as usize * 2;
            let taken = wanted.min(self.queue.len());
            self.period.clear();
            self.period.extend(self.queue.drain(..taken));
            self.period.resize(wanted, 0.0);
            if taken > 0 {
                self.report(at);
            }
            self.played += taken as u64 / 2;
            let dry = taken < wanted;
            // Before the first frame the card is idle, not dry.
            if dry && !self.dry && self.played > 0 {
                self.gaps += 1;
            }
            self.dry = dry;
            (self.ear)(at, &self.period)?;
            self.periods += 1;
        }
        Ok(())
    }
}

impl Sink for Simulated {
    fn rate(&self) -> u32 {
        RATE
    }

    fn writable(&mut self) -> Result<usize, SinkError> {
        self.play_until(self.clock.now())?;
        Ok(self.capacity.saturating_sub(self.queue.len() / 2))
    }

    fn write(&mut self, frames: &[f32]) -> Result<(), SinkError> {
        self.queue.extend(frames);
        Ok(())
    }

    fn heard(&mut self) -> Option<Heard> {
        self.report.take()
    }

    fn rewind(&mut self, frames: usize) -> usize {
        let frames = frames.min(self.queue.len() / 2);
        self.queue.truncate(self.queue.len() - frames * 2);
        frames
    }

    fn committed(&self) -> Duration {
        Duration::from_secs_f64(f64::from(self.spec.period) / f64::from(RATE))
    }

    fn buffer(&self) -> Duration {
        Duration::from_secs_f64(self.capacity as f64 / f64::from(RATE))
    }

    fn pace(&self) -> Duration {
        PACE
    }

    fn gaps(&self) -> u64 {
        self.gaps
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::clock::ManualClock;

    type Tape = Rc<RefCell<Vec<(ClockTime, Vec<f32>)>>>;

    struct Bench {
        clock: Arc<ManualClock>,
        card: Simulated,
        heard: Tape,
    }

    fn bench(spec: SimulatedSpec) -> Bench {
        let clock = Arc::new(ManualClock::new());
        let heard = Tape::default();
        let into = heard.clone();
        let ear = move |at, frames: &[f32]| {
            into.borrow_mut().push((at, frames.to_vec()));
            Ok(())
        };
        let card = Simulated::new(spec, clock.clone(), Box::new(ear));
        Bench { clock, card, heard }
    }

    impl Bench {
        fn room_after(&mut self, pause: Duration) -> usize {
            self.clock.advance(pause);
            self.card.writable().expect("nobody unplugs it")
        }
    }

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn a_card_of_long_periods_can_be_fed() {
        for period in [16, 480, 4096, 16_384] {
            let mut bench = bench(SimulatedSpec {
                period,
                ..SimulatedSpec::default()
            });
            for _ in 0..500 {
                let room = bench.room_after(10 * MILLI);
                let frames = vec![0.5; room * 2];
                bench
                    .card
                    .write(&frames)
                    .expect("room was said to be there");
            }
            assert_eq!(bench.card.gaps(), 0, "{period} frames at a time");
        }
    }

    #[test]
    fn it_reports_when_the_first_frame_of_each_period_is_heard() {
        let mut bench = bench(SimulatedSpec {
            crystal_ppm: 1000.0,
            start_up: 7 * MILLI,
            ..SimulatedSpec::default()
        });
        bench.card.write(&[0.5; 2 * CAPACITY]).expect("room");
        // Five periods begin in this time.
        bench.room_after(50 * MILLI);
        let report = bench.card.heard().expect("a report");
        assert_eq!(report.frames, 4.0 * 480.0);
        let expected = 0.007 + 4.0 * 0.010 / 1.001;
        let at = report.at.seconds_since(ClockTime::default());
        assert!((at - expected).abs() < 1e-8, "{at}");
        assert_eq!(bench.heard.borrow().last().expect("heard").0, report.at);
        assert_eq!(bench.card.heard(), None, "said once");
    }

    #[test]
    fn silence_that_it_put_in_itself_is_not_counted() {
        let mut bench = bench(SimulatedSpec::default());
        bench.card.write(&[0.5; 2 * 960]).expect("room");
        bench.room_after(100 * MILLI);
        assert_eq!(bench.card.gaps(), 1, "ran dry once, however long");
        bench.card.write(&[0.25; 2 * 960]).expect("room");
        bench.room_after(10 * MILLI);
        assert_eq!(bench.card.heard().expect("a report").frames, 960.0);
    }

    #[test]
    fn what_is_taken_back_is_not_heard() {
        let mut bench = bench(SimulatedSpec::default());
        bench.card.write(&[0.5; 2 * 960]).expect("room");
        // At its start the first period has gone to the card.
        bench.room_after(Duration::ZERO);
        assert_eq!(bench.card.rewind(5000), 480);
        bench.card.write(&[0.25; 2 * 480]).expect("room");
        bench.room_after(15 * MILLI);
        let heard: Vec<f32> = bench
            .heard
            .borrow()
            .iter()
            .map(|(_, frames)| frames[0])
            .collect();
        assert_eq!(heard, [0.5, 0.25]);
    }
}
