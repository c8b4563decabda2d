//! `unisono discover` and `unisono cast` against `unisono run`.

use std::process::Output;
use std::time::Duration;

use crate::support::media_server::{Media, MediaServer};
use crate::support::namespace::inside;
use crate::support::program::{Home, Program, unisono};
use crate::support::recording::{PITCH, tone};
use crate::support::soap::Renderer;

/// Runs a command to its end.
async fn output(arguments: &[&str]) -> Output {
    let mut command = unisono(arguments);
    let ended = tokio::task::spawn_blocking(move || command.output());
    let ended = tokio::time::timeout(Duration::from_secs(30), ended).await;
    let output = ended.expect("it never ended").expect("no panic");
    output.expect("it started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn discover_lists_what_runs() {
    if !inside("program::commands::discover_lists_what_runs") {
        return;
    }
    let home = Home::with_zones(&["House", "Garden"]);
    let program = home.start().await;
    let renderers = [
        Renderer::find("House").await,
        Renderer::find("Garden").await,
    ];
    for interface in ["lo", "127.0.0.1"] {
        let output = output(&["discover", "--interface", interface, "--timeout", "2"]).await;
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(said.lines().count(), 2, "{said}");
        for (renderer, name) in renderers.iter().zip(["House", "Garden"]) {
            let line = said.lines().find(|line| line.starts_with(name));
            let line = line.unwrap_or_else(|| panic!("no {name}: {said}"));
            assert!(
                line.contains(&format!("http://{}/", renderer.address)),
                "{line}"
            );
            assert!(line.ends_with(renderer.udn()), "{line}");
        }
    }
    let output = output(&["discover", "--interface", "wlan7"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("wlan7"), "{output:?}");
    program.stop().await;
}

#[tokio::test]
async fn cast_plays_a_song_to_its_end_and_says_when_it_cannot() {
    if !inside("program::commands::cast_plays_a_song_to_its_end_and_says_when_it_cannot") {
        return;
    }
    let home = Home::with_zones(&["House", "Garden"]);
    let program = home.start().await;
    let server = MediaServer::start();
    let song = server.serve("/My%20song.wav", Media::new(tone(2.0)));
    let long = server.serve("/long.wav", Media::new(tone(30.0)));
    let missing = server.url("/missing.wav");
    let cast = async |url: &str, to: &str| {
        let place = ["--interface", "lo", "--timeout", "2"];
        output(&[&["cast", url, "--to", to][..], &place].concat()).await
    };

    let interrupted = async {
        let mut cast = Program::spawn(&mut unisono(&[
            "cast",
            &long,
            "--to",
            "Garden",
            "--interface",
            "lo",
            "--timeout",
            "2",
        ]));
        let garden = Renderer::find("Garden").await;
        garden.reach("PLAYING").await;
        cast.signal("INT");
        assert_eq!(cast.ended().await.code(), Some(0), "{:?}", cast.log());
        garden.reach("STOPPED").await;
    };
    let (played, unplayed, stranger, ()) = tokio::join!(
        cast(&song, "house"),
        async {
            Renderer::find("House").await.reach("PLAYING").await;
            Renderer::find("House").await.reach("STOPPED").await;
            cast(&missing, "House").await
        },
        cast(&song, "Nobody"),
        interrupted,
    );
    program.stop().await;

    let said = text(&played.stdout);
    assert_eq!(played.status.code(), Some(0), "{played:?}");
    assert!(said.contains("My song plays on House"), "{said}");
    assert!(said.trim_end().ends_with("over"), "{said}");
    assert_eq!(unplayed.status.code(), Some(1), "{unplayed:?}");
    assert!(text(&unplayed.stderr).contains(&missing), "{unplayed:?}");
    assert_eq!(stranger.status.code(), Some(1), "{stranger:?}");
    let said = text(&stranger.stderr);
    assert!(said.contains("House") && said.contains("Garden"), "{said}");
    for recording in home.recordings("House") {
        let sound = recording.only_sound();
        assert!((sound.seconds() - 2.0).abs() < 0.002);
        sound.inner(0.01).assert_unbroken(1, PITCH[1]);
    }
}
