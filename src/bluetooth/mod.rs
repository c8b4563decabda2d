//! Bluetooth speakers: which there are, and when each is connected again. What they play is a sound server's matter, and a sink's.
//!
//! [`Radio`] is the seam to BlueZ, [`Keeper`] decides without it.

mod address;
pub mod advice;
#[cfg_attr(
    not(all(feature = "bluetooth", target_os = "linux")),
    path = "bluez_absent.rs"
)]
mod bluez;
mod commands;
mod fault;
pub mod keeper;
mod radio;

pub use address::{Address, NoAddress};
pub use bluez::Bluez;
pub use commands::{forget, list, pair, receive, scan};
pub use fault::{CommandError, Failure, Fault};
pub use keeper::Keeper;
pub use radio::{Adapter, Device, Guard, Place, Radio, Survey};
