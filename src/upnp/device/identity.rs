//! Who a device is: what its description and its headers say of it.
//! Not the documents; those are written in `description`.

use uuid::Uuid;

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
