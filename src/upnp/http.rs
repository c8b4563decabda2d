//! The routes of every device on one listener: description, control, eventing.
//! Not the documents (`description`, `soap`), not the connections (`listener`), not the meaning of anything.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use futures_util::StreamExt;
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::callback::{self, Arrival};
use super::device::Device;
use super::gena::{self, Headers, Refusal, Subscribe};
use super::guard;
use super::hub::{self, Hub};
pub use super::listener::{Limits, Link};
use super::notify::Patience;
use super::service::{ActionError, ServiceDescription};
use super::values;
use super::{description, event, interface, listener, network, soap};

/// The largest SOAP body. Metadata with thirty resources, escaped twice, is below a quarter of it.
const BODY: usize = 1024 * 1024;
/// A body that is too large is read so far, so that its sender reads the answer rather than a reset connection.
const PATIENTLY_READ: usize = 8 * BODY;
/// A body must have arrived within.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Control points give up after 5 s.
const ACTION_TIME: Duration = Duration::from_secs(5);

const XML: &str = "text/xml; charset=\"utf-8\"";
const EXT: HeaderName = HeaderName::from_static("ext");
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
    /// How many subscriptions there may be.
    pub subscriptions: event::Limits,
    /// How patient the delivery of events is.
    pub patience: Patience,
}

impl Options {
    /// The defaults, with this SERVER header.
    pub fn new(server: String) -> Self {
        Self {
            server,
            allow: guard::default_allow(),
            links: None,
            own_names: Vec::new(),
            connections: Limits::default(),
            subscriptions: event::Limits::default(),
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
    for device in devices {
        let hubs: Vec<_> = device
            .services()
            .iter()
            .map(|service| {
                Arc::new(Hub::new(
                    Arc::clone(service),
                    options.subscriptions,
                    options.patience,
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
        options,
    });
    listener::serve(listener, router(site, extra), connections, stop).await;
    while tasks.join_next().await.is_some() {}
}

fn router(site: Arc<Site>, extra: Router) -> Router {
    Router::new()
        .route("/upnp/{udn}/device.xml", get(device_description))
        .route("/upnp/{udn}/{service}/scpd.xml", get(service_description))
        .route("/upnp/{udn}/{service}/control", any(control))
        .route("/upnp/{udn}/{service}/event", any(eventing))
        .with_state(Arc::clone(&site))
        .merge(extra)
        .layer(middleware::from_fn_with_state(site, gate))
}

/// Every request passes here: who is asking, and under which name. Every answer is signed here.
async fn gate(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
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

async fn control(
    State(site): State<Arc<Site>>,
    Path((udn, service)): Path<(String, String)>,
    request: Request,
) -> Response {
    let Some(hub) = site.hub(&udn, &service) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // M-POST is how the UDA tells clients to try again after a 405.
    if !matches!(request.method().as_str(), "POST" | "M-POST") {
        return only("POST, M-POST");
    }
    let (head, body) = request.into_parts();
    let body = match tokio::time::timeout(BODY_TIME, collect(body)).await {
        Ok(Ok(body)) => body,
        Ok(Err(status)) => return status.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let (status, body) = match call(hub, soap_action(&head.headers), &body).await {
        Ok(answer) => (StatusCode::OK, answer),
        Err(error) => {
            tracing::debug!(service, %error, "an action failed");
            (StatusCode::INTERNAL_SERVER_ERROR, soap::fault(&error))
        }
    };
    let mut response = xml(status, body);
    response
        .headers_mut()
        .insert(EXT, HeaderValue::from_static(""));
    response
}

/// SOAPACTION, or with M-POST the same behind a number: `01-SOAPACTION`.
fn soap_action(headers: &HeaderMap) -> Option<&str> {
    headers
        .iter()
        .find(|(name, _)| {
            let name = name.as_str();
            name == "soapaction" || name.ends_with("-soapaction")
        })
        .and_then(|(_, value)| value.to_str().ok())
}

/// Reads a body, or says with which status it is refused.
async fn collect(body: Body) -> Result<Vec<u8>, StatusCode> {
    let mut chunks = body.into_data_stream();
    let mut collected = Vec::new();
    let mut length = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        length += chunk.len();
        if length < BODY {
            collected.extend_from_slice(&chunk);
        } else if length > PATIENTLY_READ {
            break;
        }
    }
    if length < BODY {
        Ok(collected)
    } else {
        Err(StatusCode::PAYLOAD_TOO_LARGE)
    }
}

/// Reads the call, carries it out, writes the answer.
async fn call(hub: &Hub, soap_action: Option<&str>, body: &[u8]) -> Result<String, ActionError> {
    let table: &'static ServiceDescription = hub.service().description();
    let call = soap::read(body).map_err(|error| values::invalid_args(error.to_string()))?;
    // What the body says is what is done; the header only lends its service type.
    let header_type = soap_action
        .and_then(soap::soap_action)
        .map(|(service_type, _)| service_type);
    let asked = header_type.into_iter().chain(call.namespace.as_deref());
    let service_type = soap::answer_type(table, asked);
    let action = values::bind(table, &call.action, &call.arguments)?;
    let outputs = tokio::time::timeout(ACTION_TIME, hub.service().invoke(&action))
        .await
        .map_err(|_| ActionError::new(501, "The action took too long"))??;
    if outputs.len() != action.spec.outputs.len() {
        tracing::error!(
            action = action.spec.name,
            "a service answered with {} outputs where its table has {}",
            outputs.len(),
            action.spec.outputs.len()
        );
        return Err(ActionError::new(501, "The service broke its own table"));
    }
    Ok(soap::answer(service_type, action.spec, &outputs))
}

async fn eventing(
    State(site): State<Arc<Site>>,
    Path((udn, service)): Path<(String, String)>,
    Extension(link): Extension<Link>,
    request: Request,
) -> Response {
    let Some(hub) = site.hub(&udn, &service) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let text = |name: &str| {
        let value = request.headers().get(name)?;
        Some(value.to_str().unwrap_or("?"))
    };
    let headers = Headers {
        nt: text("nt"),
        sid: text("sid"),
        callback: text("callback"),
        timeout: text("timeout"),
    };
    let result = match request.method().as_str() {
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
