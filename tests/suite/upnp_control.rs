//! Description, HTTP and SOAP on a real socket, by the case ids of the protocol reference.
//! Not what actions mean; the services here only write down what they are told.

use super::support::upnp_device::Rig;
use super::support::upnp_wire::{Message, bare, envelope, exchange, post};

mod actions;
mod description;
mod safety;

const AVT: &str = "urn:schemas-upnp-org:service:AVTransport:1";

async fn get(rig: &Rig, path: &str) -> Message {
    exchange(rig.address, bare("GET", path, &[])).await
}

/// Sends an action to AVTransport with these header lines.
async fn control(rig: &Rig, headers: &str, content: &str) -> Message {
    let request = post(&rig.path("AVTransport/control"), headers, envelope(content));
    exchange(rig.address, request).await
}

fn play(arguments: &str) -> String {
    format!("<u:Play xmlns:u=\"{AVT}\">{arguments}</u:Play>")
}

const PLAYED: &str = "Play InstanceID=0 Speed=1";
