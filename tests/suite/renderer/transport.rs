//! Setting, playing and reading: T cases.

use std::time::Duration;

use unisono::clock::ClockTime;
use unisono::zone::{Progress, TransportState, ZoneCommand, ZoneError, ZoneState};

use super::bench::{Bench, DIDL, URI, standard_track, state};

#[tokio::test]
async fn t01_a_fresh_renderer_has_no_media() {
    let mut bench = Bench::fresh();
    assert_eq!(
        bench.values("GetTransportInfo").await,
        ["NO_MEDIA_PRESENT", "OK", "1"]
    );
    assert_eq!(
        bench.values("GetPositionInfo").await,
        [
            "0",
            "0:00:00",
            "",
            "",
            "0:00:00",
            "0:00:00",
            "2147483647",
            "2147483647"
        ]
    );
    assert_eq!(
        bench.values("GetMediaInfo").await,
        [
            "0",
            "0:00:00",
            "",
            "",
            "",
            "",
            "NONE",
            "NOT_IMPLEMENTED",
            "NOT_IMPLEMENTED"
        ]
    );
    assert_eq!(bench.values("GetCurrentTransportActions").await, [""]);
}

#[tokio::test]
async fn t01_what_the_zone_refuses_is_701() {
    let mut bench = Bench::fresh();
    bench.zone_answers = Err(ZoneError::TransitionNotAvailable);
    for (action, inputs) in [
        ("Play", &[][..]),
        ("Pause", &[]),
        ("Seek", &[("Unit", "REL_TIME"), ("Target", "0:00:01")]),
        ("Next", &[]),
        ("Previous", &[]),
    ] {
        assert_eq!(bench.call(action, inputs).await, Err(701), "{action}");
    }
    bench.zone_answers = Err(ZoneError::Closed);
    assert_eq!(bench.call("Play", &[]).await, Err(501));
}

#[tokio::test]
async fn t02_t27_uri_and_metadata_come_back_byte_for_byte() {
    let unicode = format!(
        "http://192.0.2.20/Björk/a%20b+c&d.mp3?q={}",
        "x".repeat(2048)
    );
    for uri in [URI, &unicode] {
        for metadata in [DIDL, "", "NOT_IMPLEMENTED", "<broken", " \n<DIDL-Lite/> "] {
            let mut bench = Bench::fresh();
            let inputs = [("CurrentURI", uri), ("CurrentURIMetaData", metadata)];
            assert_eq!(
                bench.call("SetAVTransportURI", &inputs).await,
                Ok(vec![]),
                "{metadata}"
            );
            let Some(ZoneCommand::SetTrack(Some(track))) = bench.told.pop() else {
                panic!("the zone was told something else");
            };
            bench.publish(ZoneState {
                transport: TransportState::Stopped,
                track: Some(track),
                ..state(TransportState::Stopped)
            });
            let info = bench.values("GetMediaInfo").await;
            assert_eq!(info[0], "1");
            assert_eq!(info[2..4], [uri, metadata]);
            assert_eq!(bench.value("GetPositionInfo", "TrackURI").await, uri);
            let actions = bench.value("GetCurrentTransportActions", "Actions").await;
            assert!(
                actions.split(',').any(|action| action == "Play"),
                "{actions}"
            );
        }
    }
}

#[tokio::test]
async fn t04_only_speed_1_plays() {
    for (speed, outcome) in [
        ("1", Ok(vec![])),
        ("1.0", Ok(vec![])),
        ("+1", Ok(vec![])),
        ("1/1", Ok(vec![])),
        (" 1 ", Ok(vec![])),
        ("", Ok(vec![])),
        ("2", Err(717)),
        ("-1", Err(717)),
        ("0", Err(717)),
        ("1/2", Err(717)),
        ("fast", Err(717)),
    ] {
        let mut bench = Bench::with_track(TransportState::Stopped);
        let plays = outcome.is_ok();
        assert_eq!(
            bench.call("Play", &[("Speed", speed)]).await,
            outcome,
            "{speed:?}"
        );
        assert_eq!(bench.told.contains(&ZoneCommand::Play), plays, "{speed:?}");
    }
    let mut bench = Bench::with_track(TransportState::Stopped);
    assert_eq!(bench.call("Play", &[]).await, Ok(vec![]), "no speed");
}

#[tokio::test]
async fn t03_t06_t08_position_follows_the_clock_and_stands_otherwise() {
    let mut bench = Bench::with_track(TransportState::Playing);
    bench.publish(ZoneState {
        progress: Progress::RunningSince(ClockTime::from_nanos(0)),
        ..state(TransportState::Playing)
    });
    for (seconds, shown) in [
        (0, "0:00:00"),
        (61, "0:01:01"),
        (205, "0:03:25"),
        (400, "0:03:25"),
    ] {
        bench
            .clock
            .set(ClockTime::from_nanos(0) + Duration::from_secs(seconds));
        let info = bench.values("GetPositionInfo").await;
        assert_eq!(info[4..6], [shown, shown], "after {seconds} s");
    }
    for (transport, shown) in [
        (TransportState::Paused, "0:01:00"),
        (TransportState::Stopped, "0:00:00"),
    ] {
        bench.publish(state(transport));
        assert_eq!(bench.value("GetPositionInfo", "RelTime").await, shown);
    }
}

#[tokio::test]
async fn t05_t06_t09_t12_actions_become_commands() {
    for (action, inputs, command) in [
        ("Play", &[][..], ZoneCommand::Play),
        ("Pause", &[], ZoneCommand::Pause),
        ("Stop", &[], ZoneCommand::Stop),
        ("Next", &[], ZoneCommand::Next),
        ("Previous", &[], ZoneCommand::Previous),
        (
            "SetAVTransportURI",
            &[("CurrentURI", "")],
            ZoneCommand::SetTrack(None),
        ),
        (
            "SetAVTransportURI",
            &[("CurrentURI", " ")],
            ZoneCommand::SetTrack(None),
        ),
        (
            "SetNextAVTransportURI",
            &[("NextURI", "")],
            ZoneCommand::SetNext(None),
        ),
        (
            "SetNextAVTransportURI",
            &[("NextURI", URI), ("NextURIMetaData", DIDL)],
            ZoneCommand::SetNext(Some(standard_track())),
        ),
    ] {
        let mut bench = Bench::with_track(TransportState::Playing);
        assert_eq!(bench.call(action, inputs).await, Ok(vec![]), "{action}");
        assert_eq!(bench.told, [command]);
    }
}

#[tokio::test]
async fn t13_other_schemes_are_refused_before_the_zone_hears_of_them() {
    for uri in [
        "file:///etc/passwd",
        "rtsp://192.0.2.20/stream",
        "ftp://192.0.2.20/a.mp3",
        "https://",
        "data:audio/wav;base64,UklGRg==",
        "/etc/passwd",
        "http:/one-slash",
        "http://",
        "http:///no-host",
        "http://?",
        "x",
    ] {
        let mut bench = Bench::with_track(TransportState::Playing);
        for (action, argument) in [
            ("SetAVTransportURI", "CurrentURI"),
            ("SetNextAVTransportURI", "NextURI"),
        ] {
            assert_eq!(
                bench.call(action, &[(argument, uri)]).await,
                Err(716),
                "{uri}"
            );
        }
        assert_eq!(bench.told, []);
    }
    let mut bench = Bench::fresh();
    for uri in ["HTTP://192.0.2.20/a.mp3", "https://192.0.2.20/a.mp3"] {
        let fetched = [("CurrentURI", uri)];
        assert_eq!(bench.call("SetAVTransportURI", &fetched).await, Ok(vec![]));
    }
}

#[tokio::test]
async fn t15_t17_an_error_shows_in_the_status_and_not_as_a_fault() {
    let mut bench = Bench::with_track(TransportState::Stopped);
    bench.publish(ZoneState {
        error: Some("cannot fetch it".to_owned()),
        ..state(TransportState::Stopped)
    });
    assert_eq!(
        bench.values("GetTransportInfo").await,
        ["STOPPED", "ERROR_OCCURRED", "1"]
    );
    assert!(bench.call("GetPositionInfo", &[]).await.is_ok());
}

#[tokio::test]
async fn t18_after_the_end_the_uri_is_still_there() {
    let mut bench = Bench::with_track(TransportState::Stopped);
    assert_eq!(
        bench.values("GetTransportInfo").await,
        ["STOPPED", "OK", "1"]
    );
    assert_eq!(bench.value("GetMediaInfo", "CurrentURI").await, URI);
    assert_eq!(bench.value("GetPositionInfo", "RelTime").await, "0:00:00");
}

#[tokio::test]
async fn t20_durations_are_times_even_when_unknown() {
    let mut bench = Bench::with_track(TransportState::Playing);
    // Nothing decoded yet: what the sender claims.
    bench.publish(ZoneState {
        duration: None,
        ..state(TransportState::Playing)
    });
    assert_eq!(
        bench.value("GetMediaInfo", "MediaDuration").await,
        "0:03:25"
    );
    // A live stream: nobody knows.
    bench.publish(ZoneState {
        duration: None,
        track: Some(std::sync::Arc::new(unisono::renderer::track(URI, ""))),
        ..state(TransportState::Playing)
    });
    assert_eq!(
        bench.value("GetMediaInfo", "MediaDuration").await,
        "0:00:00"
    );
    assert_eq!(
        bench.value("GetPositionInfo", "TrackDuration").await,
        "0:00:00"
    );
    assert_eq!(bench.value("GetPositionInfo", "RelTime").await, "0:01:00");
}

#[tokio::test]
async fn t21_capabilities_and_settings() {
    let mut bench = Bench::fresh();
    assert_eq!(
        bench.values("GetDeviceCapabilities").await,
        ["NONE,NETWORK", "NOT_IMPLEMENTED", "NOT_IMPLEMENTED"]
    );
    assert_eq!(
        bench.values("GetTransportSettings").await,
        ["NORMAL", "NOT_IMPLEMENTED"]
    );
}

#[tokio::test]
async fn t22_the_only_play_mode_is_normal() {
    let mut bench = Bench::fresh();
    for (mode, outcome) in [
        ("NORMAL", Ok(vec![])),
        ("SHUFFLE", Err(712)),
        ("", Err(712)),
    ] {
        assert_eq!(
            bench.call("SetPlayMode", &[("NewPlayMode", mode)]).await,
            outcome
        );
    }
}

#[tokio::test]
async fn t23_n14_offered_actions_per_state() {
    use TransportState::{NoMedia, Paused, Playing, Stopped, Transitioning};
    let mut bench = Bench::fresh();
    for (transport, seekable, next, actions) in [
        (NoMedia, true, false, ""),
        (Stopped, true, false, "Play,Seek"),
        (Stopped, false, false, "Play"),
        (Transitioning, true, false, "Play,Stop,Pause"),
        (
            Playing,
            true,
            false,
            "Pause,Stop,Seek,X_DLNA_SeekTime,Previous",
        ),
        (
            Playing,
            true,
            true,
            "Pause,Stop,Seek,X_DLNA_SeekTime,Next,Previous",
        ),
        (Playing, false, false, "Pause,Stop,Previous"),
        (
            Paused,
            true,
            true,
            "Play,Stop,Seek,X_DLNA_SeekTime,Next,Previous",
        ),
        (Paused, false, false, "Play,Stop,Previous"),
    ] {
        bench.publish(ZoneState {
            seekable,
            next: next.then(standard_track),
            ..state(transport)
        });
        assert_eq!(
            bench.values("GetCurrentTransportActions").await,
            [actions],
            "{transport:?} seekable={seekable} next={next}"
        );
    }
}

#[tokio::test]
async fn a14_a15_a16_instance_ids() {
    let mut bench = Bench::fresh();
    for (instance, transport, rendering) in [
        ("0", None, None),
        ("", None, None),
        (" 0 ", None, None),
        ("1", Some(718), Some(702)),
        ("abc", Some(402), Some(402)),
        ("-1", Some(402), Some(402)),
    ] {
        let inputs = [("InstanceID", instance)];
        let error = bench.call("GetTransportInfo", &inputs).await.err();
        assert_eq!(error, transport, "{instance:?}");
        let error = bench.call("GetVolume", &inputs).await.err();
        assert_eq!(error, rendering, "{instance:?}");
    }
}
