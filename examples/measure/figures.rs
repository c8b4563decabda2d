//! What was measured, as figures.
//! It judges nothing.

use std::time::Duration;

use anyhow::bail;
use serde::Serialize;
use unisono::clock::ClockTime;

use crate::click::{APART, RATE};

/// Everything about one run. Percentages are of one core.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    /// Whether the program was built as it is shipped. If not, costs mean little.
    pub(crate) optimised: bool,
    /// For how long it played.
    pub(crate) seconds: u32,
    /// Whether one core was kept busy.
    pub(crate) busy: bool,
    /// Whether the sinks were recorded.
    pub(crate) recorded: bool,
    /// When the first frame was due.
    #[serde(skip)]
    pub(crate) start: ClockTime,
    /// What two recordings of the first output differ by: the method's own error.
    pub(crate) floor: Option<Skew>,
    /// Of this process, the threads that measure not counted.
    pub(crate) cpu_percent: f64,
    /// Of this process, while it plays.
    pub(crate) resident_kib: u64,
    /// In the order of the crystals.
    pub(crate) outputs: Vec<Output>,
}

/// One output.
#[derive(Debug, Serialize)]
pub(crate) struct Output {
    /// Its number, from one.
    pub(crate) name: String,
    /// What its server's crystal was made to be.
    pub(crate) crystal_ppm: f64,
    /// What the recording says it was. A null sink of PulseAudio 16 runs some 20 ppm fast by itself.
    pub(crate) recorded_ppm: Option<f64>,
    /// How much later than the first output it was heard; none for the first.
    pub(crate) skew: Option<Skew>,
    /// What feeds it.
    pub(crate) lane: Lane,
    /// What plays it.
    pub(crate) server: Server,
}

/// What a lane said of itself at the end, and what its thread cost.
#[derive(Debug, Serialize)]
pub(crate) struct Lane {
    pub(crate) clock_ppm: Option<f64>,
    pub(crate) reanchored: u64,
    pub(crate) gaps: u64,
    pub(crate) starved_frames: u64,
    pub(crate) cpu_percent: f64,
}

/// What a sound server cost, recorders served included.
#[derive(Debug, Serialize)]
pub(crate) struct Server {
    pub(crate) cpu_percent: f64,
    pub(crate) resident_kib: u64,
}

/// When an output's clicks were heard.
#[derive(Debug)]
pub(crate) struct Heard {
    /// Of each click that was due: how many seconds after it was due it was recorded; `None` where it was not.
    pub(crate) late: Vec<Option<f64>>,
    /// How much faster than our clock its samples came.
    pub(crate) clock_ppm: f64,
}

/// How much later than another an output was heard.
#[derive(Debug, Serialize)]
pub(crate) struct Skew {
    /// At the first click; `None` if one of the two did not play it.
    pub(crate) first_ms: Option<f64>,
    /// From here on: of the clicks after the lanes have settled.
    pub(crate) median_ms: f64,
    pub(crate) p5_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) width_ms: f64,
    pub(crate) worst_ms: f64,
    /// How many these are.
    pub(crate) clicks: usize,
    /// How many more one of the two did not play, or not so that it could be recognised.
    pub(crate) missed: usize,
}

impl Skew {
    /// Of the second against the first. Clicks are compared from `settled` on.
    ///
    /// # Errors
    /// They have no click in common then.
    pub(crate) fn between(
        first: &Heard,
        second: &Heard,
        settled: Duration,
    ) -> anyhow::Result<Self> {
        let pairs = first.late.iter().zip(&second.late);
        let skews: Vec<Option<f64>> = pairs
            .map(|(first, second)| Some((second.as_ref()? - first.as_ref()?) * 1e3))
            .collect();
        let early = settled.as_secs_f64() * f64::from(RATE) / APART as f64;
        let due = skews.get(early.ceil() as usize..).unwrap_or_default();
        let mut later: Vec<f64> = due.iter().copied().flatten().collect();
        later.sort_by(f64::total_cmp);
        let [earliest, .., latest] = *later.as_slice() else {
            bail!("two outputs have hardly a click in common");
        };
        let (p5, p95) = (quantile(&later, 0.05), quantile(&later, 0.95));
        Ok(Self {
            first_ms: skews.first().copied().flatten(),
            median_ms: quantile(&later, 0.5),
            p5_ms: p5,
            p95_ms: p95,
            width_ms: p95 - p5,
            worst_ms: if -earliest > latest { earliest } else { latest },
            clicks: later.len(),
            missed: due.len() - later.len(),
        })
    }
}

/// Of sorted values that are not none, linear between two.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len() - 1) as f64;
    let below = sorted[place as usize];
    let above = sorted[place.ceil() as usize];
    below + (above - below) * place.fract()
}
