//! Searches and what is answered to them.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::{GROUP, KIND, PHONE, PHONE_TOO, Responder, UDN, header, location, search, search_for};
use crate::support::upnp_house::{House, Searcher};

const MAN: &str = "MAN: \"ssdp:discover\"\r\n";
/// Long enough for all answers to a search with MX 1.
const WINDOW: Duration = Duration::from_millis(1300);

/// The answers to each of these searches, which are all sent at once, from a phone on the first cable.
fn answers(searches: Vec<(&'static str, String, Vec<u8>)>) -> Vec<(&'static str, Vec<String>)> {
    let house = House::build();
    let responder = Responder::start(&house, &[]);
    std::thread::sleep(Duration::from_millis(300));
    let phone = house.on_phone(|| async {
        let mut asked = Vec::new();
        for (case, to, datagram) in searches {
            let searcher = Searcher::on(PHONE);
            searcher.send(&to, &datagram).await;
            asked.push((case, searcher));
        }
        tokio::time::sleep(WINDOW).await;
        let mut heard = Vec::new();
        for (case, searcher) in asked {
            heard.push((case, searcher.collect(Duration::from_millis(10)).await));
        }
        heard
    });
    let heard = phone.join().unwrap();
    responder.stop();
    heard
}

/// Each of these searches by multicast must be answered so many times.
fn check(searches: &[(&'static str, Vec<u8>, usize)]) {
    let sent = searches.iter().map(|(what, datagram, _)| {
        let to = GROUP.to_owned();
        (*what, to, datagram.clone())
    });
    let heard = answers(sent.collect());
    for ((what, answers), (_, _, expected)) in heard.iter().zip(searches) {
        assert_eq!(answers.len(), *expected, "{what}: {answers:?}");
    }
}

#[test]
fn s02_everything_is_answered_once_for_each_target() {
    let datagram = search_for("ssdp:all");
    let [(_, all)] = &answers(vec![("all", GROUP.to_owned(), datagram)])[..] else {
        panic!("one search");
    };
    let mut targets: Vec<_> = all.iter().filter_map(|m| header(m, "ST")).collect();
    targets.sort_unstable();
    let service = |name: &str| format!("urn:schemas-upnp-org:service:{name}:1");
    let services = ["AVTransport", "ConnectionManager", "RenderingControl"].map(service);
    let [transport, connections, rendering] = &services;
    let expected = [
        "upnp:rootdevice",
        KIND,
        transport,
        connections,
        rendering,
        UDN,
    ];
    assert_eq!(targets, expected);
    for answer in all {
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\nEXT: \r\n"));
        assert!(answer.ends_with("\r\n\r\n"));
        let here = location("10.91.0.1");
        assert_eq!(header(answer, "LOCATION"), Some(&*here));
        let st = header(answer, "ST").unwrap();
        let usn = header(answer, "USN").unwrap();
        let expected = match st == UDN {
            true => UDN.to_owned(),
            false => format!("{UDN}::{st}"),
        };
        assert_eq!(usn, expected);
    }
}

#[test]
fn s03_s04_s05_s06_s07_what_is_looked_for() {
    let service = |name: &str| search_for(&format!("urn:schemas-upnp-org:service:{name}"));
    let device = |name: &str| search_for(&format!("urn:schemas-upnp-org:device:{name}"));
    check(&[
        ("S03", search_for("upnp:rootdevice"), 1),
        ("S04", search_for(&UDN.to_uppercase()), 1),
        (
            "S05",
            search_for("uuid:6f1c0d3e-0000-4000-8000-00000000dcba"),
            0,
        ),
        ("S06", device("MediaRenderer:1"), 1),
        ("S06, newer", device("MediaRenderer:2"), 0),
        ("S06, other", device("MediaServer:1"), 0),
        ("S07, transport", service("AVTransport:1"), 1),
        ("S07, rendering", service("RenderingControl:1"), 1),
        ("S07, connections", service("ConnectionManager:1"), 1),
        ("S07, other", service("ContentDirectory:1"), 0),
    ]);
}

#[test]
fn s08_s10_s11_s12_s13_s14_how_it_is_asked() {
    let st = format!("ST: {KIND}");
    check(&[
        ("S08, no MX", search(&format!("{MAN}{st}")), 0),
        (
            "S10, MX is no number",
            search(&format!("{MAN}MX: abc\r\n{st}")),
            0,
        ),
        ("S11, MX 0", search(&format!("{MAN}MX: 0\r\n{st}")), 1),
        (
            "S12, MAN without quotes",
            search(&format!("MAN: ssdp:discover\r\nMX: 1\r\n{st}")),
            1,
        ),
        ("S13, no MAN", search(&format!("MX: 1\r\n{st}")), 0),
        (
            "S14, lower case and blanks",
            search(&format!(
                "man:  \"ssdp:discover\"\r\nmx:  1 \r\nst:   {KIND} "
            )),
            1,
        ),
    ]);
}

#[test]
fn s09_however_large_mx_is_the_last_answer_is_there_within_five_seconds() {
    let house = House::build();
    let responder = Responder::start(&house, &["cable0"]);
    std::thread::sleep(Duration::from_millis(300));
    let phone = house.on_phone(|| async {
        let searcher = Searcher::on(PHONE);
        let datagram = search(&format!("{MAN}MX: 20\r\nST: ssdp:all"));
        searcher.send(GROUP, &datagram).await;
        searcher.collect(Duration::from_secs(5)).await
    });
    assert_eq!(phone.join().unwrap().len(), 6);
    responder.stop();
}

#[test]
fn s15_s16_a_search_sent_to_us_alone_or_by_broadcast_is_answered() {
    let alone = search(&format!("{MAN}ST: {KIND}"));
    let heard = answers(vec![
        ("S15, without MX", "10.91.0.1:1900".to_owned(), alone),
        (
            "S15, with MX",
            "10.91.0.1:1900".to_owned(),
            search_for(KIND),
        ),
        ("S16", "255.255.255.255:1900".to_owned(), search_for(KIND)),
    ]);
    for (case, answers) in heard {
        assert_eq!(answers.len(), 1, "{case}");
        let here = location("10.91.0.1");
        assert_eq!(header(&answers[0], "LOCATION"), Some(&*here), "{case}");
    }
}

#[test]
fn s17_each_interface_answers_with_its_own_location() {
    let house = House::build();
    let responder = Responder::start(&house, &[]);
    std::thread::sleep(Duration::from_millis(300));
    for (phone, host) in [(PHONE, "10.91.0.1"), (PHONE_TOO, "10.92.0.1")] {
        let heard = house.on_phone(move || async move {
            // Several, since an answer by the wrong one may come second.
            let searchers: Vec<_> = (0..8).map(|_| Searcher::on(phone)).collect();
            for searcher in &searchers {
                searcher.send(GROUP, &search_for(KIND)).await;
            }
            tokio::time::sleep(WINDOW).await;
            let mut heard = Vec::new();
            for searcher in searchers {
                heard.push(searcher.collect(Duration::from_millis(10)).await);
            }
            heard
        });
        for answers in heard.join().unwrap() {
            assert_eq!(answers.len(), 1);
            let here = location(host);
            assert_eq!(header(&answers[0], "LOCATION"), Some(&*here));
        }
    }
    responder.stop();
}

#[test]
fn s18_junk_is_ignored_and_the_next_search_is_answered() {
    let house = House::build();
    let responder = Responder::start(&house, &[]);
    std::thread::sleep(Duration::from_millis(300));
    let phone = house.on_phone(|| async {
        let noisy = Searcher::on(PHONE);
        let notify =
            format!("NOTIFY * HTTP/1.1\r\nHOST: {GROUP}\r\nNTS: ssdp:alive\r\nNT: {KIND}\r\n\r\n");
        let old = String::from_utf8(search_for(KIND)).unwrap();
        let old = old.replace("HTTP/1.1", "HTTP/1.0");
        let cut = search_for(KIND);
        for junk in [
            &b""[..],
            &[0xff; 60_000],
            &[0; 1400],
            notify.as_bytes(),
            old.as_bytes(),
            &cut[..cut.len() - 4],
        ] {
            noisy.send(GROUP, junk).await;
            noisy.send("10.91.0.1:1900", junk).await;
        }
        let silence = noisy.collect(WINDOW).await;
        noisy.send(GROUP, &search_for(KIND)).await;
        (silence, noisy.collect(WINDOW).await)
    });
    let (silence, answers) = phone.join().unwrap();
    assert_eq!(silence, [] as [String; 0]);
    assert_eq!(answers.len(), 1);
    responder.stop();
}

#[test]
fn s24_after_a_flood_the_next_search_is_answered() {
    let house = House::build();
    let responder = Responder::start(&house, &["cable0"]);
    std::thread::sleep(Duration::from_millis(300));
    let phone = house.on_phone(|| async {
        let noisy = Searcher::on(PHONE);
        for _ in 0..2000 {
            noisy.send(GROUP, &search_for("ssdp:all")).await;
        }
        noisy.collect(WINDOW).await;
        let searcher = Searcher::on(PHONE);
        searcher.send(GROUP, &search_for(KIND)).await;
        searcher.collect(WINDOW).await.len()
    });
    assert_eq!(phone.join().unwrap(), 1);
    responder.stop();
}

#[test]
fn a_search_from_elsewhere_is_not_answered() {
    let house = House::build();
    // A neighbour of nobody, whose packets a router has let through.
    house.ip_on_box("route add 203.0.113.9/32 dev cable0");
    let responder = Responder::start(&house, &["cable0"]);
    std::thread::sleep(Duration::from_millis(300));
    house.ip_on_phone("addr add 203.0.113.9/32 dev cable0");
    let phone = house.on_phone(|| async {
        let stranger = Searcher::on(Ipv4Addr::new(203, 0, 113, 9));
        stranger.send("10.91.0.1:1900", &search_for(KIND)).await;
        let known = Searcher::on(PHONE);
        known.send("10.91.0.1:1900", &search_for(KIND)).await;
        tokio::time::sleep(WINDOW).await;
        let moment = Duration::from_millis(10);
        (
            stranger.collect(moment).await.len(),
            known.collect(moment).await.len(),
        )
    });
    assert_eq!(phone.join().unwrap(), (0, 1));
    responder.stop();
}
