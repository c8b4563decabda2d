//! Who may do what: peers by address, requests by the Host they name.
//! Not about callbacks; those are judged in `callback`.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

/// Who may control and subscribe unless the caller says otherwise: private, link-local and loopback addresses.
pub fn default_allow() -> Vec<IpNet> {
    const NETWORKS: [&str; 8] = [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "127.0.0.0/8",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    ];
    NETWORKS
        .iter()
        .filter_map(|network| network.parse().ok())
        .collect()
}

/// Whether `peer` is in one of the networks.
pub fn allowed(allow: &[IpNet], peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    allow.iter().any(|network| network.contains(&peer))
}

/// Whether a Host header can be meant for us. A web page that has its own name resolve to our address (DNS
/// rebinding) sends its own name; addresses, `localhost`, `*.local` and our own names cannot be bent that way.
pub(crate) fn host_is_ours(host: &str, own_names: &[String]) -> bool {
    let host = host.trim();
    if host.is_empty() {
        return true;
    }
    if let Some(bracketed) = host.strip_prefix('[') {
        let Some((address, port)) = bracketed.split_once(']') else {
            return false;
        };
        // Some senders leave a zone in: [fe80::1%eth0].
        let address = address.split('%').next().unwrap_or_default();
        return address.parse::<Ipv6Addr>().is_ok() && is_port(port);
    }
    if host.parse::<IpAddr>().is_ok() {
        return true;
    }
    let (name, port) = match host.find(':') {
        Some(colon) => host.split_at(colon),
        None => (host, ""),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    is_port(port)
        && (name.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".local")
            || own_names.iter().any(|own| own.eq_ignore_ascii_case(&name)))
}

fn is_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d08_hosts() {
        let own = ["music.home.arpa".to_owned()];
        for host in [
            "",
            "192.168.1.5",
            "192.168.1.5:49494",
            "[fe80::1%eth0]:49494",
            "[::1]",
            "localhost:80",
            "unisono.local",
            "Unisono.Local.:49494",
            "music.home.arpa:49494",
        ] {
            assert!(host_is_ours(host, &own), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:49494",
            "192.168.1.5.evil.example",
            "evil.example.local.example",
            "[fe80::1",
            "localhost:x",
            "local",
        ] {
            assert!(!host_is_ours(host, &own), "{host}");
        }
    }

    #[test]
    fn only_neighbours_are_allowed_by_default() {
        let allow = default_allow();
        for (peer, expected) in [
            ("192.168.7.1", true),
            ("::ffff:192.168.7.1", true),
            ("127.0.0.9", true),
            ("fe80::1", true),
            ("8.8.8.8", false),
            ("172.32.0.1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(
                allowed(&allow, peer.parse().expect("an address")),
                expected,
                "{peer}"
            );
        }
        assert_eq!(allow.len(), 8);
    }
}
