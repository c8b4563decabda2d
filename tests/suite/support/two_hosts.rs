//! Two hosts joined by a cable: the program runs on one, whoever casts to it is on the other, which is where the test itself is.
//! Call it inside a namespace only (see `namespace`), whose cable it takes. Both hosts go when the test does.

#![expect(clippy::unwrap_used, reason = "in a test helper, to panic is to tell")]

use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};

use super::program::{Home, Program, kill};

/// The test's own address. Both are private, since strangers are not obeyed.
pub const HERE: Ipv4Addr = Ipv4Addr::new(10, 98, 7, 20);
/// The address of the host that the program runs on.
pub const THERE: Ipv4Addr = Ipv4Addr::new(10, 98, 7, 10);

/// The other host.
#[derive(Debug)]
pub struct OtherHost {
    /// A process that does nothing but be there, and ends when this one does.
    keeper: Child,
}

impl OtherHost {
    /// Gives the far end of the cable to another host.
    pub fn connect() -> Self {
        let mut keeper = Command::new("unshare")
            .args(["--net", "cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare (util-linux) is needed for the tests");
        // What comes back has been through it, so its network is a new one by now.
        writeln!(keeper.stdin.as_mut().unwrap(), "ready").unwrap();
        let mut echo = String::new();
        BufReader::new(keeper.stdout.as_mut().unwrap())
            .read_line(&mut echo)
            .unwrap();
        let host = Self { keeper };
        run(&format!(
            "ip address flush dev near && ip address add {HERE}/24 dev near && \
             ip route add default dev near && ip link set far netns {}",
            host.keeper.id()
        ));
        let there = format!(
            "ip link set lo up && ip link set far name eth0 && ip address add {THERE}/24 dev eth0 && \
             ip link set eth0 up && ip route add default dev eth0"
        );
        succeed(&mut host.on(Command::new("sh").args(["-c", &there])));
        host
    }

    /// The same command, run there.
    pub fn on(&self, command: &Command) -> Command {
        let mut there = Command::new("nsenter");
        there.arg(format!("--net=/proc/{}/ns/net", self.keeper.id()));
        there.arg("--").arg(command.get_program());
        there.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => there.env(name, value),
                None => there.env_remove(name),
            };
        }
        there
    }

    /// Starts the program there and waits until it says that it is ready.
    pub async fn start(&self, home: &Home) -> Program {
        let program = Program::spawn(&mut self.on(&home.run()));
        program.logged("ready: ").await;
        program
    }
}

impl Drop for OtherHost {
    fn drop(&mut self) {
        kill(&mut self.keeper);
    }
}

fn run(script: &str) {
    succeed(Command::new("sh").args(["-c", script]));
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
