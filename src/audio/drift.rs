//! How a lane steers: from how far it is off to how much faster or slower it should play.
//! And how it goes over to another lateness. It neither measures nor resamples.
//!
//! Together with the position filter this is a PI controller. The integral part is the device rate the filter has
//! learnt, which the lane plays at in any case; the proportional part is here: an error is worked off with the time
//! constant [`WORK_OFF_SECONDS`]. The error is taken where the next sample is written, by a line through what was
//! heard, so there is no dead time in the loop and it cannot ring.

/// An error shrinks to 1/e in this time. Far longer than the filter's noise is correlated (so the correction's own
/// wobble stays at some ppm), far shorter than a listener would need to notice half a millisecond.
pub const WORK_OFF_SECONDS: f64 = 2.0;

/// The largest correction, in parts per million beyond the device's own rate: 1000 ppm are 1.7 cents, below what is
/// heard as a change of pitch (about 5 cents), and 30 ms are worked off in half a minute.
pub const LARGEST_CORRECTION_PPM: f64 = 1000.0;

/// Turns how far a lane is ahead, in seconds, into the factor on its playback rate.
#[derive(Debug, Clone, Copy, Default)]
pub struct DriftController;

impl DriftController {
    /// The factor: below 1 when ahead, above 1 when behind.
    pub fn factor(self, ahead_seconds: f64) -> f64 {
        let limit = LARGEST_CORRECTION_PPM * 1e-6;
        1.0 - (ahead_seconds / WORK_OFF_SECONDS).clamp(-limit, limit)
    }
}

/// How fast an output goes over to another lateness, in parts per million: 1 %, 17 cents, for a person who has just asked for
/// it and listens. 50 ms take five seconds.
pub const GLIDE_PPM: f64 = 10_000.0;

/// A lateness on its way to the one that was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Glide {
    seconds: f64,
}

impl Glide {
    /// One that stands at so many seconds.
    pub fn new(seconds: f64) -> Self {
        Self { seconds }
    }

    /// The lateness now.
    pub fn seconds(self) -> f64 {
        self.seconds
    }

    /// Stands at so many seconds at once: for a lane that is silent.
    pub fn jump(&mut self, seconds: f64) {
        self.seconds = seconds;
    }

    /// Moves towards `target` for `duration` seconds. Returns by how much faster the lane has to play meanwhile, as a part of
    /// its rate: it must be fed so much earlier in the end.
    pub fn advance(&mut self, target: f64, duration: f64) -> f64 {
        let most = GLIDE_PPM * 1e-6 * duration;
        let moved = (target - self.seconds).clamp(-most, most);
        self.seconds += moved;
        if duration > 0.0 {
            moved / duration
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glide_arrives_and_says_what_it_takes() {
        let (mut glide, step) = (Glide::new(0.010), 0.005);
        let mut played = 0.0;
        for _ in 0..1000 {
            let faster = glide.advance(-0.015, step);
            assert!(faster.abs() <= GLIDE_PPM * 1e-6 + 1e-12);
            played += faster * step;
        }
        assert_eq!(glide.seconds(), -0.015);
        assert!((played + 0.025).abs() < 1e-12, "{played}");
    }

    #[test]
    fn it_slows_when_ahead_and_never_beyond_the_limit() {
        let controller = DriftController;
        assert_eq!(controller.factor(0.0), 1.0);
        assert!((controller.factor(0.001) - 0.9995).abs() < 1e-12);
        assert_eq!(controller.factor(1.0), 0.999);
        assert_eq!(controller.factor(-1.0), 1.001);
    }

    #[test]
    fn an_error_is_worked_off_in_the_stated_time() {
        let (controller, step) = (DriftController, 0.005);
        let mut ahead = 0.0005;
        for _ in 0..(WORK_OFF_SECONDS / step) as usize {
            ahead += (controller.factor(ahead) - 1.0) * step;
        }
        assert!((ahead / 0.0005 - (-1.0f64).exp()).abs() < 0.01);
    }
}
