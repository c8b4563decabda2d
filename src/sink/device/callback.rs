//! What runs on a sound card's own thread: take from the ring, fill the rest with silence, count, report.
//! It never allocates, frees, locks, logs or decides; what this file may name is listed in `tests/suite/architecture.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use rodio::cpal::{FromSample, SizedSample};
use rtrb::{Consumer, Producer};

use crate::audio::Heard;
use crate::clock::Clock;

/// What the callback tells the lane besides reports.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// How often the ring has run dry.
    pub(super) gaps: AtomicU64,
    /// Whether the card has gone. The callback does not know; what hears of errors sets it.
    pub(super) lost: AtomicBool,
    /// Nanoseconds between the callback and the ear, by the device's own word.
    pub(super) latency: AtomicU64,
    /// The most frames that the card has taken at a time, or has said that it will take.
    pub(super) period: AtomicUsize,
}

/// The device thread's end: it lives inside the closure that cpal calls.
pub(super) struct Callback {
    /// Stereo frames, interleaved.
    pub(super) ring: Consumer<f32>,
    pub(super) reports: Producer<Heard>,
    pub(super) signals: Arc<Signals>,
    pub(super) clock: Arc<dyn Clock>,
    /// Of the card, at least one.
    pub(super) channels: usize,
    played: u64,
    dry: bool,
}

impl Callback {
    /// A callback that has not been called.
    pub(super) fn new(
        ring: Consumer<f32>,
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
            played: 0,
            dry: true,
        }
    }

    /// Fills `out`, whose first frame will be heard `ahead` from now.
    pub(super) fn fill<T>(&mut self, out: &mut [T], ahead: Duration)
    where
        T: SizedSample + FromSample<f32>,
    {
        let at = self.clock.now() + ahead;
        if self.played > 0 {
            // A full queue of reports means that the lane is late, not that this one matters.
            let _full = self.reports.push(Heard {
                frames: self.played as f64,
                at,
            });
        }
        self.signals
            .latency
            .store(ahead.as_nanos() as u64, Ordering::Relaxed);
        let wanted = out.len() / self.channels;
        self.signals.period.fetch_max(wanted, Ordering::Relaxed);
        let there = self.take(out, wanted);
        out[there * self.channels..].fill(T::EQUILIBRIUM);
        self.played += there as u64;
        let missing = there < wanted;
        if missing && !self.dry && self.played > 0 {
            self.signals.gaps.fetch_add(1, Ordering::Relaxed);
        }
        self.dry = missing;
    }

    /// Moves up to `wanted` frames from the ring to the front of `out`. Returns how many there were.
    fn take<T>(&mut self, out: &mut [T], wanted: usize) -> usize
    where
        T: SizedSample + FromSample<f32>,
    {
        let there = wanted.min(self.ring.slots() / 2);
        let Ok(chunk) = self.ring.read_chunk(there * 2) else {
            return 0;
        };
        let (first, second) = chunk.as_slices();
        let mut samples = first.iter().chain(second).copied();
        for frame in out.chunks_exact_mut(self.channels).take(there) {
            let (left, right) = (samples.next(), samples.next());
            let stereo = [left.unwrap_or(0.0), right.unwrap_or(0.0)];
            match frame {
                [mono] => *mono = T::from_sample((stereo[0] + stereo[1]) * 0.5),
                [left, right, rest @ ..] => {
                    *left = T::from_sample(stereo[0]);
                    *right = T::from_sample(stereo[1]);
                    rest.fill(T::EQUILIBRIUM);
                }
                [] => {}
            }
        }
        chunk.commit_all();
        there
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use allocation_counter::{AllocationInfo, measure};
    use rtrb::RingBuffer;

    use super::*;
    use crate::clock::{ClockTime, ManualClock, SystemClock};

    /// A callback without a card, and the ends a lane would hold.
    struct Bench {
        callback: Callback,
        ring: Producer<f32>,
        reports: Consumer<Heard>,
    }

    impl Bench {
        fn new(channels: usize, clock: Arc<dyn Clock>) -> Self {
            let (ring, samples) = RingBuffer::new(64);
            let (told, reports) = RingBuffer::new(2);
            let callback = Callback::new(samples, told, Arc::default(), clock, channels);
            Self {
                callback,
                ring,
                reports,
            }
        }

        fn write(&mut self, samples: &[f32]) {
            self.ring.push_entire_slice(samples).expect("there is room");
        }

        fn gaps(&self) -> u64 {
            self.callback.signals.gaps.load(Ordering::Relaxed)
        }
    }

    fn still() -> Arc<dyn Clock> {
        Arc::new(ManualClock::new())
    }

    #[test]
    fn frames_come_out_in_order_on_any_card() {
        let mut stereo = Bench::new(2, still());
        // More than once around the ring, in pieces that fit neither it nor each other.
        let (mut written, mut heard) = (0u16, 0u16);
        for round in 0..40 {
            for _ in 0..round % 5 {
                stereo.write(&[f32::from(written), f32::from(written) + 0.5]);
                written += 1;
            }
            let mut out = [9.0f32; 2 * 3];
            stereo.callback.fill(&mut out, Duration::ZERO);
            for frame in out.chunks_exact(2) {
                if heard < written {
                    assert_eq!(frame, [f32::from(heard), f32::from(heard) + 0.5]);
                    heard += 1;
                } else {
                    assert_eq!(frame, [0.0; 2], "silence when there is nothing");
                }
            }
        }
        assert!(heard > 64);

        let mut mono = Bench::new(1, still());
        mono.write(&[0.5, 0.25, 1.0, -1.0]);
        let mut out = [9.0f32; 3];
        mono.callback.fill(&mut out, Duration::ZERO);
        assert_eq!(out, [0.375, 0.0, 0.0]);

        let mut surround = Bench::new(4, still());
        surround.write(&[0.5, -0.5]);
        let mut out = [9u8; 8];
        surround.callback.fill(&mut out, Duration::ZERO);
        assert_eq!(out, [192, 64, 128, 128, 128, 128, 128, 128]);
    }

    #[test]
    fn it_reports_what_was_played_before_and_when_that_ends_at_the_ear() {
        let clock = Arc::new(ManualClock::new());
        let mut bench = Bench::new(2, clock.clone());
        let ahead = Duration::from_millis(7);
        let mut out = [0.0f32; 2 * 4];
        bench.callback.fill(&mut out, ahead);
        assert!(
            bench.reports.pop().is_err(),
            "nothing of ours has been played"
        );
        assert_eq!(bench.gaps(), 0, "nor is anything missing");
        bench.write(&[0.1; 2 * 6]);
        bench.callback.fill(&mut out, ahead);
        clock.advance(Duration::from_millis(100));
        bench.callback.fill(&mut out, ahead);
        let heard = bench.reports.pop().expect("a report");
        assert_eq!(heard.frames, 4.0);
        let at = ClockTime::default() + Duration::from_millis(107);
        assert_eq!(heard.at, at);
        assert_eq!(bench.gaps(), 1, "two of four frames were missing");
        bench.callback.fill(&mut out, ahead);
        assert_eq!(bench.gaps(), 1, "it is one gap as long as it lasts");
        assert_eq!(bench.reports.pop().expect("a report").frames, 6.0);
        let signals = &bench.callback.signals;
        assert_eq!(signals.period.load(Ordering::Relaxed), 4);
        assert_eq!(signals.latency.load(Ordering::Relaxed), 7_000_000);
    }

    #[test]
    fn it_neither_allocates_nor_frees() {
        let clocks: [Arc<dyn Clock>; 2] = [still(), Arc::new(SystemClock::new())];
        for clock in clocks {
            for channels in [1, 2, 3, 6] {
                let mut bench = Bench::new(channels, clock.clone());
                let (mut float, mut integer) = ([0.0f32; 60], [0i16; 60]);
                // The first calls with an empty ring, a full one, part of one, none; the queue of reports fills up.
                for written in [0, 32, 0, 3, 1, 0, 32] {
                    let room = bench.ring.slots().min(written * 2);
                    bench.write(&[0.25; 64][..room]);
                    for length in [0, 1, 7, 60] {
                        let made = measure(|| {
                            let ahead = Duration::from_millis(3);
                            bench.callback.fill(&mut float[..length], ahead);
                            bench.callback.fill(&mut integer[..length], ahead);
                        });
                        let none = AllocationInfo::default();
                        assert_eq!(made, none, "{channels} channels, {written}, {length}");
                    }
                }
                assert_eq!(bench.reports.slots(), 2, "the queue of reports was full");
                assert!(bench.gaps() > 0, "the ring was dry");
            }
        }
    }

    /// The test above could not fail if the counter did not count.
    #[test]
    fn an_allocation_or_a_deallocation_would_be_noticed() {
        let none = AllocationInfo::default();
        let kept = measure(|| std::mem::forget(black_box(Box::new(1))));
        assert_ne!(kept, none);
        let returned = measure(|| drop(black_box(vec![0.0f32; 4])));
        assert_ne!(returned, none);
        let given = black_box(Box::new(1));
        assert_ne!(measure(|| drop(given)), none);
        let mut full = black_box(Vec::with_capacity(1));
        assert_eq!(measure(|| full.push(1)), none);
        assert_ne!(measure(|| full.push(2)), none);
    }
}
