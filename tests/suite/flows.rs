//! Whole sessions over HTTP against the whole renderer, as scripts: what a control point of that kind does, what it is told,
//! and what is heard of it. The scripts follow what is known of each; none is a capture.

mod apps;
mod errors;
mod media;
mod volume;

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::support::media_server::{Framing, Media, MediaServer};
use super::support::recording::{LEVEL, PITCH, Recording, ruler, tone};
use super::support::soap::{Renderer, changed};
use super::support::stack::Stack;
use super::support::upnp_wire::{Message, Subscriber, envelope, exchange, post};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

async fn milliseconds(number: u64) {
    sleep(Duration::from_millis(number)).await;
}

/// A renderer that plays a long tone, which is at `/x` of the server.
async fn playing(server: &MediaServer) -> Stack {
    let stack = Stack::start().await;
    let x = server.serve("/x", Media::new(tone(60.0)));
    stack.renderer.cast(&x).await;
    milliseconds(500).await;
    stack
}

/// Sets what follows.
async fn set_next(renderer: &Renderer, uri: &str) {
    let next = [("NextURI", uri), ("NextURIMetaData", "")];
    renderer.transport("SetNextAVTransportURI", &next).await;
}

/// The URI that is the current one by GetMediaInfo.
async fn current_uri(renderer: &Renderer) -> String {
    let info = renderer.transport("GetMediaInfo", &[]).await;
    let uri = info.element("CurrentURI").expect("a URI");
    uri.replace("&amp;", "&")
}

/// What may be offered now.
async fn actions(renderer: &Renderer) -> Vec<String> {
    let answer = renderer.transport("GetCurrentTransportActions", &[]).await;
    let actions = answer.element("Actions").expect("actions");
    actions.split(',').map(str::to_owned).collect()
}

/// Waits for the event in which this variable becomes this value; all events up to it.
async fn events_until(subscriber: &mut Subscriber, variable: &str, value: &str) -> Vec<Message> {
    let mut events = Vec::new();
    loop {
        events.push(subscriber.event().await);
        if events.last().and_then(|it| changed(it, variable)) == Some(value) {
            return events;
        }
    }
}

/// The values that a variable took in these events.
fn values<'a>(events: &'a [Message], variable: &str) -> Vec<&'a str> {
    events
        .iter()
        .filter_map(|it| changed(it, variable))
        .collect()
}

/// Asserts that so many seconds were heard, all in all. A busy machine breaks music or begins it late; that seams are whole
/// is for tests in virtual time to say.
#[track_caller]
fn assert_heard(recording: &Recording, seconds: f64) {
    let sounds = recording.sounds();
    let heard: f64 = sounds.iter().map(|sound| sound.seconds()).sum();
    assert!(
        (seconds - 0.1..seconds + 0.05).contains(&heard),
        "{heard} s in {} pieces, not {seconds} s",
        sounds.len()
    );
}

/// Asserts that a [`ruler`] song of so many seconds was heard from this second on.
#[track_caller]
fn assert_heard_from(recording: &Recording, song: f64, second: f64) {
    let sounds = recording.sounds();
    let long = sounds.iter().filter(|sound| sound.frames() > 2000);
    let starts: Vec<_> = long.map(|it| it.ruled_start(song) / 48_000.0).collect();
    let near = starts.iter().any(|start| (start - second).abs() < 0.05);
    assert!(near, "heard from {starts:?}, not from {second}");
}
