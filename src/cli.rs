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
    /// Pair Bluetooth speakers, and what plays to this machine
    Bluetooth(Bluetooth),
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

/// `unisono bluetooth`
#[derive(Debug, Clone, Args)]
pub struct Bluetooth {
    /// What to do with Bluetooth.
    #[command(subcommand)]
    pub command: BluetoothCommand,
}

/// What can be done with Bluetooth by hand.
#[derive(Debug, Clone, Subcommand)]
#[command(
    after_help = "Exit code: 0 if it is done, 1 if it is not, 2 if the command line makes no sense, 3 if there is no Bluetooth to do it with."
)]
pub enum BluetoothCommand {
    /// List what is around: a speaker must be in pairing mode
    Scan {
        /// For how many seconds to look around
        #[arg(long, value_name = "SECONDS", default_value_t = 12, value_parser = seconds())]
        seconds: u64,
    },
    /// Pair with a speaker, trust it and connect it
    Pair {
        /// Its address, as `scan` lists it: AA:BB:CC:DD:EE:FF
        address: String,
        /// For how many seconds to look for it and wait for it
        #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = seconds())]
        seconds: u64,
    },
    /// List what is paired: connected or not, battery, codec, adapter
    List,
    /// Forget a speaker and its pairing
    Forget {
        /// Its address, as `list` has it: AA:BB:CC:DD:EE:FF
        address: String,
    },
    /// Be a Bluetooth speaker for a phone or an Echo: let it find this machine and pair
    Receive {
        /// For how many seconds it can be found
        #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = seconds())]
        seconds: u64,
    },
}

/// As long as somebody may want to wait for something.
fn seconds() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=3600)
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

    #[test]
    fn what_is_done_with_bluetooth_is_understood() {
        let parse = |line: &str| {
            let line = format!("unisono bluetooth {line}");
            let parsed = Arguments::try_parse_from(line.split(' '));
            parsed.map(|it| match it.command {
                Command::Bluetooth(bluetooth) => bluetooth.command,
                other => panic!("{other:?}"),
            })
        };
        let pair = parse("pair AA:BB:CC:DD:EE:FF");
        let Ok(BluetoothCommand::Pair { address, seconds }) = pair else {
            panic!("{pair:?}");
        };
        assert_eq!((address.as_str(), seconds), ("AA:BB:CC:DD:EE:FF", 30));
        assert!(matches!(
            parse("receive"),
            Ok(BluetoothCommand::Receive { seconds: 120 })
        ));
        assert!(matches!(
            parse("scan --seconds 3"),
            Ok(BluetoothCommand::Scan { seconds: 3 })
        ));
        assert!(matches!(parse("list"), Ok(BluetoothCommand::List)));
        assert!(parse("forget").is_err());
        assert!(parse("receive --seconds 0").is_err());
    }
}
