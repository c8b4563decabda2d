//! upnp-mediarenderer-client, from npm: what programs in JavaScript cast with.

use std::process::Command;

use serde_json::json;

use super::{Facts, Scene, installed, script};
use crate::support::namespace::inside;

#[tokio::test]
async fn it_plays_pauses_seeks_and_is_told_at_once() {
    if !inside("clients::upnp_mediarenderer_client::it_plays_pauses_seeks_and_is_told_at_once") {
        return;
    }
    let scene = Scene::set().await;
    let location = scene.location().await;
    let mut command = Command::new("node");
    command.env("NODE_PATH", installed("node_modules"));
    command.arg(script("media_renderer.js")).arg(location);
    command.args(scene.songs(1, 180));
    let facts = Facts::of(command).await;

    let protocols = facts.only("protocols");
    assert_eq!(protocols["whole"], true, "{protocols}");
    let formats = protocols["formats"].as_array().expect("formats");
    assert!(formats.contains(&json!("audio/mpeg")), "{protocols}");
    assert_eq!(facts.only("duration")["seconds"], 180);
    assert_eq!(facts.only("position")["seconds"], 40);
    assert_eq!(facts.only("volume")["level"], 23);
    let transport = facts.only("transport");
    assert_eq!(transport["CurrentTransportState"], "STOPPED");
    // It takes every event and never answers; that must not hold the next one back.
    for delay in facts.only("told")["delays"].as_array().expect("delays") {
        assert!(delay.as_u64() < Some(10_000), "{facts:?}");
    }
    scene.end().await;
}
