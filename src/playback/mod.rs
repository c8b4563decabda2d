//! The audio plane: what a zone plays, and the threads that carry it.

mod spec;

pub use spec::OutputSpec;
