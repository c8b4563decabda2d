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

/// Limits loopback, of which each namespace has its own, to so many bits a second. The queue is short, as a router's is.
fn limit(action: &str, bits: u64) {
    let command =
        format!("tc qdisc {action} dev lo root tbf rate {bits}bit burst 16kb latency 400ms");
    let status = Command::new("sh").args(["-c", &command]).status();
    let status = status.expect("tc (iproute2) is needed for the tests");
    assert!(status.success(), "{command}");
}

#[tokio::test]
async fn a_network_of_1_2_times_the_rate_with_stalls_of_two_seconds_is_not_heard() {
    if !inside(
        "program::network::a_network_of_1_2_times_the_rate_with_stalls_of_two_seconds_is_not_heard",
    ) {
        return;
    }
    let mtu = Command::new("ip")
        .args(["link", "set", "lo", "mtu", "1500"])
        .status();
    assert!(mtu.expect("ip (iproute2) is needed").success());
    let home = Home::with_zones(&["House"]);
    let program = home.start().await;
    let house = Renderer::find("House").await;
    let server = MediaServer::start();
    let song = tone(SECONDS);
    let bits = (song.len() as f64 * 8.0 / SECONDS * 1.2) as u64;
    let url = server.serve("/song.wav", Media::new(song));
    limit("add", bits);
    house.cast(&url).await;
    for pause in [3, 9] {
        sleep(Duration::from_secs(pause)).await;
        limit("change", 8000);
        sleep(Duration::from_secs(2)).await;
        limit("change", bits);
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
