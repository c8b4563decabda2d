//! Tables to documents: device.xml and one SCPD per service.
//! Not a server: `http` hands out what is written here.

use std::fmt::Write as _;

use super::identity::{Identity, WindowsClass};
use super::service::{Argument, DataType, ServiceDescription, Variable};
use crate::upnp::xml::{element, escape};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";
const SPEC_VERSION: &str = "<specVersion><major>1</major><minor>0</minor></specVersion>";

/// The part of every path that belongs to a device.
pub fn prefix(identity: &Identity) -> String {
    format!("/upnp/{}", identity.udn)
}

/// The path of the device description.
pub fn device_path(identity: &Identity) -> String {
    format!("{}/device.xml", prefix(identity))
}

/// The path segment of a device where its icons are; no service may have this path.
pub(super) const ICONS: &str = "icons";

/// The CONFIGID: a number from 0 to 16777215 that differs when any description differs (UDA 1.1 §1.2.2).
pub fn config_id(identity: &Identity, services: &[&ServiceDescription]) -> u32 {
    let mut hash = Fnv::default();
    hash.write(&device(identity, services, None));
    for service in services {
        hash.write(&scpd(service));
    }
    hash.folded_to_24_bits()
}

/// The device description; `config_id` is left out only to compute it.
pub fn device(
    identity: &Identity,
    services: &[&ServiceDescription],
    config_id: Option<u32>,
) -> String {
    let mut xml = opening("root", "urn:schemas-upnp-org:device-1-0", config_id);
    xml.push_str("<device>");
    // The order of the UDA's schema, which some readers insist on.
    element(&mut xml, "deviceType", &identity.device_type);
    if let Some(class) = &identity.dlna_class {
        let _ = write!(
            xml,
            "<dlna:X_DLNADOC xmlns:dlna=\"urn:schemas-dlna-org:device-1-0\">{}</dlna:X_DLNADOC>",
            escape(class)
        );
    }
    element(&mut xml, "friendlyName", &identity.friendly_name);
    element(&mut xml, "manufacturer", &identity.manufacturer);
    optional(&mut xml, "manufacturerURL", &identity.manufacturer_url);
    element(&mut xml, "modelDescription", &identity.model_description);
    element(&mut xml, "modelName", &identity.model_name);
    element(&mut xml, "modelNumber", &identity.model_number);
    optional(&mut xml, "modelURL", &identity.model_url);
    optional(&mut xml, "serialNumber", &identity.serial_number);
    element(&mut xml, "UDN", &identity.udn());
    icon_list(&mut xml, identity);
    xml.push_str("<serviceList>");
    for service in services {
        let base = format!("{}/{}", prefix(identity), service.path);
        xml.push_str("<service>");
        element(&mut xml, "serviceType", service.service_type);
        element(&mut xml, "serviceId", service.service_id);
        // Absolute paths: some control points take full addresses or relative ones for broken.
        element(&mut xml, "SCPDURL", &format!("{base}/scpd.xml"));
        element(&mut xml, "controlURL", &format!("{base}/control"));
        element(&mut xml, "eventSubURL", &format!("{base}/event"));
        xml.push_str("</service>");
    }
    xml.push_str("</serviceList>");
    optional(&mut xml, "presentationURL", &identity.presentation_path);
    if let Some(class) = &identity.windows_class {
        windows_class(&mut xml, class);
    }
    xml.push_str("</device></root>\n");
    xml
}

fn icon_list(xml: &mut String, identity: &Identity) {
    if identity.icons.is_empty() {
        return;
    }
    xml.push_str("<iconList>");
    for icon in identity.icons {
        let size = icon.size.to_string();
        let path = format!("{}/{ICONS}/{}", prefix(identity), icon.name);
        xml.push_str("<icon>");
        element(xml, "mimetype", icon.mime);
        element(xml, "width", &size);
        element(xml, "height", &size);
        element(xml, "depth", "24");
        element(xml, "url", &path);
        xml.push_str("</icon>");
    }
    xml.push_str("</iconList>");
}

/// Behind all elements of the UDA, where its schema has room for those of other makers; each with its own declaration, so that `root` and
/// `device` look to everybody else as they always did.
fn windows_class(xml: &mut String, class: &WindowsClass) {
    const PNPX: &str = "http://schemas.microsoft.com/windows/pnpx/2005/11";
    const DF: &str = "http://schemas.microsoft.com/windows/2008/09/devicefoundation";
    for (prefix, namespace, name, text) in [
        ("pnpx", PNPX, "X_compatibleId", class.compatible_id),
        ("pnpx", PNPX, "X_deviceCategory", class.category),
        ("df", DF, "X_deviceCategory", class.kind),
    ] {
        let text = escape(text);
        let _ = write!(
            xml,
            "<{prefix}:{name} xmlns:{prefix}=\"{namespace}\">{text}</{prefix}:{name}>"
        );
    }
}

/// A service description.
pub fn scpd(service: &ServiceDescription) -> String {
    let mut xml = opening("scpd", "urn:schemas-upnp-org:service-1-0", None);
    xml.push_str("<actionList>");
    for action in service.actions {
        xml.push_str("<action>");
        element(&mut xml, "name", action.name);
        if !action.inputs.is_empty() || !action.outputs.is_empty() {
            xml.push_str("<argumentList>");
            // All inputs before all outputs, as old Windows wants them.
            arguments(&mut xml, action.inputs, "in");
            arguments(&mut xml, action.outputs, "out");
            xml.push_str("</argumentList>");
        }
        xml.push_str("</action>");
    }
    xml.push_str("</actionList><serviceStateTable>");
    for variable in service.variables {
        state_variable(&mut xml, variable);
    }
    xml.push_str("</serviceStateTable></scpd>\n");
    xml
}

fn opening(root: &str, namespace: &str, config_id: Option<u32>) -> String {
    let config = config_id.map_or(String::new(), |id| format!(" configId=\"{id}\""));
    format!("{DECLARATION}<{root} xmlns=\"{namespace}\"{config}>{SPEC_VERSION}")
}

/// An element that is left out rather than empty.
fn optional(xml: &mut String, name: &str, text: &Option<String>) {
    if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
        element(xml, name, text);
    }
}

fn arguments(xml: &mut String, arguments: &[Argument], direction: &str) {
    for argument in arguments {
        xml.push_str("<argument>");
        element(xml, "name", argument.name);
        element(xml, "direction", direction);
        element(xml, "relatedStateVariable", argument.variable);
        xml.push_str("</argument>");
    }
}

fn state_variable(xml: &mut String, variable: &Variable) {
    let send_events = if variable.evented { "yes" } else { "no" };
    let _ = write!(xml, "<stateVariable sendEvents=\"{send_events}\">");
    element(xml, "name", variable.name);
    element(xml, "dataType", type_name(variable.data_type));
    if let Some(default) = variable.default {
        element(xml, "defaultValue", default);
    }
    if !variable.allowed.is_empty() {
        xml.push_str("<allowedValueList>");
        for value in variable.allowed {
            element(xml, "allowedValue", value);
        }
        xml.push_str("</allowedValueList>");
    }
    if let Some((minimum, maximum, step)) = variable.range {
        let _ = write!(
            xml,
            "<allowedValueRange><minimum>{minimum}</minimum><maximum>{maximum}</maximum><step>{step}</step></allowedValueRange>"
        );
    }
    xml.push_str("</stateVariable>");
}

fn type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "boolean",
        DataType::I2 => "i2",
        DataType::I4 => "i4",
        DataType::Ui2 => "ui2",
        DataType::Ui4 => "ui4",
        DataType::String => "string",
    }
}

/// FNV-1a, 32 bits: the same number on every machine and with every compiler, which std's hasher does not promise.
struct Fnv(u32);

impl Default for Fnv {
    fn default() -> Self {
        Self(0x811c_9dc5)
    }
}

impl Fnv {
    fn write(&mut self, text: &str) {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }

    fn folded_to_24_bits(&self) -> u32 {
        (self.0 >> 24) ^ (self.0 & 0x00ff_ffff)
    }
}
