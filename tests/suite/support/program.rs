//! The real program as a child process, in a folder of its own.
//! Call it inside a namespace only: it multicasts.

#![expect(clippy::unwrap_used, reason = "in a test helper, to panic is to tell")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::recording::Recording;

/// The program starts, and ends, within this; it is far more than it takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A folder for a config, a state directory and recordings; it is gone when this is.
#[derive(Debug)]
pub struct Home(PathBuf);

impl Home {
    /// An empty one.
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("unisono-{}", Uuid::new_v4()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// One with a config of zones at full volume, each with two `wav` outputs of its own.
    pub fn with_zones(zones: &[&str]) -> Self {
        let home = Self::new();
        home.configure(&zones.iter().map(|zone| wav_zone(zone)).collect::<String>());
        home
    }

    /// Writes a config, found on loopback at a free port.
    pub fn configure(&self, rest: &str) {
        let network = "[network]\ninterfaces = [\"lo\"]\nport = 0\n";
        self.write_config(&format!("{network}{rest}"));
    }

    /// Writes a config.
    pub fn write_config(&self, text: &str) {
        std::fs::write(self.path("config.toml"), text).unwrap();
    }

    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// `unisono run` with its config and state directory.
    pub fn run(&self) -> Command {
        let mut command = unisono(&["run"]);
        command.arg("--config").arg(self.path("config.toml"));
        command.arg("--state-dir").arg(self.path("state"));
        command.env("HOME", &self.0);
        command
    }

    /// Starts the program and waits until it says that it is ready.
    pub async fn start(&self) -> Program {
        let program = Program::spawn(&mut self.run());
        program.logged("ready: ").await;
        program
    }

    /// What the two outputs of a zone have played.
    pub fn recordings(&self, zone: &str) -> [Recording; 2] {
        [1, 2].map(|number| Recording::of_wav(&self.path(&wav_name(zone, number))))
    }
}

impl AsRef<Path> for Home {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // A folder that stays is a nuisance, no failure.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The config of a zone at full volume with two `wav` outputs.
pub fn wav_zone(zone: &str) -> String {
    let mut text = String::new();
    for number in [1, 2] {
        let file = wav_name(zone, number);
        writeln!(
            text,
            "[[output]]\nname = \"{zone} {number}\"\ntype = \"wav\"\npath = \"{file}\""
        )
        .unwrap();
    }
    writeln!(
        text,
        "[[zone]]\nname = \"{zone}\"\noutputs = [\"{zone} 1\", \"{zone} 2\"]\nvolume = 100"
    )
    .unwrap();
    text
}

fn wav_name(zone: &str, number: usize) -> String {
    format!("{zone} {number}.wav")
}

/// The program with these arguments, and nothing of the tester's own settings.
pub fn unisono(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unisono"));
    command.args(arguments);
    for variable in [
        "RUST_LOG",
        "PULSE_SERVER",
        "STATE_DIRECTORY",
        "XDG_STATE_HOME",
        "XDG_CONFIG_HOME",
    ] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null());
    command
}

/// A running program. It is killed when this goes, if it has not ended by then.
#[derive(Debug)]
pub struct Program {
    child: Child,
    log: watch::Receiver<Vec<String>>,
}

impl Program {
    /// Starts it, and listens to what it says on standard error.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, log) = watch::channel(Vec::new());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                sender.send_modify(|log: &mut Vec<String>| log.push(line));
            }
        });
        Self { child, log }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub fn log(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    /// Waits until it has said a line with this in it, and returns the first such line.
    pub async fn logged(&self, what: &str) -> String {
        self.logged_all(&[what]).await
    }

    /// Waits until it has said a line with all of this in it, and returns the first such line.
    pub async fn logged_all(&self, what: &[&str]) -> String {
        let fits = |line: &&String| what.iter().all(|what| line.contains(what));
        let said = |log: &[String]| log.iter().any(|line| fits(&line));
        self.logged_until(&format!("{what:?}"), said).await;
        self.log.borrow().iter().find(fits).unwrap().clone()
    }

    /// Waits until its log is as wanted; `what` is for the message if it never is.
    pub async fn logged_until(&self, what: &str, wanted: impl Fn(&[String]) -> bool) {
        let mut log = self.log.clone();
        let reached = timeout(PATIENCE, log.wait_for(|log| wanted(log))).await;
        let reached = matches!(reached, Ok(Ok(_)));
        assert!(
            reached,
            "it never said {what}, but:\n{}",
            self.log().join("\n")
        );
    }

    /// Sends it a signal: `TERM`.
    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "it does not end:\n{}",
                self.log().join("\n")
            );
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends it as a service manager does, and asserts that it ends well.
    pub async fn stop(mut self) {
        self.signal("TERM");
        let status = self.ended().await;
        assert_eq!(status.code(), Some(0), "{}", self.log().join("\n"));
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

/// Sends a child a signal by its name.
pub fn signal(child: &Child, name: &str) {
    let command = format!("kill -{name} {}", child.id());
    let status = Command::new("sh").args(["-c", &command]).status().unwrap();
    assert!(status.success(), "{command}");
}

/// Ends a child at once and waits for it; one that has ended already stays so.
pub fn kill(child: &mut Child) {
    let _ended = child.kill();
    let _ended = child.wait();
}
