//! What is wrong with a config, said so that it can be put right: file, line, key, value, and what to do.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the config {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file says something that cannot be done. Never without problems.
    #[error("{}", lines(problems))]
    Invalid {
        /// All that was found, in the order of lines.
        problems: Vec<Problem>,
    },
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

/// One thing to put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

/// Gathers problems while one file is read.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    file: &'a Path,
    text: &'a str,
    found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str) -> Self {
        Self {
            file,
            text,
            found: Vec::new(),
        }
    }

    pub(super) fn report(&mut self, at: &Range<usize>, message: impl Into<String>) {
        self.found.push(Problem {
            file: self.file.to_path_buf(),
            line: self.line(at),
            message: message.into(),
        });
    }

    pub(super) fn none(&self) -> bool {
        self.found.is_empty()
    }

    /// The line, from 1, on which `at` begins.
    pub(super) fn line(&self, at: &Range<usize>) -> usize {
        let before = self.text.as_bytes().iter().take(at.start);
        1 + before.filter(|byte| **byte == b'\n').count()
    }

    /// The text at `at` as it stands in the file, cut to one line that fits into a message.
    pub(super) fn written(&self, at: &Range<usize>) -> String {
        const LONGEST: usize = 60;
        let written = self.text.get(at.clone()).unwrap_or_default();
        let first = written.lines().next().unwrap_or_default();
        if first.len() == written.len() && first.chars().count() <= LONGEST {
            return first.to_owned();
        }
        first.chars().take(LONGEST).chain(['…']).collect()
    }

    /// `value`, unless something was found.
    pub(super) fn unless_any<T>(mut self, value: T) -> Result<T, ConfigError> {
        if self.found.is_empty() {
            return Ok(value);
        }
        self.found.sort_by_key(|problem| problem.line);
        Err(ConfigError::Invalid {
            problems: self.found,
        })
    }
}
