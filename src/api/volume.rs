//! Settings after a change, and what volume sync does to the volume then. Sums only.

use super::change::{Key, Setting};
use crate::audio::{nearest_volume, volume_gain};
use crate::playback::OutputSettings;

/// `before` with these settings. When volume sync is turned on or off and no volume is set with it, the output's own volume
/// takes over what the zone's did, or gives it back, so that what is heard stays; `zone_volume` is that of the zone that
/// plays on it.
pub(super) fn applied(
    before: &OutputSettings,
    settings: &[Setting],
    zone_volume: Option<u8>,
) -> OutputSettings {
    let mut after = *before;
    for setting in settings {
        setting.apply(&mut after);
    }
    let volume_set = settings.iter().any(|setting| setting.key() == Key::Volume);
    if let Some(zone) = zone_volume
        && after.volume_sync != before.volume_sync
        && !volume_set
    {
        after.volume = volume_without_a_jump(before.volume, zone, after.volume_sync);
    }
    after
}

/// The own volume with which an output sounds as before when the zone's volume begins (`sync`) or ceases to count.
fn volume_without_a_jump(own: u8, zone: u8, sync: bool) -> u8 {
    let (own_gain, zone_gain) = (volume_gain(own), volume_gain(zone));
    if !sync {
        return nearest_volume(own_gain * zone_gain);
    }
    // A silent zone silences it anyway, and nobody wants to be startled when it is turned up.
    if zone_gain == 0.0 {
        return own;
    }
    nearest_volume((own_gain / zone_gain).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_volume_sync_off_or_on_is_not_heard() {
        let heard = |settings: &OutputSettings, zone: u8| {
            let zone = if settings.volume_sync {
                volume_gain(zone)
            } else {
                1.0
            };
            20.0 * (volume_gain(settings.volume) * zone).log10()
        };
        for own in [60_u8, 73, 100] {
            for zone in [45_u8, 50, 99, 100] {
                let together = OutputSettings {
                    volume: own,
                    ..OutputSettings::default()
                };
                let alone = applied(&together, &[Setting::VolumeSync(false)], Some(zone));
                // Volumes are up to 0.8 dB apart.
                assert!(
                    (heard(&alone, zone) - heard(&together, zone)).abs() < 0.41,
                    "{own} {zone}"
                );
                let again = applied(&alone, &[Setting::VolumeSync(true)], Some(zone));
                assert!(
                    (heard(&again, zone) - heard(&together, zone)).abs() < 0.82,
                    "{own} {zone}"
                );
            }
        }
    }

    #[test]
    fn volume_sync_has_limits_and_exceptions() {
        let alone = |volume| OutputSettings {
            volume,
            volume_sync: false,
            ..OutputSettings::default()
        };
        let on = Setting::VolumeSync(true);
        let volume = |before, settings: &[Setting], zone| applied(&before, settings, zone).volume;
        assert_eq!(
            volume(alone(90), &[on], Some(50)),
            100,
            "not louder than full"
        );
        assert_eq!(volume(alone(30), &[on], Some(0)), 30, "a silent zone");
        assert_eq!(volume(alone(0), &[on], Some(0)), 0);
        assert_eq!(
            volume(alone(30), &[on, Setting::Volume(80)], Some(50)),
            80,
            "as asked"
        );
        assert_eq!(
            volume(alone(30), &[Setting::VolumeSync(false)], Some(50)),
            30,
            "no change"
        );
        assert_eq!(volume(alone(30), &[on], None), 30, "no zone");
    }
}
