//! Every kind of server: what is understood, what is refused, and what is said of it.

use super::*;

#[tokio::test]
async fn every_way_to_send_a_file_is_understood() {
    for name in [
        "sine.wav",
        "sine.flac",
        "sine.mp3",
        "sine.ogg",
        "sine.m4a",
        "sine.aac",
    ] {
        for framing in [
            Framing::Ranges,
            Framing::IgnoresRanges,
            Framing::RefusesRanges,
            Framing::UnaskedPartial,
            Framing::Chunked,
            Framing::UntilClose,
            Framing::Http10,
            Framing::Icy,
        ] {
            let log = Log::start();
            let server = MediaServer::start();
            let uri = server.serve("/media", Media::fixture(name).framing(framing));
            let heard = Listener::open(request(uri.clone())).rest().await;
            let what = format!("{name} {framing:?}");
            assert!(heard.failure.is_none(), "{what}: {:?}", heard.failure);
            assert!(CD.frames(heard.samples.len()) >= WHOLE, "{what}");
            let seekable = matches!(
                framing,
                Framing::Ranges | Framing::IgnoresRanges | Framing::UnaskedPartial
            );
            assert_eq!(heard.info.unwrap().seekable, seekable, "{what}");
            assert_eq!(server.requests().len(), 1, "{what}");
            match remark_on(framing) {
                Some(remark) => log.assert_line(&["INFO", &uri, remark]),
                None => assert_eq!(log.text(), "", "{what}"),
            }
        }
    }
}

/// What the log says of an answer that comes in this way, if it is out of the ordinary.
fn remark_on(framing: Framing) -> Option<&'static str> {
    match framing {
        Framing::Ranges | Framing::IgnoresRanges => None,
        Framing::RefusesRanges => Some("the server does not hand out parts: no seeking"),
        Framing::UnaskedPartial => Some("sends a part (206) though all was asked for"),
        Framing::Chunked | Framing::UntilClose | Framing::Http10 => {
            Some("its length is not known: no seeking")
        }
        Framing::Icy => Some("the server answers like SHOUTcast (ICY)"),
    }
}

#[tokio::test]
async fn the_request_is_one_plain_get_with_dlna_headers() {
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::fixture("sine.flac"));
    Listener::open(request(uri)).rest().await;
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].method, "GET");
    let check = |name: &str, expected: Option<&str>| {
        assert_eq!(requests[0].header(name), expected, "{name}");
    };
    check("range", None);
    check("accept", Some("*/*"));
    check("accept-encoding", Some("identity"));
    check("transferMode.dlna.org", Some("Streaming"));
    check("getcontentFeatures.dlna.org", Some("1"));
    check("icy-metadata", Some("1"));
    let agent = requests[0].header("user-agent").unwrap();
    assert!(
        agent.starts_with("Unisono/") && agent.ends_with(" UPnP/1.0 DLNADOC/1.50"),
        "{agent}"
    );
}

/// Failed without a sound, for a reason that the message names together with the address.
async fn check_failure(server: &MediaServer, path: &str, reason: &str) {
    let uri = server.url(path);
    let heard = Listener::open(request(uri.clone())).rest().await;
    assert!(heard.samples.is_empty(), "{path}");
    let message = heard.failure.expect(path).to_string();
    assert!(message.contains(&uri), "{message}");
    assert!(message.contains(reason), "{message}");
}

#[tokio::test]
async fn what_cannot_be_played_says_why() {
    let server = MediaServer::start();
    server.serve("/forbidden", Media::status(403));
    server.serve("/broken", Media::status(500));
    server.serve(
        "/page",
        Media::new(&b"<html>Log in</html>"[..]).mime("text/html"),
    );
    server.serve("/empty", Media::new(&b""[..]));
    server.serve("/noise", Media::new(vec![0x55; 3000]));
    let refuses = Media::fixture("index-last.m4a").framing(Framing::RefusesRanges);
    server.serve("/index-last", refuses);
    check_failure(&server, "/missing", "404").await;
    check_failure(&server, "/forbidden", "403 Forbidden").await;
    check_failure(&server, "/broken", "500").await;
    check_failure(
        &server,
        "/page",
        "no known audio format (the server says of it: text/html)",
    )
    .await;
    check_failure(&server, "/empty", "the file is empty").await;
    check_failure(&server, "/noise", "no known audio format").await;
    check_failure(&server, "/index-last", "does not hand out parts of files").await;
}

#[tokio::test]
async fn addresses_that_are_not_fetched_are_refused_at_once() {
    for (uri, reason) in [
        ("file:///etc/passwd", "file://"),
        ("ftp://127.0.0.1:1/song", "ftp://"),
        ("data:audio/wav;base64,AAAA", "data://"),
        ("not an address", "relative URL"),
        ("", "relative URL"),
    ] {
        let failure = Listener::open(request(uri.to_owned())).rest().await.failure;
        let Some(MediaError::Address { .. }) = failure else {
            panic!("{uri}: {failure:?}");
        };
        let message = failure.unwrap().to_string();
        assert!(message.contains(reason), "{message}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_failure() {
    let vacant = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let uri = format!("http://{}/song", vacant.local_addr().unwrap());
    drop(vacant);
    let failure = Listener::open(request(uri)).rest().await.failure.unwrap();
    assert!(failure.to_string().contains("refused"), "{failure}");
}

#[tokio::test]
async fn redirects_are_followed_but_not_for_ever_and_not_everywhere() {
    let server = MediaServer::start();
    for (number, status) in [301, 302, 303, 307, 308].into_iter().enumerate() {
        let next = format!("/{}", number + 1);
        server.serve(&format!("/{number}"), Media::redirect(status, &next));
    }
    server.serve("/5", Media::fixture("sine.flac"));
    let log = Log::start();
    let heard = Listener::open(request(server.url("/0"))).rest().await;
    assert_eq!(CD.frames(heard.samples.len()), WHOLE, "{:?}", heard.failure);

    for number in 1..=5 {
        let to = server.url(&format!("/{number}"));
        log.assert_line(&["INFO", &server.url("/0"), &format!("it redirects to {to}")]);
    }

    server.serve("/loop", Media::redirect(302, "/loop"));
    check_failure(&server, "/loop", "redirects more than 10 times").await;
    server.serve("/file", Media::redirect(302, "file:///etc/passwd"));
    check_failure(&server, "/file", "file://").await;
    server.serve("/nowhere", Media::status(302));
    check_failure(&server, "/nowhere", "without a usable Location").await;
}

#[tokio::test]
async fn the_program_does_not_fetch_from_itself() {
    let own = MediaServer::start();
    let elsewhere = MediaServer::start();
    let network = Network::new(Handle::current(), vec![own.port()]);
    let direct = own.serve("/song", Media::fixture("sine.wav"));
    let by_name = direct.replace("127.0.0.1", "localhost");
    let by_redirect = elsewhere.serve("/song", Media::redirect(302, &direct));
    for uri in [direct, by_name, by_redirect] {
        let heard = Listener::on(&network, request(uri.clone())).rest().await;
        let message = heard.failure.expect(&uri).to_string();
        assert!(message.contains("this renderer itself"), "{message}");
    }
    assert!(own.requests().is_empty());
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_within_fifteen_seconds() {
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::silence());
    let mut listener = Listener::open(request(uri));
    while server.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    pass(Duration::from_secs(15)).await;
    let failure = listener.rest().await.failure.unwrap();
    assert!(
        failure.to_string().contains("sent nothing for 14 s"),
        "{failure}"
    );
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_after_what_it_sent_has_played() {
    let server = MediaServer::start();
    let media = Media::fixture("sine.wav").framing(Framing::RefusesRanges);
    let uri = server.serve("/song", media.stall_after(44_100 + 78));
    let mut listener = Listener::open(request(uri));
    listener.opened().await;
    let mut samples = listener.audio().await;
    while samples.len() < 20_000 {
        samples.extend(listener.audio().await);
    }
    pass(Duration::from_secs(44)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    while let Polled::Audio(_) = listener.source.poll() {}
    assert!(matches!(listener.source.poll(), Polled::Pending));
    pass(Duration::from_secs(1)).await;
    let heard = listener.rest().await;
    let failure = heard.failure.unwrap().to_string();
    assert!(
        failure.contains("fell silent for 45 s after 44178 bytes"),
        "{failure}"
    );
    assert!(deviation(CD, &samples, 0) < 1e-4);
}

#[tokio::test]
async fn a_file_that_is_shorter_than_its_server_says_plays_and_ends() {
    for framing in [Framing::IgnoresRanges, Framing::RefusesRanges] {
        for name in ["sine.wav", "sine.flac", "sine.mp3", "sine.m4a", "sine.aac"] {
            let log = Log::start();
            let server = MediaServer::start();
            let bytes = fixture(name);
            let (whole, cut) = (bytes.len(), bytes.len() * 2 / 3);
            let media = Media::new(bytes).framing(framing);
            let uri = server.serve("/song", media.ends_at(cut));
            let heard = Listener::open(request(uri.clone())).rest().await;
            assert!(heard.failure.is_none(), "{name}: {:?}", heard.failure);
            let frames = CD.frames(heard.samples.len());
            assert!(
                (WHOLE / 3..WHOLE * 3 / 4).contains(&frames),
                "{name}: {frames}"
            );
            let reason =
                format!("the server closed the connection {cut} of {whole} bytes into the file");
            log.assert_line(&["WARN", &uri, &reason, "taken for all of it"]);
        }
    }
    // Whoever converts while it sends guesses how long that will be.
    for name in ["sine.mp3", "sine.aac", "sine.ogg", "sine.flac"] {
        let log = Log::start();
        let guess = (fixture(name).len() * 11 / 10).to_string();
        let media = Media::fixture(name).framing(Framing::RefusesRanges);
        let heard = hear(media.claims_length(&guess)).await;
        assert!(heard.failure.is_none(), "{name}: {:?}", heard.failure);
        assert!(CD.frames(heard.samples.len()) >= WHOLE, "{name}");
        log.assert_line(&["WARN", &format!("of {guess} bytes"), "taken for all of it"]);
    }
    // Where nobody knows how long the file is, the end of the connection is its end.
    let mp3 = Media::fixture("sine.mp3").ends_at(15_000);
    let heard = hear(mp3.framing(Framing::UntilClose)).await;
    assert!(heard.failure.is_none(), "{:?}", heard.failure);
}

#[tokio::test]
async fn h05_lengths_that_are_made_up_or_no_numbers_do_not_matter() {
    for length in [
        "2147483647",
        "4294967295",
        "9223372036854775807",
        "-1",
        "",
        "unknown",
    ] {
        let is_number = length.parse::<u64>().is_ok();
        let remark = if is_number {
            "states a length that is made up"
        } else {
            "states a Content-Length that is no number"
        };
        for name in ["sine.wav", "sine.mp3", "sine.flac"] {
            let log = Log::start();
            let media = Media::fixture(name).framing(Framing::IgnoresRanges);
            let heard = hear(media.claims_length(length)).await;
            log.assert_line(&["INFO", "/media: the server", remark]);
            assert!(heard.failure.is_none(), "{length}: {:?}", heard.failure);
            assert!(CD.frames(heard.samples.len()) >= WHOLE, "{name} {length}");
            assert!(!heard.info.unwrap().seekable, "{length}");
        }
    }
}

#[tokio::test]
async fn h09_the_status_line_of_shoutcast_is_understood() {
    for name in ["sine.mp3", "sine.aac", "sine.ogg"] {
        let heard = hear(Media::fixture(name).framing(Framing::Icy)).await;
        assert!(heard.failure.is_none(), "{name}: {:?}", heard.failure);
        assert!(CD.frames(heard.samples.len()) >= WHOLE, "{name}");
    }
}

#[tokio::test]
async fn h19_whoever_does_not_know_dlna_is_asked_without_it() {
    let log = Log::start();
    let server = MediaServer::start();
    let uri = server.serve("/song", Media::fixture("sine.flac").plain_only());
    let heard = Listener::open(request(uri.clone())).rest().await;
    log.assert_line(&["INFO", &uri, "refuses DLNA's headers (406)"]);
    assert_eq!(CD.frames(heard.samples.len()), WHOLE, "{:?}", heard.failure);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    for header in [
        "transferMode.dlna.org",
        "getcontentFeatures.dlna.org",
        "icy-metadata",
    ] {
        assert!(requests[0].header(header).is_some());
        assert_eq!(requests[1].header(header), None);
    }
}

#[tokio::test]
async fn h23_what_is_sent_compressed_is_refused_and_why_is_said() {
    let server = MediaServer::start();
    let media = Media::fixture("sine.flac").header("Content-Encoding", "gzip");
    server.serve("/zipped", media);
    check_failure(
        &server,
        "/zipped",
        "compressed (gzip), though it was asked not to",
    )
    .await;
    let named = Media::fixture("sine.flac").header("Content-Encoding", "identity");
    assert!(hear(named).await.failure.is_none());
}

#[tokio::test]
async fn a_server_that_is_overloaded_is_asked_again() {
    let log = Log::start();
    let server = MediaServer::start();
    let media = Media::fixture("sine.flac").first_answers(&[503, 429]);
    let uri = server.serve("/song", media);
    let mut listener = Listener::open(request(uri.clone()));
    let heard = listener.rest().await;
    assert_eq!(CD.frames(heard.samples.len()), WHOLE, "{:?}", heard.failure);
    log.assert_line(&[&uri, "503", "asking again"]);
    // In some hundred thousand million years.
    for status in [503, 404] {
        let media = Media::fixture("sine.flac").header("Retry-After", "9223372036854775808");
        let uri = server.serve("/late", media.first_answers(&[status]));
        let heard = Listener::open(request(uri)).rest().await;
        let failure = heard.failure.expect("it is not waited for").to_string();
        assert!(failure.contains(&status.to_string()), "{failure}");
    }
}

#[tokio::test]
async fn a_slow_start_and_a_trickle_are_heard_whole() {
    let log = Log::start();
    let slow = Media::fixture("sine.wav").begins_after(Duration::from_millis(2100));
    let trickle = Media::fixture("sine.mp3").trickle(60_000);
    for media in [slow, trickle] {
        let heard = hear(media).await;
        assert!(heard.failure.is_none(), "{:?}", heard.failure);
        assert!(CD.frames(heard.samples.len()) >= WHOLE);
    }
    // A trickle that is faster than the music is nothing to speak of.
    log.assert_line(&["INFO", "/media: the server took 2.", " s to begin"]);
    assert_eq!(log.text().lines().count(), 1, "{}", log.text());
}
