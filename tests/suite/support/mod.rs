//! What the tests share.

pub mod house;
pub(crate) mod namespace;
