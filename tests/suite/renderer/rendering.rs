//! Volume, mute and presets: R cases.

use unisono::zone::{TransportState, ZoneCommand, ZoneState};

use super::bench::{Bench, state};

#[tokio::test]
async fn r01_r02_volumes_are_clamped_or_refused() {
    for (sent, outcome) in [
        ("0", Ok(0)),
        ("1", Ok(1)),
        ("37", Ok(37)),
        ("100", Ok(100)),
        ("42.0", Ok(42)),
        (" 42 ", Ok(42)),
        ("101", Ok(100)),
        ("65535", Ok(100)),
        ("-1", Err(601)),
        ("abc", Err(601)),
        ("NaN", Err(601)),
        ("inf", Err(601)),
        ("", Err(402)),
    ] {
        let mut bench = Bench::fresh();
        let answer = bench.call("SetVolume", &[("DesiredVolume", sent)]).await;
        match outcome {
            Ok(volume) => {
                assert_eq!(answer, Ok(vec![]), "{sent:?}");
                assert_eq!(bench.told, [ZoneCommand::SetVolume(volume)], "{sent:?}");
            }
            Err(code) => {
                assert_eq!(answer, Err(code), "{sent:?}");
                assert_eq!(bench.told, [], "{sent:?}");
            }
        }
    }
    assert_eq!(Bench::fresh().call("SetVolume", &[]).await, Err(402));
}

#[tokio::test]
async fn r01_the_volume_is_read_in_every_state() {
    use TransportState::{NoMedia, Paused, Playing, Stopped, Transitioning};
    for transport in [NoMedia, Stopped, Transitioning, Playing, Paused] {
        let mut bench = Bench::with_track(transport);
        for volume in [0, 1, 37, 100] {
            bench.publish(ZoneState {
                volume,
                ..state(transport)
            });
            assert_eq!(bench.values("GetVolume").await, [volume.to_string()]);
        }
    }
}

#[tokio::test]
async fn r03_there_is_one_channel() {
    let mut bench = Bench::fresh();
    for (channel, error) in [
        ("Master", None),
        ("", None),
        (" master", None),
        ("LF", Some(703)),
        ("LFE", Some(703)),
    ] {
        let read = [("Channel", channel)];
        let set_volume = [("Channel", channel), ("DesiredVolume", "5")];
        let set_mute = [("Channel", channel), ("DesiredMute", "0")];
        for (action, inputs) in [
            ("GetVolume", &read[..]),
            ("GetMute", &read),
            ("SetVolume", &set_volume),
            ("SetMute", &set_mute),
        ] {
            let outcome = bench.call(action, inputs).await;
            assert_eq!(outcome.err(), error, "{action} {channel:?}");
        }
    }
}

#[tokio::test]
async fn r04_booleans_are_read_in_every_spelling_and_written_in_one() {
    for (sent, mute) in [
        ("1", true),
        ("true", true),
        ("Yes", true),
        (" TRUE ", true),
        ("0", false),
        ("false", false),
        ("no", false),
    ] {
        let mut bench = Bench::fresh();
        let answer = bench.call("SetMute", &[("DesiredMute", sent)]).await;
        assert_eq!(answer, Ok(vec![]), "{sent:?}");
        assert_eq!(bench.told, [ZoneCommand::SetMute(mute)], "{sent:?}");
    }
    let mut bench = Bench::fresh();
    for sent in ["2", "on", ""] {
        let answer = bench.call("SetMute", &[("DesiredMute", sent)]).await;
        assert_eq!(answer, Err(402), "{sent:?}");
    }
    bench.publish(ZoneState {
        muted: true,
        ..state(TransportState::Playing)
    });
    assert_eq!(bench.values("GetMute").await, ["1"]);
    assert_eq!(bench.values("GetVolume").await, ["30"]);
}

#[tokio::test]
async fn r07_presets() {
    let mut bench = Bench::fresh();
    assert_eq!(bench.values("ListPresets").await, ["FactoryDefaults"]);
    let unknown = [("PresetName", "Party")];
    assert_eq!(bench.call("SelectPreset", &unknown).await, Err(701));
    assert_eq!(bench.told, []);
    let known = [("PresetName", "FactoryDefaults")];
    assert_eq!(bench.call("SelectPreset", &known).await, Ok(vec![]));
    assert_eq!(bench.told, [ZoneCommand::SetMute(false)]);
}
