//! What the library logs on this thread, for tests that ask whether a person could read there what has happened.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// Lines logged since it was made, on the thread that has made it, tokio's tasks there included.
#[derive(Debug)]
pub(crate) struct Log {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn start() -> Self {
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::INFO)
            .with_writer(lines.clone())
            .finish();
        Self {
            lines,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    pub(crate) fn text(&self) -> String {
        let lines = self.lines.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&lines).into_owned()
    }

    /// Whether one line has all of this in it.
    fn has_line(&self, parts: &[&str]) -> bool {
        let fits = |line: &str| parts.iter().all(|part| line.contains(part));
        self.text().lines().any(fits)
    }

    /// Asserts that one line has all of this in it.
    #[track_caller]
    pub(crate) fn assert_line(&self, parts: &[&str]) {
        let text = self.text();
        assert!(self.has_line(parts), "no line with {parts:?}:\n{text}");
    }

    /// Waits until one line has all of this in it.
    pub(crate) async fn wait_for(&self, parts: &[&str]) {
        let told = async {
            while !self.has_line(parts) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let told = tokio::time::timeout(Duration::from_secs(20), told).await;
        assert!(told.is_ok(), "no line with {parts:?}:\n{}", self.text());
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
