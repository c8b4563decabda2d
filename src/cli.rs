//! What the program can be told on its command line, as data. Nothing is done here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Plays what apps cast to it, on every speaker at once.
#[derive(Debug, Clone, Parser)]
#[command(name = "unisono", version, arg_required_else_help = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How log lines are written (RUST_LOG says which)
    #[arg(long, value_enum, default_value_t, global = true)]
    pub log_format: LogFormat,
}

/// The commands.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Appear on the network and play what is cast
    Run(Run),
    /// Say what the config means, or what is wrong with it
    Check(Check),
    /// List what this machine can play on, in the words the config wants
    Outputs,
    /// Show what a running Unisono does: zones, and outputs with their figures
    Status(Status),
    /// Set an output of a running Unisono, until the config says otherwise
    Set(Set),
    /// Have a running Unisono play one of its inputs
    Play(Play),
    /// List the renderers on the network
    Discover(Discover),
    /// Have a renderer on the network play a URL
    Cast(Cast),
}

/// `unisono run`
#[derive(Debug, Clone, Default, Args)]
pub struct Run {
    /// Which config to use.
    #[command(flatten)]
    pub config: ConfigFile,
    /// Where to keep what must survive a restart [default: $STATE_DIRECTORY, else ~/.local/state/unisono]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Write log lines only, on a terminal too
    #[arg(long)]
    pub no_view: bool,
}

/// `unisono check`
#[derive(Debug, Clone, Default, Args)]
pub struct Check {
    /// Which config to check.
    #[command(flatten)]
    pub config: ConfigFile,
}

/// `unisono status`
#[derive(Debug, Clone, Default, Args)]
pub struct Status {
    /// Whom to ask.
    #[command(flatten)]
    pub running: Running,
    /// Print the state as JSON, as the API gives it
    #[arg(long)]
    pub json: bool,
}

/// `unisono set`
#[derive(Debug, Clone, Args)]
pub struct Set {
    /// The output's name
    pub output: String,
    /// What to set: late_ms, channels, trim_db, volume, volume_sync or muted, as in volume=40
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = change)]
    pub changes: Vec<(String, String)>,
    /// Whom to tell.
    #[command(flatten)]
    pub running: Running,
}

/// `unisono play`
#[derive(Debug, Clone, Args)]
pub struct Play {
    /// The input's name
    pub input: String,
    /// Whom to tell.
    #[command(flatten)]
    pub running: Running,
}

/// Where a running Unisono is found.
#[derive(Debug, Clone, Default, Args)]
pub struct Running {
    /// The config it runs with, for its port.
    #[command(flatten)]
    pub config: ConfigFile,
    /// Where it answers [default: this machine, at the port of the config]
    #[arg(long, value_name = "URL", conflicts_with = "path")]
    pub url: Option<String>,
}

fn change(written: &str) -> Result<(String, String), String> {
    match written.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("write a key, an equals sign and a value, as in volume=40".to_owned()),
    }
}

/// `unisono discover`
#[derive(Debug, Clone, Default, Args)]
pub struct Discover {
    /// Where to search.
    #[command(flatten)]
    pub place: Where,
}

/// Where, and for how long, to search for renderers.
#[derive(Debug, Clone, Default, Args)]
pub struct Where {
    /// Search on this interface, by name or IPv4 address; may be given again [default: all]
    #[arg(long = "interface", value_name = "INTERFACE")]
    pub interfaces: Vec<String>,
    /// Seconds to wait for answers
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    pub timeout: u64,
}

/// `unisono cast`
#[derive(Debug, Clone, Args)]
pub struct Cast {
    /// What to play; the renderer fetches it, so it must be reachable from there
    pub url: String,
    /// The renderer's name, as `unisono discover` lists it
    #[arg(long, value_name = "NAME")]
    pub to: String,
    /// Where to search.
    #[command(flatten)]
    pub place: Where,
}

/// The option that names a config.
#[derive(Debug, Clone, Default, Args)]
pub struct ConfigFile {
    /// The config [default: ~/.config/unisono/config.toml, else /etc/unisono/config.toml, else none]
    #[arg(long = "config", value_name = "FILE")]
    pub path: Option<PathBuf>,
}

/// The shapes of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// A line for people
    #[default]
    Text,
    /// A JSON object a line
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_is_understood() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' ')).map(|it| it.command);
        let run = parse("unisono run --config a.toml --state-dir b --log-format json --no-view");
        let Ok(Command::Run(run)) = run else {
            panic!("{run:?}");
        };
        assert_eq!(run.config.path, Some(PathBuf::from("a.toml")));
        assert_eq!(run.state_dir, Some(PathBuf::from("b")));
        assert!(run.no_view);
        assert!(matches!(parse("unisono check"), Ok(Command::Check(_))));
        assert!(matches!(parse("unisono outputs"), Ok(Command::Outputs)));
        assert!(matches!(
            parse("unisono discover"),
            Ok(Command::Discover(_))
        ));
        let cast = parse("unisono cast http://nas/song.flac --to Kitchen");
        let Ok(Command::Cast(cast)) = cast else {
            panic!("{cast:?}");
        };
        assert_eq!(
            (cast.url.as_str(), cast.to.as_str()),
            ("http://nas/song.flac", "Kitchen")
        );
        assert!(parse("unisono cast http://nas/song.flac").is_err());
        let status = parse("unisono status --json --url http://box:49494");
        let Ok(Command::Status(status)) = status else {
            panic!("{status:?}");
        };
        assert!(status.json && status.running.url.as_deref() == Some("http://box:49494"));
        let set = parse("unisono set Desk volume=40 channels=mono --config a.toml");
        let Ok(Command::Set(set)) = set else {
            panic!("{set:?}");
        };
        assert_eq!(set.output, "Desk");
        let change = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(
            set.changes,
            [change("volume", "40"), change("channels", "mono")]
        );
        let play = parse("unisono play Dot --config a.toml");
        let Ok(Command::Play(play)) = play else {
            panic!("{play:?}");
        };
        assert_eq!(play.input, "Dot");
        assert!(parse("unisono set Desk").is_err());
        assert!(parse("unisono set Desk volume").is_err());
        assert!(parse("unisono set Desk =40").is_err());
    }
}
