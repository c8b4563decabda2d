//! Discovery on real sockets in namespaces of our own, by the case ids of the protocol reference.
//! Words and timetables are unit tests of `upnp::ssdp`; the whole program is found in `program::found`.

#![expect(clippy::unwrap_used, reason = "in a test helper, to panic is to tell")]

mod changes;
mod searches;

use std::io::Read;
use std::net::Ipv4Addr;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use unisono::upnp::network::{self, Choice};
use unisono::upnp::ssdp::{self, Advertisement};

use crate::support::upnp_house::{House, Searcher};

/// The first BOOTID: any number that is none of the others in these tests.
const BOOT_ID: u32 = 1234;
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
    /// On these interfaces of the box, or on those people cast from; follows as they come and go.
    fn start(house: &House, wanted: &[&str]) -> Self {
        let choice = Choice {
            only: wanted.iter().map(|name| (*name).to_owned()).collect(),
            ignore: Vec::new(),
        };
        let stop = CancellationToken::new();
        let (devices, receiver) = watch::channel(vec![device(UDN)]);
        let until = stop.clone();
        let thread = house.on_box(move || async move {
            let settings = ssdp::Settings {
                choice,
                http_port: 49494,
                server: "Linux/6 UPnP/1.0 Recorder/1".to_owned(),
                boot_id: BOOT_ID,
                allow: network::default_allow(),
            };
            let (found, links) = watch::channel(network::links().unwrap());
            tokio::spawn(network::follow(found, until.clone()));
            ssdp::run(settings, links, receiver, until).await;
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
    let responder = Responder::start(&house, &[]);
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
            assert_eq!(
                header(message, "BOOTID.UPNP.ORG"),
                Some(&*BOOT_ID.to_string())
            );
            assert_eq!(header(message, "CONFIGID.UPNP.ORG"), Some("77"));
        }
    }
}

#[test]
fn a_device_that_goes_is_taken_back_and_one_that_comes_is_announced() {
    let house = House::build();
    let responder = Responder::start(&house, &["cable0"]);
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
    let responder = Responder::start(&house, &["lo"]);
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
    let first = Responder::start(&house, &[]);
    let second = Responder::start(&house, &[]);
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

#[test]
fn s23_what_is_multicast_goes_two_hops_and_no_further() {
    let house = House::build();
    let phone = house.on_phone(|| async {
        let group = Ipv4Addr::new(239, 255, 255, 250);
        // Hears what comes in with the header of IP before it.
        let listener = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP)).unwrap();
        listener.join_multicast_v4(&group, &PHONE).unwrap();
        listener
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut hops = Vec::new();
        let mut packet = [0; 2048];
        while hops.len() < 6 {
            let length = (&listener).read(&mut packet).unwrap();
            let packet = &packet[..length];
            let words = String::from_utf8_lossy(packet);
            if words.contains("NOTIFY * HTTP/1.1") {
                // RFC 791 §3.1.
                hops.push(packet[8]);
            }
        }
        hops
    });
    let responder = Responder::start(&house, &["cable0"]);
    assert_eq!(phone.join().unwrap(), [2; 6]);
    responder.stop();
}
