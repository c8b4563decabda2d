//! The integration tests: one binary, one module per subject.
mod config_files;
mod discovery;
mod media;
mod renderer;
mod support;
mod upnp_control;
mod upnp_events;
mod upnp_ssdp;
