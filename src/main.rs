//! The command line program: arguments, logging, one call, an exit code. It decides nothing.

mod commands;
mod logging;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use unisono::app::AppError;
use unisono::bluetooth::{CommandError, NoAddress};
use unisono::cli::{Arguments, Command};
use unisono::view::Painter;

/// The exit code for a config or command line that makes no sense; clap's own.
const USAGE: u8 = 2;
/// The exit code for a failure at run time.
const FAILED: u8 = 1;
/// The exit code for what needs Bluetooth where there is none: for scripts, since trying again does not help.
const NO_BLUETOOTH: u8 = 3;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let bad_config = matches!(
                failure.downcast_ref(),
                Some(AppError::Config(_) | AppError::Machine(_) | AppError::Port { .. })
            );
            // Each line of a bad config begins with its place in the file, where editors look for it.
            let prefix = if bad_config { "" } else { "unisono: " };
            // Whoever closed standard error does not want to know.
            let _ = writeln!(io::stderr(), "{prefix}{failure:#}");
            let bluetooth = failure.downcast_ref::<CommandError>();
            let no_bluetooth = bluetooth.is_some_and(CommandError::no_bluetooth);
            let usage = bad_config || failure.is::<NoAddress>();
            ExitCode::from(match (usage, no_bluetooth) {
                (true, _) => USAGE,
                (_, true) => NO_BLUETOOTH,
                _ => FAILED,
            })
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let painter = match &arguments.command {
        Command::Run(run) if !run.no_view => Painter::on_terminal(),
        _ => None,
    };
    logging::start(arguments.log_format, painter.clone())?;
    match &arguments.command {
        Command::Run(run) => commands::run(run, painter),
        Command::Check(check) => commands::check(check),
        Command::Outputs => commands::outputs(),
        Command::Status(status) => commands::status(status),
        Command::Set(set) => commands::set(set),
        Command::Play(play) => commands::play(play),
        Command::Discover(discover) => commands::discover(discover),
        Command::Cast(cast) => commands::cast(cast),
        Command::Bluetooth(bluetooth) => commands::bluetooth(&bluetooth.command),
    }
}
