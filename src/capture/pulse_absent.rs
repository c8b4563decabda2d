//! The face of `pulse` in a program built without it.

use std::sync::Arc;

use super::{BluetoothSource, Capture, CaptureError, CaptureSpec, PulseSource};
use crate::clock::Clock;
use crate::sound_server::pulse::ABSENT;

pub(super) fn open(
    spec: &PulseSource,
    _clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Capture>, CaptureError> {
    Err(absent(&CaptureSpec::Pulse(spec.clone())))
}

pub(super) fn open_bluetooth(
    spec: &BluetoothSource,
    _clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Capture>, CaptureError> {
    Err(absent(&CaptureSpec::Bluetooth(spec.clone())))
}

fn absent(spec: &CaptureSpec) -> CaptureError {
    CaptureError::Open {
        input: spec.to_string(),
        reason: ABSENT.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn who_asks_for_it_is_told_why_there_is_none() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
        let Err(error) = open(&PulseSource::default(), &clock) else {
            panic!("it was opened");
        };
        assert!(error.to_string().contains("without the `pulse` feature"));
    }
}
