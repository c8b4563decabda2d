//! How a lane steers: from how far it is off to how much faster or slower it should play.
//! It neither measures nor resamples.
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

#[cfg(test)]
mod tests {
    use super::*;

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
