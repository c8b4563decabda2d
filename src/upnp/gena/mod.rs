//! GENA: how changes are told (UDA step 4, eventing). Who has subscribed, what they are told and when, and how it reaches them.
//! Not the requests that subscribe; `http` takes those. What there is to tell is the service's business.
//!
//! A `Hub` holds the subscribers of one service: what they ask for is read in `headers`, where they may be written to is judged in
//! `callback`, what is due to whom is decided in `subscriptions` and `moderation`, and `notify` writes and delivers it.

pub mod callback; // where a subscriber may be written to
pub mod headers; // what SUBSCRIBE and UNSUBSCRIBE ask for: pure
pub(crate) mod hub; // the events of one device at work
mod moderation; // how often anything is said: pure
pub mod notify; // writing one NOTIFY, and delivering it
pub mod subscriptions; // who has subscribed, sequence numbers, queues: pure
