//! The face of `device` in a program built without it.

use std::sync::Arc;

use super::{Capture, CaptureError, CaptureSpec, DeviceInput};
use crate::clock::Clock;
use crate::sound_card::CardEntry;

const ABSENT: &str = "this program was built without the `device` feature";

/// No sound card can be listed.
///
/// # Errors
/// Always.
pub fn devices() -> Result<Vec<CardEntry>, String> {
    Err(ABSENT.to_owned())
}

pub(super) fn open(
    spec: &DeviceInput,
    _clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Capture>, CaptureError> {
    Err(CaptureError::Open {
        input: CaptureSpec::Device(spec.clone()).to_string(),
        reason: ABSENT.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn who_asks_for_it_is_told_why_there_is_none() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
        let Err(error) = open(&DeviceInput::default(), &clock) else {
            panic!("it was opened");
        };
        assert!(error.to_string().contains("without the `device` feature"));
    }
}
