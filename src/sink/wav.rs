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
    let mut recording = Recording::create(&spec.path).map_err(|error| SinkError::Open {
        sink: SinkSpec::Wav(spec.clone()).to_string(),
        reason: error.to_string(),
    })?;
    let ear = move |_, frames: &[f32]| {
        recording.hear(frames);
        Ok(())
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
    file: io::BufWriter<File>,
    frames: u64,
    silent: usize,
    bytes: Vec<u8>,
    /// The last frames could not be written.
    broken: bool,
}

impl Recording {
    /// Checks that the file can be written. What was in it is gone.
    fn create(path: &Path) -> io::Result<Self> {
        let mut file = File::create(path)?;
        write_header(&mut file, 0)?;
        Ok(Self {
            path: path.to_owned(),
            file: io::BufWriter::new(file),
            frames: 0,
            silent: KEPT_SILENCE,
            bytes: Vec::new(),
            broken: false,
        })
    }

    /// Adds frames. A disk that is full makes a hole: were the sink given up instead, opening it again would
    /// replace what has been recorded.
    fn hear(&mut self, frames: &[f32]) {
        let written = self.add(frames);
        let path = self.path.display();
        match &written {
            Err(error) if !self.broken => {
                tracing::warn!("{path}: what is heard now is not written: {error}");
            }
            Ok(()) if self.broken => tracing::info!("{path}: it is written again"),
            _ => {}
        }
        self.broken = written.is_err();
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
        self.file.write_all(&self.bytes)?;
        let before = self.frames / HEADER_EVERY;
        self.frames += frames.len() as u64 / 2;
        if self.frames / HEADER_EVERY != before {
            self.update_header()?;
        }
        Ok(())
    }

    fn update_header(&mut self) -> io::Result<()> {
        self.file.flush()?;
        let file = self.file.get_mut();
        file.rewind()?;
        write_header(file, self.frames)?;
        file.seek(SeekFrom::End(0))?;
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
    let bytes = u32::try_from(frames * 8).unwrap_or(u32::MAX);
    let data = bytes.min(u32::MAX - HEADER_BYTES);
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A file of this test's own that is gone afterwards.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let name = format!("unisono-{}-{name}.wav", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        /// The header's two lengths, and the left samples.
        fn read(&self) -> (u32, u32, Vec<f32>) {
            let bytes = std::fs::read(&self.0).expect("it was written");
            let word = |at: usize| [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
            let samples = bytes[44..].chunks_exact(8);
            let left =
                samples.map(|frame| f32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]]));
            (
                u32::from_le_bytes(word(4)),
                u32::from_le_bytes(word(40)),
                left.collect(),
            )
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _never_written = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn it_holds_what_was_heard_without_the_long_silences() {
        let scratch = Scratch::new("silences");
        let mut recording = Recording::create(&scratch.0).expect("a temporary folder");
        let second = RATE as usize;
        for (level, seconds) in [(0.0, 5), (0.5, 1), (0.0, 3600), (0.25, 1)] {
            for _ in 0..seconds * 100 {
                recording.hear(&vec![level; second / 100 * 2]);
            }
        }
        drop(recording);
        let (riff, data, samples) = scratch.read();
        assert_eq!(samples.len(), second + KEPT_SILENCE + second);
        assert!(samples[..second].iter().all(|&sample| sample == 0.5));
        assert_eq!(samples[second], 0.0);
        assert_eq!(samples.last(), Some(&0.25));
        assert_eq!(data as usize, samples.len() * 8);
        assert_eq!(riff, data + 36);
    }

    #[test]
    fn a_program_that_is_killed_leaves_a_file_that_plays() {
        let scratch = Scratch::new("killed");
        let mut recording = Recording::create(&scratch.0).expect("a temporary folder");
        for _ in 0..250 {
            recording.hear(&[0.5; 480 * 2]);
        }
        let (_, data, samples) = scratch.read();
        // Of 2.5 seconds two are certain.
        assert_eq!(data as usize, 2 * RATE as usize * 8);
        assert!(samples.len() >= 2 * RATE as usize);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_makes_a_hole_and_nothing_is_lost_but_that() {
        let scratch = Scratch::new("full");
        let mut recording = Recording::create(&scratch.0).expect("a temporary folder");
        let second = |recording: &mut Recording, level| {
            for _ in 0..100 {
                recording.hear(&[level; 480 * 2]);
            }
        };
        second(&mut recording, 0.5);
        let full = File::options().write(true).open("/dev/full");
        let full = io::BufWriter::new(full.expect("every Linux has it"));
        let good = std::mem::replace(&mut recording.file, full);
        second(&mut recording, 0.25);
        assert!(recording.broken);
        recording.file = good;
        second(&mut recording, 0.75);
        assert!(!recording.broken);
        drop(recording);
        let (_, _, samples) = scratch.read();
        assert_eq!(samples.len(), 2 * RATE as usize);
        assert_eq!((samples[0], samples.last()), (0.5, Some(&0.75)));
    }

    #[test]
    fn the_header_does_not_overflow_where_its_fields_do() {
        for frames in [u64::from(u32::MAX / 8), u64::from(u32::MAX), u64::MAX / 8] {
            let scratch = Scratch::new("huge");
            let mut file = File::create(&scratch.0).expect("a temporary folder");
            write_header(&mut file, frames).expect("44 bytes");
            let (riff, data, _) = scratch.read();
            assert_eq!((riff, data), (u32::MAX - 8, u32::MAX - HEADER_BYTES));
        }
    }
}
