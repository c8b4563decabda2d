//! What we are on the network: the services of a MediaRenderer:1 over one zone.
//! It decides nothing about playing: actions become zone commands, zone states become answers and events.

mod av_transport;
mod connection_manager;
mod didl;
pub mod duration;
mod last_change;
mod protocol_info;
mod rendering_control;
mod track_metadata;

use std::sync::Arc;

use crate::clock::Clock;
use crate::upnp::device::table::optional;
use crate::upnp::{Action, ActionError, Argument, SharedService};
use crate::zone::{ZoneError, ZoneHandle};

pub use didl::track;
pub use track_metadata::{live_didl, minimal_didl};

/// The first input of every AVTransport and RenderingControl action.
const INSTANCE: Argument = optional("InstanceID", "A_ARG_TYPE_InstanceID", "0");

/// The services of a renderer that plays on `zone`. Positions are read off `clock`, which must be the zone's own.
/// They hold no state; the device calls their snapshots whenever [`ZoneHandle::changes`] says that the zone has changed.
pub fn services(zone: ZoneHandle, clock: Arc<dyn Clock>) -> Vec<SharedService> {
    vec![
        Arc::new(av_transport::AvTransport::new(zone.clone(), clock)),
        Arc::new(rendering_control::RenderingControl::new(zone.clone())),
        Arc::new(connection_manager::ConnectionManager::new(zone)),
    ]
}

/// The only place where a zone's refusal becomes a UPnP number.
fn action_error(error: ZoneError) -> ActionError {
    let code = match error {
        ZoneError::TransitionNotAvailable => 701,
        ZoneError::IllegalSeekTarget => 711,
        ZoneError::Closed => 501,
    };
    ActionError::new(code, error.to_string())
}

/// Checks the InstanceID, of which 0 is the only one and a blank one means 0. The number for another one depends on
/// the service.
fn check_instance(action: &Action, invalid_instance: u16) -> Result<(), ActionError> {
    let text = action.input("InstanceID").trim();
    if text.is_empty() {
        return Ok(());
    }
    match text.parse::<u32>() {
        Ok(0) => Ok(()),
        Ok(other) => Err(ActionError::new(
            invalid_instance,
            format!("there is no instance {other}, only 0"),
        )),
        Err(_) => Err(ActionError::new(
            402,
            format!("an InstanceID is a number, not {text:?}"),
        )),
    }
}

/// An action that is in no table of ours; the protocol machine does not let one through.
fn unknown_action(name: &str) -> ActionError {
    ActionError::new(401, format!("there is no action {name:?}"))
}
