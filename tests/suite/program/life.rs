//! How the program starts and ends: what keeps it from starting, what it remembers, what it says goodbye to.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::support::media_server::{Media, MediaServer};
use crate::support::namespace::inside;
use crate::support::program::{Home, Program, wav_zone};
use crate::support::recording::{PITCH, tone};
use crate::support::soap::Renderer;
use crate::support::upnp_house::Searcher;

/// What a stop may take.
const STOP: Duration = Duration::from_secs(2);

/// The NT and USN of each message of this kind.
fn targets(heard: &[String], kind: &str) -> BTreeSet<(String, String)> {
    let header = |message: &str, name: &str| {
        let mut lines = message.split("\r\n");
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_default().to_owned()
    };
    heard
        .iter()
        .filter(|message| message.starts_with("NOTIFY") && header(message, "NTS") == kind)
        .map(|message| (header(message, "NT"), header(message, "USN")))
        .collect()
}

#[tokio::test]
async fn a_signal_in_the_middle_of_a_song_ends_it_with_a_fade_and_byebye() {
    if !inside("program::life::a_signal_in_the_middle_of_a_song_ends_it_with_a_fade_and_byebye") {
        return;
    }
    let server = MediaServer::start();
    let url = server.serve("/song.wav", Media::new(tone(20.0)));
    for signal in ["TERM", "INT"] {
        let listener = Searcher::listen(Ipv4Addr::LOCALHOST);
        let home = Home::with_zones(&["House", "Garden"]);
        let mut program = home.start().await;
        let (house, garden) = (
            Renderer::find("House").await,
            Renderer::find("Garden").await,
        );
        house.cast(&url).await;
        garden.cast(&url).await;
        let mut heard = listener.collect(Duration::from_millis(800)).await;
        let asked = Instant::now();
        program.signal(signal);
        let status = program.ended().await;
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(asked.elapsed() < STOP, "{signal}: {:?}", asked.elapsed());
        heard.extend(listener.collect(Duration::from_millis(100)).await);

        let alive = targets(&heard, "ssdp:alive");
        // The root device, the UUID, the device type and three services, of two zones.
        assert_eq!(alive.len(), 12, "{alive:?}");
        assert_eq!(targets(&heard, "ssdp:byebye"), alive, "{signal}");
        for renderer in [&house, &garden] {
            assert!(alive.contains(&(renderer.udn().to_owned(), renderer.udn().to_owned())));
        }
        for recording in [home.recordings("House"), home.recordings("Garden")].concat() {
            let sound = recording.only_sound();
            sound.inner(0.01).assert_unbroken(0, PITCH[0]);
            let end = sound.between(sound.seconds() - 0.001, sound.seconds());
            assert!(end.peak() < 0.15, "no fade: {}", end.peak());
        }
    }
}

#[tokio::test]
async fn a_zone_stays_the_same_device_through_a_restart_and_a_new_name() {
    if !inside("program::life::a_zone_stays_the_same_device_through_a_restart_and_a_new_name") {
        return;
    }
    let home = Home::new();
    let mut known = None;
    for [zone, other] in [["House", "Garden"], ["House", "Garden"], ["Home", "Garden"]] {
        home.configure(&format!("{}{}", wav_zone(zone), wav_zone(other)));
        let program = home.start().await;
        let identities = (
            Renderer::find(zone).await.udn().to_owned(),
            Renderer::find(other).await.udn().to_owned(),
        );
        assert_ne!(identities.0, identities.1);
        assert_eq!(
            known.get_or_insert(identities.clone()),
            &identities,
            "{zone}"
        );
        program.stop().await;
    }
}

/// The program must say this in one line, end with exit code 2, and have touched nothing.
async fn check_refused(home: &Home, expected: &[&str]) {
    let mut program = Program::spawn(&mut home.run());
    let status = program.ended().await;
    // What it said may be read a little after it has ended.
    program.logged_all(expected).await;
    let log = program.log();
    assert_eq!(status.code(), Some(2), "{log:?}");
    let said: Vec<_> = log.iter().filter(|line| !line.contains(" INFO ")).collect();
    assert_eq!(said.len(), 1, "{log:?}");
    for part in expected {
        assert!(said[0].contains(part), "{part:?} is not in {:?}", said[0]);
    }
    let files = std::fs::read_dir(home).expect("it exists");
    let files: Vec<_> = files
        .map(|file| file.expect("a file").file_name())
        .collect();
    assert_eq!(files, ["config.toml"], "nothing may have started");
}

#[tokio::test]
async fn a_config_that_cannot_work_is_refused_before_anything_starts() {
    if !inside("program::life::a_config_that_cannot_work_is_refused_before_anything_starts") {
        return;
    }
    let home = Home::new();
    home.configure(&wav_zone("House").replace("outputs = [\"House 1\"", "outputs = [\"Hous 1\""));
    check_refused(&home, &["config.toml:", "\"Hous 1\"", "\"House 1\""]).await;

    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port();
    home.write_config(&format!(
        "[network]\ninterfaces = [\"lo\"]\nport = {port}\n{}",
        wav_zone("House")
    ));
    check_refused(&home, &["config.toml:3", &port.to_string()]).await;

    home.configure(&wav_zone("House").replace("path = \"House 2", "path = \"nowhere/House 2"));
    check_refused(&home, &["config.toml:", "\"House 2\"", "nowhere"]).await;

    home.configure(&format!("volum = 3\n{}", wav_zone("House")));
    check_refused(&home, &["config.toml:4", "volum"]).await;
}

#[tokio::test]
async fn two_programs_do_not_share_a_state_directory() {
    if !inside("program::life::two_programs_do_not_share_a_state_directory") {
        return;
    }
    let home = Home::with_zones(&["House"]);
    let first = home.start().await;
    let mut second = Program::spawn(&mut home.run());
    assert_eq!(second.ended().await.code(), Some(1));
    second.logged_all(&["state", "--state-dir"]).await;
    first.stop().await;
}

#[tokio::test]
async fn log_lines_in_json_are_json() {
    if !inside("program::life::log_lines_in_json_are_json") {
        return;
    }
    let home = Home::with_zones(&["House"]);
    let mut program = Program::spawn(home.run().args(["--log-format", "json"]));
    program.logged("ready: ").await;
    let house = Renderer::find("House").await;
    house.set_uri("http://127.0.0.1:9/a\"b\\c.flac").await;
    house.play().await;
    program.logged("refused").await;
    sleep(Duration::from_millis(100)).await;
    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(0));
    let log = program.log();
    assert!(log.len() > 4, "{log:?}");
    for line in log {
        let value: serde_json::Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for key in ["timestamp", "level", "message"] {
            assert!(value[key].is_string(), "no {key} in {line}");
        }
    }
}
