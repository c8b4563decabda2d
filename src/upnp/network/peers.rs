//! Whose address may do what: who is a neighbour, and whom a list of networks allows.
//! Not which requests need it; `http` and `ssdp` decide that.

use std::net::IpAddr;

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

/// Whether an address can only be a neighbour's: private, link-local or loopback.
pub(crate) fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
