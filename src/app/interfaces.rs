//! Where the program is found on this machine's interfaces, and what the log says of them as they come and go.
//! Which are chosen is decided in `upnp::network`; the announcements are `announcing`'s.

use std::net::Ipv4Addr;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::NetworkPlan;
use crate::spelling::hint;
use crate::upnp::network::{
    Absence, Change, Choice, Interface, Link, absent, choose, is_only_loopback,
};

/// The interfaces as they are at any moment, and which of them we are found on.
#[derive(Debug, Clone)]
pub(super) struct Whereabouts {
    /// Which interfaces to be found on.
    pub(super) choice: Choice,
    /// All there are.
    pub(super) links: watch::Receiver<Vec<Link>>,
}

impl Whereabouts {
    pub(super) fn new(plan: &NetworkPlan, links: watch::Receiver<Vec<Link>>) -> Self {
        let choice = Choice {
            only: plan.interfaces.clone(),
            ignore: plan.ignore_interfaces.clone(),
        };
        Self { choice, links }
    }

    /// The interfaces we are found on at this moment.
    pub(super) fn interfaces(&self) -> Vec<Interface> {
        choose(&self.links.borrow(), &self.choice)
    }

    /// Whether nobody but this machine is to find us.
    pub(super) fn only_loopback(&self) -> bool {
        is_only_loopback(&self.links.borrow(), &self.choice)
    }

    /// What to say of interfaces that the config names and that cannot be served now.
    pub(super) fn notes(&self) -> Vec<String> {
        notes(&self.links.borrow(), &self.choice)
    }
}

fn notes(links: &[Link], choice: &Choice) -> Vec<String> {
    let names = links.iter().map(|link| link.name.as_str());
    absent(links, choice)
        .into_iter()
        .map(|(word, why)| {
            let what = match why {
                Absence::Unknown if word.parse::<Ipv4Addr>().is_ok() => {
                    format!("no interface has the address {word}")
                }
                Absence::Unknown => {
                    let hint = hint(word, names.clone());
                    format!("this machine has no interface {word:?} ({hint})")
                }
                Absence::NoAddress => format!("{word:?} has no IPv4 address yet"),
                Absence::Down => format!("{word:?} is down, or nothing is at its other end"),
            };
            format!("[network] interfaces: {what}; it is used as soon as it is there")
        })
        .collect()
}

/// `on wlan0: http://192.168.1.5:49494/`
pub(super) fn line(interface: &Interface, port: u16) -> String {
    let (name, address) = (&interface.name, interface.address());
    format!("on {name}: http://{address}:{port}/")
}

/// Says in the log which interfaces come and go, until `stop`. Those of `known` have been said.
pub(super) async fn tell(
    mut whereabouts: Whereabouts,
    mut known: Vec<Interface>,
    port: u16,
    stop: CancellationToken,
) {
    while let Some(Ok(())) = stop.run_until_cancelled(whereabouts.links.changed()).await {
        let now = choose(&whereabouts.links.borrow_and_update(), &whereabouts.choice);
        let change = Change::between(&known, &now);
        for gone in &change.gone {
            tracing::info!("no longer {}", line(gone, port));
        }
        for come in &change.come {
            tracing::info!("{}", line(come, port));
        }
        if now.is_empty() && !known.is_empty() {
            tracing::warn!("no network is left: nobody can find this renderer until there is one");
        }
        known = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_with_what_may_have_been_meant() {
        let link = |name: &str| Link {
            name: name.to_owned(),
            ..Link::default()
        };
        let links = [link("wlan0"), link("enp3s0")];
        let words = ["wlan0", "wlna0", "10.1.2.3"].map(str::to_owned);
        let choice = Choice {
            only: words.to_vec(),
            ignore: Vec::new(),
        };
        let said = notes(&links, &choice);
        assert_eq!(said.len(), 3);
        for (said, expected) in said.iter().zip([
            "\"wlan0\" has no IPv4 address yet",
            "no interface \"wlna0\" (did you mean \"wlan0\"?)",
            "no interface has the address 10.1.2.3",
        ]) {
            assert!(said.contains(expected), "{said}");
        }
    }
}
