//! Asking and telling the network: which renderers are nearby, and by mDNS that we are here.
//! It returns plain data and knows nothing of zones. Being found as a renderer is `upnp`'s business (SSDP).

mod mdns;
mod renderers;
mod search;

use std::net::Ipv4Addr;

pub use mdns::{Advertisement, Advertiser};
pub use renderers::{Renderer, renderers};
pub use search::Search;

/// Why the network could not be asked or told.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// No search could be sent through a chosen interface.
    #[error("cannot search through {interface}: {cause}; is it an address of this machine?")]
    Search {
        /// The interface's address.
        interface: Ipv4Addr,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The system knows no way to the network.
    #[error("cannot search for renderers: {cause}; is this machine connected to a network?")]
    NoNetwork {
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// mDNS does not work here. Control points find renderers without it, so nothing else needs to stop.
    #[error("cannot announce the web address by mDNS: {cause}")]
    Mdns {
        /// What the mDNS daemon said.
        #[from]
        cause: mdns_sd::Error,
    },
}
