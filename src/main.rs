//! The command line program: arguments, logging, one call, an exit code. It decides nothing.

mod logging;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use unisono::cli::{Arguments, Check, Command};
use unisono::config::{self, ConfigError, Plan};

/// The exit code for a config or command line that makes no sense; clap's own.
const USAGE: u8 = 2;
/// The exit code for a failure at run time.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let bad_config = failure.is::<ConfigError>();
            // Each line of a bad config begins with its place in the file, where editors look for it.
            let prefix = if bad_config { "" } else { "unisono: " };
            // Whoever closed standard error does not want to know.
            let _ = writeln!(io::stderr(), "{prefix}{failure:#}");
            ExitCode::from(if bad_config { USAGE } else { FAILED })
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    logging::start(arguments.log_format, None)?;
    match &arguments.command {
        Command::Check(check) => say_what_is_planned(check),
        other => anyhow::bail!("{other:?} has no module behind it in this build"),
    }
}

fn say_what_is_planned(check: &Check) -> anyhow::Result<()> {
    let hostname = hostname::get()?;
    let mut out = io::stdout().lock();
    let plan = match config::find(check.config.path.as_deref()) {
        Some(path) => {
            let plan = config::load(&path, &hostname.to_string_lossy())?;
            writeln!(out, "Config: {}", path.display())?;
            plan
        }
        None => {
            writeln!(out, "Config: none")?;
            Plan::default()
        }
    };
    write!(out, "{plan}")?;
    Ok(())
}
