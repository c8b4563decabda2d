//! Values and sums: no threads, no I/O, no logging.
//!
//! A *frame* is one sample per channel; positions count frames, never samples or bytes.

mod block;
mod channel_map;
mod converter;
mod downmix;
mod drift;
mod format;
mod gain;
mod mix;
mod position_filter;
mod rate_matcher;
mod replay_gain;
mod sinc;
mod timeline;

pub use block::AudioBlock;
pub use channel_map::ChannelMap;
pub use converter::Converter;
pub use downmix::{Downmix, Speaker};
pub use drift::{DriftController, GLIDE_PPM, Glide, LARGEST_CORRECTION_PPM, WORK_OFF_SECONDS};
pub use format::StreamFormat;
pub use gain::{QUIETEST_DB, db_gain, nearest_volume, nearest_volume_db, volume_db, volume_gain};
pub use mix::{Mix, MixRamp};
pub use position_filter::{Heard, PositionFilter};
pub use rate_matcher::{LARGEST_BEND, LARGEST_OUTPUT, LOOK_AHEAD, RateMatcher};
pub use replay_gain::{Loudness, Measured, ReplayGain};
pub use timeline::Timeline;
