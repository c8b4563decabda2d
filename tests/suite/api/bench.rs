//! Two zones over three outputs behind the real listener, and requests to it.
//! The lanes have no thread and the zones no feeder: nothing is heard here.

#![expect(clippy::unwrap_used, reason = "in a test helper, to panic is to tell")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use unisono::api::{self, House, InputEntry, OutputEntry, ZoneEntry};
use unisono::capture::{CaptureSpec, PulseSource};
use unisono::clock::{Clock, ClockTime, ManualClock};
use unisono::live::{InputHandle, InputSpec, Listener};
use unisono::media::MediaRequest;
use unisono::playback::{LaneHandle, OutputSpec, Wake};
use unisono::sink::{SimulatedSpec, SinkSpec};
use unisono::upnp::http::{self, Options};
use unisono::zone::{
    Channel, Progress, Track, TransportState, ZoneCommand, ZoneHandle, ZoneInbox, ZoneState,
};
use uuid::Uuid;

use crate::support::upnp_wire::{Message, exchange};

/// Where a zone's state is published.
type Published = watch::Sender<Arc<ZoneState>>;

#[derive(Debug)]
struct NoThread;

impl Wake for NoThread {
    fn wake(&self) {}
}

pub(super) struct Bench {
    pub(super) address: SocketAddr,
    pub(super) house: Arc<House>,
    pub(super) lanes: Vec<LaneHandle>,
    /// Where the states of Everywhere and Desk are published.
    pub(super) zones: Vec<Published>,
    tasks: Vec<JoinHandle<()>>,
    pub(super) stop: CancellationToken,
    pub(super) listener: Listener,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A zone that does as it is told and says so.
fn zone(volume: u8) -> (ZoneHandle, Published, JoinHandle<()>) {
    let state = ZoneState {
        volume,
        seekable: true,
        ..ZoneState::default()
    };
    let (handle, inbox) = ZoneHandle::pair(state);
    let ZoneInbox {
        mut commands,
        state,
    } = inbox;
    let publish = state.clone();
    let task = tokio::spawn(async move {
        while let Some(request) = commands.recv().await {
            state.send_modify(|state| {
                let state = Arc::make_mut(state);
                match request.command {
                    ZoneCommand::SetVolume(Channel::Master, volume) => state.volume = volume,
                    ZoneCommand::SetMute(Channel::Master, muted) => state.muted = muted,
                    ZoneCommand::SetTrack(track) => state.track = track,
                    ZoneCommand::Play => state.transport = TransportState::Playing,
                    other => panic!("the API told a zone {other:?}"),
                }
            });
            let _gone = request.answer.send(Ok(()));
        }
    });
    (handle, publish, task)
}

/// A zone in the middle of a song, 83 s after its beginning.
pub(super) fn playing(state: &mut ZoneState) {
    state.transport = TransportState::Playing;
    state.track = Some(Arc::new(Track {
        title: "Blue in \"Green\"".to_owned(),
        artist: Some("Miles".to_owned()),
        ..Track::default()
    }));
    state.duration = Some(Duration::from_secs(337));
    state.progress = Progress::RunningSince(ClockTime::from_nanos(17_000_000_000));
}

/// An input of "Desk" that is not plugged in, and whoever listens to it.
fn turntable(now: ClockTime) -> (InputEntry, Listener) {
    let spec = InputSpec {
        name: "Turntable".to_owned(),
        capture: CaptureSpec::Pulse(PulseSource::default()),
        stop_after: Duration::from_secs(8),
        buffer: Duration::from_millis(120),
    };
    let (handle, end) = InputHandle::pair(&spec);
    let listener = Listener::new(&spec, end, now);
    let track = Arc::new(Track {
        request: MediaRequest {
            uri: handle.uri(),
            ..MediaRequest::default()
        },
        title: "Turntable".to_owned(),
        ..Track::default()
    });
    let entry = InputEntry {
        handle,
        source: "the line-in".to_owned(),
        zone: 1,
        track,
    };
    (entry, listener)
}

impl Bench {
    /// "Everywhere" over Kitchen (180 ms late) and Desk at volume 50, "Desk" over Desk and "Attic ½" at volume 30.
    pub(super) async fn start() -> Self {
        let clock = Arc::new(ManualClock::new());
        clock.set(ClockTime::from_nanos(100_000_000_000));
        let lane = |name: &str, late_seconds: f64| {
            let sink = SinkSpec::Simulated(SimulatedSpec::default());
            let mut spec = OutputSpec::plain(name, sink);
            spec.settings.late_seconds = late_seconds;
            LaneHandle::pair(&spec, Arc::new(NoThread)).0
        };
        let lanes = vec![
            lane("Kitchen", 0.18),
            lane("Desk", 0.0),
            lane("Attic ½", 0.0),
        ];
        let (everywhere, desk) = (zone(50), zone(30));
        let entry = |name: &str, id: u128, handle: &ZoneHandle, outputs: &[usize]| ZoneEntry {
            name: name.to_owned(),
            id: Uuid::from_u128(id),
            handle: handle.clone(),
            outputs: outputs.to_vec(),
        };
        let zones = vec![
            entry("Everywhere", 1, &everywhere.0, &[0, 1]),
            entry("Desk", 2, &desk.0, &[1, 2]),
        ];
        let outputs = lanes.iter().map(|lane| OutputEntry {
            bluetooth: None,
            lane: lane.clone(),
            sink: "a simulated speaker".to_owned(),
        });
        let (turntable, inputs_listener) = turntable(clock.now());
        let house = House::new(clock, zones, outputs.collect());
        let house = Arc::new(house.with_inputs(vec![turntable]));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let mut options = Options::new("Test/1".to_owned());
        options.own_names = vec!["music".to_owned()];
        let router = api::router(house.clone(), &options, stop.clone());
        let serving = http::serve(listener, Vec::new(), router, options, stop.clone());
        tokio::spawn(serving);
        Self {
            address,
            house,
            lanes,
            zones: vec![everywhere.1, desk.1],
            tasks: vec![everywhere.2, desk.2],
            stop,
            listener: inputs_listener,
        }
    }

    /// Ends the last zone, and waits until it has.
    pub(super) async fn end_a_zone(&mut self) {
        drop(self.zones.pop());
        let task = self.tasks.pop().unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }

    /// The Host that a client on this machine names.
    pub(super) fn host(&self) -> String {
        self.address.to_string()
    }

    /// One request; a body goes with its length.
    pub(super) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Message {
        let host = self.host();
        let host = if headers.iter().any(|(name, _)| *name == "Host") {
            String::new()
        } else {
            format!("Host: {host}\r\n")
        };
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let length = match body.len() {
            0 => String::new(),
            length => format!("Content-Length: {length}\r\n"),
        };
        let request = format!("{method} {path} HTTP/1.1\r\n{host}{headers}{length}\r\n{body}");
        exchange(self.address, request).await
    }

    /// GET that succeeds, as JSON.
    pub(super) async fn read(&self, path: &str) -> Value {
        let answer = self.request("GET", path, &[], "").await;
        assert_eq!(answer.status(), 200, "{path}: {}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        serde_json::from_str(&answer.body).unwrap()
    }

    /// PATCH as a client would.
    pub(super) async fn patch(&self, path: &str, change: &Value) -> (u16, Value) {
        let kind = [("Content-Type", "application/json")];
        let answer = self
            .request("PATCH", path, &kind, &change.to_string())
            .await;
        let body = serde_json::from_str(&answer.body);
        let body = body.unwrap_or_else(|error| panic!("{error}: {answer:?}"));
        (answer.status(), body)
    }
}
