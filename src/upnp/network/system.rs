//! The machine's interfaces as the system lists them, now and whenever they change.
//! Which of them matter is decided in `interface`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::if_nametoindex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::interface::Link;

/// After a list is made the next one waits for this: what belongs together (a link that comes up, its address) mostly comes within it, and an
/// interface that flaps cannot make us talk without end.
const SETTLE: Duration = Duration::from_millis(200);
/// Where the system does not tell of changes, the list is made anew this often.
const POLL: Duration = Duration::from_secs(3);

/// The machine's interfaces, those without addresses too.
///
/// # Errors
/// The system does not list them.
pub fn links() -> io::Result<Vec<Link>> {
    let mut links: Vec<Link> = Vec::new();
    for address in getifaddrs()? {
        // A second address may carry a label, `eth0:1`; it is on eth0 all the same.
        let name = address.interface_name.split(':').next().unwrap_or_default();
        let position = match links.iter().position(|link| link.name == name) {
            Some(position) => position,
            None => {
                // An interface that goes while it is listed has no number any more, and does not count.
                let Ok(index) = if_nametoindex(name) else {
                    continue;
                };
                links.push(Link {
                    name: name.to_owned(),
                    index,
                    flags: address.flags,
                    networks: Vec::new(),
                });
                links.len() - 1
            }
        };
        if let (Some(IpNet::V4(network)), Some(link)) = (network(&address), links.get_mut(position))
        {
            link.networks.push(network);
        }
    }
    Ok(links)
}

/// Keeps `links` as the machine's interfaces are, until `stop`. It is told within a moment on Linux; elsewhere, or where the system refuses
/// to tell, the interfaces are listed every few seconds.
pub async fn follow(links: watch::Sender<Vec<Link>>, stop: CancellationToken) {
    let mut news = News::open();
    loop {
        match self::links() {
            Ok(now) => {
                links.send_if_modified(|known| {
                    let changed = *known != now;
                    *known = now;
                    changed
                });
            }
            Err(error) => tracing::warn!(%error, "the interfaces could not be listed"),
        }
        let next = async {
            tokio::time::sleep(SETTLE).await;
            news.wait().await;
        };
        if stop.run_until_cancelled(next).await.is_none() {
            return;
        }
    }
}

/// How changes are noticed.
enum News {
    #[cfg(target_os = "linux")]
    Told(told::Netlink),
    Polled,
}

impl News {
    fn open() -> Self {
        #[cfg(target_os = "linux")]
        match told::Netlink::open() {
            Ok(netlink) => return Self::Told(netlink),
            Err(error) => tracing::warn!(
                %error,
                "the system does not tell when interfaces change; they are looked at every few seconds"
            ),
        }
        Self::Polled
    }

    /// Returns when something may have changed.
    async fn wait(&mut self) {
        match self {
            #[cfg(target_os = "linux")]
            Self::Told(netlink) => match netlink.wait().await {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(%error, "the system no longer tells when interfaces change");
                    *self = Self::Polled;
                }
            },
            Self::Polled => tokio::time::sleep(POLL).await,
        }
    }
}

/// Being told by the kernel (rtnetlink(7)). What it tells is not read: the list that is made then says all of it, and nothing is missed when
/// the kernel has had to drop some of what it had to tell.
#[cfg(target_os = "linux")]
mod told {
    use std::io;
    use std::os::fd::AsRawFd;

    use nix::errno::Errno;
    use nix::libc::{RTMGRP_IPV4_IFADDR, RTMGRP_LINK};
    use nix::sys::socket::{
        AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket,
    };
    use tokio::net::UdpSocket;

    /// Larger than most messages; what is longer is cut, and not read anyway.
    const MESSAGE: usize = 8192;

    /// A netlink socket. tokio takes it without `unsafe` only as one of the kinds it knows; to receive is the same for all of them.
    pub(super) struct Netlink(UdpSocket);

    impl Netlink {
        pub(super) fn open() -> io::Result<Self> {
            let socket = socket(
                AddressFamily::Netlink,
                SockType::Raw,
                SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC,
                SockProtocol::NetlinkRoute,
            )?;
            let groups = (RTMGRP_LINK | RTMGRP_IPV4_IFADDR).cast_unsigned();
            // Port 0: the kernel chooses one.
            bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
            Ok(Self(UdpSocket::from_std(socket.into())?))
        }

        /// Waits for a message, and takes all that are there.
        pub(super) async fn wait(&self) -> io::Result<()> {
            let mut message = [0; MESSAGE];
            match self.0.recv(&mut message).await {
                Err(error) if error.raw_os_error() != Some(Errno::ENOBUFS as i32) => Err(error),
                // There was one, or there have been so many that some were dropped.
                _ => {
                    while self.0.try_recv(&mut message).is_ok() {}
                    Ok(())
                }
            }
        }
    }
}

/// The network that `local`, an address of this machine, is in.
pub(crate) fn network_of(local: IpAddr) -> io::Result<Option<IpNet>> {
    let local = local.to_canonical();
    Ok(getifaddrs()?.find_map(|address| {
        let network = network(&address)?;
        (network.addr() == local).then_some(network)
    }))
}

fn network(address: &InterfaceAddress) -> Option<IpNet> {
    let ip = |storage: &nix::sys::socket::SockaddrStorage| -> Option<IpAddr> {
        let v4 = storage
            .as_sockaddr_in()
            .map(|v4| SocketAddr::from(*v4).ip());
        v4.or_else(|| {
            storage
                .as_sockaddr_in6()
                .map(|v6| SocketAddr::from(*v6).ip())
        })
    };
    let own = ip(address.address.as_ref()?)?;
    let mask = ip(address.netmask.as_ref()?)?;
    IpNet::with_netmask(own, mask).ok()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn this_machine_has_a_loopback_network() {
        let network = network_of(Ipv4Addr::LOCALHOST.into()).expect("a list");
        assert_eq!(
            network.map(|network| network.to_string()).as_deref(),
            Some("127.0.0.1/8")
        );
        let elsewhere = network_of(Ipv4Addr::new(192, 0, 2, 77).into()).expect("a list");
        assert_eq!(elsewhere, None);
        let links = links().expect("a list");
        let local = |link: &&Link| {
            link.networks
                .iter()
                .any(|n| n.addr() == Ipv4Addr::LOCALHOST)
        };
        assert_eq!(links.iter().filter(local).count(), 1);
    }
}
