//! A stretch of a file in memory: grown at its end, forgotten at its beginning. Who waits for what is `buffer`'s matter.
//!
//! It is made of pieces of one size, so that a long stream neither copies nor leaves holes that fit nothing: one growing
//! buffer came to twice the memory it held.

use std::collections::VecDeque;

/// Small beside what is kept, large beside what is read at once.
const PIECE: usize = 64 << 10;
/// So many forgotten pieces are kept to be filled again. A stream that runs needs no others: one thread would allocate for ever what another
/// frees, and the memory of both would fall to pieces.
const SPARE: usize = 2;

/// The bytes of a file from one place to another.
#[derive(Debug, Default)]
pub(super) struct Window {
    pieces: VecDeque<Box<[u8]>>,
    spare: Vec<Box<[u8]>>,
    /// Where in the file the first piece begins.
    origin: u64,
    /// Where in the file the window begins and ends.
    start: u64,
    end: u64,
}

impl Window {
    /// The place of its first byte.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// The place after its last byte.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Appends bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let at = (self.end - self.origin) as usize;
            if at / PIECE == self.pieces.len() {
                let piece = self.spare.pop();
                self.pieces
                    .push_back(piece.unwrap_or_else(|| vec![0; PIECE].into()));
            }
            let Some(piece) = self.pieces.back_mut() else {
                return;
            };
            let space = &mut piece[at % PIECE..];
            let count = space.len().min(bytes.len());
            let (these, rest) = bytes.split_at(count);
            space[..count].copy_from_slice(these);
            self.end += count as u64;
            bytes = rest;
        }
    }

    /// Copies bytes from `place` on, as many as are at hand in one piece. None, if the place is outside.
    pub(super) fn read(&self, place: u64, into: &mut [u8]) -> usize {
        if !(self.start..self.end).contains(&place) {
            return 0;
        }
        let at = (place - self.origin) as usize;
        let piece = &self.pieces[at / PIECE];
        let there = &piece[at % PIECE..];
        let left = usize::try_from(self.end - place).unwrap_or(usize::MAX);
        let count = there.len().min(left).min(into.len());
        into[..count].copy_from_slice(&there[..count]);
        count
    }

    /// Forgets what lies before `place`.
    pub(super) fn forget_before(&mut self, place: u64) {
        self.start = place.clamp(self.start, self.end);
        while self.start - self.origin >= PIECE as u64 {
            if let Some(piece) = self.pieces.pop_front()
                && self.spare.len() < SPARE
            {
                self.spare.push(piece);
            }
            self.origin += PIECE as u64;
        }
    }

    /// Forgets everything, and goes on at `place`.
    pub(super) fn restart(&mut self, place: u64) {
        *self = Self {
            origin: place,
            start: place,
            end: place,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn byte(place: u64) -> u8 {
        (place % 251) as u8
    }

    #[test]
    fn what_is_pushed_is_read_at_its_place_until_it_is_forgotten() {
        let mut window = Window::default();
        window.restart(1_000_000);
        let mut seed = 7_u64;
        for round in 0..200_u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let end = window.end();
            let bytes: Vec<u8> = (end..end + (seed >> 33) % 30_000).map(byte).collect();
            window.push(&bytes);
            assert_eq!(window.end(), end + bytes.len() as u64);
            window.forget_before(window.end().saturating_sub(150_000));
            let kept = window.pieces.len() + window.spare.len();
            assert!(kept <= 4 + SPARE, "{kept}");
            let mut place = window.start();
            let mut into = [0; 7001];
            while place < window.end() {
                let count = window.read(place, &mut into);
                assert!(count > 0, "round {round}: nothing at {place}");
                assert!(
                    (place..)
                        .zip(&into[..count])
                        .all(|(at, read)| byte(at) == *read)
                );
                place += count as u64;
            }
            assert_eq!(window.read(window.start().wrapping_sub(1), &mut into), 0);
            assert_eq!(window.read(window.end(), &mut into), 0);
        }
    }
}
