//! What whoever serves devices decides: who may do what, how much and how often.
//! Nothing here is enforced; `guard`, `pace`, `listener` and `gena` do that.

use ipnet::IpNet;
use tokio::sync::watch;

use super::listener::Limits;
use super::pace::Rate;
use crate::upnp::gena::notify::Patience;
use crate::upnp::gena::subscriptions;
use crate::upnp::network;

/// What the caller decides.
#[derive(Debug, Clone)]
pub struct Options {
    /// The SERVER header: see [`server_token`](crate::upnp::device::server_token).
    pub server: String,
    /// Who may send anything but GET and HEAD: control, subscribe, change.
    pub allow: Vec<IpNet>,
    /// The machine's interfaces as they come and go, so that subscriptions end with the address they came in on. `None`: they stay as they are.
    pub links: Option<watch::Receiver<Vec<network::Link>>>,
    /// Names of this host that requests may name besides addresses, `localhost` and `*.local`.
    pub own_names: Vec<String>,
    /// What connections may cost.
    pub connections: Limits,
    /// How often one peer may ask for anything. Programs on this machine are not slowed down.
    pub requests: Rate,
    /// How often one peer may change something: actions without an answer, subscriptions.
    pub commands: Rate,
    /// How many subscriptions there may be.
    pub subscriptions: subscriptions::Limits,
    /// As many events are on their way at once, of all services together; each is a connection.
    pub deliveries: usize,
    /// How patient the delivery of events is.
    pub patience: Patience,
}

impl Options {
    /// The defaults, with this SERVER header.
    ///
    /// Rates are far above what apps do. One that shows a renderer asks some five things a second, AirConnect twice that, and finding
    /// eight zones costs some 20 requests each, at once: 20000 a second is what keeps a core busy, so that no peer has more than that.
    /// Commands cost more: they start fetching and have everybody told. A slider sends no more of them than a screen shows pictures, 120 a
    /// second for as long as a finger is on it, and a scene for a house of eight zones some 50 at once.
    ///
    /// Connections and deliveries together stay well below 1024, the number of open files that systems allow without being asked.
    pub fn new(server: String) -> Self {
        Self {
            server,
            allow: network::default_allow(),
            links: None,
            own_names: Vec::new(),
            connections: Limits::default(),
            requests: Rate {
                per_second: 20_000,
                burst: 20_000,
            },
            commands: Rate {
                per_second: 200,
                burst: 1000,
            },
            subscriptions: subscriptions::Limits::default(),
            deliveries: 256,
            patience: Patience::default(),
        }
    }
}
