//! The integration tests: one binary, one module per subject.
#![expect(
    unreachable_pub,
    reason = "helpers are shared between the modules of this binary only"
)]
mod api;
mod architecture;
#[cfg(all(feature = "bluetooth", target_os = "linux"))]
mod bluetooth;
mod clients;
mod config_files;
mod discovery;
mod flows;
mod fuzzing;
mod live;
mod media;
mod pipes;
mod playback;
mod program;
#[cfg(feature = "pulse")]
mod pulse;
mod quality;
mod renderer;
mod same_frame;
mod senders;
mod settings;
mod support;
mod sync;
mod upnp;
mod zones;
