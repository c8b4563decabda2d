//! A root device: who it is, what it offers, and how it says that something changed.
//! Not how it is reached: addresses, ports and sockets belong to `http` and `ssdp_socket`.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::watch;
use uuid::Uuid;

use super::description;
use super::service::{ServiceDescription, SharedService};
use super::ssdp::Advertisement;

/// What a device description says about a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Unique, and the same after every restart. Never made from the name.
    pub udn: Uuid,
    /// `urn:schemas-upnp-org:device:MediaRenderer:1`
    pub device_type: String,
    /// What people see in their apps. Any text; UPnP asks for fewer than 64 characters.
    pub friendly_name: String,
    /// Who made it.
    pub manufacturer: String,
    /// The maker's web address, if there is one.
    pub manufacturer_url: Option<String>,
    /// What kind of thing it is, in a few words. Some control points stumble over an empty one.
    pub model_description: String,
    /// The model; UPnP asks for fewer than 32 characters.
    pub model_name: String,
    /// The model's version.
    pub model_number: String,
    /// The model's web address, if there is one.
    pub model_url: Option<String>,
    /// The serial number, if there is one.
    pub serial_number: Option<String>,
    /// The path of the device's web page on the same listener, beginning with `/`.
    pub presentation_path: Option<String>,
    /// The DLNA device class, `DMR-1.50`, if it is one.
    pub dlna_class: Option<String>,
    /// What Windows is told besides, if it is to know the device's kind.
    pub windows_class: Option<WindowsClass>,
    /// Pictures of it, in the order in which they are listed.
    pub icons: &'static [Icon],
}

impl Identity {
    /// `uuid:…`, as SSDP and the description write it.
    pub fn udn(&self) -> String {
        format!("uuid:{}", self.udn)
    }
}

/// The kind of a device in the words of Windows, which sorts and draws it by them (PnP-X and Device Foundation).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowsClass {
    /// `X_compatibleId`, which chooses the driver: `MS_DigitalMediaDeviceClass_DMR_V001`
    pub compatible_id: &'static str,
    /// PnP-X's `X_deviceCategory`: `MediaDevices`
    pub category: &'static str,
    /// Device Foundation's `X_deviceCategory`: `Multimedia.DMR`
    pub kind: &'static str,
}

/// A picture of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icon {
    /// The last segment of its path: `120.png`
    pub name: &'static str,
    /// `image/png` or `image/jpeg`, the two that DLNA knows.
    pub mime: &'static str,
    /// Width and height in pixels; it is square.
    pub size: u32,
    /// The file.
    pub bytes: &'static [u8],
}

/// Something that says "something changed", as often as it likes, to as many as ask.
pub trait Changes: Send + Sync {
    /// A stream that yields after each change from now on; several in quick succession may be one. It ends when
    /// nothing can change any more.
    fn watch(&self) -> BoxStream<'static, ()>;
}

impl<T: Send + Sync + 'static> Changes for watch::Receiver<T> {
    fn watch(&self) -> BoxStream<'static, ()> {
        stream::unfold(self.clone(), |mut receiver| async move {
            receiver.changed().await.ok()?;
            Some(((), receiver))
        })
        .boxed()
    }
}

/// A root device. Any number of them share one listener and one SSDP responder.
pub struct Device {
    identity: watch::Sender<Arc<Identity>>,
    services: Vec<SharedService>,
    changes: Box<dyn Changes>,
}

impl Device {
    /// A device with these services. `changes` tells when to look at the services' snapshots again.
    pub fn new(
        identity: Identity,
        services: Vec<SharedService>,
        changes: impl Changes + 'static,
    ) -> Self {
        Self {
            identity: watch::Sender::new(Arc::new(identity)),
            services,
            changes: Box::new(changes),
        }
    }

    /// Who the device is at this moment.
    pub fn identity(&self) -> Arc<Identity> {
        self.identity.borrow().clone()
    }

    /// Lets the device be known by another name from now on. Whoever runs SSDP publishes its new [`advertisement`](Self::advertisement).
    pub fn rename(&self, friendly_name: String) {
        self.identity.send_modify(|identity| {
            *identity = Arc::new(Identity {
                friendly_name,
                ..Identity::clone(identity)
            });
        });
    }

    /// What it offers.
    pub fn services(&self) -> &[SharedService] {
        &self.services
    }

    /// The signal that something changed.
    pub(crate) fn changes(&self) -> &dyn Changes {
        &*self.changes
    }

    /// What SSDP says about it at this moment.
    pub fn advertisement(&self) -> Advertisement {
        let identity = self.identity();
        let services = self.descriptions();
        Advertisement {
            udn: identity.udn(),
            device_type: identity.device_type.clone(),
            service_types: services
                .iter()
                .map(|service| service.service_type.to_owned())
                .collect(),
            path: description::device_path(&identity),
            config_id: description::config_id(&identity, &services),
        }
    }

    /// The tables of its services.
    pub(crate) fn descriptions(&self) -> Vec<&'static ServiceDescription> {
        self.services
            .iter()
            .map(|service| service.description())
            .collect()
    }
}

/// The SERVER header: `Linux/6.1 UPnP/1.0 DLNADOC/1.50 Product/1.0`.
pub fn server_token(product: &str, version: &str) -> String {
    let system = nix::sys::utsname::uname().ok();
    let (name, release) = match &system {
        Some(system) => (
            system.sysname().to_str().unwrap_or("Unix"),
            system.release().to_str().unwrap_or("1"),
        ),
        None => ("Unix", "1"),
    };
    // Kernel releases carry distribution suffixes; readers that split at blanks and slashes want plain numbers.
    let release: String = release
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    format!("{name}/{release} UPnP/1.0 DLNADOC/1.50 {product}/{version}")
}
