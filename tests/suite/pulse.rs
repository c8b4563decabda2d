//! The whole program on two sound servers of its own: what their monitors hear.
//! How the program treats a single sink is tested with sinks in virtual time, in `playback`.

mod capture;

use std::process::Output;
use std::time::Duration;

use tokio::time::sleep;

use super::support::media_server::{Media, MediaServer};
use super::support::namespace::inside;
use super::support::program::{Home, Program, unisono};
use super::support::recording::{LEVEL, PITCH, tone};
use super::support::soap::Renderer;
use super::support::sound_server::SoundServer;

/// A zone at full volume on two sound servers.
fn configure(home: &Home, first: &SoundServer, second: &SoundServer) {
    home.configure(&format!(
        "{}{}[[zone]]\nname = \"House\"\noutputs = [\"Kitchen\", \"Desk\"]\nvolume = 100\n",
        first.output("Kitchen"),
        second.output("Desk"),
    ));
}

#[tokio::test]
async fn a_song_is_heard_whole_on_two_servers_of_different_clocks() {
    if !inside("pulse::a_song_is_heard_whole_on_two_servers_of_different_clocks") {
        return;
    }
    let (mut kitchen, mut desk) = tokio::join!(
        SoundServer::start("kitchen", 1.0),
        SoundServer::start("desk", 1.0005)
    );
    let home = Home::new();
    configure(&home, &kitchen, &desk);
    let program = home.start().await;
    let house = Renderer::find("House").await;
    let recorders = [kitchen.record().await, desk.record().await];
    let server = MediaServer::start();
    // After five seconds the servers are given larger pieces, which is not heard either.
    let url = server.serve("/song.wav", Media::new(tone(8.0)));
    house.cast_to_the_end(&url).await;
    for recorder in recorders {
        let sound = recorder.finish().await.only_sound();
        // As fast as the rate may be bent, and a millisecond for the ringing.
        assert!(
            (sound.seconds() - 8.0).abs() < 0.0055,
            "{} s",
            sound.seconds()
        );
        let inner = sound.inner(0.02);
        inner.assert_tones(PITCH, LEVEL);
        inner.assert_unbroken(0, PITCH[0]);
        inner.assert_unbroken(1, PITCH[1]);
    }
    program.stop().await;
}

#[tokio::test]
async fn a_server_that_dies_is_missed_by_nobody_else_and_comes_back() {
    if !inside("pulse::a_server_that_dies_is_missed_by_nobody_else_and_comes_back") {
        return;
    }
    let (mut kitchen, mut desk) = tokio::join!(
        SoundServer::start("kitchen", 1.0),
        SoundServer::start("desk", 1.0)
    );
    let home = Home::new();
    configure(&home, &kitchen, &desk);
    let program = home.start().await;
    let house = Renderer::find("House").await;
    let all_the_time = kitchen.record().await;
    let before = desk.record().await;
    let server = MediaServer::start();
    let url = server.serve("/song.wav", Media::new(tone(60.0)));
    house.cast(&url).await;
    sleep(Duration::from_millis(1500)).await;

    desk.kill();
    program
        .logged_all(&["WARN", "desk", "the other outputs play on"])
        .await;
    sleep(Duration::from_millis(700)).await;
    assert_eq!(house.condition().await.0, "PLAYING");
    desk.start_again().await;
    let after = desk.record().await;
    let opened = |log: &[String]| {
        let lines = log.iter();
        lines
            .filter(|line| line.contains("opened") && line.contains("desk"))
            .count()
    };
    program
        .logged_until("that desk was opened again", |log| opened(log) == 2)
        .await;
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(house.condition().await.0, "PLAYING");
    house.transport("Stop", &[]).await;

    let kitchen = all_the_time.finish().await.only_sound();
    assert!(kitchen.seconds() > 3.5, "{} s", kitchen.seconds());
    let desk_before = before.finish().await.only_sound();
    let desk_after = after.finish().await.only_sound();
    for (sound, least) in [(kitchen, 3.5), (desk_before, 1.0), (desk_after, 1.0)] {
        let inner = sound.inner(0.03);
        assert!(inner.seconds() > least, "{} s", inner.seconds());
        inner.assert_tones(PITCH, LEVEL);
        inner.assert_unbroken(0, PITCH[0]);
        inner.assert_unbroken(1, PITCH[1]);
    }
    program.stop().await;
}

/// Runs a command that knows this server as the user's own.
fn output(arguments: &[&str], server: &SoundServer) -> Output {
    let mut command = unisono(arguments);
    command.env("PULSE_SERVER", server.address());
    command.output().expect("it started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn outputs_are_listed_in_words_that_a_config_takes() {
    if !inside("pulse::outputs_are_listed_in_words_that_a_config_takes") {
        return;
    }
    let kitchen = SoundServer::start("kitchen", 1.0).await;
    let listed = output(&["outputs"], &kitchen);
    assert_eq!(listed.status.code(), Some(0), "{listed:?}");
    let listed = text(&listed.stdout);
    assert!(
        listed.contains("type = \"pulse\"\nsink = \"kitchen\"\n"),
        "{listed}"
    );
    let home = Home::new();
    home.configure(&format!(
        "{listed}\n[[output]]\nname = \"The server's default\"\ntype = \"pulse\"\n"
    ));
    let config = home.path("config.toml").display().to_string();
    let checked = output(&["check", "--config", &config], &kitchen);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    assert!(text(&checked.stdout).contains("kitchen"), "{checked:?}");
}

#[tokio::test]
async fn a_missing_sink_or_server_is_refused_and_a_bluetooth_speaker_awaited() {
    if !inside("pulse::a_missing_sink_or_server_is_refused_and_a_bluetooth_speaker_awaited") {
        return;
    }
    let (kitchen, mut desk) = tokio::join!(
        SoundServer::start("kitchen", 1.0),
        SoundServer::start("desk", 1.0)
    );
    let home = Home::new();
    let config = home.path("config.toml").display().to_string();
    let of_both = |name: &str| {
        let desk = desk
            .output("Desk")
            .replace("\"desk\"", &format!("{name:?}"));
        let zone = "[[zone]]\nname = \"House\"\noutputs = [\"Kitchen\", \"Desk\"]\n";
        home.configure(&format!("{}{desk}{zone}", kitchen.output("Kitchen")));
    };

    of_both("dekc");
    let checked = output(&["check", "--config", &config], &kitchen);
    let started = home.run().output().expect("it started");
    for refused in [checked, started] {
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let said = text(&refused.stderr);
        let line = said.lines().find(|line| line.contains("dekc"));
        let line = line.unwrap_or_else(|| panic!("{said}"));
        assert!(
            line.contains("\"Desk\"") && line.contains("it has desk"),
            "{line}"
        );
        assert!(line.contains("config.toml:"), "{line}");
    }
    assert!(!home.path("state").exists(), "nothing may have started");

    of_both("bluez_output.AA_BB_CC_DD_EE_FF.1");
    let checked = output(&["check", "--config", &config], &kitchen);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    assert!(
        text(&checked.stderr).contains("bluez_output.AA_BB_CC_DD_EE_FF.1"),
        "{checked:?}"
    );

    of_both("desk");
    desk.kill();
    let mut refused = Program::spawn(&mut home.run());
    assert_eq!(refused.ended().await.code(), Some(2));
    let line = refused.logged_all(&["\"Desk\"", &desk.address()]).await;
    assert!(line.contains("connection refused"), "{line}");
}
