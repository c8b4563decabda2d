//! The program behind a network that is hardly fast enough: the kernel lets only so much through.

use std::process::Command;
use std::time::Duration;

use tokio::time::sleep;

use crate::support::media_server::{Media, MediaServer};
use crate::support::namespace::inside;
use crate::support::program::{Home, Program};
use crate::support::recording::{PITCH, tone};
use crate::support::soap::Renderer;

const SECONDS: f64 = 20.0;

/// What the media server sends goes through a queue of its own, and that through a narrow cable; all else on loopback, of which each
/// namespace has its own, is free. With what every kernel has: `tbf` for the rate, and for what is lost a filter in classic BPF
/// (`netem` does both, where there is one).
struct Cable {
    port: u16,
    /// What it carries, in bits per second.
    bits: u64,
}

impl Cable {
    /// Half a second of what it is to carry, as routers have it: with so much on its way nothing is lost but by a hold-up that loses it.
    const QUEUE: &str = "burst 16kb limit 256kb";
    /// How long it is held up, in each test.
    const HOLD_UP: Duration = Duration::from_secs(2);

    fn lay(server: &MediaServer, bits: u64) -> Self {
        let port = server.port();
        // Packets no larger than on Ethernet, or the whole of the burst would be one.
        run("ip link set lo mtu 1500");
        run("tc qdisc add dev lo root handle 1: htb default 1");
        run("tc class add dev lo parent 1: classid 1:1 htb rate 10gbit");
        run("tc class add dev lo parent 1: classid 1:2 htb rate 10gbit");
        run(&format!(
            "tc filter add dev lo parent 1: protocol ip u32 match ip sport {port} 0xffff flowid 1:2"
        ));
        let cable = Self { port, bits };
        cable.narrow("add", bits);
        run("tc qdisc add dev lo ingress");
        cable
    }

    /// Lets so many bits a second through.
    fn narrow(&self, action: &str, bits: u64) {
        let queue = Self::QUEUE;
        run(&format!(
            "tc qdisc {action} dev lo parent 1:2 handle 2: tbf rate {bits}bit {queue}"
        ));
    }

    /// Keeps what is on its way, and next to nothing arrives meanwhile.
    async fn hold_up(&self) {
        self.narrow("change", 8000);
        sleep(Self::HOLD_UP).await;
        self.narrow("change", self.bits);
    }

    /// Loses all that is on its way to the media server and from there, as a radio link out of reach does.
    async fn lose(&self) {
        let port = self.port;
        // Classic BPF, after the Ethernet header (14 bytes) of an IPv4 packet without options: drop it (2) where the port that it is
        // from or for (at 34 and 36) is the server's, and leave all else alone (-1).
        let program =
            format!("6,40 0 0 34,21 2 0 {port},40 0 0 36,21 0 1 {port},6 0 0 2,6 0 0 4294967295");
        run(&format!(
            "tc filter add dev lo ingress prio 1 protocol ip bpf da bytecode '{program}'"
        ));
        sleep(Self::HOLD_UP).await;
        run("tc filter del dev lo ingress prio 1");
    }
}

fn run(command: &str) {
    let status = Command::new("sh").args(["-c", command]).status();
    let status = status.expect("ip and tc (iproute2) are needed for the tests");
    assert!(status.success(), "{command}");
}

/// A program that is cast a song over a network of 1.2 times the song's rate.
struct Evening {
    home: Home,
    program: Program,
    house: Renderer,
    cable: Cable,
    _server: MediaServer,
}

impl Evening {
    async fn begin() -> Self {
        let home = Home::with_zones(&["House"]);
        let program = home.start().await;
        let house = Renderer::find("House").await;
        let server = MediaServer::start();
        let song = tone(SECONDS);
        let bits = (song.len() as f64 * 8.0 / SECONDS * 1.2) as u64;
        let url = server.serve("/song.wav", Media::new(song));
        let cable = Cable::lay(&server, bits);
        house.cast(&url).await;
        Self {
            home,
            program,
            house,
            cable,
            _server: server,
        }
    }

    /// The song is heard to its end, whole.
    async fn hear_it_whole(self) {
        self.house.reach("STOPPED").await;
        assert!(!self.house.has_failed().await);
        let log = self.program.log().join("\n");
        assert!(!log.contains("too little of it has come"), "{log}");
        self.house.nothing_starved(2).await;
        self.program.stop().await;
        for recording in self.home.recordings("House") {
            let sound = recording.only_sound();
            let heard = sound.seconds();
            assert!((heard - SECONDS).abs() < 0.002, "{heard} s\n{log}");
            sound.inner(0.01).assert_unbroken(0, PITCH[0]);
        }
    }
}

#[tokio::test]
async fn a_network_of_1_2_times_the_rate_with_stalls_of_two_seconds_is_not_heard() {
    if !inside(
        "program::network::a_network_of_1_2_times_the_rate_with_stalls_of_two_seconds_is_not_heard",
    ) {
        return;
    }
    let evening = Evening::begin().await;
    for pause in [3, 9] {
        sleep(Duration::from_secs(pause)).await;
        evening.cable.hold_up().await;
    }
    evening.hear_it_whole().await;
}

/// The worst moment for the first hold-up is directly after the start, when there is no more at hand than a start needs.
#[tokio::test]
async fn a_network_of_1_2_times_the_rate_that_loses_all_for_two_seconds_is_not_heard() {
    if !inside(
        "program::network::a_network_of_1_2_times_the_rate_that_loses_all_for_two_seconds_is_not_heard",
    ) {
        return;
    }
    let evening = Evening::begin().await;
    evening.house.reach("PLAYING").await;
    evening.cable.lose().await;
    sleep(Duration::from_secs(9)).await;
    evening.cable.lose().await;
    evening.hear_it_whole().await;
}
