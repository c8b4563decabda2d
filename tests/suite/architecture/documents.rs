//! The Markdown documents, as far as they can be held against the code.
//! Not a Markdown reader: tables, headings, code spans and links, as this repository writes them.

use std::path::{Component, Path, PathBuf};

use super::source::root;

pub(super) struct Document {
    /// From the repository's root.
    pub(super) path: String,
    pub(super) text: String,
}

impl Document {
    pub(super) fn read(path: &str) -> Self {
        let text = std::fs::read_to_string(root().join(path));
        Self {
            path: path.to_owned(),
            text: text.unwrap_or_else(|error| panic!("{path}: {error}")),
        }
    }

    /// Every document of the repository.
    pub(super) fn all() -> Vec<Self> {
        let mut found = Vec::new();
        for folder in [".", "docs", "tests/fixtures/upnp"] {
            for entry in root().join(folder).read_dir().expect(folder) {
                let name = entry
                    .expect(folder)
                    .file_name()
                    .into_string()
                    .expect("a name in UTF-8");
                if name.ends_with(".md") {
                    found.push(Self::read(
                        Path::new(folder)
                            .join(name)
                            .to_str()
                            .expect("a path in UTF-8")
                            .trim_start_matches("./"),
                    ));
                }
            }
        }
        assert!(found.len() > 5, "the documents have moved");
        found
    }

    /// What stands below a heading of the second level, up to the next.
    pub(super) fn section(&self, heading: &str) -> &str {
        let mut parts = self.text.split("\n## ");
        let found = parts.find_map(|part| part.strip_prefix(heading)?.strip_prefix('\n'));
        found.unwrap_or_else(|| panic!("{} has no section {heading:?}", self.path))
    }

    /// The lines that are not in a block of code.
    pub(super) fn prose(&self) -> impl Iterator<Item = &str> {
        let mut in_code = false;
        self.text.lines().filter(move |line| {
            let fence = line.trim_start().starts_with("```");
            in_code ^= fence;
            !in_code && !fence
        })
    }

    /// The targets of its links.
    pub(super) fn links(&self) -> impl Iterator<Item = &str> {
        self.prose().flat_map(|line| {
            line.split("](")
                .skip(1)
                .filter_map(|rest| rest.split(')').next())
        })
    }

    /// What a link within a page may name.
    pub(super) fn anchors(&self) -> impl Iterator<Item = String> {
        let headings = self.prose().filter(|line| line.starts_with('#'));
        headings.map(|line| {
            let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
            let text: String = line
                .trim_start_matches('#')
                .trim()
                .chars()
                .filter(kept)
                .collect();
            text.to_lowercase().replace(' ', "-")
        })
    }

    /// The path from the root of what this document calls `path`.
    pub(super) fn beside(&self, path: &str) -> String {
        let mut whole = PathBuf::new();
        let folder = Path::new(&self.path).parent().unwrap_or(Path::new(""));
        for part in folder.join(path).components() {
            match part {
                Component::ParentDir => assert!(whole.pop(), "{path} leads out of the repository"),
                Component::CurDir => {}
                part => whole.push(part),
            }
        }
        whole.to_str().expect("a path in UTF-8").to_owned()
    }
}

/// The cells of each row of the tables in `text`.
pub(super) fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter_map(|line| {
        let row = line.trim().strip_prefix('|')?.strip_suffix('|')?;
        Some(row.split('|').map(str::trim).collect())
    })
}

/// What stands between backticks.
pub(super) fn backticked(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
