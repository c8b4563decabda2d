//! Where a subscriber may be written to: reading CALLBACK, and the rule against CallStranger (CVE-2020-12695).
//! Nothing here opens a connection, and no name is ever looked up.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use ipnet::IpNet;

use crate::upnp::network::is_near;

/// As many addresses per subscription as DLNA asks to keep, and the length of each (DLNA 7.3.2.24.4).
const MOST: usize = 6;
/// See [`MOST`].
const LONGEST: usize = 256;

/// An address to send events to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// Where to connect to.
    pub address: SocketAddr,
    /// The HOST header: the authority as the subscriber wrote it.
    pub host: String,
    /// The request target.
    pub path: String,
}

/// How a SUBSCRIBE came in.
#[derive(Debug, Clone, Copy)]
pub struct Arrival {
    /// Who sent it.
    pub peer: SocketAddr,
    /// Our own end of the connection.
    pub local: SocketAddr,
    /// The network of the interface that it came in on, if it could be found out.
    pub network: Option<IpNet>,
}

/// Takes `<http://…> <http://…>` apart. One address without brackets is taken too, as some send it.
pub fn split(header: &str) -> Vec<String> {
    let header = header.trim();
    if !header.contains('<') {
        return vec![header.to_owned()];
    }
    header
        .split('<')
        .skip(1)
        .filter_map(|part| part.split_once('>'))
        .map(|(url, _)| url.trim().to_owned())
        .take(MOST)
        .collect()
}

/// Those of the addresses that may be used, in order.
pub fn acceptable(urls: &[String], arrival: Arrival) -> Vec<Callback> {
    urls.iter()
        .filter_map(|url| parse(url, arrival.peer))
        .filter(|callback| permitted(callback.address, arrival))
        .collect()
}

/// An `http` address with a literal IP address; anything else is nothing.
fn parse(url: &str, peer: SocketAddr) -> Option<Callback> {
    let plain = url.len() <= LONGEST && url.bytes().all(|byte| byte.is_ascii_graphic());
    let (scheme, rest) = url.split_once("://").filter(|_| plain)?;
    if !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let (host, path) = match rest.find(['/', '?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let path = path.split('#').next().unwrap_or_default();
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    Some(Callback {
        address: authority(host, peer)?,
        host: host.to_owned(),
        path,
    })
}

fn authority(text: &str, peer: SocketAddr) -> Option<SocketAddr> {
    let port = |text: &str| match text {
        "" => Some(80),
        text => text
            .strip_prefix(':')?
            .parse()
            .ok()
            .filter(|&port| port > 0),
    };
    if let Some(bracketed) = text.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']')?;
        // The zone is the subscriber's name for its interface; ours is where it came in.
        let address: Ipv6Addr = address.split('%').next()?.parse().ok()?;
        let scope = match peer {
            SocketAddr::V6(peer) if address.is_unicast_link_local() => peer.scope_id(),
            _ => 0,
        };
        return Some(SocketAddrV6::new(address, port(rest)?, 0, scope).into());
    }
    let (address, rest) = match text.find(':') {
        Some(colon) => text.split_at(colon),
        None => (text, ""),
    };
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    Some((address, port(rest)?).into())
}

/// Events go to the subscriber itself, or to a neighbour of it on the link that it came in on; never back to us, never to many at once,
/// and to loopback only for subscribers on this machine.
fn permitted(callback: SocketAddr, arrival: Arrival) -> bool {
    let address = callback.ip().to_canonical();
    let peer = arrival.peer.ip().to_canonical();
    let local = arrival.local.ip().to_canonical();
    if address == local && callback.port() == arrival.local.port() {
        return false;
    }
    if address.is_unspecified() || address.is_multicast() || is_broadcast(address, arrival.network)
    {
        return false;
    }
    if address.is_loopback() {
        return peer.is_loopback();
    }
    let same_link = arrival
        .network
        .is_some_and(|network| network.contains(&address));
    address == peer || (same_link && is_near(address))
}

fn is_broadcast(address: IpAddr, network: Option<IpNet>) -> bool {
    match (address, network) {
        (IpAddr::V4(address), _) if address.is_broadcast() => true,
        (IpAddr::V4(address), Some(IpNet::V4(network))) => {
            network.prefix_len() < 31
                && (address == network.broadcast() || address == network.network())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(peer: &str, local: &str, network: &str) -> Arrival {
        Arrival {
            peer: peer.parse().expect("an address"),
            local: local.parse().expect("an address"),
            network: network.parse().ok(),
        }
    }

    /// The hosts of those that remain, from a subscriber at 192.168.1.20.
    fn check(header: &str, expected: &[&str]) {
        let arrival = arrival("192.168.1.20:5000", "192.168.1.10:49494", "192.168.1.10/24");
        let hosts: Vec<_> = acceptable(&split(header), arrival)
            .into_iter()
            .map(|callback| format!("{}{}", callback.address, callback.path))
            .collect();
        assert_eq!(hosts, expected, "{header}");
    }

    #[test]
    fn g07_g08_g09_only_the_subscribers_own_link() {
        check("<http://192.168.1.20:80/a>", &["192.168.1.20:80/a"]);
        check("<http://192.168.1.77?x=1>", &["192.168.1.77:80/?x=1"]);
        check("http://192.168.1.20", &["192.168.1.20:80/"]);
        check("<http://198.51.100.7/>", &[]);
        check("<http://192.168.2.20/>", &[]);
        check("<http://phone.local/>", &[]);
        check("<https://192.168.1.20/>", &[]);
        check("<ftp://192.168.1.20/>", &[]);
        check("<http://127.0.0.1/>", &[]);
        check("<http://192.168.1.10:49494/x>", &[]);
        check("<http://192.168.1.10:5000/x>", &["192.168.1.10:5000/x"]);
        check("<http://192.168.1.255/>", &[]);
        check("<http://239.255.255.250:1900/>", &[]);
        check("<http://0.0.0.0/>", &[]);
        check("<http://192.168.1.20:0/>", &[]);
        check("<http://user@192.168.1.20/>", &[]);
        check("<http://192.168.1.20/\r\nX: y>", &[]);
        check("", &[]);
        check("<>", &[]);
    }

    #[test]
    fn g10_bad_ones_are_dropped_and_six_kept() {
        check(
            "<http://198.51.100.7/> <http://192.168.1.20/>",
            &["192.168.1.20:80/"],
        );
        let many = "<http://192.168.1.20/>".repeat(9);
        check(&many, &["192.168.1.20:80/"; 6]);
    }

    #[test]
    fn a_subscriber_on_this_machine_may_use_loopback() {
        let urls = split("<http://127.0.0.1:9/>");
        let here = arrival("127.0.0.2:5000", "127.0.0.1:80", "127.0.0.1/8");
        assert_eq!(acceptable(&urls, here).len(), 1);
    }

    #[test]
    fn g21_link_local_keeps_our_zone() {
        let urls = split("<http://[fe80::2%25wlan0]:49200/e>");
        let arrival = arrival("[fe80::2%3]:5000", "[fe80::1%3]:80", "fe80::1/64");
        let callbacks = acceptable(&urls, arrival);
        assert_eq!(
            callbacks.first().map(|c| c.address.to_string()).as_deref(),
            Some("[fe80::2%3]:49200")
        );
    }
}
