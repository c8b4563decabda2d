//! Radio stations: titles between the sound, connections that break, and tuning in again.

use super::*;

/// What a frame of `plain.mp3` takes at its 192 kbit/s.
const BYTES_PER_FRAME: f64 = 24_000.0 / 44_100.0;

/// `plain.mp3` over and over, as a station would send it: it has no header that counts its frames.
fn endless() -> Media {
    let bytes = fixture("plain.mp3");
    Media::made(u64::MAX, move |place, most| {
        let at = (place % bytes.len() as u64) as usize;
        bytes[at..bytes.len().min(at + most)].to_vec()
    })
    .framing(Framing::UntilClose)
    .header("icy-name", "Sine FM")
    .mime("audio/mpeg")
}

#[tokio::test]
async fn h08_titles_are_taken_out_of_the_sound_and_told_where_they_hold() {
    let titles: [(u64, &[u8]); 4] = [
        (0, b"Sine FM"),
        (8192, b"It's - 'quoted'; and more"),
        (24_000, "Bj\u{f6}rk - J\u{f3}ga \u{266b}".as_bytes()),
        (40_000, b"Bj\xf6rk - Bachelorette"),
    ];
    let expected = [
        "Sine FM",
        "It's - 'quoted'; and more",
        "Bj\u{f6}rk - J\u{f3}ga \u{266b}",
        "Bj\u{f6}rk - Bachelorette",
    ];
    for framing in [Framing::UntilClose, Framing::Icy, Framing::Chunked] {
        let log = Log::start();
        let server = MediaServer::start();
        let plain = server.serve("/plain", endless().framing(framing));
        let told = server.serve("/told", endless().framing(framing).titles(4096, &titles));
        let samples = CD.samples(4 * 44_100);
        let clean = Listener::open(request(plain)).until(samples).await;
        let heard = Listener::open(request(told.clone())).until(samples).await;
        log.assert_line(&["INFO", &told, "it is the station \"Sine FM\": no seeking"]);
        assert!(!heard.info.unwrap().seekable);
        assert_eq!(heard.samples, clean.samples, "{framing:?}");
        assert_eq!(server.requests()[1].header("icy-metadata"), Some("1"));
        let texts: Vec<_> = heard
            .titles
            .iter()
            .map(|(_, title)| title.as_str())
            .collect();
        assert_eq!(texts, expected, "{framing:?}");
        // Each holds from the next block on, which stands every 4096 bytes: with the packet that goes on or begins there.
        let blocks = [4096, 8192, 24_576, 40_960];
        for ((at, title), block) in heard.titles.iter().zip(blocks) {
            let late = CD.frames(*at) as f64 - f64::from(block) / BYTES_PER_FRAME;
            assert!(
                (-1153.0..1.0).contains(&late),
                "{title:?} is off by {late} frames"
            );
        }
    }
}

#[tokio::test]
async fn a_station_that_breaks_off_is_tuned_in_again_and_plays_on() {
    for framing in [Framing::UntilClose, Framing::Chunked, Framing::Icy] {
        let log = Log::start();
        let server = MediaServer::start();
        // A second and a half at a time, and now and then nothing.
        let station = endless().framing(framing).cut_after(24_000);
        let uri = server.serve("/radio", station.first_answers(&[200, 200, 404, 503, 200]));
        let mut listener = Listener::open(request(uri.clone()));
        let heard = listener.until(CD.samples(6 * 44_100)).await;
        assert!(heard.failure.is_none(), "{framing:?}: {:?}", heard.failure);
        assert!(server.requests().len() >= 6);
        log.assert_line(&["WARN", &uri, "tuning in again"]);
        log.assert_line(&["INFO", &uri, "it goes on (attempt 3)"]);
        // What is heard is the sine all the time: where parts meet there may be a few soft frames, but no noise.
        let loudest = heard
            .samples
            .iter()
            .fold(0.0_f32, |most, it| most.max(it.abs()));
        assert!(loudest < 0.6, "{framing:?}: {loudest}");
        let loud = heard.samples.iter().filter(|it| it.abs() > 0.25).count();
        assert!(loud * 2 > heard.samples.len(), "{framing:?}: {loud}");
    }
}

#[tokio::test]
async fn a_station_may_come_back_in_another_format() {
    let log = Log::start();
    let server = MediaServer::start();
    let station = endless().stall_after(24_000).cut_after(24_001);
    let uri = server.serve("/radio", station);
    let mut listener = Listener::open(request(uri.clone()));
    let before = listener.until(CD.samples(44_100)).await;
    assert!(before.failure.is_none());
    let ogg = Media::fixture("sine.ogg").framing(Framing::UntilClose);
    server.serve("/radio", ogg.header("icy-name", "Sine FM"));
    server.release();
    // All of the Ogg file, several times.
    let after = listener.until(CD.samples(4 * 44_100)).await;
    assert!(after.failure.is_none(), "{:?}", after.failure);
    log.assert_line(&["WARN", &uri, "closed the connection; tuning in again"]);
}

#[tokio::test]
async fn what_is_kept_of_a_station_that_is_paused_is_bounded() {
    let log = Log::start();
    let server = MediaServer::start();
    let uri = server.serve("/radio", endless().drops_paused(Duration::from_millis(100)));
    let mut listener = Listener::open(request(uri.clone()));
    listener.opened().await;
    while server.open_connections() > 0 || server.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // 2 MiB of it lie in the buffer, and up to ten in sockets; then it is live again.
    let heard = listener.until(CD.samples(600 * 44_100)).await;
    assert!(heard.failure.is_none(), "{:?}", heard.failure);
    log.assert_line(&["WARN", &uri, "tuning in again"]);
}

#[tokio::test]
async fn a_file_with_titles_ends_where_its_server_says() {
    const TITLE: &[u8] = b"In a file";
    let server = MediaServer::start();
    let bytes = fixture("plain.mp3");
    // A block of 32 bytes and its length, once; else the length alone.
    let blocks = bytes.len() / 4096;
    let sent = (bytes.len() + blocks + 32).to_string();
    let media = Media::new(bytes).framing(Framing::IgnoresRanges);
    let media = media.titles(4096, &[(0, TITLE)]).claims_length(&sent);
    let uri = server.serve("/file", media);
    let heard = Listener::open(request(uri)).rest().await;
    assert!(heard.failure.is_none(), "{:?}", heard.failure);
    assert_eq!(CD.frames(heard.samples.len()), 59 * 1152);
    assert_eq!(heard.titles[0].1.as_bytes(), TITLE);
    assert_eq!(server.requests().len(), 1);
}
