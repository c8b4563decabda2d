//! What was measured, in words and columns for people.
//! It measures nothing.

use std::io::{self, Write};

use crate::figures::{Figures, Skew};
use crate::options::Options;

/// What is about to happen.
pub(crate) fn plan(options: &Options) -> String {
    let count = options.crystals.len();
    format!(
        "{count} sound {} of their own, {} s of clicks{}{}",
        if count == 1 { "server" } else { "servers" },
        options.seconds,
        if options.busy {
            ", one core kept busy"
        } else {
            ""
        },
        if options.cost {
            ", nothing recorded"
        } else {
            ""
        },
    )
}

/// All figures.
pub(crate) fn figures(out: &mut impl Write, figures: &Figures) -> io::Result<()> {
    if let Some(floor) = &figures.floor {
        skews(out, figures, floor)?;
    }
    writeln!(
        out,
        "\nlanes      crystal  measured   learnt   re-anchored  gaps  starved frames\n\
         \x20              ppm       ppm      ppm"
    )?;
    for output in &figures.outputs {
        let ppm = |ppm: Option<f64>| ppm.map_or("-".to_owned(), |ppm| format!("{ppm:+.1}"));
        writeln!(
            out,
            "{:<9}{:>+9.1}{:>10}{:>9}{:>14}{:>6}{:>16}",
            output.name,
            output.crystal_ppm,
            ppm(output.recorded_ppm),
            ppm(output.lane.clock_ppm),
            output.lane.reanchored,
            output.lane.gaps,
            output.lane.starved_frames
        )?;
    }
    costs(out, figures)
}

fn skews(out: &mut impl Write, figures: &Figures, floor: &Skew) -> io::Result<()> {
    writeln!(
        out,
        "\nHow much later than output 1 the same click is heard, in ms; all but the first column after 10 s.\n\
         The floor is output 1 recorded twice: what the method adds by itself.\n\n\
         output    first   median       p5      p95   p95−p5    worst   clicks  missed"
    )?;
    let outputs = figures.outputs.iter();
    let rows = outputs.filter_map(|output| Some((output.name.as_str(), output.skew.as_ref()?)));
    for (name, skew) in rows.chain([("floor", floor)]) {
        let first = skew
            .first_ms
            .map_or("-".to_owned(), |ms| format!("{ms:+.3}"));
        writeln!(
            out,
            "{name:<6}{first:>9}{:>+9.3}{:>+9.3}{:>+9.3}{:>9.3}{:>+9.3}{:>9}{:>8}",
            skew.median_ms,
            skew.p5_ms,
            skew.p95_ms,
            skew.width_ms,
            skew.worst_ms,
            skew.clicks,
            skew.missed
        )?;
    }
    Ok(())
}

fn costs(out: &mut impl Write, figures: &Figures) -> io::Result<()> {
    writeln!(
        out,
        "\nprocessor, % of a core     memory, MB\n\
         output     lane   server       server"
    )?;
    for output in &figures.outputs {
        writeln!(
            out,
            "{:<9}{:>6.2}{:>9.2}{:>13.1}",
            output.name,
            output.lane.cpu_percent,
            output.server.cpu_percent,
            megabytes(output.server.resident_kib)
        )?;
    }
    writeln!(
        out,
        "\nThis process: {:.2} % of a core, {:.1} MB resident: feeder and lanes, without decoding and network.",
        figures.cpu_percent,
        megabytes(figures.resident_kib)
    )?;
    if figures.recorded {
        writeln!(
            out,
            "What the servers spend on being recorded is in their figures; --cost records nothing."
        )?;
    }
    if !figures.optimised {
        writeln!(
            out,
            "It was built without --release: costs are higher than the program's own."
        )?;
    }
    Ok(())
}

fn megabytes(kib: u64) -> f64 {
    kib as f64 * 1024.0 / 1e6
}
