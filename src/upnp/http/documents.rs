//! What only has to be handed out: device.xml, SCPDs, icons.
//! Not what is in them; `device::description` writes that.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::response::xml;
use super::site::Site;
use crate::upnp::device::description;

/// `device.xml`
pub(super) async fn device_description(
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

/// A picture of the device.
pub(super) async fn icon(
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

/// `scpd.xml`
pub(super) async fn service_description(
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
