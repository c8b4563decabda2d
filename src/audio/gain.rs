//! Loudness: the volume curve and decibels. How a gain is come to without a click is in `mix`.

/// The end of the volume curve, in dB: that of volume 0, which is heard as silence.
pub const QUIETEST_DB: f32 = -60.0;

/// Where on the curve a volume from 0 to 100 is, in decibels.
///
/// It is two straight lines, as people expect of a renderer: 100 is 0 dB, 50 is −20 dB (about a quarter as loud), 0 is
/// [`QUIETEST_DB`].
pub fn volume_db(volume: u8) -> f32 {
    let volume = f32::from(volume.min(100));
    if volume >= 50.0 {
        (volume - 100.0) * (20.0 / 50.0)
    } else {
        QUIETEST_DB + volume * (40.0 / 50.0)
    }
}

/// The gain of a volume from 0 to 100: that of its place on the curve, but 0 is silence.
pub fn volume_gain(volume: u8) -> f32 {
    if volume == 0 {
        return 0.0;
    }
    db_gain(volume_db(volume))
}

/// The volume whose place on the curve is nearest to `db` decibels: the inverse of [`volume_db`].
pub fn nearest_volume_db(db: f32) -> u8 {
    nearest(|volume| volume_db(volume) - db)
}

/// The volume whose gain is nearest to `gain`: the inverse of [`volume_gain`].
pub fn nearest_volume(gain: f32) -> u8 {
    nearest(|volume| volume_gain(volume) - gain)
}

/// The volume that is least off.
fn nearest(off: impl Fn(u8) -> f32) -> u8 {
    (0..=100)
        .min_by(|&a, &b| off(a).abs().total_cmp(&off(b).abs()))
        .unwrap_or(0)
}

/// The factor of an amplitude that `db` decibels are.
pub fn db_gain(db: f32) -> f32 {
    10f32.powf(db / 20.0)
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
        assert_eq!((volume_db(0), volume_db(100)), (QUIETEST_DB, 0.0));
        assert!((1..=100).all(|volume| volume_gain(volume) > volume_gain(volume - 1)));
    }

    #[test]
    fn each_volume_is_the_nearest_to_its_own_gain() {
        for volume in 0..=100 {
            assert_eq!(nearest_volume(volume_gain(volume)), volume);
            assert_eq!(nearest_volume_db(volume_db(volume)), volume);
        }
        assert_eq!(nearest_volume(7.0), 100);
        assert_eq!(nearest_volume_db(-20.5), 49);
        assert_eq!(nearest_volume_db(-20.1), 50);
        assert_eq!((nearest_volume_db(-1e3), nearest_volume_db(12.0)), (0, 100));
    }
}
