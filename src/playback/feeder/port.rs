//! The feeder's end of one lane: which of the stream's blocks it has been given.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use super::stream::Stream;
use crate::audio::{AudioBlock, Timeline};
use crate::clock::ClockTime;
use crate::playback::lane::{Begin, Claim, Gain, LaneCommand, LaneHandle};

/// Blocks that a lane may hold: the lead and the largest lateness, with some to spare.
const BLOCKS: usize = 512;

#[derive(Debug)]
pub(super) struct Port {
    lane: LaneHandle,
    claim: Claim,
    /// `None` when the lane plays nothing of ours.
    blocks: Option<SyncSender<Arc<AudioBlock>>>,
    /// The first frame the lane has not been given.
    next: u64,
    /// It has been told that the stream ends at `next`.
    told_end: bool,
    displaced: bool,
}

impl Port {
    pub(super) fn new(lane: LaneHandle) -> Self {
        Self {
            lane,
            claim: 0,
            blocks: None,
            next: 0,
            told_end: false,
            displaced: false,
        }
    }

    pub(super) fn prepare(&self) {
        self.lane.prepare();
    }

    pub(super) fn reach(&self) -> Duration {
        self.lane.reach()
    }

    pub(super) fn getting_ready(&self) -> bool {
        self.lane.getting_ready()
    }

    pub(super) fn writes_ahead(&self) -> Duration {
        self.lane.writes_ahead()
    }

    /// Whether another zone has taken the lane since it was last begun.
    pub(super) fn displaced(&self) -> bool {
        self.displaced
    }

    pub(super) fn begin(
        &mut self,
        claim: Claim,
        timeline: Timeline,
        gain: &Arc<Gain>,
        fade_in: bool,
        stream: &Stream,
    ) {
        let (sender, blocks) = sync_channel(BLOCKS);
        self.claim = claim;
        self.blocks = Some(sender);
        self.next = timeline.origin();
        self.told_end = false;
        self.displaced = false;
        self.feed(stream);
        self.lane.send(LaneCommand::Begin(Begin {
            claim,
            timeline,
            blocks,
            gain: gain.clone(),
            fade_in,
            live: stream.live().is_some(),
        }));
    }

    /// Hands over what the lane has not got, as far as it takes it. A lane that takes nothing loses what goes out of the
    /// stream's history; nobody waits for it.
    pub(super) fn feed(&mut self, stream: &Stream) {
        let Some(sender) = &self.blocks else { return };
        let mark = Arc::new(AudioBlock {
            start: stream.end(),
            samples: Vec::new(),
        });
        let end = (stream.end_frame().is_some() && !self.told_end).then_some(&mark);
        for block in stream.blocks_from(self.next).chain(end) {
            match sender.try_send(block.clone()) {
                Ok(()) => {
                    self.next = block.end();
                    self.told_end = block.frames() == 0;
                }
                Err(TrySendError::Full(_)) => break,
                Err(TrySendError::Disconnected(_)) => {
                    self.blocks = None;
                    self.displaced = true;
                    return;
                }
            }
        }
    }

    /// Ends the music on the frame heard at `at`.
    pub(super) fn halt(&mut self, at: ClockTime) {
        if self.blocks.take().is_some() {
            self.lane.send(LaneCommand::Halt {
                claim: self.claim,
                at,
            });
        }
    }

    /// Lets the music run out: there is no more.
    pub(super) fn end(&mut self) {
        self.blocks = None;
    }
}
