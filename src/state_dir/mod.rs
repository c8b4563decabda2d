//! What the program itself remembers from one start to the next, in a folder of its own.
//! It holds nothing the user writes; that is the config.

mod identities;
mod outputs;
mod place;
mod speakers;

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tracing::warn;

pub use outputs::{KeptLearnt, KeptValue};
pub use place::find;
pub use speakers::KeptLateness;

use identities::KnownZone;
use outputs::KnownOutputs;
use speakers::KnownSpeakers;

const STATE_FILE: &str = "state.json";
const LOCK_FILE: &str = "lock";

/// An open state directory. While it lives no other program can open it, so two renderers on one machine never
/// show the same identity.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    memory: Memory,
    /// The outputs and speakers as the file has them.
    written: (KnownOutputs, KnownSpeakers),
    _lock: File,
}

/// The content of the state file. What a newer version wrote is kept in `rest`.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    #[serde(default)]
    zones: Vec<KnownZone>,
    #[serde(default, skip_serializing_if = "KnownOutputs::is_empty")]
    outputs: KnownOutputs,
    #[serde(default, skip_serializing_if = "KnownSpeakers::is_empty")]
    speakers: KnownSpeakers,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

impl Memory {
    /// What is written when it has changed.
    fn remembered(&self) -> (KnownOutputs, KnownSpeakers) {
        (self.outputs.clone(), self.speakers.clone())
    }
}

/// Why the state directory does not serve.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Neither the command line nor the environment names a place.
    #[error("there is no home directory to keep state in; name a folder with --state-dir")]
    Nowhere,
    /// Another program has it open.
    #[error(
        "the state directory {} is in use by another unisono; stop that one, or give this one its own with --state-dir",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// It cannot be made, read or written.
    #[error("cannot use {} to keep state in; name another folder with --state-dir", path.display())]
    Unusable {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl StateDir {
    /// Opens the state directory at `path`, making it if need be. A state file that cannot be understood is moved
    /// aside with a warning, and everything in it is learnt anew.
    ///
    /// # Errors
    /// [`StateError`] when the directory is in use or cannot be made, read or written.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let unusable = |path: &Path| {
            let path = path.to_path_buf();
            move |source| StateError::Unusable { path, source }
        };
        fs::create_dir_all(path).map_err(unusable(path))?;
        let lock_path = path.join(LOCK_FILE);
        let lock = File::create(&lock_path).map_err(unusable(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StateError::InUse {
                    path: path.to_path_buf(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(&lock_path)(source)),
        }
        let file = path.join(STATE_FILE);
        let memory = match fs::read(&file) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(memory) => memory,
                Err(reason) => {
                    let aside = move_aside(&file).map_err(unusable(&file))?;
                    warn!(
                        "{} cannot be understood ({reason}); it is kept as {}. Apps will see each zone as a new device",
                        file.display(),
                        aside.display()
                    );
                    Memory::default()
                }
            },
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Memory::default(),
            Err(source) => return Err(unusable(&file)(source)),
        };
        Ok(Self {
            path: path.to_path_buf(),
            written: memory.remembered(),
            memory,
            _lock: lock,
        })
    }

    /// Writes the state file so that whoever reads it sees the old or the new one, even after a power cut.
    fn save(&mut self) -> Result<(), StateError> {
        let file = self.path.join(STATE_FILE);
        let write = || -> io::Result<()> {
            let fresh = self.path.join(format!("{STATE_FILE}.new"));
            let mut text = serde_json::to_string_pretty(&self.memory)?;
            text.push('\n');
            let mut target = File::create(&fresh)?;
            target.write_all(text.as_bytes())?;
            target.sync_all()?;
            fs::rename(&fresh, &file)
        };
        write().map_err(|source| StateError::Unusable {
            path: file.clone(),
            source,
        })?;
        self.written = self.memory.remembered();
        Ok(())
    }
}

/// Renames `file` to a name that is not taken, and says which.
fn move_aside(file: &Path) -> io::Result<PathBuf> {
    let aside = (1..)
        .map(|number| file.with_extension(format!("json.damaged-{number}")))
        .find(|path| !path.exists())
        .ok_or(io::ErrorKind::AlreadyExists)?;
    fs::rename(file, &aside)?;
    Ok(aside)
}

#[cfg(test)]
mod tests {
    use std::env;

    use uuid::Uuid;

    use super::*;

    /// A folder that is gone when the test is.
    pub(super) struct Folder(pub(super) PathBuf);

    impl Folder {
        pub(super) fn new() -> Self {
            Self(env::temp_dir().join(format!("unisono-state-{}", Uuid::new_v4())))
        }

        /// The identities that a start with these zones would show.
        pub(super) fn start(&self, zones: &[&str]) -> Vec<Uuid> {
            let mut state = StateDir::open(&self.0).expect("the folder is ours");
            state.identities(zones).expect("the folder is writable")
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).expect("the folder exists");
            let mut names: Vec<_> = entries
                .map(|entry| entry.expect("an entry").file_name())
                .map(|name| name.to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_damaged_file_is_kept_and_replaced() {
        let folder = Folder::new();
        let lost = folder.start(&["Kitchen"]);
        let file = folder.0.join(STATE_FILE);
        for damage in ["{\"zones\": [", ""] {
            fs::write(&file, damage).expect("writable");
            let made = folder.start(&["Kitchen"]);
            assert_ne!(made, lost);
            assert_eq!(folder.start(&["Kitchen"]), made);
        }
        let expected = [
            "lock",
            "state.json",
            "state.json.damaged-1",
            "state.json.damaged-2",
        ];
        assert_eq!(folder.names(), expected);
        let kept = fs::read_to_string(folder.0.join("state.json.damaged-1")).expect("readable");
        assert_eq!(kept, "{\"zones\": [");
    }

    #[test]
    fn what_a_newer_version_wrote_is_not_lost() {
        let folder = Folder::new();
        folder.start(&["Kitchen"]);
        let file = folder.0.join(STATE_FILE);
        let text = fs::read_to_string(&file).expect("readable");
        let newer = text.replacen('{', "{ \"moods\": [1, 2],", 1);
        fs::write(
            &file,
            newer.replace("\"present\"", "\"colour\": \"red\", \"present\""),
        )
        .expect("writable");
        folder.start(&["Kitchen", "Attic"]);
        let value: serde_json::Value =
            serde_json::from_slice(&fs::read(&file).expect("readable")).expect("valid");
        assert_eq!(value["moods"], serde_json::json!([1, 2]));
        assert_eq!(value["zones"][0]["colour"], "red");
        assert_eq!(value["zones"][1]["name"], "Attic");
    }

    #[test]
    fn two_programs_cannot_share_identities() {
        let folder = Folder::new();
        let first = StateDir::open(&folder.0).expect("free");
        let second = StateDir::open(&folder.0);
        assert!(
            matches!(second, Err(StateError::InUse { .. })),
            "{second:?}"
        );
        drop(first);
        assert!(StateDir::open(&folder.0).is_ok());
    }

    #[test]
    fn a_place_that_cannot_be_used_is_named() {
        let folder = Folder::new();
        fs::create_dir_all(&folder.0).expect("writable");
        let file = folder.0.join("file");
        fs::write(&file, "").expect("writable");
        let error = StateDir::open(&file.join("state")).expect_err("below a file");
        let said = error.to_string();
        assert!(
            said.contains("file/state") && said.contains("--state-dir"),
            "{said}"
        );
    }
}
