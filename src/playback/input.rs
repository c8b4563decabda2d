//! A lane's end of its zone's stream: blocks in, frames out, by number.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

use crate::audio::AudioBlock;

/// Reads frames by number from blocks that arrive in order.
#[derive(Debug)]
pub(super) struct Input {
    blocks: Receiver<Arc<AudioBlock>>,
    front: VecDeque<Arc<AudioBlock>>,
    next: u64,
    /// The frame after the last that has come.
    end: u64,
    /// The last that came was the mark of the end: an empty block.
    ended: bool,
    closed: bool,
}

impl Input {
    pub(super) fn new(blocks: Receiver<Arc<AudioBlock>>) -> Self {
        Self {
            blocks,
            front: VecDeque::new(),
            next: 0,
            end: 0,
            ended: false,
            closed: false,
        }
    }

    /// The next frame [`Input::fill`] gives is number `frame`; earlier ones are dropped.
    pub(super) fn skip_to(&mut self, frame: u64) {
        self.next = frame;
        self.arrive();
    }

    /// The frame after the last that has come.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Whether there is anything to be read now.
    pub(super) fn has_frames(&mut self) -> bool {
        self.arrive();
        !self.front.is_empty()
    }

    /// How many frames can be read now.
    pub(super) fn at_hand(&mut self) -> usize {
        self.forget();
        while self.take_in() {}
        let end = self.front.back().map_or(self.next, |block| block.end());
        usize::try_from(end.saturating_sub(self.next)).unwrap_or(usize::MAX)
    }

    /// Whether all has been read and no more is expected. It may come all the same: a track that is queued at the last
    /// moment.
    pub(super) fn exhausted(&mut self) -> bool {
        self.arrive();
        (self.ended || self.closed) && self.front.is_empty()
    }

    /// Whether all has been read and nothing can come any more.
    pub(super) fn is_over(&mut self) -> bool {
        self.arrive();
        self.closed && self.front.is_empty()
    }

    /// Fills `output` (stereo) with the next frames and moves on by that many; what is not there is silence.
    /// Returns how many were missing.
    pub(super) fn fill(&mut self, output: &mut [f32]) -> usize {
        output.fill(0.0);
        let mut missing = output.len() / 2;
        let mut at = 0;
        while at < output.len() {
            self.arrive();
            let Some(block) = self.front.front() else {
                break;
            };
            if block.start > self.next {
                // Frames that never came; what follows keeps its place.
                let gap = usize::try_from(block.start - self.next).unwrap_or(usize::MAX);
                let skipped = gap.min((output.len() - at) / 2);
                at += skipped * 2;
                self.next += skipped as u64;
                continue;
            }
            let from = (self.next - block.start) as usize * 2;
            let count = (block.samples.len() - from).min(output.len() - at);
            output[at..at + count].copy_from_slice(&block.samples[from..from + count]);
            at += count;
            self.next += count as u64 / 2;
            missing -= count / 2;
        }
        self.next += (output.len() - at) as u64 / 2;
        missing
    }

    /// Drops what has been read, and takes in what has been sent if there is nothing else.
    fn arrive(&mut self) {
        self.forget();
        while self.front.is_empty() && self.take_in() {}
    }

    fn forget(&mut self) {
        while self
            .front
            .front()
            .is_some_and(|block| block.end() <= self.next)
        {
            self.front.pop_front();
        }
    }

    /// Takes in one more block; whether there was one.
    fn take_in(&mut self) -> bool {
        if self.closed {
            return false;
        }
        match self.blocks.try_recv() {
            Ok(block) => {
                self.ended = block.frames() == 0;
                self.end = block.end();
                if block.end() > self.next {
                    self.front.push_back(block);
                }
                true
            }
            Err(TryRecvError::Empty) => false,
            Err(TryRecvError::Disconnected) => {
                self.closed = true;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    fn block(start: u64, frames: u64) -> Arc<AudioBlock> {
        let samples = (start..start + frames)
            .flat_map(|n| [n as f32, -(n as f32)])
            .collect();
        Arc::new(AudioBlock { start, samples })
    }

    #[test]
    fn frames_come_by_number_and_what_is_missing_is_silence() {
        let (sender, blocks) = sync_channel(8);
        let mut input = Input::new(blocks);
        for block in [block(0, 3), block(3, 3), block(8, 4)] {
            sender.send(block).unwrap();
        }
        input.skip_to(2);
        assert_eq!(input.at_hand(), 10);
        let mut output = [9.0; 2 * 8];
        assert_eq!(input.fill(&mut output), 2);
        let left: Vec<f32> = output.chunks(2).map(|frame| frame[0]).collect();
        assert_eq!(left, [2.0, 3.0, 4.0, 5.0, 0.0, 0.0, 8.0, 9.0]);
        assert!(!input.exhausted());
        drop(sender);
        assert!(!input.exhausted());
        assert_eq!(input.fill(&mut output), 6);
        assert!(input.exhausted());
    }
}
