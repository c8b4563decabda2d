//! The protocol machine: UPnP device side, usable for any device.
//! It knows nothing of music, of rooms, or of anything else in this program.
//!
//! A [`Device`] is an identity, [`Service`]s and a signal that something changed. [`http::serve`] answers for any number
//! of devices on one listener (description, control, events); [`ssdp::run`] makes them found. The folders are the steps of the
//! UPnP Device Architecture (UDA), each under the name of its protocol; who may import whom is in `docs/ARCHITECTURE.md`.

pub mod device; // description: what a device is, its services as tables, the documents
pub mod gena; // eventing: subscriptions, and what is told to whom
pub mod http; // the listener, and what each path leads to
pub mod network; // addressing: interfaces, and who is near
pub mod soap; // control: calls, answers, faults
pub mod ssdp; // discovery: announcements, and answers to searches
pub(crate) mod xml; // escaping

pub use device::{
    Action, ActionError, ActionSpec, Answer, Argument, Changes, DataType, Device, Icon, Identity,
    Property, Service, ServiceDescription, SharedService, Snapshot, Variable, WindowsClass,
    server_token,
};
