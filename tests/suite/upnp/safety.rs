//! Limits on the wire: who is slow, too large, too deep or too often, and that nobody else suffers.
//! Who may do what at all is in `description`; callbacks elsewhere are a matter of events.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use unisono::upnp::http::{Limits, Options, Rate};

use super::{PLAYED, control, get, play};
use crate::support::upnp_device::Rig;
use crate::support::upnp_house::House;
use crate::support::upnp_wire::{bare, envelope, exchange, exchange_on, post, subscribe};

/// What is cut off is cut off within this; it is far more than it takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A device that is patient for 300 ms.
async fn impatient() -> Rig {
    Rig::start_with("x", |options| {
        options.connections = Limits {
            head: Duration::from_millis(300),
            answer: Duration::from_millis(300),
            ..Limits::default()
        };
    })
    .await
}

/// Reads until the other end closes.
async fn closed(stream: &mut TcpStream) -> usize {
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest));
    // A reset is an end too.
    let _reset = read.await.expect("closed in time");
    rest.len()
}

#[tokio::test]
async fn d10_a_head_that_does_not_end_is_cut_off() {
    let rig = impatient().await;
    for head in ["", "G", "GET / HTTP/1.1\r\nHost: "] {
        let mut stream = TcpStream::connect(rig.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(closed(&mut stream).await, 0, "{head}");
    }
    // A byte now and then does not buy more time.
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    let trickle = async {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let trickle = tokio::time::timeout(PATIENCE, trickle);
    trickle.await.expect("cut off in time");
    assert_eq!(get(&rig, "/").await.status(), 200);
}

#[tokio::test]
async fn d10_a_connection_that_rests_too_long_is_closed() {
    let rig = impatient().await;
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    let answer = exchange_on(&mut stream, bare("GET", "/", &[])).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(closed(&mut stream).await, 0);
}

#[tokio::test]
async fn whoever_never_reads_is_cut_off() {
    let rig = impatient().await;
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    let path = rig.path("icons/120.jpg");
    stream
        .write_all(bare("GET", &path, &[]).as_bytes())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let whole = rig.device.identity().icons[1].bytes.len();
    let read = closed(&mut stream).await;
    assert!(read < whole, "all {whole} bytes came, though nobody read");
}

#[tokio::test]
async fn whoever_has_said_all_and_closed_that_direction_is_answered() {
    let rig = Rig::start().await;
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    let request = post(&rig.path("AVTransport/control"), "", envelope(&play("")));
    stream.write_all(&request).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("</s:Envelope>\n"), "{answer}");
}

#[tokio::test]
async fn heads_and_targets_have_limits() {
    let rig = Rig::start().await;
    let many: String = (0..500).map(|n| format!("X-{n}: y\r\n")).collect();
    let long = format!("X: {}\r\n", "y".repeat(64 * 1024));
    let target = "x".repeat(64 * 1024);
    for (target, headers) in [("/", &many), ("/", &long), (&target, &String::new())] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n");
        let mut stream = TcpStream::connect(rig.address).await.unwrap();
        // It may have heard enough before all is said.
        let _refused = stream.write_all(request.as_bytes()).await;
        let mut answer = [0; 12];
        match stream.read_exact(&mut answer).await {
            Ok(_) => assert!(answer.starts_with(b"HTTP/1.1 4"), "{answer:?}"),
            Err(reset) => assert_ne!(reset.kind(), std::io::ErrorKind::TimedOut),
        }
    }
    assert_eq!(get(&rig, "/").await.status(), 200);
}

#[tokio::test]
async fn a18_a19_what_is_nested_declared_or_broken_is_refused_and_the_next_is_served() {
    let rig = Rig::start().await;
    let deep = "<x>".repeat(50_000);
    let laughs = format!(
        "<!DOCTYPE l [<!ENTITY a \"ha\">{}]>{}",
        (1..30)
            .map(|n| format!("<!ENTITY a{n} \"&a{m};&a{m};&a{m};&a{m};\">", m = n - 1))
            .collect::<String>(),
        envelope("<Play><Speed>&a29;</Speed></Play>")
    );
    let external = "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><x/>".to_owned();
    let in_body = envelope(&format!("<Play><Speed>{deep}</Speed></Play>"));
    for body in [deep, in_body, laughs, external, "\0".repeat(1000)] {
        let request = post(&rig.path("AVTransport/control"), "", &body);
        let answer = exchange(rig.address, request).await;
        assert_eq!(answer.status(), 500);
        assert_eq!(answer.element("errorCode"), Some("402"));
    }
    assert!(rig.transport.calls().is_empty());
    assert_eq!(control(&rig, "", &play("")).await.status(), 200);
    assert_eq!(rig.transport.calls(), [PLAYED]);
}

#[tokio::test]
async fn one_peer_cannot_take_all_connections() {
    let rig = Rig::start_with("x", |options| {
        options.connections = Limits {
            per_peer: 3,
            ..Limits::default()
        };
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(rig.address).await.unwrap();
        let answer = exchange_on(&mut stream, bare("GET", "/", &[])).await;
        assert_eq!(answer.status(), 200);
        held.push(stream);
    }
    let mut fourth = TcpStream::connect(rig.address).await.unwrap();
    assert_eq!(closed(&mut fourth).await, 0);
    // From another address; SUBSCRIBE is what can be sent from a chosen one here.
    let path = rig.path("AVTransport/event");
    let answer = subscribe(rig.address, [127, 0, 0, 2], &path, "<http://127.0.0.2:9/>").await;
    assert_eq!(answer.status(), 200);
    // And those that it has work on.
    let answer = exchange_on(&mut held[0], bare("GET", "/", &[])).await;
    assert_eq!(answer.status(), 200);
}

/// On a network, since programs on the same host are not slowed down.
#[test]
fn a_flood_waits_for_its_turn_and_all_of_it_is_answered() {
    const BURST: u32 = 20;
    const SENT: u32 = 60;
    let house = House::build();
    let (ready, address) = std::sync::mpsc::channel();
    let (done, end) = tokio::sync::oneshot::channel::<()>();
    let serving = house.on_box(move || async move {
        let listener = TcpListener::bind((Ipv4Addr::new(10, 91, 0, 1), 0))
            .await
            .unwrap();
        let rate = |per_second, burst| Rate { per_second, burst };
        let mut options = Options::new("Recorder/1".to_owned());
        options.requests = rate(100_000, 100_000);
        options.commands = rate(50, BURST);
        let rig = Rig::serve(listener, "x", options);
        ready
            .send((rig.address, rig.path("AVTransport/control")))
            .unwrap();
        let _ = end.await;
        rig.transport.calls().len()
    });
    let (address, path) = address.recv().unwrap();
    let asking = house.on_phone(move || async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // Questions do not count as commands.
        for _ in 0..SENT {
            let ask = post(&path, "", envelope("<GetMediaInfo/>"));
            assert_eq!(exchange_on(&mut stream, ask).await.status(), 200);
        }
        let begin = tokio::time::Instant::now();
        for _ in 0..SENT {
            let command = post(&path, "", envelope("<Stop/>"));
            assert_eq!(exchange_on(&mut stream, command).await.status(), 200);
        }
        begin.elapsed()
    });
    let commanded = asking.join().unwrap();
    done.send(()).unwrap();
    assert_eq!(serving.join().unwrap(), 2 * SENT as usize);
    // 40 after the burst, at 50 a second: no machine is too fast for that.
    assert!(commanded >= Duration::from_millis(780), "{commanded:?}");
}
