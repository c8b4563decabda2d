//! A named pipe, made if it is not there. Whoever writes into it may come and go.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::Got;

/// The reading end.
#[derive(Debug)]
pub(super) struct Fifo(File);

impl Fifo {
    /// Opens it, whether or not somebody writes.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        match fs::metadata(path) {
            Ok(there) if there.file_type().is_fifo() => {}
            Ok(_) => {
                return Err(
                    "it is there and is no named pipe; remove it or choose another path".to_owned(),
                );
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Whoever writes here is heard: nobody else than this user is to.
                mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR)
                    .map_err(|error| format!("it cannot be made: {}", error.desc()))?;
            }
            Err(error) => return Err(error.to_string()),
        }
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(path);
        file.map(Self).map_err(|error| error.to_string())
    }

    /// Never waits.
    pub(super) fn read(&mut self, bytes: &mut [u8]) -> io::Result<Got> {
        Got::of(self.0.read(bytes))
    }
}
