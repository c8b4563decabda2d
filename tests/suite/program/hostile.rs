//! Thousands of requests that nobody should send: each is answered in HTTP or its connection closed, and the program plays on.
//! What they are is decided by a seed, so that a failure can be had again.

use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::dice::Dice;
use crate::support::media_server::{Media, MediaServer};
use crate::support::namespace::inside;
use crate::support::program::Home;
use crate::support::recording::{LEVEL, PITCH, tone};
use crate::support::soap::Renderer;
use crate::support::upnp_wire::{bare, envelope, post};

const RANDOM: usize = 10_000;
const MUTATED: usize = 2_000;
const AT_ONCE: usize = 16;
/// No request may take longer than this; an action has 5 s.
const PATIENCE: Duration = Duration::from_secs(20);

const METHODS: &[&str] = &[
    "GET",
    "HEAD",
    "POST",
    "M-POST",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "NOTIFY",
    "OPTIONS",
    "PUT",
    "DELETE",
    "BREW",
    "get",
    "G ET",
    "\u{1f3b5}",
    "",
];
const VERSIONS: &[&str] = &[
    " HTTP/1.1",
    " HTTP/1.1",
    " HTTP/1.1",
    " HTTP/1.0",
    " HTTP/0.9",
    " HTTP/2.0",
    " HTTP/1.1 ",
    " RTSP/1.0",
    "",
];
const HEADERS: &[&str] = &[
    "Host: 127.0.0.1",
    "Host: evil.example",
    "Host: ",
    "host:127.0.0.1:0",
    "Content-Length: -1",
    "Content-Length: 99999999999999999999999",
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity",
    "Expect: 100-continue",
    "Expect: the unexpected",
    "Connection: close",
    "Connection: upgrade",
    "Upgrade: websocket",
    "SOAPACTION: \"urn:schemas-upnp-org:service:AVTransport:1#Stop\"",
    "SOAPACTION: #",
    "MAN: \"http://schemas.xmlsoap.org/soap/envelope/\"; ns=01",
    "NT: upnp:event",
    "NT: ",
    "SID: uuid:00000000-0000-4000-8000-000000000000",
    "SID: \u{1f3b5}",
    "CALLBACK: <http://127.0.0.1:9/>",
    "CALLBACK: <<>>",
    "TIMEOUT: Second-\u{221e}",
    "Range: bytes=5-1",
    "Content-Type: application/json",
    "Accept-Encoding: gzip",
    "X-\0: y",
    ": nameless",
    "no colon",
    " folded",
];

/// Whole requests as real senders write them.
fn real(house: &Renderer) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/upnp");
    let mut requests = Vec::new();
    for sender in std::fs::read_dir(folder).expect("the fixtures") {
        let sender = sender.expect("an entry").path();
        for file in sender.read_dir().into_iter().flatten() {
            let file = file.expect("an entry").path();
            if file.extension().is_none_or(|extension| extension != "xml") {
                continue;
            }
            let body = std::fs::read(file).expect("a fixture");
            for service in ["AVTransport", "RenderingControl"] {
                let headers = format!(
                    "Content-Type: text/xml; charset=\"utf-8\"\r\nSOAPACTION: \"urn:schemas-upnp-org:service:{service}:1#Play\"\r\n"
                );
                requests.push(post(&house.path(service, "controlURL"), &headers, &body));
            }
        }
    }
    assert!(requests.len() > 10, "only {} fixtures", requests.len());
    for service in ["AVTransport", "RenderingControl", "ConnectionManager"] {
        let new = [
            ("CALLBACK", "<http://127.0.0.1:9/a>"),
            ("NT", "upnp:event"),
            ("TIMEOUT", "Second-300"),
        ];
        let event = house.path(service, "eventSubURL");
        requests.push(bare("SUBSCRIBE", &event, &new).into_bytes());
        requests.push(bare("GET", &house.path(service, "SCPDURL"), &[]).into_bytes());
        let get = envelope(
            "<u:GetPositionInfo xmlns:u=\"u\"><InstanceID>0</InstanceID></u:GetPositionInfo>",
        );
        requests.push(post(&house.path(service, "controlURL"), "", get));
    }
    requests.sort();
    requests
}

/// Something between noise and a request.
fn random(dice: &mut Dice, paths: &[&str]) -> Vec<u8> {
    if dice.one_in(5) {
        return dice.bytes(800);
    }
    let mut request = dice.pick(METHODS).as_bytes().to_vec();
    request.push(b' ');
    request.extend(match dice.below(8) {
        0 => dice.bytes(200),
        1 => [b"/".as_slice(), &dice.bytes(30)].concat(),
        2 => [b"http://127.0.0.1", dice.pick(paths).as_bytes()].concat(),
        _ => dice.pick(paths).as_bytes().to_vec(),
    });
    request.extend(dice.pick(VERSIONS).as_bytes());
    request.extend(b"\r\n");
    for _ in 0..dice.below(6) {
        request.extend(match dice.below(12) {
            0 => dice.bytes(100),
            _ => dice.pick(HEADERS).as_bytes().to_vec(),
        });
        request.extend(if dice.one_in(20) { &b"\n"[..] } else { b"\r\n" });
    }
    let body = match dice.below(6) {
        0 => dice.bytes(600),
        1 => envelope("<Frobnicate/>").into_bytes(),
        2 => {
            envelope("<Seek><Unit>\u{1f3b5}</Unit><Target>&#x110000;</Target></Seek>").into_bytes()
        }
        3 => b"5\r\nhello\r\n0\r\n\r\n".to_vec(),
        4 => b"{\"volume\": 1e999}".to_vec(),
        _ => Vec::new(),
    };
    if dice.one_in(2) {
        request.extend(format!("Content-Length: {}\r\n", body.len()).into_bytes());
    }
    if !dice.one_in(15) {
        request.extend(b"\r\n");
    }
    request.extend(body);
    request
}

/// A real request after some accidents.
fn mutated(dice: &mut Dice, real: &[Vec<u8>]) -> Vec<u8> {
    let mut request = real[dice.below(real.len())].clone();
    for _ in 0..=dice.below(6) {
        let at = dice.below(request.len());
        let end = (at + dice.below(40)).min(request.len());
        match dice.below(8) {
            0 => request.truncate(at),
            1 => {
                request.drain(at..end);
            }
            2 => {
                let piece = request[at..end].to_vec();
                request.splice(at..at, piece);
            }
            3 => {
                let piece = dice.bytes(20);
                request.splice(at..at, piece);
            }
            4 => {
                let word = dice.pick(&[
                    "]]>",
                    "<!DOCTYPE a>",
                    "&x;",
                    "\0",
                    "<![CDATA[",
                    "%00",
                    "\r\n",
                    "-1",
                    "4294967296",
                    "/../",
                ]);
                request.splice(at..end, word.bytes());
            }
            _ => {
                let byte = dice.byte();
                if let Some(there) = request.get_mut(at) {
                    *there = byte;
                }
            }
        }
    }
    request
}

/// All that comes back.
async fn answer(house: &Renderer, request: &[u8]) -> Result<Vec<u8>, String> {
    let mut stream = TcpStream::connect(house.address)
        .await
        .map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    let talk = async {
        // It may have heard enough before all is said, and what it said then counts.
        let _refused = stream.write_all(request).await;
        let _refused = stream.shutdown().await;
        let _reset = stream.read_to_end(&mut answer).await;
    };
    match tokio::time::timeout(PATIENCE, talk).await {
        Ok(()) => Ok(answer),
        Err(_) => Err("it neither answered nor closed".to_owned()),
    }
}

/// Whether this is a row of whole HTTP answers, or nothing where nothing was asked in HTTP.
fn judge(request: &[u8], mut answers: &[u8]) -> Result<(), String> {
    if answers.is_empty() {
        let said = request.trim_ascii_start();
        let head_ends = said
            .windows(3)
            .any(|end| end == b"\n\r\n" || end.starts_with(b"\n\n"));
        return if head_ends {
            Err("a whole head was not answered".to_owned())
        } else {
            Ok(())
        };
    }
    let heads_asked = request.windows(4).any(|word| word == b"HEAD");
    while !answers.is_empty() {
        let end = answers
            .windows(4)
            .position(|end| end == b"\r\n\r\n")
            .ok_or("a head without an end")?;
        let head = std::str::from_utf8(&answers[..end]).map_err(|_| "a head that is not UTF-8")?;
        answers = &answers[end + 4..];
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1.1 "))
            .ok_or_else(|| format!("no status line: {head}"))?;
        let status: u16 = status
            .get(..3)
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| format!("no status: {head}"))?;
        let mut length = None;
        for line in lines {
            let (name, value) = line
                .split_once(": ")
                .or_else(|| line.split_once(':'))
                .ok_or_else(|| format!("no header: {line}"))?;
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse::<usize>().ok();
            }
        }
        let bodiless = heads_asked && (answers.is_empty() || answers.starts_with(b"HTTP/1.1 "));
        if (100..=199).contains(&status) || bodiless {
            continue;
        }
        let length = length.ok_or_else(|| format!("no length: {head}"))?;
        answers = answers
            .get(length..)
            .ok_or_else(|| format!("cut short: {head}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn whatever_is_sent_is_answered_in_http_and_it_still_plays() {
    if !inside("program::hostile::whatever_is_sent_is_answered_in_http_and_it_still_plays") {
        return;
    }
    let home = Home::with_zones(&["House"]);
    let program = home.start().await;
    let house = Renderer::find("House").await;
    let real = real(&house);
    let urls = ["controlURL", "eventSubURL", "SCPDURL"].map(|url| house.path("AVTransport", url));
    let mut paths = vec![
        "/",
        "/api/v1/state",
        "/api/v1/outputs/House%201",
        "/api/v1/zones/House",
        "/upnp/",
        "*",
        "/%ff%00",
        "//",
        "/?",
    ];
    paths.extend(urls.iter().map(String::as_str));
    let mut dice = Dice::new(4);
    let mut requests: Vec<_> = (0..RANDOM).map(|_| random(&mut dice, &paths)).collect();
    requests.extend((0..MUTATED).map(|_| mutated(&mut dice, &real)));

    let judged = stream::iter(&requests).map(|request| {
        let house = &house;
        async move {
            let verdict = answer(house, request)
                .await
                .and_then(|answers| judge(request, &answers).map(|()| answers.len()));
            (request, verdict)
        }
    });
    let (mut answered, mut faults) = (0, Vec::new());
    let mut judged = judged.buffer_unordered(AT_ONCE);
    while let Some((request, verdict)) = judged.next().await {
        match verdict {
            Ok(length) => answered += usize::from(length > 0),
            Err(fault) => faults.push(format!("{fault}\n--- for\n{}\n", request.escape_ascii())),
        }
    }
    faults.truncate(10);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(
        answered > RANDOM / 2,
        "only {answered} were answered at all"
    );

    // Some of them were commands.
    house.transport("Stop", &[]).await;
    house.rendering("SetMute", &[("DesiredMute", "0")]).await;
    house
        .rendering("SetVolume", &[("DesiredVolume", "100")])
        .await;
    let server = MediaServer::start();
    house
        .cast_to_the_end(&server.serve("/song.wav", Media::new(tone(2.0))))
        .await;
    assert!(
        !program.log().iter().any(|line| line.contains("panicked")),
        "{:?}",
        program.log()
    );
    program.stop().await;
    for recording in home.recordings("House") {
        let sound = recording.longest_sound();
        assert!(
            (sound.seconds() - 2.0).abs() < 0.002,
            "{} s",
            sound.seconds()
        );
        sound.inner(0.01).assert_tones(PITCH, LEVEL);
    }
}
