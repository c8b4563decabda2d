//! A file that holds what a perfect sound card would have played: 48 kHz stereo, 32-bit float.
//! Long silences are left out, so that an idle evening does not fill the disk.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Sink, SinkError, SinkSpec, simulated::Simulated, spec::SimulatedSpec, spec::WavSpec};
use crate::clock::Clock;

const RATE: u32 = 48_000;
/// Silence before the first sound is left out, and of any later silence what goes beyond this many frames (2 s).
const KEPT_SILENCE: usize = 2 * RATE as usize;
/// The header is brought up to date this often, in frames, so that a killed program leaves a file that plays.
const HEADER_EVERY: u64 = RATE as u64;
/// RIFF, fmt (16 bytes, IEEE float) and data headers.
const HEADER_BYTES: u32 = 44;

pub(super) fn open(spec: &WavSpec, clock: &Arc<dyn Clock>) -> Result<Box<dyn Sink>, SinkError> {
    let path = spec.path.clone();
    let mut recording = Recording::create(&path).map_err(|error| SinkError::Open {
        sink: SinkSpec::Wav(spec.clone()).to_string(),
        reason: error.to_string(),
    })?;
    let ear = move |_, frames: &[f32]| {
        recording.add(frames).map_err(|error| SinkError::Lost {
            sink: SinkSpec::Wav(WavSpec { path: path.clone() }).to_string(),
            reason: error.to_string(),
        })
    };
    Ok(Box::new(Simulated::new(
        SimulatedSpec::default(),
        clock.clone(),
        Box::new(ear),
    )))
}

/// A WAV file that grows.
struct Recording {
    path: PathBuf,
    file: Option<io::BufWriter<File>>,
    frames: u64,
    silent: usize,
    bytes: Vec<u8>,
}

impl Recording {
    /// Checks that the file can be written, and continues what an earlier opening in this run of the program wrote.
    fn create(path: &Path) -> io::Result<Self> {
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        write_header(&mut file, 0)?;
        Ok(Self {
            path: path.to_owned(),
            file: Some(io::BufWriter::new(file)),
            frames: 0,
            silent: KEPT_SILENCE,
            bytes: Vec::new(),
        })
    }

    fn add(&mut self, frames: &[f32]) -> io::Result<()> {
        if frames.iter().all(|&sample| sample == 0.0) {
            if self.silent >= KEPT_SILENCE {
                return Ok(());
            }
            self.silent += frames.len() / 2;
        } else {
            self.silent = 0;
        }
        self.bytes.clear();
        self.bytes
            .extend(frames.iter().flat_map(|sample| sample.to_le_bytes()));
        let Some(file) = &mut self.file else {
            return Err(io::Error::other(format!(
                "{} is closed",
                self.path.display()
            )));
        };
        file.write_all(&self.bytes)?;
        let before = self.frames / HEADER_EVERY;
        self.frames += frames.len() as u64 / 2;
        if self.frames / HEADER_EVERY != before {
            self.update_header()?;
        }
        Ok(())
    }

    fn update_header(&mut self) -> io::Result<()> {
        if let Some(writer) = &mut self.file {
            writer.flush()?;
            let file = writer.get_mut();
            file.seek(SeekFrom::Start(0))?;
            write_header(file, self.frames)?;
            file.seek(SeekFrom::End(0))?;
        }
        Ok(())
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Err(error) = self.update_header() {
            tracing::warn!(
                "{}: the last second may be missing: {error}",
                self.path.display()
            );
        }
    }
}

fn write_header(file: &mut File, frames: u64) -> io::Result<()> {
    // Beyond 4 GiB the field cannot say how long the file is; readers take the largest value as "to the end".
    let data = u32::try_from(frames * 8).unwrap_or(u32::MAX - HEADER_BYTES);
    let mut header = Vec::with_capacity(HEADER_BYTES as usize);
    header.extend_from_slice(b"RIFF");
    header.extend_from_slice(&(data + HEADER_BYTES - 8).to_le_bytes());
    header.extend_from_slice(b"WAVEfmt ");
    header.extend_from_slice(&16u32.to_le_bytes());
    header.extend_from_slice(&3u16.to_le_bytes()); // WAVE_FORMAT_IEEE_FLOAT
    header.extend_from_slice(&2u16.to_le_bytes());
    header.extend_from_slice(&RATE.to_le_bytes());
    header.extend_from_slice(&(RATE * 8).to_le_bytes());
    header.extend_from_slice(&8u16.to_le_bytes());
    header.extend_from_slice(&32u16.to_le_bytes());
    header.extend_from_slice(b"data");
    header.extend_from_slice(&data.to_le_bytes());
    file.write_all(&header)
}
