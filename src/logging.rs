//! Where log lines go: to standard error, above the live view if there is one.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use unisono::cli::LogFormat;
use unisono::view::Painter;

/// What is logged unless `RUST_LOG` says otherwise: our own doings, and what libraries complain of. The decoders remark on
/// every oddity of a file; what they cannot play is our own error.
const DEFAULT_FILTER: &str = "unisono=info,symphonia=error,warn";

/// Starts logging for the rest of the program. With a `view`, lines are printed above it.
///
/// # Errors
/// When `RUST_LOG` cannot be understood.
pub(crate) fn start(format: LogFormat, view: Option<Painter>) -> anyhow::Result<()> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(wanted) if !wanted.is_empty() => EnvFilter::try_new(&wanted)
            .map_err(|reason| anyhow::anyhow!("RUST_LOG={wanted:?} is no log filter: {reason}"))?,
        _ => EnvFilter::new(DEFAULT_FILTER),
    };
    let colours = console::colors_enabled_stderr();
    let writer = match view {
        Some(view) => BoxMakeWriter::new(move || view.log_line()),
        None => BoxMakeWriter::new(io::stderr),
    };
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    match format {
        LogFormat::Text => lines.with_target(false).with_ansi(colours).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
}
