//! The samples as an SVG drawing: what would have come of it, what came of it, and what was learnt of the crystals.
//! It is for looking at in a browser, light or dark; the figures themselves are in the table.

use std::fmt::{self, Write};

use crate::diagram::{Area, Diagram, LEFT, RIGHT, STYLE, Scale, text};
use crate::house::Speaker;
use crate::measure::{self, Sample};

/// Where words begin.
const MARGIN: f64 = 32.0;
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 984.0;
/// A frame at 48 kHz, in microseconds.
const FRAME: f64 = 1e6 / 48_000.0;

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
         <title>Four speakers on four clocks, one timeline</title>\n\
         <style>{STYLE}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>"
    )?;
    text(
        out,
        "title",
        MARGIN,
        46.0,
        "Four speakers on four clocks, one timeline",
    )?;
    legend(out, speakers, 80.0)?;
    draw_drift(out, speakers, samples)?;
    draw_misalignment(out, speakers, samples)?;
    draw_clocks(out, speakers, samples)?;
    let middle = (LEFT + RIGHT) / 2.0;
    text(
        out,
        "middle",
        middle,
        HEIGHT - 18.0,
        "seconds since all speakers began",
    )?;
    out.write_str("</svg>\n")
}

/// What the crystals would make of it if nobody steered.
fn draw_drift(out: &mut String, speakers: &[Speaker], samples: &[Sample]) -> fmt::Result {
    let drift = |sample: &Sample, speaker: usize| {
        Some(measure::drift_millis(&speakers[speaker], sample.at))
    };
    let area = Area {
        top: 150.0,
        height: 150.0,
        seconds: seconds(samples),
    };
    let diagram = Diagram::new(area, Scale::Even, values(speakers, samples, drift));
    head(
        out,
        132.0,
        "Left to themselves, ms",
        "computed from their crystals, not played",
    )?;
    diagram.grid(out)?;
    for (index, speaker) in speakers.iter().enumerate() {
        diagram.line(out, index, samples, |sample| drift(sample, index))?;
        let end = measure::drift_millis(speaker, seconds(samples));
        let words = format!("{} {} ms", speaker.name, measure::tenths(end));
        label(out, index, diagram.y(end), &words)?;
    }
    Ok(())
}

/// What came of it.
fn draw_misalignment(out: &mut String, speakers: &[Speaker], samples: &[Sample]) -> fmt::Result {
    let ahead = |sample: &Sample, speaker: usize| sample.ahead[speaker];
    let area = Area {
        top: 420.0,
        height: 270.0,
        seconds: seconds(samples),
    };
    let mut all = values(speakers, samples, ahead);
    all.extend([-FRAME, FRAME]);
    let diagram = Diagram::new(area, Scale::Powers, all);
    head(
        out,
        364.0,
        "Kept in step, µs",
        "measured; the scale is logarithmic beyond 1",
    )?;
    for (line, words) in measure::WHAT.iter().enumerate() {
        text(out, "", MARGIN, 384.0 + 18.0 * line as f64, words)?;
    }
    let (top, bottom) = (diagram.y(FRAME), diagram.y(-FRAME));
    writeln!(
        out,
        "<rect class=\"band\" x=\"{LEFT}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
        RIGHT - LEFT,
        bottom - top
    )?;
    diagram.grid(out)?;
    for (words, below) in [("within one frame", -3.0), ("of 48 kHz audio", 13.0)] {
        text(out, "tick", RIGHT + 10.0, diagram.y(0.0) + below, words)?;
    }
    for index in 0..speakers.len() {
        diagram.line(out, index, samples, |sample| ahead(sample, index))?;
    }
    Ok(())
}

/// What was learnt of the crystals.
fn draw_clocks(out: &mut String, speakers: &[Speaker], samples: &[Sample]) -> fmt::Result {
    let clock = |sample: &Sample, speaker: usize| sample.clock[speaker];
    let area = Area {
        top: 762.0,
        height: 150.0,
        seconds: seconds(samples),
    };
    let mut all = values(speakers, samples, clock);
    all.extend(speakers.iter().map(|speaker| speaker.card.crystal_ppm));
    let diagram = Diagram::new(area, Scale::Even, all);
    head(
        out,
        744.0,
        "Clocks, ppm",
        "lines: what was learnt of each; dots: the truth",
    )?;
    diagram.grid(out)?;
    for (index, speaker) in speakers.iter().enumerate() {
        let truth = diagram.y(speaker.card.crystal_ppm);
        writeln!(
            out,
            "<line class=\"truth s{index}\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{truth:.1}\" y2=\"{truth:.1}\"/>"
        )?;
        diagram.line(out, index, samples, |sample| clock(sample, index))?;
        let learnt = samples.last().and_then(|sample| clock(sample, index));
        let learnt = learnt.map_or("unknown".to_owned(), measure::tenths);
        label(out, index, truth, &format!("{} {learnt}", speaker.name))?;
    }
    Ok(())
}

/// How long the plot is, in seconds.
fn seconds(samples: &[Sample]) -> f64 {
    samples.last().map_or(1.0, |sample| sample.at).max(1.0)
}

/// A figure of all speakers, at all times.
fn values(
    speakers: &[Speaker],
    samples: &[Sample],
    figure: impl Fn(&Sample, usize) -> Option<f64>,
) -> Vec<f64> {
    let mut all = Vec::with_capacity(samples.len() * speakers.len());
    for sample in samples {
        all.extend((0..speakers.len()).filter_map(|speaker| figure(sample, speaker)));
    }
    all
}

/// What a diagram shows.
fn head(out: &mut String, y: f64, words: &str, note: &str) -> fmt::Result {
    writeln!(
        out,
        "<text x=\"{MARGIN}\" y=\"{y}\"><tspan class=\"head\">{words}</tspan><tspan dx=\"12\">{note}</tspan></text>"
    )
}

/// Names a speaker's line at its end.
fn label(out: &mut String, speaker: usize, y: f64, words: &str) -> fmt::Result {
    text(
        out,
        &format!("tick t{speaker}"),
        RIGHT + 10.0,
        y + 4.0,
        words,
    )
}

/// Names the speakers' colours, in a row.
fn legend(out: &mut String, speakers: &[Speaker], y: f64) -> fmt::Result {
    for (index, speaker) in speakers.iter().enumerate() {
        let x = MARGIN + 170.0 * index as f64;
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
