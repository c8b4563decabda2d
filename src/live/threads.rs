//! The threads that listen: each is step, then wait. What is decided is decided in [`Listener`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{InputEnd, InputEvent, InputHandle, InputSpec, Listener};
use crate::capture::CaptureSpec;
use crate::clock::Clock;
use crate::retry::Retry;
use crate::urgency::ask_for_real_time;

/// Attempts to reach a far end are no further apart than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often one without a far end looks around.
const IDLE: Duration = Duration::from_millis(100);

/// All inputs of the program, each with a thread of its own. Dropping it ends them.
#[derive(Debug)]
pub struct Inputs {
    handles: Vec<InputHandle>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Inputs {
    /// Listens to each input from now on. `on_event` is called on the listening threads with the input's index.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub fn start(
        specs: Vec<InputSpec>,
        clock: &Arc<dyn Clock>,
        on_event: impl Fn(usize, InputEvent) + Clone + Send + 'static,
    ) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut inputs = Self {
            handles: Vec::new(),
            stop: stop.clone(),
            threads: Vec::new(),
        };
        for (index, spec) in specs.into_iter().enumerate() {
            let (handle, end) = InputHandle::pair(&spec);
            inputs.handles.push(handle);
            let (clock, stop, on_event) = (clock.clone(), stop.clone(), on_event.clone());
            let tell = move |event| on_event(index, event);
            let thread = std::thread::Builder::new()
                .name(format!("listen-{}", spec.name))
                .spawn(move || listen(&spec, end, &clock, &stop, &tell))?;
            inputs.threads.push(thread);
        }
        Ok(inputs)
    }

    /// The inputs, in the order of the specs.
    pub fn handles(&self) -> &[InputHandle] {
        &self.handles
    }
}

impl Drop for Inputs {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            // A thread that panicked has said so.
            let _panicked = thread.join();
        }
    }
}

fn listen(
    spec: &InputSpec,
    end: InputEnd,
    clock: &Arc<dyn Clock>,
    stop: &AtomicBool,
    tell: &dyn Fn(InputEvent),
) {
    let span = tracing::info_span!("input", name = %spec.name);
    let _in_span = span.enter();
    if !matches!(spec.capture, CaptureSpec::Pipe(_)) {
        // A program that writes into a pipe may be started from here, and would have it too.
        ask_for_real_time();
    }
    let mut listener = Listener::new(spec, end, clock.now());
    let mut retry = Retry::up_to(LONGEST_PAUSE);
    while !stop.load(Relaxed) {
        let now = clock.now();
        if listener.capture().is_none() && retry.is_due(now) {
            let opened = spec.capture.open(clock).map_err(|error| error.to_string());
            let attached = opened
                .and_then(|capture| listener.attach(capture).map_err(|error| error.to_string()));
            match attached {
                Ok(()) => {
                    tracing::info!("listening to {}", spec.capture);
                    retry.worked();
                }
                Err(reason) => {
                    if retry.failed(clock.now()) {
                        tracing::warn!("{reason}; trying again until it works");
                    }
                }
            }
        }
        if let Err(error) = listener.step(clock.now()) {
            tracing::warn!("{error}; it is listened to again when it comes back");
            listener.detach();
            retry.lost(clock.now());
        }
        while let Some(event) = listener.event() {
            tell(event);
        }
        std::thread::park_timeout(listener.capture().map_or(IDLE, |capture| capture.pace()));
    }
}
