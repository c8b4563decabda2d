//! A whole renderer on loopback in this process: HTTP, services, zone, engine, and two outputs that record.
//! Nothing announces it: whoever is to control it is told where it is.

#![expect(clippy::unwrap_used, reason = "in a test helper, to panic is to tell")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use unisono::clock::{Clock, SystemClock};
use unisono::media::{self, Network};
use unisono::playback::{OutputSpec, Outputs};
use unisono::sink::{SinkSpec, WavSpec};
use unisono::upnp::http::{self, Options};
use unisono::upnp::{Device, server_token};
use unisono::zone::{self, OpenMedia, ZoneHandle, ZoneSpec};

use super::program::Home;
use super::recording::Recording;
use super::soap::Renderer;
use super::upnp_device::identity;

const ZONE: &str = "House";

/// The renderer, at full volume.
pub struct Stack {
    /// As a control point has it.
    pub renderer: Renderer,
    /// As whoever is in this program has it: a button on the machine, say.
    pub zone: ZoneHandle,
    outputs: Outputs,
    task: JoinHandle<()>,
    stop: CancellationToken,
    home: Home,
}

impl Stack {
    pub async fn start() -> Self {
        let home = Home::new();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let output = |number: u8| {
            let name = format!("{ZONE} {number}");
            let path = home.path(&format!("{name}.wav"));
            OutputSpec::plain(&name, SinkSpec::Wav(WavSpec { path }))
        };
        let outputs = Outputs::start(vec![output(1), output(2)], &clock).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let network = Network::new(Handle::current(), vec![address.port()]);
        let open: OpenMedia = Arc::new(move |request, waker| media::open(request, &network, waker));
        let spec = ZoneSpec {
            name: ZONE.to_owned(),
            lanes: outputs.lanes().to_vec(),
            volume: 100,
        };
        let stop = CancellationToken::new();
        let (zone, task) = zone::spawn(spec, &outputs, clock.clone(), open, stop.clone()).unwrap();
        let services = unisono::renderer::services(zone.clone(), clock);
        let device = Arc::new(Device::new(identity(ZONE), services, zone.changes()));
        let location = format!("http://{address}/upnp/{}/device.xml", device.identity().udn);
        tokio::spawn(http::serve(
            listener,
            vec![device],
            Router::new(),
            Options::new(server_token("Tests", "1")),
            stop.clone(),
        ));
        Self {
            renderer: Renderer::at(&location).await,
            zone,
            outputs,
            task,
            stop,
            home,
        }
    }

    /// Somebody who looks every 20 ms.
    pub fn watch(&self) -> Watcher {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (renderer, notes) = (self.renderer.clone(), seen.clone());
        let task = tokio::spawn(async move {
            loop {
                let state = renderer.condition().await.0;
                let info = renderer.transport("GetPositionInfo", &[]).await;
                let uri = info.element("TrackURI").unwrap().replace("&amp;", "&");
                note(&notes, (state, uri));
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        Watcher { seen, task }
    }

    /// Ends it; what its two outputs have played, if they have been opened.
    pub async fn end(self) -> [Recording; 2] {
        self.close().await.recordings(ZONE)
    }

    /// Ends it.
    pub async fn close(self) -> Home {
        self.stop.cancel();
        self.task.await.unwrap();
        let outputs = self.outputs;
        tokio::task::spawn_blocking(move || drop(outputs))
            .await
            .unwrap();
        self.home
    }
}

fn note(notes: &Mutex<Vec<(String, String)>>, now: (String, String)) {
    let mut seen = notes.lock().unwrap();
    if seen.last() != Some(&now) {
        seen.push(now);
    }
}

/// Polls a renderer, as many apps do that do not subscribe.
pub struct Watcher {
    seen: Arc<Mutex<Vec<(String, String)>>>,
    task: JoinHandle<()>,
}

impl Watcher {
    /// Transport state and URI, whenever one of them had changed.
    pub fn seen(&self) -> Vec<(String, String)> {
        self.seen.lock().unwrap().clone()
    }

    /// The states one after the other.
    pub fn states(&self) -> Vec<String> {
        let mut states: Vec<_> = self.seen().into_iter().map(|(state, _)| state).collect();
        states.dedup();
        states
    }

    /// The URIs one after the other.
    pub fn uris(&self) -> Vec<String> {
        let mut uris: Vec<_> = self.seen().into_iter().map(|(_, uri)| uri).collect();
        uris.dedup();
        uris
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}
