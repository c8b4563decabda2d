//! HTTP by hand, so that the tests decide every byte.
//! Not a client for anything but tests.

#![expect(clippy::unwrap_used, reason = "in a test helper, to panic is to tell")]

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;

/// The value of the header of that name, in any case.
pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers
        .iter()
        .find(|(header, _)| header.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// A request or an answer taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) first_line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Message {
    pub(crate) fn status(&self) -> u16 {
        let status = self.first_line.split(' ').nth(1);
        status.and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// A header, by its name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The text between the first `<name>` and its end, as it stands.
    pub(crate) fn element(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
    }
}

/// Reads one message; `has_body`: whether Content-Length is followed by a body.
pub(crate) async fn read(stream: &mut TcpStream, has_body: bool) -> std::io::Result<Message> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).expect("a head in UTF-8");
    let mut lines = head.trim_end().split("\r\n");
    let mut message = Message {
        first_line: lines.next().unwrap_or_default().to_owned(),
        headers: lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect(),
        body: String::new(),
    };
    if message.first_line.contains(" 100 ") {
        return Box::pin(read(stream, has_body)).await;
    }
    if has_body {
        let length = message.header("content-length").map(str::parse);
        let length: usize = length.expect("a Content-Length").expect("a number");
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        message.body = String::from_utf8(body).expect("a body in UTF-8");
    }
    Ok(message)
}

/// Sends bytes on a new connection and reads one answer.
pub(crate) async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> Message {
    let mut stream = TcpStream::connect(address).await.unwrap();
    exchange_on(&mut stream, request).await
}

/// Sends bytes on an open connection and reads one answer.
pub(crate) async fn exchange_on(stream: &mut TcpStream, request: impl AsRef<[u8]>) -> Message {
    let request = request.as_ref();
    stream.write_all(request).await.unwrap();
    let answer = read(stream, !request.starts_with(b"HEAD"));
    let answer = tokio::time::timeout(Duration::from_secs(10), answer);
    let answer = answer.await.expect("an answer in time");
    answer.expect("a whole answer")
}

/// A request without a body.
pub(crate) fn bare(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let headers: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n")
}

/// A POST with this body and these further header lines.
pub(crate) fn post(path: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// An envelope around the content of the body.
pub(crate) fn envelope(content: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <s:Body>{content}</s:Body></s:Envelope>"
    )
}

/// Somebody who is sent events.
pub(crate) struct Subscriber {
    pub(crate) address: SocketAddr,
    events: mpsc::UnboundedReceiver<Message>,
}

impl Subscriber {
    /// Listens on this address and answers every event with these bytes.
    pub(crate) async fn listen(ip: [u8; 4], answer: &'static str) -> Self {
        let listener = TcpListener::bind((std::net::Ipv4Addr::from(ip), 0))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, events) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let Ok(event) = read(&mut stream, true).await else {
                    continue;
                };
                let _ = stream.write_all(answer.as_bytes()).await;
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Self { address, events }
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> Message {
        let event = tokio::time::timeout(Duration::from_secs(10), self.events.recv());
        event.await.expect("an event in time").expect("a listener")
    }

    /// Asserts that nothing comes for a while.
    pub(crate) async fn silence(&mut self) {
        let event = tokio::time::timeout(Duration::from_millis(400), self.events.recv());
        if let Ok(event) = event.await {
            panic!("an unexpected event: {event:?}");
        }
    }

    pub(crate) fn callback(&self) -> String {
        format!("<http://{}/>", self.address)
    }
}

/// SUBSCRIBE from one of this machine's loopback addresses.
pub(crate) async fn subscribe(
    server: SocketAddr,
    from: [u8; 4],
    path: &str,
    callback: &str,
) -> Message {
    let socket = TcpSocket::new_v4().unwrap();
    socket
        .bind((std::net::Ipv4Addr::from(from), 0).into())
        .unwrap();
    let mut stream = socket.connect(server).await.unwrap();
    let headers = [("CALLBACK", callback), ("NT", "upnp:event")];
    exchange_on(&mut stream, bare("SUBSCRIBE", path, &headers)).await
}
