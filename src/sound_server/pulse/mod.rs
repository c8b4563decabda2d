//! Sound servers through libpulse. Everything runs on the calling thread: no second main loop, no lock.

mod connection;
mod inquiry;
mod list;
mod steps;

pub(crate) use connection::{Connection, describe};
pub(crate) use inquiry::{Answered, Inquiry};
pub(crate) use list::{Kind, default_name, entries, entry};
pub use list::{sinks, sources};
pub(crate) use steps::Steps;
