//! Eventing: SUBSCRIBE and UNSUBSCRIBE become calls of a hub, and its answer or its refusal becomes the response.
//! Not what may be subscribed to and by whom; `gena` decides that.

use std::sync::Arc;

use axum::extract::{Extension, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};

use super::listener::Link;
use super::response::only;
use super::site::{Site, turn};
use crate::upnp::gena::callback::{self, Arrival};
use crate::upnp::gena::headers::{self, Headers, Refusal, Subscribe};
use crate::upnp::gena::hub::Hub;
use crate::upnp::network;

const SID: HeaderName = HeaderName::from_static("sid");
const TIMEOUT: HeaderName = HeaderName::from_static("timeout");

/// The event URL of a service.
pub(super) async fn eventing(
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
        "UNSUBSCRIBE" => headers::unsubscribe(headers)
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
    let (sid, timeout) = match headers::subscribe(headers)? {
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
