//! The laboratory: simulated speakers with faults to choose, playing in virtual time, and how far apart they are heard.
//! Nothing sounds, nothing is sent. `cargo run --release --example sync_lab -- --help` lists what can be chosen.

#[path = "../demo/diagram.rs"]
#[expect(dead_code, reason = "the demo has diagrams of an even scale too")]
mod diagram;
#[path = "../../tests/suite/support/house/mod.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "it is the house of the tests, and they ask more of it"
)]
mod house;
mod measure;
mod options;
mod plot;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use unisono::clock::{Clock, SystemClock};

use house::House;
use measure::Spread;
use options::Options;

/// For how long a thread is held up.
const STALL: Duration = Duration::from_millis(300);
/// From then on, in seconds, speakers are expected to know their crystals.
const SETTLED: f64 = 10.0;

/// Something that happens to a speaker.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Stall,
    Unplug,
    Plug,
}

fn main() -> ExitCode {
    match perform(&Options::parse(), &mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(io::stderr(), "The lab failed: {failure:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(options: &Options, out: &mut impl Write) -> anyhow::Result<()> {
    if let Some(problem) = options.problem() {
        bail!(problem);
    }
    let clock = SystemClock::new();
    let before = clock.now();
    let house = run(options);
    let took = clock.now().seconds_since(before);
    writeln!(
        out,
        "{} s of {} speakers in {took:.1} s",
        options.seconds, options.devices
    )?;
    print(out, options, &house)?;
    if let Some(path) = &options.svg {
        let seconds = f64::from(options.seconds);
        let lines: Vec<_> = (0..house.rooms.len())
            .map(|room| measure::samples(&house, room, seconds))
            .collect();
        std::fs::write(path, plot::svg(&options.cards(), &lines, seconds))
            .with_context(|| format!("the plot cannot be written to {}", path.display()))?;
        writeln!(out, "The plot, for any browser: {}", path.display())?;
    }
    Ok(())
}

/// Plays, and lets happen what is to happen.
fn run(options: &Options) -> House {
    let stalls = options.stall.iter();
    let unplugs = options.unplug.iter();
    let mut faults: Vec<(u32, u32, Fault)> = stalls
        .map(|stall| (stall.at, stall.device, Fault::Stall))
        .chain(unplugs.flat_map(|unplug| {
            let away = &unplug.while_away;
            [
                (away.start, unplug.device, Fault::Unplug),
                (away.end, unplug.device, Fault::Plug),
            ]
        }))
        .collect();
    faults.sort_by_key(|(at, ..)| *at);
    let mut house = House::new(&options.cards());
    for room in &mut house.rooms {
        room.scatter = f64::from(options.scatter) * 1e-6;
    }
    house.read();
    house.play(house::helix(Duration::from_secs(options.seconds.into())));
    let mut second = 0;
    for (at, device, fault) in faults {
        let at = at.min(options.seconds);
        house.run(Duration::from_secs((at - second).into()));
        second = at;
        let until = house.now() + STALL;
        let room = &mut house.rooms[device as usize - 1];
        match fault {
            Fault::Stall => room.stalled_until = until,
            Fault::Unplug => *room.plugged.borrow_mut() = false,
            Fault::Plug => *room.plugged.borrow_mut() = true,
        }
    }
    house.run(Duration::from_secs((options.seconds - second).into()));
    house
}

fn print(out: &mut impl Write, options: &Options, house: &House) -> io::Result<()> {
    let rooms: Vec<usize> = (0..house.rooms.len()).collect();
    let spread = house.spread(&rooms);
    let Some((_, first)) = spread.first() else {
        return writeln!(out, "Nothing was heard.");
    };
    writeln!(
        out,
        "\nfrom the first speaker heard to the last, µs (what is off by more than 50 ms seems to be off by less)\n  at the first sound {:9.1}",
        first * 1e6
    )?;
    let between = |from: f64, to: f64| {
        let times = spread.iter().filter(|(at, _)| (from..to).contains(at));
        Spread::of(times.map(|(_, apart)| *apart).collect())
    };
    for (what, spread) in [
        ("until second 10", between(0.0, SETTLED)),
        ("from then on", between(SETTLED, f64::INFINITY)),
    ] {
        if let Some(Spread { median, p99, worst }) = spread {
            writeln!(
                out,
                "  {what:<18} {median:9.1} median {p99:9.1} p99 {worst:9.1} worst"
            )?;
        }
    }
    writeln!(
        out,
        "\nspeaker  crystal ppm  learnt ppm  period  jumps  gaps  starved"
    )?;
    for (index, card) in options.cards().iter().enumerate() {
        let report = house.report(index);
        let learnt = report
            .clock_ppm
            .map_or("-".to_owned(), |ppm| format!("{ppm:.1}"));
        writeln!(
            out,
            "{:>7}  {:>11}  {learnt:>10}  {:>6}  {:>5}  {:>4}  {:>7}",
            index + 1,
            card.crystal_ppm,
            card.period,
            report.reanchored,
            report.gaps,
            report.starved_frames
        )?;
    }
    Ok(())
}
