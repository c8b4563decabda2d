//! Connections that end before the file does: what is asked for then, and that nothing of it is heard.

use std::fs;

use tokio::time::Instant;

use super::*;
use crate::support::ffmpeg::{ffmpeg, folder_of_made};

/// Asserts that a fixture has been heard whole, as if nothing had happened.
#[track_caller]
fn assert_whole(heard: &Heard, what: &str) {
    assert!(heard.failure.is_none(), "{what}: {:?}", heard.failure);
    assert_eq!(CD.frames(heard.samples.len()), WHOLE, "{what}");
    let deviation = inner_deviation(CD, &heard.samples, 0);
    assert!(deviation < 0.02, "{what}: off by {deviation}");
}

/// The same of a fixture that is coded without loss and was heard in two parts.
#[track_caller]
fn assert_lossless(before: Heard, after: Heard) {
    assert!(after.failure.is_none(), "{:?}", after.failure);
    let samples = [before.samples, after.samples].concat();
    assert_eq!(CD.frames(samples.len()), WHOLE);
    assert!(deviation(CD, &samples, 0) < 1e-4);
}

#[tokio::test]
async fn h16_a_connection_cut_in_the_middle_is_resumed_by_range_and_not_heard() {
    for name in ["sine.wav", "sine.flac", "sine.mp3", "sine.m4a", "sine.ogg"] {
        let log = Log::start();
        let server = MediaServer::start();
        let cut = fixture(name).len() * 2 / 3;
        let media = Media::fixture(name).tag("\"v1\"").cut_first(cut, 1);
        let uri = server.serve("/song", media);
        let heard = Listener::open(request(uri.clone())).rest().await;
        assert_whole(&heard, name);
        let requests = server.requests();
        assert_eq!(requests.len(), 2, "{name}");
        let range = format!("bytes={cut}-");
        assert_eq!(requests[1].header("range"), Some(range.as_str()));
        assert_eq!(requests[1].header("if-range"), Some("\"v1\""));
        log.assert_line(&[
            "WARN",
            &uri,
            &format!("after {cut} bytes; asking for the rest"),
        ]);
        log.assert_line(&["INFO", &uri, "it goes on (attempt 1)"]);
    }
}

#[tokio::test]
async fn h16_without_ranges_all_of_it_is_asked_for_and_what_came_is_passed_over() {
    for framing in [Framing::RefusesRanges, Framing::IgnoresRanges] {
        let log = Log::start();
        let server = MediaServer::start();
        let media = Media::fixture("sine.flac").framing(framing);
        let uri = server.serve("/song", media.cut_first(50_000, 2));
        let heard = Listener::open(request(uri.clone())).rest().await;
        assert_whole(&heard, &format!("{framing:?}"));
        assert!(server.requests().len() > 1);
        let cause = "the server closed the connection after 50000 bytes; asking for the rest";
        log.assert_line(&["WARN", &uri, cause]);
        log.assert_line(&["INFO", &uri, "50000 bytes are passed over"]);
    }
}

#[tokio::test]
async fn h16_a_file_in_chunks_is_resumed_when_the_sender_says_that_it_has_an_end() {
    let log = Log::start();
    let server = MediaServer::start();
    let media = Media::fixture("sine.mp3").framing(Framing::Chunked);
    let uri = server.serve("/song", media.cut_first(15_000, 1));
    let finite = MediaRequest {
        duration: Some(Duration::from_millis(1500)),
        ..request(uri.clone())
    };
    assert_whole(&Listener::open(finite).rest().await, "chunked");
    log.assert_line(&[
        "WARN",
        &uri,
        "the server closed the connection",
        "after 15000 bytes; asking for the rest",
    ]);
}

#[tokio::test]
async fn h16_a_connection_cut_again_and_again_is_resumed_each_time() {
    let log = Log::start();
    let server = MediaServer::start();
    let media = Media::fixture("sine.wav").cut_after(70_000);
    let uri = server.serve("/song", media);
    let heard = Listener::open(request(uri.clone())).rest().await;
    assert_whole(&heard, "four parts");
    assert_eq!(server.requests().len(), 4);
    for bytes in [70_000, 140_000, 210_000] {
        let cause = format!("closed the connection after {bytes} bytes; asking for the rest");
        log.assert_line(&["WARN", &uri, &cause]);
    }
}

#[tokio::test]
async fn h16_another_file_in_its_place_is_not_taken_for_the_rest() {
    let log = Log::start();
    let server = MediaServer::start();
    let media = Media::fixture("sine.wav").tag("\"v1\"").changes();
    let uri = server.serve("/song", media.cut_first(100_000, 1));
    let heard = Listener::open(request(uri.clone())).rest().await;
    let failure = heard.failure.unwrap().to_string();
    assert!(
        failure.contains(&uri) && failure.contains("another file there now"),
        "{failure}"
    );
    log.assert_line(&["WARN", &uri, "after 100000 bytes; asking for the rest"]);
    assert!(deviation(CD, &heard.samples, 0) < 1e-4);
}

#[tokio::test]
async fn h16_a_server_that_is_started_anew_is_waited_for() {
    let log = Log::start();
    let server = MediaServer::start();
    let media = Media::fixture("sine.wav").cut_first(100_000, 1);
    let uri = server.serve("/song", media.first_answers(&[200, 500, 503]));
    let heard = Listener::open(request(uri.clone())).rest().await;
    assert_whole(&heard, "restarted");
    log.assert_line(&[&uri, "it goes on (attempt 3)"]);
}

#[tokio::test]
async fn h16_a_file_that_is_taken_away_ends_in_an_error_that_says_so() {
    let server = MediaServer::start();
    let media = Media::fixture("sine.wav").cut_first(100_000, 1);
    let uri = server.serve("/song", media.first_answers(&[200, 404]));
    let log = Log::start();
    let heard = Listener::open(request(uri.clone())).rest().await;
    let failure = heard.failure.unwrap().to_string();
    assert!(failure.contains("404"), "{failure}");
    log.assert_line(&["WARN", &uri, "after 100000 bytes; asking for the rest"]);
    assert!(!heard.samples.is_empty());
}

#[tokio::test]
async fn h17_a_file_that_ends_before_its_stated_length_by_the_servers_word_has_ended() {
    let log = Log::start();
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::fixture("sine.mp3").ends_at(15_000));
    let heard = Listener::open(request(uri.clone())).rest().await;
    assert!(heard.failure.is_none(), "{:?}", heard.failure);
    assert!(CD.frames(heard.samples.len()) > WHOLE / 3);
    log.assert_line(&["WARN", &uri, "it ends after 15000 bytes"]);
}

#[tokio::test]
async fn h15_a_server_that_closes_a_paused_connection_is_asked_for_the_rest() {
    for framing in [Framing::Ranges, Framing::IgnoresRanges, Framing::UntilClose] {
        let log = Log::start();
        let (bytes, frames) = long_wav();
        let server = MediaServer::start();
        let media = Media::new(bytes).framing(framing);
        let media = media.drops_paused(Duration::from_millis(500));
        let uri = server.serve("/long", media);
        let mut listener = Listener::open(request(uri.clone()));
        listener.opened().await;
        // Nobody reads: the server loses its patience.
        while server.open_connections() > 0 || server.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Without a length its end may be the song's; after a pause it is asked whether it was.
        pass(Duration::from_secs(21)).await;
        let heard = listener.rest().await;
        assert!(heard.failure.is_none(), "{:?}", heard.failure);
        assert_eq!(CD.frames(heard.samples.len()), frames);
        assert_stairs(&heard.samples, 0);
        assert!(server.requests().len() > 1);
        log.assert_line(&["WARN", &uri, " bytes; asking for the rest"]);
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_and_has_ranges_is_asked_again() {
    let log = Log::start();
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::fixture("sine.wav").stall_after(180_000));
    let mut listener = Listener::open(request(uri.clone()));
    let before = listener.until(CD.samples(40_000)).await;
    // A tenth of a second is left to be heard.
    pass(Duration::from_millis(2500)).await;
    let after = listener.rest().await;
    assert_lossless(before, after);
    log.assert_line(&[
        &uri,
        "the server sent next to nothing for 2.5 s",
        "asking for the rest",
    ]);
}

#[tokio::test]
async fn a_server_that_takes_one_connection_at_a_time_can_be_asked_again() {
    let server = MediaServer::start();
    let media = Media::fixture("sine.wav").stall_after(180_000);
    let uri = server.serve("/song", media.one_at_a_time());
    let mut listener = Listener::open(request(uri));
    let before = listener.until(CD.samples(40_000)).await;
    pass(Duration::from_millis(2500)).await;
    let after = listener.rest().await;
    assert_lossless(before, after);
}

/// It would have to send all of it anew.
#[tokio::test]
async fn a_server_that_may_have_no_ranges_is_given_more_time() {
    let server = MediaServer::start();
    let media = Media::fixture("sine.wav").framing(Framing::IgnoresRanges);
    let uri = server.serve("/song", media.stall_after(180_000));
    let mut listener = Listener::open(request(uri));
    let before = listener.until(CD.samples(40_000)).await;
    for _ in 0..3 {
        pass(Duration::from_secs(3)).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(server.requests().len(), 1);
    }
    server.release();
    let after = listener.rest().await;
    assert_lossless(before, after);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_server_that_answers_and_sends_nothing_more_is_given_up_after_45_seconds() {
    let log = Log::start();
    let server = MediaServer::start();
    let media = Media::fixture("sine.wav").dries_up_at(180_000);
    let uri = server.serve("/song", media);
    let mut listener = Listener::open(request(uri.clone()));
    let before = listener.until(CD.samples(40_000)).await;
    let mut passed = Duration::ZERO;
    while passed < Duration::from_secs(44) {
        assert!(
            !matches!(listener.source.poll(), Polled::Failed(_)),
            "{passed:?}"
        );
        let step = Duration::from_millis(500);
        pass(step).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
        passed += step;
    }
    // What was waited for of each answer.
    pass(Duration::from_secs(15)).await;
    let failure = listener.rest().await.failure.unwrap().to_string();
    assert!(
        failure.contains("fell silent for 45 s after 180000 bytes"),
        "{failure}"
    );
    assert_eq!(server.requests().len(), 4);
    log.assert_line(&["WARN", &uri, "the server fell silent for 14 s"]);
    assert!(deviation(CD, &before.samples, 0) < 1e-4);
}

/// How fast it plays is guessed from what has been decoded of it: at first that is little.
#[tokio::test]
async fn a_file_without_a_duration_that_comes_faster_than_it_plays_is_asked_for_once() {
    let folder = folder_of_made("resume");
    let noise = "-f lavfi -i anoisesrc=d=40:c=pink:a=0.4:r=44100 -ac 2 -c:a libvorbis -q:a 4";
    ffmpeg(&folder, noise.split(' ').chain(["noise.ogg"]));
    let server = MediaServer::start();
    let song = fs::read(folder.join("noise.ogg")).unwrap();
    let media = Media::new(song).trickle(130_000);
    let uri = server.serve("/noise.ogg", media);
    let began = Instant::now();
    let heard = Listener::open(request(uri)).rest().await;
    assert!(heard.failure.is_none(), "{:?}", heard.failure);
    let seconds = began.elapsed().as_secs_f64();
    assert!(seconds > 2.6, "too fast to show anything: {seconds} s");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_server_that_sends_next_to_nothing_and_has_ranges_is_asked_again() {
    let log = Log::start();
    let server = MediaServer::start();
    let media = Media::fixture("sine.wav").dwindle_after(180_000);
    let uri = server.serve("/song", media);
    let mut listener = Listener::open(request(uri.clone()));
    let before = listener.until(CD.samples(40_000)).await;
    for milliseconds in [1300, 1200] {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(server.requests().len(), 1);
        pass(Duration::from_millis(milliseconds)).await;
    }
    let after = listener.rest().await;
    assert_lossless(before, after);
    assert_eq!(server.requests().len(), 2);
    log.assert_line(&[
        &uri,
        "the server sent next to nothing for 2.5 s",
        "asking for the rest",
    ]);
}

#[tokio::test]
async fn a_server_that_falls_silent_while_much_is_at_hand_is_asked_again_later() {
    let log = Log::start();
    let server = MediaServer::start();
    let (frames, half) = (1_100_000, 2_300_000);
    let media = Media::new(stairs(0, frames)).stall_after(half);
    let uri = server.serve("/long", media);
    let mut listener = Listener::open(request(uri.clone()));
    // Eleven of the thirteen seconds that come are still to be heard.
    let before = listener.until(CD.samples(1000)).await;
    server.wait_until("half of it", |log| log.sent >= half);
    tokio::time::sleep(Duration::from_millis(200)).await;
    for seconds in [3, 6] {
        pass(Duration::from_secs(seconds)).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(server.requests().len(), 1);
    }
    pass(Duration::from_secs(1)).await;
    let after = listener.rest().await;
    assert!(after.failure.is_none(), "{:?}", after.failure);
    let samples = [before.samples, after.samples].concat();
    assert_eq!(CD.frames(samples.len()), frames);
    assert_stairs(&samples, 0);
    log.assert_line(&[
        &uri,
        "the server fell silent for 10 s",
        "asking for the rest",
    ]);
}
