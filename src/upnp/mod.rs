//! The protocol machine: UPnP device side, usable for any device.

mod service;

pub use service::{
    Action, ActionError, ActionSpec, Answer, Argument, DataType, Property, Service,
    ServiceDescription, SharedService, Snapshot, Variable,
};
