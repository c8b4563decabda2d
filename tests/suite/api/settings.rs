//! What is read and set.

use serde_json::json;

use super::bench::{Bench, playing};
use unisono::audio::ChannelMap;
use unisono::playback::OutputSettings;

#[tokio::test]
async fn the_state_says_what_zones_and_outputs_do() {
    let bench = Bench::start().await;
    bench.zones[0].send_modify(|state| playing(std::sync::Arc::make_mut(state)));
    let zone = json!({
        "name": "Everywhere", "id": "00000000-0000-0000-0000-000000000001", "state": "playing", "error": null,
        "title": "Blue in \"Green\"", "artist": "Miles", "position_s": 83.0, "duration_s": 337.0,
        "volume": 50, "muted": false, "outputs": ["Kitchen", "Desk"],
    });
    let idle = json!({
        "name": "Desk", "id": "00000000-0000-0000-0000-000000000002", "state": "no_media", "error": null,
        "title": null, "artist": null, "position_s": null, "duration_s": null,
        "volume": 30, "muted": false, "outputs": ["Desk", "Attic ½"],
    });
    let output = |name: &str, late_ms: f64| {
        json!({
            "name": name, "sink": "a simulated speaker", "state": "resting", "zone": null,
            "misalignment_ms": null, "clock_ppm": null, "late_ms": late_ms, "channels": "stereo",
            "trim_db": 0.0, "volume": 100, "volume_sync": true, "muted": false,
            "starved_frames": 0, "gaps": 0, "reanchored": 0,
        })
    };
    let state = bench.read("/api/v1/state").await;
    let outputs = [
        output("Kitchen", 180.0),
        output("Desk", 0.0),
        output("Attic ½", 0.0),
    ];
    let input = json!({
        "name": "Turntable", "source": "the line-in", "state": "lost", "zone": "Desk", "playing": false, "clock_ppm": null,
    });
    assert_eq!(
        state,
        json!({"zones": [zone, idle], "outputs": outputs, "inputs": [input]})
    );
    assert_eq!(
        bench.read("/api/v1/outputs/Attic%20%C2%BD").await,
        outputs[2]
    );
    assert_eq!(bench.read("/api/v1/zones/Desk").await, idle);
    let by_id = "/api/v1/zones/00000000-0000-0000-0000-000000000001";
    assert_eq!(bench.read(by_id).await, zone);
}

#[tokio::test]
async fn every_key_of_an_output_can_be_set_and_the_lane_is_told() {
    let bench = Bench::start().await;
    let change = json!({
        "late_ms": -12.5, "channels": "mono", "trim_db": -3.3, "volume": 40, "volume_sync": false, "muted": true,
    });
    let (status, now) = bench.patch("/api/v1/outputs/Kitchen", &change).await;
    assert_eq!(status, 200, "{now}");
    for (key, value) in change.as_object().expect("an object") {
        assert_eq!(&now[key], value, "{key}");
    }
    let settings = OutputSettings {
        late_seconds: -0.0125,
        channels: ChannelMap::Mono,
        trim_db: -3.3,
        volume: 40,
        volume_sync: false,
        muted: true,
    };
    assert_eq!(bench.lanes[0].settings(), settings);
    assert_eq!(bench.read("/api/v1/outputs/Kitchen").await, now);
    let (_, now) = bench
        .patch("/api/v1/outputs/Kitchen", &json!({"muted": false}))
        .await;
    assert_eq!((&now["muted"], &now["volume"]), (&json!(false), &json!(40)));
    assert_eq!(bench.lanes[1].settings(), OutputSettings::default());
}

#[tokio::test]
async fn volume_and_mute_of_a_zone_go_to_the_zone() {
    let bench = Bench::start().await;
    let change = json!({"volume": 17, "muted": true});
    let (status, now) = bench.patch("/api/v1/zones/Everywhere", &change).await;
    assert_eq!(
        (status, &now["volume"], &now["muted"]),
        (200, &json!(17), &json!(true))
    );
    let state = bench.zones[0].borrow().clone();
    assert_eq!((state.volume, state.muted), (17, true));
    assert_eq!(bench.zones[1].borrow().volume, 30);
}

#[tokio::test]
async fn outputs_of_a_zone_stay_within_the_largest_spread() {
    let bench = Bench::start().await;
    let set = async |output: &str, late_ms: f64| {
        let path = format!("/api/v1/outputs/{output}");
        bench
            .patch(&path, &json!({"late_ms": late_ms, "volume": 1}))
            .await
    };
    let (status, problem) = set("Desk", -4820.5).await;
    assert_eq!(status, 400);
    assert_eq!(
        problem["message"],
        "late_ms = -4820.5: that is 5000.5 ms from the output \"Kitchen\", which has 180 and plays with it in the zone \
         \"Everywhere\"; 5000 is the most"
    );
    assert_eq!(
        (&problem["key"], &problem["value"]),
        (&json!("late_ms"), &json!(-4820.5))
    );
    assert_eq!(
        bench.lanes[1].settings(),
        OutputSettings::default(),
        "all or nothing"
    );
    assert_eq!(set("Desk", -4820.0).await.0, 200);
    // The attic shares a zone with the desk, not with the kitchen.
    assert_eq!(set("Attic%20%C2%BD", 181.0).await.0, 400);
    assert_eq!(set("Attic%20%C2%BD", -5000.0).await.0, 200);
    assert_eq!(set("Kitchen", 181.0).await.0, 400);
}

#[tokio::test]
async fn turning_volume_sync_off_and_on_changes_nothing_that_is_heard() {
    let bench = Bench::start().await;
    let set = async |sync: bool, volume: Option<u8>| {
        let mut change = json!({"volume_sync": sync});
        if let Some(volume) = volume {
            change["volume"] = json!(volume);
        }
        let (status, now) = bench.patch("/api/v1/outputs/Desk", &change).await;
        assert_eq!((status, &now["volume_sync"]), (200, &json!(sync)));
        now["volume"].clone()
    };
    // The first zone that names it is at 50, the second at 30.
    assert_eq!(set(false, None).await, 50);
    assert_eq!(set(false, None).await, 50);
    assert_eq!(set(true, None).await, 100);
    assert_eq!(set(false, Some(80)).await, 80);
    // At 80 alone it is louder than with a zone at 50 and all its own.
    assert_eq!(set(true, None).await, 100);
    // The zone that plays counts before the first.
    bench.zones[1].send_modify(|state| playing(std::sync::Arc::make_mut(state)));
    assert_eq!(set(false, None).await, 30);
}
