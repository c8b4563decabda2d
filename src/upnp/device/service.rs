//! Describe once, derive the rest: a service's actions and variables as tables.
//! The SCPD, argument checks, event URLs and search answers all follow from them.

use std::sync::Arc;

use futures_util::future::BoxFuture;

/// The data type of a state variable, by its name in an SCPD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataType {
    /// `boolean`: read as `0 1 true false yes no` in any case, written as `0` or `1`.
    Boolean,
    /// `i2`
    I2,
    /// `i4`
    I4,
    /// `ui2`
    Ui2,
    /// `ui4`
    Ui4,
    /// `string`
    String,
}

/// One state variable.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name in the SCPD.
    pub name: &'static str,
    /// Its data type.
    pub data_type: DataType,
    /// Whether it is evented on its own (`sendEvents="yes"`): `LastChange` and ConnectionManager's three.
    pub evented: bool,
    /// Its default value, if the SCPD states one.
    pub default: Option<&'static str>,
    /// The values it can take, if they are a closed list.
    pub allowed: &'static [&'static str],
    /// Minimum, maximum and step, if it is a number within a range.
    pub range: Option<(i64, i64, i64)>,
}

/// One argument of an action.
#[derive(Debug, Clone, Copy)]
pub struct Argument {
    /// Its name in the SCPD and on the wire.
    pub name: &'static str,
    /// The state variable that gives its type.
    pub variable: &'static str,
    /// What an absent *input* argument means; `None`: it is required, and its absence is error 402.
    pub if_absent: Option<&'static str>,
}

/// One action.
#[derive(Debug, Clone, Copy)]
pub struct ActionSpec {
    /// Its name in the SCPD and on the wire.
    pub name: &'static str,
    /// Input arguments in order.
    pub inputs: &'static [Argument],
    /// Output arguments in order.
    pub outputs: &'static [Argument],
}

/// One service.
#[derive(Debug, Clone, Copy)]
pub struct ServiceDescription {
    /// `urn:schemas-upnp-org:service:AVTransport:1`
    pub service_type: &'static str,
    /// `urn:upnp-org:serviceId:AVTransport`
    pub service_id: &'static str,
    /// The path segment of its URLs: `AVTransport` gives `/…/AVTransport/{scpd.xml,control,event}`.
    pub path: &'static str,
    /// Its actions.
    pub actions: &'static [ActionSpec],
    /// Its state variables.
    pub variables: &'static [Variable],
}

/// An action call whose name is in the table and whose inputs are all present.
#[derive(Debug, Clone)]
pub struct Action {
    /// The entry of the service's table.
    pub spec: &'static ActionSpec,
    /// Values of the inputs, in the table's order, as text: what was sent, or `if_absent`.
    pub inputs: Vec<String>,
}

impl Action {
    /// The value of input `name`; empty if the table has no such input.
    pub fn input(&self, name: &str) -> &str {
        let at = self
            .spec
            .inputs
            .iter()
            .position(|argument| argument.name == name);
        at.and_then(|at| self.inputs.get(at))
            .map_or("", String::as_str)
    }
}

/// Values of an action's outputs, in the table's order.
pub type Answer = Vec<String>;

/// A UPnP error: its number, and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("UPnP error {code}: {description}")]
pub struct ActionError {
    /// The code of the UPnP or service specification.
    pub code: u16,
    /// The `errorDescription`.
    pub description: String,
}

impl ActionError {
    /// An error with this code and sentence.
    pub fn new(code: u16, description: impl Into<String>) -> Self {
        Self {
            code,
            description: description.into(),
        }
    }
}

/// Names and values of the variables that a service tells subscribers about, all of them, at one moment.
pub type Snapshot = Vec<(&'static str, String)>;

/// One evented property of a NOTIFY: a variable's name and its unescaped value.
pub type Property = (&'static str, String);

/// A UPnP service over something that changes by itself.
pub trait Service: Send + Sync {
    /// The tables.
    fn description(&self) -> &'static ServiceDescription;

    /// Carries out an action. Answers fast: whatever takes time goes on after the answer.
    fn invoke<'a>(&'a self, action: &'a Action) -> BoxFuture<'a, Result<Answer, ActionError>>;

    /// Every evented value, now. Called after each change the device signals; cheap.
    fn snapshot(&self) -> Snapshot;

    /// What a subscriber is sent when `before` has become `after`; `None`: the initial event, which has everything.
    /// Empty when nothing evented has changed. Services with a `LastChange` build it here.
    fn properties(&self, before: Option<&Snapshot>, after: &Snapshot) -> Vec<Property> {
        after
            .iter()
            .filter(|(name, value)| {
                before.is_none_or(|before| {
                    !before.iter().any(|(old, was)| old == name && was == value)
                })
            })
            .cloned()
            .collect()
    }
}

/// Services are shared between the tasks that serve them.
pub type SharedService = Arc<dyn Service>;

/// `urn:…:X:2` → (`urn:…:X`, 2)
pub(crate) fn split_version(type_name: &str) -> (&str, Option<u32>) {
    match type_name.rsplit_once(':') {
        Some((base, version)) => (base, version.parse().ok()),
        None => (type_name, None),
    }
}
