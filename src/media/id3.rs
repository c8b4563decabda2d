//! The tag of ID3v2 before the audio: only how long it is. What stands in it, Symphonia reads.

/// The length of the tag that a file with this `head` begins with, 0 if it begins with none: ten bytes, and four times seven bits
/// (ID3v2.4, section 3.1).
pub(super) fn length(head: &[u8]) -> usize {
    match head {
        [b'I', b'D', b'3', _, _, _, a, b, c, d, ..] => {
            let bits = |sum: usize, byte: &u8| (sum << 7) | usize::from(byte & 0x7f);
            10 + [a, b, c, d].into_iter().fold(0, bits)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_before_the_audio_is_measured() {
        assert_eq!(length(b"ID3\x04\0\0\0\0\x01\x02rest"), 10 + 130);
        assert_eq!(length(b"\xff\xf1\x50\x80rest of a frame"), 0);
        assert_eq!(length(b"ID3"), 0);
    }
}
