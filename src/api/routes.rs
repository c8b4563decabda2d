//! The routes below `/api/v1`, and their description in OpenAPI, which is made from the same lines.
//! What they answer is in `house` and `status`; who may ask, in `access`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State as Of};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::change::{OutputChange, ZoneChange};
use super::house::{House, Refusal};
use super::status::{InputStatus, OutputStatus, Problem, State, ZoneStatus};
use super::{access, events};
use crate::upnp::http::{Link, Options};

/// The largest body: every key of an output fits twenty times over.
const BODY: usize = 16 * 1024;
/// A body must have arrived within.
const BODY_TIME: Duration = Duration::from_secs(10);
/// As many listeners to events at once; each costs a connection and a look at every output each second.
const LISTENERS: usize = 32;
/// A listener that has gone is noticed by writing to it twice: that it will send no more does not mean that it does not read.
const KEEP_ALIVE: Duration = Duration::from_secs(3);

struct Api {
    house: Arc<House>,
    options: Options,
    listeners: Arc<Semaphore>,
    stop: CancellationToken,
    document: String,
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Unisono",
    description = "State and settings of a running Unisono, for programs in the local network."
))]
struct Document;

/// The API over this house, with the rules of `options` for who may use it. Streams of events end with `stop`.
pub fn router(house: Arc<House>, options: &Options, stop: CancellationToken) -> Router {
    let (router, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(state))
        .routes(routes!(output, set_output))
        .routes(routes!(zone, set_zone))
        .routes(routes!(play_input))
        .routes(routes!(changes))
        .routes(routes!(openapi))
        .split_for_parts();
    let document = document.to_json().unwrap_or_else(|error| {
        tracing::error!(%error, "the description of the API could not be written");
        "{}".to_owned()
    });
    let api = Arc::new(Api {
        house,
        options: options.clone(),
        listeners: Arc::new(Semaphore::new(LISTENERS)),
        stop,
        document,
    });
    router
        .layer(middleware::from_fn_with_state(api.clone(), gate))
        .with_state(api)
}

async fn gate(Of(api): Of<Arc<Api>>, request: Request, next: Next) -> Response {
    let link = request.extensions().get::<Link>().copied();
    match access::refusal(&api.options, link, request.headers()) {
        Some(why) => problem(StatusCode::FORBIDDEN, why),
        None => next.run(request).await,
    }
}

fn problem(status: StatusCode, message: impl Into<String>) -> Response {
    (status, Json(Problem::new(message))).into_response()
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Unknown(problem) => (StatusCode::NOT_FOUND, Json(problem)).into_response(),
            Self::Invalid(problem) => (StatusCode::BAD_REQUEST, Json(problem)).into_response(),
            Self::Ending => problem(StatusCode::SERVICE_UNAVAILABLE, "the program is ending"),
        }
    }
}

/// The answer to what does not call itself JSON: a form of a web page could have sent it.
fn refusal_unless_json(request: &Request) -> Option<Response> {
    let why = "send JSON, and say so: Content-Type: application/json";
    (!access::is_json(request.headers())).then(|| problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, why))
}

/// The object in a request's body.
async fn object(request: Request) -> Result<Map<String, Value>, Response> {
    if let Some(refusal) = refusal_unless_json(&request) {
        return Err(refusal);
    }
    let body: Body = request.into_body();
    let body = match tokio::time::timeout(BODY_TIME, to_bytes(body, BODY)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            let why = format!("the body is incomplete, or larger than {BODY} bytes");
            return Err(problem(StatusCode::PAYLOAD_TOO_LARGE, why));
        }
        Err(_) => {
            let why = "the body did not arrive in time";
            return Err(problem(StatusCode::REQUEST_TIMEOUT, why));
        }
    };
    // A document that is nested too deeply is an error too.
    serde_json::from_slice(&body).map_err(|error| {
        let why = format!("the body must be a JSON object, as in {{\"volume\": 40}}: {error}");
        problem(StatusCode::BAD_REQUEST, why)
    })
}

/// Everything there is: zones, outputs and inputs
#[utoipa::path(
    get,
    path = "/api/v1/state",
    responses((status = 200, description = "All zones, outputs and inputs", body = State))
)]
async fn state(Of(api): Of<Arc<Api>>) -> Json<State> {
    Json(api.house.state())
}

/// One output
#[utoipa::path(
    get,
    path = "/api/v1/outputs/{name}",
    params(("name" = String, Path, description = "The output's name")),
    responses(
        (status = 200, description = "The output", body = OutputStatus),
        (status = 404, description = "There is none of that name", body = Problem),
    )
)]
async fn output(
    Of(api): Of<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<OutputStatus>, Refusal> {
    api.house.output(&name).map(Json)
}

/// Set an output
///
/// All of it or nothing. It is heard at once, or for `late_ms` in a glide, and lasts over a restart until the config says
/// something else for that key.
#[utoipa::path(
    patch,
    path = "/api/v1/outputs/{name}",
    params(("name" = String, Path, description = "The output's name")),
    request_body = OutputChange,
    responses(
        (status = 200, description = "The output as it is now", body = OutputStatus),
        (status = 400, description = "A key or value that is not allowed, or no JSON", body = Problem),
        (status = 403, description = "Not from there", body = Problem),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 408, description = "The body did not arrive", body = Problem),
        (status = 413, description = "The body is too large", body = Problem),
        (status = 415, description = "The body does not call itself JSON", body = Problem),
    )
)]
async fn set_output(
    Of(api): Of<Arc<Api>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<OutputStatus>, Response> {
    let change = object(request).await?;
    let set = api.house.set_output(&name, &change);
    set.map(Json).map_err(Refusal::into_response)
}

/// One zone
#[utoipa::path(
    get,
    path = "/api/v1/zones/{zone}",
    params(("zone" = String, Path, description = "The zone's name or UUID")),
    responses(
        (status = 200, description = "The zone", body = ZoneStatus),
        (status = 404, description = "There is none of that name", body = Problem),
    )
)]
async fn zone(
    Of(api): Of<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<ZoneStatus>, Refusal> {
    api.house.zone(&name).map(Json)
}

/// Set a zone's volume or mute
///
/// As an app's slider does. It does not last over a restart.
#[utoipa::path(
    patch,
    path = "/api/v1/zones/{zone}",
    params(("zone" = String, Path, description = "The zone's name or UUID")),
    request_body = ZoneChange,
    responses(
        (status = 200, description = "The zone as it is now", body = ZoneStatus),
        (status = 400, description = "A key or value that is not allowed, or no JSON", body = Problem),
        (status = 403, description = "Not from there", body = Problem),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 408, description = "The body did not arrive", body = Problem),
        (status = 413, description = "The body is too large", body = Problem),
        (status = 415, description = "The body does not call itself JSON", body = Problem),
        (status = 503, description = "The program is ending", body = Problem),
    )
)]
async fn set_zone(
    Of(api): Of<Arc<Api>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<ZoneStatus>, Response> {
    let change = object(request).await?;
    let set = api.house.set_zone(&name, &change).await;
    set.map(Json).map_err(Refusal::into_response)
}

/// Play an input
///
/// Its zone plays it from now on, whatever it plays now, as if it had been cast. Any app ends that.
#[utoipa::path(
    post,
    path = "/api/v1/inputs/{name}/play",
    params(("name" = String, Path, description = "The input's name")),
    responses(
        (status = 200, description = "The input as it is now", body = InputStatus),
        (status = 403, description = "Not from there", body = Problem),
        (status = 404, description = "There is none of that name", body = Problem),
        (status = 415, description = "The request does not call itself JSON", body = Problem),
        (status = 503, description = "The program is ending", body = Problem),
    )
)]
async fn play_input(
    Of(api): Of<Arc<Api>>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Json<InputStatus>, Response> {
    if let Some(refusal) = refusal_unless_json(&request) {
        return Err(refusal);
    }
    let played = api.house.play_input(&name).await;
    played.map(Json).map_err(Refusal::into_response)
}

/// What changes, as it changes
///
/// Server-sent events: first `state` with everything, then `zone`, `output` or `input` with each that has changed, whole. Figures
/// are told once a second at most.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    responses(
        (status = 200, description = "Events without end", body = String, content_type = "text/event-stream"),
        (status = 503, description = "Too many listen already", body = Problem),
    )
)]
async fn changes(Of(api): Of<Arc<Api>>) -> Response {
    let Ok(place) = api.listeners.clone().try_acquire_owned() else {
        let why = format!("{LISTENERS} listen already; try again later");
        return problem(StatusCode::SERVICE_UNAVAILABLE, why);
    };
    let stream = events::stream(api.house.clone(), api.stop.clone(), place);
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Sse::new(stream).keep_alive(keep_alive).into_response()
}

/// This description
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
async fn openapi(Of(api): Of<Arc<Api>>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, api.document.clone()).into_response()
}
