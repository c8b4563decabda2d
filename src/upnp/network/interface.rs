//! Which of the machine's interfaces we are found on, which of those asked for are not to be had, and what has changed: from plain lists.
//! Nothing here asks the system; that is `system`.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use nix::net::if_::InterfaceFlags;

/// An interface of the machine, as the system describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name: `wlan0`.
    pub name: String,
    /// Its number. A link that is made anew has another, even under the same name.
    pub index: u32,
    /// What it can do, and whether it is up and has a carrier.
    pub flags: InterfaceFlags,
    /// Its IPv4 addresses with the prefixes of their networks, in the system's order.
    pub networks: Vec<Ipv4Net>,
}

impl Default for Link {
    /// One without a name, that is down.
    fn default() -> Self {
        Self {
            name: String::new(),
            index: 0,
            flags: InterfaceFlags::empty(),
            networks: Vec::new(),
        }
    }
}

/// An interface to be found on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name in the system: `wlan0`.
    pub name: String,
    /// Its number in the system.
    pub index: u32,
    /// Its first IPv4 address, with the prefix of its network.
    pub network: Ipv4Net,
}

impl Interface {
    /// Our own address on it.
    pub fn address(&self) -> Ipv4Addr {
        self.network.addr()
    }
}

/// Which interfaces to be found on. Both lists hold names or IPv4 addresses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice {
    /// These alone, whatever they are. Empty: all on which people cast.
    pub only: Vec<String>,
    /// These never.
    pub ignore: Vec<String>,
}

/// Names that interfaces of containers, virtual machines and VPNs begin with; nobody casts from there. Those of a VPN that say
/// themselves that they lead to one other host (`tun0`, `wg0`, `tailscale0`, `ppp0`) would be left out without it.
#[rustfmt::skip] // by kind, not by length
const VIRTUAL: &[&str] = &[
    // Containers: Docker, Podman, Kubernetes and its networks, LXC, LXD, Incus, Home Assistant's own.
    "cali", "cilium", "cni", "docker", "flannel", "hassio", "incusbr", "kube", "lxc", "lxdbr", "podman", "weave",
    // Virtual machines: libvirt, VirtualBox, VMware.
    "vboxnet", "virbr", "vmnet", "vnet",
    // VPNs and tunnels; ZeroTier, Hamachi and OpenVPN's tap look like Ethernet.
    "gre", "ham", "ipsec", "nordlynx", "ppp", "sit", "tailscale", "tap", "tun", "utun", "vpn", "wg", "zt",
];
/// Docker's other networks are `br-` and this many digits of their number; OpenWrt's `br-lan` is where people are.
const DOCKER_DIGITS: usize = 12;
/// The host's ends of containers' cables are `veth` and at least so many letters and digits of chance; `veth0` somebody has made by hand.
const VETH_LETTERS: usize = 6;

/// The interfaces to be found on: of those that are up and have IPv4 and a carrier, the ones that `choice` names; or, if it names none, all that
/// multicast, except loopback, point-to-point ones and those of containers, virtual machines and VPNs. What it ignores is never among them.
pub fn choose(links: &[Link], choice: &Choice) -> Vec<Interface> {
    links
        .iter()
        .filter_map(|link| {
            let up = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING;
            let by_default = choice.only.is_empty() && is_for_casting(link);
            let network = best(link.networks.iter().filter(|network| {
                let named = |list: &[String]| {
                    let address = network.addr().to_string();
                    list.iter()
                        .any(|word| *word == link.name || *word == address)
                };
                (by_default || named(&choice.only)) && !named(&choice.ignore)
            }))?;
            link.flags.contains(up).then(|| Interface {
                name: link.name.clone(),
                index: link.index,
                network,
            })
        })
        .collect()
}

/// One address per interface: a device with two LOCATIONs on one link would be seen twice. The first that others can route to, since control
/// points take no link-local one; the first of all, if there is no other.
fn best<'a>(mut networks: impl Iterator<Item = &'a Ipv4Net> + Clone) -> Option<Ipv4Net> {
    let mut routable = networks
        .clone()
        .filter(|network| !network.addr().is_link_local());
    routable.next().or_else(|| networks.next()).copied()
}

fn is_for_casting(link: &Link) -> bool {
    link.flags.contains(InterfaceFlags::IFF_MULTICAST)
        && !link
            .flags
            .intersects(InterfaceFlags::IFF_LOOPBACK | InterfaceFlags::IFF_POINTOPOINT)
        && !is_virtual(&link.name)
}

fn is_virtual(name: &str) -> bool {
    let network = name.strip_prefix("br-").is_some_and(|number| {
        number.len() == DOCKER_DIGITS && number.bytes().all(|digit| digit.is_ascii_hexdigit())
    });
    let cable = name.strip_prefix("veth").is_some_and(|chance| {
        chance.len() >= VETH_LETTERS && chance.bytes().all(|letter| letter.is_ascii_alphanumeric())
    });
    network || cable || VIRTUAL.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether `choice` names loopback and nothing else, so that nobody but this machine is to find us, whatever interfaces come.
pub fn is_only_loopback(links: &[Link], choice: &Choice) -> bool {
    let mut only = choice.only.iter();
    !choice.only.is_empty()
        && only.all(|word| match word.parse::<Ipv4Addr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => links.iter().any(|link| {
                link.name == *word && link.flags.contains(InterfaceFlags::IFF_LOOPBACK)
            }),
        })
}

/// Why an interface that was asked for is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The machine has none of that name, or no such address.
    Unknown,
    /// It is down, or nothing is at the other end.
    Down,
    /// It has no IPv4 address.
    NoAddress,
}

/// Those that `choice` names and that cannot be served now, in its order, with the reason.
pub fn absent<'a>(links: &[Link], choice: &'a Choice) -> Vec<(&'a str, Absence)> {
    let served = choose(links, choice);
    let missing = choice.only.iter().filter(|word| {
        !served
            .iter()
            .any(|one| one.name == **word || one.address().to_string() == **word)
    });
    missing
        .map(|word| {
            let link = links.iter().find(|link| {
                let has = |network: &Ipv4Net| network.addr().to_string() == *word;
                link.name == *word || link.networks.iter().any(has)
            });
            let why = match link {
                None => Absence::Unknown,
                Some(link) if link.networks.is_empty() => Absence::NoAddress,
                Some(_) => Absence::Down,
            };
            (word.as_str(), why)
        })
        .collect()
}

/// What is different between two lists of interfaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Served before and not as it was any more. One that has another address or number now is here, and in `come` as it is.
    pub gone: Vec<Interface>,
    /// Served now and not before.
    pub come: Vec<Interface>,
}

impl Change {
    /// What has changed from `before` to `after`.
    pub fn between(before: &[Interface], after: &[Interface]) -> Self {
        let without = |all: &[Interface], those: &[Interface]| -> Vec<Interface> {
            let rest = all.iter().filter(|one| !those.contains(one));
            rest.cloned().collect()
        };
        Self {
            gone: without(before, after),
            come: without(after, before),
        }
    }

    /// Whether nothing has.
    pub fn is_none(&self) -> bool {
        self.gone.is_empty() && self.come.is_empty()
    }
}

/// The addresses that the machine had `before` and has no more.
pub fn lost_addresses(before: &[Link], after: &[Link]) -> Vec<Ipv4Addr> {
    let has = |links: &[Link], address: Ipv4Addr| {
        let mut networks = links.iter().flat_map(|link| &link.networks);
        networks.any(|network| network.addr() == address)
    };
    let before = before.iter().flat_map(|link| &link.networks);
    before
        .map(Ipv4Net::addr)
        .filter(|&address| !has(after, address))
        .collect()
}

#[cfg(test)]
pub(in crate::upnp) mod tests {
    use super::*;

    const LAN: InterfaceFlags = InterfaceFlags::IFF_UP
        .union(InterfaceFlags::IFF_RUNNING)
        .union(InterfaceFlags::IFF_MULTICAST);

    fn link(index: u32, name: &str, flags: InterfaceFlags, networks: &[&str]) -> Link {
        let networks = networks
            .iter()
            .map(|network| network.parse().expect("a network"));
        Link {
            name: name.to_owned(),
            index,
            flags,
            networks: networks.collect(),
        }
    }

    pub(in crate::upnp) fn interface(index: u32, name: &str, network: &str) -> Interface {
        Interface {
            name: name.to_owned(),
            index,
            network: network.parse().expect("a network"),
        }
    }

    fn machine() -> Vec<Link> {
        let up = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_RUNNING;
        let p2p = LAN | InterfaceFlags::IFF_POINTOPOINT;
        let lan = [
            ("wlan0", &["192.168.1.5/24", "192.168.1.6/24"][..]),
            ("enp3s0", &["169.254.7.7/16", "192.168.2.5/24"]),
            ("usb0", &["169.254.8.8/16"]),
            ("br-lan", &["192.168.3.1/24"]),
            ("veth0", &["10.77.0.1/24"]),
            ("eth7", &[]),
            ("docker0", &["172.17.0.1/16"]),
            ("docker_gwbridge", &["172.19.0.1/16"]),
            ("br-0a1b2c3d4e5f", &["172.18.0.1/16"]),
            ("veth12ab34c", &["169.254.1.1/16"]),
            ("hassio", &["172.30.32.1/23"]),
            ("cni-podman0", &["10.88.0.1/16"]),
            ("virbr0", &["192.168.122.1/24"]),
            ("ztabcdefgh", &["10.147.17.5/24"]),
            ("tap0", &["10.8.1.2/24"]),
        ];
        let lan = lan.map(|(name, networks)| (name, LAN, networks));
        let other = [
            (
                "lo",
                up | InterfaceFlags::IFF_LOOPBACK,
                &["127.0.0.1/8"][..],
            ),
            ("eth1", InterfaceFlags::IFF_MULTICAST, &["10.0.0.1/8"]),
            ("eth2", LAN - InterfaceFlags::IFF_RUNNING, &["10.4.0.1/8"]),
            ("dummy0", up, &["10.9.0.1/24"]),
            ("tun0", p2p, &["10.8.0.2/24"]),
            ("wwan0", p2p, &["100.70.1.2/30"]),
        ];
        (1..)
            .zip(other.into_iter().chain(lan))
            .map(|(index, (name, flags, networks))| link(index, name, flags, networks))
            .collect()
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn chosen(only: &[&str], ignore: &[&str]) -> Vec<String> {
        let (only, ignore) = (words(only), words(ignore));
        choose(&machine(), &Choice { only, ignore })
            .into_iter()
            .map(|interface| format!("{} {}", interface.name, interface.address()))
            .collect()
    }

    #[test]
    fn by_default_the_ones_people_cast_from() {
        let all = [
            "wlan0 192.168.1.5",
            "enp3s0 192.168.2.5",
            "usb0 169.254.8.8",
            "br-lan 192.168.3.1",
            "veth0 10.77.0.1",
        ];
        assert_eq!(chosen(&[], &[]), all);
        let some = chosen(&[], &["usb0", "192.168.1.5", "veth0", "nobody"]);
        assert_eq!(some, ["wlan0 192.168.1.6", all[1], all[3]]);
    }

    #[test]
    fn named_ones_whatever_they_are_and_nothing_for_a_missing_one() {
        assert_eq!(
            chosen(
                &["lo", "10.8.0.2", "docker0", "192.168.1.6", "wlan7", "eth1"],
                &[]
            ),
            [
                "lo 127.0.0.1",
                "tun0 10.8.0.2",
                "wlan0 192.168.1.6",
                "docker0 172.17.0.1"
            ]
        );
    }

    #[test]
    fn what_is_missing_is_told_with_its_reason() {
        let only = words(&["wlan0", "wlan7", "10.1.2.3", "eth7", "eth1", "10.4.0.1"]);
        let ignore = Vec::new();
        assert_eq!(
            absent(&machine(), &Choice { only, ignore }),
            [
                ("wlan7", Absence::Unknown),
                ("10.1.2.3", Absence::Unknown),
                ("eth7", Absence::NoAddress),
                ("eth1", Absence::Down),
                ("10.4.0.1", Absence::Down),
            ]
        );
        assert_eq!(absent(&machine(), &Choice::default()), []);
    }

    #[test]
    fn loopback_alone_is_for_this_machine_alone() {
        let check = |only: &[&str], expected: bool| {
            let choice = Choice {
                only: words(only),
                ignore: Vec::new(),
            };
            assert_eq!(is_only_loopback(&machine(), &choice), expected, "{only:?}");
        };
        check(&["lo"], true);
        check(&["lo", "127.0.0.1"], true);
        check(&["lo", "wlan0"], false);
        check(&["lo", "wlan7"], false);
        check(&["10.1.2.3"], false);
        check(&[], false);
    }

    #[test]
    fn s21_another_address_or_number_is_another_interface() {
        let wlan = interface(2, "wlan0", "10.0.0.5/24");
        let moved = interface(2, "wlan0", "10.0.0.6/24");
        let remade = interface(7, "wlan0", "10.0.0.5/24");
        let eth = interface(3, "eth0", "10.1.0.5/24");
        let between = |before: &[&Interface], after: &[&Interface]| {
            let owned = |list: &[&Interface]| list.iter().copied().cloned().collect::<Vec<_>>();
            let change = Change::between(&owned(before), &owned(after));
            assert_eq!(change.is_none(), before == after);
            (change.gone, change.come)
        };
        assert_eq!(between(&[&wlan, &eth], &[&wlan, &eth]), (vec![], vec![]));
        for other in [moved, remade] {
            let (gone, come) = between(&[&wlan, &eth], &[&other, &eth]);
            assert_eq!((gone, come), (vec![wlan.clone()], vec![other]));
        }
        assert_eq!(between(&[&wlan], &[]), (vec![wlan.clone()], vec![]));
        assert_eq!(between(&[], &[&wlan]), (vec![], vec![wlan.clone()]));
    }

    #[test]
    fn an_address_is_lost_when_no_interface_has_it_any_more() {
        let before = [
            link(1, "eth0", LAN, &["10.0.0.5/24", "10.0.0.6/24"]),
            link(2, "wlan0", LAN, &["10.0.1.5/24"]),
        ];
        let after = [link(2, "wlan0", LAN, &["10.0.0.6/24", "10.0.1.9/24"])];
        let lost = lost_addresses(&before, &after);
        assert_eq!(
            lost,
            [Ipv4Addr::new(10, 0, 0, 5), Ipv4Addr::new(10, 0, 1, 5)]
        );
        assert_eq!(lost_addresses(&after, &after), [] as [Ipv4Addr; 0]);
    }
}
