//! Whether an input sounds. Pure; time is counted in frames.

use std::time::Duration;

/// Sound is what is louder than this, as the root of the mean square: −60 dB of full scale. The noise of a line-in lies below, the
/// softest music people put on above.
const LOUD: f32 = 1e-3;
/// It takes so many loud pieces…
const LOUD_PIECES: u32 = 3;
/// …of so many in a row: a click as something is plugged in is none.
const WINDOW: u32 = 8;

/// What a piece has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// There is sound, beginning with this frame or so.
    Sounds {
        /// The first frame of the first loud piece.
        from: u64,
    },
    /// There has been no sound for as long as is asked for.
    Silent,
}

/// Tells sound from silence.
#[derive(Debug)]
pub(super) struct Detector {
    /// So many frames without sound are silence.
    patience: u64,
    sounds: bool,
    /// A bit for each of the last pieces, the latest lowest: whether it was loud.
    loud: u32,
    /// Where the first loud one among them began.
    from: u64,
    last_loud: u64,
}

impl Detector {
    /// One that calls `stop_after` without sound silence; at first there is none.
    pub(super) fn new(rate: u32, stop_after: Duration) -> Self {
        Self {
            patience: (stop_after.as_secs_f64() * f64::from(rate)) as u64,
            sounds: false,
            loud: 0,
            from: 0,
            last_loud: 0,
        }
    }

    /// Takes in the stereo frames from number `start` on: some milliseconds of them, always as many.
    pub(super) fn hear(&mut self, start: u64, samples: &[f32]) -> Option<Change> {
        let square: f32 = samples.iter().map(|sample| sample * sample).sum();
        let is_loud = square > LOUD * LOUD * samples.len() as f32;
        let window = (1 << WINDOW) - 1;
        if is_loud {
            if self.loud == 0 {
                self.from = start;
            }
            self.last_loud = start;
        }
        self.loud = (self.loud << 1 | u32::from(is_loud)) & window;
        if !self.sounds && self.loud.count_ones() >= LOUD_PIECES {
            self.sounds = true;
            return Some(Change::Sounds { from: self.from });
        }
        if self.sounds && start.saturating_sub(self.last_loud) > self.patience {
            self.sounds = false;
            self.loud = 0;
            return Some(Change::Silent);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECE: usize = 240;

    /// What is told of pieces of these levels, each with the number of its piece.
    fn told(detector: &mut Detector, levels: &[f32]) -> Vec<(usize, Change)> {
        let told = levels.iter().enumerate().filter_map(|(index, &level)| {
            let start = (index * PIECE) as u64;
            let change = detector.hear(start, &[level; PIECE * 2])?;
            Some((index, change))
        });
        told.collect()
    }

    fn detector(pieces: u32) -> Detector {
        Detector::new(48_000, Duration::from_millis(5) * pieces)
    }

    #[test]
    fn sound_begins_with_its_first_piece_and_ends_after_a_while_without() {
        let mut levels = vec![0.0005; 10];
        levels.extend([0.1; 20]);
        levels.extend([0.0; 60]);
        let told = told(&mut detector(40), &levels);
        let from = 10 * PIECE as u64;
        assert_eq!(told, [(12, Change::Sounds { from }), (70, Change::Silent)]);
    }

    #[test]
    fn a_click_is_no_sound_and_a_rest_is_no_silence() {
        let mut levels = vec![0.0; 10];
        levels.extend([0.5, 0.5]);
        levels.extend([0.0; 30]);
        levels.extend([0.1; 4]);
        for _ in 0..5 {
            levels.extend([0.0; 39]);
            levels.push(0.1);
        }
        let told = told(&mut detector(40), &levels);
        let from = 42 * PIECE as u64;
        assert_eq!(told, [(44, Change::Sounds { from })]);
    }
}
