//! The samples as an SVG drawing: misalignment above, what was learnt of the crystals below.
//! It is for looking at in a browser, light or dark; the figures themselves are in the table.

use std::fmt::{self, Write};

use crate::house::Speaker;
use crate::measure::{self, Sample};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 760.0;
/// Where both diagrams begin and end from left to right.
const LEFT: f64 = 84.0;
const RIGHT: f64 = 830.0;
/// A frame at 48 kHz, in microseconds.
const FRAME: f64 = 1e6 / 48_000.0;

/// Fonts and colours. The four speakers' are told apart by colour-blind eyes too (after Okabe and Ito).
const STYLE: &str = "
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
  }
";

/// The drawing, as the text of a file.
pub(crate) fn svg(speakers: &[Speaker], samples: &[Sample]) -> String {
    let mut drawing = String::new();
    // Writing to a String cannot fail.
    let _ = draw(&mut drawing, speakers, samples);
    drawing
}

fn draw(out: &mut String, speakers: &[Speaker], samples: &[Sample]) -> fmt::Result {
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\">\n\
         <title>Misalignment of four simulated speakers</title>\n\
         <style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>"
    )?;
    text(
        out,
        "title",
        32.0,
        44.0,
        "Four speakers on four clocks, one timeline",
    )?;
    for (line, words) in measure::WHAT.iter().enumerate() {
        text(out, "", 32.0, 70.0 + 19.0 * line as f64, words)?;
    }
    let ahead = |sample: &Sample, speaker: usize| sample.ahead[speaker];
    let clock = |sample: &Sample, speaker: usize| sample.clock[speaker];
    let crystals = speakers.iter().map(|speaker| speaker.card.crystal_ppm);
    let all = |figure: &dyn Fn(&Sample, usize) -> Option<f64>| -> Vec<f64> {
        let pairs = samples
            .iter()
            .flat_map(|sample| (0..speakers.len()).map(move |speaker| (sample, speaker)));
        pairs
            .filter_map(|(sample, speaker)| figure(sample, speaker))
            .collect()
    };
    let seconds = samples.last().map_or(1.0, |sample| sample.at).max(1.0);

    let band = [-1.3 * FRAME, 1.3 * FRAME];
    let above = Diagram::over(all(&ahead).into_iter().chain(band), seconds, 160.0, 300.0);
    text(out, "head", 32.0, above.top - 34.0, "Misalignment, µs")?;
    legend(out, speakers, above.top - 34.0)?;
    let (top, bottom) = (above.y(FRAME), above.y(-FRAME));
    writeln!(
        out,
        "<rect class=\"band\" x=\"{LEFT}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
        RIGHT - LEFT,
        bottom - top
    )?;
    above.grid(out)?;
    for (words, line) in [("within one frame", -4.0), ("of 48 kHz audio", 12.0)] {
        text(out, "tick", RIGHT + 10.0, above.y(0.0) + line, words)?;
    }
    for speaker in 0..speakers.len() {
        above.line(out, speaker, samples, &|sample| ahead(sample, speaker))?;
    }

    let below = Diagram::over(
        all(&clock).into_iter().chain(crystals),
        seconds,
        530.0,
        170.0,
    );
    text(out, "head", 32.0, below.top - 20.0, "Clocks, ppm")?;
    text(
        out,
        "",
        140.0,
        below.top - 20.0,
        "lines: what was learnt of each; dots: what is true",
    )?;
    below.grid(out)?;
    for (index, speaker) in speakers.iter().enumerate() {
        let truth = below.y(speaker.card.crystal_ppm);
        writeln!(
            out,
            "<line class=\"truth s{index}\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{truth:.1}\" y2=\"{truth:.1}\"/>"
        )?;
        below.line(out, index, samples, &|sample| clock(sample, index))?;
        let learnt = samples.iter().rev().find_map(|sample| clock(sample, index));
        let learnt = learnt.map_or(String::new(), |ppm| format!(" {ppm:+.1}"));
        let words = format!("{}{}", speaker.name, learnt.replace('-', "−"));
        text(
            out,
            &format!("tick t{index}"),
            RIGHT + 10.0,
            truth + 4.0,
            &words,
        )?;
    }
    text(
        out,
        "middle",
        (LEFT + RIGHT) / 2.0,
        HEIGHT - 18.0,
        "seconds since all speakers began",
    )?;
    out.write_str("</svg>\n")
}

fn text(out: &mut String, class: &str, x: f64, y: f64, words: &str) -> fmt::Result {
    writeln!(
        out,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>"
    )
}

/// Names the speakers' colours, in a row.
fn legend(out: &mut String, speakers: &[Speaker], y: f64) -> fmt::Result {
    for (index, speaker) in speakers.iter().enumerate() {
        let x = 240.0 + 155.0 * index as f64;
        let line = y - 4.5;
        writeln!(
            out,
            "<line class=\"line s{index}\" x1=\"{x}\" x2=\"{}\" y1=\"{line}\" y2=\"{line}\"/>",
            x + 22.0
        )?;
        let crystal = measure::signed(speaker.card.crystal_ppm);
        let words = format!("{} ({crystal} ppm)", speaker.name);
        text(out, &format!("t{index}"), x + 30.0, y, &words)?;
    }
    Ok(())
}

/// A rectangle in which values are drawn over time.
struct Diagram {
    top: f64,
    height: f64,
    seconds: f64,
    low: f64,
    high: f64,
    /// From one labelled value to the next.
    step: f64,
}

impl Diagram {
    /// One that has room for all `values`, with round numbers at its edges.
    fn over(values: impl Iterator<Item = f64>, seconds: f64, top: f64, height: f64) -> Self {
        let (low, high) = values.fold((0.0, 0.0), |(low, high): (f64, f64), value| {
            (low.min(value), high.max(value))
        });
        // Labels about 35 units apart, at 1, 2 or 5 times a power of ten.
        let rough = (high - low).max(1e-9) * 35.0 / height;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|factor| factor * power)
            .into_iter()
            .find(|&step| step >= rough)
            .unwrap_or(rough);
        Self {
            top,
            height,
            seconds,
            low: (low / step).floor() * step,
            high: (high / step).ceil() * step,
            step,
        }
    }

    fn x(&self, at: f64) -> f64 {
        LEFT + at / self.seconds * (RIGHT - LEFT)
    }

    fn y(&self, value: f64) -> f64 {
        self.top + (self.high - value) / (self.high - self.low) * self.height
    }

    /// Lines at round numbers, and the numbers.
    fn grid(&self, out: &mut String) -> fmt::Result {
        let lines = ((self.high - self.low) / self.step).round() as i32;
        for line in 0..=lines {
            let value = self.low + f64::from(line) * self.step;
            let y = self.y(value);
            let class = if value.abs() < self.step / 2.0 {
                "zero"
            } else {
                "grid"
            };
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
        let bottom = self.top + self.height;
        for second in (0..=self.seconds.round() as u32).step_by(2) {
            let x = self.x(f64::from(second)).min(RIGHT);
            text(out, "tick middle", x, bottom + 20.0, &second.to_string())?;
        }
        Ok(())
    }

    /// A speaker's line, broken where there is nothing to draw.
    fn line(
        &self,
        out: &mut String,
        speaker: usize,
        samples: &[Sample],
        figure: &dyn Fn(&Sample) -> Option<f64>,
    ) -> fmt::Result {
        write!(out, "<path class=\"line s{speaker}\" d=\"")?;
        let mut command = 'M';
        for sample in samples {
            match figure(sample) {
                Some(value) => {
                    write!(
                        out,
                        "{command}{:.1} {:.1}",
                        self.x(sample.at),
                        self.y(value)
                    )?;
                    command = 'L';
                }
                None => command = 'M',
            }
        }
        writeln!(out, "\"/>")
    }
}
