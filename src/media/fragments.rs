//! How many samples the fragments of an MP4 may announce. A run of samples of one length and one size is told in sixteen bytes, however many
//! they are, and Symphonia counts them one by one: four billion keep a thread busy for a minute. It reads no sound.

/// More samples are in no run: at 384 kHz three minutes of PCM, of which each frame is a sample.
const MOST: u32 = (1 << 26) - 1;

/// What is looked for.
#[derive(Debug, Clone, Copy, Default)]
enum Next {
    /// The name of a fragment: so many of its letters have come. A file without one has no runs.
    #[default]
    Fragment,
    /// The name of a run.
    Run,
    /// So many of the bytes between a run's name and its number of samples.
    Flags,
    /// So many of the bytes of that number.
    Count,
}

/// Looks at the bytes that go by, in pieces of any length, and makes the number of samples in a run smaller where it cannot be.
#[derive(Debug, Clone, Default)]
pub(super) struct Runs {
    next: Next,
    /// How many bytes of that have come.
    come: usize,
    /// Where the byte is that follows what has been seen.
    position: u64,
    count: u32,
    /// The samples of all runs so far. Each takes a byte at least, so that they are fewer than the bytes before the next run.
    announced: u64,
}

impl Runs {
    /// What was read at `position`.
    pub(super) fn pass(&mut self, position: u64, bytes: &mut [u8]) {
        if position != self.position {
            // In a jump a name ends; a fragment there is has been seen, and what was announced is behind.
            self.come = 0;
            if !matches!(self.next, Next::Fragment) {
                self.next = Next::Run;
            }
            self.announced = self.announced.min(position);
        }
        let mut at = 0;
        while at < bytes.len() {
            at += match self.next {
                Next::Fragment => self.find(b"moof", &bytes[at..], Next::Run),
                Next::Run => self.find(b"trun", &bytes[at..], Next::Flags),
                Next::Flags => {
                    self.come += 1;
                    if self.come == 4 {
                        (self.next, self.come, self.count) = (Next::Count, 0, 0);
                    }
                    1
                }
                Next::Count => {
                    self.limit(position + at as u64, &mut bytes[at]);
                    1
                }
            };
        }
        self.position = position + bytes.len() as u64;
    }

    /// Goes on to look for `name`. How many bytes have been looked at.
    fn find(&mut self, name: &[u8; 4], bytes: &[u8], then: Next) -> usize {
        if self.come == 0 {
            let Some(before) = bytes.iter().position(|byte| *byte == name[0]) else {
                return bytes.len();
            };
            self.come = 1;
            return before + 1;
        }
        // Neither name has its first letter a second time.
        if bytes[0] != name[self.come] {
            self.come = 0;
            return 0;
        }
        self.come += 1;
        if self.come == name.len() {
            (self.next, self.come) = (then, 0);
        }
        1
    }

    /// One byte of the number of samples, the highest first.
    fn limit(&mut self, position: u64, byte: &mut u8) {
        let most = if self.announced > position { 0 } else { MOST };
        *byte &= most.to_be_bytes()[self.come];
        self.count = self.count << 8 | u32::from(*byte);
        self.come += 1;
        if self.come == 4 {
            self.announced += u64::from(self.count);
            (self.next, self.come) = (Next::Run, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(count: u32) -> Vec<u8> {
        let mut bytes = b"\0\0\0\x14trun\0\0\0\x01".to_vec();
        bytes.extend(count.to_be_bytes());
        bytes.extend(b"\0\0\0\x60");
        bytes
    }

    /// The numbers of samples that are left in runs of `counts`, behind one fragment's name.
    fn left(counts: &[u32], piece: usize) -> Vec<u32> {
        let mut bytes = b"mmo\0\0\x10\0mmoofttr".to_vec();
        let first = bytes.len();
        for count in counts {
            bytes.extend(run(*count));
        }
        let mut runs = Runs::default();
        for (number, bytes) in bytes.chunks_mut(piece).enumerate() {
            runs.pass((number * piece) as u64, bytes);
        }
        bytes[first..]
            .chunks(20)
            .map(|run| u32::from_be_bytes(*run[12..].first_chunk().unwrap()))
            .collect()
    }

    #[test]
    fn no_run_and_no_number_of_runs_announces_more_than_can_be() {
        for piece in [1, 3, 4, 7, 19, 1000] {
            assert_eq!(left(&[7, 1, 5], piece), [7, 1, 5], "{piece}");
            assert_eq!(left(&[MOST], piece), [MOST], "{piece}");
            let [first, second] = left(&[u32::MAX, 100], piece)[..] else {
                panic!("two runs");
            };
            assert!(first <= MOST && second == 0, "{piece}: {first} {second}");
        }
    }

    #[test]
    fn what_is_in_no_fragment_is_left_as_it_is() {
        let mut bytes = run(u32::MAX);
        Runs::default().pass(0, &mut bytes);
        assert_eq!(bytes, run(u32::MAX));
    }

    #[test]
    fn a_jump_ends_what_has_begun() {
        let mut runs = Runs::default();
        runs.pass(0, &mut b"moofxx\0\0trun\0\0\0\0".to_vec());
        let mut elsewhere = vec![0xff; 8];
        runs.pass(500, &mut elsewhere);
        assert_eq!(elsewhere, [0xff; 8]);
        let mut again = run(u32::MAX);
        runs.pass(400, &mut again);
        assert_ne!(again, run(u32::MAX));
    }
}
