//! An input in sums: it hears at the pace of its own crystal what a function says. For tests.
//! With a [`crate::clock::ManualClock`] it runs in virtual time; nothing here waits.

use std::sync::Arc;
use std::time::Duration;

use super::{Capture, CaptureError};
use crate::audio::Heard;
use crate::clock::{Clock, ClockTime};

/// How often it is read, as a sound server's stream.
const PACE: Duration = Duration::from_millis(10);

/// Says what comes in: the frame of this number, counted from zero since the input was opened, left and right. `None`: this one is
/// lost on the way. An error takes the input away.
pub type Sound = Box<dyn FnMut(u64) -> Result<Option<[f32; 2]>, CaptureError>>;

/// What an input in sums is like.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedInput {
    /// How much faster than true its crystal runs, in parts per million.
    pub crystal_ppm: f64,
    /// Frames per second, by its nominal rate.
    pub rate: u32,
    /// How many frames come in at a time.
    pub period: u32,
}

impl Default for SimulatedInput {
    /// A perfect line-in.
    fn default() -> Self {
        Self {
            crystal_ppm: 0.0,
            rate: 48_000,
            period: 480,
        }
    }
}

/// An input that exists only as sums.
pub struct Simulated {
    spec: SimulatedInput,
    clock: Arc<dyn Clock>,
    sound: Sound,
    started: ClockTime,
    /// Periods that have come in.
    periods: u64,
    /// Frames that have come in and were not lost.
    frames: u64,
    gaps: u64,
    losing: bool,
    report: Option<Heard>,
}

impl std::fmt::Debug for Simulated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Simulated")
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

impl Simulated {
    /// An input switched on now.
    pub fn new(spec: SimulatedInput, clock: Arc<dyn Clock>, sound: Sound) -> Self {
        Self {
            started: clock.now(),
            spec,
            clock,
            sound,
            periods: 0,
            frames: 0,
            gaps: 0,
            losing: false,
            report: None,
        }
    }

    /// When the last frame of so many periods has come in.
    fn boundary(&self, periods: u64) -> ClockTime {
        let rate = f64::from(self.spec.rate) * (1.0 + self.spec.crystal_ppm * 1e-6);
        let frames = periods * u64::from(self.spec.period);
        self.started.plus_seconds(frames as f64 / rate)
    }
}

impl Capture for Simulated {
    fn rate(&self) -> u32 {
        self.spec.rate
    }

    fn read(&mut self, frames: &mut Vec<f32>) -> Result<usize, CaptureError> {
        let before = self.frames;
        let now = self.clock.now();
        let period = u64::from(self.spec.period.max(1));
        while self.boundary(self.periods + 1) <= now {
            let first = self.periods * period;
            for number in first..first + period {
                match (self.sound)(number)? {
                    Some(frame) => {
                        frames.extend(frame);
                        self.frames += 1;
                        self.losing = false;
                    }
                    None => {
                        self.gaps += u64::from(!self.losing);
                        self.losing = true;
                    }
                }
            }
            self.periods += 1;
            self.report = Some(Heard {
                frames: self.frames as f64,
                at: self.boundary(self.periods),
            });
        }
        Ok((self.frames - before) as usize)
    }

    fn heard(&mut self) -> Option<Heard> {
        self.report.take()
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
    use super::*;
    use crate::clock::ManualClock;

    fn opened(ppm: f64, sound: Sound) -> (Arc<ManualClock>, Simulated) {
        let clock = Arc::new(ManualClock::new());
        let spec = SimulatedInput {
            crystal_ppm: ppm,
            ..SimulatedInput::default()
        };
        let input = Simulated::new(spec, clock.clone(), sound);
        (clock, input)
    }

    #[test]
    fn what_comes_in_follows_its_crystal_and_says_so() {
        let sound = |number| Ok(Some([number as f32, -(number as f32)]));
        let (clock, mut input) = opened(1000.0, Box::new(sound));
        let mut frames = Vec::new();
        assert_eq!(input.read(&mut frames).expect("it is there"), 0);
        assert_eq!(input.heard(), None);
        clock.advance(Duration::from_millis(100));
        // 100.1 ms of its own time: ten periods and a little.
        assert_eq!(input.read(&mut frames).expect("it is there"), 4800);
        assert_eq!(frames[2 * 4799..], [4799.0, -4799.0]);
        let heard = input.heard().expect("a report");
        assert_eq!(heard.frames, 4800.0);
        let at = heard.at.seconds_since(ClockTime::default());
        assert!((at - 0.1 / 1.001).abs() < 1e-8, "{at}");
        assert_eq!(input.heard(), None, "said once");
    }

    #[test]
    fn what_is_lost_is_a_gap_and_not_counted() {
        let sound = |number| Ok((!(480..1440).contains(&number)).then_some([0.5, 0.5]));
        let (clock, mut input) = opened(0.0, Box::new(sound));
        clock.advance(Duration::from_millis(50));
        let mut frames = Vec::new();
        assert_eq!(input.read(&mut frames).expect("it is there"), 1440);
        assert_eq!(input.gaps(), 1);
        assert_eq!(input.heard().expect("a report").frames, 1440.0);
    }
}
