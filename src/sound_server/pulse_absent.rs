//! The face of `pulse` in a program built without it.

use std::sync::Arc;

use super::Entry;
use crate::clock::Clock;

/// What is said to whoever asks.
pub(crate) const ABSENT: &str = "this program was built without the `pulse` feature";

/// There is no way to ask.
///
/// # Errors
/// Always.
pub fn sinks(_server: Option<&str>, _clock: &Arc<dyn Clock>) -> Result<Vec<Entry>, String> {
    Err(ABSENT.to_owned())
}

/// There is no way to ask.
///
/// # Errors
/// Always.
pub fn sources(_server: Option<&str>, _clock: &Arc<dyn Clock>) -> Result<Vec<Entry>, String> {
    Err(ABSENT.to_owned())
}
