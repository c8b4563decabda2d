//! Sinks of a PulseAudio or PipeWire server, chosen by server address and sink name or Bluetooth address. On Linux this is where
//! Bluetooth speakers are. Everything runs on the calling thread: no second main loop, no lock.

mod depth;
mod stream;
mod which;

use std::sync::Arc;
use std::time::Duration;

use super::{Sink, SinkError, SinkSpec};
use crate::clock::Clock;

/// Opens a sink of a server; for specs that are of one.
pub(super) fn open(
    spec: &SinkSpec,
    clock: &Arc<dyn Clock>,
    buffer: Option<Duration>,
) -> Result<Box<dyn Sink>, SinkError> {
    let buffer = buffer.unwrap_or_default().max(stream::BUFFER);
    let stream =
        stream::PulseStream::open(spec, clock, buffer).map_err(|reason| SinkError::Open {
            sink: spec.to_string(),
            reason,
        })?;
    Ok(Box::new(stream))
}
