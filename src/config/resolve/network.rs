//! How to be found and reached, and by whom. Whether the interfaces exist is not looked at; they may come later.

use std::net::IpAddr;

use ipnet::IpNet;
use toml::Spanned;

use super::values::whole;
use crate::config::plan::{DEFAULT_PORT, NetworkPlan};
use crate::config::problem::Problems;
use crate::config::raw::{RawNetwork, Written};

pub(super) fn network(raw: RawNetwork, problems: &mut Problems<'_>) -> NetworkPlan {
    let port = whole(
        &raw.port,
        "port",
        0..=i64::from(u16::MAX),
        DEFAULT_PORT,
        problems,
    );
    if let Some(written) = raw
        .interfaces
        .as_ref()
        .filter(|list| list.as_ref().is_empty())
    {
        problems.report(
            &written.span(),
            "interfaces = []: name at least one, or leave the key out to appear on all",
        );
    }
    let interfaces = interfaces("interfaces", raw.interfaces, &[], problems);
    let ignored = raw.ignore_interfaces;
    NetworkPlan {
        ignore_interfaces: self::interfaces("ignore_interfaces", ignored, &interfaces, problems),
        interfaces,
        allow: networks(raw.allow, problems),
        port,
    }
}

/// Names or addresses of interfaces, none of them twice and none that is in `elsewhere`.
fn interfaces(
    key: &str,
    written: Written<Vec<Spanned<String>>>,
    elsewhere: &[String],
    problems: &mut Problems<'_>,
) -> Vec<String> {
    let mut interfaces: Vec<String> = Vec::new();
    let Some(written) = written else {
        return interfaces;
    };
    for interface in written.into_inner() {
        let at = interface.span();
        let name = interface.into_inner();
        if name.trim().is_empty() {
            problems.report(
                &at,
                format!("{key}: an interface has a name, as `ip link` lists it"),
            );
        } else if interfaces.contains(&name) {
            problems.report(&at, format!("{key}: {name:?} is named twice"));
        } else if elsewhere.contains(&name) {
            problems.report(
                &at,
                format!("{key}: {name:?} is among `interfaces` too; take it out of one of them"),
            );
        } else {
            interfaces.push(name);
        }
    }
    interfaces
}

/// Networks in CIDR, or single addresses.
fn networks(written: Written<Vec<Spanned<String>>>, problems: &mut Problems<'_>) -> Vec<IpNet> {
    let mut networks = Vec::new();
    let Some(written) = written else {
        return networks;
    };
    if written.as_ref().is_empty() {
        problems.report(
            &written.span(),
            "allow = []: nobody could control anything; name at least one network, or leave the key out to allow private, link-local and loopback addresses",
        );
    }
    for network in written.into_inner() {
        let text = network.as_ref().trim();
        let parsed = text.parse().or_else(|_| text.parse().map(single));
        match parsed {
            Ok(network) => networks.push(network),
            Err(_) => problems.report(
                &network.span(),
                format!(
                    "allow: {:?} is no network; write one as \"192.168.1.0/24\", or an address as \"192.168.1.20\"",
                    network.as_ref()
                ),
            ),
        }
    }
    networks
}

/// The network of this address alone.
fn single(address: IpAddr) -> IpNet {
    address.into()
}
