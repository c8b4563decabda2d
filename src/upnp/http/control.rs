//! Control: a request's body becomes a call, the call is carried out, and its answer or its fault becomes the response.
//! Not the writing of either; that is in `soap`, and what a call means is the service's.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;

use super::listener::Link;
use super::response::{only, xml};
use super::site::{Site, turn};
use crate::upnp::device::{Action, ActionError, ServiceDescription};
use crate::upnp::gena::hub::Hub;
use crate::upnp::soap::{self, values};

/// The largest SOAP body. Metadata with thirty resources, escaped twice, is below a quarter of it.
const BODY: usize = 1024 * 1024;
/// A body that is too large is read so far, so that its sender reads the answer rather than a reset connection.
const PATIENTLY_READ: usize = 8 * BODY;
/// A body must have arrived within.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Control points give up after 5 s.
const ACTION_TIME: Duration = Duration::from_secs(5);

const EXT: HeaderName = HeaderName::from_static("ext");

/// The control URL of a service.
pub(super) async fn control(
    State(site): State<Arc<Site>>,
    Path((udn, service)): Path<(String, String)>,
    Extension(link): Extension<Link>,
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
    let call = prepare(hub, soap_action(&head.headers), &body);
    let called = async {
        let call = call?;
        if call.action.spec.outputs.is_empty() {
            turn(&site.commands, link).await;
        }
        carry_out(hub, &call).await
    };
    let (status, body) = match called.await {
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

/// A call that can be carried out.
struct Prepared {
    action: Action,
    /// What the answer is written in.
    service_type: String,
}

/// Reads the call and holds it against the table.
fn prepare(hub: &Hub, soap_action: Option<&str>, body: &[u8]) -> Result<Prepared, ActionError> {
    let table: &'static ServiceDescription = hub.service().description();
    let call = soap::read(body).map_err(|error| values::invalid_args(error.to_string()))?;
    // What the body says is what is done; the header only lends its service type.
    let header_type = soap_action
        .and_then(soap::soap_action)
        .map(|(service_type, _)| service_type);
    let asked = header_type.into_iter().chain(call.namespace.as_deref());
    Ok(Prepared {
        service_type: soap::answer_type(table, asked).to_owned(),
        action: values::bind(table, &call.action, &call.arguments)?,
    })
}

/// Carries the call out and writes the answer.
async fn carry_out(hub: &Hub, call: &Prepared) -> Result<String, ActionError> {
    let spec = call.action.spec;
    let outputs = tokio::time::timeout(ACTION_TIME, hub.service().invoke(&call.action))
        .await
        .map_err(|_| ActionError::new(501, "The action took too long"))??;
    if outputs.len() != spec.outputs.len() {
        tracing::error!(
            action = spec.name,
            "a service answered with {} outputs where its table has {}",
            outputs.len(),
            spec.outputs.len()
        );
        return Err(ActionError::new(501, "The service broke its own table"));
    }
    Ok(soap::answer(&call.service_type, spec, &outputs))
}
