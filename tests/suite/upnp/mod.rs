//! The protocol machine on real sockets, by the case ids of the protocol reference: a file for each folder of `src/upnp`.
//! Not what actions mean; the services here only write down what they are told.

use crate::support::upnp_device::Rig;
use crate::support::upnp_wire::{Message, bare, envelope, exchange, post};

mod description; // descriptions, and HTTP as such
mod gena; // eventing
mod safety; // the limits of connections and requests
mod soap; // actions in every writing
mod ssdp; // discovery, in namespaces

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
