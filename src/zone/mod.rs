//! One renderer's mind: it decides what plays, and says so.

mod actor;
mod command;
mod effect;
mod handle;
mod level;
mod patience;
mod state;
mod transport;
mod visit;

pub use actor::{OpenMedia, ZoneSpec, spawn};
pub use command::{ZoneCommand, ZoneError};
pub use effect::Effect;
pub use handle::{Request, ZoneHandle, ZoneInbox};
pub use level::{Channel, LOUDEST, Level};
pub use state::{Progress, Track, TransportState, ZoneState};
pub use transport::Transport;
pub use visit::Visit;
