//! An HTTP server on loopback that serves one thing at a time, of any bytes: what the targets about sound fetch from. It knows nothing of
//! what they are.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::runtime::{Builder, Runtime};
use unisono::media::Network;

/// What is served, whatever path is asked for.
#[derive(Debug, Clone)]
pub enum Served {
    /// A file, and parts of it.
    File(Arc<[u8]>),
    /// What a station sends that tells titles: one after so many bytes of sound.
    Station(u16, Arc<[u8]>),
    /// A list at `/list`; what it names is one of four pieces of the bytes, by the last figure of its path, or all of them.
    List(Arc<[u8]>, Arc<[u8]>),
}

/// The server, and what it takes to fetch from it.
pub struct Library {
    /// Fetches.
    pub network: Network,
    /// Where the server is.
    pub address: SocketAddr,
    _runtime: Runtime,
    served: Arc<Mutex<Served>>,
    turn: Mutex<()>,
}

/// The only one.
pub static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
    // A decoder that panics ends its track and nothing else, and that is what is told. It is no finding, and it need not be printed.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if thread::current()
            .name()
            .is_none_or(|name| !name.starts_with("decode-"))
        {
            usual(panic);
        }
    }));
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime of one thread");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let served = Arc::new(Mutex::new(Served::File(Arc::from([]))));
    let all = Arc::clone(&served);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let served = Arc::clone(&all);
            thread::spawn(move || serve(stream, &served));
        }
    });
    Library {
        network: Network::new(runtime.handle().clone(), Vec::new()),
        address,
        _runtime: runtime,
        served,
        turn: Mutex::new(()),
    }
});

impl Library {
    /// Serves this from now on, to one at a time: as long as what is returned is kept.
    pub fn lend(&self, served: Served) -> MutexGuard<'_, ()> {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        *self.served.lock().unwrap_or_else(PoisonError::into_inner) = served;
        turn
    }
}

/// Answers on one connection for as long as somebody asks.
fn serve(mut stream: TcpStream, served: &Mutex<Served>) -> io::Result<()> {
    let mut requests = BufReader::new(stream.try_clone()?);
    loop {
        let (mut path, mut from) = (String::new(), None);
        loop {
            let mut line = String::new();
            if requests.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("get ") {
                path = rest.split(' ').next().unwrap_or_default().to_owned();
            }
            if let Some(range) = line.strip_prefix("range: bytes=") {
                from = range.trim_end_matches('-').parse::<usize>().ok();
            }
            if line.is_empty() {
                break;
            }
        }
        let served = served
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let (head, body) = match &served {
            Served::File(file) => part(file, from),
            // It has a length, and so an end: one without would be tuned in again for ever.
            Served::Station(interval, sent) => (
                format!(
                    "ICY 200 OK\r\nicy-metaint: {interval}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    sent.len()
                ),
                &sent[..],
            ),
            Served::List(list, pieces) => {
                let body = if path == "/list" {
                    &list[..]
                } else {
                    piece(pieces, &path)
                };
                (
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()),
                    body,
                )
            }
        };
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        if matches!(served, Served::Station(..)) {
            return Ok(());
        }
    }
}

fn part(file: &[u8], from: Option<usize>) -> (String, &[u8]) {
    let length = file.len();
    let head = match from {
        Some(from) if from >= length => {
            format!(
                "HTTP/1.1 416 No\r\nContent-Range: bytes */{length}\r\nContent-Length: 0\r\n\r\n"
            )
        }
        Some(from) => format!(
            "HTTP/1.1 206 Part\r\nContent-Range: bytes {from}-{}/{length}\r\nContent-Length: {}\r\n\r\n",
            length - 1,
            length - from,
        ),
        None => {
            format!("HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\nContent-Length: {length}\r\n\r\n")
        }
    };
    (head, file.get(from.unwrap_or(0)..).unwrap_or_default())
}

fn piece<'a>(pieces: &'a [u8], path: &str) -> &'a [u8] {
    let figure = path.chars().rev().find_map(|c| c.to_digit(10));
    let Some(number) = figure else {
        return pieces;
    };
    let length = pieces.len().div_ceil(4).max(1);
    pieces
        .chunks(length)
        .nth(number as usize % 4)
        .unwrap_or_default()
}
