//! How far the program reaches on a network of its own: on which interfaces, for whom, and under a flood.
//! Who finds it there is `found`'s.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::found::{GROUP, PHONE, PHONE_TOO, SEARCH, find, start};
use crate::support::program::{Home, Program};
use crate::support::soap::Renderer;
use crate::support::upnp_house::{House, Searcher};
use crate::support::upnp_wire::{bare, exchange, post};

#[tokio::test]
async fn interfaces_that_come_late_are_waited_for_and_those_that_are_to_be_left_out_are() {
    let house = House::build();
    house.ip_on_box("link add docker0 type bridge");
    house.ip_on_box("addr add 172.17.0.1/16 dev docker0");
    house.ip_on_box("link set docker0 up");
    house.lay_cable("wg7", "10.99.0");
    let home = Home::new();
    let network = "ignore_interfaces = [\"cable1\"]";
    let program = start(&house, &home, network, &["House"]).await;
    let on = |program: &Program| {
        let log = program.log();
        let lines = log.iter().filter_map(|line| line.split(" on ").nth(1));
        let names = lines.filter_map(|rest| rest.split_once(": http://"));
        names.map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(on(&program), ["cable0"]);
    assert_eq!(find(&house, PHONE_TOO), BTreeMap::new());
    program.stop().await;

    house.ip_on_box("link set cable0 down");
    let network = "interfaces = [\"cable0\", \"cabel1\", \"cable2\"]";
    let program = start(&house, &home, network, &["House"]).await;
    program.logged_all(&["\"cable0\"", "is down"]).await;
    program
        .logged_all(&["\"cabel1\"", "did you mean \"cable1\"?"])
        .await;
    program.logged("nobody can find this renderer").await;
    house.lay_cable("cable2", "10.93.0");
    program.logged("on cable2: http://10.93.0.1:49494/").await;
    house.ip_on_box("link set cable0 up");
    program.logged("on cable0: http://10.91.0.1:49494/").await;
    for phone in [PHONE, Ipv4Addr::new(10, 93, 0, 2)] {
        assert_eq!(find(&house, phone).len(), 1, "{phone}");
    }
    program.stop().await;
}

#[tokio::test]
async fn only_those_who_are_allowed_control_and_subscribe() {
    let house = House::build();
    let home = Home::new();
    let network = "allow = [\"10.91.0.2\", \"192.168.0.0/16\"]";
    let program = start(&house, &home, network, &["House"]).await;
    for (phone, allowed) in [(PHONE, true), (PHONE_TOO, false)] {
        // A neighbour sees it, whoever may control it.
        let location = find(&house, phone)["House"].1.clone();
        let statuses = house.on_phone(move || async move {
            let renderer = Renderer::at(&location).await;
            let path = renderer.path("RenderingControl", "controlURL");
            let to = renderer.address;
            let headers = [("CALLBACK", "<http://10.91.0.2:9/>"), ("NT", "upnp:event")];
            let event = renderer.path("RenderingControl", "eventSubURL");
            [
                exchange(to, post(&path, "", "nothing")).await.status(),
                exchange(to, bare("SUBSCRIBE", &event, &headers))
                    .await
                    .status(),
                exchange(to, bare("GET", "/api/v1/state", &[]))
                    .await
                    .status(),
            ]
        });
        let statuses = statuses.join().expect("answers");
        assert_eq!(statuses[0], if allowed { 500 } else { 403 });
        assert_eq!(statuses[1], if allowed { 200 } else { 403 });
        assert_eq!(statuses[2], if allowed { 200 } else { 403 });
    }
    program.stop().await;
}

/// The resident memory of a process, in KiB.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.expect("Linux tells").trim().split(' ').next();
    number.expect("a number").parse().expect("a number")
}

#[tokio::test]
async fn s24_a_flood_of_searches_leaves_memory_bounded_and_http_usable() {
    const FLOOD: usize = 4000;
    let house = House::build();
    let home = Home::new();
    let program = start(&house, &home, "", &["House", "Kitchen", "Garden"]).await;
    let location = find(&house, PHONE)["House"].1.clone();
    let flood = |location: String| {
        let flood = house.on_phone(move || async move {
            let noisy = Searcher::on(PHONE);
            let all = String::from_utf8_lossy(SEARCH)
                .replace("urn:schemas-upnp-org:device:MediaRenderer:1", "ssdp:all");
            for number in 0..FLOOD {
                noisy.send(GROUP, all.as_bytes()).await;
                if number % 400 == 0 {
                    // Asserts that it answers.
                    Renderer::at(&location).await;
                }
            }
            noisy.collect(Duration::from_millis(1500)).await;
        });
        flood.join().expect("answers under the flood");
        resident(program.id())
    };
    let after_one = flood(location.clone());
    let mut after_more = after_one;
    for _ in 0..3 {
        after_more = flood(location.clone());
    }
    // What 12,000 searches would take if their answers were kept is above 60 MB.
    assert!(
        after_more < after_one + 4096,
        "{after_one} KiB, then {after_more} KiB"
    );
    assert_eq!(find(&house, PHONE).len(), 3);
    program.stop().await;
}

#[tokio::test]
async fn mdns_follows_the_interfaces_too() {
    let house = House::build();
    let home = Home::new();
    house.ip_on_box("addr flush dev cable0");
    let program = start(&house, &home, "", &["House"]).await;
    house.ip_on_box("addr add 10.91.0.9/24 dev cable0");
    program.logged("on cable0: http://10.91.0.9:49494/").await;
    let found = house.on_phone(|| async {
        let daemon = mdns_sd::ServiceDaemon::new().expect("a daemon");
        let events = daemon.browse("_unisono._tcp.local.").expect("a browser");
        let expected = Ipv4Addr::new(10, 91, 0, 9);
        let end = tokio::time::Instant::now() + Duration::from_secs(30);
        while let Ok(Ok(event)) = tokio::time::timeout_at(end, events.recv_async()).await {
            if let mdns_sd::ServiceEvent::ServiceResolved(service) = event
                && service.get_addresses_v4().contains(&expected)
            {
                return true;
            }
        }
        false
    });
    assert!(found.join().expect("a search"));
    program.stop().await;
}
