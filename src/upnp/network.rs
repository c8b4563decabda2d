//! The machine's interfaces as SSDP needs them, and which addresses count as near.
//! Not a watcher: it lists what is there at the moment of asking.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;

/// An interface to be found on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name in the system: `wlan0`.
    pub name: String,
    /// Its first IPv4 address, with the prefix of its network.
    pub network: Ipv4Net,
}

impl Interface {
    /// Our own address on it.
    pub fn address(&self) -> Ipv4Addr {
        self.network.addr()
    }
}

/// Names of interfaces that lead to containers and virtual machines of this host, where nobody casts from.
const VIRTUAL: &[&str] = &[
    "br-", "cni", "docker", "flannel", "lxcbr", "lxdbr", "podman", "vboxnet", "virbr", "vmnet",
];

/// The interfaces to be found on: those `wanted`, by name or by IPv4 address, in whatever state they are if they
/// have IPv4; or, with `None`, all that are up, have IPv4 and multicast, except loopback, point-to-point ones and those of containers.
///
/// A wanted one that is not there is no error: the caller sees that it is missing.
pub fn interfaces(wanted: Option<&[String]>) -> io::Result<Vec<Interface>> {
    Ok(select(getifaddrs()?.filter_map(|a| link(&a)), wanted))
}

/// The network that `local`, an address of this machine, is in.
pub(crate) fn network_of(local: IpAddr) -> io::Result<Option<IpNet>> {
    let local = local.to_canonical();
    Ok(getifaddrs()?.find_map(|address| {
        let network = network(&address)?;
        (network.addr() == local).then_some(network)
    }))
}

/// Whether an address can only be a neighbour's: private, link-local or loopback.
pub(crate) fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

/// One IPv4 address of an interface, with what decides whether it is used.
#[derive(Debug, Clone)]
struct Link {
    interface: Interface,
    flags: InterfaceFlags,
}

fn link(address: &InterfaceAddress) -> Option<Link> {
    let IpNet::V4(network) = network(address)? else {
        return None;
    };
    Some(Link {
        interface: Interface {
            name: address.interface_name.clone(),
            network,
        },
        flags: address.flags,
    })
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

fn select(links: impl Iterator<Item = Link>, wanted: Option<&[String]>) -> Vec<Interface> {
    let mut chosen: Vec<Interface> = Vec::new();
    for Link { interface, flags } in links {
        let usable = match wanted {
            Some(wanted) => wanted.iter().any(|wanted| {
                *wanted == interface.name || *wanted == interface.address().to_string()
            }),
            None => {
                flags.contains(InterfaceFlags::IFF_UP | InterfaceFlags::IFF_MULTICAST)
                    && !flags
                        .intersects(InterfaceFlags::IFF_LOOPBACK | InterfaceFlags::IFF_POINTOPOINT)
                    && !VIRTUAL
                        .iter()
                        .any(|prefix| interface.name.starts_with(prefix))
            }
        };
        // One address per interface: a device with two LOCATIONs on one link would be seen twice.
        if usable && !chosen.iter().any(|other| other.name == interface.name) {
            chosen.push(interface);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, network: &str, flags: InterfaceFlags) -> Link {
        let network = network.parse().expect("a network");
        let name = name.to_owned();
        Link {
            interface: Interface { name, network },
            flags,
        }
    }

    fn machine() -> Vec<Link> {
        let lan = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_MULTICAST;
        let p2p = lan | InterfaceFlags::IFF_POINTOPOINT;
        vec![
            link(
                "lo",
                "127.0.0.1/8",
                InterfaceFlags::IFF_UP | InterfaceFlags::IFF_LOOPBACK,
            ),
            link("wlan0", "192.168.1.5/24", lan),
            link("wlan0", "192.168.1.6/24", lan),
            link("eth1", "10.0.0.1/8", InterfaceFlags::IFF_MULTICAST),
            link("dummy0", "10.9.0.1/24", InterfaceFlags::IFF_UP),
            link("docker0", "172.17.0.1/16", lan),
            link("br-0a1b2c3d4e5f", "172.18.0.1/16", lan),
            link("tun0", "10.8.0.2/24", p2p),
            link("v-box", "10.77.0.1/24", lan),
        ]
    }

    fn names(wanted: Option<&[&str]>) -> Vec<String> {
        let wanted: Option<Vec<String>> =
            wanted.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        select(machine().into_iter(), wanted.as_deref())
            .into_iter()
            .map(|interface| format!("{} {}", interface.name, interface.address()))
            .collect()
    }

    #[test]
    fn by_default_the_ones_people_cast_from() {
        assert_eq!(names(None), ["wlan0 192.168.1.5", "v-box 10.77.0.1"]);
    }

    #[test]
    fn named_ones_whatever_they_are_and_nothing_for_a_missing_one() {
        assert_eq!(
            names(Some(&["lo", "10.8.0.2", "wlan7"])),
            ["lo 127.0.0.1", "tun0 10.8.0.2"]
        );
    }

    #[test]
    fn this_machine_has_a_loopback_network() {
        let network = network_of(Ipv4Addr::LOCALHOST.into()).expect("a list");
        assert_eq!(
            network.map(|network| network.to_string()).as_deref(),
            Some("127.0.0.1/8")
        );
        let elsewhere = network_of(Ipv4Addr::new(192, 0, 2, 77).into()).expect("a list");
        assert_eq!(elsewhere, None);
    }
}
