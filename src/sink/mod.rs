//! Where frames leave the program.

mod spec;

pub use spec::{DeviceSpec, PulseSpec, SimulatedSpec, SinkSpec, WavSpec};
