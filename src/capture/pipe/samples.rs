//! Bytes as they are written by other programs → stereo samples. What a read has left over of a frame waits for the next one.

use crate::capture::PipeFormat;

/// One stream of raw PCM.
#[derive(Debug)]
pub(super) struct Samples {
    format: PipeFormat,
    mono: bool,
    /// The beginning of a frame.
    rest: Vec<u8>,
}

impl Samples {
    /// A stream of one channel, or of two.
    pub(super) fn new(format: PipeFormat, channels: u16) -> Self {
        Self {
            format,
            mono: channels == 1,
            rest: Vec::new(),
        }
    }

    fn frame(&self) -> usize {
        let sample = match self.format {
            PipeFormat::S16 => 2,
            PipeFormat::S24 => 3,
            PipeFormat::S32 | PipeFormat::F32 => 4,
        };
        if self.mono { sample } else { 2 * sample }
    }

    /// How many bytes are to come until there are so many frames more.
    pub(super) fn bytes(&self, frames: usize) -> usize {
        (frames * self.frame()).saturating_sub(self.rest.len())
    }

    /// What is left of a frame belongs to nothing that is still to come.
    pub(super) fn begin_anew(&mut self) {
        self.rest.clear();
    }

    /// Appends the stereo samples that are whole with these bytes.
    pub(super) fn take(&mut self, mut bytes: &[u8], samples: &mut Vec<f32>) {
        let frame = self.frame();
        if !self.rest.is_empty() {
            let missing = (frame - self.rest.len()).min(bytes.len());
            let (first, others) = bytes.split_at(missing);
            self.rest.extend(first);
            bytes = others;
            if self.rest.len() < frame {
                return;
            }
            let whole = std::mem::take(&mut self.rest);
            self.convert(&whole, samples);
        }
        let whole = bytes.len() - bytes.len() % frame;
        self.convert(&bytes[..whole], samples);
        self.rest.extend(&bytes[whole..]);
    }

    fn convert(&self, bytes: &[u8], samples: &mut Vec<f32>) {
        match self.format {
            PipeFormat::S16 => self.each(bytes, samples, |bytes: [u8; 2]| {
                f32::from(i16::from_le_bytes(bytes)) / 32_768.0
            }),
            // Shifted into the upper bytes of 32 bits, so that the sign is right.
            PipeFormat::S24 => self.each(bytes, samples, |[low, middle, high]: [u8; 3]| {
                i32::from_le_bytes([0, low, middle, high]) as f32 / 2_147_483_648.0
            }),
            PipeFormat::S32 => self.each(bytes, samples, |bytes: [u8; 4]| {
                i32::from_le_bytes(bytes) as f32 / 2_147_483_648.0
            }),
            PipeFormat::F32 => self.each(bytes, samples, |bytes: [u8; 4]| {
                // What is no number would be heard for as long as a filter rings: for ever.
                Some(f32::from_le_bytes(bytes))
                    .filter(|sample| sample.is_finite())
                    .unwrap_or(0.0)
            }),
        }
    }

    fn each<const N: usize>(
        &self,
        bytes: &[u8],
        samples: &mut Vec<f32>,
        value: impl Fn([u8; N]) -> f32,
    ) {
        let (pieces, _none_left) = bytes.as_chunks();
        for piece in pieces {
            let sample = value(*piece);
            samples.push(sample);
            if self.mono {
                samples.push(sample);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the pieces in which they come.
    #[track_caller]
    fn check(format: PipeFormat, channels: u16, bytes: &[u8], expected: &[f32]) {
        for piece in 1..=bytes.len() {
            let mut stream = Samples::new(format, channels);
            let mut samples = Vec::new();
            for piece in bytes.chunks(piece) {
                stream.take(piece, &mut samples);
            }
            assert_eq!(samples, expected, "{format:?} in pieces of {piece}");
            assert_eq!(stream.rest, b"");
        }
    }

    #[test]
    fn each_format_means_what_it_says_in_whatever_pieces_it_comes() {
        let s16 = [0, 0x80, 0xff, 0x7f, 0, 0x40, 0, 0xc0];
        check(
            PipeFormat::S16,
            2,
            &s16,
            &[-1.0, 32_767.0 / 32_768.0, 0.5, -0.5],
        );
        check(PipeFormat::S16, 1, &s16[4..], &[0.5, 0.5, -0.5, -0.5]);
        let s24 = [0, 0, 0x80, 0, 0, 0x40, 1, 0, 0, 0, 0, 0xc0];
        check(
            PipeFormat::S24,
            2,
            &s24,
            &[-1.0, 0.5, 1.0 / 8_388_608.0, -0.5],
        );
        let s32 = [0, 0, 0, 0x80, 0, 0, 0, 0x40];
        check(PipeFormat::S32, 2, &s32, &[-1.0, 0.5]);
        let f32 = [0.25_f32.to_le_bytes(), f32::NAN.to_le_bytes()].concat();
        check(PipeFormat::F32, 2, &f32, &[0.25, 0.0]);
        check(PipeFormat::F32, 1, &f32, &[0.25, 0.25, 0.0, 0.0]);
    }

    #[test]
    fn a_new_writer_begins_with_a_whole_frame() {
        let mut stream = Samples::new(PipeFormat::S16, 2);
        let mut samples = Vec::new();
        stream.take(&[1, 2, 3], &mut samples);
        assert_eq!(stream.bytes(2), 5);
        stream.begin_anew();
        stream.take(&[0, 0x40, 0, 0xc0], &mut samples);
        assert_eq!(samples, [0.5, -0.5]);
    }
}
