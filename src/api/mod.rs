//! The local control API: what zones and outputs do, and what can be set of them, as JSON under `/api/v1`.
//! It plays nothing and keeps nothing: it reads snapshots, sets lanes, and commands zones. docs/api.md is for its users.

mod access;
mod change;
mod events;
mod house;
mod inputs;
mod routes;
mod status;
mod volume;

pub use change::{Key, OUTPUT_KEYS, OutputChange, Setting, ZONE_KEYS, ZoneChange};
pub use house::{House, OutputEntry, Refusal, ZoneEntry};
pub use inputs::InputEntry;
pub use routes::router;
pub use status::{
    Activity, BluetoothStatus, Channels, Hearing, InputStatus, OutputStatus, Problem, State,
    Transport, ZoneStatus,
};
