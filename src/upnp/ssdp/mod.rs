//! SSDP: how devices are found (UDA step 1, discovery). What is announced, and what is answered to a search.
//! Only our own devices; looking for those of others is `crate::discovery`.
//!
//! [`run`] is the task that sends and receives. All that it says is decided in `responder`, from the words of `message` and the
//! timetable of `schedule`, without a socket and without a clock.

pub mod message; // which messages, in which words: pure
pub mod responder; // on all interfaces, as they come and go: pure
pub mod schedule; // when, on one interface: pure
mod socket; // multicast sockets, one set per interface
mod task; // all of it at work

pub use message::Advertisement;
pub use task::{Settings, run};
