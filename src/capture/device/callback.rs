//! What runs on a sound card's own thread: put into the ring, count, report.
//! It never allocates, frees, locks, logs or decides; what this file may name is listed in `tests/suite/architecture.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rodio::cpal::{FromSample, Sample, SizedSample};
use rtrb::Producer;

use crate::audio::Heard;
use crate::clock::Clock;

/// What the callback tells the reader besides reports.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// How often something was lost: the ring was full, or the card says so.
    pub(super) gaps: AtomicU64,
    /// Whether the card has gone. The callback does not know; what hears of errors sets it.
    pub(super) lost: AtomicBool,
}

/// The device thread's end: it lives inside the closure that cpal calls.
pub(super) struct Callback {
    /// Stereo frames, interleaved.
    ring: Producer<f32>,
    reports: Producer<Heard>,
    signals: Arc<Signals>,
    clock: Arc<dyn Clock>,
    /// Of the card, at least one.
    channels: usize,
    /// Frames put into the ring.
    taken: u64,
    full: bool,
}

impl Callback {
    /// A callback that has not been called.
    pub(super) fn new(
        ring: Producer<f32>,
        reports: Producer<Heard>,
        signals: Arc<Signals>,
        clock: Arc<dyn Clock>,
        channels: usize,
    ) -> Self {
        Self {
            ring,
            reports,
            signals,
            clock,
            channels: channels.max(1),
            taken: 0,
            full: false,
        }
    }

    /// Takes what has come in, the first frame of it `ago`.
    pub(super) fn take<T>(&mut self, input: &[T], ago: Duration)
    where
        T: SizedSample,
        f32: FromSample<T>,
    {
        let at = self.clock.now() - ago;
        // A full queue of reports means that the reader is late, not that this one matters.
        let _full = self.reports.push(Heard {
            frames: self.taken as f64,
            at,
        });
        for frame in input.chunks_exact(self.channels) {
            let full = self.ring.slots() < 2;
            if full && !self.full {
                self.signals.gaps.fetch_add(1, Ordering::Relaxed);
            }
            self.full = full;
            if full {
                continue;
            }
            let (left, right) = match frame {
                [mono] => (*mono, *mono),
                [left, right, ..] => (*left, *right),
                [] => continue,
            };
            let _room = self.ring.push(f32::from_sample(left));
            let _room = self.ring.push(f32::from_sample(right));
            self.taken += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use allocation_counter::{AllocationInfo, measure};
    use rtrb::{Consumer, RingBuffer};

    use super::*;
    use crate::clock::{ClockTime, ManualClock, SystemClock};

    /// A callback without a card, and the ends a reader would hold.
    struct Bench {
        callback: Callback,
        ring: Consumer<f32>,
        reports: Consumer<Heard>,
    }

    impl Bench {
        fn new(channels: usize, clock: Arc<dyn Clock>) -> Self {
            let (samples, ring) = RingBuffer::new(16);
            let (told, reports) = RingBuffer::new(2);
            let callback = Callback::new(samples, told, Arc::default(), clock, channels);
            Self {
                callback,
                ring,
                reports,
            }
        }

        fn read(&mut self) -> Vec<f32> {
            std::iter::from_fn(|| self.ring.pop().ok()).collect()
        }

        fn gaps(&self) -> u64 {
            self.callback.signals.gaps.load(Ordering::Relaxed)
        }
    }

    fn still() -> Arc<dyn Clock> {
        Arc::new(ManualClock::new())
    }

    #[test]
    fn frames_of_any_card_come_out_in_stereo() {
        let mut stereo = Bench::new(2, still());
        stereo.callback.take(&[0.5f32, -0.5, 0.25], Duration::ZERO);
        assert_eq!(stereo.read(), [0.5, -0.5], "half a frame is none");
        let mut mono = Bench::new(1, still());
        mono.callback.take(&[i16::MIN, 16_384], Duration::ZERO);
        assert_eq!(mono.read(), [-1.0, -1.0, 0.5, 0.5]);
        let mut many = Bench::new(4, still());
        many.callback.take(&[192u8, 64, 0, 0], Duration::ZERO);
        assert_eq!(many.read(), [0.5, -0.5]);
    }

    #[test]
    fn it_reports_when_each_piece_began_and_counts_what_was_lost() {
        let clock = Arc::new(ManualClock::new());
        let mut bench = Bench::new(2, clock.clone());
        let ago = Duration::from_millis(7);
        clock.advance(Duration::from_millis(100));
        bench.callback.take(&[0.1f32; 2 * 6], ago);
        clock.advance(Duration::from_millis(100));
        bench.callback.take(&[0.2f32; 2 * 6], ago);
        assert_eq!(bench.gaps(), 1, "the ring holds eight frames");
        let at = |millis| ClockTime::default() + Duration::from_millis(millis);
        let (first, second) = (bench.reports.pop(), bench.reports.pop());
        let first = first.expect("a report");
        assert_eq!((first.frames, first.at), (0.0, at(93)));
        let second = second.expect("a report");
        assert_eq!((second.frames, second.at), (6.0, at(193)));
        assert_eq!(bench.read().len(), 2 * 8);
        bench.callback.take(&[0.3f32; 2 * 6], ago);
        assert_eq!(bench.reports.pop().expect("a report").frames, 8.0);
        assert_eq!(bench.gaps(), 1);
    }

    #[test]
    fn it_neither_allocates_nor_frees() {
        let clocks: [Arc<dyn Clock>; 2] = [still(), Arc::new(SystemClock::new())];
        for clock in clocks {
            for channels in [1, 2, 6] {
                let mut bench = Bench::new(channels, clock.clone());
                for length in [0, 1, 7, 60] {
                    let made = measure(|| {
                        let ago = Duration::from_millis(3);
                        bench.callback.take(&[0.25f32; 60][..length], ago);
                        bench.callback.take(&[7i16; 60][..length], ago);
                    });
                    assert_eq!(made, AllocationInfo::default(), "{channels}, {length}");
                }
                assert!(bench.gaps() > 0, "the ring was full");
            }
        }
    }
}
