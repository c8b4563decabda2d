//! Seeking and following tracks: K and N cases.

use std::time::Duration;

use unisono::zone::{TransportState, ZoneCommand, ZoneError, ZoneState};

use super::bench::{Bench, DIDL, URI, standard_track, state};

#[tokio::test]
async fn k01_to_k05_k12_units_and_targets() {
    let position = |milliseconds| Ok(Duration::from_millis(milliseconds));
    for (unit, target, outcome) in [
        ("REL_TIME", "0:01:00", position(60_000)),
        ("ABS_TIME", "0:01:00", position(60_000)),
        ("REL_TIME", "0:3:7", position(187_000)),
        ("REL_TIME", "00:03:07.500", position(187_500)),
        ("REL_TIME", "3:07", position(187_000)),
        ("REL_TIME", " 187 ", position(187_000)),
        ("TRACK_NR", "1", position(0)),
        ("TRACK_NR", "2", Err(711)),
        ("TRACK_NR", "x", Err(711)),
        ("FOO", "0:01:00", Err(710)),
        ("", "0:01:00", Err(710)),
        ("X_DLNA_REL_BYTE", "1000", Err(710)),
        ("REL_TIME", "x", Err(711)),
        ("REL_TIME", "", Err(711)),
        ("REL_TIME", "-0:00:10", Err(711)),
        // The wrong way round, as AirConnect sends it.
        ("12", "REL_TIME", position(12_000)),
        ("0:00:12", "ABS_TIME", position(12_000)),
        ("FOO", "REL_TIME", Err(711)),
    ] {
        let mut bench = Bench::with_track(TransportState::Playing);
        let answer = bench
            .call("Seek", &[("Unit", unit), ("Target", target)])
            .await;
        match outcome {
            Ok(position) => {
                assert_eq!(answer, Ok(vec![]), "{unit} {target}");
                assert_eq!(bench.told, [ZoneCommand::Seek(position)], "{unit} {target}");
            }
            Err(code) => {
                assert_eq!(answer, Err(code), "{unit} {target}");
                assert_eq!(bench.told, [], "{unit} {target}");
            }
        }
    }
}

#[tokio::test]
async fn k05_k08_n04_what_the_zone_cannot_reach_is_711() {
    let mut bench = Bench::with_track(TransportState::Playing);
    bench.zone_answers = Err(ZoneError::IllegalSeekTarget);
    let beyond = [("Unit", "REL_TIME"), ("Target", "1:00:00")];
    assert_eq!(bench.call("Seek", &beyond).await, Err(711));
    assert_eq!(bench.call("Next", &[]).await, Err(711));
    assert_eq!(bench.call("Previous", &[]).await, Err(711));
}

#[tokio::test]
async fn k_arguments_of_seek_are_required() {
    let mut bench = Bench::with_track(TransportState::Playing);
    assert_eq!(bench.call("Seek", &[("Unit", "REL_TIME")]).await, Err(402));
    assert_eq!(bench.call("Seek", &[("Target", "0:00:01")]).await, Err(402));
}

#[tokio::test]
async fn n01_n05_the_next_uri_is_shown_and_cleared() {
    let mut bench = Bench::with_track(TransportState::Playing);
    bench.publish(ZoneState {
        next: Some(standard_track()),
        ..state(TransportState::Playing)
    });
    assert_eq!(bench.values("GetMediaInfo").await[4..6], [URI, DIDL]);
    bench.publish(state(TransportState::Playing));
    assert_eq!(bench.values("GetMediaInfo").await[4..6], ["", ""]);
}
