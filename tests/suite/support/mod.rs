//! What the tests share.

pub mod house;
