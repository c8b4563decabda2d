//! The control API over its real router on loopback; the test is the zones.
//! What the whole program does with it is in `program/control.rs`.

mod bench;
mod description;
mod events;
mod inputs;
mod refusals;
mod settings;
