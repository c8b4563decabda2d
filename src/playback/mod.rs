//! The audio plane: what zones play, and the threads that carry it.
//!
//! | thread | number | may | must not |
//! |---|---|---|---|
//! | `lane-…` | 1 per output | allocate, write to a sink with a time limit | wait for another lane or the feeder |
//! | `feed-…` | 1 per zone | allocate, convert, log | wait for a source or a lane |
//!
//! [`Outputs`] owns the lanes; a zone's [`Engine`] holds ways to some of them. The zone that began last has the lane.

mod feeder;
mod input;
mod lane;
mod report;
mod settings;
mod spec;
mod threads;
mod written;

pub use feeder::{EngineCommand, EngineEvent, Feeder, TrackId, WakeAt};
pub use lane::{Claim, Gain, Lane, LaneEnd, LaneHandle, SideGain, Wake};
pub use report::{LaneReport, LaneState};
pub use settings::{FULL_VOLUME, LARGEST_SPREAD_MS, LATE_MS, OutputSettings, TRIM_DB};
pub use spec::{Learnt, OutputSpec};
pub use threads::{Engine, Outputs};
