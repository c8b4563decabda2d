//! What is served on one listener: the devices, their subscribers, and whose turn it is.
//! Not under which paths; that is in `routes`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderValue;
use tokio::time::Instant;
use uuid::Uuid;

use super::listener::Link;
use super::options::Options;
use super::pace::Pace;
use crate::upnp::device::Device;
use crate::upnp::gena::hub::Hub;

/// A device and the subscribers of its services, in the order of the services.
pub(super) struct Served {
    pub(super) device: Arc<Device>,
    pub(super) hubs: Vec<Arc<Hub>>,
}

/// All that is served on one listener.
pub(super) struct Site {
    pub(super) devices: HashMap<Uuid, Served>,
    pub(super) server: Option<HeaderValue>,
    pub(super) requests: Mutex<Pace>,
    pub(super) commands: Mutex<Pace>,
    pub(super) options: Options,
}

impl Site {
    /// The device with this UUID, in any spelling of it.
    pub(super) fn device(&self, udn: &str) -> Option<&Served> {
        self.devices.get(&Uuid::try_parse(udn).ok()?)
    }

    /// The service of this path, and its subscribers.
    pub(super) fn hub(&self, udn: &str, service: &str) -> Option<&Arc<Hub>> {
        self.device(udn)?
            .hubs
            .iter()
            .find(|hub| hub.service().description().path == service)
    }
}

/// Waits until it is this peer's turn. Nobody on this machine waits: who runs programs here can do worse than ask often.
pub(super) async fn turn(pace: &Mutex<Pace>, link: Link) {
    let peer = link.peer.ip().to_canonical();
    if peer.is_loopback() || peer == link.local.ip().to_canonical() {
        return;
    }
    let now = Instant::now();
    let turn = {
        let mut pace = pace.lock().unwrap_or_else(PoisonError::into_inner);
        Instant::from_std(pace.turn(peer, now.into_std()))
    };
    if turn > now {
        tracing::debug!(%peer, "a peer asks too often; it has to wait for its turn");
        tokio::time::sleep_until(turn).await;
    }
}
