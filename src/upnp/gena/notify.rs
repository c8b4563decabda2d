//! One NOTIFY: its bytes, and bringing it to the subscriber.
//! Not when or whether; that is decided in `subscriptions`.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::bytes::Buf;

use super::callback::Callback;
use super::subscriptions::{Notification, Outcome};
use crate::upnp::device::Property;
use crate::upnp::xml::element;

/// As much of an answer is read; only its first line matters.
const ANSWER: usize = 8 * 1024;

/// How patient delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the answer (UDA 1.0 §4.2.1: 30 s).
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(4),
            answer: Duration::from_secs(30),
        }
    }
}

/// Subscribers that have not begun to answer by then may be of those that take every event and never answer; the next event must not
/// wait for them. In a house an answer takes a tenth of this.
const SILENCE: Duration = Duration::from_millis(500);

/// Delivers an event: to the first callback that takes it.
pub async fn deliver(notification: &Notification, patience: Patience) -> Outcome {
    for (index, callback) in notification.callbacks.iter().enumerate() {
        let head = head(notification, callback);
        match send(callback, &head, &notification.body, patience).await {
            Ok(200..=299) => return Outcome::Delivered(index),
            Ok(412) => return Outcome::Unknown,
            Ok(status) => {
                tracing::debug!(callback = %callback.address, status, "a subscriber refused an event");
            }
            Err(error) => {
                tracing::debug!(callback = %callback.address, %error, "an event could not be delivered");
            }
        }
    }
    Outcome::Failed
}

/// The property set. Its layout is part of the contract: some receivers read it line by line.
pub fn body(properties: &[Property]) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <e:propertyset xmlns:e=\"urn:schemas-upnp-org:event-1-0\">",
    );
    for (name, value) in properties {
        xml.push_str("<e:property>");
        element(&mut xml, name, value);
        xml.push_str("</e:property>");
    }
    xml.push_str("</e:propertyset>\n");
    xml
}

fn head(notification: &Notification, callback: &Callback) -> String {
    let mut head = String::with_capacity(512);
    // The zone of a link-local address is of no use to anybody else.
    let host = match (callback.host.find('%'), callback.host.find(']')) {
        (Some(zone), Some(end)) if zone < end => {
            let (address, rest) = (&callback.host[..zone], &callback.host[end..]);
            format!("{address}{rest}")
        }
        _ => callback.host.clone(),
    };
    let _ = write!(
        head,
        "NOTIFY {path} HTTP/1.1\r\n\
         HOST: {host}\r\n\
         CONTENT-TYPE: text/xml; charset=\"utf-8\"\r\n\
         NT: upnp:event\r\n\
         NTS: upnp:propchange\r\n\
         SID: uuid:{sid}\r\n\
         SEQ: {seq}\r\n\
         CONTENT-LENGTH: {length}\r\n\
         CONNECTION: close\r\n\
         \r\n",
        path = callback.path,
        sid = notification.sid,
        seq = notification.seq,
        length = notification.body.len(),
    );
    head
}

/// Sends the request and returns the answer's status.
async fn send(callback: &Callback, head: &str, body: &str, patience: Patience) -> io::Result<u16> {
    let mut stream = timeout(patience.connect, TcpStream::connect(callback.address)).await??;
    stream.set_nodelay(true)?;
    timeout(patience.answer, async {
        // Together, since some receivers take what arrives first for all there is; not joined, since all subscribers share the body.
        let mut request = Buf::chain(head.as_bytes(), body.as_bytes());
        stream.write_all_buf(&mut request).await?;
        let silent = timeout(SILENCE, stream.readable()).await.is_err();
        if silent {
            // Whoever lives hangs up when we do, and has read what was sent before. Whoever does not, does nothing.
            stream.shutdown().await?;
        }
        status(&mut stream, silent).await
    })
    .await?
}

/// Reads the answer's head; its body, if any, is of no interest. From whom `silent`, to hang up is an answer.
async fn status(stream: &mut TcpStream, silent: bool) -> io::Result<u16> {
    let mut answer = Vec::new();
    let mut chunk = [0; 1024];
    while answer.len() < ANSWER && !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut chunk).await {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            // Closed rudely after a whole status line still counts.
            Err(_) if answer.contains(&b'\n') => break,
            Err(error) => return Err(error),
        }
    }
    if silent && answer.is_empty() {
        return Ok(200);
    }
    parse_status(&answer).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "the subscriber's answer is not HTTP",
        )
    })
}

fn parse_status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|&byte| byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_ascii_whitespace();
    words
        .next()
        .filter(|version| version.starts_with("HTTP/"))?;
    words.next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g18_the_body_line_by_line() {
        let body = body(&[("LastChange", "<Event a=\"1\"/>\n".to_owned())]);
        let lines: Vec<_> = body.split('\n').collect();
        assert_eq!(
            lines,
            [
                "<?xml version=\"1.0\" encoding=\"utf-8\"?>",
                "<e:propertyset xmlns:e=\"urn:schemas-upnp-org:event-1-0\"><e:property><LastChange>\
                 &lt;Event a=&quot;1&quot;/&gt;&#10;</LastChange></e:property></e:propertyset>",
                ""
            ]
        );
    }

    #[test]
    fn answers_of_all_kinds() {
        for (answer, expected) in [
            ("HTTP/1.1 200 OK\r\n\r\n", Some(200)),
            ("HTTP/1.0 412\r\n", Some(412)),
            ("HTTP/1.1 204 No Content", Some(204)),
            ("ICY 200 OK\r\n\r\n", None),
            ("HTTP/1.1", None),
            ("", None),
        ] {
            assert_eq!(parse_status(answer.as_bytes()), expected, "{answer:?}");
        }
    }
}
