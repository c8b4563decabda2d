//! A playback stream to one sink of a sound server, and what it says of the position heard.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use libpulse_binding as pulse;
use pulse::def::BufferAttr;
use pulse::sample::{Format, Spec};
use pulse::stream::{FlagSet, SeekMode, State, Stream};

use super::depth::Depth;
use super::which;
use crate::clock::{Clock, ClockTime};
use crate::sink::{Heard, Sink, SinkError, SinkSpec};
use crate::sound_server::pulse::{Answered, Connection, Inquiry, Steps, describe};

const BYTES_PER_FRAME: usize = 8;
/// How far ahead of the server's own buffer the stream is filled. The thread that fills it may be late by some tens of
/// milliseconds on a busy machine; and what is here can be taken back, so that it costs no time at a start or a halt.
pub(super) const BUFFER: Duration = Duration::from_millis(250);
/// What the server hands to the device at a time, and can no longer be taken back…
const DEVICE: Duration = Duration::from_millis(20);
/// …and once the music is expected to run on: the server wakes a third as often, and a halt is heard so much later.
const SETTLED_DEVICE: Duration = Duration::from_millis(60);
/// What is nearer to the device than this, beyond the device's own latency, is left alone by [`Sink::rewind`].
const REWIND_MARGIN: Duration = Duration::from_millis(5);
/// Position reports: this often while the device is new…
const EAGER_REPORTS: Duration = Duration::from_millis(8);
/// …for so many of them…
const EAGER_COUNT: u32 = 40;
/// …and this often from then on.
const STEADY_REPORTS: Duration = Duration::from_millis(250);
pub(super) struct PulseStream {
    // Dropped before the connection it runs on.
    stream: Stream,
    connection: Connection,
    clock: Arc<dyn Clock>,
    name: String,
    rate: u32,
    buffer: Duration,
    /// What the server is to hand to the device at a time.
    device: Duration,
    /// It had asked when it was last looked at, and been given that.
    filled: bool,
    bytes: Vec<u8>,
    /// Frames written, less those taken back.
    written: i64,
    /// Frames that the server had read when it last said, and when that was.
    read: Option<(i64, ClockTime)>,
    latency: Duration,
    depth: Depth,
    steps: Steps,
    /// The next write starts so many frames before the end of what is written.
    back: usize,
    report: Option<Heard>,
    next_report: ClockTime,
    reports: u32,
    underflows: Rc<Cell<u64>>,
    /// Underflows after which eager reports have begun.
    noticed: u64,
    inquiry: Inquiry,
}

impl PulseStream {
    pub(super) fn open(
        spec: &SinkSpec,
        clock: &Arc<dyn Clock>,
        buffer: Duration,
    ) -> Result<Self, String> {
        let (mut connection, entry) = which::find(spec, clock)?;
        // At the sink's own rate the server has nothing to resample.
        let rate = entry.rate.clamp(8_000, 192_000);
        let format = Spec {
            format: Format::FLOAT32NE,
            channels: 2,
            rate,
        };
        let mut stream = Stream::new(&mut connection.context, "Music", &format, None)
            .ok_or("the server takes no stereo float stream")?;
        let underflows = Rc::new(Cell::new(0));
        let count = underflows.clone();
        stream.set_underflow_callback(Some(Box::new(move || count.set(count.get() + 1))));
        let attributes = attributes(rate, buffer, DEVICE);
        // A speaker that goes away must take its stream with it: the server is not to move it to another one.
        let flags = FlagSet::ADJUST_LATENCY | FlagSet::DONT_MOVE;
        stream
            .connect_playback(Some(&entry.name), Some(&attributes), flags, None, None)
            .map_err(describe)?;
        connection.wait(|connection| match stream.get_state() {
            State::Ready => Some(Ok(())),
            State::Failed | State::Terminated => Some(Err(describe(connection.context.errno()))),
            _ => None,
        })?;
        Ok(Self {
            name: spec.to_string(),
            stream,
            connection,
            clock: clock.clone(),
            rate,
            buffer,
            device: DEVICE,
            filled: false,
            bytes: Vec::new(),
            written: 0,
            read: None,
            latency: DEVICE,
            depth: Depth::default(),
            steps: Steps::new(rate),
            back: 0,
            report: None,
            next_report: clock.now(),
            reports: 0,
            inquiry: Inquiry::new(),
            underflows,
            noticed: 0,
        })
    }

    fn lost(&self, reason: String) -> SinkError {
        SinkError::Lost {
            sink: self.name.clone(),
            reason,
        }
    }

    fn seconds(&self, duration: Duration) -> f64 {
        duration.as_secs_f64() * f64::from(self.rate)
    }

    /// What is known of how much the device holds is no longer true.
    fn get_to_know(&mut self, now: ClockTime) {
        self.depth = Depth::default();
        self.reports = 0;
        self.next_report = now;
    }

    /// Asks where the server is and takes the answer, if it comes soon.
    fn ask_position(&mut self, now: ClockTime) -> Result<(), String> {
        let answer = self
            .inquiry
            .ask(&mut self.stream, &mut self.connection, now)?;
        if let Some(answered) = answer {
            self.take_position(answered);
        }
        Ok(())
    }

    fn take_position(&mut self, Answered { at, slow }: Answered) {
        let Some(info) = self.stream.get_timing_info() else {
            return;
        };
        if info.read_index_corrupt != 0 || info.playing == 0 || info.read_index < 0 {
            return;
        }
        let read = info.read_index / BYTES_PER_FRAME as i64;
        self.latency = Duration::from_micros(info.sink_usec.0);
        self.depth.held(self.latency);
        self.read = Some((read, at));
        self.reports = self.reports.saturating_add(1);
        if slow {
            return;
        }
        let frames = self.steps.heard(read, self.seconds(self.latency), at);
        let frames = frames.filter(|frames| *frames >= 0.0);
        self.report = frames.map(|frames| Heard { frames, at });
    }

    /// What the server may have handed to the device beyond what it held by the last report: a piece, and no more than it holds
    /// at most.
    fn next_piece(&self) -> Duration {
        let room = self
            .depth
            .most()
            .map(|most| most.saturating_sub(self.latency));
        room.map_or(self.device, |room| room.min(self.device))
    }

    /// Frames that the server has not yet handed to the device, by the last report and the time since.
    fn queued(&self, now: ClockTime) -> f64 {
        match self.read {
            Some((read, at)) => {
                let since = now.seconds_since(at) * f64::from(self.rate);
                (self.written as f64 - read as f64 - since).max(0.0)
            }
            None => 0.0,
        }
    }
}

impl Sink for PulseStream {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn writable(&mut self) -> Result<usize, SinkError> {
        self.connection
            .pump(Duration::ZERO)
            .map_err(|reason| self.lost(reason))?;
        if matches!(self.stream.get_state(), State::Failed | State::Terminated) {
            let reason = describe(self.connection.context.errno());
            return Err(self.lost(reason));
        }
        let now = self.clock.now();
        if self.noticed != self.underflows.get() {
            // The position starts anew, and so does getting to know it.
            self.noticed = self.underflows.get();
            self.steps.moved();
            self.get_to_know(now);
        }
        if now >= self.next_report && self.written > 0 {
            let pause = if self.reports < EAGER_COUNT {
                EAGER_REPORTS
            } else {
                STEADY_REPORTS
            };
            self.next_report = now + pause;
            self.ask_position(now).map_err(|reason| self.lost(reason))?;
        }
        self.filled = false;
        let writable = self.stream.writable_size().unwrap_or(0) / BYTES_PER_FRAME;
        Ok(writable + self.back)
    }

    fn write(&mut self, frames: &[f32]) -> Result<(), SinkError> {
        if frames.is_empty() {
            return Ok(());
        }
        self.bytes.resize(size_of_val(frames), 0);
        let (pieces, _none_left) = self.bytes.as_chunks_mut();
        for (bytes, sample) in pieces.iter_mut().zip(frames) {
            *bytes = sample.to_ne_bytes();
        }
        let offset = -((self.back * BYTES_PER_FRAME) as i64);
        self.back = 0;
        self.stream
            .write_copy(&self.bytes, offset, SeekMode::Relative)
            .map_err(|error| self.lost(describe(error)))?;
        self.written += (frames.len() / 2) as i64;
        self.filled = true;
        // Until then it lies on our side of the socket, and would lie there until the next look around.
        self.connection
            .pump(Duration::ZERO)
            .map_err(|reason| self.lost(reason))
    }

    fn heard(&mut self) -> Option<Heard> {
        self.report.take()
    }

    fn rewind(&mut self, frames: usize) -> usize {
        let near = REWIND_MARGIN + self.next_piece();
        let free = self.queued(self.clock.now()) - self.seconds(near);
        let frames = frames.min(free.max(0.0) as usize);
        self.back += frames;
        self.written -= frames as i64;
        frames
    }

    fn committed(&self) -> Duration {
        self.latency + self.next_piece() + REWIND_MARGIN
    }

    fn buffer(&self) -> Duration {
        self.buffer
    }

    fn settle(&mut self, settled: bool) {
        let device = if settled { SETTLED_DEVICE } else { DEVICE };
        if self.device == device {
            return;
        }
        self.device = device;
        let attributes = attributes(self.rate, self.buffer, device);
        // A server that does not do it goes on as before, and says so by its latency.
        self.stream.set_buffer_attr(&attributes, |_done| {});
        self.filled = false;
        self.get_to_know(self.clock.now());
    }

    /// Once the device is known, the stream is filled when the server has asked for more. That it does a period of the device at
    /// a time, so that on average it comes half a period later than what is left lets one expect; if it has not, it is waited for
    /// so long again. With these constants it then still holds 65 ms: for so long this thread or the server's may be late.
    ///
    /// To wake every so many milliseconds instead costs more: what is played between the server's asking and our waking it asks
    /// for only with the next piece, so that half the wakings find nothing to do.
    fn pace(&self) -> Duration {
        if self.reports < EAGER_COUNT {
            return EAGER_REPORTS;
        }
        let asks_at = self.seconds(self.buffer - piece(self.buffer, self.device));
        let spare = if self.filled {
            (self.queued(self.clock.now()) - asks_at).max(0.0) / f64::from(self.rate)
        } else {
            0.0
        };
        self.device / 2 + Duration::from_secs_f64(spare).min(self.buffer / 2)
    }

    fn gaps(&self) -> u64 {
        self.underflows.get()
    }
}

/// What the server asks for at a time, when the stream is to hold `buffer` and the device `device`.
///
/// By `ADJUST_LATENCY` the server has the device buffer half of what two such pieces leave of the whole. So they are as large as
/// can be: each wakes the server.
fn piece(buffer: Duration, device: Duration) -> Duration {
    (buffer + device) / 2 - device
}

fn attributes(rate: u32, buffer: Duration, device: Duration) -> BufferAttr {
    let bytes = |duration: Duration| {
        (duration.as_secs_f64() * f64::from(rate)) as u32 * BYTES_PER_FRAME as u32
    };
    let whole = buffer + device;
    BufferAttr {
        maxlength: bytes(whole * 4),
        tlength: bytes(whole),
        // After running dry the stream waits for a little before it goes on, and its read index with it.
        prebuf: bytes(DEVICE),
        minreq: bytes(piece(buffer, device)),
        fragsize: u32::MAX,
    }
}

impl Drop for PulseStream {
    fn drop(&mut self) {
        // The connection goes with it; a server that has gone already has nothing to disconnect.
        let _gone = self.stream.disconnect();
    }
}
