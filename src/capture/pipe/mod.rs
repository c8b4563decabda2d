//! Raw PCM that another program writes, into a named pipe or to its standard output. When how much of it is given on is for `pacer`.

mod envelope;
mod fifo;
mod pacer;
mod program;
mod samples;

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use super::{Capture, CaptureError, CaptureSpec, PipeInput, PipeOrigin};
use crate::audio::Heard;
use crate::clock::{Clock, ClockTime};
use fifo::Fifo;
use pacer::Pacer;
use program::Program;
use samples::Samples;

/// How much is held here of what may not be given on yet. When it is full nothing more is taken out of the pipe, and the writer waits.
const HELD: Duration = Duration::from_millis(200);
/// Bytes taken out of the pipe at a time: a quarter of what Linux has a pipe hold.
const PIECE: usize = 16_384;
/// The least and the most between two readings. They are uneven, so that they do not fall into step with what the writer does.
const PACES: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(10)];
/// The golden section: how far along between the two each reading is beyond the one before. No other part spreads them as evenly.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// What came of a look into the pipe.
enum Got {
    /// So many bytes.
    Bytes(usize),
    /// There are none now.
    Nothing,
    /// Whoever wrote has closed the pipe; somebody else may open it.
    Closed,
}

impl Got {
    /// What a read that does not wait has said.
    fn of(read: io::Result<usize>) -> io::Result<Self> {
        match read {
            Ok(0) => Ok(Self::Closed),
            Ok(bytes) => Ok(Self::Bytes(bytes)),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(Self::Nothing)
            }
            Err(error) => Err(error),
        }
    }
}

/// The reading end.
enum Origin {
    Fifo(Fifo),
    Program(Program),
}

impl Origin {
    fn read(&mut self, bytes: &mut [u8], now: ClockTime) -> io::Result<Got> {
        match self {
            Self::Fifo(fifo) => fifo.read(bytes),
            Self::Program(program) => program.read(bytes, now),
        }
    }
}

/// Opens the pipe, or starts the program.
pub(super) fn open(
    spec: &PipeInput,
    clock: &Arc<dyn Clock>,
) -> Result<Box<dyn Capture>, CaptureError> {
    let input = CaptureSpec::Pipe(spec.clone()).to_string();
    let origin = match &spec.origin {
        PipeOrigin::Fifo(path) => Fifo::open(path).map(Origin::Fifo),
        PipeOrigin::Program(command) => {
            Program::start(command, &input, clock.now()).map(Origin::Program)
        }
    };
    match origin {
        Ok(origin) => Ok(Box::new(Pipe::new(origin, spec, clock, input))),
        Err(reason) => Err(CaptureError::Open { input, reason }),
    }
}

struct Pipe {
    origin: Origin,
    clock: Arc<dyn Clock>,
    name: String,
    rate: u32,
    samples: Samples,
    pacer: Pacer,
    bytes: Vec<u8>,
    /// Stereo samples that have been taken out of the pipe and not yet given on.
    held: Vec<f32>,
    /// How many frames of these there may be.
    room: usize,
    reads: u32,
}

impl Pipe {
    fn new(origin: Origin, spec: &PipeInput, clock: &Arc<dyn Clock>, name: String) -> Self {
        Self {
            origin,
            clock: clock.clone(),
            name,
            rate: spec.rate,
            samples: Samples::new(spec.format, spec.channels),
            pacer: Pacer::new(spec.rate),
            bytes: vec![0; PIECE],
            held: Vec::new(),
            room: (HELD.as_secs_f64() * f64::from(spec.rate)) as usize,
            reads: 0,
        }
    }

    /// Takes out of the pipe what there is room for. Says whether that has emptied it.
    fn pull(&mut self, now: ClockTime) -> io::Result<bool> {
        loop {
            let room = self.room.saturating_sub(self.held.len() / 2);
            if room == 0 {
                return Ok(false);
            }
            let most = self.samples.bytes(room).min(PIECE);
            match self.origin.read(&mut self.bytes[..most], now)? {
                Got::Bytes(count) => self.samples.take(&self.bytes[..count], &mut self.held),
                Got::Nothing => return Ok(true),
                Got::Closed => {
                    // The next writer begins with a whole frame.
                    self.samples.begin_anew();
                    return Ok(true);
                }
            }
        }
    }
}

impl Capture for Pipe {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn read(&mut self, frames: &mut Vec<f32>) -> Result<usize, CaptureError> {
        self.reads = self.reads.wrapping_add(1);
        let now = self.clock.now();
        let before = self.held.len() / 2;
        let dry = self.pull(now).map_err(|error| CaptureError::Lost {
            input: self.name.clone(),
            reason: error.to_string(),
        })?;
        let held = self.held.len() / 2;
        let given = self.pacer.turn(now, held - before, held, dry);
        frames.extend(self.held.drain(..given * 2));
        Ok(given)
    }

    fn heard(&mut self) -> Option<Heard> {
        self.pacer.heard()
    }

    fn pace(&self) -> Duration {
        pace(self.reads)
    }

    fn gaps(&self) -> u64 {
        self.pacer.gaps()
    }
}

/// How long after so many readings the next one is.
fn pace(reads: u32) -> Duration {
    let [least, most] = PACES;
    least + (most - least).mul_f64((f64::from(reads) * GOLDEN).fract())
}
