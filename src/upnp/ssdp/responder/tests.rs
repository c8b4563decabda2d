//! What is said as interfaces come and go, message by message, in virtual time.
//! Nothing is sent.

use std::time::Duration;

use super::*;
use crate::upnp::network::tests::interface;
use crate::upnp::ssdp::message::tests::device;

/// One message: milliseconds since the beginning, the interface's number, its words.
type Said = (u128, u32, String);

fn start() -> (Responder, Instant) {
    let now = tokio::time::Instant::now().into_std();
    let server = "Linux/6 UPnP/1.0 Lamp/1".to_owned();
    (
        Responder::new(server, 49494, 1234, vec![device()], now),
        now,
    )
}

fn wlan() -> Interface {
    interface(2, "wlan0", "192.0.2.10/24")
}

fn eth() -> Interface {
    interface(3, "eth0", "198.51.100.10/24")
}

/// Everything that waits, in the order in which it is sent.
fn said(responder: &mut Responder, since: Instant) -> Vec<Said> {
    let mut said = Vec::new();
    while let Some(at) = responder.next_at() {
        while let Some((index, message)) = responder.take_due(at) {
            said.push(((at - since).as_millis(), index, message.text));
        }
    }
    said
}

fn header<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.split("\r\n");
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// What is said on one interface, in short: NTS, BOOTID, how often in a row.
fn short(said: &[Said], index: u32) -> Vec<String> {
    let mut runs: Vec<(String, usize)> = Vec::new();
    for (_, _, text) in said.iter().filter(|(_, on, _)| *on == index) {
        let nts = header(text, "NTS").unwrap_or("answer");
        let boot_id = header(text, "BOOTID.UPNP.ORG").expect("in every message");
        assert_eq!(header(text, "CONFIGID.UPNP.ORG"), Some("77"));
        let words = format!("{} {boot_id}", nts.trim_start_matches("ssdp:"));
        match runs.last_mut() {
            Some((last, count)) if *last == words => *count += 1,
            _ => runs.push((words, 1)),
        }
    }
    let runs = runs.into_iter();
    runs.map(|(words, count)| format!("{count} {words}"))
        .collect()
}

fn later(now: Instant, seconds: u64) -> Instant {
    now + Duration::from_secs(seconds)
}

#[test]
fn s01_byebye_first_then_three_sets_of_six_with_every_header() {
    let (mut responder, now) = start();
    responder.move_to(&[wlan()], now, 0.5);
    let sent = said(&mut responder, now);
    assert_eq!(short(&sent, 2), ["6 byebye 1234", "18 alive 1234"]);
    let here = &sent[6..];
    for (_, _, text) in here {
        assert!(text.starts_with("NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"));
        for header in [
            "CACHE-CONTROL: max-age=1800\r\n",
            "LOCATION: http://192.0.2.10:49494/upnp/x/device.xml\r\n",
            "NTS: ssdp:alive\r\n",
            "SERVER: Linux/6 UPnP/1.0 Lamp/1\r\n",
            "CONFIGID.UPNP.ORG: 77\r\n",
        ] {
            assert!(text.contains(header), "{header} in {text}");
        }
    }
    assert!(sent.iter().all(|(_, _, text)| text.ends_with("\r\n\r\n")));
    for (nt, usn) in device().targets() {
        let pair = (format!("NT: {nt}\r\n"), format!("USN: {usn}\r\n"));
        let copies = here
            .iter()
            .filter(|(_, _, text)| text.contains(&pair.0) && text.contains(&pair.1));
        assert_eq!(copies.count(), 3, "{nt}");
    }
    let last = sent.last().map(|(at, _, _)| *at);
    assert!(last < Some(1000), "{last:?}");
}

#[test]
fn s21_another_interface_is_told_by_update_before_any_alive_with_the_next_bootid() {
    let (mut responder, now) = start();
    responder.move_to(&[wlan()], now, 0.5);
    said(&mut responder, now);
    let now = later(now, 100);
    responder.move_to(&[wlan(), eth()], now, 0.0);
    let sent = said(&mut responder, now);
    assert_eq!(short(&sent, 2), ["6 update 1234", "18 alive 1334"]);
    assert_eq!(short(&sent, 3), ["18 alive 1334"]);
    let of = |nts: &'static str| {
        let these = sent.iter();
        these.filter(move |(_, _, text)| header(text, "NTS") == Some(nts))
    };
    for (_, _, text) in of("ssdp:update") {
        assert_eq!(header(text, "NEXTBOOTID.UPNP.ORG"), Some("1334"));
        let location = "http://192.0.2.10:49494/upnp/x/device.xml";
        assert_eq!(header(text, "LOCATION"), Some(location));
        assert_eq!(header(text, "HOST"), Some("239.255.255.250:1900"));
        assert_eq!(header(text, "CACHE-CONTROL"), None);
    }
    let last_update = of("ssdp:update").map(|(at, _, _)| at).max();
    let first_alive = of("ssdp:alive").map(|(at, _, _)| at).min();
    assert!(last_update < first_alive);
    let last = sent.last().map(|(at, _, _)| *at);
    assert!(last < Some(1000), "{last:?}");
}

#[test]
fn s21_a_changed_address_says_byebye_for_the_old_and_alive_with_the_new_location() {
    let (mut responder, now) = start();
    responder.move_to(&[wlan()], now, 0.5);
    let moved = interface(2, "wlan0", "192.0.2.99/24");
    // Seen in one look, or as a loss and a gain.
    for steps in [vec![vec![moved.clone()]], vec![vec![], vec![wlan()]]] {
        said(&mut responder, now);
        let before = responder.words.boot_id;
        let mut at = now;
        for step in &steps {
            at = later(at, 2);
            responder.move_to(step, at, 0.0);
        }
        let after = responder.words.boot_id;
        assert!(after > before);
        let sent = said(&mut responder, now);
        let expected = [format!("6 byebye {before}"), format!("18 alive {after}")];
        assert_eq!(short(&sent, 2), expected);
        let current = steps.last().expect("a step")[0].address();
        for (_, _, text) in &sent[6..] {
            let location = format!("http://{current}:49494/upnp/x/device.xml");
            assert_eq!(header(text, "LOCATION"), Some(&*location));
        }
    }
}

#[test]
fn s21_an_interface_that_goes_is_silent_and_comes_back_with_a_larger_bootid() {
    let (mut responder, now) = start();
    responder.move_to(&[wlan(), eth()], now, 0.5);
    // In the middle of the first words.
    responder.move_to(&[wlan()], now + Duration::from_millis(300), 0.5);
    let sent = said(&mut responder, now);
    assert_eq!(short(&sent, 3), [] as [&str; 0], "all of it was to come");
    assert_eq!(short(&sent, 2), ["18 alive 1234"]);

    let back = later(now, 1);
    responder.move_to(&[wlan(), eth()], back, 0.5);
    let sent = said(&mut responder, back);
    assert_eq!(short(&sent, 2), ["6 update 1234", "18 alive 1235"]);
    assert_eq!(
        short(&sent, 3),
        ["18 alive 1235"],
        "the LOCATION is the one apps know: no reason to say byebye"
    );

    // All are gone: nothing to say anywhere, nor after.
    responder.move_to(&[], back, 0.5);
    assert_eq!(responder.next_at(), None);
    assert_eq!(responder.regular_at(), None);
    responder.close(back);
    assert_eq!(responder.next_at(), None);
}

#[test]
fn s21_nothing_is_said_when_nothing_has_changed() {
    let (mut responder, now) = start();
    responder.move_to(&[wlan(), eth()], now, 0.5);
    said(&mut responder, now);
    responder.move_to(&[eth(), wlan()], later(now, 5), 0.5);
    assert_eq!(responder.next_at(), None);
    assert_eq!(responder.words.boot_id, 1234);
}

#[test]
fn s21_however_often_an_interface_flaps_the_bootid_grows_and_little_waits() {
    let (mut responder, now) = start();
    responder.move_to(&[wlan()], now, 0.5);
    let mut known = 1234;
    for turn in 1..=1000 {
        let at = now + Duration::from_millis(turn * 200);
        let eth = (turn % 2 == 0).then(eth);
        let interfaces: Vec<_> = [wlan()].into_iter().chain(eth).collect();
        responder.move_to(&interfaces, at, 0.5);
        assert!(responder.words.boot_id >= known);
        known = responder.words.boot_id;
        let waiting: usize = responder.presences.iter().map(|p| p.outbox.len()).sum();
        assert!(waiting <= 2 * 24, "{waiting}");
    }
    assert!(known >= 1234 + 500);
}

#[test]
fn s17_answers_carry_the_interfaces_own_location_and_the_present_bootid() {
    let (mut responder, now) = start();
    responder.move_to(&[wlan()], now, 0.5);
    responder.move_to(&[wlan(), eth()], later(now, 1), 0.5);
    said(&mut responder, now);
    let search = Search {
        st: "upnp:rootdevice".to_owned(),
        window: Duration::from_millis(900),
    };
    let from = "198.51.100.20:5000".parse().expect("an address");
    responder.answer(3, &search, from, now, 0.5);
    responder.answer(9, &search, from, now, 0.5);
    let sent = said(&mut responder, now);
    assert_eq!(short(&sent, 3), ["1 answer 1235"]);
    let location = "http://198.51.100.10:49494/upnp/x/device.xml";
    assert_eq!(header(&sent[0].2, "LOCATION"), Some(location));
    assert_eq!(sent.len(), 1);
}

#[test]
fn s19_it_is_said_again_and_again() {
    let (mut responder, now) = start();
    responder.move_to(&[wlan()], now, 0.5);
    said(&mut responder, now);
    let mut at = now;
    for (earliest, latest) in [(54, 66), (540, 660), (540, 660)] {
        let due = responder.regular_at().expect("an interface");
        let wait = (due - at).as_secs();
        assert!((earliest..=latest).contains(&wait), "{wait}");
        responder.repeat(due - Duration::from_millis(1), 0.9);
        assert_eq!(responder.next_at(), None);
        responder.repeat(due, 0.9);
        assert_eq!(short(&said(&mut responder, now), 2), ["6 alive 1234"]);
        at = due;
    }
}

#[test]
fn s20_the_last_words_are_said_on_every_interface() {
    let (mut responder, now) = start();
    responder.move_to(&[wlan(), eth()], now, 0.5);
    responder.close(now);
    let sent = said(&mut responder, now);
    assert_eq!(short(&sent, 2), ["12 byebye 1234"]);
    assert_eq!(short(&sent, 3), ["12 byebye 1234"]);
}
