//! Responses that several routes give.
//! Not their contents.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

const XML: &str = "text/xml; charset=\"utf-8\"";

/// A document of UPnP.
pub(super) fn xml(status: StatusCode, body: String) -> Response {
    let headers = [(header::CONTENT_TYPE, XML)];
    (status, headers, body).into_response()
}

/// A method that this path does not have; these it has.
pub(super) fn only(methods: &'static str) -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, methods)]).into_response()
}
