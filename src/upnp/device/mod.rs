//! What a device is: who it is, the services it offers as tables, and the documents that say so (UDA step 2, description).
//! Not how it is found, commanded or followed; that all follows from what is here.

pub mod description; // tables → device.xml and SCPDs
mod identity; // who a device is
mod root; // a device as a whole, and that it changed
mod service; // tables, and the trait behind them
pub mod table; // words to write tables with

pub use identity::{Icon, Identity, WindowsClass, server_token};
pub use root::{Changes, Device};
pub(crate) use service::split_version;
pub use service::{
    Action, ActionError, ActionSpec, Answer, Argument, DataType, Property, Service,
    ServiceDescription, SharedService, Snapshot, Variable,
};
