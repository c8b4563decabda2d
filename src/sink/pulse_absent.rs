//! The face of `pulse` in a program built without it.

use std::sync::Arc;
use std::time::Duration;

use super::{Sink, SinkError, SinkSpec};
use crate::clock::Clock;
use crate::sound_server::pulse::ABSENT;

pub(super) fn open(
    spec: &SinkSpec,
    _clock: &Arc<dyn Clock>,
    _buffer: Option<Duration>,
) -> Result<Box<dyn Sink>, SinkError> {
    Err(SinkError::Open {
        sink: spec.to_string(),
        reason: ABSENT.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::sink::PulseSpec;

    #[test]
    fn who_asks_for_it_is_told_why_there_is_none() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new());
        let Err(error) = open(&SinkSpec::Pulse(PulseSpec::default()), &clock, None) else {
            panic!("it was opened");
        };
        assert!(error.to_string().contains("without the `pulse` feature"));
    }
}
