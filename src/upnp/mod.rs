//! The protocol machine: UPnP device side, usable for any device.
//! It knows nothing of music, of rooms, or of anything else in this program.
//!
//! A [`Device`] is an identity, [`Service`]s and a signal that something changed. [`http::serve`] answers for any number
//! of devices on one listener (description, control, events); [`ssdp_task::run`] makes them found.

pub mod callback; // where a subscriber may be written to
pub mod description; // tables → device.xml and SCPDs
mod device; // who a device is, what it offers, that it changed
pub mod event; // subscriptions, sequence numbers, moderation: pure
pub mod gena; // the headers of SUBSCRIBE and UNSUBSCRIBE: pure
mod guard; // who may do what
pub mod http; // routes: description, control, events
mod hub; // a device's events at work
pub mod interface; // which interfaces to be found on, and what has changed: pure
mod listener; // connections and their limits
pub mod network; // the machine's interfaces, listed and followed; which addresses are near
pub mod notify; // writing one NOTIFY, and delivering it
mod service; // tables, and the trait behind them
pub mod soap; // envelope ↔ action, answer, fault
pub mod ssdp; // which messages, in which words: pure
pub mod ssdp_responder; // on all interfaces, as they come and go: pure
pub mod ssdp_schedule; // when: pure
mod ssdp_socket; // multicast sockets, one set per interface
pub mod ssdp_task; // all of discovery at work
mod values; // an action's inputs, checked against the table
mod xml; // escaping

pub use device::{Changes, Device, Identity, server_token};
pub use guard::{allowed, default_allow};
pub use service::{
    Action, ActionError, ActionSpec, Answer, Argument, DataType, Property, Service,
    ServiceDescription, SharedService, Snapshot, Variable,
};
