//! How much of the last packet in a Matroska file is no music: `DiscardPadding`, which Symphonia reads and does not tell. It looks at the heads of
//! elements as they go by, and at no sound.

/// The elements that are looked into, by the numbers of RFC 9559.
const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1f43_b675;
const BLOCK_GROUP: u32 = 0xa0;
/// Sound: what was said of padding was about what came before it.
const BLOCK: u32 = 0xa1;
const SIMPLE_BLOCK: u32 = 0xa3;
/// Nanoseconds of silence at the end of the block it goes with.
const DISCARD_PADDING: u32 = 0x75a2;
/// The longest head: four bytes of number and eight of size.
const LONGEST_HEAD: usize = 12;

/// Follows the elements of a file through the pieces that are read of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Padding {
    /// Where the byte is that follows what has been seen.
    position: u64,
    /// What has come of a head, or of the number behind it.
    head: Vec<u8>,
    /// How many bytes of an element are passed over.
    passed: u64,
    /// Where it is read next is not where an element begins.
    is_lost: bool,
    nanos: u64,
}

impl Padding {
    /// What was read at `position`.
    pub(super) fn pass(&mut self, position: u64, mut bytes: &[u8]) {
        if position != self.position {
            // Whoever jumps, jumps to a cluster, or begins anew.
            self.is_lost = position > 0 && !bytes.starts_with(&CLUSTER.to_be_bytes());
            self.head.clear();
            self.passed = 0;
            self.nanos = 0;
        }
        self.position = position + bytes.len() as u64;
        while !self.is_lost && !bytes.is_empty() {
            let passed = usize::try_from(self.passed).unwrap_or(usize::MAX);
            let passed = passed.min(bytes.len());
            self.passed -= passed as u64;
            bytes = &bytes[passed..];
            let Some((first, rest)) = bytes.split_first() else {
                return;
            };
            self.head.push(*first);
            bytes = rest;
            self.enter();
        }
    }

    /// Nanoseconds at the end of the last packet that has gone by.
    pub(super) fn nanos(&self) -> u64 {
        self.nanos
    }

    /// Goes on behind a head, if all of it is there.
    fn enter(&mut self) {
        let Some((number, size, rest)) = head(&self.head) else {
            self.is_lost = self.head.len() > LONGEST_HEAD;
            return;
        };
        match number {
            SEGMENT | CLUSTER | BLOCK_GROUP => {}
            DISCARD_PADDING if size <= 8 => {
                if (rest.len() as u64) < size {
                    return;
                }
                // What is negative is at the beginning.
                let is_positive = rest.first().is_some_and(|first| *first < 0x80);
                let nanos = rest.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
                self.nanos = if is_positive { nanos } else { 0 };
            }
            number => {
                if [BLOCK, SIMPLE_BLOCK].contains(&number) {
                    self.nanos = 0;
                }
                self.passed = size;
            }
        }
        self.head.clear();
    }
}

/// Number and size of an element, and what follows.
fn head(bytes: &[u8]) -> Option<(u32, u64, &[u8])> {
    let length = bytes.first()?.leading_zeros() as usize + 1;
    let (number, rest) = bytes.split_at_checked(length).filter(|_| length <= 4)?;
    let number = number
        .iter()
        .fold(0, |sum, byte| sum << 8 | u32::from(*byte));
    let first = *rest.first()?;
    let length = first.leading_zeros() as usize + 1;
    let (size, rest) = rest.split_at_checked(length).filter(|_| length <= 8)?;
    let size = size[1..]
        .iter()
        .fold(u64::from(first) & (0x7f >> (length - 1)), |sum, byte| {
            sum << 8 | u64::from(*byte)
        });
    Some((number, size, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = include_bytes!("../../tests/fixtures/fuzz/media/opus.webm");

    fn padding(bytes: &[u8], from: usize, piece: usize) -> u64 {
        let mut padding = Padding::default();
        for (number, bytes) in bytes[from..].chunks(piece).enumerate() {
            padding.pass((from + number * piece) as u64, bytes);
        }
        padding.nanos()
    }

    #[test]
    fn the_last_packet_says_how_much_of_it_is_silence() {
        for piece in [1, 2, 7, 100, 10_000] {
            assert_eq!(padding(FILE, 0, piece), 3_500_000, "{piece}");
        }
        let cluster = FILE.windows(4).position(|it| it == CLUSTER.to_be_bytes());
        assert_eq!(padding(FILE, cluster.unwrap(), 100), 3_500_000);
        assert_eq!(padding(FILE, cluster.unwrap() + 1, 100), 0);
    }

    #[test]
    fn what_is_said_of_an_earlier_packet_is_not_of_the_last() {
        let group = FILE.windows(2).rposition(|it| it == [0xa0, 0x80 | 69]);
        let (before, rest) = FILE.split_at(group.unwrap());
        let group = &rest[..71];
        let block = [&[0xa3, 0x85][..], &[0x81, 0, 0, 0x80, 0]].concat();
        assert_eq!(padding(&[before, group, &block].concat(), 0, 50), 0);
        assert_eq!(padding(&[before, group, group].concat(), 0, 50), 3_500_000);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_followed(bytes: Vec<u8>, piece in 1..50_usize) {
            let mut padding = Padding::default();
            for (number, bytes) in [FILE, &bytes].concat().chunks(piece).enumerate() {
                padding.pass((number * piece) as u64, bytes);
                proptest::prop_assert!(padding.head.len() <= LONGEST_HEAD + 8);
            }
        }
    }
}
