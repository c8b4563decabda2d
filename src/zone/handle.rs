//! The two ends of a zone: a cloneable handle for whoever commands and reads it, and an inbox for the zone itself.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::command::{ZoneCommand, ZoneError};
use super::state::ZoneState;

/// Commands wait here while the zone works; a control point that is faster than that waits.
const INBOX: usize = 32;

/// Commands and reads one zone. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ZoneHandle {
    commands: mpsc::Sender<Request>,
    state: watch::Receiver<Arc<ZoneState>>,
}

/// The zone's own end.
#[derive(Debug)]
pub struct ZoneInbox {
    /// Commands, each to be answered.
    pub commands: mpsc::Receiver<Request>,
    /// Where each new state is published.
    pub state: watch::Sender<Arc<ZoneState>>,
}

/// A command and where its answer goes.
#[derive(Debug)]
pub struct Request {
    /// The command.
    pub command: ZoneCommand,
    /// Its answer; whoever asked may be gone.
    pub answer: oneshot::Sender<Result<(), ZoneError>>,
}

impl ZoneHandle {
    /// A handle and the inbox it speaks to. In tests the test is the zone.
    pub fn pair(initial: ZoneState) -> (Self, ZoneInbox) {
        let (commands, inbox) = mpsc::channel(INBOX);
        let (publish, state) = watch::channel(Arc::new(initial));
        (
            Self { commands, state },
            ZoneInbox {
                commands: inbox,
                state: publish,
            },
        )
    }

    /// Sends a command and waits until it has been accepted or refused; its effects follow.
    ///
    /// # Errors
    /// Whatever the zone answers, or [`ZoneError::Closed`] when it is gone.
    pub async fn send(&self, command: ZoneCommand) -> Result<(), ZoneError> {
        let (answer, answered) = oneshot::channel();
        self.commands
            .send(Request { command, answer })
            .await
            .map_err(|_| ZoneError::Closed)?;
        answered.await.map_err(|_| ZoneError::Closed)?
    }

    /// The state as last published. Never waits for the zone.
    pub fn state(&self) -> Arc<ZoneState> {
        self.state.borrow().clone()
    }

    /// A receiver that sees every later change of the state.
    pub fn changes(&self) -> watch::Receiver<Arc<ZoneState>> {
        self.state.clone()
    }
}
