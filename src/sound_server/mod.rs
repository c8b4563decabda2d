//! PulseAudio and PipeWire servers, as far as it is the same for playing and for listening: reaching one, what it has, where a
//! stream is. What is written to it is `sink`'s matter, what is read from it `capture`'s.

mod bluetooth;
mod entry;
#[cfg_attr(not(feature = "pulse"), path = "pulse_absent.rs")]
pub(crate) mod pulse;

pub use bluetooth::address_of;
pub use entry::Entry;
pub use pulse::{sinks, sources};
