//! SSDP on the wire: the sockets of one interface.
//! What is said through them is decided in `responder`.
//!
//! Each interface has three sockets, all on port 1900 and shared with other programs of the host:
//! one bound to the multicast group, which joined it on that interface only and hears (on Linux, with
//! `IP_MULTICAST_ALL` off) nothing that arrived on another; one bound to the interface's own address, for searches sent to us alone, and for everything
//! we say, so that it leaves there; and one bound to the broadcast address, where the sender's network tells the interface.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use ipnet::IpNet;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::message::{Cast, GROUP};
use super::schedule::Message;
use crate::upnp::network::{Interface, allowed};

/// Hops (UDA 1.1 §1.1).
const TTL: u32 = 2;
/// More than any search; what is longer is not one.
const DATAGRAM: usize = 2500;
/// The sockets of one interface.
pub(crate) struct Sockets {
    group: UdpSocket,
    own: UdpSocket,
    broadcast: Option<UdpSocket>,
}

impl Sockets {
    /// Opens those of the interface with this address.
    pub(crate) fn open(address: Ipv4Addr) -> io::Result<Self> {
        let group = bind(*GROUP.ip())?;
        #[cfg(target_os = "linux")]
        group.set_multicast_all_v4(false)?;
        group.join_multicast_v4(GROUP.ip(), &address)?;
        let own = bind(address)?;
        own.set_multicast_if_v4(&address)?;
        own.set_multicast_ttl_v4(TTL)?;
        own.set_multicast_loop_v4(true)?;
        // Few search by broadcast; a system that does not let us listen for them still does the rest.
        let broadcast = bind(Ipv4Addr::BROADCAST)
            .inspect_err(|error| tracing::debug!(%error, "no searches by broadcast"))
            .ok();
        Ok(Self {
            group: UdpSocket::from_std(group.into())?,
            own: UdpSocket::from_std(own.into())?,
            broadcast: broadcast
                .map(|socket| UdpSocket::from_std(socket.into()))
                .transpose()?,
        })
    }

    /// Sends a message through the interface.
    pub(crate) async fn send(&self, message: &Message) -> io::Result<()> {
        self.own
            .send_to(message.text.as_bytes(), message.to)
            .await?;
        Ok(())
    }

    /// The next datagram that came in on the interface, from its own network or from somebody who is allowed.
    pub(crate) async fn receive(
        &self,
        interface: &Interface,
        allow: &[IpNet],
    ) -> (Vec<u8>, SocketAddr, Cast) {
        let mut group = [0; DATAGRAM];
        let mut own = [0; DATAGRAM];
        let mut broadcast = [0; DATAGRAM];
        loop {
            let (result, buffer, cast, by_broadcast) = tokio::select! {
                result = self.group.recv_from(&mut group) => (result, &group, Cast::Multi, false),
                result = self.own.recv_from(&mut own) => (result, &own, Cast::Uni, false),
                result = receive_some(self.broadcast.as_ref(), &mut broadcast) => {
                    (result, &broadcast, Cast::Multi, true)
                }
            };
            let (length, from) = match result {
                Ok(received) => received,
                Err(error) => {
                    // An ICMP answer to something we sent, or the interface going down.
                    tracing::debug!(interface = interface.name, %error, "discovery cannot receive");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let IpAddr::V4(sender) = from.ip() else {
                continue;
            };
            let on_link = interface.network.contains(&sender);
            // Answers are larger than questions: strangers get none, or they could be used against others.
            if on_link || (allowed(allow, from.ip()) && !by_broadcast) {
                let datagram = buffer.get(..length).unwrap_or_default().to_vec();
                return (datagram, from, cast);
            }
        }
    }
}

async fn receive_some(
    socket: Option<&UdpSocket>,
    buffer: &mut [u8],
) -> io::Result<(usize, SocketAddr)> {
    match socket {
        Some(socket) => socket.recv_from(buffer).await,
        None => std::future::pending().await,
    }
}

/// A UDP socket on port 1900 of `address` that lets others be there too.
fn bind(address: Ipv4Addr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    // Elsewhere it takes this too. Linux would then hand each datagram to one of the sockets, by a hash, wherever it arrived:
    // to another interface's, or to another program's.
    #[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddrV4::new(address, GROUP.port()).into())?;
    Ok(socket)
}
