//! Sinks of a PulseAudio or PipeWire server, chosen by server address and sink name. On Linux this is where Bluetooth
//! speakers are. Everything runs on the calling thread: no second main loop, no lock.

mod stream;

use std::sync::Arc;
use std::time::Duration;

use super::{Sink, SinkError, SinkSpec, spec::PulseSpec};
use crate::clock::Clock;

pub(super) fn open(
    spec: &PulseSpec,
    clock: &Arc<dyn Clock>,
    buffer: Option<Duration>,
) -> Result<Box<dyn Sink>, SinkError> {
    let buffer = buffer.unwrap_or_default().max(stream::BUFFER);
    let stream =
        stream::PulseStream::open(spec, clock, buffer).map_err(|reason| SinkError::Open {
            sink: SinkSpec::Pulse(spec.clone()).to_string(),
            reason,
        })?;
    Ok(Box::new(stream))
}
