//! Finding renderers, being found by mDNS, and casting: against a renderer made of paper, on loopback.
//! What needs multicast runs in a network namespace that the test makes for itself.
#![expect(
    clippy::unwrap_used,
    reason = "a failed step is a failed test; clippy exempts test functions only, not their helpers"
)]

mod cast;
mod multicast;
mod paper_renderer;
mod search;
