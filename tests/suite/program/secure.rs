//! Media over TLS: what the system trusts plays, and what it does not is refused with the reason.

use std::process::Command;

use crate::support::media_server::tls::Tls;
use crate::support::media_server::{Media, MediaServer};
use crate::support::namespace::inside;
use crate::support::program::{Home, Program};
use crate::support::recording::{LEVEL, PITCH, tone};
use crate::support::soap::Renderer;

/// The program, which trusts what is in this file.
async fn start(home: &Home, trusted: &str) -> Program {
    let file = home.path("trusted.pem");
    std::fs::write(&file, trusted).expect("a file in a folder of ours");
    let program = Program::spawn(home.run().env("SSL_CERT_FILE", file));
    program.logged("ready: ").await;
    program
}

#[tokio::test]
async fn https_with_a_certificate_that_the_system_trusts_is_heard_whole() {
    if !inside("program::secure::https_with_a_certificate_that_the_system_trusts_is_heard_whole") {
        return;
    }
    let server = MediaServer::start();
    let tls = Tls::before(&server);
    let home = Home::with_zones(&["House"]);
    let trusted = format!("{}{}", Tls::others(140), tls.certificate);
    let program = start(&home, &trusted).await;
    let house = Renderer::find("House").await;
    let plain = server.serve("/song.wav", Media::new(tone(2.0)));
    house.cast_to_the_end(&plain).await;
    let before = program.resident_kib();
    house.cast_to_the_end(&tls.url("/song.wav")).await;
    let more = program.resident_kib().saturating_sub(before);
    assert!(more < 4096, "https takes {more} KiB");
    // From http to https, and on in the middle of the file.
    let cut = Media::new(tone(2.0)).cut_first(300_000, 1);
    server.serve("/moved.wav", cut);
    let moved = server.serve("/here", Media::redirect(302, &tls.url("/moved.wav")));
    house.cast_to_the_end(&moved).await;
    program.logged_all(&["/here", "asking for the rest"]).await;
    program.stop().await;
    for recording in home.recordings("House") {
        let heard: f64 = recording.sounds().iter().map(|sound| sound.seconds()).sum();
        assert!((5.9..6.1).contains(&heard), "{heard} s");
        recording
            .longest_sound()
            .inner(0.05)
            .assert_tones(PITCH, LEVEL);
    }
}

/// The program on a system that trusts this: for the program alone, it is what stands where Debian keeps what it trusts.
async fn start_on_a_system(home: &Home, trusted: &str) -> Program {
    let store = home.path("certs");
    std::fs::create_dir(&store).expect("a folder in a folder of ours");
    std::fs::write(store.join("ca-certificates.crt"), trusted).expect("a file in it");
    let run = home.run();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c"]);
    command.arg("mount --bind \"$0\" /etc/ssl/certs && exec \"$@\"");
    command
        .arg(store)
        .arg(run.get_program())
        .args(run.get_args());
    command.envs(
        run.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    for named in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        command.env_remove(named);
    }
    let program = Program::spawn(&mut command);
    program.logged("ready: ").await;
    program
}

#[tokio::test]
async fn https_is_trusted_where_the_systems_own_certificates_vouch_for_it() {
    if !inside("program::secure::https_is_trusted_where_the_systems_own_certificates_vouch_for_it")
    {
        return;
    }
    let server = MediaServer::start();
    let (tls, other) = (Tls::before(&server), Tls::before(&server));
    let home = Home::with_zones(&["House"]);
    let program = start_on_a_system(&home, &tls.certificate).await;
    let house = Renderer::find("House").await;
    server.serve("/song.wav", Media::new(tone(2.0)));
    house.cast_to_the_end(&tls.url("/song.wav")).await;
    let url = other.url("/song.wav");
    house.set_uri(&url).await;
    house.play().await;
    let reason = "does not trust the server's certificate";
    program.logged_all(&["WARN", &url, reason]).await;
    program.stop().await;
    for recording in home.recordings("House") {
        let heard = recording.longest_sound();
        assert!(
            (1.95..2.01).contains(&heard.seconds()),
            "{}",
            heard.seconds()
        );
        heard.inner(0.05).assert_tones(PITCH, LEVEL);
    }
}

#[tokio::test]
async fn https_with_a_certificate_that_nobody_vouches_for_is_an_error_that_says_so() {
    if !inside(
        "program::secure::https_with_a_certificate_that_nobody_vouches_for_is_an_error_that_says_so",
    ) {
        return;
    }
    let server = MediaServer::start();
    let (tls, other) = (Tls::before(&server), Tls::before(&server));
    let home = Home::with_zones(&["House"]);
    let program = start(&home, &other.certificate).await;
    let house = Renderer::find("House").await;
    server.serve("/song.wav", Media::new(tone(2.0)));
    let url = tls.url("/song.wav");
    house.set_uri(&url).await;
    house.play().await;
    program
        .logged_all(&[
            "WARN",
            &url,
            "does not trust the server's certificate",
            "SSL_CERT_FILE",
        ])
        .await;
    house.reach("STOPPED").await;
    assert!(house.has_failed().await);
    assert!(server.requests().is_empty());
    // What is trusted plays all the same.
    house.cast_to_the_end(&other.url("/song.wav")).await;
    program.stop().await;
}
