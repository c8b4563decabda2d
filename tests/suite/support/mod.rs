//! What the tests share.

pub(crate) mod dice;
pub(crate) mod ffmpeg;
pub mod house;
pub(crate) mod log;
pub(crate) mod media_server;
pub(crate) mod namespace;
pub(crate) mod program;
pub(crate) mod recording;
pub(crate) mod soap;
#[cfg(feature = "pulse")]
pub(crate) mod sound_server;
pub(crate) mod stack;
pub(crate) mod two_hosts;
pub(crate) mod upnp_device;
pub(crate) mod upnp_house;
pub(crate) mod upnp_rules;
pub(crate) mod upnp_wire;
