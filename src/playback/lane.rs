//! A lane carries one zone's audio to one sink, on time.
//! It owns no thread: `playback::threads` calls [`Lane::step`]; it never waits for another lane.
//!
//! For each frame it is about to write, the lane knows when that frame will be heard (by the line through what the sink
//! reported) and which media frame is due then (by the timeline). It bends its playback rate so that the two meet.

mod device;
mod handle;
mod mixer;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::input::Input;
use super::report::{LaneState, LaneStatus};
use super::settings::SharedSettings;
use super::spec::{LARGEST_BUFFER, Learnt, OutputSpec};
use crate::audio::{LOOK_AHEAD, Timeline};
use crate::clock::ClockTime;
use crate::sink::{Sink, SinkError};
use device::{Device, News};
pub(crate) use handle::{Begin, LaneCommand};
pub use handle::{Claim, Gain, LaneEnd, LaneHandle, SideGain, Wake};
use mixer::{Mixer, fade_out};

/// Frames written at a time: the rate is steered this often.
const CHUNK: usize = 240;
/// How long a halt takes to fade: 5 ms, short enough to count as at once, long enough not to click.
const FADE: usize = 240;
/// Beyond this the lane jumps instead of steering; at 1000 ppm it would take half a minute. In seconds.
const REANCHOR: f64 = 0.030;
/// Sound that broke because the device ran dry is put right by one more fade, if it is off by more than this: what is less, steering
/// works off to within a frame in five seconds. In seconds.
const REANCHOR_AFTER_A_GAP: f64 = 0.000_25;

/// A device that ran dry under music is given this much more buffer when it is opened next.
const MORE_BUFFER: f64 = 1.5;
/// How soon one looks around at most whose device is not known: a start may be waiting for its reports.
const EAGER_PACE: Duration = Duration::from_millis(8);
/// How soon one looks around that plays what was taken in just before.
const LIVE_PACE: Duration = Duration::from_millis(10);
/// Frames of a live stream that have not come are waited for until so shortly before the device needs them.
const LAST_MOMENT: Duration = Duration::from_millis(15);
/// How soon a lane without a sink looks around.
const IDLE_PACE: Duration = Duration::from_millis(200);

/// What the lane plays.
#[derive(Debug)]
enum Mode {
    Silent,
    /// The stream is to start; `from` is the media frame it starts with, if that is not yet past.
    Waiting {
        stream: Stream,
        from: f64,
    },
    Playing {
        stream: Stream,
    },
}

#[derive(Debug)]
struct Stream {
    claim: Claim,
    timeline: Timeline,
    input: Input,
    gain: Arc<Gain>,
    fade_in: bool,
    live: bool,
}

/// One output, on time.
pub struct Lane {
    name: String,
    settings: Arc<SharedSettings>,
    zone_rate: u32,
    commands: Receiver<LaneCommand>,
    postponed: VecDeque<LaneCommand>,
    status: Arc<LaneStatus>,
    device: Option<Device>,
    mode: Mode,
    /// The latest claim; a zone with an earlier one has lost the lane.
    claimed: Claim,
    wanted: bool,
    learnt: Learnt,
    mixer: Mixer,
    chunk: Vec<f32>,
    starved: u64,
    gaps: u64,
    /// The device has run dry under music, and is not known again yet.
    broken: bool,
    reanchored: u64,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane")
            .field("output", &self.name)
            .finish_non_exhaustive()
    }
}

impl Lane {
    /// A lane without a sink.
    pub fn new(spec: &OutputSpec, zone_rate: u32, end: LaneEnd) -> Self {
        Self {
            name: spec.name.clone(),
            learnt: spec.learnt,
            mixer: Mixer::new(zone_rate, spec.settings),
            settings: end.settings,
            zone_rate,
            commands: end.commands,
            postponed: VecDeque::new(),
            status: end.status,
            device: None,
            mode: Mode::Silent,
            claimed: 0,
            wanted: spec.kept_open,
            chunk: Vec::with_capacity(CHUNK * 2),
            starved: 0,
            gaps: 0,
            broken: false,
            reanchored: 0,
        }
    }

    /// Whether the lane has been asked for and has no sink.
    pub fn wants_sink(&self) -> bool {
        self.wanted && self.device.is_none()
    }

    /// Whether the lane has an open sink.
    pub fn has_sink(&self) -> bool {
        self.device.is_some()
    }

    /// How much its sink should be able to hold, if another than the usual amount has proved necessary.
    pub fn buffer(&self) -> Option<Duration> {
        self.learnt.buffer
    }

    /// How soon it wants to be stepped again, unless something wakes it.
    pub fn pace(&self) -> Duration {
        match &self.device {
            None => IDLE_PACE,
            Some(device) if self.plays_live() => device.pace().min(LIVE_PACE),
            Some(device) if device.is_known() => device.pace(),
            Some(device) => device.pace().min(EAGER_PACE),
        }
    }

    /// Whether music is heard.
    pub fn is_playing(&self) -> bool {
        matches!(self.mode, Mode::Playing { .. })
    }

    fn plays_live(&self) -> bool {
        match &self.mode {
            Mode::Silent => false,
            Mode::Waiting { stream, .. } | Mode::Playing { stream } => stream.live,
        }
    }

    /// Whether the lane plays or is about to.
    pub fn is_busy(&self) -> bool {
        !matches!(self.mode, Mode::Silent)
    }

    /// Gives the lane a sink, newly opened. What it should play it joins at the frame that is due.
    ///
    /// # Errors
    /// The sink's rate cannot be matched.
    pub fn attach(
        &mut self,
        sink: Box<dyn Sink>,
    ) -> Result<(), rubato::ResamplerConstructionError> {
        let settings = self.settings.load();
        let (late, ppm) = (settings.late_seconds, self.learnt.clock_ppm);
        let device = Device::new(sink, self.zone_rate, late, ppm)?;
        self.mixer = Mixer::new(device.rate(), settings);
        self.device = Some(device);
        self.status.set_state(LaneState::Ready);
        Ok(())
    }

    /// Drops the sink because it was lost or could not be opened; the stream goes on without it.
    pub fn detach(&mut self) {
        self.close();
        self.status.set_getting_ready(false);
        self.status.set_state(LaneState::Lost);
    }

    /// Drops the sink because nothing has been played for a while.
    pub fn rest(&mut self) {
        self.close();
        self.wanted = false;
        self.status.set_state(LaneState::Resting);
    }

    fn close(&mut self) {
        if let Some(device) = self.device.take() {
            self.learnt.clock_ppm = device.learnt_ppm().or(self.learnt.clock_ppm);
        }
        self.mode = match std::mem::replace(&mut self.mode, Mode::Silent) {
            Mode::Playing { mut stream } => {
                stream.fade_in = true;
                Mode::Waiting { stream, from: 0.0 }
            }
            other => other,
        };
        self.status.set_ahead(None);
        self.status.set_clock(None);
        self.status.set_reach(Duration::ZERO);
    }

    /// Does what is due at `now`: takes commands, reads reports, fills the sink. Called every few milliseconds.
    ///
    /// # Errors
    /// The sink is lost.
    pub fn step(&mut self, now: ClockTime) -> Result<(), SinkError> {
        let Some(mut device) = self.device.take() else {
            self.step_without_sink(now);
            return Ok(());
        };
        let done = self
            .step_with(&mut device, now)
            .and_then(|()| device.flush());
        device.settle(self.is_playing() && !self.plays_live());
        self.publish(&device);
        self.device = Some(device);
        done
    }

    fn step_without_sink(&mut self, now: ClockTime) {
        while let Some(command) = self.next_command() {
            match command {
                LaneCommand::Prepare => self.wanted = true,
                LaneCommand::Begin(begin) => self.wait_for(begin),
                LaneCommand::Halt { claim, .. } => {
                    if self.claim() == Some(claim) {
                        self.mode = Mode::Silent;
                    }
                }
            }
        }
        if let Mode::Waiting { stream, .. } = &mut self.mode {
            // Blocks must not pile up for a sink that may stay away.
            let early = self.settings.load().late_seconds.min(0.0);
            let due = stream.timeline.frame_at(now.plus_seconds(early));
            stream.input.skip_to(due.max(0.0) as u64);
        }
    }

    fn step_with(&mut self, device: &mut Device, now: ClockTime) -> Result<(), SinkError> {
        let News { mut room, gaps } = device.listen()?;
        if gaps > 0 {
            self.count_gaps(gaps, device);
        }
        let settings = self.settings.load();
        self.mixer.set(settings);
        device.set_lateness(settings.late_seconds, self.is_playing());
        loop {
            room = self.obey(device, room)?;
            // A sink that is full of silence has no room, and room soon enough only by what is taken back.
            room += self.start_if_due(device)?;
            let wanted = self.frames_until_halt(device).min(CHUNK);
            if wanted == 0 || room < wanted || self.can_wait(device, wanted, now) {
                return Ok(());
            }
            self.write_chunk(device, wanted);
            room -= wanted;
        }
    }

    /// Whether the next `frames` of a live stream have not all come, and still may in time.
    fn can_wait(&mut self, device: &Device, frames: usize, now: ClockTime) -> bool {
        let Mode::Playing { stream } = &mut self.mode else {
            return false;
        };
        if !stream.live || stream.input.at_hand() >= device.wanted(frames) {
            return false;
        }
        let last_moment = now + device.reach() + LAST_MOMENT;
        !stream.input.exhausted() && device.end() > device.frame_heard(last_moment)
    }

    fn count_gaps(&mut self, gaps: u64, device: &Device) {
        self.gaps += gaps;
        if self.is_playing() {
            self.broken = true;
            tracing::warn!(output = %self.name, "the device ran dry: this program was held up");
            let more = device.buffer().mul_f64(MORE_BUFFER);
            self.learnt.buffer = Some(more.min(LARGEST_BUFFER));
        } else {
            tracing::debug!(output = %self.name, "the device ran dry while silent");
        }
    }

    fn next_command(&mut self) -> Option<LaneCommand> {
        loop {
            let postponed = self.postponed.pop_front();
            let command = postponed.or_else(|| self.commands.try_recv().ok())?;
            if let LaneCommand::Begin(begin) = &command {
                if begin.claim < self.claimed {
                    // Its zone notices when the blocks' receiver is dropped.
                    continue;
                }
                self.claimed = begin.claim;
            }
            return Some(command);
        }
    }

    fn claim(&self) -> Option<Claim> {
        match &self.mode {
            Mode::Silent => None,
            Mode::Waiting { stream, .. } | Mode::Playing { stream } => Some(stream.claim),
        }
    }

    fn wait_for(&mut self, begin: Begin) {
        self.wanted = true;
        self.mode = Mode::Waiting {
            from: begin.timeline.origin() as f64,
            stream: Stream {
                claim: begin.claim,
                timeline: begin.timeline,
                input: Input::new(begin.blocks),
                gain: begin.gain,
                fade_in: begin.fade_in,
                live: begin.live,
            },
        };
    }

    /// Carries out commands whose time has come. Takes how many frames the sink has room for and returns what is left.
    fn obey(&mut self, device: &mut Device, mut room: usize) -> Result<usize, SinkError> {
        while let Some(command) = self.next_command() {
            match command {
                LaneCommand::Prepare => self.wanted = true,
                LaneCommand::Begin(begin) => {
                    if let Mode::Playing { stream } = &self.mode {
                        // Another zone takes the output over: the old stream ends first, as soon as can be.
                        let claim = stream.claim;
                        // A halt in the past is carried out as early as the sink allows.
                        let at = ClockTime::default();
                        self.postponed.push_front(LaneCommand::Begin(begin));
                        self.postponed.push_front(LaneCommand::Halt { claim, at });
                        continue;
                    }
                    self.wait_for(begin);
                }
                LaneCommand::Halt { claim, at } => {
                    if self.claim() != Some(claim) {
                        continue;
                    }
                    if matches!(self.mode, Mode::Waiting { .. }) {
                        self.mode = Mode::Silent;
                        continue;
                    }
                    let target = device.frame_heard(at);
                    let halted = if target > device.end() {
                        None
                    } else {
                        self.halt(device, room, target)?
                    };
                    let Some(left) = halted else {
                        self.postponed.push_front(LaneCommand::Halt { claim, at });
                        return Ok(room);
                    };
                    room = left;
                }
            }
        }
        Ok(room)
    }

    /// How many frames may be written before a postponed halt is due.
    fn frames_until_halt(&self, device: &Device) -> usize {
        match self.postponed.front() {
            Some(LaneCommand::Halt { claim, at }) if self.claim() == Some(*claim) => {
                let left = device.frame_heard(*at).saturating_sub(device.end());
                usize::try_from(left).unwrap_or(usize::MAX)
            }
            _ => CHUNK,
        }
    }

    /// Ends the music at device frame `target`, which has been written already, or as soon after it as can be.
    /// Returns the room left, or `None` if there is none to fade in and nothing could be taken back: try again.
    fn halt(
        &mut self,
        device: &mut Device,
        room: usize,
        target: u64,
    ) -> Result<Option<usize>, SinkError> {
        let mut tail = device.take_back(target)?;
        let back = tail.len() / 2;
        if tail.len() >= FADE * 2 {
            tail.truncate(FADE * 2);
            fade_out(&mut tail);
            device.write(&tail, false);
            self.mode = Mode::Silent;
            return Ok(Some(room + back - FADE));
        }
        // Too little to fade in: play what was taken back, and fade what follows.
        device.write(&tail, false);
        if room < FADE {
            return Ok(None);
        }
        let mut next = std::mem::take(&mut self.chunk);
        self.render(device, FADE, &mut next);
        fade_out(&mut next);
        device.write(&next, false);
        self.chunk = next;
        self.mode = Mode::Silent;
        Ok(Some(room - FADE))
    }

    fn write_chunk(&mut self, device: &mut Device, frames: usize) {
        let mut chunk = std::mem::take(&mut self.chunk);
        let silence = self.silence_before_start(device, frames);
        if silence > 0 {
            chunk.clear();
            chunk.resize(silence * 2, 0.0);
            device.write(&chunk, true);
        } else {
            let music = self.render(device, frames, &mut chunk);
            let (music, behind) = chunk.split_at(music * 2);
            device.write(music, false);
            // What follows the end may be put in the place of what is written behind it.
            device.write(behind, true);
        }
        self.chunk = chunk;
    }

    /// How much of the next `frames` is silence before anything else.
    fn silence_before_start(&self, device: &Device, frames: usize) -> usize {
        match &self.mode {
            Mode::Silent => frames,
            Mode::Playing { .. } => 0,
            Mode::Waiting { stream, from } => {
                let end = device.end();
                match device.start_frame(&stream.timeline, *from) {
                    Some(start) if start > end as f64 => {
                        (start.ceil() as u64 - end).min(frames as u64) as usize
                    }
                    _ => frames,
                }
            }
        }
    }

    /// Begins the stream if its first frame falls to the very next frame written, or is past. Returns how many frames of
    /// silence were taken back for it.
    fn start_if_due(&mut self, device: &mut Device) -> Result<usize, SinkError> {
        if let Mode::Waiting { stream, .. } = &mut self.mode
            && !stream.input.has_frames()
        {
            if stream.input.is_over() {
                self.mode = Mode::Silent;
            }
            return Ok(0);
        }
        let Mode::Waiting { stream, from } = &self.mode else {
            return Ok(0);
        };
        let Some(start) = device.start_frame(&stream.timeline, *from) else {
            return Ok(0);
        };
        let mut back = 0;
        // Less than a frame is not worth taking back: the stream begins between two frames just as well.
        if start + 1.0 <= device.end() as f64 {
            // What was written since is silence, as far as it is: the music goes in its place.
            back = device.take_back_silence(start)?;
        }
        if start > device.end() as f64 {
            return Ok(back);
        }
        let Some(due) = device.due_at_end(&stream.timeline) else {
            return Ok(back);
        };
        let Mode::Waiting { mut stream, from } = std::mem::replace(&mut self.mode, Mode::Silent)
        else {
            return Ok(back);
        };
        // More than a frame, of the device's or the music's, later than planned means that the beginning is lost: what
        // follows is faded in.
        let frame = (f64::from(self.zone_rate) / f64::from(device.rate())).max(1.0);
        let cut = due - from > frame;
        stream.input.skip_to(due.max(0.0) as u64);
        device.begin(due.max(0.0));
        if stream.fade_in || cut {
            self.mixer.begin_silent();
        } else {
            self.mixer.begin(&stream.gain);
        }
        self.mode = Mode::Playing { stream };
        Ok(back)
    }

    /// Makes the next `frames` of music; silence if there is none. Returns how many of them stand before the end of the stream, as far as
    /// that is known.
    fn render(&mut self, device: &mut Device, frames: usize, output: &mut Vec<f32>) -> usize {
        output.clear();
        output.resize(frames * 2, 0.0);
        let Mode::Playing { mut stream } = std::mem::replace(&mut self.mode, Mode::Silent) else {
            return 0;
        };
        let from = device.position();
        // While the device is not known again after a gap, the music goes on as it was.
        let known = device.is_known();
        let ahead = if known {
            device.ahead(&stream.timeline)
        } else {
            0.0
        };
        let (mut asked, mut missing) = (0, 0);
        device.process(ahead, output, |frames| {
            asked += frames.len() / 2;
            missing += stream.input.fill(frames);
        });
        self.mixer.apply(output, &stream.gain);
        let limit = if self.broken {
            REANCHOR_AFTER_A_GAP
        } else {
            REANCHOR
        };
        let too_far = ahead.abs() > limit;
        self.broken &= !known;
        self.status.set_ahead(known.then_some(ahead));
        let next = device.position();
        let mut music = frames;
        self.mode = if missing > 0 && stream.input.exhausted() {
            let end = stream.input.end() as f64;
            let before = ((end - from) / (next - from)).clamp(0.0, 1.0);
            music = (before * frames as f64).ceil() as usize;
            // The filter's look-ahead was the last to be empty; a little later all has been played.
            if missing >= asked {
                let from = end.min(next);
                Mode::Waiting { stream, from }
            } else {
                Mode::Playing { stream }
            }
        } else if missing > 0 || too_far {
            if too_far {
                fade_out(output);
                self.reanchored += 1;
                tracing::warn!(
                    output = %self.name,
                    "{:+.1} ms off its time: jumped to the frame that is due",
                    ahead * 1e3,
                );
            } else {
                // What the filter has looked ahead to can still be heard.
                let there = (asked + LOOK_AHEAD).saturating_sub(missing);
                let there = (there * frames / asked).min(frames);
                let (there, rest) = output.split_at_mut(there * 2);
                fade_out(there);
                rest.fill(0.0);
                self.starved += missing as u64;
            }
            stream.fade_in = true;
            Mode::Waiting { stream, from: next }
        } else {
            Mode::Playing { stream }
        };
        music
    }

    fn publish(&self, device: &Device) {
        let playing = self.is_playing();
        self.status.set_state(if playing {
            LaneState::Playing
        } else {
            LaneState::Ready
        });
        if !playing {
            self.status.set_ahead(None);
        }
        self.status.set_clock(device.clock_ppm());
        self.status.set_reach(device.reach());
        self.status.set_getting_ready(!device.is_known());
        self.status.set_writes_ahead(device.buffer());
        self.status.set_learnt(Learnt {
            clock_ppm: device.learnt_ppm().or(self.learnt.clock_ppm),
            ..self.learnt
        });
        self.status
            .set_counts(self.starved, self.gaps, self.reanchored);
    }
}
