//! Volume, mute and presets: R cases.

use unisono::zone::{Channel, Level, TransportState, ZoneCommand, ZoneState};

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
                assert_eq!(
                    bench.told,
                    [ZoneCommand::SetVolume(Channel::Master, volume)],
                    "{sent:?}"
                );
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
async fn r03_the_channels_are_the_master_left_and_right() {
    use Channel::{Left, Master, Right};
    let mut bench = Bench::fresh();
    for (sent, channel) in [
        ("Master", Ok(Master)),
        ("", Ok(Master)),
        (" master", Ok(Master)),
        ("LF", Ok(Left)),
        ("rf", Ok(Right)),
        ("LFE", Err(703)),
        ("CF", Err(703)),
        ("0", Err(703)),
    ] {
        let read = [("Channel", sent)];
        let with = |name, value| [("Channel", sent), (name, value)];
        for (action, inputs, command) in [
            ("GetVolume", &read[..], None),
            ("GetVolumeDB", &read, None),
            ("GetVolumeDBRange", &read, None),
            ("GetMute", &read, None),
            (
                "SetVolume",
                &with("DesiredVolume", "5"),
                channel.ok().map(|it| ZoneCommand::SetVolume(it, 5)),
            ),
            (
                "SetVolumeDB",
                &with("DesiredVolume", "-5120"),
                channel.ok().map(|it| ZoneCommand::SetVolume(it, 50)),
            ),
            (
                "SetMute",
                &with("DesiredMute", "0"),
                channel.ok().map(|it| ZoneCommand::SetMute(it, false)),
            ),
        ] {
            bench.told.clear();
            let outcome = bench.call(action, inputs).await;
            assert_eq!(outcome.err(), channel.err(), "{action} {sent:?}");
            let told: Vec<_> = command.into_iter().collect();
            assert_eq!(bench.told, told, "{action} {sent:?}");
        }
    }
    assert_eq!(bench.call("GetVolume", &[]).await, {
        let volume = vec![("CurrentVolume", "30".to_owned())];
        Ok(volume)
    });
}

#[tokio::test]
async fn r03_each_channel_is_read_by_itself() {
    let mut bench = Bench::new(ZoneState {
        left: Level {
            volume: 75,
            muted: true,
        },
        ..state(TransportState::Playing)
    });
    for (channel, volume, db, mute) in [
        ("Master", "30", "-9216", "0"),
        ("LF", "75", "-2560", "1"),
        ("RF", "100", "0", "0"),
    ] {
        for (action, value) in [
            ("GetVolume", volume),
            ("GetVolumeDB", db),
            ("GetMute", mute),
        ] {
            let answer = bench.call(action, &[("Channel", channel)]).await.unwrap();
            assert_eq!(answer[0].1, value, "{action} {channel}");
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
        assert_eq!(
            bench.told,
            [ZoneCommand::SetMute(Channel::Master, mute)],
            "{sent:?}"
        );
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
async fn r06_decibels_are_the_same_volume_in_other_words() {
    let mut bench = Bench::fresh();
    let range = bench.call("GetVolumeDBRange", &[]).await.unwrap();
    assert_eq!(
        range,
        [("MinValue", "-15360"), ("MaxValue", "0")].map(|(name, value)| (name, value.to_owned()))
    );
    let mut last = i16::MIN;
    for volume in 0..=100 {
        bench.publish(ZoneState {
            volume,
            ..state(TransportState::Stopped)
        });
        let answer = bench.call("GetVolumeDB", &[]).await.unwrap();
        assert_eq!(answer[0].0, "CurrentVolume");
        let db: i16 = answer[0].1.parse().unwrap();
        assert!((-15_360..=0).contains(&db) && db > last, "{volume}: {db}");
        last = db;
        // What was read can be set, and is what it was.
        bench.told.clear();
        let set = [("DesiredVolume", answer[0].1.as_str())];
        assert_eq!(bench.call("SetVolumeDB", &set).await, Ok(vec![]));
        let same = ZoneCommand::SetVolume(Channel::Master, volume);
        assert_eq!(bench.told, [same], "{db}");
    }
    for (sent, outcome) in [
        ("-5120", Ok(50)),
        ("-5000", Ok(51)),
        ("-15360", Ok(0)),
        ("1", Ok(100)),
        ("32767", Ok(100)),
        (" -2560.0 ", Ok(75)),
        ("-15361", Err(601)),
        ("-32768", Err(601)),
        ("loud", Err(601)),
        ("", Err(402)),
    ] {
        bench.told.clear();
        let answer = bench.call("SetVolumeDB", &[("DesiredVolume", sent)]).await;
        assert_eq!(answer.err(), outcome.err(), "{sent:?}");
        let told = outcome.ok();
        let told = told.map(|it| ZoneCommand::SetVolume(Channel::Master, it));
        assert_eq!(bench.told, told.into_iter().collect::<Vec<_>>(), "{sent:?}");
    }
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
    // Nothing that could make a room suddenly loud.
    let unmuted =
        [Channel::Master, Channel::Left, Channel::Right].map(|it| ZoneCommand::SetMute(it, false));
    assert_eq!(bench.told, unmuted);
}
