//! Keeps the view at the bottom of a terminal and lets log lines pass above it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use console::Term;

use super::{Screen, render};

/// Draws the view. Cheap to clone; clones draw the same one, from any thread.
#[derive(Debug, Clone)]
pub struct Painter {
    canvas: Arc<Mutex<Canvas<Term>>>,
}

impl Painter {
    /// A painter on standard error, or `None` if that is not a terminal.
    pub fn on_terminal() -> Option<Self> {
        let terminal = Term::buffered_stderr();
        terminal.is_term().then(|| Self {
            canvas: Arc::new(Mutex::new(Canvas::new(terminal))),
        })
    }

    /// Replaces what is shown.
    pub fn show(&self, screen: &Screen) {
        let mut canvas = self.canvas();
        let width = usize::from(canvas.surface.size().1);
        // The last column stays free: some terminals wrap as soon as it is filled.
        let lines = render(screen, width.saturating_sub(1));
        canvas.replace(lines);
    }

    /// Takes the view away: the last thing before the program ends.
    pub fn finish(&self) {
        self.canvas().replace(Vec::new());
    }

    /// A writer for one log entry. It is printed above the view when the writer is dropped.
    pub fn log_line(&self) -> LogLine {
        LogLine {
            painter: self.clone(),
            text: Vec::new(),
        }
    }

    fn canvas(&self) -> MutexGuard<'_, Canvas<Term>> {
        // A panic while drawing leaves at worst a crooked line, and the next drawing mends it.
        self.canvas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gathers one log entry, so that the view is redrawn once for it. See [`Painter::log_line`].
#[derive(Debug)]
pub struct LogLine {
    painter: Painter,
    text: Vec<u8>,
}

impl Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            self.painter.canvas().print_above(&self.text);
        }
    }
}

/// What a canvas is drawn on.
trait Surface: Write {
    /// Removes the last `count` lines and leaves the cursor at the start of the first of them.
    fn clear_last_lines(&mut self, count: usize) -> io::Result<()>;
}

impl Surface for Term {
    fn clear_last_lines(&mut self, count: usize) -> io::Result<()> {
        Self::clear_last_lines(self, count)
    }
}

/// The view as it stands on a surface, the cursor on the line below it.
#[derive(Debug)]
struct Canvas<S> {
    surface: S,
    shown: Vec<String>,
}

impl<S: Surface> Canvas<S> {
    fn new(surface: S) -> Self {
        Self {
            surface,
            shown: Vec::new(),
        }
    }

    fn replace(&mut self, lines: Vec<String>) {
        if lines != self.shown {
            self.redraw(&[], lines);
        }
    }

    fn print_above(&mut self, text: &[u8]) {
        let lines = self.shown.clone();
        self.redraw(text, lines);
    }

    /// A terminal that has gone away takes the view with it, and that is no reason to stop playing: errors are let go.
    fn redraw(&mut self, above: &[u8], lines: Vec<String>) {
        let drawn = self.try_redraw(above, &lines);
        self.shown = if drawn.is_ok() { lines } else { Vec::new() };
    }

    fn try_redraw(&mut self, above: &[u8], lines: &[String]) -> io::Result<()> {
        self.surface.clear_last_lines(self.shown.len())?;
        self.surface.write_all(above)?;
        if above.last().is_some_and(|last| *last != b'\n') {
            self.surface.write_all(b"\n")?;
        }
        for line in lines {
            writeln!(self.surface, "{line}")?;
        }
        self.surface.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a person would see on the terminal.
    #[derive(Debug, Default)]
    struct Paper {
        lines: Vec<String>,
        pending: String,
    }

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            for character in String::from_utf8_lossy(bytes).chars() {
                match character {
                    '\n' => self.lines.push(std::mem::take(&mut self.pending)),
                    character => self.pending.push(character),
                }
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Surface for Paper {
        fn clear_last_lines(&mut self, count: usize) -> io::Result<()> {
            self.lines.truncate(self.lines.len() - count);
            Ok(())
        }
    }

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn log_lines_pass_above_a_view_that_stays_whole() {
        let mut canvas = Canvas::new(Paper::default());
        canvas.print_above(b"starting\n");
        canvas.replace(lines(&["zone", "  output"]));
        canvas.print_above(b"playing");
        canvas.replace(lines(&["zone playing", "  output"]));
        canvas.print_above(b"one\ntwo\n");
        let expected = [
            "starting",
            "playing",
            "one",
            "two",
            "zone playing",
            "  output",
        ];
        assert_eq!(canvas.surface.lines, expected);
        canvas.replace(Vec::new());
        assert_eq!(canvas.surface.lines, expected[..4]);
        assert_eq!(canvas.surface.pending, "");
    }

    #[test]
    fn a_view_that_grows_or_shrinks_leaves_nothing_behind() {
        let mut canvas = Canvas::new(Paper::default());
        canvas.replace(lines(&["one"]));
        canvas.replace(lines(&["one", "two", "three"]));
        canvas.replace(lines(&["two"]));
        assert_eq!(canvas.surface.lines, ["two"]);
    }
}
