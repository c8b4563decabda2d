//! A diagram of values over time, as a part of an SVG drawing: its scale, its grid, its lines.
//! What the values mean, and their colours, is the plot's business.

use std::fmt::{self, Write};

use crate::measure::{self, Sample};

/// Where all diagrams begin from left to right.
pub(crate) const LEFT: f64 = 84.0;
/// Where they end.
pub(crate) const RIGHT: f64 = 830.0;
/// Labelled values of an even scale are at least so far apart.
const APART: f64 = 35.0;

/// How values become heights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// In proportion.
    Even,
    /// Below one in proportion, and by powers of ten beyond: the small is seen beside the large.
    Powers,
}

impl Scale {
    fn bend(self, value: f64) -> f64 {
        match self {
            Self::Even => value,
            Self::Powers => value.asinh(),
        }
    }

    /// Round values that reach from `low` to `high` and, but for rounding errors, beyond.
    fn ticks(self, low: f64, high: f64, height: f64) -> Vec<f64> {
        match self {
            Self::Even => {
                let rough = (high - low).max(1e-9) * APART / height;
                let power = 10f64.powf(rough.log10().floor());
                let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
                let step = steps
                    .into_iter()
                    .find(|&step| step >= rough)
                    .unwrap_or(rough);
                let first = (low / step + 0.01).floor() as i32;
                let last = (high / step - 0.01).ceil() as i32;
                (first..=last).map(|tick| f64::from(tick) * step).collect()
            }
            Self::Powers => {
                let powers = |edge: f64| {
                    let count = edge.max(1.0).log10().ceil() as i32;
                    (0..=count).map(|power| 10f64.powi(power))
                };
                let mut ticks: Vec<f64> = powers(-low).map(|tick| -tick).collect();
                ticks.reverse();
                ticks.push(0.0);
                ticks.extend(powers(high));
                ticks
            }
        }
    }
}

/// Where a diagram is, and how much time it shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Area {
    /// Its upper edge.
    pub(crate) top: f64,
    /// From there to its lower edge.
    pub(crate) height: f64,
    /// From its left to its right edge.
    pub(crate) seconds: f64,
}

/// A rectangle in which values are drawn over time.
#[derive(Debug)]
pub(crate) struct Diagram {
    area: Area,
    scale: Scale,
    ticks: Vec<f64>,
}

impl Diagram {
    /// One that has room for zero and all of `values`.
    pub(crate) fn new(area: Area, scale: Scale, values: Vec<f64>) -> Self {
        let (low, high) = values
            .into_iter()
            .fold((0.0_f64, 0.0_f64), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        Self {
            ticks: scale.ticks(low, high, area.height),
            area,
            scale,
        }
    }

    fn x(&self, at: f64) -> f64 {
        LEFT + at / self.area.seconds * (RIGHT - LEFT)
    }

    /// The height of a value.
    pub(crate) fn y(&self, value: f64) -> f64 {
        let edge = |tick: Option<&f64>| self.scale.bend(tick.copied().unwrap_or_default());
        let (low, high) = (edge(self.ticks.first()), edge(self.ticks.last()));
        self.area.top + (high - self.scale.bend(value)) / (high - low) * self.area.height
    }

    /// Lines at round numbers, and the numbers.
    pub(crate) fn grid(&self, out: &mut String) -> fmt::Result {
        for &value in &self.ticks {
            let y = self.y(value);
            let class = if value == 0.0 { "zero" } else { "grid" };
            writeln!(
                out,
                "<line class=\"{class}\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            )?;
            text(
                out,
                "tick right",
                LEFT - 10.0,
                y + 4.0,
                &measure::signed(value),
            )?;
        }
        let below = self.area.top + self.area.height + 20.0;
        for second in (0..=self.area.seconds.round() as u32).step_by(2) {
            let x = self.x(f64::from(second)).min(RIGHT);
            text(out, "tick middle", x, below, &second.to_string())?;
        }
        Ok(())
    }

    /// A speaker's line, broken where there is nothing to draw.
    pub(crate) fn line(
        &self,
        out: &mut String,
        speaker: usize,
        samples: &[Sample],
        figure: impl Fn(&Sample) -> Option<f64>,
    ) -> fmt::Result {
        write!(out, "<path class=\"line s{speaker}\" d=\"")?;
        let mut command = 'M';
        for sample in samples {
            let Some(value) = figure(sample) else {
                command = 'M';
                continue;
            };
            write!(
                out,
                "{command}{:.1} {:.1}",
                self.x(sample.at),
                self.y(value)
            )?;
            command = 'L';
        }
        writeln!(out, "\"/>")
    }
}

/// Words that need no escaping, at a place.
pub(crate) fn text(out: &mut String, class: &str, x: f64, y: f64, words: &str) -> fmt::Result {
    writeln!(
        out,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>"
    )
}
