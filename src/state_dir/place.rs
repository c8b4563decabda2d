//! Where state is kept, if nobody says.
//! What is in it is no matter here.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::StateError;

/// Where state is kept: what was asked for, else what systemd has made for the service (`STATE_DIRECTORY`), else the
/// user's (`XDG_STATE_HOME`, or `~/.local/state`).
///
/// # Errors
/// [`StateError::Nowhere`] when none of these is set.
pub fn find(asked_for: Option<&Path>) -> Result<PathBuf, StateError> {
    choose(asked_for, |name| env::var_os(name))
}

fn choose(
    asked_for: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, StateError> {
    if let Some(path) = asked_for {
        return Ok(path.to_path_buf());
    }
    // systemd lists several directories with colons between them; ours is the first.
    let service = variable("STATE_DIRECTORY")
        .and_then(|list| env::split_paths(&list).next())
        .filter(|path| path.is_absolute());
    let absolute = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let user = || {
        absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
            .map(|base| base.join("unisono"))
    };
    service.or_else(user).ok_or(StateError::Nowhere)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_manager_comes_before_the_user() {
        let check = |variables: &[(&str, &str)], expected: Option<&str>| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| OsString::from(value))
            };
            assert_eq!(choose(None, variable).ok(), expected.map(PathBuf::from));
            let asked_for = Path::new("mine");
            assert_eq!(
                choose(Some(asked_for), variable).ok(),
                Some(asked_for.to_path_buf())
            );
        };
        let home = ("HOME", "/home/ann");
        check(
            &[("STATE_DIRECTORY", "/var/lib/unisono:/x"), home],
            Some("/var/lib/unisono"),
        );
        check(&[("XDG_STATE_HOME", "/s"), home], Some("/s/unisono"));
        check(&[home], Some("/home/ann/.local/state/unisono"));
        check(&[], None);
    }
}
