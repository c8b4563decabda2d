//! Values and sums: no threads, no I/O, no logging.
//!
//! A *frame* is one sample per channel; positions count frames, never samples or bytes.

mod channel_map;
mod format;

pub use channel_map::ChannelMap;
pub use format::StreamFormat;
