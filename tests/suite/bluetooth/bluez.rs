//! A BlueZ of one's own on a bus of its own: python-dbusmock's (`bluez.py`). No radio, and nothing of the tester's.

#![expect(clippy::unwrap_used, reason = "in a test helper, to panic is to tell")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::support::program::{Home, kill};

/// All of it is up, and answers, within this; it is far more than it takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The interpreter that Debian's python3-dbusmock belongs to.
const PYTHON: &str = "/usr/bin/python3";

/// A bus on which anybody may do anything.
fn bus_config(socket: &Path) -> String {
    format!(
        "<busconfig><listen>unix:path={}</listen><auth>EXTERNAL</auth><policy context=\"default\">\
         <allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/></policy></busconfig>",
        socket.display()
    )
}

/// A bus. Ended when this goes.
#[derive(Debug)]
pub struct Bus {
    folder: Home,
    daemon: Child,
}

impl Bus {
    /// Starts one with nobody on it.
    pub async fn start() -> Self {
        let folder = Home::new();
        let socket = folder.path("bus");
        std::fs::write(folder.path("bus.conf"), bus_config(&socket)).unwrap();
        let mut config = std::ffi::OsString::from("--config-file=");
        config.push(folder.path("bus.conf"));
        let daemon = Command::new("dbus-daemon")
            .arg(config)
            .args(["--nofork", "--nopidfile"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon is needed for the tests");
        let bus = Self { folder, daemon };
        let deadline = Instant::now() + PATIENCE;
        while UnixStream::connect(&socket).is_err() {
            assert!(Instant::now() < deadline, "no bus");
            sleep(Duration::from_millis(10)).await;
        }
        bus
    }

    /// Has a program take it for the system's.
    pub fn for_program<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let address = format!("unix:path={}", self.folder.path("bus").display());
        command.env("DBUS_SYSTEM_BUS_ADDRESS", address)
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        kill(&mut self.daemon);
    }
}

/// BlueZ on a bus. Ended when this goes.
#[derive(Debug)]
pub struct Bluez {
    bus: Bus,
    process: Child,
    orders: ChildStdin,
    told: watch::Receiver<Vec<Value>>,
}

impl Bluez {
    /// Starts one without an adapter.
    pub async fn start() -> Self {
        let bus = Bus::start().await;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/bluetooth/bluez.py");
        let mut command = Command::new(PYTHON);
        command.arg(script);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let spawned = bus.for_program(&mut command).spawn();
        let mut process = spawned.expect("python3 and python3-dbusmock are needed for the tests");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let (sender, told) = watch::channel(Vec::new());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let fact = serde_json::from_str(&line).unwrap_or(Value::String(line));
                sender.send_modify(|told: &mut Vec<Value>| told.push(fact));
            }
        });
        let orders = process.stdin.take().unwrap();
        let bluez = Self {
            bus,
            process,
            orders,
            told,
        };
        bluez
            .until(|told| told.contains(&json!({"ready": true})))
            .await;
        bluez
    }

    /// Starts one with an adapter `hci0` that is called `box`.
    pub async fn with_adapter() -> Self {
        let mut bluez = Self::start().await;
        bluez.order(json!(["adapter", "hci0", "box"])).await;
        bluez
    }

    async fn until(&self, mut wanted: impl FnMut(&[Value]) -> bool) {
        let mut told = self.told.clone();
        let reached = timeout(PATIENCE, told.wait_for(|told| wanted(told))).await;
        assert!(matches!(reached, Ok(Ok(_))), "{:?}", self.told.borrow());
    }

    /// Has it do something, as `bluez.py` lists it, and returns what that answers.
    pub async fn order(&mut self, order: Value) -> Value {
        let answers = |told: &[Value]| {
            let answers = told.iter().filter_map(|fact| fact.get("answer").cloned());
            answers.collect::<Vec<_>>()
        };
        let before = answers(&self.told.borrow()).len();
        writeln!(self.orders, "{order}").unwrap();
        self.until(|told| answers(told).len() > before).await;
        answers(&self.told.borrow())[before].clone()
    }

    /// Waits until it has told this so many times.
    pub async fn told(&self, fact: Value, times: usize) {
        let same = |told: &[Value]| told.iter().filter(|it| **it == fact).count();
        self.until(|told| same(told) >= times).await;
    }

    /// How often this device was asked to do something: `Connect`.
    pub fn asked(&self, method: &str, address: &str) -> usize {
        let fact = json!({"did": method, "address": address});
        self.told.borrow().iter().filter(|it| **it == fact).count()
    }

    /// Has a program take its bus for the system's.
    pub fn for_program<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        self.bus.for_program(command)
    }
}

impl Drop for Bluez {
    fn drop(&mut self) {
        kill(&mut self.process);
    }
}
