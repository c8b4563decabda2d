//! `unisono status`, `unisono set` and `unisono play`: a running program, asked and told through its API.
//! It works on any machine from which that program lets itself be controlled; it knows no config.

mod client;
mod report;

use std::io::{self, Write};

pub use client::RemoteError;

use client::Client;

/// Why a command did not do what it was to do.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The running program was not reached, or refused.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// What was learnt cannot be said.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

/// Says what the program at `url` (`http://HOST:PORT`) does: as a table, or with `json` as its API gives it.
///
/// # Errors
/// The program is not reached, or `out` cannot be written.
pub async fn status(url: &str, json: bool, out: &mut impl Write) -> Result<(), CommandError> {
    let (text, state) = Client::new(url)?.state().await?;
    if json {
        writeln!(out, "{text}")?;
    } else {
        for line in report::state(&state) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// Sets keys of an output of the program at `url`, all or none, and says what is true then. Values are as on a command line:
/// `40`, `true`, `mono`.
///
/// # Errors
/// The program is not reached or refuses, or `out` cannot be written.
pub async fn set(
    url: &str,
    output: &str,
    changes: &[(String, String)],
    out: &mut impl Write,
) -> Result<(), CommandError> {
    let status = Client::new(url)?.set_output(output, changes).await?;
    for line in report::settings(&status) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Has the program at `url` play one of its inputs, and says where.
///
/// # Errors
/// The program is not reached or refuses, or `out` cannot be written.
pub async fn play(url: &str, input: &str, out: &mut impl Write) -> Result<(), CommandError> {
    let status = Client::new(url)?.play_input(input).await?;
    writeln!(out, "{}", report::played(&status))?;
    Ok(())
}
