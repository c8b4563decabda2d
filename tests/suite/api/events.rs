//! The stream of changes, read byte by byte.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::bench::{Bench, playing};

const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Listener(BufReader<TcpStream>);

impl Listener {
    pub(super) async fn connect(bench: &Bench) -> Self {
        let mut stream = TcpStream::connect(bench.address).await.unwrap();
        let request = format!(
            "GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n",
            bench.host()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        Self(BufReader::new(stream))
    }

    /// The next line, without its end; `None` when the connection has ended.
    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.0.read_line(&mut line));
        let length = read.await.expect("a line in time").unwrap();
        (length > 0).then(|| line.trim_end().to_owned())
    }

    /// The answer's first line and its kind.
    pub(super) async fn head(&mut self) -> (String, String) {
        let status = self.line().await.unwrap();
        let mut kind = String::new();
        loop {
            let line = self.line().await.unwrap().to_lowercase();
            if line.is_empty() {
                return (status, kind);
            }
            if let Some(value) = line.strip_prefix("content-type: ") {
                kind = value.to_owned();
            }
        }
    }

    /// The next event: its name and what it says. Chunk sizes of HTTP stand between and are skipped.
    pub(super) async fn event(&mut self) -> Option<(String, Value)> {
        let mut name = None;
        loop {
            let line = self.line().await?;
            if let Some(event) = line.strip_prefix("event: ") {
                name = Some(event.to_owned());
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some((
                    name.expect("a name before"),
                    serde_json::from_str(data).unwrap(),
                ));
            }
        }
    }
}

#[tokio::test]
async fn a_listener_is_told_everything_and_then_what_changes() {
    let mut bench = Bench::start().await;
    let mut listener = Listener::connect(&bench).await;
    let (status, kind) = listener.head().await;
    assert_eq!(
        (status.as_str(), kind.as_str()),
        ("HTTP/1.1 200 OK", "text/event-stream")
    );
    let (name, first) = listener.event().await.unwrap();
    assert_eq!(
        (name.as_str(), &first),
        ("state", &bench.read("/api/v1/state").await)
    );

    bench
        .patch("/api/v1/outputs/Desk", &json!({"trim_db": -2}))
        .await;
    let (name, output) = listener.event().await.unwrap();
    assert_eq!(
        (name.as_str(), &output["name"], &output["trim_db"]),
        ("output", &json!("Desk"), &json!(-2.0))
    );

    bench
        .patch("/api/v1/zones/Desk", &json!({"volume": 7}))
        .await;
    let (name, zone) = listener.event().await.unwrap();
    assert_eq!(
        (name.as_str(), &zone["name"], &zone["volume"]),
        ("zone", &json!("Desk"), &json!(7))
    );

    bench.zones[0].send_modify(|state| playing(Arc::make_mut(state)));
    let (name, zone) = listener.event().await.unwrap();
    assert_eq!(
        (name.as_str(), &zone["name"], &zone["state"]),
        ("zone", &json!("Everywhere"), &json!("playing"))
    );

    // A zone that ends takes nobody with it.
    bench.end_a_zone().await;
    bench
        .patch("/api/v1/outputs/Kitchen", &json!({"muted": true}))
        .await;
    let (name, output) = listener.event().await.unwrap();
    assert_eq!(
        (name.as_str(), &output["name"], &output["muted"]),
        ("output", &json!("Kitchen"), &json!(true))
    );
}

#[tokio::test]
async fn what_changes_often_is_told_as_it_is_in_the_end() {
    let bench = Bench::start().await;
    let mut listener = Listener::connect(&bench).await;
    listener.head().await;
    listener.event().await.unwrap();
    // No task of the server runs between these: one event is all there is to tell.
    let change = json!({"volume": 0}).as_object().unwrap().clone();
    for volume in (0..100).rev() {
        let mut change = change.clone();
        change["volume"] = json!(volume);
        bench.house.set_output("Desk", &change).unwrap();
    }
    let (_, output) = listener.event().await.unwrap();
    assert_eq!(output["volume"], 0);
}

#[tokio::test]
async fn listeners_are_counted_and_those_who_go_make_room() {
    let bench = Bench::start().await;
    let mut listeners = Vec::new();
    for _ in 0..32 {
        let mut listener = Listener::connect(&bench).await;
        assert!(listener.head().await.0.contains("200"));
        listeners.push(listener);
    }
    let answer = bench.request("GET", "/api/v1/events", &[], "").await;
    assert_eq!(answer.status(), 503);
    assert!(answer.body.contains("32 listen already"), "{}", answer.body);
    // Whoever does not listen, though connected, holds up nobody.
    assert_eq!(
        bench
            .patch("/api/v1/outputs/Desk", &json!({"volume": 3}))
            .await
            .0,
        200
    );

    listeners.pop();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let mut listener = Listener::connect(&bench).await;
        if listener.head().await.0.contains("200") {
            break;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "its place was never given back"
        );
    }
}

#[tokio::test]
async fn the_end_of_the_program_ends_the_stream() {
    let bench = Bench::start().await;
    let mut listener = Listener::connect(&bench).await;
    listener.head().await;
    listener.event().await.unwrap();
    bench.stop.cancel();
    assert_eq!(listener.event().await, None);
}
