//! Where we are: the machine's interfaces, now and as they change, and whose addresses are near (UDA step 0, addressing).
//! Nothing here is said or heard on a network, and nothing knows of UPnP.

mod interface; // which interfaces to be found on, and what has changed: pure
mod peers; // whose address may do what: pure
mod system; // the machine's interfaces, listed and followed

#[cfg(test)]
pub(in crate::upnp) use interface::tests;
pub use interface::{
    Absence, Change, Choice, Interface, Link, absent, choose, is_only_loopback, lost_addresses,
};
pub(crate) use peers::is_near;
pub use peers::{allowed, default_allow};
pub(crate) use system::network_of;
pub use system::{follow, links};
