//! One renderer's mind: it decides what plays, and says so.

mod command;
mod handle;
mod state;

pub use command::{ZoneCommand, ZoneError};
pub use handle::{Request, ZoneHandle, ZoneInbox};
pub use state::{Progress, Track, TransportState, ZoneState};
