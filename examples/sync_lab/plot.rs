//! The speakers' lateness over time as an SVG drawing, for any browser, light or dark.
//! The figures themselves are printed.

use std::fmt::{self, Write};

use unisono::sink::SimulatedSpec;

use crate::diagram::{Area, Diagram, LEFT, RIGHT, STYLE, Scale, text};
use crate::measure::{Sample, signed};

/// Where words begin.
const MARGIN: f64 = 32.0;
const WIDTH: f64 = 960.0;
/// Colours there are; further speakers share them.
const COLOURS: usize = 8;
/// Names to a row of the legend.
const ROW: usize = 4;
/// A frame at 48 kHz, in microseconds.
const FRAME: f64 = 1e6 / 48_000.0;

/// The drawing, as the text of a file.
pub(crate) fn svg(cards: &[SimulatedSpec], lines: &[Vec<Sample>], seconds: f64) -> String {
    let mut drawing = String::new();
    // Writing to a String cannot fail.
    let _ = draw(&mut drawing, cards, lines, seconds);
    drawing
}

fn draw(
    out: &mut String,
    cards: &[SimulatedSpec],
    lines: &[Vec<Sample>],
    seconds: f64,
) -> fmt::Result {
    let legend = 20.0 * cards.len().div_ceil(ROW) as f64;
    let top = 136.0 + legend;
    let height = top + 440.0;
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\">\n\
         <title>Simulated speakers, and when they are heard</title>\n\
         <style>{STYLE} .line {{ stroke-width: 1.2; }}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\"/>"
    )?;
    text(out, "title", MARGIN, 46.0, "When each speaker is heard")?;
    for (index, card) in cards.iter().enumerate() {
        let x = MARGIN + 220.0 * (index % ROW) as f64;
        let y = 80.0 + 20.0 * (index / ROW) as f64;
        let (colour, line) = (index % COLOURS, y - 4.5);
        writeln!(
            out,
            "<line class=\"line s{colour}\" x1=\"{x}\" x2=\"{}\" y1=\"{line}\" y2=\"{line}\"/>",
            x + 22.0
        )?;
        let crystal = signed(card.crystal_ppm);
        let words = format!("{}: {crystal} ppm, {} frames", index + 1, card.period);
        text(out, &format!("t{colour}"), x + 30.0, y, &words)?;
    }
    text(
        out,
        "head",
        MARGIN,
        top - 34.0,
        "Later than the common timeline (+) or earlier (−), µs",
    )?;
    text(
        out,
        "",
        MARGIN,
        top - 16.0,
        "measured from the frames themselves; of each moment the worst; the scale is logarithmic beyond 1",
    )?;
    let area = Area {
        top,
        height: 370.0,
        seconds,
    };
    let mut values: Vec<f64> = lines
        .iter()
        .flatten()
        .filter_map(|sample| sample.late)
        .collect();
    values.extend([-FRAME, FRAME]);
    let diagram = Diagram::new(area, Scale::Powers, values);
    let (high, low) = (diagram.y(FRAME), diagram.y(-FRAME));
    writeln!(
        out,
        "<rect class=\"band\" x=\"{LEFT}\" y=\"{high:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
        RIGHT - LEFT,
        low - high
    )?;
    diagram.grid(out)?;
    for (words, below) in [("within one frame", -3.0), ("of 48 kHz audio", 13.0)] {
        text(out, "tick", RIGHT + 10.0, diagram.y(0.0) + below, words)?;
    }
    for (index, line) in lines.iter().enumerate() {
        diagram.line(out, index % COLOURS, line, |sample| sample.late)?;
    }
    text(
        out,
        "middle",
        (LEFT + RIGHT) / 2.0,
        height - 18.0,
        "seconds since the music began",
    )?;
    out.write_str("</svg>\n")
}
