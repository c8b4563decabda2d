//! The program behind a network that is hardly fast enough: the kernel lets only so much through.

use std::process::Command;
use std::time::Duration;

use tokio::time::sleep;

use crate::support::media_server::{Media, MediaServer};
use crate::support::namespace::inside;
use crate::support::program::Home;
use crate::support::recording::tone;
use crate::support::soap::Renderer;

const SECONDS: f64 = 20.0;

/// What the media server sends goes through a queue of its own, and that through a narrow cable; all else on loopback, of which each
/// namespace has its own, is free. What comes while nothing is let through waits, as a radio link has it wait;
/// a network that drops it instead is not shown here.
struct Cable;

impl Cable {
    /// Half a second of what it is to carry, as routers have it: with so much on its way nothing is lost.
    const QUEUE: &str = "burst 16kb limit 256kb";

    fn lay(server: &MediaServer) -> Self {
        let port = server.port();
        // Packets no larger than on Ethernet, or the whole of the burst would be one.
        run("ip link set lo mtu 1500");
        run("tc qdisc add dev lo root handle 1: htb default 1");
        run("tc class add dev lo parent 1: classid 1:1 htb rate 10gbit");
        run("tc class add dev lo parent 1: classid 1:2 htb rate 10gbit");
        run(&format!(
            "tc filter add dev lo parent 1: protocol ip u32 match ip sport {port} 0xffff flowid 1:2"
        ));
        Self
    }

    /// Lets so many bits a second through.
    fn narrow(&self, action: &str, bits: u64) {
        let queue = Self::QUEUE;
        run(&format!(
            "tc qdisc {action} dev lo parent 1:2 handle 2: tbf rate {bits}bit {queue}"
        ));
    }
}

fn run(command: &str) {
    let status = Command::new("sh").args(["-c", command]).status();
    let status = status.expect("ip and tc (iproute2) are needed for the tests");
    assert!(status.success(), "{command}");
}

#[tokio::test]
async fn a_network_of_1_2_times_the_rate_with_stalls_of_two_seconds_is_not_heard() {
    if !inside(
        "program::network::a_network_of_1_2_times_the_rate_with_stalls_of_two_seconds_is_not_heard",
    ) {
        return;
    }
    let home = Home::with_zones(&["House"]);
    let program = home.start().await;
    let house = Renderer::find("House").await;
    let server = MediaServer::start();
    let song = tone(SECONDS);
    let bits = (song.len() as f64 * 8.0 / SECONDS * 1.2) as u64;
    let url = server.serve("/song.wav", Media::new(song));
    let cable = Cable::lay(&server);
    cable.narrow("add", bits);
    house.cast(&url).await;
    for pause in [3, 9] {
        sleep(Duration::from_secs(pause)).await;
        cable.narrow("change", 8000);
        sleep(Duration::from_secs(2)).await;
        cable.narrow("change", bits);
    }
    house.reach("STOPPED").await;
    assert!(!house.has_failed().await);
    let log = program.log().join("\n");
    assert!(!log.contains("does not keep up"), "{log}");
    program.stop().await;
    for recording in home.recordings("House") {
        let heard: f64 = recording.sounds().iter().map(|sound| sound.seconds()).sum();
        assert!((SECONDS - 0.1..SECONDS + 0.1).contains(&heard), "{heard} s");
    }
}
