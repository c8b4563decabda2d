//! An open sink and what is known of it: its clock line, what it has been given, and where on it a zone's frames fall.
//! It decides nothing about what is played.

use std::time::Duration;

use rubato::ResamplerConstructionError;

use crate::audio::{DriftController, Glide, LARGEST_BEND, PositionFilter, RateMatcher, Timeline};
use crate::clock::ClockTime;
use crate::playback::written::Written;
use crate::sink::{Sink, SinkError};

/// Music that has run for so long, in seconds, is expected to run on: whoever looks for a song has found it.
const SETTLED_SECONDS: f64 = 5.0;

/// What the device has to say when it is looked at.
pub(super) struct News {
    /// How many frames it takes now.
    pub(super) room: usize,
    /// How often it has run dry since it was last looked at.
    pub(super) gaps: u64,
}

/// One output's sink, and the sums that place frames on it.
pub(super) struct Device {
    sink: Box<dyn Sink>,
    line: PositionFilter,
    matcher: RateMatcher,
    written: Written,
    gaps: u64,
    zone_rate: u32,
    /// How late the speaker behind the sink is, and how late it is said to be.
    late: Glide,
    late_wanted: f64,
    /// Written since the sink was last given something.
    outgoing: Vec<f32>,
    /// The frame with which the present music began.
    begun: u64,
}

impl Device {
    /// A sink newly opened, of which at most the rate was learnt earlier.
    pub(super) fn new(
        sink: Box<dyn Sink>,
        zone_rate: u32,
        late_seconds: f64,
        learnt_ppm: Option<f64>,
    ) -> Result<Self, ResamplerConstructionError> {
        let rate = sink.rate();
        Ok(Self {
            line: PositionFilter::new(rate, learnt_ppm),
            matcher: RateMatcher::new(zone_rate, rate)?,
            written: Written::new(rate, sink.buffer()),
            gaps: sink.gaps(),
            sink,
            zone_rate,
            late: Glide::new(late_seconds),
            late_wanted: late_seconds,
            outgoing: Vec::new(),
            begun: 0,
        })
    }

    pub(super) fn rate(&self) -> u32 {
        self.sink.rate()
    }

    /// Whether the device is known well enough to start on the exact frame.
    pub(super) fn is_known(&self) -> bool {
        self.line.settled()
    }

    /// How fast the crystal is, once the device has been heard.
    pub(super) fn clock_ppm(&self) -> Option<f64> {
        self.line.settled().then(|| self.line.ppm())
    }

    /// How fast the crystal is, if that is worth remembering.
    pub(super) fn learnt_ppm(&self) -> Option<f64> {
        self.line.learnt_ppm()
    }

    /// Takes in what the device has reported.
    pub(super) fn listen(&mut self) -> Result<News, SinkError> {
        let room = self.sink.writable()?;
        while let Some(heard) = self.sink.heard() {
            self.line.observe(heard);
        }
        let gaps = self.sink.gaps() - self.gaps;
        if gaps > 0 {
            self.gaps += gaps;
            self.line.moved();
        }
        Ok(News { room, gaps })
    }

    /// The number of the next frame written.
    pub(super) fn end(&self) -> u64 {
        self.written.end()
    }

    /// Adds frames, which are handed over by [`Device::flush`]: one larger piece costs a sound server less than many.
    pub(super) fn write(&mut self, frames: &[f32], silent: bool) {
        if frames.is_empty() {
            return;
        }
        self.outgoing.extend(frames);
        self.written.add(frames, silent);
    }

    /// Hands over what was written.
    pub(super) fn flush(&mut self) -> Result<(), SinkError> {
        if self.outgoing.is_empty() {
            return Ok(());
        }
        let done = self.sink.write(&self.outgoing);
        self.outgoing.clear();
        done
    }

    /// The speaker is late by so much: glided to while music plays.
    pub(super) fn set_lateness(&mut self, seconds: f64, playing: bool) {
        self.late_wanted = seconds;
        if !playing {
            self.late.jump(seconds);
        }
    }

    /// How much the sink holds.
    pub(super) fn buffer(&self) -> Duration {
        self.sink.buffer()
    }

    /// How soon the sink wants to be looked at again.
    pub(super) fn pace(&self) -> Duration {
        self.sink.pace()
    }

    /// The device frame that reaches the ear at `at`; the present end while the device is unknown.
    pub(super) fn frame_heard(&self, at: ClockTime) -> u64 {
        let leaves = at.plus_seconds(-self.late.seconds());
        let frame = self.line.frames_at(leaves);
        frame.map_or(self.end(), |frame| frame.max(0.0).round() as u64)
    }

    /// The device frame at which media frame `from` is due at the ear; `None` while the device is unknown.
    pub(super) fn start_frame(&self, timeline: &Timeline, from: f64) -> Option<f64> {
        let leaves = timeline.time_of(from).plus_seconds(-self.late.seconds());
        let known = self.line.settled();
        known.then(|| self.line.frames_at(leaves)).flatten()
    }

    /// The media frame that is due where the next frame is written.
    pub(super) fn due_at_end(&self, timeline: &Timeline) -> Option<f64> {
        let leaves = self.line.time_of(self.end() as f64)?;
        Some(timeline.frame_at(leaves.plus_seconds(self.late.seconds())))
    }

    /// Gets ready to play from media frame `from` at the next frame written.
    pub(super) fn begin(&mut self, from: f64) {
        self.matcher.begin(from);
        self.begun = self.end();
    }

    /// Tells the sink whether music runs that is expected to run on.
    pub(super) fn settle(&mut self, playing: bool) {
        let seconds = self.end().saturating_sub(self.begun) as f64 / f64::from(self.rate());
        self.sink.settle(playing && seconds >= SETTLED_SECONDS);
    }

    /// The media frame that the next frame written will carry.
    pub(super) fn position(&self) -> f64 {
        self.matcher.position()
    }

    /// How many media frames the next `frames` ask for at most, however the rate is bent for them.
    pub(super) fn wanted(&self, frames: usize) -> usize {
        let least = self.matcher.wanted(frames) as f64;
        (least * LARGEST_BEND).ceil() as usize + 1
    }

    /// How many seconds the music is ahead of its timeline where the next frame is written.
    pub(super) fn ahead(&self, timeline: &Timeline) -> f64 {
        let due = self.due_at_end(timeline);
        due.map_or(0.0, |due| {
            (self.position() - due) / f64::from(self.zone_rate)
        })
    }

    /// Makes the next frames at a rate that works off what the music is ahead, and glides to the lateness wanted.
    pub(super) fn process(&mut self, ahead: f64, output: &mut [f32], feed: impl FnMut(&mut [f32])) {
        let nominal = f64::from(self.sink.rate());
        let duration = (output.len() / 2) as f64 / nominal;
        let glide = self.late.advance(self.late_wanted, duration);
        let device_rate = nominal / self.line.rate();
        self.matcher
            .bend(device_rate * (DriftController.factor(ahead) + glide));
        self.matcher.process(output, feed);
    }

    /// Takes back what was written from device frame `start` on, as far as that is silence and the sink gives it back.
    /// Returns how many frames that were.
    pub(super) fn take_back_silence(&mut self, start: f64) -> Result<usize, SinkError> {
        self.flush()?;
        let silence = self.end() - self.written.silent_from();
        let over = (self.end() as f64 - start.max(0.0)) as u64;
        let back = self.sink.rewind(over.min(silence) as usize);
        self.written.take_back(back);
        Ok(back)
    }

    /// Takes back what was written from device frame `target` on, as far as the sink gives it back, and returns it.
    pub(super) fn take_back(&mut self, target: u64) -> Result<Vec<f32>, SinkError> {
        self.flush()?;
        let over = usize::try_from(self.end().saturating_sub(target)).unwrap_or(usize::MAX);
        let back = self.sink.rewind(over.min(self.written.known()));
        Ok(self.written.take_back(back))
    }

    /// How long it takes at least until something handed over now is heard.
    pub(super) fn reach(&self) -> Duration {
        self.sink.committed() + Duration::from_secs_f64(self.late.seconds().max(0.0))
    }
}
