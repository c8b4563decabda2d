//! The renderer's services over a zone that the test plays itself; no socket.
//! Names of tests carry the case ids of the protocol reference (T transport, K seek, N next, R volume, C connections,
//! I metadata, G events).
#![expect(
    clippy::unwrap_used,
    reason = "a failed step is a failed test; clippy exempts test functions only, not their helpers"
)]

mod bench;
mod connections;
mod events;
mod metadata;
mod rendering;
mod seek_and_next;
mod tables;
mod transport;
