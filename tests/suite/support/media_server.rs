//! A small HTTP server for media, on loopback unless said otherwise, which behaves as badly as it is told to, and remembers what it was asked.
//! It is not meant to be correct HTTP beyond what a media client sends.

mod connection;
mod media;
mod request;
pub(crate) mod tls;

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use connection::Connection;
pub(crate) use media::{Framing, Media, fixture};
pub(crate) use request::Request;

/// How long [`MediaServer::wait_until`] waits for what never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the server has seen so far.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Every request, in order.
    pub(crate) requests: Vec<Request>,
    /// Connections that are open now.
    pub(crate) open: usize,
    /// Bytes of bodies sent.
    pub(crate) sent: usize,
}

#[derive(Debug, Default)]
struct State {
    media: HashMap<String, Media>,
    /// How often each path has been asked for.
    asked: HashMap<String, usize>,
    log: Log,
    released: bool,
    stopped: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// The server; it stops when it is dropped.
#[derive(Debug)]
pub(crate) struct MediaServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl MediaServer {
    /// Listens on a free port of loopback.
    pub(crate) fn start() -> Self {
        Self::start_on(Ipv4Addr::LOCALHOST)
    }

    /// Listens on a free port of this address.
    pub(crate) fn start_on(address: Ipv4Addr) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("an address of ours has free ports");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let server = Self {
            address,
            shared: Arc::clone(&shared),
        };
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if shared.lock().stopped {
                    return;
                }
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.update(|state| state.log.open += 1);
                    // A client that goes away is no error here.
                    let _ = Connection::new(connection, &shared).and_then(Connection::serve);
                    shared.update(|state| state.log.open -= 1);
                });
            }
        });
        server
    }

    /// Serves `media` at `path` from now on, and answers its address.
    pub(crate) fn serve(&self, path: &str, media: Media) -> String {
        self.shared.update(|state| {
            state.media.insert(path.to_owned(), media);
            state.asked.remove(path);
        });
        self.url(path)
    }

    /// The address of `path`, served or not.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The requests seen so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.lock().log.requests.clone()
    }

    /// How many connections are open now.
    pub(crate) fn open_connections(&self) -> usize {
        self.shared.lock().log.open
    }

    /// Lets everything go on that stalls.
    pub(crate) fn release(&self) {
        self.shared.update(|state| state.released = true);
    }

    /// Waits until the log shows `what`; panics if it never does. Blocks the thread.
    pub(crate) fn wait_until(&self, what: &str, reached: impl Fn(&Log) -> bool) {
        let (state, timeout) = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), PATIENCE, |state| !reached(&state.log))
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "not {what}: {:?}", state.log);
    }
}

impl Drop for MediaServer {
    fn drop(&mut self) {
        self.shared.update(|state| state.stopped = true);
        // Wakes the listener, which then sees that it is to stop.
        let _ = TcpStream::connect(self.address);
    }
}
