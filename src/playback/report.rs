//! What a lane tells the world, readable from any thread without asking it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::spec::Learnt;

/// What a lane is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LaneState {
    /// Its sink is not open: nothing has been played yet, or not for a while.
    #[default]
    Resting,
    /// Its sink is open and plays silence.
    Ready,
    /// It plays.
    Playing,
    /// Its sink could not be opened or has gone; it is tried again and again.
    Lost,
}

impl LaneState {
    /// A word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Resting => "resting",
            Self::Ready => "ready",
            Self::Playing => "playing",
            Self::Lost => "lost",
        }
    }

    fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Ready,
            2 => Self::Playing,
            3 => Self::Lost,
            _ => Self::Resting,
        }
    }
}

/// A lane's figures at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LaneReport {
    /// What it is doing.
    pub state: LaneState,
    /// How far ahead of its timeline it is, in seconds; `None` unless it plays.
    pub ahead_seconds: Option<f64>,
    /// How fast its device's crystal is, in parts per million; `None` until its device has been heard.
    pub clock_ppm: Option<f64>,
    /// Frames of silence played because the music did not arrive in time.
    pub starved_frames: u64,
    /// How often the device ran dry because this program was late.
    pub gaps: u64,
    /// How often it had to jump because it was too far off to steer.
    pub reanchored: u64,
}

/// Marks an absent number among the atomics.
const ABSENT: i64 = i64::MIN;

/// Where a lane writes its figures. Each is whole by itself; together they may be a step apart.
#[derive(Debug)]
pub(crate) struct LaneStatus {
    state: AtomicU8,
    ahead_nanos: AtomicI64,
    clock_ppb: AtomicI64,
    reach_nanos: AtomicU64,
    getting_ready: AtomicBool,
    writes_ahead_nanos: AtomicU64,
    learnt_ppb: AtomicI64,
    learnt_buffer_nanos: AtomicI64,
    starved_frames: AtomicU64,
    gaps: AtomicU64,
    reanchored: AtomicU64,
}

impl Default for LaneStatus {
    fn default() -> Self {
        Self {
            state: AtomicU8::new(0),
            ahead_nanos: AtomicI64::new(ABSENT),
            clock_ppb: AtomicI64::new(ABSENT),
            reach_nanos: AtomicU64::new(0),
            getting_ready: AtomicBool::new(false),
            writes_ahead_nanos: AtomicU64::new(0),
            learnt_ppb: AtomicI64::new(ABSENT),
            learnt_buffer_nanos: AtomicI64::new(ABSENT),
            starved_frames: AtomicU64::new(0),
            gaps: AtomicU64::new(0),
            reanchored: AtomicU64::new(0),
        }
    }
}

impl LaneStatus {
    pub(crate) fn set_state(&self, state: LaneState) {
        self.state.store(state as u8, Relaxed);
    }

    pub(crate) fn set_ahead(&self, seconds: Option<f64>) {
        self.ahead_nanos.store(
            seconds.map_or(ABSENT, |seconds| (seconds * 1e9) as i64),
            Relaxed,
        );
    }

    pub(crate) fn set_clock(&self, ppm: Option<f64>) {
        self.clock_ppb
            .store(ppm.map_or(ABSENT, |ppm| (ppm * 1e3) as i64), Relaxed);
    }

    /// How long it takes at least until something handed to the lane now is heard, lateness included.
    pub(crate) fn set_reach(&self, reach: Duration) {
        self.reach_nanos
            .store(u64::try_from(reach.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn reach(&self) -> Duration {
        Duration::from_nanos(self.reach_nanos.load(Relaxed))
    }

    /// Whether the lane will soon be able to start on the exact frame, and is not yet.
    pub(crate) fn set_getting_ready(&self, yes: bool) {
        self.getting_ready.store(yes, Relaxed);
    }

    pub(crate) fn getting_ready(&self) -> bool {
        self.getting_ready.load(Relaxed)
    }

    /// How far ahead of its reach the lane writes.
    pub(crate) fn set_writes_ahead(&self, ahead: Duration) {
        self.writes_ahead_nanos
            .store(u64::try_from(ahead.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn writes_ahead(&self) -> Duration {
        Duration::from_nanos(self.writes_ahead_nanos.load(Relaxed))
    }

    pub(crate) fn set_learnt(&self, learnt: Learnt) {
        let ppb = learnt.clock_ppm.map(|ppm| (ppm * 1e3) as i64);
        let nanos = learnt.buffer.map(|buffer| buffer.as_nanos() as i64);
        self.learnt_ppb.store(ppb.unwrap_or(ABSENT), Relaxed);
        self.learnt_buffer_nanos
            .store(nanos.unwrap_or(ABSENT), Relaxed);
    }

    pub(crate) fn learnt(&self) -> Learnt {
        let present = |value: i64| (value != ABSENT).then_some(value);
        let buffer = present(self.learnt_buffer_nanos.load(Relaxed));
        Learnt {
            clock_ppm: present(self.learnt_ppb.load(Relaxed)).map(|ppb| ppb as f64 * 1e-3),
            buffer: buffer.and_then(|nanos| u64::try_from(nanos).ok().map(Duration::from_nanos)),
        }
    }

    pub(crate) fn set_counts(&self, starved_frames: u64, gaps: u64, reanchored: u64) {
        self.starved_frames.store(starved_frames, Relaxed);
        self.gaps.store(gaps, Relaxed);
        self.reanchored.store(reanchored, Relaxed);
    }

    pub(crate) fn report(&self) -> LaneReport {
        let present = |value: i64| (value != ABSENT).then_some(value as f64);
        LaneReport {
            state: LaneState::from_code(self.state.load(Relaxed)),
            ahead_seconds: present(self.ahead_nanos.load(Relaxed)).map(|nanos| nanos * 1e-9),
            clock_ppm: present(self.clock_ppb.load(Relaxed)).map(|ppb| ppb * 1e-3),
            starved_frames: self.starved_frames.load(Relaxed),
            gaps: self.gaps.load(Relaxed),
            reanchored: self.reanchored.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let status = LaneStatus::default();
        assert_eq!(status.report(), LaneReport::default());
        for state in [
            LaneState::Ready,
            LaneState::Playing,
            LaneState::Lost,
            LaneState::Resting,
        ] {
            status.set_state(state);
            assert_eq!(status.report().state, state);
        }
        status.set_ahead(Some(-0.000_25));
        status.set_clock(Some(499.5));
        status.set_counts(7, 2, 1);
        assert_eq!(status.learnt(), Learnt::default());
        let learnt = Learnt {
            clock_ppm: Some(-12.5),
            buffer: Some(Duration::from_millis(180)),
        };
        status.set_learnt(learnt);
        assert_eq!(status.learnt(), learnt);
        let report = status.report();
        assert!((report.ahead_seconds.unwrap() + 0.000_25).abs() < 1e-9);
        assert!((report.clock_ppm.unwrap() - 499.5).abs() < 1e-3);
        assert_eq!(
            (report.starved_frames, report.gaps, report.reanchored),
            (7, 2, 1)
        );
    }
}
