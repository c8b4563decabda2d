//! The routes of every device on one listener: description, icons, eventing; control is in `control`.
//! Not the documents (`description`, `soap`), not the connections (`listener`), not the meaning of anything.

mod control;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Extension, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::callback::{self, Arrival};
use super::device::Device;
use super::gena::{self, Headers, Refusal, Subscribe};
use super::guard;
use super::hub::{self, Hub};
pub use super::listener::{Limits, Link};
use super::notify::Patience;
use super::pace::Pace;
pub use super::pace::Rate;
use super::{description, event, interface, listener, network};

const XML: &str = "text/xml; charset=\"utf-8\"";
const SID: HeaderName = HeaderName::from_static("sid");
const TIMEOUT: HeaderName = HeaderName::from_static("timeout");

/// What the caller decides.
#[derive(Debug, Clone)]
pub struct Options {
    /// The SERVER header: see [`server_token`](super::server_token).
    pub server: String,
    /// Who may send anything but GET and HEAD: control, subscribe, change.
    pub allow: Vec<IpNet>,
    /// The machine's interfaces as they come and go, so that subscriptions end with the address they came in on. `None`: they stay as they are.
    pub links: Option<watch::Receiver<Vec<interface::Link>>>,
    /// Names of this host that requests may name besides addresses, `localhost` and `*.local`.
    pub own_names: Vec<String>,
    /// What connections may cost.
    pub connections: Limits,
    /// How often one peer may ask for anything. Programs on this machine are not slowed down.
    pub requests: Rate,
    /// How often one peer may change something: actions without an answer, subscriptions.
    pub commands: Rate,
    /// How many subscriptions there may be.
    pub subscriptions: event::Limits,
    /// As many events are on their way at once, of all services together; each is a connection.
    pub deliveries: usize,
    /// How patient the delivery of events is.
    pub patience: Patience,
}

impl Options {
    /// The defaults, with this SERVER header.
    ///
    /// Rates are far above what apps do. One that shows a renderer asks some five things a second, AirConnect twice that, and finding
    /// eight zones costs some 20 requests each, at once: 20000 a second is what keeps a core busy, so that no peer has more than that.
    /// Commands cost more: they start fetching and have everybody told. A slider sends no more of them than a screen shows pictures, 120 a
    /// second for as long as a finger is on it, and a scene for a house of eight zones some 50 at once.
    ///
    /// Connections and deliveries together stay well below 1024, the number of open files that systems allow without being asked.
    pub fn new(server: String) -> Self {
        Self {
            server,
            allow: guard::default_allow(),
            links: None,
            own_names: Vec::new(),
            connections: Limits::default(),
            requests: Rate {
                per_second: 20_000,
                burst: 20_000,
            },
            commands: Rate {
                per_second: 200,
                burst: 1000,
            },
            subscriptions: event::Limits::default(),
            deliveries: 256,
            patience: Patience::default(),
        }
    }
}

/// A device and the subscribers of its services, in the order of the services.
struct Served {
    device: Arc<Device>,
    hubs: Vec<Arc<Hub>>,
}

struct Site {
    devices: HashMap<Uuid, Served>,
    server: Option<HeaderValue>,
    requests: Mutex<Pace>,
    commands: Mutex<Pace>,
    options: Options,
}

impl Site {
    fn device(&self, udn: &str) -> Option<&Served> {
        self.devices.get(&Uuid::try_parse(udn).ok()?)
    }

    fn hub(&self, udn: &str, service: &str) -> Option<&Arc<Hub>> {
        self.device(udn)?
            .hubs
            .iter()
            .find(|hub| hub.service().description().path == service)
    }
}

/// Serves the devices, and `extra` beside them, until `stop`. Everything of a device is below `/upnp/‹uuid›/`; all other paths are
/// `extra`'s, and protected in the same way.
pub async fn serve(
    listener: TcpListener,
    devices: Vec<Arc<Device>>,
    extra: Router,
    options: Options,
    stop: CancellationToken,
) {
    let mut tasks = tokio::task::JoinSet::new();
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
        .route("/upnp/{udn}/device.xml", get(device_description))
        .route("/upnp/{udn}/{service}/scpd.xml", get(service_description))
        .route("/upnp/{udn}/icons/{name}", get(icon))
        .route("/upnp/{udn}/{service}/control", any(control::control))
        .route("/upnp/{udn}/{service}/event", any(eventing))
        .with_state(Arc::clone(&site))
        .merge(extra)
        .layer(middleware::from_fn_with_state(site, gate))
}

/// Waits until it is this peer's turn. Nobody on this machine waits: who runs programs here can do worse than ask often.
async fn turn(pace: &Mutex<Pace>, link: Link) {
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

/// Every request passes here: who is asking, how often, and under which name. Every answer is signed here.
async fn gate(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    if let Some(&link) = request.extensions().get::<Link>() {
        turn(&site.requests, link).await;
    }
    let mut response = match refusal(&site.options, &request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    if let Some(server) = &site.server {
        response
            .headers_mut()
            .insert(header::SERVER, server.clone());
    }
    response
}

fn refusal(options: &Options, request: &Request) -> Option<Response> {
    let authority = request.uri().authority().map(|a| a.as_str());
    let host = match request.headers().get(header::HOST) {
        Some(host) => host.to_str().unwrap_or("?"),
        None => authority.unwrap_or_default(),
    };
    if !guard::host_is_ours(host, &options.own_names) {
        return Some(forbidden(
            "This server does not go by that name; use its address.\n",
        ));
    }
    let harmless = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request
        .extensions()
        .get::<Link>()
        .is_some_and(|link| guard::allowed(&options.allow, link.peer.ip()));
    (!harmless && !known).then(|| {
        forbidden("Only allowed addresses may do that; by default, those of neighbours.\n")
    })
}

fn forbidden(why: &'static str) -> Response {
    (StatusCode::FORBIDDEN, why).into_response()
}

fn xml(status: StatusCode, body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, XML)];
    (status, headers, body).into_response()
}

fn only(methods: &'static str) -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, methods)]).into_response()
}

async fn device_description(
    State(site): State<Arc<Site>>,
    Path(udn): Path<String>,
) -> impl IntoResponse {
    let Some(served) = site.device(&udn) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let identity = served.device.identity();
    let services = served.device.descriptions();
    let config_id = description::config_id(&identity, &services);
    xml(
        StatusCode::OK,
        description::device(&identity, &services, Some(config_id)),
    )
}

async fn icon(
    State(site): State<Arc<Site>>,
    Path((udn, name)): Path<(String, String)>,
) -> Response {
    let identity = site.device(&udn).map(|served| served.device.identity());
    let icons = identity.map_or(&[][..], |identity| identity.icons);
    match icons.iter().find(|icon| icon.name == name) {
        Some(icon) => ([(header::CONTENT_TYPE, icon.mime)], icon.bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn service_description(
    State(site): State<Arc<Site>>,
    Path((udn, service)): Path<(String, String)>,
) -> impl IntoResponse {
    match site.hub(&udn, &service) {
        Some(hub) => xml(
            StatusCode::OK,
            description::scpd(hub.service().description()),
        ),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn eventing(
    State(site): State<Arc<Site>>,
    Path((udn, service)): Path<(String, String)>,
    Extension(link): Extension<Link>,
    head: Parts,
) -> Response {
    let Some(hub) = site.hub(&udn, &service) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    turn(&site.commands, link).await;
    let text = |name: &str| {
        let value = head.headers.get(name)?;
        Some(value.to_str().unwrap_or("?"))
    };
    let headers = Headers {
        nt: text("nt"),
        sid: text("sid"),
        callback: text("callback"),
        timeout: text("timeout"),
    };
    let result = match head.method.as_str() {
        "SUBSCRIBE" => subscribe(hub, link, headers),
        "UNSUBSCRIBE" => gena::unsubscribe(headers)
            .and_then(|sid| hub.unsubscribe(sid))
            .map(|()| StatusCode::OK.into_response()),
        _ => return only("SUBSCRIBE, UNSUBSCRIBE"),
    };
    result.unwrap_or_else(|refusal| {
        tracing::debug!(peer = %link.peer, %refusal, callback = headers.callback, "a subscription was refused");
        // The numbers of `Refusal` are statuses.
        StatusCode::from_u16(refusal as u16)
            .unwrap_or(StatusCode::PRECONDITION_FAILED)
            .into_response()
    })
}

fn subscribe(hub: &Arc<Hub>, link: Link, headers: Headers<'_>) -> Result<Response, Refusal> {
    let (sid, timeout) = match gena::subscribe(headers)? {
        Subscribe::Renew { sid, timeout } => {
            hub.renew(sid, timeout)?;
            (sid, timeout)
        }
        Subscribe::New { callbacks, timeout } => {
            let network = network::network_of(link.local.ip()).unwrap_or_else(|error| {
                tracing::warn!(%error, "the interfaces could not be listed");
                None
            });
            let arrival = Arrival {
                peer: link.peer,
                local: link.local,
                network,
            };
            let callbacks = callback::acceptable(&callbacks, arrival);
            let ends = (link.peer.ip(), link.local.ip());
            let sid = hub.subscribe(ends, callbacks, timeout)?;
            (sid, timeout)
        }
    };
    let headers = [
        (SID, format!("uuid:{sid}")),
        (TIMEOUT, format!("Second-{}", timeout.as_secs())),
    ];
    Ok((StatusCode::OK, headers).into_response())
}
