//! Eventing on a real socket, by the case ids of the protocol reference.
//! Expiry, wrapping and moderation in virtual time are unit tests of `upnp::gena`.

use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use unisono::upnp::gena::notify::Patience;
use unisono::upnp::gena::subscriptions::Limits;

use crate::support::upnp_device::Rig;
use crate::support::upnp_wire::{Subscriber, bare, exchange, read, subscribe};

const HERE: [u8; 4] = [127, 0, 0, 1];
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const TRANSPORT: &str = "AVTransport/event";

/// Somebody who has subscribed to AVTransport, and the SID. `answer` is what they say to every event; the first is still to be read.
async fn subscribed(rig: &Rig, answer: &'static str) -> (Subscriber, String) {
    let subscriber = Subscriber::listen(HERE, answer).await;
    let path = rig.path(TRANSPORT);
    let granted = subscribe(rig.address, HERE, &path, &subscriber.callback()).await;
    let sid = granted.header("sid").expect("a SID").to_owned();
    (subscriber, sid)
}

/// The status of a renewal.
async fn renewed(rig: &Rig, sid: &str) -> u16 {
    let renew = bare("SUBSCRIBE", &rig.path(TRANSPORT), &[("SID", sid)]);
    exchange(rig.address, renew).await.status()
}

#[tokio::test]
async fn g01_g03_g18_subscribe_and_be_told() {
    let rig = Rig::start().await;
    rig.transport.set("AVTransportURI", "http://x/a");
    let mut subscriber = Subscriber::listen(HERE, OK).await;
    let answer = subscribe(
        rig.address,
        HERE,
        &rig.path(TRANSPORT),
        &subscriber.callback(),
    )
    .await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("timeout"), Some("Second-1800"));
    assert!(answer.header("server").is_some());
    assert!(answer.header("date").is_some());
    let sid = answer.header("sid").expect("a SID");
    assert!(sid.starts_with("uuid:"));

    let event = subscriber.event().await;
    assert_eq!(event.first_line, "NOTIFY / HTTP/1.1");
    for (header, expected) in [
        ("nt", "upnp:event"),
        ("nts", "upnp:propchange"),
        ("sid", sid),
        ("seq", "0"),
        ("content-type", "text/xml; charset=\"utf-8\""),
        ("host", &subscriber.address.to_string()),
    ] {
        assert_eq!(event.header(header), Some(expected));
    }
    let lines: Vec<_> = event.body.split('\n').collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[1].starts_with("<e:propertyset xmlns:e=\"urn:schemas-upnp-org:event-1-0\">"));
    assert!(lines[1].ends_with("</e:propertyset>"));
    assert!(
        event
            .body
            .contains("&lt;AVTransportURI val=&quot;http://x/a&quot;/&gt;")
    );
    assert!(
        event.body.contains("TransportPlaySpeed"),
        "the first event has everything"
    );

    for seq in ["1", "2"] {
        rig.transport
            .set("AVTransportURI", format!("http://x/{seq}"));
        let event = subscriber.event().await;
        assert_eq!(event.header("seq"), Some(seq));
        assert!(event.body.contains(&format!("http://x/{seq}&quot;")));
        assert!(
            !event.body.contains("TransportPlaySpeed"),
            "only what changed"
        );
    }
}

#[tokio::test]
async fn c04_plain_properties_without_last_change() {
    let rig = Rig::start().await;
    let mut subscriber = Subscriber::listen(HERE, OK).await;
    let path = rig.path("ConnectionManager/event");
    subscribe(rig.address, HERE, &path, &subscriber.callback()).await;
    let event = subscriber.event().await;
    assert_eq!(event.body.matches("<e:property>").count(), 2);
    assert_eq!(event.element("SinkProtocolInfo"), Some(""));
    rig.connections
        .set("SinkProtocolInfo", "http-get:*:audio/mpeg:*");
    let event = subscriber.event().await;
    assert_eq!(
        event.element("SinkProtocolInfo"),
        Some("http-get:*:audio/mpeg:*")
    );
    assert_eq!(event.body.matches("<e:property>").count(), 1);
}

#[tokio::test]
async fn g04_g05_g06_renewing_and_ending() {
    let rig = Rig::start().await;
    let path = rig.path(TRANSPORT);
    let (mut subscriber, sid) = subscribed(&rig, OK).await;
    let sid = sid.as_str();
    subscriber.event().await;
    for (timeout, expected) in [
        ("Second-540.0", "Second-540"),
        ("second-300", "Second-300"),
        ("Second-infinite", "Second-1800"),
    ] {
        let renew = bare("SUBSCRIBE", &path, &[("SID", sid), ("TIMEOUT", timeout)]);
        let answer = exchange(rig.address, renew).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.header("sid"), Some(sid));
        assert_eq!(answer.header("timeout"), Some(expected));
    }
    let unknown = "uuid:00000000-0000-4000-8000-000000000000";
    let callback = subscriber.callback();
    let cases: [(&[(&str, &str)], u16); 6] = [
        (&[("SID", unknown)], 412),
        (&[("SID", sid), ("NT", "upnp:event")], 400),
        (&[("SID", sid), ("CALLBACK", &callback)], 400),
        (&[("NT", "foo"), ("CALLBACK", &callback)], 412),
        (&[("NT", "upnp:event")], 412),
        (&[], 412),
    ];
    for (headers, expected) in cases {
        let answer = exchange(rig.address, bare("SUBSCRIBE", &path, headers)).await;
        assert_eq!(answer.status(), expected, "{headers:?}");
    }
    let elsewhere = bare("SUBSCRIBE", &rig.path("Nothing/event"), &[("SID", sid)]);
    assert_eq!(exchange(rig.address, elsewhere).await.status(), 404);

    let end = bare("UNSUBSCRIBE", &path, &[("SID", sid)]);
    let contradiction = bare("UNSUBSCRIBE", &path, &[("SID", sid), ("NT", "upnp:event")]);
    assert_eq!(exchange(rig.address, contradiction).await.status(), 400);
    assert_eq!(exchange(rig.address, &end).await.status(), 200);
    assert_eq!(exchange(rig.address, &end).await.status(), 412);
    rig.transport.set("AVTransportURI", "http://x/b");
    subscriber.silence().await;
}

#[tokio::test]
async fn g07_g08_g09_g10_callbacks_elsewhere() {
    let rig = Rig::start().await;
    let path = rig.path(TRANSPORT);
    let own = format!("<http://{}/>", rig.address);
    for callback in [
        "<http://198.51.100.7/>",
        "<http://10.1.2.3:80/>",
        "<http://phone.invalid/>",
        "<http://localhost:80/>",
        "<https://127.0.0.1/>",
        "<ftp://127.0.0.1/>",
        "<>",
        &own,
    ] {
        let answer = subscribe(rig.address, HERE, &path, callback).await;
        assert_eq!(answer.status(), 412, "{callback}");
    }
    let mut subscriber = Subscriber::listen(HERE, OK).await;
    let both = format!("<http://198.51.100.7/>{}", subscriber.callback());
    assert_eq!(
        subscribe(rig.address, HERE, &path, &both).await.status(),
        200
    );
    assert_eq!(subscriber.event().await.header("seq"), Some("0"));
}

#[tokio::test]
async fn g11_the_second_callback_when_the_first_refuses() {
    let rig = Rig::start().await;
    let closed = Subscriber::listen(HERE, "HTTP/1.1 500 No\r\n\r\n").await;
    let mut second = Subscriber::listen(HERE, OK).await;
    let both = format!("{} {}", closed.callback(), second.callback());
    subscribe(rig.address, HERE, &rig.path(TRANSPORT), &both).await;
    assert_eq!(second.event().await.header("seq"), Some("0"));
    rig.transport.set("AVTransportURI", "http://x/b");
    assert_eq!(second.event().await.header("seq"), Some("1"));
}

#[tokio::test]
async fn g12_a_dead_subscriber_harms_nobody_and_is_dropped() {
    let rig = Rig::start_with("x", |options| {
        options.patience = Patience {
            connect: Duration::from_millis(300),
            answer: Duration::from_millis(300),
        };
    })
    .await;
    let path = rig.path(TRANSPORT);
    // Accepts connections, since the kernel does, and never says a word.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let callback = format!("<http://{}/>", dead.local_addr().unwrap());
    let answer = subscribe(rig.address, HERE, &path, &callback).await;
    let sid = answer.header("sid").expect("a SID").to_owned();
    let (mut living, _) = subscribed(&rig, OK).await;
    assert_eq!(living.event().await.header("seq"), Some("0"));
    for seq in 1..=8 {
        rig.transport.set("AVTransportURI", seq.to_string());
        let event = living.event().await;
        assert_eq!(event.header("seq"), Some(seq.to_string().as_str()));
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    assert_eq!(renewed(&rig, &sid).await, 412);
}

#[tokio::test]
async fn a_subscriber_that_never_answers_is_told_on_and_kept() {
    let rig = Rig::start().await;
    let path = rig.path(TRANSPORT);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let callback = format!("<http://{}/>", listener.local_addr().unwrap());
    let answer = subscribe(rig.address, HERE, &path, &callback).await;
    // More often than a dead one is tried.
    for seq in 0..5 {
        let (mut stream, _) = listener.accept().await.unwrap();
        let event = read(&mut stream, true).await.unwrap();
        assert_eq!(event.header("seq"), Some(seq.to_string().as_str()));
        rig.transport.set("AVTransportURI", seq.to_string());
        // It has read everything, says nothing, and closes when we do.
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty());
    }
    let sid = answer.header("sid").expect("a SID");
    assert_eq!(renewed(&rig, sid).await, 200);
}

#[tokio::test]
async fn g13_a_subscriber_that_has_forgotten_is_forgotten() {
    let rig = Rig::start().await;
    let forgot = "HTTP/1.1 412 No\r\nContent-Length: 0\r\n\r\n";
    let (mut subscriber, sid) = subscribed(&rig, forgot).await;
    subscriber.event().await;
    rig.transport.set("AVTransportURI", "http://x/b");
    subscriber.silence().await;
    assert_eq!(renewed(&rig, &sid).await, 412);
}

#[tokio::test]
async fn g16_a_flood_is_told_in_few_events_and_the_last_state_arrives() {
    let rig = Rig::start().await;
    let (mut subscriber, _) = subscribed(&rig, OK).await;
    subscriber.event().await;
    let begin = Instant::from(tokio::time::Instant::now());
    for count in 1..=50 {
        rig.transport
            .set("AVTransportURI", format!("volume-{count}."));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut events = 0;
    loop {
        let event = subscriber.event().await;
        events += 1;
        assert_eq!(event.header("seq"), Some(events.to_string().as_str()));
        if event.body.contains("volume-50.") {
            break;
        }
    }
    let windows = tokio::time::Instant::now()
        .into_std()
        .duration_since(begin)
        .as_millis()
        / 200;
    assert!(events >= 2, "the first is told at once: {events}");
    assert!(
        u128::try_from(events).unwrap() <= windows + 2,
        "{events} in {windows} windows"
    );
    subscriber.silence().await;
}

#[tokio::test]
async fn g17_a_title_survives_two_parses() {
    let rig = Rig::start().await;
    let (mut subscriber, _) = subscribed(&rig, OK).await;
    subscriber.event().await;
    rig.transport.set("AVTransportURI", "Tom & J");
    let event = subscriber.event().await;
    assert_eq!(
        event.element("LastChange"),
        Some("&lt;Event&gt;&lt;AVTransportURI val=&quot;Tom &amp;amp; J&quot;/&gt;&lt;/Event&gt;")
    );
}

#[tokio::test]
async fn g19_enough_is_enough() {
    let rig = Rig::start_with("x", |options| {
        options.subscriptions = Limits {
            per_service: 64,
            per_peer: 8,
        };
    })
    .await;
    let path = rig.path(TRANSPORT);
    let silent = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let mut statuses = Vec::new();
    for count in 0..65 {
        let from = [127, 0, 1, 1 + count / 8];
        let callback = format!("<http://127.0.1.{}:{port}/>", from[3]);
        statuses.push(
            subscribe(rig.address, from, &path, &callback)
                .await
                .status(),
        );
    }
    assert_eq!(statuses[..64], [200; 64]);
    assert_eq!(statuses[64], 503);
    let ninth = format!("<http://127.0.2.1:{port}/>");
    let knob = rig.path("RenderingControl/event");
    let mut last = 0;
    for _ in 0..9 {
        last = subscribe(rig.address, [127, 0, 2, 1], &knob, &ninth)
            .await
            .status();
    }
    assert_eq!(last, 503, "nine from one address");
}

#[tokio::test]
async fn g19_by_default_there_is_room_for_32_from_one_address() {
    let rig = Rig::start().await;
    let path = rig.path(TRANSPORT);
    let mut statuses = Vec::new();
    for _ in 0..33 {
        let answer = subscribe(rig.address, HERE, &path, "<http://127.0.0.1:9/>").await;
        statuses.push(answer.status());
    }
    assert_eq!(statuses[..32], [200; 32]);
    assert_eq!(statuses[32], 503);
}

#[tokio::test]
async fn g20_an_answer_of_few_words_is_enough() {
    let rig = Rig::start().await;
    let (mut subscriber, _) = subscribed(&rig, "HTTP/1.1 200 OK\r\n\r\n").await;
    for seq in ["0", "1", "2", "3", "4"] {
        assert_eq!(subscriber.event().await.header("seq"), Some(seq));
        rig.transport
            .set("AVTransportURI", format!("http://x/{seq}"));
    }
}

#[tokio::test]
async fn g22_the_same_callback_twice() {
    let rig = Rig::start().await;
    let path = rig.path(TRANSPORT);
    let mut subscriber = Subscriber::listen(HERE, OK).await;
    let first = subscribe(rig.address, HERE, &path, &subscriber.callback()).await;
    let second = subscribe(rig.address, HERE, &path, &subscriber.callback()).await;
    assert_ne!(first.header("sid"), second.header("sid"));
    let mut sids = Vec::new();
    for _ in 0..2 {
        let event = subscriber.event().await;
        assert_eq!(event.header("seq"), Some("0"));
        sids.push(event.header("sid").map(str::to_owned));
    }
    assert_ne!(sids[0], sids[1]);
}
