//! A search for renderers by SSDP, from chosen interfaces.
//! rupnp and ssdp-client search too, but through the system's default interface only.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use futures_util::future::join_all;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

use super::DiscoveryError;

/// Where UPnP devices listen for searches (UDA 1.0 §1.2).
const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), 1900);
/// UDA 1.1 and later: searches stay near.
const TIME_TO_LIVE: u32 = 2;
/// Devices spread their answers over this many seconds.
const MX: u64 = 1;
/// Datagrams get lost, above all on Wi-Fi; every device answers each copy.
const COPIES: u32 = 3;
/// Between two copies.
const SPACING: Duration = Duration::from_millis(150);
/// What a description's URL may take up, and much more.
const MAX_DATAGRAM: usize = 4096;

/// How to search for renderers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Addresses of the interfaces to search through; none: whichever one the system's routes choose.
    pub interfaces: Vec<Ipv4Addr>,
    /// For how long answers are waited for. Devices may take a second to answer.
    pub timeout: Duration,
    /// Where the search goes: the UPnP group, or one host.
    pub to: SocketAddrV4,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            timeout: Duration::from_secs(3),
            to: GROUP,
        }
    }
}

/// Sends the search and hands every LOCATION that is answered to `found`, repeats included, until the timeout.
///
/// # Errors
/// When it could not be sent through any of the interfaces; the first failure is told.
pub(super) async fn search(
    search: &Search,
    found: mpsc::UnboundedSender<String>,
) -> Result<(), DiscoveryError> {
    let deadline = Instant::now() + search.timeout;
    let anywhere = [Ipv4Addr::UNSPECIFIED];
    let interfaces = match &search.interfaces[..] {
        [] => &anywhere[..],
        chosen => chosen,
    };
    let each = interfaces.iter().map(|&interface| {
        let found = found.clone();
        async move {
            search_through(interface, search.to, deadline, found)
                .await
                .map_err(|cause| match interface.is_unspecified() {
                    true => DiscoveryError::NoNetwork { cause },
                    false => DiscoveryError::Search { interface, cause },
                })
        }
    });
    let outcomes = join_all(each).await;
    let searched = outcomes.iter().any(Result::is_ok);
    for outcome in outcomes {
        match outcome {
            Err(error) if !searched => return Err(error),
            Err(error) => tracing::warn!("{error}"),
            Ok(()) => {}
        }
    }
    Ok(())
}

async fn search_through(
    interface: Ipv4Addr,
    to: SocketAddrV4,
    deadline: Instant,
    found: mpsc::UnboundedSender<String>,
) -> io::Result<()> {
    let socket = open(interface)?;
    let request = format!(
        "M-SEARCH * HTTP/1.1\r\n\
         HOST: {to}\r\n\
         MAN: \"ssdp:discover\"\r\n\
         MX: {MX}\r\n\
         ST: urn:schemas-upnp-org:device:MediaRenderer:1\r\n\
         \r\n"
    );
    socket.send_to(request.as_bytes(), to).await?;
    let repeat = async {
        for _ in 1..COPIES {
            sleep(SPACING).await;
            // The first copy has gone out; a later one that does not is no loss.
            let _ = socket.send_to(request.as_bytes(), to).await;
        }
    };
    let listen = async {
        let mut datagram = [0; MAX_DATAGRAM];
        while let Ok(received) = timeout_at(deadline, socket.recv(&mut datagram)).await {
            // An error here tells of some earlier datagram that was not wanted somewhere.
            let Ok(length) = received else { continue };
            if let Some(location) = location(&datagram[..length])
                && found.send(location).is_err()
            {
                break;
            }
        }
    };
    tokio::join!(repeat, listen);
    Ok(())
}

fn open(interface: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_multicast_ttl_v4(TIME_TO_LIVE)?;
    if !interface.is_unspecified() {
        socket.set_multicast_if_v4(&interface)?;
    }
    socket.bind(&SocketAddrV4::new(interface, 0).into())?;
    UdpSocket::from_std(socket.into())
}

/// The LOCATION of a search answer that comes from a renderer.
fn location(datagram: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(datagram).ok()?;
    let mut lines = text.lines();
    let mut status = lines.next()?.split_ascii_whitespace();
    if !status.next()?.starts_with("HTTP/") || status.next()? != "200" {
        return None;
    }
    let (mut location, mut renderer) = (None, false);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        if name.eq_ignore_ascii_case("LOCATION") {
            location = Some(value);
        } else if name.eq_ignore_ascii_case("ST") {
            renderer = value.contains(":MediaRenderer:");
        }
    }
    location
        .filter(|location| renderer && location.starts_with("http://"))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::location;

    #[test]
    fn only_answers_of_renderers_are_taken() {
        let answer = |status: &str, headers: &str| {
            location(format!("{status}\r\n{headers}\r\n\r\n").as_bytes())
        };
        let renderer = "ST: urn:schemas-upnp-org:device:MediaRenderer:1";
        let here = "location:http://192.0.2.10:1/d.xml";
        let both = format!("{renderer}\r\n{here}");
        assert_eq!(
            answer("HTTP/1.1 200 OK", &both).as_deref(),
            Some("http://192.0.2.10:1/d.xml")
        );
        assert_eq!(answer("NOTIFY * HTTP/1.1", &both), None);
        assert_eq!(answer("HTTP/1.1 404 Not Found", &both), None);
        assert_eq!(answer("HTTP/1.1 200 OK", here), None);
        assert_eq!(answer("HTTP/1.1 200 OK", renderer), None);
        assert_eq!(
            answer("HTTP/1.1 200 OK", &both.replace("http:", "file:")),
            None
        );
        assert_eq!(location(b"\xff\xfe"), None);
        assert_eq!(location(b""), None);
    }
}
