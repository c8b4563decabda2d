//! ffmpeg, which makes the files that are too many or too long to be kept as fixtures.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs it in `folder`, where it overwrites what there is.
#[track_caller]
pub(crate) fn ffmpeg<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) {
    let done = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-y"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("ffmpeg is installed: make test-packages");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
}

/// The folder of that name for what is made once and heard again.
pub(crate) fn folder_of_made(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).expect("target can be written to");
    folder
}
