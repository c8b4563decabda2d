//! What a person may ask to be measured.
//! It runs nothing.

use std::path::PathBuf;
use std::time::Duration;

/// The library steers by no more than this, and no crystal is worse.
const LARGEST_PPM: f64 = 1000.0;

/// Plays clicks on sound servers of its own, and says how far apart they are heard and what it costs.
#[derive(Debug, clap::Parser)]
pub(crate) struct Options {
    /// How much too fast each server's crystal is, in parts per million: one server for each.
    #[arg(
        long,
        value_name = "PPM,…",
        value_delimiter = ',',
        allow_hyphen_values = true,
        default_value = "0,500",
        value_parser = crystal
    )]
    pub(crate) crystals: Vec<f64>,
    /// For how long it plays.
    #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u32).range(15..=86_400))]
    pub(crate) seconds: u32,
    /// Keeps one core busy meanwhile.
    #[arg(long)]
    pub(crate) busy: bool,
    /// States processor time and memory only: recording costs the servers something too.
    #[arg(long)]
    pub(crate) cost: bool,
    /// Where to write the figures for machines.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

impl Options {
    /// For how long it plays.
    pub(crate) fn length(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }
}

fn crystal(text: &str) -> Result<f64, String> {
    let ppm: f64 = text
        .trim()
        .parse()
        .map_err(|_| format!("{text:?} is no number"))?;
    if ppm.abs() <= LARGEST_PPM {
        Ok(ppm)
    } else {
        Err(format!(
            "no crystal is as far off as that; choose from −{LARGEST_PPM} to {LARGEST_PPM}"
        ))
    }
}
