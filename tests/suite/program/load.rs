//! Many who ask and listen at once, some of them dead, while it plays: everybody is served, nothing stutters, nothing is kept.
//! How fast it is, is stated by `examples/load`, not asserted here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use crate::support::media_server::{Media, MediaServer};
use crate::support::namespace::inside;
use crate::support::program::{Home, Program};
use crate::support::recording::tone;
use crate::support::soap::{Renderer, changed};
use crate::support::upnp_wire::{bare, envelope, exchange_on, post, read, subscribe};

/// Everything that is expected happens within this; it is far more than it takes.
const PATIENCE: Duration = Duration::from_secs(30);
const OUTPUTS: usize = 4;

/// A zone that plays on four speakers, and the server it plays from.
async fn playing(home: &Home) -> (Program, Renderer, MediaServer) {
    let mut config = String::new();
    for number in 1..=OUTPUTS {
        config += &format!(
            "[[output]]\nname = \"{number}\"\ntype = \"simulated\"\ncrystal_ppm = {}\n",
            number * 40
        );
    }
    home.configure(&format!(
        "{config}[[zone]]\nname = \"House\"\noutputs = [\"1\", \"2\", \"3\", \"4\"]\n"
    ));
    let program = home.start().await;
    let house = Renderer::find("House").await;
    let server = MediaServer::start();
    house
        .cast(&server.serve("/song.wav", Media::new(tone(60.0))))
        .await;
    // Until all of them have joined.
    sleep(Duration::from_secs(2)).await;
    (program, house, server)
}

#[tokio::test]
async fn a24_many_ask_at_once_while_it_plays() {
    if !inside("program::load::a24_many_ask_at_once_while_it_plays") {
        return;
    }
    let home = Home::new();
    let (program, house, _server) = playing(&home).await;
    let asking = (0..20).map(|number| {
        let (service, action, output) = [
            ("AVTransport", "GetPositionInfo", "RelTime"),
            ("AVTransport", "GetTransportInfo", "CurrentTransportState"),
            ("AVTransport", "GetMediaInfo", "CurrentURI"),
            ("RenderingControl", "GetVolume", "CurrentVolume"),
        ][number % 4];
        let house = &house;
        async move {
            for _ in 0..20 {
                let answer = house.call(service, action, &[]).await.expect("an answer");
                assert!(
                    answer
                        .element(output)
                        .is_some_and(|value| !value.is_empty()),
                    "{answer:?}"
                );
            }
        }
    });
    join_all(asking).await;
    house.nothing_starved(OUTPUTS).await;
    assert_eq!(house.condition().await.0, "PLAYING");
    program.stop().await;
}

/// The last volume that each of many subscribers was told, by the path of its callback; and its sequence numbers.
type Told = Arc<Mutex<HashMap<String, (Option<String>, Vec<u32>)>>>;

/// Listens for all of them.
async fn listen() -> (u16, Told) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let told = Told::default();
    let all = Arc::clone(&told);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let told = Arc::clone(&all);
            tokio::spawn(async move {
                let event = read(&mut stream, true).await.expect("an event");
                let path = event
                    .first_line
                    .split(' ')
                    .nth(1)
                    .unwrap_or_default()
                    .to_owned();
                let seq = event
                    .header("seq")
                    .and_then(|seq| seq.parse().ok())
                    .expect("a number");
                {
                    let mut told = told.lock().expect("nobody panics with it");
                    let (volume, numbers) = told.entry(path).or_default();
                    numbers.push(seq);
                    if let Some(now) = changed(&event, "Volume") {
                        *volume = Some(now.to_owned());
                    }
                }
                let _gone = stream
                    .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    .await;
            });
        }
    });
    (port, told)
}

#[tokio::test]
async fn two_hundred_subscribers_a_quarter_of_them_dead_while_it_plays() {
    if !inside("program::load::two_hundred_subscribers_a_quarter_of_them_dead_while_it_plays") {
        return;
    }
    const ALIVE: usize = 150;
    let home = Home::new();
    let (program, house, _server) = playing(&home).await;
    let path = house.path("RenderingControl", "eventSubURL");
    let (port, told) = listen().await;
    // The kernel takes their connections, and nobody ever says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = silent
        .local_addr()
        .map(|address| (address.port(), silent))
        .expect("an address");
    for number in 0..200_usize {
        // Every fourth is dead; of those, every other one refuses.
        let port = match (number % 4, number % 8) {
            (3, 3) => silent.0,
            (3, _) => 9,
            _ => port,
        };
        let from = [127, 0, 1, 1 + (number / 8) as u8];
        let callback = format!("<http://127.0.0.1:{port}/{number}>");
        let answer = subscribe(house.address, from, &path, &callback).await;
        assert_eq!(answer.status(), 200, "subscriber {number}");
    }
    for volume in [11, 22, 33, 44, 55_u8] {
        house
            .rendering("SetVolume", &[("DesiredVolume", &volume.to_string())])
            .await;
        sleep(Duration::from_millis(250)).await;
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told_all = {
            let told = told.lock().expect("nobody panics with it");
            told.values()
                .filter(|(volume, _)| volume.as_deref() == Some("55"))
                .count()
        };
        if told_all == ALIVE {
            break;
        }
        assert!(Instant::now() < deadline, "only {told_all} know the volume");
        sleep(Duration::from_millis(50)).await;
    }
    for (subscriber, (_, numbers)) in told.lock().expect("nobody panics with it").iter() {
        let expected: Vec<_> = (0..numbers.len() as u32).collect();
        assert_eq!(*numbers, expected, "subscriber {subscriber}");
    }
    house.nothing_starved(OUTPUTS).await;
    assert_eq!(house.condition().await.0, "PLAYING");
    program.stop().await;
}

#[tokio::test]
async fn nothing_is_kept_of_calls_and_subscriptions() {
    if !inside("program::load::nothing_is_kept_of_calls_and_subscriptions") {
        return;
    }
    const GROWTH_KIB: u64 = 2048;
    let home = Home::with_zones(&["House"]);
    let program = home.start().await;
    let house = Renderer::find("House").await;
    let (port, _told) = listen().await;
    let callback = format!("<http://127.0.0.1:{port}/>");
    let asking = post(
        &house.path("AVTransport", "controlURL"),
        "",
        envelope("<u:GetPositionInfo xmlns:u=\"u\"><InstanceID>0</InstanceID></u:GetPositionInfo>"),
    );
    let event = house.path("RenderingControl", "eventSubURL");
    let work = async |calls: usize, subscriptions: usize| {
        let workers = (0..8).map(|_| async {
            let mut stream = TcpStream::connect(house.address).await.expect("it listens");
            for _ in 0..calls / 8 {
                assert_eq!(exchange_on(&mut stream, &asking).await.status(), 200);
            }
            for _ in 0..subscriptions / 8 {
                let new = [("CALLBACK", callback.as_str()), ("NT", "upnp:event")];
                let answer = exchange_on(&mut stream, bare("SUBSCRIBE", &event, &new)).await;
                let sid = answer.header("sid").expect("a SID").to_owned();
                let end = bare("UNSUBSCRIBE", &event, &[("SID", &sid)]);
                assert_eq!(exchange_on(&mut stream, end).await.status(), 200);
            }
        });
        join_all(workers).await;
        // Connections have ended, and with them what they held.
        sleep(Duration::from_millis(300)).await;
        program.resident_kib()
    };
    let before = work(2_000, 400).await;
    let after = work(5_000, 1_000).await;
    assert!(after < before + GROWTH_KIB, "from {before} to {after} KiB");
    program.stop().await;
}
