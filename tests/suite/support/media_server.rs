//! A small HTTP server for media, on loopback unless said otherwise, which behaves as badly as it is told to, and remembers what it was asked.
//! It is not meant to be correct HTTP beyond what a media client sends.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long [`MediaServer::wait_until`] waits for what never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the body of an answer is delimited and which promises go with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// `Content-Length`, `Accept-Ranges: bytes`, and ranges are served.
    Ranges,
    /// `Content-Length`, ranges are ignored, and nothing is said of them.
    IgnoresRanges,
    /// `Content-Length`, and `Accept-Ranges: none`.
    RefusesRanges,
    /// An unasked `206 Partial Content` of the whole file.
    UnaskedPartial,
    /// Chunks.
    Chunked,
    /// Neither length nor chunks: the end of the connection is the end of the file.
    UntilClose,
    /// HTTP/1.0, until the connection is closed.
    Http10,
}

/// One thing to serve, and how.
#[derive(Debug, Clone)]
pub(crate) struct Media {
    bytes: Arc<[u8]>,
    mime: Option<String>,
    framing: Framing,
    status: u16,
    location: Option<String>,
    silent: bool,
    stall_after: Option<usize>,
    cut_after: Option<usize>,
    bytes_per_second: Option<usize>,
}

impl Media {
    /// Serves `bytes` as a good server does, with ranges.
    pub(crate) fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self {
            bytes: bytes.into(),
            mime: None,
            framing: Framing::Ranges,
            status: 200,
            location: None,
            silent: false,
            stall_after: None,
            cut_after: None,
            bytes_per_second: None,
        }
    }

    /// Serves the fixture of that name.
    pub(crate) fn fixture(name: &str) -> Self {
        Self::new(fixture(name))
    }

    /// Answers with this status and no file.
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::new(&b"an error page"[..])
        }
    }

    /// Redirects to `location`.
    pub(crate) fn redirect(status: u16, location: &str) -> Self {
        Self {
            location: Some(location.to_owned()),
            ..Self::status(status)
        }
    }

    /// Accepts the connection and the request, and says nothing.
    pub(crate) fn silence() -> Self {
        Self {
            silent: true,
            ..Self::status(200)
        }
    }

    /// The `Content-Type`; none is sent otherwise.
    pub(crate) fn mime(self, mime: impl Into<String>) -> Self {
        Self {
            mime: Some(mime.into()),
            ..self
        }
    }

    /// How the body is delimited.
    pub(crate) fn framing(self, framing: Framing) -> Self {
        Self { framing, ..self }
    }

    /// Sends this much of each body and then nothing, until [`MediaServer::release`].
    pub(crate) fn stall_after(self, bytes: usize) -> Self {
        Self {
            stall_after: Some(bytes),
            ..self
        }
    }

    /// Closes the connection after this much of each body.
    pub(crate) fn cut_after(self, bytes: usize) -> Self {
        Self {
            cut_after: Some(bytes),
            ..self
        }
    }

    /// Sends no faster than this, in steps of 10 ms.
    pub(crate) fn trickle(self, bytes_per_second: usize) -> Self {
        Self {
            bytes_per_second: Some(bytes_per_second),
            ..self
        }
    }
}

/// The bytes of a file in `tests/fixtures/media`.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/media/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The value of the header of that name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let mut request = Self {
            method: words.next().unwrap_or_default(),
            path: words.next().unwrap_or_default(),
            headers: Vec::new(),
        };
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end().split_once(':') {
                Some((name, value)) => request
                    .headers
                    .push((name.to_owned(), value.trim().to_owned())),
                None => return Ok(Some(request)),
            }
        }
    }

    fn range_start(&self) -> Option<usize> {
        let range = self.header("range")?.strip_prefix("bytes=")?;
        range.split('-').next()?.parse().ok()
    }
}

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
        self.shared
            .update(|state| drop(state.media.insert(path.to_owned(), media)));
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

struct Connection<'a> {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    shared: &'a Shared,
}

impl<'a> Connection<'a> {
    fn new(stream: TcpStream, shared: &'a Shared) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            writer: stream.try_clone()?,
            reader: BufReader::new(stream),
            shared,
        })
    }

    fn serve(mut self) -> io::Result<()> {
        while let Some(request) = Request::read(&mut self.reader)? {
            let media = self.shared.lock().media.get(&request.path).cloned();
            self.shared
                .update(|state| state.log.requests.push(request.clone()));
            let media = media.unwrap_or_else(|| Media::status(404));
            if media.silent {
                self.stall()?;
            }
            self.answer(&request, &media)?;
            if !matches!(media.framing, Framing::Chunked | Framing::Ranges) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn answer(&mut self, request: &Request, media: &Media) -> io::Result<()> {
        let length = media.bytes.len();
        let range = request
            .range_start()
            .filter(|_| media.framing == Framing::Ranges);
        let from = range.unwrap_or(0).min(length);
        let partial = range.is_some() || media.framing == Framing::UnaskedPartial;
        let status = if partial { 206 } else { media.status };
        let version = if media.framing == Framing::Http10 {
            "1.0"
        } else {
            "1.1"
        };

        let mut head = format!("HTTP/{version} {status} As Commanded\r\n");
        let mut header = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
        if let Some(mime) = &media.mime {
            header("Content-Type", mime);
        }
        if let Some(location) = &media.location {
            header("Location", location);
        }
        if partial {
            header(
                "Content-Range",
                &format!("bytes {from}-{}/{length}", length.max(1) - 1),
            );
        }
        match media.framing {
            Framing::Chunked => header("Transfer-Encoding", "chunked"),
            Framing::UntilClose => header("Connection", "close"),
            Framing::Http10 => {}
            _ => header("Content-Length", &(length - from).to_string()),
        }
        match media.framing {
            Framing::Ranges => header("Accept-Ranges", "bytes"),
            Framing::RefusesRanges => header("Accept-Ranges", "none"),
            _ => {}
        }
        head.push_str("\r\n");
        self.writer.write_all(head.as_bytes())?;
        self.body(&media.bytes[from..], media)
    }

    fn body(&mut self, bytes: &[u8], media: &Media) -> io::Result<()> {
        let step = media
            .bytes_per_second
            .map_or(16 << 10, |rate| (rate / 100).max(1));
        let mut sent = 0;
        while sent < bytes.len() {
            let next = [Some(bytes.len()), media.cut_after, media.stall_after]
                .into_iter()
                .flatten()
                .filter(|stop| *stop > sent)
                .min()
                .unwrap_or(bytes.len())
                .min(sent + step);
            if media.cut_after == Some(sent) {
                return Err(io::Error::other("cut as commanded"));
            }
            if media.stall_after == Some(sent) {
                self.stall()?;
            }
            let piece = &bytes[sent..next];
            if media.framing == Framing::Chunked {
                write!(self.writer, "{:x}\r\n", piece.len())?;
            }
            self.writer.write_all(piece)?;
            if media.framing == Framing::Chunked {
                self.writer.write_all(b"\r\n")?;
            }
            sent = next;
            self.shared.update(|state| state.log.sent += piece.len());
            if media.bytes_per_second.is_some() {
                thread::sleep(Duration::from_millis(10));
            }
        }
        if media.framing == Framing::Chunked {
            self.writer.write_all(b"0\r\n\r\n")?;
        }
        Ok(())
    }

    /// Waits until it is released, the server stops, or the client goes away.
    fn stall(&mut self) -> io::Result<()> {
        let stream = self.reader.get_ref();
        stream.set_read_timeout(Some(Duration::from_millis(10)))?;
        loop {
            {
                let state = self.shared.lock();
                if state.stopped {
                    return Err(io::Error::other("the server stops"));
                }
                if state.released {
                    break;
                }
            }
            match self.reader.get_mut().read(&mut [0; 64]) {
                Ok(0) => return Err(io::Error::other("the client has gone")),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        self.reader.get_ref().set_read_timeout(None)
    }
}
