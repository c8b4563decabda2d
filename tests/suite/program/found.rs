//! The whole program on a network of its own: who finds it, where, and what becomes of that when interfaces come and go.
//! What is said in which case is `upnp::ssdp`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::time::Instant;

use crate::support::program::{Home, Program, wav_zone};
use crate::support::soap::Renderer;
use crate::support::upnp_house::{House, Searcher};
use crate::support::upnp_wire::{Message, Subscriber, bare, exchange_on};

pub(super) const PHONE: Ipv4Addr = Ipv4Addr::new(10, 91, 0, 2);
pub(super) const PHONE_TOO: Ipv4Addr = Ipv4Addr::new(10, 92, 0, 2);
pub(super) const GROUP: &str = "239.255.255.250:1900";
pub(super) const SEARCH: &[u8] =
    b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n\
    MX: 1\r\nST: urn:schemas-upnp-org:device:MediaRenderer:1\r\n\r\n";
/// Announcements, and an interface's return, may take this long.
const SOON: Duration = Duration::from_secs(2);

fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = message.split("\r\n");
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Starts the program on the box, with these zones and these lines under `[network]`.
pub(super) async fn start(house: &House, home: &Home, network: &str, zones: &[&str]) -> Program {
    let zones: String = zones.iter().map(|zone| wav_zone(zone)).collect();
    home.write_config(&format!("[network]\n{network}\n{zones}"));
    let mut command = home.run();
    let program = house.on_box(move || async move { Program::spawn(&mut command) });
    let program = program.join().expect("it is spawned");
    program.logged("ready: ").await;
    program
}

/// The renderers that a phone finds through its interface with this address: UDN and LOCATION, by name.
pub(super) fn find(house: &House, phone: Ipv4Addr) -> BTreeMap<String, (String, String)> {
    let found = house.on_phone(move || async move {
        // As control points do: the first may come before the program listens.
        let mut searchers = Vec::new();
        for _ in 0..3 {
            let searcher = Searcher::on(phone);
            searcher.send(GROUP, SEARCH).await;
            searchers.push(searcher);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        tokio::time::sleep(Duration::from_millis(1000)).await;
        let mut found = BTreeMap::new();
        for searcher in searchers {
            let mut answered = BTreeSet::new();
            for answer in searcher.collect(Duration::from_millis(10)).await {
                let location = header(&answer, "LOCATION").expect("a LOCATION").to_owned();
                let renderer = Renderer::at(&location).await;
                let name = renderer.description.element("friendlyName");
                let name = name.expect("a name").to_owned();
                let udn = renderer.udn().to_owned();
                let usn = header(&answer, "USN").expect("a USN");
                assert!(usn.starts_with(&udn), "{usn} of {udn}");
                assert!(answered.insert(name.clone()), "{name} answers twice");
                let found = found.entry(name).or_insert((udn.clone(), location.clone()));
                assert_eq!(*found, (udn, location));
            }
        }
        found
    });
    found.join().expect("a search")
}

fn udns(found: &BTreeMap<String, (String, String)>) -> BTreeMap<&str, &str> {
    let found = found.iter();
    found
        .map(|(name, (udn, _))| (name.as_str(), udn.as_str()))
        .collect()
}

#[tokio::test]
async fn three_zones_and_a_second_program_are_all_seen_through_restarts_and_renames() {
    let house = House::build();
    let (first, second) = (Home::new(), Home::new());
    let zones = ["House", "Kitchen", "Garden"];
    let one = start(&house, &first, "", &zones).await;
    let two = start(&house, &second, "port = 0", &["Study"]).await;
    let before = find(&house, PHONE);
    let names: Vec<_> = before.keys().map(String::as_str).collect();
    assert_eq!(names, ["Garden", "House", "Kitchen", "Study"]);
    let distinct: BTreeSet<_> = udns(&before).into_values().collect();
    assert_eq!(distinct.len(), 4, "{before:?}");
    assert_eq!(
        udns(&find(&house, PHONE_TOO)),
        udns(&before),
        "on the other cable"
    );

    // One program ends: the other's device stays, and only that.
    one.stop().await;
    assert_eq!(
        udns(&find(&house, PHONE)),
        BTreeMap::from([("Study", &*before["Study"].0)])
    );

    // It comes back, with a zone renamed: the same devices.
    let one = start(&house, &first, "", &["House", "Cuisine", "Garden"]).await;
    let after = find(&house, PHONE);
    for (was, is) in [
        ("House", "House"),
        ("Kitchen", "Cuisine"),
        ("Garden", "Garden"),
        ("Study", "Study"),
    ] {
        assert_eq!(before[was], after[is], "s22: UDN and LOCATION");
    }
    assert_eq!(after.len(), 4);
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn s22_a_restart_keeps_identity_and_port_and_a_taken_port_is_said() {
    let house = House::build();
    let home = Home::new();
    let program = start(&house, &home, "", &["House"]).await;
    let before = find(&house, PHONE);
    assert!(
        before["House"].1.starts_with("http://10.91.0.1:49494/"),
        "{before:?}"
    );

    // Another one that wants the same port does not move to the next.
    let other = Home::new();
    other.write_config(&wav_zone("Other"));
    let mut command = other.run();
    let second = house.on_box(move || async move { Program::spawn(&mut command) });
    let mut second = second.join().expect("it is spawned");
    assert_eq!(second.ended().await.code(), Some(2));
    second.logged_all(&["port 49494", "another"]).await;

    // Killed, so without a word: the next start must set that right.
    drop(program);
    let overheard = house.overhear(PHONE);
    let program = start(&house, &home, "", &["House"]).await;
    assert_eq!(find(&house, PHONE), before);
    overheard.until_quiet().await;
    let heard = overheard.so_far();
    let words: Vec<_> = heard.iter().filter_map(|(_, m)| header(m, "NTS")).collect();
    assert_eq!(words[..6], ["ssdp:byebye"; 6]);
    assert!(
        words[6..].iter().all(|nts| *nts == "ssdp:alive"),
        "{words:?}"
    );
    program.stop().await;
}

#[tokio::test]
async fn s20_a_signal_ends_it_within_two_seconds_and_every_target_is_taken_back_on_every_interface()
{
    let house = House::build();
    let home = Home::new();
    let heard = [house.overhear(PHONE), house.overhear(PHONE_TOO)];
    let mut program = start(&house, &home, "", &["House", "Garden"]).await;
    for heard in &heard {
        heard.until_quiet().await;
    }
    let asked = Instant::now();
    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(0));
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    for heard in &heard {
        heard.until_quiet().await;
        let heard = heard.so_far();
        let of = |nts: &str| -> BTreeSet<(&str, &str)> {
            let these = heard.iter().filter(|(_, m)| header(m, "NTS") == Some(nts));
            let pair = |m| Some((header(m, "NT")?, header(m, "USN")?));
            these.filter_map(|(_, m)| pair(m)).collect()
        };
        assert_eq!(of("ssdp:alive").len(), 12, "six of each zone");
        assert_eq!(of("ssdp:byebye"), of("ssdp:alive"));
        let last = heard
            .iter()
            .rev()
            .take(12)
            .all(|(at, message)| *at > asked && header(message, "NTS") == Some("ssdp:byebye"));
        assert!(last, "{heard:#?}");
    }
}

/// SUBSCRIBE from the phone through the interface with this address, and whatever else these headers say.
fn subscribe(
    house: &House,
    from: Ipv4Addr,
    to: &Renderer,
    headers: Vec<(&'static str, String)>,
) -> Message {
    let (address, path) = (to.address, to.path("RenderingControl", "eventSubURL"));
    let answer = house.on_phone(move || async move {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind((from, 0).into()).expect("our own address");
        let mut stream = socket.connect(address).await.expect("the renderer");
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        exchange_on(&mut stream, bare("SUBSCRIBE", &path, &headers)).await
    });
    answer.join().expect("an answer")
}

/// A subscription through the interface with this address: its SID.
fn subscribed(house: &House, from: Ipv4Addr, to: &Renderer) -> String {
    let callback = house.on_phone(move || async move {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        Subscriber::listen(from.octets(), answer).await.callback()
    });
    let callback = callback.join().expect("a subscriber");
    let headers = vec![("CALLBACK", callback), ("NT", "upnp:event".to_owned())];
    let answer = subscribe(house, from, to, headers);
    assert_eq!(answer.status(), 200);
    answer.header("SID").expect("a SID").to_owned()
}

#[tokio::test]
async fn s21_an_interface_taken_away_and_given_back_is_announced_again_within_two_seconds() {
    let house = House::build();
    let home = Home::new();
    let (near, far) = (house.overhear(PHONE), house.overhear(PHONE_TOO));
    let program = start(&house, &home, "", &["House"]).await;
    let [here, there] = [PHONE, PHONE_TOO].map(|phone| {
        let location = find(&house, phone)["House"].1.clone();
        let renderer = house.on_phone(move || async move { Renderer::at(&location).await });
        renderer.join().expect("a description")
    });
    let sids = [
        subscribed(&house, PHONE, &here),
        subscribed(&house, PHONE_TOO, &there),
    ];
    near.until_quiet().await;
    far.until_quiet().await;
    let (near_before, far_before) = (near.so_far().len(), far.so_far().len());
    let boot_id = header(&near.so_far()[0].1, "BOOTID.UPNP.ORG")
        .expect("one")
        .to_owned();

    house.ip_on_box("addr del 10.91.0.1/24 dev cable0");
    house.ip_on_box("link set cable0 down");
    program
        .logged("no longer on cable0: http://10.91.0.1:49494/")
        .await;
    // What is said on the other cable has its own LOCATION: it may help whoever knew us by the lost one.
    far.until_quiet().await;
    assert_eq!(
        near.so_far().len(),
        near_before,
        "nothing can be said there"
    );
    let given_back = Instant::now();
    house.ip_on_box("link set cable0 up");
    house.ip_on_box("addr add 10.91.0.9/24 dev cable0");
    near.until("the new LOCATION", |heard| {
        let mut heard = heard.iter();
        heard.any(|(_, m)| {
            header(m, "LOCATION").is_some_and(|l| l.starts_with("http://10.91.0.9:49494/"))
        })
    })
    .await;
    near.until_quiet().await;
    far.until_quiet().await;
    program.logged("on cable0: http://10.91.0.9:49494/").await;

    // On the cable itself: first byebye, then alive with the new LOCATION and a larger BOOTID.
    let heard = &near.so_far()[near_before..];
    let in_short = |heard: &[(Instant, String)]| {
        let mut words: Vec<_> = heard
            .iter()
            .map(|(_, message)| {
                let host = header(message, "LOCATION").map_or("", |location| &location[7..16]);
                let same = header(message, "BOOTID.UPNP.ORG") == Some(&boot_id);
                let nts = header(message, "NTS").expect("NTS");
                (nts.to_owned(), host.to_owned(), same)
            })
            .collect();
        words.dedup();
        words
    };
    let said = |nts: &str, host: &str, same| (nts.to_owned(), host.to_owned(), same);
    assert_eq!(
        in_short(heard),
        [
            said("ssdp:byebye", "", true),
            said("ssdp:alive", "10.91.0.9", false)
        ]
    );
    let first = heard
        .iter()
        .find(|(_, m)| header(m, "NTS") == Some("ssdp:alive"));
    let took = first.expect("one").0 - given_back;
    assert!(took < SOON, "{took:?}");
    // On the other: alive when one was lost, update and alive when one was won.
    assert_eq!(
        in_short(&far.so_far()[far_before..]),
        [
            said("ssdp:alive", "10.92.0.1", true),
            said("ssdp:update", "10.92.0.1", true),
            said("ssdp:alive", "10.92.0.1", false)
        ]
    );
    // Nobody is led to the old address any more, and who subscribed there has to do so again.
    assert!(
        find(&house, PHONE)["House"]
            .1
            .starts_with("http://10.91.0.9:49494/")
    );
    let renewals =
        sids.map(|sid| subscribe(&house, PHONE_TOO, &there, vec![("SID", sid)]).status());
    assert_eq!(renewals, [412, 200]);
    program.stop().await;
}
