//! What the tests share.
//! Not tests themselves.

pub(crate) mod upnp_device;
pub(crate) mod upnp_house;
pub(crate) mod upnp_wire;
