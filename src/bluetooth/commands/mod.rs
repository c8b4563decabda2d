//! What a person does with Bluetooth by hand: each says what it is about to do, and ends with what has come of it.

mod list;
mod pair;
mod receive;
mod scan;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use list::list;
pub use pair::{forget, pair};
pub use receive::receive;
pub use scan::scan;

/// How often the devices are looked over while something is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(500);
