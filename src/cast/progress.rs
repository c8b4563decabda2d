//! Shows how far a song is: a bar on a terminal, elsewhere a line every few seconds.
//! It asks nobody anything; it is handed each new state.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::Playback;
use crate::renderer::duration;

/// Between two lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// One of two ways to show progress.
pub(super) enum View<'a, W> {
    /// A bar on standard error; the output is for the last word.
    Bar(ProgressBar, &'a mut W),
    /// Lines, with what was shown last and when.
    Lines(&'a mut W, Option<(Instant, String)>),
}

impl<'a, W: Write> View<'a, W> {
    /// A view of the song `title`.
    pub(super) fn new(bar: bool, title: &str, out: &'a mut W) -> Self {
        if !bar {
            return Self::Lines(out, None);
        }
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(title.to_owned());
        Self::Bar(bar, out)
    }

    /// Shows the present state.
    pub(super) fn show(&mut self, playback: &Playback) -> io::Result<()> {
        match self {
            Self::Bar(bar, _) => {
                // Without a duration the bar stays empty and the time runs.
                bar.set_length(playback.duration.map_or(1, |duration| duration.as_secs()));
                bar.set_position(playback.duration.map_or(0, |_| playback.position.as_secs()));
                bar.set_message(describe(playback));
                Ok(())
            }
            Self::Lines(out, last) => {
                let due = last.as_ref().is_none_or(|(at, state)| {
                    *state != playback.state || at.elapsed() >= LINE_EVERY
                });
                if due {
                    writeln!(out, "{}", describe(playback))?;
                    *last = Some((Instant::now(), playback.state.clone()));
                }
                Ok(())
            }
        }
    }

    /// Clears the bar and says the last word.
    pub(super) fn finish(self, last_word: &str) -> io::Result<()> {
        let out = match self {
            Self::Bar(bar, out) => {
                bar.finish_and_clear();
                out
            }
            Self::Lines(out, _) => out,
        };
        writeln!(out, "{last_word}")
    }
}

fn describe(playback: &Playback) -> String {
    let position = duration::write(playback.position);
    let state = match playback.state.as_str() {
        "PLAYING" => String::new(),
        other => format!(" {other}"),
    };
    match playback.duration {
        Some(whole) => format!("{position} of {}{state}", duration::write(whole)),
        None => format!("{position}{state}"),
    }
}
