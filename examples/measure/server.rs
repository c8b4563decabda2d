//! Sound servers of our own, each with a sink that nobody hears and a crystal that may be wrong.
//! They share nothing with the user's own server.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// What the sink of each server is called.
pub(crate) const SINK: &str = "measured";
/// A server is up within this; it is far more than it takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often to look whether it is.
const LOOK: Duration = Duration::from_millis(20);
/// What has to be there.
const PACKAGES: &str = "this needs the Debian packages pulseaudio, pulseaudio-utils and libfaketime; `make measure` installs them";

/// A folder for sockets and logs that only this user may look into; it is gone when this is.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("unisono-measure-{}", Uuid::new_v4()));
        private_folder(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is small, and in the system's folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn private_folder(path: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .mode(0o700)
        .create(path)
        .with_context(|| format!("the folder {} cannot be made", path.display()))
}

/// A server with one sink. It is ended when this goes.
#[derive(Debug)]
pub(crate) struct SoundServer {
    folder: PathBuf,
    name: String,
    crystal_ppm: f64,
    daemon: Child,
}

impl SoundServer {
    /// Starts a server whose crystal is so many parts per million too fast, and waits until it answers.
    pub(crate) async fn start(
        folder: &Folder,
        index: usize,
        crystal_ppm: f64,
    ) -> anyhow::Result<Self> {
        let name = (index + 1).to_string();
        let folder = folder.0.join(&name);
        private_folder(&folder)?;
        let socket = folder.join("native");
        // Floats are the only format that the monitor gives back as it was.
        let script = format!(
            "load-module module-native-protocol-unix auth-anonymous=1 socket={}\n\
             load-module module-null-sink sink_name={SINK} format=float32le rate=48000 channels=2\n",
            socket.display()
        );
        let script_file = folder.join("daemon.pa");
        fs::write(&script_file, script)?;
        let mut command = isolated("pulseaudio", &folder)?;
        command
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1"])
            .args(["--use-pid-file=no", "--log-target=stderr", "-F"])
            .arg(script_file)
            .stdout(Stdio::null());
        if crystal_ppm != 0.0 {
            command
                .env("LD_PRELOAD", faketime()?)
                .env("FAKETIME", format!("+0 x{:.9}", 1.0 + crystal_ppm * 1e-6))
                .env("FAKETIME_DONT_RESET", "1");
        }
        let daemon = command
            .spawn()
            .with_context(|| format!("pulseaudio does not start; {PACKAGES}"))?;
        let mut server = Self {
            folder,
            name,
            crystal_ppm,
            daemon,
        };
        match timeout(PATIENCE, server.up(&socket)).await {
            Ok(up) => up.map(|()| server),
            Err(_) => bail!("a sound server does not answer: {}", server.log()),
        }
    }

    async fn up(&mut self, socket: &Path) -> anyhow::Result<()> {
        while UnixStream::connect(socket).is_err() {
            if self.daemon.try_wait()?.is_some() {
                bail!("a sound server ended at once: {}", self.log());
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// What it and its recorders complained of.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Its address.
    pub(crate) fn address(&self) -> String {
        format!("unix:{}", self.folder.join("native").display())
    }

    /// A program that records what its sink plays to standard output, as stereo floats.
    pub(crate) fn recorder(&self) -> anyhow::Result<Child> {
        isolated("parec", &self.folder)?
            .arg(format!("--server={}", self.address()))
            .arg(format!("--device={SINK}.monitor"))
            .args(["--raw", "--format=float32le", "--rate=48000"])
            .args(["--channels=2", "--latency-msec=10"])
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("parec does not start; {PACKAGES}"))
    }

    /// What its output is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How much too fast its crystal is.
    pub(crate) fn crystal_ppm(&self) -> f64 {
        self.crystal_ppm
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.daemon.id()
    }
}

impl Drop for SoundServer {
    fn drop(&mut self) {
        end(&mut self.daemon);
    }
}

/// Ends a process of ours.
pub(crate) fn end(child: &mut Child) {
    // One that has ended by itself cannot be killed, and needs not.
    let _ = child.kill();
    let _ = child.wait();
}

/// A program that takes this folder for all there is, and complains into a file there.
fn isolated(program: &str, folder: &Path) -> anyhow::Result<Command> {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))?;
    let mut command = Command::new(program);
    for variable in [
        "HOME",
        "XDG_CONFIG_HOME",
        "XDG_RUNTIME_DIR",
        "PULSE_RUNTIME_PATH",
        "PULSE_STATE_PATH",
    ] {
        command.env(variable, folder);
    }
    command.env_remove("PULSE_SERVER");
    command.stdin(Stdio::null()).stderr(log);
    Ok(command)
}

/// The library that bends a program's clock.
fn faketime() -> anyhow::Result<PathBuf> {
    fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten()
        .map(|folder| folder.path().join("faketime/libfaketime.so.1"))
        .find(|library| library.exists())
        .with_context(|| format!("libfaketime is not in /usr/lib; {PACKAGES}"))
}
