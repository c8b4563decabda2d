//! Control points that others have written, against the running program on another host: what they see and can do.
//! They come from PyPI, npm and Debian; `make test-clients` installs them.

#![expect(clippy::unwrap_used, reason = "in a test helper, to panic is to tell")]

mod async_upnp_client;
mod gupnp;
mod rupnp;
mod upnp_mediarenderer_client;

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::timeout;
use unisono::discovery::{Search, renderers};

use crate::support::media_server::{Media, MediaServer};
use crate::support::program::{Home, Program, kill, signal};
use crate::support::two_hosts::{HERE, OtherHost};

/// A client has done all that it is to do within this; it is far more than it takes.
const PATIENCE: Duration = Duration::from_secs(180);

/// The name of the zone.
const NAME: &str = "Hall & \"Stairs\"";

/// The program on the other host with one zone, and a media server on this one.
struct Scene {
    program: Program,
    server: MediaServer,
    home: Home,
    _host: OtherHost,
}

impl Scene {
    async fn set() -> Self {
        Self::set_in(house()).await
    }

    async fn set_in(home: Home) -> Self {
        let host = OtherHost::connect();
        Self {
            program: host.start(&home).await,
            server: MediaServer::start_on(HERE),
            home,
            _host: host,
        }
    }

    /// Songs of so many seconds, each under a name of its own.
    fn songs(&self, count: usize, seconds: u32) -> Vec<String> {
        let song = Media::new(long_song(seconds)).mime("audio/wav");
        let serve = |number| {
            let path = format!("/song-{number}.wav?a=1&b=2");
            self.server.serve(&path, song.clone())
        };
        (1..=count).map(serve).collect()
    }

    /// The address of the zone's description, as a search from here tells it.
    async fn location(&self) -> String {
        let search = Search {
            interfaces: vec![HERE],
            timeout: Duration::from_secs(1),
            ..Search::default()
        };
        let found = renderers(&search).await.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].location.clone()
    }

    /// Ends it, and asserts that it has had nothing to complain of.
    async fn end(self) {
        let log = self.program.log();
        let complaints: Vec<_> = log
            .iter()
            .filter(|line| line.contains("WARN") || line.contains("ERROR"))
            .collect();
        assert!(complaints.is_empty(), "{complaints:?}");
        self.program.stop().await;
        drop(self.home);
    }
}

/// A config of one zone with two simulated outputs, to be found on whatever interfaces there are.
fn house() -> Home {
    house_with("")
}

/// The same, with more in the config.
fn house_with(more: &str) -> Home {
    let home = Home::new();
    home.write_config(&format!(
        "[network]\nport = 0\n\
         [[output]]\nname = \"Left\"\ntype = \"simulated\"\ncrystal_ppm = 100\n\
         [[output]]\nname = \"Right\"\ntype = \"simulated\"\ncrystal_ppm = -100\n\
         [[zone]]\nname = '{NAME}'\noutputs = [\"Left\", \"Right\"]\n{more}"
    ));
    home
}

/// A song that takes little to make and send: a soft hum in 8 kHz, mono, 16 bits, as a WAV file.
fn long_song(seconds: u32) -> Vec<u8> {
    const RATE: u32 = 8000;
    let length = seconds * RATE * 2;
    let mut file = Vec::with_capacity(44 + length as usize);
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(length.to_le_bytes());
    // A period of 80 frames is 100 Hz.
    let sample = |frame: u32| i16::try_from(frame % 80).unwrap() * 20 - 800;
    file.extend((0..seconds * RATE).flat_map(|frame| sample(frame).to_le_bytes()));
    file
}

/// A file that `scripts/install-clients.sh` has put there.
fn installed(path: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("target/clients")
        .join(path);
    assert!(
        path.exists(),
        "{} is missing. Run: make test-clients",
        path.display()
    );
    path
}

/// A script of `tests/clients`.
fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name)
}

/// A command of the Python environment, with what it needs to say at once what it has to say.
fn python(command: &str) -> Command {
    let mut python = Command::new(installed("python/bin").join(command));
    python.env("PYTHONUNBUFFERED", "1");
    python.env("PYTHONDONTWRITEBYTECODE", "1");
    python
}

/// Runs a command to its end.
async fn output(command: Command) -> Output {
    let what = format!("{command:?}");
    let child = spawn(command);
    let id = child.id();
    let ended = tokio::task::spawn_blocking(move || child.wait_with_output());
    match timeout(PATIENCE, ended).await {
        Ok(ended) => ended.unwrap().unwrap(),
        Err(_) => panic!("{what} never ended (process {id})"),
    }
}

fn spawn(mut command: Command) -> Child {
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn();
    child.unwrap_or_else(|error| panic!("{command:?}: {error}. Run: make test-clients"))
}

/// The same command, to be ended by Ctrl-C even where the tests run in the background of a shell: what is started there is told to
/// ignore it.
fn heeding_interrupts(command: &Command) -> Command {
    let mut heeding = Command::new("env");
    heeding.arg("--default-signal=INT");
    heeding.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => heeding.env(name, value),
            None => heeding.env_remove(name),
        };
    }
    heeding
}

/// A command that goes on until it is told to end. It is killed when this goes.
struct Background {
    what: String,
    child: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Background {
    fn start(command: &Command) -> Self {
        let what = format!("{command:?}");
        let mut child = spawn(heeding_interrupts(command));
        let said = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in said.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { what, child, lines }
    }

    /// The next line it says.
    async fn line(&mut self) -> String {
        match timeout(PATIENCE, self.lines.recv()).await {
            Ok(Some(line)) => line,
            Ok(None) => {
                let errors = self.errors();
                panic!("{} has ended: {errors}", self.what)
            }
            Err(_) => panic!("{} says nothing more", self.what),
        }
    }

    /// Ends it as Ctrl-C does once it has nothing more to say, and asserts that it had no complaint.
    async fn interrupt(mut self) {
        const QUIET: Duration = Duration::from_millis(500);
        while let Ok(Some(_)) = timeout(QUIET, self.lines.recv()).await {}
        signal(&self.child, "INT");
        // When nothing more can come, it has ended.
        let ended = async { while self.lines.recv().await.is_some() {} };
        if timeout(PATIENCE, ended).await.is_err() {
            panic!("{} does not end", self.what);
        }
        assert_eq!(self.errors(), "", "{}", self.what);
    }

    /// What it has said on standard error until its end.
    fn errors(&mut self) -> String {
        let mut errors = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut errors).unwrap();
        errors
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

/// What a script of ours says it has seen.
#[derive(Debug)]
struct Facts(Vec<Value>);

impl Facts {
    /// Runs it; it must end well, have no complaint, and nothing to say on standard error.
    async fn of(command: Command) -> Self {
        let what = format!("{command:?}");
        let output = output(command).await;
        let said = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        let told = format!("{what}:\n{said}\n{errors}");
        assert!(output.status.success() && errors.is_empty(), "{told}");
        let facts = Self(
            said.lines()
                .map(|line| serde_json::from_str(line).expect("JSON"))
                .collect(),
        );
        assert!(facts.all("complaint").is_empty(), "{told}");
        facts.only("done");
        facts
    }

    fn all(&self, name: &str) -> Vec<&Value> {
        self.0.iter().filter(|fact| fact["fact"] == name).collect()
    }

    #[track_caller]
    fn only(&self, name: &str) -> &Value {
        match self.all(name)[..] {
            [fact] => fact,
            _ => panic!("not one {name}: {self:?}"),
        }
    }
}
