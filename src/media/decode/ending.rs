//! The end of an MP3 by its header's word: whether it is the end. Headers that were written before the file was, or that a file was joined
//! behind, count too few frames, and Symphonia leaves out whatever comes behind. It decodes nothing.

use std::collections::VecDeque;

use symphonia::core::packet::Packet;
use symphonia::core::units::Duration;

/// No encoder fills up with more frames: it has twelve bits for their number.
const MOST_PADDING: u64 = 4095;

/// Keeps back what is said to be no music until the file ends, or until it goes on for so long that it must be.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// Those of which a part is to be left out.
    held: VecDeque<Packet>,
    /// How many frames those parts have.
    beyond: u64,
    /// To be heard.
    ready: VecDeque<Packet>,
    disbelieved: bool,
}

impl Ending {
    /// The next packet that is to be heard.
    pub(super) fn take(&mut self) -> Option<Packet> {
        self.ready.pop_front()
    }

    /// The packet that follows in the file.
    pub(super) fn push(&mut self, packet: Packet) {
        if packet.trim_end.is_zero() && self.held.is_empty() {
            return self.ready.push_back(packet);
        }
        self.beyond = self.beyond.saturating_add(packet.trim_end.get());
        self.held.push_back(packet);
        self.disbelieved |= self.beyond > MOST_PADDING;
        if self.disbelieved {
            for packet in &mut self.held {
                packet.trim_end = Duration::ZERO;
            }
            self.ready.append(&mut self.held);
        }
    }

    /// The file has ended; whether there is more to be heard of it.
    pub(super) fn close(&mut self) -> bool {
        self.ready.append(&mut self.held);
        !self.ready.is_empty()
    }

    /// It goes on from another place.
    pub(super) fn jump(&mut self) {
        self.held.clear();
        self.ready.clear();
        if !self.disbelieved {
            self.beyond = 0;
        }
    }
}
