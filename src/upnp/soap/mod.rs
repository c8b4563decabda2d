//! SOAP: how devices are commanded (UDA step 3, control). A body becomes a call that its service's table knows, and back.
//! Nothing here sends, receives or waits, and no action is carried out; that is `http::control`.

mod envelope; // envelope ↔ call, answer, fault
mod mend; // requests that are not well-formed, made so
pub(crate) mod values; // a call's inputs, checked against the table

pub use envelope::{Call, Malformed, answer, answer_type, fault, read, soap_action};
