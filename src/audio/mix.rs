//! How loud each channel of the stream is on each channel of an output, and ramps from one such mix to the next.
//! Channel maps and volumes are other modules' words for it; here are only the factors.

/// How long a change from silence to full loudness takes. Short enough to feel immediate, long enough that its spectrum
/// stays below what a step would add: 10 ms, the usual figure for mixers.
const RAMP_SECONDS: f32 = 0.010;

/// Four factors: what each of an output's two channels takes of the stream's two.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mix {
    /// Of left and right on the output's left.
    pub left: [f32; 2],
    /// Of left and right on the output's right.
    pub right: [f32; 2],
}

impl Mix {
    /// Nothing of anything.
    pub const SILENCE: Self = Self {
        left: [0.0; 2],
        right: [0.0; 2],
    };

    /// The same mix, louder or softer by a factor.
    #[must_use]
    pub fn scaled(self, gain: f32) -> Self {
        Self {
            left: self.left.map(|factor| factor * gain),
            right: self.right.map(|factor| factor * gain),
        }
    }

    /// The same mix of a stream whose left and right are this much louder or softer before they are mixed.
    #[must_use]
    pub fn of_scaled(self, sides: [f32; 2]) -> Self {
        let scaled = |factors: [f32; 2]| [factors[0] * sides[0], factors[1] * sides[1]];
        Self {
            left: scaled(self.left),
            right: scaled(self.right),
        }
    }

    fn apply(self, frame: &mut [f32]) {
        let [left, right] = [frame[0], frame[1]];
        frame[0] = self.left[0] * left + self.left[1] * right;
        frame[1] = self.right[0] * left + self.right[1] * right;
    }
}

/// Follows a target mix, each factor at a bounded speed, frame by frame.
#[derive(Debug, Clone)]
pub struct MixRamp {
    now: Mix,
    step: f32,
}

impl MixRamp {
    /// A ramp that stands at silence, for frames at `rate` per second.
    pub fn new(rate: u32) -> Self {
        Self {
            now: Mix::SILENCE,
            step: 1.0 / (RAMP_SECONDS * rate as f32),
        }
    }

    /// Stands at `mix` at once: for a lane that is silent.
    pub fn jump(&mut self, mix: Mix) {
        self.now = mix;
    }

    /// Mixes interleaved stereo frames on the way to `target`.
    pub fn apply(&mut self, frames: &mut [f32], target: Mix) {
        let mut frames = frames.chunks_exact_mut(2);
        while self.now != target {
            let Some(frame) = frames.next() else { return };
            self.advance(target);
            self.now.apply(frame);
        }
        let mix = self.now;
        if mix
            != (Mix {
                left: [1.0, 0.0],
                right: [0.0, 1.0],
            })
        {
            frames.for_each(|frame| mix.apply(frame));
        }
    }

    fn advance(&mut self, target: Mix) {
        let step = self.step;
        let towards = |now: [f32; 2], target: [f32; 2]| {
            let near =
                |channel: usize| now[channel] + (target[channel] - now[channel]).clamp(-step, step);
            [near(0), near(1)]
        };
        self.now = Mix {
            left: towards(self.now.left, target.left),
            right: towards(self.now.right, target.right),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::ChannelMap;

    #[test]
    fn a_change_takes_ten_milliseconds_and_no_step_is_larger_than_the_ramps() {
        let mut ramp = MixRamp::new(48_000);
        ramp.jump(ChannelMap::Stereo.mix());
        let mut frames = vec![1.0f32; 2 * 960];
        ramp.apply(&mut frames, Mix::SILENCE);
        let left: Vec<f32> = frames.chunks(2).map(|frame| frame[0]).collect();
        assert!(
            left.windows(2)
                .all(|pair| (pair[0] - pair[1]).abs() < 1.001 / 480.0)
        );
        assert!(left[470] > 0.0);
        assert_eq!(left[481], 0.0);
    }

    #[test]
    fn another_channel_map_is_faded_over_to() {
        let mut ramp = MixRamp::new(48_000);
        ramp.jump(ChannelMap::Left.mix());
        let mut frames: Vec<f32> = [1.0, -1.0].repeat(960);
        ramp.apply(&mut frames, ChannelMap::Right.mix());
        let steps = frames.chunks(2).map(|frame| frame[0]);
        let steps: Vec<f32> = steps.collect();
        assert!(steps[0] > 0.99);
        assert!(
            steps
                .windows(2)
                .all(|pair| (pair[0] - pair[1]).abs() < 2.001 / 480.0)
        );
        assert_eq!(frames[2 * 500..], [-1.0, -1.0].repeat(460));
    }
}
