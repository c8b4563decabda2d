//! async_upnp_client, in strict mode: the control point inside Home Assistant and Music Assistant.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Background, Facts, NAME, Scene, house, house_with, output, python, script};
use crate::support::namespace::inside;
use crate::support::two_hosts::{HERE, OtherHost, THERE};

/// A script of ours, told where it is and whom it is about.
fn client(name: &str) -> Command {
    let mut command = python("python");
    command.arg(script(name)).arg(HERE.to_string()).arg(NAME);
    command
}

#[tokio::test]
async fn in_strict_mode_the_whole_profile_is_there_and_does_what_it_says() {
    if !inside(
        "clients::async_upnp_client::in_strict_mode_the_whole_profile_is_there_and_does_what_it_says",
    ) {
        return;
    }
    let scene = Scene::set().await;
    let songs = scene.songs(2, 180);
    let mut command = client("strict_profile.py");
    command.args(&songs);
    let facts = Facts::of(command).await;

    let found = facts.only("found");
    let location = found["location"].as_str().unwrap_or_default();
    assert!(location.starts_with(&format!("http://{THERE}:")), "{found}");

    let profile = facts.only("profile");
    let has: BTreeSet<_> = profile["has"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for wanted in [
        "volume_level",
        "volume_mute",
        "presets",
        "play",
        "pause",
        "stop",
        "next",
        "previous",
        "seek_rel_time",
        "seek_abs_time",
        "play_media",
        "next_transport_uri",
        "play_mode",
    ] {
        assert!(has.contains(wanted), "{wanted}: {profile}");
    }
    assert_eq!(profile["is_renderer"], true);
    assert!(profile["sink"].as_u64() > Some(20), "{profile}");

    // Asked once when it had nothing to play, and once after.
    let asked = facts.all("asked");
    assert_eq!(asked.len(), 2);
    for asked in asked {
        assert!(asked["actions"].as_array().map(Vec::len) > Some(10));
    }
    assert_eq!(facts.only("subscribed")["state"], "NO_MEDIA_PRESENT");

    let titles: Vec<_> = facts
        .all("playing")
        .iter()
        .map(|fact| (fact["title"].clone(), fact["uri"].clone()))
        .collect();
    let title = |title: &str, uri: &String| (json!(title), json!(uri));
    assert_eq!(
        titles,
        [
            title("Tom & \"Jerry\" <ü>", &songs[0]),
            title("Second", &songs[1])
        ]
    );
    for playing in facts.all("playing") {
        assert_eq!(playing["duration"], 180, "{playing}");
    }
    let paused = facts.only("paused");
    assert_eq!(paused["can_play"], true);
    assert_eq!(paused["can_seek"], true);
    assert_eq!(facts.only("next")["uri"], json!(songs[1]));
    let sought = facts.all("sought");
    assert_eq!(sought[0]["position"], 90);
    assert_eq!(sought[0]["state"], "PAUSED_PLAYBACK");
    // Playing goes on meanwhile.
    let position = sought[1]["position"].as_u64().unwrap_or_default();
    assert!((29..45).contains(&position), "{position}");
    // A song that follows another does not look like an end: the only stop is the one that was asked for.
    let states = facts.only("states")["states"].clone();
    let states: Vec<_> = states.as_array().into_iter().flatten().collect();
    let (last, before) = states.split_last().expect("states");
    assert_eq!(*last, "STOPPED");
    let playing = before.iter().position(|state| *state == "PLAYING");
    let since = &before[playing.expect("it played")..];
    assert!(!since.iter().any(|state| *state == "STOPPED"), "{states:?}");

    let renewed = facts.only("renewed");
    assert_eq!(renewed["before"], renewed["after"]);
    assert_eq!(renewed["after"].as_array().map(Vec::len), Some(3));
    let unsubscribed = facts.only("unsubscribed");
    assert_eq!(unsubscribed["heard"], json!([]));
    assert_eq!(unsubscribed["believed"], 0.5, "told after it had left");
    scene.end().await;
}

#[tokio::test]
async fn through_half_an_hour_of_music_nothing_that_was_told_is_stale() {
    if !inside(
        "clients::async_upnp_client::through_half_an_hour_of_music_nothing_that_was_told_is_stale",
    ) {
        return;
    }
    let scene = Scene::set().await;
    let mut command = client("long_session.py");
    command.arg("180").args(scene.songs(11, 180));
    let facts = Facts::of(command).await;
    let session = facts.only("session");
    assert_eq!(session["stale"], json!([]));
    assert_eq!(
        session["listened"], 1800,
        "seconds of songs from their beginning to their end"
    );
    assert!(session["steps"].as_u64() > Some(90), "{session}");
    scene.end().await;
}

#[tokio::test]
async fn an_input_that_sounds_is_seen_as_what_it_is() {
    if !inside("clients::async_upnp_client::an_input_that_sounds_is_seen_as_what_it_is") {
        return;
    }
    let scene = Scene::set_in(house_with(
        "[[input]]\nname = \"Echo Dot\"\ntype = \"pipe\"\npath = \"dot\"\nstop_after_s = 1\n",
    ))
    .await;
    let song = scene.songs(1, 60).remove(0);
    let mut command = client("input.py");
    command.arg(scene.home.path("dot")).arg(&song);
    let facts = Facts::of(command).await;

    assert_eq!(facts.only("before")["state"], "NO_MEDIA_PRESENT");
    for fact in ["sounding", "sounding again"] {
        let seen = facts.only(fact);
        let uri = "unisono-input:Echo%20Dot";
        assert_eq!(seen["title"], "Echo Dot");
        assert_eq!((&seen["uri"], &seen["set"]), (&json!(uri), &json!(uri)));
        assert_eq!(seen["kind"], "object.item.audioItem.audioBroadcast");
        assert_eq!(
            (&seen["can_seek"], &seen["can_stop"]),
            (&json!(false), &json!(true))
        );
        assert_eq!(seen["duration"], 0, "it has none");
    }
    // A cast takes over, and the input neither takes it back while it goes on nor ends it when it ends.
    let cast = facts.only("cast over it");
    assert_eq!(
        (&cast["state"], &cast["uri"]),
        (&json!("PLAYING"), &json!(song))
    );
    // When it falls silent, what was set before is set again.
    let silent = facts.only("silent again");
    assert_eq!(
        (&silent["state"], &silent["set"]),
        (&json!("STOPPED"), &json!(song))
    );
    assert_eq!(silent["can_seek"], true);

    let mut states: Vec<_> = facts.only("states")["states"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|state| *state != "TRANSITIONING")
        .collect();
    states.dedup();
    // An event may fall between its being set, which ends having no media, and its being played.
    if states.get(1).is_some_and(|state| *state == "STOPPED") {
        states.remove(1);
    }
    let expected = [
        "NO_MEDIA_PRESENT",
        "PLAYING",
        "STOPPED",
        "PLAYING",
        "STOPPED",
    ];
    assert_eq!(
        states,
        expected
            .map(|state| json!(state))
            .iter()
            .collect::<Vec<_>>()
    );
    scene.end().await;
}

#[tokio::test]
async fn f10_its_command_line_searches_and_subscribes() {
    if !inside("clients::async_upnp_client::f10_its_command_line_searches_and_subscribes") {
        return;
    }
    let scene = Scene::set().await;
    let mut command = python("upnp-client");
    command.args(["--strict", "--timeout", "2", "search", "--bind"]);
    command.arg(HERE.to_string());
    let searched = output(command).await;
    let said = String::from_utf8_lossy(&searched.stdout);
    assert!(searched.status.success(), "{searched:?}");
    assert!(searched.stderr.is_empty(), "{searched:?}");
    let answers: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let targets: BTreeSet<_> = answers.iter().map(|answer| answer["ST"].as_str()).collect();
    assert_eq!(targets.len(), 6, "{said}");
    let location = answers[0]["LOCATION"].as_str().expect("a LOCATION");

    let mut command = python("upnp-client");
    command.args(["--strict", "subscribe", location, "AVT", "RC", "CM"]);
    let mut subscriber = Background::start(&command);
    let mut told = BTreeSet::new();
    let expected = [
        "CurrentTransportActions",
        "SinkProtocolInfo",
        "TransportState",
        "Volume",
    ];
    while !expected.iter().all(|name| told.contains(*name)) {
        let event: Value = serde_json::from_str(&subscriber.line().await).expect("JSON");
        let variables = event["state_variables"].as_object().expect("variables");
        told.extend(variables.keys().cloned());
    }
    subscriber.interrupt().await;
    scene.end().await;
}

#[tokio::test]
async fn f10_its_command_line_hears_the_first_and_the_last_word() {
    if !inside("clients::async_upnp_client::f10_its_command_line_hears_the_first_and_the_last_word")
    {
        return;
    }
    let host = OtherHost::connect();
    let mut command = python("upnp-client");
    command.args(["--strict", "advertisements", "--bind"]);
    command.arg(HERE.to_string());
    let mut listener = Background::start(&command);
    // It says nothing until it hears something; the kernel knows who is in the group.
    while !std::fs::read_to_string("/proc/self/net/igmp")
        .expect("Linux")
        .contains("FAFFFFEF")
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let home = house();
    let program = host.start(&home).await;
    listener.hears_all("ssdp:alive").await;
    program.stop().await;
    listener.hears_all("ssdp:byebye").await;
    listener.interrupt().await;
}

impl Background {
    /// Waits until each of the six things that a renderer is has said this.
    async fn hears_all(&mut self, wanted: &str) {
        let mut heard = BTreeSet::new();
        while heard.len() < 6 {
            let word: Value = serde_json::from_str(&self.line().await).expect("JSON");
            if word["NTS"] == wanted {
                heard.insert(word["NT"].as_str().expect("NT").to_owned());
            }
        }
    }
}
