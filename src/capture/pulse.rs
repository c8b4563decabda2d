//! Sources of a PulseAudio or PipeWire server: line-ins, microphones, monitors of sinks, and whatever plays to this machine over
//! Bluetooth. Everything runs on the calling thread.

use std::sync::Arc;
use std::time::Duration;

use libpulse_binding as pulse;
use pulse::def::BufferAttr;
use pulse::sample::{Format, Spec};
use pulse::stream::{FlagSet, PeekResult, State, Stream};

use super::{BluetoothSource, Capture, CaptureError, CaptureSpec, PulseSource};
use crate::audio::Heard;
use crate::bluetooth::Address;
use crate::clock::{Clock, ClockTime};
use crate::sound_server::pulse::{
    Connection, Inquiry, Kind, Steps, default_name, describe, entries, entry,
};

const BYTES_PER_FRAME: usize = 8;
/// What the server is to hand on at a time. It has the device take half of it, so that it comes in pieces of 10 ms.
const FRAGMENT: Duration = Duration::from_millis(20);
/// How often what has come is read and the position may be asked for: as often as the server has something.
const PACE: Duration = Duration::from_millis(10);
/// Position reports: at each reading while the source is new, for so many of them…
const EAGER_COUNT: u32 = 40;
/// …and this often from then on.
const STEADY_REPORTS: Duration = Duration::from_millis(100);
/// A position further than this from where the last one lets it be expected, in seconds, is that of a source that has stood still,
/// or has lost something. No server steps by as much.
const LEAP: f64 = 0.030;
/// …and this much more for each second between them: more than any crystal is off.
const LEAP_DRIFT: f64 = 1e-3;

/// Opens a source by name.
pub(super) fn open(
    spec: &PulseSource,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Capture>, CaptureError> {
    let input = CaptureSpec::Pulse(spec.clone()).to_string();
    let server = spec.server.as_deref();
    let stream = Connection::open(server, clock)
        .and_then(|mut connection| {
            let source = named(&mut connection, spec.source.as_deref())?;
            Record::open(connection, &source, clock, &input)
        })
        .map_err(|reason| CaptureError::Open { input, reason })?;
    Ok(Box::new(stream))
}

/// Opens the source that another device is.
pub(super) fn open_bluetooth(
    spec: &BluetoothSource,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Capture>, CaptureError> {
    let input = CaptureSpec::Bluetooth(spec.clone()).to_string();
    let server = spec.server.as_deref();
    let stream = Connection::open(server, clock)
        .and_then(|mut connection| {
            let source = of_device(&mut connection, spec.address)?;
            Record::open(connection, &source, clock, &input)
        })
        .map_err(|reason| CaptureError::Open { input, reason })?;
    Ok(Box::new(stream))
}

/// The source of this name, or the server's default.
fn named(connection: &mut Connection, name: Option<&str>) -> Result<String, String> {
    let name = match name {
        Some(name) if name.contains('\0') => {
            return Err("the source's name has a NUL character in it".to_owned());
        }
        Some(name) => name.to_owned(),
        None => default_name(connection, Kind::Source)?
            .ok_or("the sound server has no default source")?,
    };
    match entry(connection, Kind::Source, &name)? {
        Some(_) => Ok(name),
        None => Err(format!(
            "the server has no source of the name {name:?}; `unisono outputs` lists those it has"
        )),
    }
}

/// The source that the device with this address is.
fn of_device(connection: &mut Connection, address: Address) -> Result<String, String> {
    let sources = entries(connection, Kind::Source)?;
    let found = sources
        .into_iter()
        .find(|source| source.bluetooth == Some(address));
    found.map(|source| source.name).ok_or_else(|| {
        "the sound server has no source of this device; it has one while the device is connected and this machine is a speaker to it"
            .to_owned()
    })
}

/// A record stream of one source.
struct Record {
    // Dropped before the connection it runs on.
    stream: Stream,
    connection: Connection,
    clock: Arc<dyn Clock>,
    name: String,
    rate: u32,
    inquiry: Inquiry,
    steps: Steps,
    report: Option<Heard>,
    /// The last report, given out or not.
    last: Option<Heard>,
    next_report: ClockTime,
    reports: u32,
    /// Frames that the server has counted and not delivered.
    lost: i64,
    gaps: u64,
}

impl Record {
    fn open(
        mut connection: Connection,
        source: &str,
        clock: &Arc<dyn Clock>,
        name: &str,
    ) -> Result<Self, String> {
        // The rate is the source's, whatever is asked for: the server has nothing to resample then.
        let asked = Spec {
            format: Format::FLOAT32NE,
            channels: 2,
            rate: 48_000,
        };
        let mut stream = Stream::new(&mut connection.context, "Input", &asked, None)
            .ok_or("the server gives no stereo float stream")?;
        // A source that goes away must take its stream with it: the server is not to move it to another one.
        let flags = FlagSet::ADJUST_LATENCY | FlagSet::DONT_MOVE | FlagSet::FIX_RATE;
        stream
            .connect_record(Some(source), Some(&attributes(asked.rate)), flags)
            .map_err(describe)?;
        connection.wait(|connection| match stream.get_state() {
            State::Ready => Some(Ok(())),
            State::Failed | State::Terminated => Some(Err(describe(connection.context.errno()))),
            _ => None,
        })?;
        let rate = stream
            .get_sample_spec()
            .map_or(asked.rate, |spec| spec.rate);
        Ok(Self {
            name: name.to_owned(),
            stream,
            connection,
            clock: clock.clone(),
            rate,
            inquiry: Inquiry::new(),
            steps: Steps::new(rate),
            report: None,
            last: None,
            next_report: clock.now(),
            reports: 0,
            lost: 0,
            gaps: 0,
        })
    }

    fn gone(&self, reason: String) -> CaptureError {
        CaptureError::Lost {
            input: self.name.clone(),
            reason,
        }
    }

    /// Takes what has arrived out of the stream.
    fn take(&mut self, frames: &mut Vec<f32>) -> Result<(), String> {
        loop {
            match self.stream.peek().map_err(describe)? {
                PeekResult::Empty => return Ok(()),
                PeekResult::Data(bytes) => {
                    let (samples, _none_left) = bytes.as_chunks();
                    frames.extend(samples.iter().map(|sample| f32::from_ne_bytes(*sample)));
                }
                PeekResult::Hole(bytes) => {
                    self.lost += (bytes / BYTES_PER_FRAME) as i64;
                    self.begin_anew();
                }
            }
            self.stream.discard().map_err(describe)?;
        }
    }

    /// Something is missing: the position starts from another place, and so does getting to know it.
    fn begin_anew(&mut self) {
        self.gaps += 1;
        self.steps.moved();
        self.reports = 0;
        self.report = None;
        self.last = None;
    }

    fn ask_position(&mut self, now: ClockTime) -> Result<(), String> {
        let answer = self
            .inquiry
            .ask(&mut self.stream, &mut self.connection, now)?;
        let Some(answered) = answer else {
            return Ok(());
        };
        let Some(info) = self.stream.get_timing_info() else {
            return Ok(());
        };
        if info.write_index_corrupt != 0 || info.write_index <= 0 {
            return Ok(());
        }
        self.reports = self.reports.saturating_add(1);
        if answered.slow {
            return Ok(());
        }
        let rate = f64::from(self.rate);
        let written = info.write_index / BYTES_PER_FRAME as i64 - self.lost;
        // What the source has taken in goes beyond what the server has been given. A monitor is given what will only be heard.
        let micros = info.sink_usec.0 as f64 - info.source_usec.0 as f64;
        let ahead = micros * 1e-6 * rate;
        let Some(frames) = self.steps.heard(written, ahead, answered.at) else {
            return Ok(());
        };
        let heard = Heard {
            frames,
            at: answered.at,
        };
        if self.last.is_some_and(|last| leaps(last, heard, rate)) {
            self.begin_anew();
        }
        self.last = Some(heard);
        self.report = self.last;
        Ok(())
    }
}

/// Whether a source of this rate cannot have run on between two of its positions.
fn leaps(before: Heard, after: Heard, rate: f64) -> bool {
    let seconds = after.at.seconds_since(before.at);
    let off = (after.frames - before.frames) / rate - seconds;
    off.abs() > LEAP + LEAP_DRIFT * seconds
}

fn attributes(rate: u32) -> BufferAttr {
    let bytes = FRAGMENT.as_secs_f64() * f64::from(rate) * BYTES_PER_FRAME as f64;
    BufferAttr {
        maxlength: u32::MAX,
        tlength: u32::MAX,
        prebuf: u32::MAX,
        minreq: u32::MAX,
        fragsize: bytes as u32,
    }
}

impl Capture for Record {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn read(&mut self, frames: &mut Vec<f32>) -> Result<usize, CaptureError> {
        self.connection
            .pump(Duration::ZERO)
            .map_err(|reason| self.gone(reason))?;
        if matches!(self.stream.get_state(), State::Failed | State::Terminated) {
            let reason = describe(self.connection.context.errno());
            return Err(self.gone(reason));
        }
        let before = frames.len();
        self.take(frames).map_err(|reason| self.gone(reason))?;
        let now = self.clock.now();
        if now >= self.next_report {
            if self.reports >= EAGER_COUNT {
                self.next_report = now + STEADY_REPORTS;
            }
            self.ask_position(now).map_err(|reason| self.gone(reason))?;
        }
        Ok((frames.len() - before) / 2)
    }

    fn heard(&mut self) -> Option<Heard> {
        self.report.take()
    }

    fn pace(&self) -> Duration {
        PACE
    }

    fn gaps(&self) -> u64 {
        self.gaps
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // The connection goes with it; a server that has gone already has nothing to disconnect.
        let _gone = self.stream.disconnect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_stood_still_has_leapt_and_a_crystal_has_not() {
        let at = |seconds| ClockTime::default().plus_seconds(seconds);
        let check = |seconds: f64, frames: f64, expected: bool| {
            let before = Heard {
                frames: 1000.0,
                at: at(5.0),
            };
            let after = Heard {
                frames: 1000.0 + frames,
                at: at(5.0 + seconds),
            };
            assert_eq!(leaps(before, after, 48_000.0), expected, "{frames}");
        };
        check(0.1, 4800.0, false);
        check(0.1, 4800.0 + 1000.0, false);
        check(10.0, 480_000.0 * 1.0005, false);
        check(0.1, 4800.0 + 2000.0, true);
        check(1.0, 24_000.0, true);
    }
}
