//! A diagram of values over time, as a part of an SVG drawing: its scale, its grid, its lines.
//! What the values mean is the plot's business. The lab's plot draws with it too.

use std::fmt::{self, Write};

use crate::measure::{self, Sample};

/// Where all diagrams begin from left to right.
pub(crate) const LEFT: f64 = 84.0;
/// Where they end.
pub(crate) const RIGHT: f64 = 830.0;
/// Labelled values of an even scale are at least so far apart.
const APART: f64 = 35.0;

/// Fonts and colours. The first speakers' are told apart by colour-blind eyes too (after Okabe and Ito).
pub(crate) const STYLE: &str = "
  text { font-family: system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; font-size: 13px; fill: #57606a; }
  .title { font-size: 22px; font-weight: 600; fill: #1f2328; }
  .head { font-size: 15px; font-weight: 600; fill: #1f2328; }
  .tick { font-size: 12px; }
  .right { text-anchor: end; }
  .middle { text-anchor: middle; }
  .paper { fill: #fdfdfc; }
  .grid { stroke: #dde2e7; stroke-width: 1; }
  .zero { stroke: #8c959f; stroke-width: 1.2; }
  .band { fill: #eef1f4; }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
  .truth { stroke-width: 1.4; stroke-dasharray: 2 5; }
  .s0 { stroke: #0072b2; } .t0 { fill: #0072b2; }
  .s1 { stroke: #c7720a; } .t1 { fill: #a65f08; }
  .s2 { stroke: #008f68; } .t2 { fill: #007a59; }
  .s3 { stroke: #b8478f; } .t3 { fill: #a93b80; }
  .s4 { stroke: #c23b22; } .t4 { fill: #b03018; }
  .s5 { stroke: #3d8fc4; } .t5 { fill: #2a76a8; }
  .s6 { stroke: #8a7d00; } .t6 { fill: #776c00; }
  .s7 { stroke: #6b5bb5; } .t7 { fill: #5f4fab; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9aa4ae; }
    .title, .head { fill: #e6edf3; }
    .paper { fill: #14181d; }
    .grid { stroke: #2a3138; }
    .zero { stroke: #6b757f; }
    .band { fill: #1d232a; }
    .s0 { stroke: #56b4e9; } .t0 { fill: #56b4e9; }
    .s1 { stroke: #f0a030; } .t1 { fill: #f0a030; }
    .s2 { stroke: #2fc797; } .t2 { fill: #2fc797; }
    .s3 { stroke: #e58bc4; } .t3 { fill: #e58bc4; }
    .s4 { stroke: #ff7b5c; } .t4 { fill: #ff7b5c; }
    .s5 { stroke: #8fd0ff; } .t5 { fill: #8fd0ff; }
    .s6 { stroke: #d8cb40; } .t6 { fill: #d8cb40; }
    .s7 { stroke: #b3a5f5; } .t7 { fill: #b3a5f5; }
  }
";

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
        let length = self.area.seconds.round() as usize;
        let steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600];
        let step = steps.into_iter().find(|step| length / step <= 12);
        for second in (0..=length).step_by(step.unwrap_or(7200)) {
            let x = self.x(second as f64).min(RIGHT);
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
