//! One input at work: it reads the far end, brings what comes onto our clock, hears whether there is sound, and hands it on.
//! It owns no thread: `live::threads` calls [`Listener::step`].

use std::collections::VecDeque;
use std::sync::Arc;

use super::detector::{Change, Detector};
use super::grid::{Grid, PIECE};
use super::shelf::Shelf;
use super::{InputEnd, InputEvent, InputSpec};
use crate::audio::StreamFormat;
use crate::capture::{Capture, CaptureError};
use crate::clock::ClockTime;

/// An input, heard.
pub struct Listener {
    capture: Option<Box<dyn Capture>>,
    gaps: u64,
    grid: Grid,
    detector: Detector,
    shelf: Arc<Shelf>,
    events: VecDeque<InputEvent>,
    /// Read and not yet on the grid.
    read: Vec<f32>,
    piece: [f32; PIECE * 2],
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener")
            .field("grid", &self.grid)
            .finish_non_exhaustive()
    }
}

impl Listener {
    /// A listener without a far end, from `now` on.
    pub fn new(spec: &InputSpec, end: InputEnd, now: ClockTime) -> Self {
        Self {
            capture: None,
            gaps: 0,
            grid: Grid::new(spec.buffer, now),
            detector: Detector::new(StreamFormat::STANDARD.rate, spec.stop_after),
            shelf: end.shelf,
            events: VecDeque::new(),
            read: Vec::new(),
            piece: [0.0; PIECE * 2],
        }
    }

    /// The far end, if there is one.
    pub(super) fn capture(&self) -> Option<&dyn Capture> {
        self.capture.as_deref()
    }

    /// Gives it a far end, newly opened.
    ///
    /// # Errors
    /// Its rate cannot be matched.
    pub fn attach(
        &mut self,
        capture: Box<dyn Capture>,
    ) -> Result<(), rubato::ResamplerConstructionError> {
        self.grid.open(capture.rate())?;
        self.gaps = capture.gaps();
        self.capture = Some(capture);
        self.shelf.set_open(true);
        Ok(())
    }

    /// Drops the far end; from here on it is silent.
    pub fn detach(&mut self) {
        self.capture = None;
        self.grid.close();
        self.shelf.set_open(false);
        self.shelf.set_clock(None);
    }

    /// The next thing that has changed.
    pub fn event(&mut self) -> Option<InputEvent> {
        self.events.pop_front()
    }

    /// Does what is due at `now`. Called every few milliseconds.
    ///
    /// # Errors
    /// The far end is lost.
    pub fn step(&mut self, now: ClockTime) -> Result<(), CaptureError> {
        let done = self.take_in();
        while let Some(start) = self.grid.pull(now, &mut self.piece) {
            self.shelf.put(start, self.grid.time_of(start), &self.piece);
            match self.detector.hear(start, &self.piece) {
                Some(Change::Sounds { from }) => {
                    self.shelf.set_sounding(Some(from));
                    self.events.push_back(InputEvent::Sounds);
                }
                Some(Change::Silent) => {
                    self.shelf.set_sounding(None);
                    self.events.push_back(InputEvent::Silent);
                }
                None => {}
            }
        }
        self.shelf.wake();
        done
    }

    fn take_in(&mut self) -> Result<(), CaptureError> {
        let Some(capture) = &mut self.capture else {
            return Ok(());
        };
        self.read.clear();
        capture.read(&mut self.read)?;
        let gaps = capture.gaps() - self.gaps;
        if gaps > 0 {
            self.gaps += gaps;
            tracing::debug!(
                "something was lost on the way in: this program was held up, or what is listened to"
            );
            self.grid.lost_some();
        }
        while let Some(heard) = capture.heard() {
            self.grid.observe(heard);
        }
        self.grid.push(&self.read);
        self.shelf.set_clock(self.grid.clock_ppm());
        Ok(())
    }
}
