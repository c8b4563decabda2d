//! One renderer's mind: it decides what plays, and says so.

mod actor;
mod command;
mod handle;
mod state;
mod transport;

pub use actor::{OpenMedia, ZoneSpec, spawn};
pub use command::{ZoneCommand, ZoneError};
pub use handle::{Request, ZoneHandle, ZoneInbox};
pub use state::{Progress, Track, TransportState, ZoneState};
pub use transport::{Effect, Transport};
