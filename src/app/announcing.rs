//! What is told of the running program: to the network by SSDP and mDNS, to the log in plain words.
//! Nothing is started here but the announcers.

use std::sync::Arc;

use ipnet::IpNet;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::icons::ICONS;
use super::interfaces::{Whereabouts, line};
use crate::clock::Clock;
use crate::config::{Plan, ZonePlan};
use crate::discovery::{Advertisement, Advertiser};
use crate::renderer;
use crate::upnp::network::Interface;
use crate::upnp::{Device, Identity, WindowsClass, server_token, ssdp};
use crate::zone::ZoneHandle;

/// What the program calls itself on the network.
const PRODUCT: &str = "Unisono";
/// The web page of each zone, and of all of them.
const PAGE: &str = "/";
pub(super) fn device(
    zone: &ZonePlan,
    handle: &ZoneHandle,
    udn: Uuid,
    clock: &Arc<dyn Clock>,
) -> Arc<Device> {
    let identity = Identity {
        udn,
        device_type: "urn:schemas-upnp-org:device:MediaRenderer:1".to_owned(),
        friendly_name: zone.name.clone(),
        manufacturer: "The Unisono developers".to_owned(),
        manufacturer_url: None,
        model_description: env!("CARGO_PKG_DESCRIPTION").to_owned(),
        model_name: PRODUCT.to_owned(),
        model_number: env!("CARGO_PKG_VERSION").to_owned(),
        model_url: None,
        serial_number: None,
        presentation_path: Some(PAGE.to_owned()),
        dlna_class: Some("DMR-1.50".to_owned()),
        windows_class: Some(WindowsClass {
            compatible_id: "MS_DigitalMediaDeviceClass_DMR_V001",
            category: "MediaDevices",
            kind: "Multimedia.DMR",
        }),
        icons: ICONS,
    };
    let services = renderer::services(handle.clone(), clock.clone());
    Arc::new(Device::new(identity, services, handle.changes()))
}

pub(super) fn server() -> String {
    server_token(PRODUCT, env!("CARGO_PKG_VERSION"))
}

pub(super) fn announce(
    devices: &[Arc<Device>],
    whereabouts: &Whereabouts,
    port: u16,
    allow: Vec<IpNet>,
    stop: &CancellationToken,
) -> JoinHandle<()> {
    let advertisements = devices
        .iter()
        .map(|device| ssdp::Advertisement::of(device))
        .collect();
    // Names do not change while the program runs, so the sender may go.
    let (_constant, advertisements) = watch::channel(advertisements);
    let settings = ssdp::Settings {
        choice: whereabouts.choice.clone(),
        http_port: port,
        server: server(),
        boot_id: boot_id(),
        allow,
    };
    let links = whereabouts.links.clone();
    tokio::spawn(ssdp::run(settings, links, advertisements, stop.clone()))
}

/// Larger at each start: seconds since 1970, as UDA 1.1 suggests.
#[expect(clippy::disallowed_methods, reason = "the boot id is a date")]
fn boot_id() -> u32 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(1, |since| (since.as_secs() & 0x7fff_ffff) as u32)
}

pub(super) fn advertise(
    plan: &Plan,
    identities: &[Uuid],
    whereabouts: &Whereabouts,
    port: u16,
) -> Option<Advertiser> {
    if whereabouts.only_loopback() {
        return None;
    }
    let zones: Vec<Advertisement> = plan
        .zones
        .iter()
        .zip(identities)
        .map(|(zone, id)| Advertisement {
            name: zone.name.clone(),
            id: id.to_string(),
            port,
            path: PAGE.to_owned(),
            model: PRODUCT.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
        .collect();
    let whereabouts = whereabouts.clone();
    let ours = move |address| {
        let interfaces = whereabouts.interfaces();
        interfaces.iter().any(|one| one.address() == address)
    };
    Advertiser::start(&zones, ours)
        .inspect_err(|error| tracing::warn!("no mDNS: {error}"))
        .ok()
}

/// Says in plain words what is there and how to use it; returns the interfaces it has told of.
pub(super) fn greet(plan: &Plan, whereabouts: &Whereabouts, port: u16) -> Vec<Interface> {
    for zone in &plan.zones {
        let outputs: Vec<String> = zone
            .outputs
            .iter()
            .filter_map(|&index| plan.outputs.get(index))
            .map(|output| format!("{} ({})", output.name, output.sink))
            .collect();
        tracing::info!("zone {:?} plays on {}", zone.name, outputs.join(", "));
    }
    for output in plan.idle_outputs() {
        tracing::warn!("no zone plays on the output {:?}", output.name);
    }
    for note in whereabouts.notes() {
        tracing::warn!("{note}");
    }
    let interfaces = whereabouts.interfaces();
    if interfaces.is_empty() {
        tracing::warn!(
            "no network interface is up that has IPv4 and multicasts: nobody can find this renderer until there is one"
        );
    }
    for interface in &interfaces {
        tracing::info!("{}", line(interface, port));
    }
    let names: Vec<String> = plan
        .zones
        .iter()
        .map(|zone| format!("{:?}", zone.name))
        .collect();
    tracing::info!(
        "ready: in your app's list of players (\"Cast to\", \"Play on\"), choose {}",
        names.join(" or ")
    );
    interfaces
}
