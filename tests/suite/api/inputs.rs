//! Inputs: what is said of them, and that they can be played.

use std::time::Duration;

use serde_json::{Value, json};
use unisono::capture::{Capture, CaptureError};
use unisono::clock::ClockTime;
use unisono::sink::Heard;

use super::bench::Bench;

/// A far end from which a full second of one level comes at once, and reports by a perfect clock.
struct Loud {
    read: bool,
    reports: u32,
}

impl Capture for Loud {
    fn rate(&self) -> u32 {
        48_000
    }

    fn read(&mut self, frames: &mut Vec<f32>) -> Result<usize, CaptureError> {
        if std::mem::replace(&mut self.read, true) {
            return Ok(0);
        }
        frames.resize(2 * 48_000, 0.5);
        Ok(48_000)
    }

    fn heard(&mut self) -> Option<Heard> {
        self.reports += 1;
        let frames = f64::from(self.reports) * 480.0;
        let at = ClockTime::from_nanos(100_000_000_000 + i64::from(self.reports) * 10_000_000);
        (self.reports <= 100).then_some(Heard { frames, at })
    }

    fn pace(&self) -> Duration {
        Duration::from_millis(10)
    }

    fn gaps(&self) -> u64 {
        0
    }
}

async fn input(bench: &Bench) -> Value {
    bench.read("/api/v1/state").await["inputs"][0].clone()
}

#[tokio::test]
async fn what_is_heard_of_an_input_is_said() {
    let mut bench = Bench::start().await;
    assert_eq!(input(&bench).await["state"], "lost");
    let far = Loud {
        read: false,
        reports: 0,
    };
    bench.listener.attach(Box::new(far)).expect("48 kHz");
    assert_eq!(input(&bench).await["state"], "silent");
    let now = ClockTime::from_nanos(101_000_000_000);
    bench.listener.step(now).expect("it is there");
    let sounding = input(&bench).await;
    assert_eq!(sounding["state"], "sounding");
    assert_eq!(sounding["clock_ppm"], 0.0);
    bench.listener.detach();
    assert_eq!(input(&bench).await["state"], "lost");
}

#[tokio::test]
async fn an_input_is_played_in_its_zone_when_it_is_asked_for() {
    let bench = Bench::start().await;
    let kind = [("Content-Type", "application/json")];
    let path = "/api/v1/inputs/Turntable/play";
    let answer = bench.request("POST", path, &kind, "").await;
    assert_eq!(answer.status(), 200, "{}", answer.body);
    let said: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(said["playing"], true);
    assert_eq!(input(&bench).await["playing"], true);
    let zone = bench.read("/api/v1/zones/Desk").await;
    assert_eq!(zone["state"], "playing");
    assert_eq!(zone["title"], "Turntable");

    let path = "/api/v1/inputs/Turntible/play";
    let answer = bench.request("POST", path, &kind, "").await;
    assert_eq!(answer.status(), 404);
    assert!(answer.body.contains("did you mean"), "{}", answer.body);
}

#[tokio::test]
async fn a_listener_is_told_of_an_input_that_is_played() {
    let bench = Bench::start().await;
    let mut listener = super::events::Listener::connect(&bench).await;
    listener.head().await;
    listener.event().await.expect("the state");
    bench
        .house
        .play_input("Turntable")
        .await
        .expect("it is known");
    loop {
        let (name, told) = listener.event().await.expect("an event");
        if name == "input" {
            assert_eq!(told["playing"], json!(true));
            return;
        }
    }
}
