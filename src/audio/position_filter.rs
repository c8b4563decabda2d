//! What a device's position reports say about its clock: the noise taken out.
//! It knows nothing of media or timelines; frames here are the device's own.
//!
//! A device plays at an almost constant rate, so its position over time is a straight line. Reports
//! scatter around that line: a little both ways (measuring), and some far to the late side (a report that was
//! held up says a position that is already past). The filter fits the line by weighted least squares over the last
//! reports, where Tukey's biweight of each report's distance from the present line gives its weight, so that
//! stragglers do not count. While there are few reports a prior on the rate keeps the slope sane.

use std::collections::VecDeque;

use crate::clock::ClockTime;

/// A device's word: so many frames had been played at that moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    /// Frames of this stream played so far; silence that the device filled in itself is not among them.
    pub frames: f64,
    /// When.
    pub at: ClockTime,
}

/// How much history is kept. Crystals wander by parts per million over minutes, so ten seconds is short enough to follow
/// and long enough that 50 µs of scatter at 20 reports a second come out below 10 µs at the near end (σ·2/√N).
const WINDOW_SECONDS: f64 = 10.0;
/// At most this many reports are kept, however fast they come.
const WINDOW_REPORTS: usize = 400;
/// Sound card crystals are within ±100 ppm, Bluetooth and virtual ones within ±500: one standard deviation of the cold prior.
const COLD_RATE_SIGMA: f64 = 300e-6;
/// How far a rate that was learnt earlier is trusted.
const LEARNT_RATE_SIGMA: f64 = 15e-6;
/// A rate watched for less than this is not remembered: 50 µs of scatter over 5 s are some ppm.
const LEARNT_SECONDS: f64 = 5.0;
/// No report is better than this, in seconds: the floor of the scatter estimate.
const SCATTER_FLOOR: f64 = 10e-6;
/// Reports that seem to scatter more than this come from a device that stands still or jumps: what lies so far off the line
/// says something about the line, not about the noise.
const SCATTER_CEILING: f64 = 2e-3;
/// The scatter assumed before there is one, in seconds.
const SCATTER_FIRST: f64 = 100e-6;
/// Tukey's constant: 95 % efficiency on Gaussian noise.
const TUKEY: f64 = 4.685;
/// So many reports in a row off the line, and close to one another, mean that the line has moved.
const MOVED_REPORTS: usize = 8;
/// Off the line: beyond this many times the scatter…
const OFF_SCATTERS: f64 = 6.0;
/// …and at least this much, in seconds.
const OFF_FLOOR: f64 = 150e-6;
/// Close to one another: within this, in seconds, or the scatter if that is larger.
const CLUSTER: f64 = 300e-6;

/// Frames over time, as a line through a point.
#[derive(Debug, Clone, Copy)]
struct Line {
    at: ClockTime,
    frames: f64,
    /// Frames per second.
    rate: f64,
}

impl Line {
    fn frames_at(&self, time: ClockTime) -> f64 {
        self.frames + time.seconds_since(self.at) * self.rate
    }
}

/// Fits a device's clock line to its reports.
#[derive(Debug, Clone)]
pub struct PositionFilter {
    nominal: f64,
    prior_rate: f64,
    prior_sigma: f64,
    reports: VecDeque<Heard>,
    off_line: usize,
    scatter: f64,
    line: Option<Line>,
    scratch: Vec<f64>,
}

impl PositionFilter {
    /// A filter for a device of nominally `rate` frames per second whose rate was once learnt to be off by `learnt_ppm`.
    pub fn new(rate: u32, learnt_ppm: Option<f64>) -> Self {
        let nominal = f64::from(rate);
        Self {
            nominal,
            prior_rate: nominal * (1.0 + learnt_ppm.unwrap_or(0.0) * 1e-6),
            prior_sigma: if learnt_ppm.is_some() {
                LEARNT_RATE_SIGMA
            } else {
                COLD_RATE_SIGMA
            },
            reports: VecDeque::with_capacity(WINDOW_REPORTS + 1),
            off_line: 0,
            scatter: SCATTER_FIRST,
            line: None,
            scratch: Vec::with_capacity(WINDOW_REPORTS + 1),
        }
    }

    /// Takes in a report; reports come in order of time.
    pub fn observe(&mut self, heard: Heard) {
        if let Some(line) = self.line {
            let off = (heard.frames - line.frames_at(heard.at)).abs() / self.nominal;
            let limit = (OFF_SCATTERS * self.scatter).max(OFF_FLOOR);
            self.off_line = if off > limit { self.off_line + 1 } else { 0 };
        }
        self.reports.push_back(heard);
        while self.reports.len() > WINDOW_REPORTS
            || self.reports.front().is_some_and(|first| {
                heard.at.seconds_since(first.at) > WINDOW_SECONDS && self.reports.len() > 2
            })
        {
            self.reports.pop_front();
        }
        if self.off_line >= MOVED_REPORTS && self.cluster_is_tight() {
            self.start_over_with_last(MOVED_REPORTS);
        }
        self.fit();
    }

    /// The device frame played at `time`; `None` before the first report.
    pub fn frames_at(&self, time: ClockTime) -> Option<f64> {
        self.line.map(|line| line.frames_at(time))
    }

    /// When device frame `frame` is played; `None` before the first report.
    pub fn time_of(&self, frame: f64) -> Option<ClockTime> {
        self.line
            .map(|line| line.at.plus_seconds((frame - line.frames) / line.rate))
    }

    /// The device's own frames per true second, as learnt so far.
    pub fn rate(&self) -> f64 {
        self.line.map_or(self.prior_rate, |line| line.rate)
    }

    /// How fast the device's crystal is, in parts per million.
    pub fn ppm(&self) -> f64 {
        (self.rate() / self.nominal - 1.0) * 1e6
    }

    /// How fast the crystal is, if it has been watched long enough for that to be worth remembering.
    pub fn learnt_ppm(&self) -> Option<f64> {
        (self.span() >= LEARNT_SECONDS).then(|| self.ppm())
    }

    /// Whether enough has been seen to start on the exact frame.
    pub fn settled(&self) -> bool {
        self.reports.len() >= MOVED_REPORTS
    }

    /// Forgets where the device is but not how fast: after a gap in what it played.
    pub fn moved(&mut self) {
        self.start_over_with_last(0);
        self.line = None;
    }

    fn cluster_is_tight(&self) -> bool {
        let rate = self.rate();
        let last = self.reports.iter().rev().take(MOVED_REPORTS);
        let offsets =
            last.map(|report| report.frames / rate - report.at.seconds_since(ClockTime::default()));
        let (low, high) = offsets
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), offset| {
                (low.min(offset), high.max(offset))
            });
        high - low < CLUSTER.max(4.0 * self.scatter)
    }

    fn start_over_with_last(&mut self, keep: usize) {
        let seen = self.span();
        if seen > 1.0 {
            // The longer the old line was, the better its rate is known: σ·√12 / (T·√N), but never better than a learnt one.
            let known = self.scatter * 12f64.sqrt() / (seen * (self.reports.len() as f64).sqrt());
            self.prior_rate = self.rate();
            self.prior_sigma = known.clamp(LEARNT_RATE_SIGMA, COLD_RATE_SIGMA);
        }
        let drop = self.reports.len().saturating_sub(keep);
        self.reports.drain(..drop);
        self.off_line = 0;
        self.line = self.reports.back().map(|last| Line {
            at: last.at,
            frames: last.frames,
            rate: self.prior_rate,
        });
    }

    fn span(&self) -> f64 {
        match (self.reports.front(), self.reports.back()) {
            (Some(first), Some(last)) => last.at.seconds_since(first.at),
            _ => 0.0,
        }
    }

    /// One step of iteratively reweighted least squares; over many reports it converges.
    fn fit(&mut self) {
        let Some(last) = self.reports.back().copied() else {
            return;
        };
        if self.line.is_none() || self.reports.len() < MOVED_REPORTS {
            self.line = Some(self.first_line(last));
        }
        let rounds = if self.reports.len() < 4 * MOVED_REPORTS {
            3
        } else {
            1
        };
        for _ in 0..rounds {
            self.refit(last.at);
        }
    }

    /// While there are few reports: the prior's slope through the least late of them.
    fn first_line(&self, last: Heard) -> Line {
        let rate = self.prior_rate;
        let ahead = |report: &Heard| report.frames - report.at.seconds_since(last.at) * rate;
        let mut offsets: Vec<f64> = self.reports.iter().map(ahead).collect();
        offsets.sort_by(f64::total_cmp);
        // The upper half is free of stragglers; its middle does not run after the noise's luckiest draw.
        let frames = offsets[offsets.len() - 1 - (offsets.len() - 1) / 4];
        Line {
            at: last.at,
            frames,
            rate,
        }
    }

    fn refit(&mut self, origin: ClockTime) {
        let Some(line) = self.line else { return };
        let residual = |report: &Heard| (report.frames - line.frames_at(report.at)) / self.nominal;
        self.scratch.clear();
        self.scratch
            .extend(self.reports.iter().map(|report| residual(report).abs()));
        // The lower of two middles: when half of a few reports are late, the other half is right.
        let middle = (self.scratch.len() - 1) / 2;
        let (_, median, _) = self.scratch.select_nth_unstable_by(middle, f64::total_cmp);
        // 1.4826 turns a median of absolute deviations into a standard deviation.
        let spread = (*median * 1.4826).clamp(SCATTER_FLOOR, SCATTER_CEILING);
        self.scatter = if self.reports.len() < MOVED_REPORTS {
            spread.max(SCATTER_FIRST)
        } else {
            spread
        };
        let reach = TUKEY * self.scatter;
        let (mut w, mut wt, mut wtt, mut wf, mut wtf) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for report in &self.reports {
            let u = residual(report) / reach;
            if u.abs() >= 1.0 {
                continue;
            }
            let weight = (1.0 - u * u) * (1.0 - u * u);
            let t = report.at.seconds_since(origin);
            // Frames beyond what the prior rate expects keep the sums small.
            let f =
                report.frames - line.frames - (t - line.at.seconds_since(origin)) * self.prior_rate;
            w += weight;
            wt += weight * t;
            wtt += weight * t * t;
            wf += weight * f;
            wtf += weight * t * f;
        }
        if w <= 0.0 {
            return;
        }
        let (mean_t, mean_f) = (wt / w, wf / w);
        let spread_t = wtt - w * mean_t * mean_t;
        let covariance = wtf - w * mean_t * mean_f;
        // The prior as one more observation of the slope, of variance prior_sigma² against scatter².
        let prior = (self.scatter / self.prior_sigma).powi(2);
        let slope = covariance / (spread_t + prior);
        let frames =
            line.frames - line.at.seconds_since(origin) * self.prior_rate + mean_f - slope * mean_t;
        self.line = Some(Line {
            at: origin,
            frames,
            rate: self.prior_rate + slope,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f64 = 48_000.0;

    /// A device whose crystal is off by so many parts per million, and somebody who reports on it.
    struct Device {
        ppm: f64,
        noise: u64,
        filter: PositionFilter,
    }

    impl Device {
        fn new(ppm: f64, learnt_ppm: Option<f64>) -> Self {
            Self {
                ppm,
                noise: 0x2545_f491_4f6c_dd1d,
                filter: PositionFilter::new(RATE as u32, learnt_ppm),
            }
        }

        /// Evenly spread over 0..1, the same in every run.
        fn uniform(&mut self) -> f64 {
            self.noise ^= self.noise << 13;
            self.noise ^= self.noise >> 7;
            self.noise ^= self.noise << 17;
            (self.noise >> 11) as f64 / (1u64 << 53) as f64
        }

        /// Of mean 0 and standard deviation 1, near enough to Gaussian: twelve uniform ones summed.
        fn gaussian(&mut self) -> f64 {
            (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
        }

        /// The frame it truly plays `seconds` after its start.
        fn truth(&self, seconds: f64) -> f64 {
            seconds * RATE * (1.0 + self.ppm * 1e-6)
        }

        /// A report on the truth at `seconds` that arrives `late` by so much, on a device that was moved by `moved`.
        fn report(&mut self, seconds: f64, late: f64, moved: f64) {
            self.filter.observe(Heard {
                frames: self.truth(seconds) + moved * RATE,
                at: time(seconds + late),
            });
        }

        /// How far the line is from the truth at `seconds`, in microseconds; positive: it says too much.
        fn error(&self, seconds: f64, moved: f64) -> f64 {
            let said = self.filter.frames_at(time(seconds)).expect("heard of");
            (said - self.truth(seconds) - moved * RATE) / RATE * 1e6
        }
    }

    /// Uptimes of weeks are where sums lose digits.
    fn time(seconds: f64) -> ClockTime {
        ClockTime::from_nanos(3_000_000 * 1_000_000_000).plus_seconds(seconds)
    }

    #[test]
    fn exact_reports_make_an_exact_line() {
        for ppm in [0.0, 37.5, -480.0] {
            let mut device = Device::new(ppm, None);
            for report in 0..=200 {
                device.report(f64::from(report) * 0.05, 0.0, 0.0);
            }
            for ahead in [0.0, 0.1, 1.0] {
                let error = device.error(10.0 + ahead, 0.0);
                assert!(error.abs() < 1.0, "{ppm} ppm, {ahead} s ahead: {error} µs");
            }
            assert!(
                (device.filter.ppm() - ppm).abs() < 1.0,
                "{}",
                device.filter.ppm()
            );
            let frame = device.truth(10.05);
            let when = device.filter.time_of(frame).expect("heard of");
            assert!(when.seconds_since(time(10.05)).abs() < 1e-6);
        }
    }

    #[test]
    fn scatter_is_averaged_out() {
        for ppm in [0.0, 100.0, -500.0] {
            let mut device = Device::new(ppm, None);
            let mut worst = 0.0f64;
            for report in 0..1200 {
                let (seconds, late) = (f64::from(report) * 0.05, device.gaussian() * 40e-6);
                device.report(seconds, late, 0.0);
                if seconds > 10.0 {
                    worst = worst.max(device.error(seconds + 0.06, 0.0).abs());
                }
            }
            assert!(worst < 15.0, "{ppm} ppm: {worst} µs");
        }
    }

    #[test]
    fn reports_that_were_held_up_do_not_count() {
        let mut device = Device::new(200.0, None);
        let mut worst = 0.0f64;
        for report in 0..1200 {
            let seconds = f64::from(report) * 0.05;
            let held_up = if device.uniform() < 1.0 / 3.0 {
                device.uniform() * 0.010
            } else {
                0.0
            };
            let late = held_up + device.gaussian() * 20e-6;
            device.report(seconds, late, 0.0);
            if seconds > 10.0 {
                worst = worst.max(device.error(seconds + 0.06, 0.0).abs());
            }
        }
        assert!(worst < 20.0, "{worst} µs");
    }

    #[test]
    fn a_device_that_jumps_is_followed_within_a_second() {
        for moved in [0.025, -0.025] {
            let mut device = Device::new(-80.0, None);
            for report in 0..400 {
                let late = device.gaussian() * 20e-6;
                device.report(f64::from(report) * 0.05, late, 0.0);
            }
            for report in 400..420 {
                let late = device.gaussian() * 20e-6;
                device.report(f64::from(report) * 0.05, late, moved);
            }
            let error = device.error(21.0, moved);
            assert!(error.abs() < 60.0, "moved by {moved} s: {error} µs off");
            // How fast it runs was not forgotten.
            let ppm = device.filter.ppm();
            assert!((ppm + 80.0).abs() < 20.0, "{ppm} ppm");
        }
    }

    #[test]
    fn a_rate_learnt_earlier_makes_the_first_second_better() {
        let worst_of_the_first_second = |learnt_ppm| {
            let mut device = Device::new(400.0, learnt_ppm);
            let mut worst = 0.0f64;
            for report in 0..20 {
                let (seconds, late) = (f64::from(report) * 0.05, device.gaussian() * 40e-6);
                device.report(seconds, late, 0.0);
                if device.filter.settled() {
                    worst = worst.max(device.error(seconds + 0.3, 0.0).abs());
                }
            }
            worst
        };
        let (cold, learnt) = (
            worst_of_the_first_second(None),
            worst_of_the_first_second(Some(395.0)),
        );
        assert!(learnt < 60.0, "{learnt} µs");
        assert!(learnt * 1.5 < cold, "{learnt} µs, cold {cold} µs");
    }

    #[test]
    fn after_a_gap_the_place_is_forgotten_and_the_rate_is_not() {
        let mut device = Device::new(300.0, None);
        for report in 0..200 {
            device.report(f64::from(report) * 0.05, 0.0, 0.0);
        }
        device.filter.moved();
        assert_eq!(device.filter.frames_at(time(10.0)), None);
        assert!(!device.filter.settled());
        assert!((device.filter.ppm() - 300.0).abs() < 1.0);
        device.report(10.5, 0.0, -0.2);
        assert!(device.error(11.5, -0.2).abs() < 5.0);
    }

    /// Whatever it was told, what it says can be reckoned with.
    fn is_sane(filter: &PositionFilter, what: &str) {
        let ppm = filter.ppm();
        assert!(ppm.abs() < 50_000.0, "{what}: {ppm} ppm");
        let Some(frames) = filter.frames_at(time(100.0)) else {
            return;
        };
        assert!(frames.is_finite(), "{what}");
        let back = filter.time_of(frames).expect("as heard of");
        assert!(back.seconds_since(time(100.0)).abs() < 1e-3, "{what}");
    }

    #[test]
    fn absurd_reports_do_no_harm() {
        /// Frames and seconds of a report, by its number.
        type Absurd = fn(i32) -> (f64, f64);
        let cases: [(&str, Absurd); 6] = [
            ("time stands still", |n| (f64::from(n) * 480.0, 0.0)),
            ("the device stands still", |n| {
                (48_000.0, f64::from(n) * 0.05)
            }),
            ("the same report again and again", |_| (48_000.0, 1.0)),
            ("time runs backwards", |n| {
                (f64::from(n) * 2400.0, -f64::from(n) * 0.05)
            }),
            ("the device runs backwards", |n| {
                (-f64::from(n) * 2400.0, f64::from(n) * 0.05)
            }),
            ("the device runs at double speed", |n| {
                (f64::from(n) * 4800.0, f64::from(n) * 0.05)
            }),
        ];
        for (what, report) in cases {
            let mut filter = PositionFilter::new(48_000, None);
            // First it is as it should be.
            for n in 0..50 {
                let (frames, at) = (f64::from(n) * 2400.0, time(f64::from(n) * 0.05 - 10.0));
                filter.observe(Heard { frames, at });
            }
            for n in 0..1000 {
                let (frames, seconds) = report(n);
                filter.observe(Heard {
                    frames,
                    at: time(seconds),
                });
                is_sane(&filter, what);
            }
        }
    }

    #[test]
    fn it_finds_back_after_the_device_stood_still() {
        // A Bluetooth speaker out of reach: its server goes on answering, with the same frame.
        for still in [1u32, 10, 50, 100, 150, 400] {
            let mut device = Device::new(50.0, None);
            for report in 0..200 {
                device.report(f64::from(report) * 0.05, 0.0, 0.0);
            }
            let stood = device.truth(10.0);
            let again = 200 + still;
            for report in 200..again {
                let at = time(f64::from(report) * 0.05);
                device.filter.observe(Heard { frames: stood, at });
            }
            let moved = -f64::from(still) * 0.05;
            for report in again..again + 20 {
                device.report(f64::from(report) * 0.05, 0.0, moved);
            }
            let error = device.error(f64::from(again + 20) * 0.05, moved);
            assert!(error.abs() < 60.0, "after {still} reports: {error} µs");
        }
    }
}
