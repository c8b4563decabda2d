//! Discovery on real sockets in namespaces of our own, by the case ids of the protocol reference.
//! Words and timetables are unit tests of `upnp::ssdp`.

#![expect(clippy::unwrap_used, reason = "in a test helper, to panic is to tell")]

use std::net::Ipv4Addr;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use unisono::upnp::network::interfaces;
use unisono::upnp::ssdp::Advertisement;
use unisono::upnp::ssdp_socket;

use super::support::upnp_house::{House, Searcher};

const PHONE: Ipv4Addr = Ipv4Addr::new(10, 91, 0, 2);
const PHONE_TOO: Ipv4Addr = Ipv4Addr::new(10, 92, 0, 2);
const GROUP: &str = "239.255.255.250:1900";
const KIND: &str = "urn:schemas-upnp-org:device:MediaRenderer:1";
const UDN: &str = "uuid:6f1c0d3e-0000-4000-8000-00000000abcd";

fn device(udn: &str) -> Advertisement {
    let service = |name: &str| format!("urn:schemas-upnp-org:service:{name}:1");
    Advertisement {
        udn: udn.to_owned(),
        device_type: KIND.to_owned(),
        service_types: ["AVTransport", "RenderingControl", "ConnectionManager"]
            .map(service)
            .to_vec(),
        path: format!("/upnp/{udn}/device.xml"),
        config_id: 77,
    }
}

/// A responder for one device, running until stopped.
struct Responder {
    stop: CancellationToken,
    devices: watch::Sender<Vec<Advertisement>>,
    thread: JoinHandle<()>,
}

impl Responder {
    fn start(house: &House, wanted: Option<&[&str]>) -> Self {
        let wanted: Option<Vec<String>> =
            wanted.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let stop = CancellationToken::new();
        let (devices, receiver) = watch::channel(vec![device(UDN)]);
        let until = stop.clone();
        let thread = house.on_box(move || async move {
            let interfaces = interfaces(wanted.as_deref()).unwrap();
            let server = "Linux/6 UPnP/1.0 Recorder/1".to_owned();
            ssdp_socket::run(interfaces, 49494, server, 1234, receiver, until).await;
        });
        Self {
            stop,
            devices,
            thread,
        }
    }

    /// Stops it; returns how long its last words took.
    fn stop(self) -> Duration {
        let begin = now();
        self.stop.cancel();
        self.thread.join().unwrap();
        now() - begin
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn location(host: &str) -> String {
    format!("http://{host}:49494/upnp/{UDN}/device.xml")
}

fn search(lines: &str) -> Vec<u8> {
    format!("M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}\r\n{lines}\r\n\r\n").into_bytes()
}

fn search_for(st: &str) -> Vec<u8> {
    search(&format!("MAN: \"ssdp:discover\"\r\nMX: 1\r\nST: {st}"))
}

#[test]
fn s01_s17_s20_first_and_last_words_on_every_interface() {
    let house = House::build();
    let listening = |address| {
        house.on_phone(move || async move {
            let listener = Searcher::listen(address);
            listener.collect(Duration::from_millis(3500)).await
        })
    };
    let (first, second) = (listening(PHONE), listening(PHONE_TOO));
    std::thread::sleep(Duration::from_millis(300));
    let responder = Responder::start(&house, None);
    std::thread::sleep(Duration::from_millis(1800));
    let took = responder.stop();
    assert!(took < Duration::from_secs(2), "{took:?}");
    for (heard, host) in [(first, "10.91.0.1"), (second, "10.92.0.1")] {
        let heard = heard.join().unwrap();
        let words: Vec<_> = heard.iter().filter_map(|m| header(m, "NTS")).collect();
        let expected = [
            vec!["ssdp:byebye"; 6],
            vec!["ssdp:alive"; 18],
            vec!["ssdp:byebye"; 12],
        ]
        .concat();
        assert_eq!(words, expected);
        let location = location(host);
        for message in &heard {
            let location = (header(message, "NTS") == Some("ssdp:alive")).then_some(&*location);
            assert_eq!(header(message, "LOCATION"), location);
            assert_eq!(header(message, "BOOTID.UPNP.ORG"), Some("1234"));
            assert_eq!(header(message, "CONFIGID.UPNP.ORG"), Some("77"));
        }
    }
}

#[test]
fn s02_to_s18_searches() {
    let house = House::build();
    let responder = Responder::start(&house, None);
    std::thread::sleep(Duration::from_millis(300));
    let phone = house.on_phone(|| async {
        let window = Duration::from_millis(1300);
        let count = async |to: &str, datagram: &[u8]| {
            let searcher = Searcher::on(PHONE);
            searcher.send(to, datagram).await;
            searcher.collect(window).await.len()
        };
        let man = "MAN: \"ssdp:discover\"\r\n";

        let searcher = Searcher::on(PHONE);
        searcher.send(GROUP, &search_for("ssdp:all")).await;
        let all = searcher.collect(window).await;
        assert_eq!(all.len(), 6, "S02");
        for answer in &all {
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\nEXT: \r\n"));
            assert_eq!(
                header(answer, "LOCATION"),
                Some(&*location("10.91.0.1")),
                "S02"
            );
            let (st, usn) = (
                header(answer, "ST").unwrap(),
                header(answer, "USN").unwrap(),
            );
            assert!(usn == st || usn == format!("{UDN}::{st}"), "{usn}");
        }

        let upper = UDN.to_uppercase();
        let second_version = "urn:schemas-upnp-org:device:MediaRenderer:2".to_owned();
        let service = "urn:schemas-upnp-org:service:AVTransport:1".to_owned();
        let mut asked = Vec::new();
        for (case, datagram, expected) in [
            ("S03", search_for("upnp:rootdevice"), 1),
            ("S04", search_for(&upper), 1),
            ("S05", search_for("uuid:other"), 0),
            ("S06", search_for(KIND), 1),
            ("S06", search_for(&second_version), 0),
            ("S07", search_for(&service), 1),
            ("S08", search(&format!("{man}ST: {KIND}")), 0),
            ("S10", search(&format!("{man}MX: abc\r\nST: {KIND}")), 0),
            ("S11", search(&format!("{man}MX: 0\r\nST: {KIND}")), 1),
            (
                "S12",
                search(&format!("MAN: ssdp:discover\r\nMX: 1\r\nST: {KIND}")),
                1,
            ),
            ("S13", search(&format!("MX: 1\r\nST: {KIND}")), 0),
            (
                "S14",
                search(&format!(
                    "man:  \"ssdp:discover\"\r\nmx:  1 \r\nst:   {KIND} "
                )),
                1,
            ),
        ] {
            let searcher = Searcher::on(PHONE);
            searcher.send(GROUP, &datagram).await;
            asked.push((case, searcher, expected));
        }
        tokio::time::sleep(window).await;
        for (case, searcher, expected) in asked {
            let answers = searcher.collect(Duration::from_millis(10)).await;
            assert_eq!(answers.len(), expected, "{case}");
        }
        let alone = search(&format!("{man}ST: {KIND}"));
        assert_eq!(count("10.91.0.1:1900", &alone).await, 1, "S15");
        assert_eq!(
            count("255.255.255.255:1900", &search_for(KIND)).await,
            1,
            "S16"
        );

        let others: Vec<_> = (0..8).map(|_| Searcher::on(PHONE_TOO)).collect();
        for other in &others {
            other.send(GROUP, &search_for(KIND)).await;
        }
        tokio::time::sleep(window).await;
        for other in others {
            let answers = other.collect(Duration::from_millis(10)).await;
            assert_eq!(answers.len(), 1, "S17");
            assert_eq!(
                header(&answers[0], "LOCATION"),
                Some(&*location("10.92.0.1")),
                "S17"
            );
        }

        let noisy = Searcher::on(PHONE);
        for junk in [
            &b""[..],
            &[0xff; 60_000],
            b"M-SEARCH * HTTP/1.0\r\n\r\n",
            b"M-SEARCH * HTTP/1.1",
        ] {
            noisy.send(GROUP, junk).await;
        }
        for _ in 0..500 {
            noisy.send(GROUP, &search_for("ssdp:all")).await;
        }
        noisy.collect(window).await;
        assert_eq!(count(GROUP, &search_for(KIND)).await, 1, "S18, S24");
    });
    phone.join().unwrap();
    responder.stop();
}

#[test]
fn a_device_that_goes_is_taken_back_and_one_that_comes_is_announced() {
    let house = House::build();
    let responder = Responder::start(&house, Some(&["cable0"]));
    std::thread::sleep(Duration::from_millis(1500));
    let phone = house.on_phone(|| async {
        let listener = Searcher::listen(PHONE);
        listener.collect(Duration::from_millis(1500)).await
    });
    std::thread::sleep(Duration::from_millis(300));
    let other = "uuid:6f1c0d3e-0000-4000-8000-00000000ffff";
    responder.devices.send_replace(vec![device(other)]);
    let heard = phone.join().unwrap();
    let of = |udn: &str, nts: &str| {
        let about = |m: &&String| header(m, "USN").is_some_and(|usn| usn.starts_with(udn));
        let said = heard.iter().filter(about);
        said.filter(|m| header(m, "NTS") == Some(nts)).count()
    };
    assert_eq!((of(UDN, "ssdp:byebye"), of(UDN, "ssdp:alive")), (6, 0));
    assert_eq!((of(other, "ssdp:byebye"), of(other, "ssdp:alive")), (0, 12));
    responder.stop();
}

#[test]
fn loopback_serves_when_it_is_named() {
    let house = House::build();
    let responder = Responder::start(&house, Some(&["lo"]));
    std::thread::sleep(Duration::from_millis(300));
    let answers = house.on_box(|| async {
        let searcher = Searcher::on(Ipv4Addr::LOCALHOST);
        searcher.send(GROUP, &search_for(KIND)).await;
        searcher.collect(Duration::from_millis(1300)).await
    });
    let answers = answers.join().unwrap();
    assert_eq!(answers.len(), 1);
    assert_eq!(
        header(&answers[0], "LOCATION"),
        Some(&*location("127.0.0.1"))
    );
    responder.stop();
}

#[test]
fn s23_two_programs_share_the_port_and_both_answer_on_their_own_host() {
    let house = House::build();
    let first = Responder::start(&house, None);
    let second = Responder::start(&house, None);
    std::thread::sleep(Duration::from_millis(300));
    let answers = house.on_box(|| async {
        // Several, since a system that shares datagrams out may be lucky once.
        let searchers: Vec<_> = (0..8)
            .map(|_| Searcher::on(Ipv4Addr::new(10, 91, 0, 1)))
            .collect();
        for searcher in &searchers {
            searcher.send(GROUP, &search_for(KIND)).await;
        }
        tokio::time::sleep(Duration::from_millis(1300)).await;
        let mut answers = Vec::new();
        for searcher in searchers {
            answers.push(searcher.collect(Duration::from_millis(10)).await.len());
        }
        answers
    });
    assert_eq!(answers.join().unwrap(), [2; 8]);
    first.stop();
    second.stop();
}
