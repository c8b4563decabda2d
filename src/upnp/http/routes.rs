//! The routes of every device on one listener: description, icons, control, eventing.
//! Not the connections (`listener`), not the meaning of anything.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::HeaderValue;
use axum::middleware;
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::control::control;
use super::eventing::eventing;
use super::guard::gate;
use super::options::Options;
use super::pace::Pace;
use super::site::{Served, Site};
use super::{documents, listener};
use crate::upnp::device::Device;
use crate::upnp::gena::hub::{self, Hub};

/// Serves the devices, and `extra` beside them, until `stop`. Everything of a device is below `/upnp/‹uuid›/`; all other paths are
/// `extra`'s, and protected in the same way.
pub async fn serve(
    listener: TcpListener,
    devices: Vec<Arc<Device>>,
    extra: Router,
    options: Options,
    stop: CancellationToken,
) {
    let mut tasks = JoinSet::new();
    let mut served = HashMap::new();
    let deliveries = Arc::new(Semaphore::new(options.deliveries));
    for device in devices {
        let hubs: Vec<_> = device
            .services()
            .iter()
            .map(|service| {
                Arc::new(Hub::new(
                    Arc::clone(service),
                    options.subscriptions,
                    options.patience,
                    Arc::clone(&deliveries),
                    stop.clone(),
                ))
            })
            .collect();
        tasks.spawn(hub::run(Arc::clone(&device), hubs.clone(), stop.clone()));
        if let Some(links) = options.links.clone() {
            tasks.spawn(hub::follow(links, hubs.clone(), stop.clone()));
        }
        served.insert(device.identity().udn, Served { device, hubs });
    }
    let connections = options.connections;
    let site = Arc::new(Site {
        devices: served,
        server: HeaderValue::from_str(&options.server).ok(),
        requests: Mutex::new(Pace::new(options.requests)),
        commands: Mutex::new(Pace::new(options.commands)),
        options,
    });
    listener::serve(listener, router(site, extra), connections, stop).await;
    while tasks.join_next().await.is_some() {}
}

fn router(site: Arc<Site>, extra: Router) -> Router {
    Router::new()
        .route("/upnp/{udn}/device.xml", get(documents::device_description))
        .route(
            "/upnp/{udn}/{service}/scpd.xml",
            get(documents::service_description),
        )
        .route("/upnp/{udn}/icons/{name}", get(documents::icon))
        .route("/upnp/{udn}/{service}/control", any(control))
        .route("/upnp/{udn}/{service}/event", any(eventing))
        .with_state(Arc::clone(&site))
        .merge(extra)
        .layer(middleware::from_fn_with_state(site, gate))
}
