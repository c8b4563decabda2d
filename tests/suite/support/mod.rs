//! What the tests share.
pub(crate) mod media_server;
