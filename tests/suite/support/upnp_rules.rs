//! The rules of the UPnP 1.0 schemas for descriptions, and what strict readers want besides: a document in, its faults out.
//! Nothing of our own tables is known here; it would say the same of any device.

use std::collections::{BTreeMap, BTreeSet};

use roxmltree::{Document, Node};

const DEVICE: &str = "urn:schemas-upnp-org:device-1-0";
const SERVICE: &str = "urn:schemas-upnp-org:service-1-0";

/// Data types of UDA 1.0 §2.5.
const TYPES: &[&str] = &[
    "ui1",
    "ui2",
    "ui4",
    "i1",
    "i2",
    "i4",
    "int",
    "r4",
    "r8",
    "number",
    "fixed.14.4",
    "float",
    "char",
    "string",
    "date",
    "dateTime",
    "dateTime.tz",
    "time",
    "time.tz",
    "boolean",
    "bin.base64",
    "bin.hex",
    "uri",
    "uuid",
];

/// How often an element may stand where it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Times {
    Once,
    AtMostOnce,
    AtLeastOnce,
}

use Times::{AtLeastOnce, AtMostOnce, Once};

type Sequence = &'static [(&'static str, Times)];

const DEVICE_ROOT: Sequence = &[("specVersion", Once), ("device", Once)];
const VERSION: Sequence = &[("major", Once), ("minor", Once)];
const DEVICE_PARTS: Sequence = &[
    ("deviceType", Once),
    ("friendlyName", Once),
    ("manufacturer", Once),
    ("manufacturerURL", AtMostOnce),
    ("modelDescription", AtMostOnce),
    ("modelName", Once),
    ("modelNumber", AtMostOnce),
    ("modelURL", AtMostOnce),
    ("serialNumber", AtMostOnce),
    ("UDN", Once),
    ("UPC", AtMostOnce),
    ("iconList", AtMostOnce),
    ("serviceList", AtMostOnce),
    ("deviceList", AtMostOnce),
    ("presentationURL", AtMostOnce),
];
const ICON: Sequence = &[
    ("mimetype", Once),
    ("width", Once),
    ("height", Once),
    ("depth", Once),
    ("url", Once),
];
const SERVICE_PARTS: Sequence = &[
    ("serviceType", Once),
    ("serviceId", Once),
    ("SCPDURL", Once),
    ("controlURL", Once),
    ("eventSubURL", Once),
];
const SCPD_ROOT: Sequence = &[
    ("specVersion", Once),
    ("actionList", AtMostOnce),
    ("serviceStateTable", Once),
];
const ACTION: Sequence = &[("name", Once), ("argumentList", AtMostOnce)];
const ARGUMENT: Sequence = &[
    ("name", Once),
    ("direction", Once),
    ("retval", AtMostOnce),
    ("relatedStateVariable", Once),
];
const VARIABLE: Sequence = &[
    ("name", Once),
    ("dataType", Once),
    ("defaultValue", AtMostOnce),
    ("allowedValueList", AtMostOnce),
    ("allowedValueRange", AtMostOnce),
];
const RANGE: Sequence = &[("minimum", Once), ("maximum", Once), ("step", AtMostOnce)];

/// What is wrong with a device description.
pub fn device_faults(document: &str) -> Vec<String> {
    check(document, "root", DEVICE, Checker::device)
}

/// What is wrong with a service description.
pub fn scpd_faults(document: &str) -> Vec<String> {
    check(document, "scpd", SERVICE, Checker::scpd)
}

fn check(
    text: &str,
    root: &str,
    namespace: &'static str,
    rules: impl FnOnce(&mut Checker, Node<'_, '_>),
) -> Vec<String> {
    let mut checker = Checker {
        namespace,
        faults: Vec::new(),
    };
    if !text.starts_with("<?xml version=\"1.0\"") {
        checker.fault("no declaration");
    }
    match Document::parse(text) {
        Ok(document) if document.root_element().has_tag_name((namespace, root)) => {
            rules(&mut checker, document.root_element());
        }
        Ok(_) => checker.fault(format!("the root is not {root} of {namespace}")),
        Err(error) => checker.fault(format!("not XML: {error}")),
    }
    checker.faults
}

struct Checker {
    namespace: &'static str,
    faults: Vec<String>,
}

impl Checker {
    fn fault(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    /// The children of this name.
    fn all<'a, 'i>(&self, node: Node<'a, 'i>, name: &str) -> Vec<Node<'a, 'i>> {
        let mut children: Vec<_> = node.children().collect();
        children.retain(|child| child.has_tag_name((self.namespace, name)));
        children
    }

    fn text<'a>(&self, node: Node<'a, '_>, name: &str) -> &'a str {
        let children = self.all(node, name);
        children
            .first()
            .and_then(|child| child.text())
            .unwrap_or_default()
    }

    /// Every child of the schema's namespace in its place and as often as may be; those of others are their makers' business, but there
    /// is no text in between.
    fn sequence(&mut self, node: Node<'_, '_>, sequence: Sequence) {
        let parent = node.tag_name().name();
        let mut last = 0;
        let mut counts = BTreeMap::new();
        for child in node.children() {
            if child.is_text() && !child.text().unwrap_or_default().trim().is_empty() {
                self.fault(format!("text in {parent}"));
            }
            if !child.is_element() {
                continue;
            }
            let name = child.tag_name().name();
            match child.tag_name().namespace() {
                None => self.fault(format!("{name} in {parent} has no namespace")),
                Some(namespace) if namespace == self.namespace => {
                    match sequence.iter().position(|(known, _)| *known == name) {
                        None => self.fault(format!("{name} in {parent}")),
                        Some(place) if place < last => {
                            self.fault(format!("{name} in {parent} is out of order"));
                        }
                        Some(place) => last = place,
                    }
                    *counts.entry(name).or_insert(0) += 1;
                }
                Some(_) => {}
            }
        }
        for (name, times) in sequence {
            let count = counts.get(name).copied().unwrap_or(0);
            let right = match times {
                Once => count == 1,
                AtMostOnce => count <= 1,
                AtLeastOnce => count >= 1,
            };
            if !right {
                self.fault(format!("{name} in {parent} {count} times"));
            }
        }
    }

    /// A list that is there has something in it.
    fn list(&mut self, node: Node<'_, '_>, item: &'static str) {
        match item {
            "icon" => self.sequence(node, &[("icon", AtLeastOnce)]),
            "service" => self.sequence(node, &[("service", AtLeastOnce)]),
            "action" => self.sequence(node, &[("action", AtLeastOnce)]),
            "argument" => self.sequence(node, &[("argument", AtLeastOnce)]),
            "stateVariable" => self.sequence(node, &[("stateVariable", AtLeastOnce)]),
            _ => self.sequence(node, &[("allowedValue", AtLeastOnce)]),
        }
    }

    fn version(&mut self, root: Node<'_, '_>) {
        for version in self.all(root, "specVersion") {
            self.sequence(version, VERSION);
            if (self.text(version, "major"), self.text(version, "minor")) != ("1", "0") {
                self.fault("not version 1.0");
            }
        }
    }

    /// No element of a description is empty, but values of variables may be.
    fn nothing_empty(&mut self, root: Node<'_, '_>) {
        for node in root.descendants().filter(Node::is_element) {
            let name = node.tag_name().name();
            let empty = node.first_element_child().is_none()
                && node.text().unwrap_or_default().trim().is_empty();
            if empty && !matches!(name, "allowedValue" | "defaultValue") {
                self.fault(format!("{name} is empty"));
            }
        }
    }

    /// An absolute path, as every control point reads it.
    fn path(&mut self, node: Node<'_, '_>, name: &str) {
        let path = self.text(node, name);
        if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.fault(format!("{name} is {path:?}"));
        }
    }

    /// `urn:DOMAIN:KIND:…` without blanks; names of versions end with a number.
    fn urn(&mut self, text: &str, kind: &str) {
        let parts: Vec<_> = text.split(':').collect();
        let right = matches!(parts.as_slice(), ["urn", domain, k, name, ..]
            if *k == kind && !domain.is_empty() && !name.is_empty())
            && (kind == "serviceId"
                || parts.len() == 5 && parts[4].parse::<u32>().is_ok_and(|version| version > 0));
        if !right {
            self.fault(format!("{text:?} is no {kind}"));
        }
    }

    fn device(&mut self, root: Node<'_, '_>) {
        self.sequence(root, DEVICE_ROOT);
        self.version(root);
        self.nothing_empty(root);
        let config = root.attribute("configId").map(str::parse::<u32>);
        if config.is_some_and(|id| !id.is_ok_and(|id| id <= 16_777_215)) {
            self.fault("configId is no 24 bits");
        }
        for device in self.all(root, "device") {
            self.sequence(device, DEVICE_PARTS);
            self.urn(self.text(device, "deviceType"), "device");
            for (name, limit) in [("manufacturer", 64), ("modelName", 32), ("modelNumber", 32)] {
                if self.text(device, name).chars().count() >= limit {
                    self.fault(format!("{name} is too long"));
                }
            }
            let udn = self.text(device, "UDN");
            if udn
                .strip_prefix("uuid:")
                .is_none_or(|uuid| uuid.len() != 36)
            {
                self.fault(format!("UDN is {udn:?}"));
            }
            if !self.all(device, "presentationURL").is_empty() {
                self.path(device, "presentationURL");
            }
            for list in self.all(device, "iconList") {
                self.list(list, "icon");
                self.all(list, "icon")
                    .into_iter()
                    .for_each(|icon| self.icon(icon));
            }
            for list in self.all(device, "serviceList") {
                self.list(list, "service");
                self.services(list);
            }
        }
    }

    fn icon(&mut self, icon: Node<'_, '_>) {
        self.sequence(icon, ICON);
        self.path(icon, "url");
        for name in ["width", "height", "depth"] {
            if self.text(icon, name).parse::<u16>().is_err() {
                self.fault(format!("an icon's {name} is no number"));
            }
        }
        if !self.text(icon, "mimetype").starts_with("image/") {
            self.fault("an icon is no image");
        }
    }

    fn services(&mut self, list: Node<'_, '_>) {
        let mut seen = BTreeSet::new();
        for service in self.all(list, "service") {
            self.sequence(service, SERVICE_PARTS);
            self.urn(self.text(service, "serviceType"), "service");
            self.urn(self.text(service, "serviceId"), "serviceId");
            for name in ["serviceId", "SCPDURL", "controlURL", "eventSubURL"] {
                if !seen.insert(self.text(service, name)) {
                    self.fault(format!("{name} is there twice"));
                }
                if name != "serviceId" {
                    self.path(service, name);
                }
            }
        }
    }

    fn scpd(&mut self, root: Node<'_, '_>) {
        self.sequence(root, SCPD_ROOT);
        self.version(root);
        self.nothing_empty(root);
        let mut variables = BTreeSet::new();
        let mut evented = BTreeSet::new();
        for table in self.all(root, "serviceStateTable") {
            self.list(table, "stateVariable");
            for variable in self.all(table, "stateVariable") {
                let name = self.text(variable, "name");
                self.variable(name, variable);
                if !variables.insert(name) {
                    self.fault(format!("variable {name} is there twice"));
                }
                if variable.attribute("sendEvents") != Some("no") {
                    evented.insert(name);
                }
            }
        }
        let mut used = evented;
        let mut actions = BTreeSet::new();
        for list in self.all(root, "actionList") {
            self.list(list, "action");
            for action in self.all(list, "action") {
                let name = self.text(action, "name");
                self.name(name);
                if !actions.insert(name) {
                    self.fault(format!("action {name} is there twice"));
                }
                used.extend(self.action(name, action));
            }
        }
        for variable in used.difference(&variables) {
            self.fault(format!("there is no variable {variable:?}"));
        }
        for variable in variables.difference(&used) {
            self.fault(format!("nobody uses the variable {variable}"));
        }
    }

    /// Letters, digits and underscores, no digit first (UDA 1.0 §2.3); fewer than 32 is what it recommends, and what nobody keeps to.
    fn name(&mut self, name: &str) {
        let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let rest = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !first || !rest {
            self.fault(format!("{name:?} is no name"));
        }
    }

    /// The variables that an action's arguments are of.
    fn action<'a>(&mut self, name: &str, action: Node<'a, '_>) -> Vec<&'a str> {
        self.sequence(action, ACTION);
        let mut related = Vec::new();
        let mut names = BTreeSet::new();
        let mut outputs = false;
        for list in self.all(action, "argumentList") {
            self.list(list, "argument");
            for argument in self.all(list, "argument") {
                self.sequence(argument, ARGUMENT);
                let argument_name = self.text(argument, "name");
                self.name(argument_name);
                if !names.insert(argument_name) {
                    self.fault(format!("{name} has two arguments {argument_name}"));
                }
                match self.text(argument, "direction") {
                    "in" if outputs => self.fault(format!("{name} has an input after an output")),
                    "in" => {}
                    "out" => outputs = true,
                    other => self.fault(format!("direction {other:?} in {name}")),
                }
                related.push(self.text(argument, "relatedStateVariable"));
            }
        }
        related
    }

    fn variable(&mut self, name: &str, variable: Node<'_, '_>) {
        self.sequence(variable, VARIABLE);
        self.name(name);
        if !matches!(variable.attribute("sendEvents"), Some("yes" | "no")) {
            self.fault(format!("{name} does not say whether it is evented"));
        }
        let kind = self.text(variable, "dataType");
        if !TYPES.contains(&kind) {
            self.fault(format!("{name} is of type {kind:?}"));
        }
        let default = self.all(variable, "defaultValue");
        let default = default.first().map(|it| it.text().unwrap_or_default());
        for list in self.all(variable, "allowedValueList") {
            self.list(list, "allowedValue");
            let allowed = self.all(list, "allowedValue");
            let allowed: Vec<_> = allowed.iter().filter_map(|it| it.text()).collect();
            if kind != "string" || !self.all(variable, "allowedValueRange").is_empty() {
                self.fault(format!("{name} has a list that it may not have"));
            }
            if allowed.iter().any(|value| value.chars().count() >= 32) {
                self.fault(format!("a value of {name} is too long"));
            }
            if allowed.iter().collect::<BTreeSet<_>>().len() != allowed.len() {
                self.fault(format!("a value of {name} is there twice"));
            }
            if default.is_some_and(|default| !allowed.contains(&default)) {
                self.fault(format!("the default of {name} is not allowed"));
            }
        }
        for range in self.all(variable, "allowedValueRange") {
            self.sequence(range, RANGE);
            let number = |it: &str| it.parse::<i64>().ok();
            let bounds = (
                number(self.text(range, "minimum")),
                number(self.text(range, "maximum")),
            );
            let (Some(least), Some(most)) = bounds else {
                self.fault(format!("the range of {name} is not of numbers"));
                continue;
            };
            let default = default.map_or(Some(least), number);
            if least >= most || default.is_none_or(|it| !(least..=most).contains(&it)) {
                self.fault(format!("the range of {name} is wrong"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD_DEVICE: &str = "<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\">\
        <specVersion><major>1</major><minor>0</minor></specVersion><device><deviceType>urn:a:device:B:1</deviceType>\
        <x:y xmlns:x=\"z\">1</x:y><friendlyName>n</friendlyName><manufacturer>m</manufacturer><modelName>o</modelName>\
        <UDN>uuid:00000000-0000-4000-8000-000000000000</UDN><iconList><icon><mimetype>image/png</mimetype><width>4</width>\
        <height>4</height><depth>24</depth><url>/i</url></icon></iconList><serviceList><service>\
        <serviceType>urn:a:service:C:1</serviceType><serviceId>urn:a:serviceId:C</serviceId><SCPDURL>/s</SCPDURL>\
        <controlURL>/c</controlURL><eventSubURL>/e</eventSubURL></service></serviceList></device></root>";

    const GOOD_SCPD: &str = "<?xml version=\"1.0\"?><scpd xmlns=\"urn:schemas-upnp-org:service-1-0\">\
        <specVersion><major>1</major><minor>0</minor></specVersion><actionList><action><name>Do</name><argumentList>\
        <argument><name>A</name><direction>in</direction><relatedStateVariable>V</relatedStateVariable></argument>\
        <argument><name>B</name><direction>out</direction><relatedStateVariable>N</relatedStateVariable></argument>\
        </argumentList></action></actionList><serviceStateTable><stateVariable sendEvents=\"no\"><name>V</name>\
        <dataType>string</dataType><defaultValue>x</defaultValue><allowedValueList><allowedValue>x</allowedValue>\
        </allowedValueList></stateVariable><stateVariable sendEvents=\"no\"><name>N</name><dataType>ui2</dataType>\
        <allowedValueRange><minimum>0</minimum><maximum>9</maximum></allowedValueRange></stateVariable>\
        </serviceStateTable></scpd>";

    /// Each change makes a fault of its own.
    fn check(good: &str, faults: fn(&str) -> Vec<String>, changes: &[(&str, &str, &str)]) {
        assert_eq!(faults(good), Vec::<String>::new());
        for (from, to, fault) in changes {
            assert!(good.contains(from), "{from}");
            let found = faults(&good.replacen(from, to, 1));
            assert!(
                found.iter().any(|found| found.contains(fault)),
                "{from} → {to}: {found:?}"
            );
        }
    }

    #[test]
    fn faults_of_a_device_description_are_found() {
        let changes = [
            ("<?xml version=\"1.0\"?>", "", "no declaration"),
            ("device-1-0", "device-1-1", "root"),
            ("<major>1<", "<major>2<", "version"),
            ("</device>", "", "not XML"),
            ("<friendlyName>n</friendlyName>", "", "friendlyName"),
            ("<modelName>o<", "<modelName><", "empty"),
            (
                "<modelName>o</modelName>",
                "<modelURL>o</modelURL><modelName>o</modelName>",
                "order",
            ),
            ("<modelName>", "<URLBase>/</URLBase><modelName>", "URLBase"),
            ("/s<", "s<", "SCPDURL"),
            ("/e<", "<", "eventSubURL"),
            ("/e<", "/c<", "twice"),
            ("uuid:", "", "UDN"),
            ("device:B:1", "device:B", "no device"),
            ("<width>4<", "<width>big<", "width"),
            ("image/png", "text/png", "image"),
            ("<depth>24</depth>", "", "depth"),
        ];
        check(GOOD_DEVICE, device_faults, &changes);
    }

    #[test]
    fn faults_of_a_service_description_are_found() {
        let changes = [
            ("<name>Do<", "<name>1Do<", "no name"),
            ("<name>B<", "<name>A<", "two arguments"),
            (">out<", ">sideways<", "direction"),
            ("Variable>V<", "Variable>W<", "no variable"),
            ("Variable>V<", "Variable>N<", "nobody uses"),
            ("ui2", "uint", "type"),
            ("<dataType>string", "<dataType>i4", "list"),
            ("<defaultValue>x<", "<defaultValue>y<", "default"),
            ("<maximum>9<", "<maximum>0<", "range"),
            ("<name>N<", "<name>V<", "twice"),
            (" sendEvents=\"no\"", "", "evented"),
            ("<argumentList>", "<argumentList>x", "text"),
        ];
        check(GOOD_SCPD, scpd_faults, &changes);
        let late = GOOD_SCPD
            .replacen(">in<", ">?<", 1)
            .replacen(">out<", ">in<", 1)
            .replacen(">?<", ">out<", 1);
        let found = scpd_faults(&late);
        assert_eq!(found, ["Do has an input after an output"]);
    }
}
