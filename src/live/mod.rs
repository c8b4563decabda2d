//! Inputs: what comes into the program by itself is played like media, with its clock brought onto ours.
//!
//! The way of the frames: `capture` → [`Listener`] (a thread: grid, detector) → shelf → a `Source` that a zone plays.
//!
//! An input is listened to as long as the program runs, whether it is played or not: so its clock is known when it
//! begins to sound, and the first of its sound is there.

mod detector;
mod grid;
mod listener;
mod shelf;
mod threads;

use std::sync::Arc;
use std::time::Duration;

use crate::capture::CaptureSpec;
use crate::media::{Source, Waker};
pub use listener::Listener;
pub use shelf::InputState;
use shelf::Shelf;
pub use threads::Inputs;

/// One input: a far end, and how it is listened to.
#[derive(Debug, Clone, PartialEq)]
pub struct InputSpec {
    /// The user's name for it, unique.
    pub name: String,
    /// Its far end.
    pub capture: CaptureSpec,
    /// So long without sound is silence.
    pub stop_after: Duration,
    /// How long a hold-up on the way is not heard; as much later everything is heard.
    pub buffer: Duration,
}

/// What an input tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputEvent {
    /// It has begun to sound.
    Sounds,
    /// It has been silent for as long as is asked for.
    Silent,
}

/// The way to an input for whoever plays it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct InputHandle {
    name: Arc<str>,
    buffer: Duration,
    shelf: Arc<Shelf>,
}

/// The listener's own end of an [`InputHandle`]. A listener stays on the thread it is made on; this may travel there.
#[derive(Debug)]
pub struct InputEnd {
    shelf: Arc<Shelf>,
}

impl InputHandle {
    /// A handle, and the end that a listener to this input takes.
    pub fn pair(spec: &InputSpec) -> (Self, InputEnd) {
        let shelf = Arc::new(Shelf::default());
        let handle = Self {
            name: spec.name.as_str().into(),
            buffer: spec.buffer,
            shelf: shelf.clone(),
        };
        (handle, InputEnd { shelf })
    }

    /// The input's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address under which a zone plays it. Nobody else can fetch it.
    pub fn uri(&self) -> String {
        let name =
            percent_encoding::utf8_percent_encode(&self.name, percent_encoding::NON_ALPHANUMERIC);
        format!("unisono-input:{name}")
    }

    /// How it is doing.
    pub fn state(&self) -> InputState {
        self.shelf.state()
    }

    /// What it hears, as media; from the beginning of its sound if that has just begun. `waker` is called whenever there is more.
    pub fn open(&self, waker: Waker) -> Box<dyn Source> {
        Box::new(self.shelf.listen(self.buffer, waker))
    }
}
