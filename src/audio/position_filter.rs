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
/// No report is better than this, in seconds: the floor of the scatter estimate.
const SCATTER_FLOOR: f64 = 10e-6;
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
        let middle = self.scratch.len() / 2;
        let (_, median, _) = self.scratch.select_nth_unstable_by(middle, f64::total_cmp);
        // 1.4826 turns a median of absolute deviations into a standard deviation.
        let spread = (*median * 1.4826).max(SCATTER_FLOOR);
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
