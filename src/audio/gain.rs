//! Loudness: the volume curve, decibels, and ramps that make no click.

/// How long a change of gain takes. Short enough to feel immediate, long enough that its
/// spectrum stays below what a step would add: 10 ms, the usual figure for mixers.
const RAMP_SECONDS: f32 = 0.010;

/// The gain of a volume from 0 to 100.
///
/// In decibels it is two straight lines, as people expect of a renderer: 100 is 0 dB, 50 is −20 dB
/// (about a quarter as loud), 1 is near −60 dB; 0 is silence.
pub fn volume_gain(volume: u8) -> f32 {
    let volume = f32::from(volume.min(100));
    if volume == 0.0 {
        return 0.0;
    }
    let db = if volume >= 50.0 {
        (volume - 100.0) * (20.0 / 50.0)
    } else {
        -20.0 + (volume - 50.0) * (40.0 / 50.0)
    };
    db_gain(db)
}

/// The factor of an amplitude that `db` decibels are.
pub fn db_gain(db: f32) -> f32 {
    10f32.powf(db / 20.0)
}

/// Follows a target gain at a bounded speed, frame by frame.
#[derive(Debug, Clone)]
pub struct GainRamp {
    now: f32,
    step: f32,
}

impl GainRamp {
    /// A ramp that stands at `gain`, for frames at `rate` per second.
    pub fn new(gain: f32, rate: u32) -> Self {
        Self {
            now: gain,
            step: 1.0 / (RAMP_SECONDS * rate as f32),
        }
    }

    /// Stands at `gain` at once: for a lane that is silent.
    pub fn jump(&mut self, gain: f32) {
        self.now = gain;
    }

    /// Scales interleaved stereo frames on the way to `target`.
    pub fn apply(&mut self, frames: &mut [f32], target: f32) {
        if self.now == target {
            if target != 1.0 {
                for sample in frames {
                    *sample *= target;
                }
            }
            return;
        }
        for frame in frames.chunks_exact_mut(2) {
            self.now += (target - self.now).clamp(-self.step, self.step);
            frame[0] *= self.now;
            frame[1] *= self.now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_has_its_documented_points() {
        let db = |volume| 20.0 * volume_gain(volume).log10();
        assert_eq!(volume_gain(0), 0.0);
        assert!((db(100)).abs() < 1e-4);
        assert!((db(50) + 20.0).abs() < 1e-4);
        assert!((db(1) + 59.2).abs() < 1e-3);
        assert!((1..=100).all(|volume| volume_gain(volume) > volume_gain(volume - 1)));
    }

    #[test]
    fn a_change_takes_ten_milliseconds_and_no_step_is_larger_than_the_ramps() {
        let mut ramp = GainRamp::new(1.0, 48_000);
        let mut frames = vec![1.0f32; 2 * 960];
        ramp.apply(&mut frames, 0.0);
        let left: Vec<f32> = frames.chunks(2).map(|frame| frame[0]).collect();
        assert!(
            left.windows(2)
                .all(|pair| (pair[0] - pair[1]).abs() < 1.001 / 480.0)
        );
        assert!(left[470] > 0.0);
        assert_eq!(left[481], 0.0);
    }
}
