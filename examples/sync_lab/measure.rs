//! What was heard, as figures: how far the speakers were apart, and each one's lateness over time.
//! It judges nothing.

use crate::house::House;

/// How many points a line of the plot has.
const POINTS: f64 = 1000.0;

/// One speaker's lateness at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// Seconds since the music began.
    pub(crate) at: f64,
    /// Microseconds, later than due or (negative) earlier; `None` where nothing was heard.
    pub(crate) late: Option<f64>,
}

/// How far apart speakers were over some time, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) p99: f64,
    pub(crate) worst: f64,
}

impl Spread {
    /// Of these, in seconds; `None` if there are none.
    pub(crate) fn of(mut seconds: Vec<f64>) -> Option<Self> {
        seconds.sort_by(f64::total_cmp);
        let micros = |index: usize| seconds.get(index).map(|seconds| seconds * 1e6);
        Some(Self {
            median: micros(seconds.len() / 2)?,
            p99: micros(seconds.len() * 99 / 100)?,
            worst: micros(seconds.len().checked_sub(1)?)?,
        })
    }
}

/// A speaker's line: of each short time the moment at which it was furthest off.
pub(crate) fn samples(house: &House, room: usize, seconds: f64) -> Vec<Sample> {
    let readings = house.lateness(room);
    let mut rest = readings.as_slice();
    let step = seconds / POINTS;
    let sample = |point: u32| {
        let at = f64::from(point) * step;
        let count = rest.partition_point(|reading| reading.0 < at + step);
        let (now, later) = rest.split_at(count);
        rest = later;
        let furthest = now.iter().map(|reading| reading.1 * 1e6);
        Sample {
            at,
            late: furthest.max_by(|a, b| a.abs().total_cmp(&b.abs())),
        }
    };
    (0..POINTS as u32).map(sample).collect()
}

/// A number with its sign, and no more digits than it needs.
pub(crate) fn signed(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if value < 0.0 => format!("−{}", -value),
        value => format!("+{value}"),
    }
}
