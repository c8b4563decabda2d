//! PulseAudio daemons of one's own, each with a sink that nobody hears and everybody may record.
//! They share nothing with the tester's own sound server.

#![expect(clippy::unwrap_used, reason = "in a test helper, to panic is to tell")]

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::program::{Home, kill, signal};
use super::recording::Recording;

/// A daemon is up within this; it is far more than it takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A daemon with one sink. It is killed when this goes.
#[derive(Debug)]
pub struct SoundServer {
    folder: Home,
    sink: &'static str,
    speed: f64,
    daemon: Option<Child>,
    recordings: usize,
}

impl SoundServer {
    /// Starts a daemon with a sink of this name, whose clock runs so many times as fast as true.
    pub async fn start(sink: &'static str, speed: f64) -> Self {
        let folder = Home::new();
        let socket = folder.path("native");
        // The only format that the monitor gives back as it was.
        let script = format!(
            "load-module module-native-protocol-unix auth-anonymous=1 socket={}\n\
             load-module module-null-sink sink_name={sink} format=float32le rate=48000 channels=2\n\
             set-default-sink {sink}\n",
            socket.display()
        );
        std::fs::write(folder.path("daemon.pa"), script).unwrap();
        let mut server = Self {
            folder,
            sink,
            speed,
            daemon: None,
            recordings: 0,
        };
        server.start_again().await;
        server
    }

    /// Starts the daemon on the same socket as before.
    pub async fn start_again(&mut self) {
        let mut command = self.command("pulseaudio");
        command
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1"])
            .args(["--use-pid-file=no", "--log-target=stderr", "-F"])
            .arg(self.folder.path("daemon.pa"));
        if self.speed != 1.0 {
            command
                .env("LD_PRELOAD", faketime())
                .env("FAKETIME", format!("+0 x{}", self.speed))
                .env("FAKETIME_DONT_RESET", "1");
        }
        self.daemon = Some(command.spawn().expect("pulseaudio is needed for the tests"));
        let deadline = Instant::now() + PATIENCE;
        while UnixStream::connect(self.folder.path("native")).is_err() {
            let log = std::fs::read_to_string(self.folder.path("log")).unwrap();
            assert!(Instant::now() < deadline, "no sound server: {log}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends the daemon at once, as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            kill(&mut daemon);
        }
        // The next one is up when its own socket is there.
        let _ = std::fs::remove_file(self.folder.path("native"));
    }

    /// Takes its sink away, as when a Bluetooth speaker goes.
    #[cfg(feature = "bluetooth")]
    pub fn unplug(&self) {
        self.control(&["unload-module", "module-null-sink"]);
    }

    /// Gives it a sink of the same name again, with these properties: `bluetooth.codec=sbc`.
    #[cfg(feature = "bluetooth")]
    pub fn plug(&self, properties: &str) {
        let name = format!("sink_name={}", self.sink);
        let properties = format!("sink_properties={properties}");
        let rest = ["format=float32le", "rate=48000", "channels=2"];
        let module = ["load-module", "module-null-sink", &name, &properties];
        self.control(&[&module[..], &rest].concat());
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("unix:{}", self.folder.path("native").display())
    }

    /// An output of this name on its sink, in the words of a config.
    pub fn output(&self, name: &str) -> String {
        format!(
            "[[output]]\nname = \"{name}\"\ntype = \"pulse\"\nserver = \"{}\"\nsink = \"{}\"\n",
            self.address(),
            self.sink
        )
    }

    /// Has `pactl` tell it something; what that answers.
    #[track_caller]
    pub fn control(&self, arguments: &[&str]) -> String {
        let mut command = self.command("pactl");
        command
            .arg(format!("--server={}", self.address()))
            .args(arguments)
            .stdout(Stdio::piped());
        let answer = command
            .output()
            .expect("pactl (pulseaudio-utils) is needed for the tests");
        assert!(answer.status.success(), "pactl {arguments:?}: {answer:?}");
        String::from_utf8_lossy(&answer.stdout).trim().to_owned()
    }

    /// Plays a file on a sink of it from now on.
    pub fn play(&self, sink: &str, file: &Path) -> Player {
        let mut command = self.command("paplay");
        command
            .arg(format!("--server={}", self.address()))
            .arg(format!("--device={sink}"))
            .arg(file);
        Player(
            command
                .spawn()
                .expect("paplay (pulseaudio-utils) is needed for the tests"),
        )
    }

    /// Records what its sink plays from now on.
    pub async fn record(&mut self) -> Recorder {
        self.recordings += 1;
        let file = self.folder.path(&format!("{}.raw", self.recordings));
        let mut command = self.command("parec");
        command
            .arg(format!("--server={}", self.address()))
            .arg(format!("--device={}.monitor", self.sink))
            .args(["--raw", "--format=float32le", "--rate=48000"])
            .args(["--channels=2", "--latency-msec=20"])
            .stdout(std::fs::File::create(&file).unwrap());
        let child = command
            .spawn()
            .expect("parec (pulseaudio-utils) is needed for the tests");
        let recorder = Recorder { child, file };
        let deadline = Instant::now() + PATIENCE;
        while recorder.file.metadata().unwrap().len() == 0 {
            assert!(Instant::now() < deadline, "nothing is recorded");
            sleep(Duration::from_millis(10)).await;
        }
        recorder
    }

    /// A program that sees this server's folder for all it keeps.
    fn command(&self, program: &str) -> Command {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path("log"));
        let mut command = Command::new(program);
        for variable in [
            "HOME",
            "XDG_RUNTIME_DIR",
            "PULSE_RUNTIME_PATH",
            "PULSE_STATE_PATH",
        ] {
            command.env(variable, self.folder.as_ref());
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.unwrap());
        command
    }
}

impl Drop for SoundServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Somebody who plays. Ended when this goes.
#[derive(Debug)]
pub struct Player(Child);

impl Drop for Player {
    fn drop(&mut self) {
        kill(&mut self.0);
    }
}

/// Somebody who records. Ended when this goes.
#[derive(Debug)]
pub struct Recorder {
    child: Child,
    file: PathBuf,
}

impl Recorder {
    /// Ends it, a moment later so that what has been played has arrived, and answers what it heard.
    pub async fn finish(mut self) -> Recording {
        sleep(Duration::from_millis(300)).await;
        // With its server it may have gone too.
        if self.child.try_wait().unwrap().is_none() {
            signal(&self.child, "TERM");
            self.child.wait().unwrap();
        }
        Recording::of_raw(&self.file)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        kill(&mut self.child);
    }
}

/// The library that bends a program's clock.
fn faketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap();
    folders
        .map(|folder| folder.unwrap().path().join("faketime/libfaketime.so.1"))
        .find(|library| library.exists())
        .expect("libfaketime is needed for the tests")
}
