//! What the user writes, and only that: a TOML file becomes a [`Plan`] in which every default is filled in.
//! Whether the machine can do what the plan asks (sinks that exist, a port that is free) is not judged here.

mod describe;
mod plan;
mod problem;
mod raw;
mod resolve;
mod schema;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

pub use plan::{
    DEFAULT_PORT, DEFAULT_VOLUME, InputPlan, NetworkPlan, Origin, Plan, Start, ZonePlan,
};
pub use problem::{ConfigError, Problem};
pub use schema::{InputType, KEYS, Key, OutputType, Section, ValueKind};

use problem::Problems;

/// Where the config of a system service is.
const SYSTEM_CONFIG: &str = "/etc/unisono/config.toml";

/// Reads the config at `path`. `hostname` names the zone of a config that has none.
///
/// # Errors
/// [`ConfigError`] with everything that is wrong, at once.
pub fn load(path: &Path, hostname: &str) -> Result<Plan, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_path_buf(),
        source,
    })?;
    parse(&text, path, hostname)
}

/// Reads `text` as the content of the file `path`, which is used in messages and to find relative paths.
///
/// # Errors
/// [`ConfigError::Invalid`] with everything that is wrong, at once.
pub fn parse(text: &str, path: &Path, hostname: &str) -> Result<Plan, ConfigError> {
    let mut problems = Problems::new(path, text);
    let raw = raw::read(text, &mut problems);
    let plan = resolve::resolve(raw, path, hostname, &mut problems);
    problems.unless_any(plan)
}

/// The config to use: what was asked for, else the user's, else the system's, else none.
pub fn find(asked_for: Option<&Path>) -> Option<PathBuf> {
    choose(asked_for, |name| env::var_os(name), Path::exists)
}

fn choose(
    asked_for: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
    exists: impl Fn(&Path) -> bool,
) -> Option<PathBuf> {
    if let Some(path) = asked_for {
        return Some(path.to_path_buf());
    }
    // The XDG base directory specification: relative paths are invalid and ignored.
    let absolute = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let user = absolute("XDG_CONFIG_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".config")))
        .map(|base| base.join("unisono/config.toml"));
    user.into_iter()
        .chain([PathBuf::from(SYSTEM_CONFIG)])
        .find(|path| exists(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(
        asked_for: Option<&str>,
        variables: &[(&str, &str)],
        files: &[&str],
    ) -> Option<PathBuf> {
        choose(
            asked_for.map(Path::new),
            |name| {
                let found = variables.iter().find(|(variable, _)| *variable == name);
                found.map(|(_, value)| OsString::from(value))
            },
            |path| files.iter().any(|file| Path::new(file) == path),
        )
    }

    #[test]
    fn the_nearest_config_is_chosen() {
        let home = ("HOME", "/home/ann");
        let xdg = ("XDG_CONFIG_HOME", "/conf");
        let files = [
            "/conf/unisono/config.toml",
            "/home/ann/.config/unisono/config.toml",
            "/etc/unisono/config.toml",
        ];
        let check = |asked_for, variables: &[_], files: &[_], expected: Option<&str>| {
            assert_eq!(
                chosen(asked_for, variables, files),
                expected.map(PathBuf::from)
            );
        };
        check(Some("mine.toml"), &[home, xdg], &files, Some("mine.toml"));
        check(None, &[home, xdg], &files, Some(files[0]));
        check(None, &[home], &files, Some(files[1]));
        check(
            None,
            &[home, ("XDG_CONFIG_HOME", "here")],
            &files,
            Some(files[1]),
        );
        check(None, &[home, xdg], &files[2..], Some(files[2]));
        check(None, &[], &files, Some(files[2]));
        check(None, &[home, xdg], &[], None);
    }
}
