//! What a device's position reports say about its clock: the noise taken out.
//! It knows nothing of media or timelines; frames here are the device's own.
//!
//! A device plays at an almost constant rate, so its position over time is a straight line. Reports
//! scatter around that line: a little both ways (measuring), and some far to the late side (a report that was
//! held up says a position that is already past), sometimes half of them. The filter fits the line by weighted least squares
//! over the last reports, where Tukey's biweight of each report's distance from the present line gives its weight, so that
//! stragglers do not count. While there are few reports the fit begins where most of them agree, and a prior on
//! the rate keeps the slope sane.

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
/// and long enough that 50 µs of scatter at 11 reports a second come out at 10 µs at the near end (σ·2/√N).
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
/// The least scatter assumed while there are few reports, in seconds: those that happen to lie close together are no proof.
const SCATTER_FIRST: f64 = 100e-6;
/// Reports are few below this many.
const FEW_REPORTS: usize = 32;
/// Half of what is Gaussian lies within this many standard deviations.
const HALF_WITHIN: f64 = 0.6745;
/// Where so many times as many reports agree as on the line is where the line belongs.
const FULLER: usize = 2;
/// Tukey's constant: 95 % efficiency on Gaussian noise.
const TUKEY: f64 = 4.685;
/// So many reports make a line.
const MOVED_REPORTS: usize = 8;
/// So many of them have to be on it before it is believed; fewer stragglers than that agree by chance.
const AGREEING_REPORTS: usize = 7;
/// Off the line: beyond this many times the scatter…
const OFF_SCATTERS: f64 = 6.0;
/// …and at least this much, in seconds.
const OFF_FLOOR: f64 = 150e-6;
/// Reports agree within this, in seconds: the scatter of good ones, and what an unknown rate makes of them in half a second.
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
        if self.off_line >= MOVED_REPORTS && self.line_has_moved() {
            self.start_over_with_last(self.off_line);
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

    /// Whether enough has been seen to start on the exact frame: some reports, most of them on one line, or many.
    pub fn settled(&self) -> bool {
        let count = self.reports.len();
        count >= FEW_REPORTS || (count >= MOVED_REPORTS && self.agreeing() >= AGREEING_REPORTS)
    }

    /// Forgets where the device is but not how fast: after a gap in what it played.
    pub fn moved(&mut self) {
        self.start_over_with_last(0);
        self.line = None;
    }

    /// How many reports are on the line.
    fn agreeing(&self) -> usize {
        let on = |line: Line, report: &&Heard| {
            (report.frames - line.frames_at(report.at)).abs() < OFF_FLOOR * self.nominal
        };
        self.line.map_or(0, |line| {
            self.reports
                .iter()
                .filter(|report| on(line, report))
                .count()
        })
    }

    /// Whether some of the reports since the last one on the line are on another, parallel to it.
    fn line_has_moved(&mut self) -> bool {
        self.place_last(self.off_line);
        let cluster = SCATTER_FIRST.max(4.0 * self.scatter) * self.nominal;
        fullest(&self.scratch, cluster).0 >= MOVED_REPORTS
    }

    /// Places, in order, where lines of the present rate through the last `count` reports are at the time of the last one.
    fn place_last(&mut self, count: usize) {
        let rate = self.rate();
        self.scratch.clear();
        let Some(last) = self.reports.back() else {
            return;
        };
        let reports = self.reports.iter().rev().take(count);
        let place = |report: &Heard| report.frames - report.at.seconds_since(last.at) * rate;
        self.scratch.extend(reports.map(place));
        self.scratch.sort_unstable_by(f64::total_cmp);
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

    /// One step of iteratively reweighted least squares; over many reports it converges. Few of them begin anew each time.
    fn fit(&mut self) {
        let Some(last) = self.reports.back().copied() else {
            return;
        };
        let few = self.reports.len() < FEW_REPORTS;
        // About a line among stragglers the scatter seems so large that all of them fit it.
        if few || self.scatter > SCATTER_FIRST {
            self.begin_where_most_agree(last.at, few);
        }
        for _ in 0..if few { 3 } else { 1 } {
            self.refit(last.at, few);
        }
    }

    /// Puts the line through where most reports agree, at the rate known so far: in any case if they are few, else if far
    /// fewer agree on the present line.
    fn begin_where_most_agree(&mut self, at: ClockTime, few: bool) {
        let rate = self.rate();
        self.place_last(self.reports.len());
        let (count, frames) = fullest(&self.scratch, CLUSTER * self.nominal);
        if few || count > FULLER * self.agreeing() {
            self.line = Some(Line { at, frames, rate });
        }
    }

    fn refit(&mut self, origin: ClockTime, few: bool) {
        let Some(line) = self.line else { return };
        let residual = |report: &Heard| (report.frames - line.frames_at(report.at)) / self.nominal;
        // Stragglers are late: the early half tells the scatter. Before a line that is too early there are few reports, and
        // close; so, of many, let the nearest sixth tell the least it can be.
        let residuals = self.reports.iter().map(residual);
        let early = residuals.clone().filter(|residual| *residual >= 0.0);
        let early = ranked(&mut self.scratch, early, 2);
        let least = if few {
            SCATTER_FIRST
        } else {
            let nearest = ranked(&mut self.scratch, residuals.map(f64::abs), 6);
            SCATTER_FLOOR.max(nearest / HALF_WITHIN)
        };
        self.scatter = (early / HALF_WITHIN).max(least).min(SCATTER_CEILING);
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
        // The prior as one more observation of the slope. The further the line is from it, the less it is trusted (Cauchy's
        // weight), down to what is true of any device: so a rate wrongly learnt is unlearnt.
        let contradicted = (line.rate - self.prior_rate) / self.nominal;
        let sigma = self.prior_sigma.hypot(contradicted).min(COLD_RATE_SIGMA);
        let prior = (self.scatter / sigma).powi(2);
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

/// The value that one in `parts` of `values` are below; zero if there are none.
fn ranked(scratch: &mut Vec<f64>, values: impl Iterator<Item = f64>, parts: usize) -> f64 {
    scratch.clear();
    scratch.extend(values);
    let rank = scratch.len() / parts;
    if rank >= scratch.len() {
        return 0.0;
    }
    *scratch.select_nth_unstable_by(rank, f64::total_cmp).1
}

/// How many of `places`, which are in order, a stretch of `width` holds at most, and the middle of that stretch; of equally
/// full ones the last.
fn fullest(places: &[f64], width: f64) -> (usize, f64) {
    let mut best = (0, 0.0);
    let mut first = 0;
    for (index, &high) in places.iter().enumerate() {
        while high - places[first] > width {
            first += 1;
        }
        let count = index + 1 - first;
        if count >= best.0 {
            best = (count, f64::midpoint(places[first], high));
        }
    }
    best
}

#[cfg(test)]
mod tests;
