//! What a person may ask of the lab, and the speakers that follow from it.
//! It runs nothing.

use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use unisono::sink::SimulatedSpec;

/// Plays a stream on simulated speakers in virtual time, and says how far apart they are heard.
#[derive(Debug, clap::Parser)]
pub(crate) struct Options {
    /// How many speakers; their crystals are between −500 and +500 ppm.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=64))]
    pub(crate) devices: u32,
    /// For how long the music plays.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(12..=86_400))]
    pub(crate) seconds: u32,
    /// By up to how many milliseconds a third of the reports come late.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=1000))]
    pub(crate) late_reports: u64,
    /// By how many microseconds all reports scatter, as a standard deviation.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(..=1000))]
    pub(crate) scatter: u32,
    /// Holds a speaker's thread up for 300 ms: the second one at second 120.
    #[arg(long, value_name = "2@120")]
    pub(crate) stall: Vec<Stall>,
    /// Unplugs a speaker for a while.
    #[arg(long, value_name = "3@200..230")]
    pub(crate) unplug: Vec<Unplug>,
    /// Where to draw the plot.
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

/// A speaker that is held up.
#[derive(Debug, Clone)]
pub(crate) struct Stall {
    /// Counted from one.
    pub(crate) device: u32,
    /// The second.
    pub(crate) at: u32,
}

/// A speaker that goes and comes back.
#[derive(Debug, Clone)]
pub(crate) struct Unplug {
    /// Counted from one.
    pub(crate) device: u32,
    /// The seconds.
    pub(crate) while_away: Range<u32>,
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

impl FromStr for Stall {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (device, at) = text.split_once('@').ok_or("write it as 2@120")?;
        let (device, at) = (number(device)?, number(at)?);
        Ok(Self { device, at })
    }
}

impl FromStr for Unplug {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let how = "write it as 3@200..230";
        let (device, away) = text.split_once('@').ok_or(how)?;
        let (from, to) = away.split_once("..").ok_or(how)?;
        Ok(Self {
            device: number(device)?,
            while_away: number(from)?..number(to)?,
        })
    }
}

impl Options {
    /// What does not fit together, in words.
    pub(crate) fn problem(&self) -> Option<String> {
        let stalls = self.stall.iter().map(|stall| stall.device);
        let unplugs = self.unplug.iter().map(|unplug| unplug.device);
        let mut named = stalls.chain(unplugs);
        let unknown = named.find(|device| !(1..=self.devices).contains(device))?;
        Some(format!(
            "there is no speaker {unknown}; they are numbered from 1 to {}",
            self.devices
        ))
    }

    /// The speakers' cards: crystals spread evenly, and periods and start-up times of many kinds.
    pub(crate) fn cards(&self) -> Vec<SimulatedSpec> {
        let card = |index: u32| SimulatedSpec {
            crystal_ppm: (f64::from(index) / f64::from(self.devices - 1) * 1000.0 - 500.0).round(),
            start_up: Duration::from_millis(u64::from(index) * 17 % 60),
            period: [480, 1024, 256, 512, 960, 128][index as usize % 6],
            late_reports: Duration::from_millis(self.late_reports),
        };
        (0..self.devices).map(card).collect()
    }
}
