//! HTTP: one listener for every device, its limits, and what each path leads to (UDA steps 2 to 4: description, control, eventing).
//! It knows requests and responses. What SOAP means is in `soap`, what a subscription is in `gena`, what the documents say in `device`.
//!
//! A request passes `listener` (may it connect), `guard` (is it its turn, by `pace`; may it ask that, under that name) and `routes`,
//! and ends in `documents`, `control` or `eventing`.

mod control; // a SOAP request: its body, the call, the response
mod documents; // descriptions and icons, handed out
mod eventing; // SUBSCRIBE and UNSUBSCRIBE
mod guard; // who may do what; the Host check
mod listener; // connections and their limits
mod options; // what the caller decides
mod pace; // how often one peer may ask: pure
mod response; // responses that several routes give
mod routes; // what is served, and which path leads where
mod site; // the devices of one listener, and whose turn it is
mod stream; // the bytes of a connection

pub use listener::{Limits, Link};
pub use options::Options;
pub use pace::Rate;
pub use routes::serve;
