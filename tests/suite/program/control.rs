//! `unisono status` and `unisono set` against `unisono run`, and what lasts over a restart.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::support::media_server::{Media, MediaServer};
use crate::support::namespace::inside;
use crate::support::program::{Home, Program, unisono, wav_zone};
use crate::support::recording::tone;
use crate::support::soap::Renderer;

/// Two zones on loopback at this port.
fn configure(home: &Home, port: u16, rest: &str) {
    home.write_config(&format!(
        "[network]\ninterfaces = [\"lo\"]\nport = {port}\n{}{rest}",
        wav_zone("House")
    ));
}

/// Runs a command of the program at this port to its end.
async fn control(home: &Home, arguments: &[&str]) -> Output {
    let mut command = unisono(arguments);
    command.arg("--config").arg(home.path("config.toml"));
    // Whoever is in the way between two machines is not between a machine and itself.
    command.env("http_proxy", "http://127.0.0.1:9");
    let ended = tokio::task::spawn_blocking(move || command.output());
    let ended = tokio::time::timeout(Duration::from_secs(30), ended).await;
    let output = ended.expect("it never ended").expect("no panic");
    output.expect("it started")
}

/// What a command that must succeed says.
async fn said(home: &Home, arguments: &[&str]) -> String {
    let output = control(home, arguments).await;
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What a command that must fail says on standard error.
async fn complained(home: &Home, arguments: &[&str]) -> String {
    let output = control(home, arguments).await;
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

/// An output of the running program.
async fn output(home: &Home, name: &str) -> Value {
    let state: Value =
        serde_json::from_str(&said(home, &["status", "--json"]).await).expect("JSON");
    let outputs = state["outputs"].as_array().expect("outputs");
    let found = outputs.iter().find(|output| output["name"] == name);
    found.expect("the output").clone()
}

/// The state file, or nothing while there is none.
fn state_file(home: &Home) -> Value {
    let bytes = std::fs::read(home.path("state/state.json")).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Waits until the state file is as wanted.
async fn written(home: &Home, wanted: impl Fn(&Value) -> bool) {
    for _ in 0..1000 {
        if wanted(&state_file(home)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it was never written: {:#}", state_file(home));
}

#[tokio::test]
async fn status_shows_what_plays_and_set_is_obeyed() {
    if !inside("program::control::status_shows_what_plays_and_set_is_obeyed") {
        return;
    }
    let home = Home::new();
    configure(&home, 49494, "");
    let nobody = complained(&home, &["status"]).await;
    assert!(
        nobody.contains("http://127.0.0.1:49494/") && nobody.contains("unisono run"),
        "{nobody}"
    );
    let program = home.start().await;
    let table = said(&home, &["status"]).await;
    let line = |table: &str, start: &str| {
        let found = table.lines().find(|line| line.starts_with(start));
        found
            .unwrap_or_else(|| panic!("no {start}: {table}"))
            .to_owned()
    };
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        words(&line(&table, "House ")),
        "House waiting for a cast 100 – –"
    );
    assert_eq!(
        words(&line(&table, "House 2")),
        "House 2 resting – – 0 ms stereo 0 dB 100 – –"
    );

    let now = said(
        &home,
        &[
            "set",
            "House 2",
            "late_ms=+30",
            "channels=swap",
            "volume=50",
        ],
    )
    .await;
    assert_eq!(
        now,
        "# House 2\nlate_ms = 30\nchannels = \"swap\"\ntrim_db = 0\nvolume = 50\nvolume_sync = true\nmuted = false\n"
    );
    let server = MediaServer::start();
    let house = Renderer::find("House").await;
    house
        .cast(&server.serve("/song.wav", Media::new(tone(20.0))))
        .await;
    house.reach("PLAYING").await;
    let playing = async |name: &str| {
        for _ in 0..200 {
            let output = output(&home, name).await;
            if output["misalignment_ms"].is_number() {
                return output;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{name} never played: {:#}", output(&home, name).await);
    };
    for name in ["House 1", "House 2"] {
        let output = playing(name).await;
        assert_eq!(
            (&output["state"], &output["zone"]),
            (&"playing".into(), &"House".into()),
            "{output}"
        );
        let off = output["misalignment_ms"].as_f64().expect("a number");
        assert!(off.abs() < 30.0, "{output}");
    }
    let line = line(&said(&home, &["status"]).await, "House 2");
    assert!(
        line.contains(" ms ") && line.contains(" swap ") && line.ends_with("  House  –"),
        "{line}"
    );

    let wrong = complained(&home, &["set", "Hose 2", "volume=3"]).await;
    assert!(
        wrong.contains("\"Hose 2\"; did you mean \"House 2\"?"),
        "{wrong}"
    );
    let wrong = complained(&home, &["set", "Garden", "volume=3"]).await;
    assert!(wrong.contains("\"House 1\", \"House 2\""), "{wrong}");
    let wrong = complained(&home, &["set", "House 2", "bass=3"]).await;
    assert!(
        wrong.contains("late_ms, channels, trim_db, volume, volume_sync, muted"),
        "{wrong}"
    );
    let wrong = complained(&home, &["set", "House 2", "muted=true", "volume=300"]).await;
    assert!(
        wrong.contains("volume = 300: it must be a whole number from 0 to 100"),
        "{wrong}"
    );
    let now = output(&home, "House 2").await;
    assert_eq!((&now["muted"], &now["volume"]), (&false.into(), &50.into()));
    // Somebody who listens to the program does not hold up its end.
    let mut listener = tokio::net::TcpStream::connect("127.0.0.1:49494")
        .await
        .expect("connected");
    let request = "GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:49494\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut listener, request.as_bytes())
        .await
        .expect("sent");
    listener.readable().await.expect("events");
    tokio::time::sleep(Duration::from_secs(1)).await;
    program.stop().await;

    let [whole, half] = home.recordings("House");
    let sounds = [whole.only_sound(), half.only_sound()];
    let (whole, half) = (sounds[0].inner(0.1).peak(), sounds[1].inner(0.1).peak());
    assert!(
        (0.05..0.2).contains(&(half / whole)),
        "volume 50 is -20 dB: {half} of {whole}"
    );
}

#[tokio::test]
async fn what_is_set_lasts_until_the_config_says_otherwise() {
    if !inside("program::control::what_is_set_lasts_until_the_config_says_otherwise") {
        return;
    }
    let home = Home::new();
    configure(&home, 49494, "");
    let program = home.start().await;
    said(
        &home,
        &["set", "House 1", "volume=40", "late_ms=25.5", "muted=true"],
    )
    .await;
    said(&home, &["set", "House 2", "trim_db=-3"]).await;
    said(&home, &["set", "House 2", "trim_db=0"]).await;
    // It is written while the program runs: a power cut takes nothing away.
    written(&home, |state| {
        let set = &state["outputs"]["House 1"]["set"];
        set["volume"]["value"] == 40
            && set["late_ms"]["value"] == 25.5
            && state["outputs"].get("House 2").is_none()
    })
    .await;
    drop(program);

    let program = home.start().await;
    let now = output(&home, "House 1").await;
    assert_eq!(
        (&now["volume"], &now["late_ms"], &now["muted"]),
        (&40.into(), &25.5.into(), &true.into())
    );
    // An order to stop right after a change loses nothing either.
    said(&home, &["set", "House 1", "muted=false", "channels=left"]).await;
    program.stop().await;

    let config = std::fs::read_to_string(home.path("config.toml")).expect("a config");
    home.write_config(&config.replacen("type = \"wav\"", "type = \"wav\"\nvolume = 90", 1));
    let program = home.start().await;
    let said_so = program
        .logged_all(&["INFO", "volume of the output \"House 1\""])
        .await;
    assert!(said_so.contains("40"), "{said_so}");
    let now = output(&home, "House 1").await;
    assert_eq!(
        (
            &now["volume"],
            &now["late_ms"],
            &now["muted"],
            &now["channels"]
        ),
        (&90.into(), &25.5.into(), &false.into(), &"left".into())
    );
    program.stop().await;

    // What was dropped does not come back with the old config.
    home.write_config(&config);
    let program = home.start().await;
    let now = output(&home, "House 1").await;
    assert_eq!(
        (&now["volume"], &now["late_ms"]),
        (&100.into(), &25.5.into())
    );
    program.stop().await;
}

#[tokio::test]
async fn an_absurd_state_file_is_no_hindrance() {
    if !inside("program::control::an_absurd_state_file_is_no_hindrance") {
        return;
    }
    let home = Home::new();
    configure(&home, 49494, "");
    home.start().await.stop().await;
    let mut state = state_file(&home);
    state["outputs"] = serde_json::json!({
        "House 1": {
            "set": {"volume": {"value": 4000, "config": 100}, "late_ms": {"value": 40, "config": 0}, "muted": 7},
            "learnt": {"sink": 3, "clock_ppm": "fast"},
        },
        "House 2": ["?"],
    });
    std::fs::write(home.path("state/state.json"), state.to_string()).expect("written");
    let program = home.start().await;
    let warned: Vec<_> = program
        .log()
        .into_iter()
        .filter(|line| line.contains(" WARN "))
        .collect();
    assert_eq!(warned.len(), 2, "{warned:?}");
    assert!(
        warned.iter().all(|line| line.contains("House 1")),
        "{warned:?}"
    );
    let now = output(&home, "House 1").await;
    assert_eq!(
        (&now["volume"], &now["late_ms"], &now["muted"]),
        (&100.into(), &40.0.into(), &false.into())
    );
    program.stop().await;
    assert_eq!(
        state_file(&home)["zones"],
        state["zones"],
        "identities stay"
    );
}

#[tokio::test]
async fn what_was_learnt_of_a_device_is_known_at_the_next_start() {
    if !inside("program::control::what_was_learnt_of_a_device_is_known_at_the_next_start") {
        return;
    }
    let home = Home::new();
    let config = "[network]\ninterfaces = [\"lo\"]\nport = 49494\n\
                  [[output]]\nname = \"Card\"\ntype = \"simulated\"\ncrystal_ppm = 220\n\
                  [[zone]]\nname = \"House\"\noutputs = [\"Card\"]\n";
    home.write_config(config);
    let server = MediaServer::start();
    let url = server.serve("/song.wav", Media::new(tone(30.0)));
    let program = home.start().await;
    let house = Renderer::find("House").await;
    house.cast(&url).await;
    house.reach("PLAYING").await;
    // A rate is learnt when the line through the device's reports is settled.
    tokio::time::sleep(Duration::from_secs(12)).await;
    program.stop().await;
    let learnt = state_file(&home)["outputs"]["Card"]["learnt"].clone();
    let ppm = learnt["clock_ppm"].as_f64();
    assert!(
        ppm.is_some_and(|ppm| (ppm - 220.0).abs() < 20.0),
        "{:#}",
        state_file(&home)
    );

    // Started again, and nothing played: what is known is kept.
    home.start().await.stop().await;
    assert_eq!(state_file(&home)["outputs"]["Card"]["learnt"], learnt);
}

#[tokio::test]
async fn an_open_port_or_a_wrong_address_is_answered_with_what_to_do() {
    let home = Home::new();
    home.configure(&wav_zone("House"));
    let mut program =
        Program::spawn(unisono(&["status", "--config"]).arg(home.path("config.toml")));
    assert_eq!(program.ended().await.code(), Some(2));
    program.logged("--url").await;
    for url in ["127.0.0.1:49494", "http://127.0.0.1:9"] {
        let mut program = Program::spawn(&mut unisono(&["set", "Desk", "volume=3", "--url", url]));
        assert_eq!(program.ended().await.code(), Some(1));
        program.logged_all(&[url, "http://HOST:PORT"]).await;
    }
}
