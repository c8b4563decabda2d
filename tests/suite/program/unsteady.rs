//! Servers that break off, fall behind or lose their patience while a song plays: what is heard of it, and what the log says.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::support::media_server::{Framing, Media, MediaServer};
use crate::support::namespace::inside;
use crate::support::program::Home;
use crate::support::recording::{PITCH, tone};
use crate::support::soap::Renderer;

/// Of [`tone`], per second.
const BYTES: usize = 48_000 * 8;

/// Asserts that a song was heard whole by both outputs of the zone "House", with one interruption. What fades at it is heard on both sides.
#[track_caller]
fn assert_heard_in_two_pieces(home: &Home, seconds: f64) {
    for recording in home.recordings("House") {
        let sounds = recording.sounds();
        let heard: f64 = sounds.iter().map(|sound| sound.seconds()).sum();
        assert!((heard - seconds).abs() < 0.3, "{heard} s");
        assert_eq!(sounds.len(), 2);
        for sound in sounds {
            sound.inner(0.3).assert_unbroken(0, PITCH[0]);
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_not_heard_while_the_buffer_lasts() {
    if !inside("program::unsteady::a_connection_that_breaks_is_not_heard_while_the_buffer_lasts") {
        return;
    }
    const SECONDS: f64 = 12.0;
    let ways = [
        ("Ranges", Framing::Ranges),
        ("Refuses", Framing::RefusesRanges),
        ("Ignores", Framing::IgnoresRanges),
    ];
    let zones = ways.map(|(zone, _)| zone);
    let home = Home::with_zones(&zones);
    let program = home.start().await;
    let server = MediaServer::start();
    let casts = ways.map(|(zone, framing)| {
        // Five seconds of it come; then the server cannot be bothered twice, so that it is asked for a third time after 750 ms.
        let song = Media::new(tone(SECONDS))
            .framing(framing)
            .cut_first(5 * BYTES, 1)
            .first_answers(&[200, 503, 503]);
        let url = server.serve(&format!("/{zone}.wav"), song);
        let program = &program;
        async move {
            Renderer::find(zone).await.cast_to_the_end(&url).await;
            let broke = "the server closed the connection after";
            let asked = "asking for the rest";
            program.logged_all(&["WARN", &url, broke, asked]).await;
            let goes_on = "it goes on (attempt 3)";
            program.logged_all(&["INFO", &url, goes_on]).await;
        }
    });
    join_all(casts).await;
    let anybody = Renderer::find(zones[0]).await;
    anybody.nothing_starved(2 * zones.len()).await;
    program.stop().await;
    for zone in zones {
        for recording in home.recordings(zone) {
            let sound = recording.only_sound();
            let seconds = sound.seconds();
            assert!((seconds - SECONDS).abs() < 0.002, "{zone}: {seconds} s");
            sound.inner(0.01).assert_unbroken(0, PITCH[0]);
        }
    }
}

#[tokio::test]
async fn a_song_that_was_paused_goes_on_though_the_server_has_hung_up() {
    if !inside("program::unsteady::a_song_that_was_paused_goes_on_though_the_server_has_hung_up") {
        return;
    }
    // More than is read ahead and than sockets hold, so that the server has something left to send.
    const SECONDS: f64 = 25.0;
    for side in ["tcp_rmem", "tcp_wmem"] {
        let file = format!("/proc/sys/net/ipv4/{side}");
        std::fs::write(file, "4096 65536 131072").expect("the namespace's own");
    }
    let home = Home::with_zones(&["House"]);
    let program = home.start().await;
    let house = Renderer::find("House").await;
    let server = MediaServer::start();
    let song = Media::new(tone(SECONDS)).drops_paused(Duration::from_millis(300));
    let url = server.serve("/song.wav", song);
    house.cast(&url).await;
    sleep(Duration::from_secs(1)).await;
    house.transport("Pause", &[]).await;
    house.reach("PAUSED_PLAYBACK").await;
    let hung_up = async {
        while server.open_connections() > 0 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    let hung_up = tokio::time::timeout(Duration::from_secs(20), hung_up).await;
    hung_up.expect("the server loses its patience");
    house.play().await;
    house.reach("PLAYING").await;
    house.reach("STOPPED").await;
    assert!(!house.has_failed().await);
    program.logged_all(&[&url, "asking for the rest"]).await;
    house.nothing_starved(2).await;
    program.stop().await;
    assert_heard_in_two_pieces(&home, SECONDS);
}

#[tokio::test]
async fn a_server_that_is_slower_than_its_song_is_waited_for_and_named() {
    if !inside("program::unsteady::a_server_that_is_slower_than_its_song_is_waited_for_and_named") {
        return;
    }
    const SECONDS: f64 = 4.0;
    let home = Home::with_zones(&["House"]);
    let program = home.start().await;
    let house = Renderer::find("House").await;
    let server = MediaServer::start();
    let song = Media::new(tone(SECONDS)).trickle(BYTES * 2 / 5);
    let url = server.serve("/song.wav", song);
    house.set_uri(&url).await;
    house.play().await;
    for state in ["PLAYING", "TRANSITIONING", "PLAYING", "STOPPED"] {
        house.reach(state).await;
    }
    assert!(!house.has_failed().await);
    let cause = "too little of it has come to play on";
    program.logged_all(&["WARN", "House", &url, cause]).await;
    program.stop().await;
    assert_heard_in_two_pieces(&home, SECONDS);
}
