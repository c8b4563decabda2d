//! A connection to a sound server, driven by whoever holds it: no thread of its own.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use libpulse_binding as pulse;
use pulse::context::{Context, FlagSet, State};
use pulse::mainloop::standard::Mainloop;
use pulse::operation::{Operation, State as OperationState};
use pulse::time::MicroSeconds;

use crate::clock::{Clock, ClockTime};

/// A server that is there answers within milliseconds; one that hangs must not hold up the program for longer.
const PATIENCE: Duration = Duration::from_secs(3);

/// At most so many messages are taken in at a time, so that a server which sends on and on holds nobody up.
const MESSAGES: usize = 100;

/// An open connection and the loop that carries it.
pub(crate) struct Connection {
    // Dropped before the loop it runs on.
    pub(crate) context: Context,
    mainloop: Mainloop,
    clock: Arc<dyn Clock>,
}

impl Connection {
    /// Connects to the server at this address, or to the user's own.
    pub(crate) fn open(server: Option<&str>, clock: &Arc<dyn Clock>) -> Result<Self, String> {
        if server.is_some_and(|server| server.contains('\0')) {
            return Err("the server's address has a NUL character in it".to_owned());
        }
        let mainloop = Mainloop::new().ok_or("no memory for a main loop")?;
        let context = Context::new(&mainloop, "Unisono").ok_or("no memory for a context")?;
        let mut connection = Self {
            context,
            mainloop,
            clock: clock.clone(),
        };
        let asked = connection
            .context
            .connect(server, FlagSet::NOAUTOSPAWN, None);
        if asked.is_err() {
            // What the call returns says only that it failed; the context knows why.
            return Err(connection.no_server(server));
        }
        connection.wait(|connection| match connection.context.get_state() {
            State::Ready => Some(Ok(())),
            State::Failed | State::Terminated => Some(Err(connection.no_server(server))),
            _ => None,
        })?;
        Ok(connection)
    }

    fn no_server(&self, server: Option<&str>) -> String {
        let place = server.map_or_else(String::new, |server| format!(" at {server}"));
        format!(
            "no sound server answers{place} ({}); is PulseAudio or PipeWire running, and may this user reach it?",
            describe(self.context.errno())
        )
    }

    /// Carries out what has arrived, waiting up to `patience` for something to arrive.
    pub(crate) fn pump(&mut self, patience: Duration) -> Result<(), String> {
        let micros = u64::try_from(patience.as_micros())
            .unwrap_or(u64::MAX)
            .min(i32::MAX as u64);
        let mut turn = |micros| {
            self.mainloop.prepare(Some(MicroSeconds(micros)))?;
            self.mainloop.poll()?;
            self.mainloop.dispatch()
        };
        // One turn takes in one message, and a server may have sent several since the last time.
        let mut done = turn(micros);
        for _ in 0..MESSAGES {
            if !matches!(done, Ok(1..)) {
                break;
            }
            done = turn(0);
        }
        match done {
            Ok(_) => self.check(),
            Err(error) => Err(describe(error)),
        }
    }

    fn check(&self) -> Result<(), String> {
        match self.context.get_state() {
            State::Failed | State::Terminated => Err(describe(self.context.errno())),
            _ => Ok(()),
        }
    }

    /// Pumps until `done` has an answer, or patience runs out.
    pub(crate) fn wait<T>(
        &mut self,
        mut done: impl FnMut(&mut Self) -> Option<Result<T, String>>,
    ) -> Result<T, String> {
        let deadline = self.clock.now() + PATIENCE;
        loop {
            if let Some(answer) = done(self) {
                return answer;
            }
            let left = deadline.saturating_since(self.clock.now());
            if left.is_zero() {
                return Err("the sound server does not answer".to_owned());
            }
            self.pump(left)?;
        }
    }

    /// Pumps until an operation has been carried out.
    pub(crate) fn finish<F: ?Sized>(&mut self, operation: &Operation<F>) -> Result<(), String> {
        self.wait(|_| (operation.get_state() != OperationState::Running).then_some(Ok(())))
    }

    /// Pumps until `done` says so, for at most `patience`; whether it did, and when.
    pub(crate) fn wait_briefly(
        &mut self,
        patience: Duration,
        done: &Rc<std::cell::Cell<bool>>,
    ) -> Result<Option<ClockTime>, String> {
        let deadline = self.clock.now() + patience;
        while !done.get() {
            let left = deadline.saturating_since(self.clock.now());
            if left.is_zero() {
                return Ok(None);
            }
            self.pump(left)?;
        }
        Ok(Some(self.clock.now()))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.context.disconnect();
    }
}

/// A sentence for a server's error.
pub(crate) fn describe(error: pulse::error::PAErr) -> String {
    error
        .to_string()
        .map_or_else(|| format!("error {}", error.0), |text| text.to_lowercase())
}
