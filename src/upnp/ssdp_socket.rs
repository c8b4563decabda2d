//! SSDP on the wire: one task and one set of sockets per interface.
//! What is said is decided in `ssdp`, when in `ssdp_schedule`.
//!
//! Each interface has three sockets, all on port 1900 and shared with other programs of the host:
//! one bound to the multicast group, which joined it on that interface only and hears (on Linux, with
//! `IP_MULTICAST_ALL` off) nothing that arrived on another; one bound to the interface's own address, for searches sent to us alone, and for everything
//! we say, so that it leaves there; and one bound to the broadcast address, where the sender's network tells the interface.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::network::{Interface, is_near};
use super::ssdp::{Advertisement, Cast, GROUP, Kind, Terms, search};
use super::ssdp_schedule::{Outbox, until_next_announcement};

/// Hops (UDA 1.1 §1.1).
const TTL: u32 = 2;
/// More than any search; what is longer is not one.
const DATAGRAM: usize = 2500;
/// How long to wait before an interface is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Makes devices found on `interfaces` until `stop`; then says byebye and returns.
///
/// `http_port` is the port of the HTTP listener, on every interface. `boot_id` must be larger than at any earlier start. When `advertisements` change,
/// what has gone is taken back and what is there is announced anew. An interface that cannot be used is said in the log and tried again.
pub async fn run(
    interfaces: Vec<Interface>,
    http_port: u16,
    server: String,
    boot_id: u32,
    advertisements: watch::Receiver<Vec<Advertisement>>,
    stop: CancellationToken,
) {
    let mut tasks = JoinSet::new();
    for interface in interfaces {
        let terms = Terms {
            server: server.clone(),
            boot_id,
            http: SocketAddrV4::new(interface.address(), http_port),
        };
        tasks.spawn(serve(
            interface,
            terms,
            advertisements.clone(),
            stop.clone(),
        ));
    }
    while tasks.join_next().await.is_some() {}
}

/// One interface, from the first word to the last.
async fn serve(
    interface: Interface,
    terms: Terms,
    mut advertisements: watch::Receiver<Vec<Advertisement>>,
    stop: CancellationToken,
) {
    let Some(sockets) = stop.run_until_cancelled(open(&interface)).await else {
        return;
    };
    let mut outbox = Outbox::default();
    let mut known = advertisements.borrow_and_update().clone();
    outbox.open(&known, &terms, now(), random());
    let mut regular = Instant::now() + until_next_announcement(random());
    let mut can_change = true;
    loop {
        let next = outbox.next_at();
        let due = async {
            match next {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = due => sockets.send_due(&mut outbox).await,
            () = tokio::time::sleep_until(regular) => {
                outbox.announce(Kind::Alive, &known, &terms, now());
                regular = Instant::now() + until_next_announcement(random());
            }
            changed = advertisements.changed(), if can_change => {
                can_change = changed.is_ok();
                if can_change {
                    let current = advertisements.borrow_and_update().clone();
                    update(&mut outbox, &known, &current, &terms);
                    known = current;
                }
            }
            (datagram, from, cast) = sockets.receive(&interface) => {
                if let Some(search) = search(&datagram, cast) {
                    outbox.answer(&search, from, &known, &terms, now(), random());
                }
            }
        }
    }
    outbox.close(&known, &terms, now());
    while let Some(at) = outbox.next_at() {
        tokio::time::sleep_until(at.into()).await;
        sockets.send_due(&mut outbox).await;
    }
}

/// Takes back what is gone, announces what is there.
fn update(outbox: &mut Outbox, known: &[Advertisement], current: &[Advertisement], terms: &Terms) {
    // Nothing that waits may contradict what follows; searchers ask again.
    outbox.clear();
    let gone: Vec<_> = known
        .iter()
        .filter(|old| !current.iter().any(|new| new.udn == old.udn))
        .cloned()
        .collect();
    let at = outbox.announce(Kind::ByeBye, &gone, terms, now());
    let at = outbox.announce(Kind::Alive, current, terms, at);
    outbox.announce(Kind::Alive, current, terms, at);
}

/// Opens the sockets of an interface, as soon as that is possible.
async fn open(interface: &Interface) -> Sockets {
    let mut said = false;
    loop {
        match Sockets::open(interface.address()) {
            Ok(sockets) => return sockets,
            Err(error) if said => tracing::debug!(%error, "still no discovery"),
            Err(error) => {
                tracing::warn!(
                    interface = interface.name, address = %interface.address(), %error,
                    "nobody can find us through this interface yet; it is tried again every few seconds"
                );
                said = true;
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}

struct Sockets {
    group: UdpSocket,
    own: UdpSocket,
    broadcast: Option<UdpSocket>,
}

impl Sockets {
    fn open(address: Ipv4Addr) -> io::Result<Self> {
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

    async fn send_due(&self, outbox: &mut Outbox) {
        while let Some(message) = outbox.take_due(now()) {
            if let Err(error) = self.own.send_to(message.text.as_bytes(), message.to).await {
                tracing::debug!(to = %message.to, %error, "a discovery message could not be sent");
            }
        }
    }

    /// The next datagram that came in on the interface from somebody near.
    async fn receive(&self, interface: &Interface) -> (Vec<u8>, SocketAddr, Cast) {
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
            if on_link || (is_near(from.ip()) && !by_broadcast) {
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

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// A number from 0 to 1, different on every host and at every call; no need for it to be hard to guess.
fn random() -> f64 {
    let bits = Uuid::new_v4().as_u128() >> 96;
    bits as f64 / f64::from(u32::MAX)
}
