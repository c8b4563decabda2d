//! The speakers' misalignment over time: taken from the lanes' reports, and written as a table.
//! It judges nothing; what the figures are is said in [`WHAT`].

use std::io::{self, Write};
use std::time::Duration;

use unisono::playback::{LaneHandle, LaneReport};

use crate::house::Speaker;

/// What is measured, for the table and the plot.
pub(crate) const WHAT: [&str; 2] = [
    "How far each speaker is ahead of the common timeline (+) or behind it (−), by its own reports of what it",
    "has played, as its lane sees them. No microphone is involved.",
];

/// Between two samples.
pub(crate) const EVERY: Duration = Duration::from_millis(50);

/// The figures of all speakers at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// Seconds since the music began.
    pub(crate) at: f64,
    /// Each speaker's lead in microseconds, while it plays.
    pub(crate) ahead: Vec<Option<f64>>,
    /// How fast each speaker's crystal is thought to be, in ppm, once there is an idea.
    pub(crate) clock: Vec<Option<f64>>,
}

impl Sample {
    /// The lanes' figures now.
    pub(crate) fn take(lanes: &[LaneHandle], at: f64) -> Self {
        let reports: Vec<LaneReport> = lanes.iter().map(LaneHandle::report).collect();
        let micros = |report: &LaneReport| report.ahead_seconds.map(|seconds| seconds * 1e6);
        Self {
            at,
            ahead: reports.iter().map(micros).collect(),
            clock: reports.iter().map(|report| report.clock_ppm).collect(),
        }
    }

    /// From the speaker that is furthest behind to the one that is furthest ahead, if all play.
    pub(crate) fn spread(&self) -> Option<f64> {
        let ahead: Vec<f64> = self.ahead.iter().copied().collect::<Option<_>>()?;
        let most = ahead.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = ahead.iter().copied().fold(f64::INFINITY, f64::min);
        Some(most - least)
    }
}

/// Writes the head of the table.
pub(crate) fn table_head(out: &mut impl Write, speakers: &[Speaker]) -> io::Result<()> {
    write!(out, "  second")?;
    for speaker in speakers {
        write!(out, "{:>12}", speaker.name)?;
    }
    writeln!(out, "      spread")
}

/// Writes a row: of each column what was largest in `samples`.
pub(crate) fn table_row(out: &mut impl Write, second: usize, samples: &[Sample]) -> io::Result<()> {
    write!(out, "{second:>8}")?;
    let speakers = samples.first().map_or(0, |sample| sample.ahead.len());
    for speaker in 0..speakers {
        let figures = samples.iter().filter_map(|sample| sample.ahead[speaker]);
        let largest = figures.max_by(|a, b| a.abs().total_cmp(&b.abs()));
        write!(out, "{:>12}", largest.map_or("silent".to_owned(), signed))?;
    }
    let spread = largest_spread(samples).map_or("–".to_owned(), |spread| format!("{spread:.0}"));
    writeln!(out, "{spread:>12}")
}

/// The largest spread among `samples`, in microseconds.
pub(crate) fn largest_spread<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> Option<f64> {
    let spreads = samples.into_iter().filter_map(Sample::spread);
    spreads.max_by(f64::total_cmp)
}

/// A whole number with its sign; zero has none.
pub(crate) fn signed(value: f64) -> String {
    match value.round() {
        0.0 => "0".to_owned(),
        minus if minus < 0.0 => format!("−{:.0}", -minus),
        plus => format!("+{plus:.0}"),
    }
}

/// A number to one decimal place, with its sign.
pub(crate) fn tenths(value: f64) -> String {
    match (value * 10.0).round() / 10.0 {
        0.0 => "0.0".to_owned(),
        minus if minus < 0.0 => format!("−{:.1}", -minus),
        plus => format!("+{plus:.1}"),
    }
}

/// How far ahead a speaker would be after so many seconds if nobody steered it, in milliseconds.
pub(crate) fn drift_millis(speaker: &Speaker, seconds: f64) -> f64 {
    speaker.card.crystal_ppm * seconds * 1e-3
}
