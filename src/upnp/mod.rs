//! The protocol machine: UPnP device side, usable for any device.
//! It knows nothing of music, of rooms, or of anything else in this program.
//!
//! A [`Device`] is an identity, [`Service`]s and a signal that something changed. [`http::serve`] answers for any number
//! of devices on one listener (description, control, events); [`ssdp_socket::run`] makes them found.

pub mod callback; // where a subscriber may be written to
pub mod description; // tables → device.xml and SCPDs
mod device;
pub mod event; // subscriptions, sequence numbers, moderation: pure
pub mod gena; // the headers of SUBSCRIBE and UNSUBSCRIBE: pure
mod guard;
pub mod http; // routes: description, control, events
mod hub;
mod listener;
pub mod network; // the machine's interfaces; which addresses are near
pub mod notify; // writing one NOTIFY, and delivering it
mod service;
pub mod soap; // envelope ↔ action, answer, fault
pub mod ssdp; // which messages, when: pure
pub mod ssdp_socket; // multicast sockets, one set per interface
mod values;
mod xml;

pub use device::{Changes, Device, Identity, server_token};
pub use guard::default_allow;
pub use service::{
    Action, ActionError, ActionSpec, Answer, Argument, DataType, Property, Service,
    ServiceDescription, SharedService, Snapshot, Variable,
};
