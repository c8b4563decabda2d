//! Files of any bytes, fetched over HTTP on loopback and played to the end as a zone would: by the way that all media go.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use unisono::media::playlist::{self, Kind};
use unisono::media::{MediaRequest, Network, Polled, Source, open};

/// Nothing that is played takes longer to say the next thing. A fragment of an MP4 that announces four billion samples of no bytes keeps
/// Symphonia counting for seconds, on the thread of that track alone.
const PATIENCE: Duration = Duration::from_secs(60);
/// More than what is listened to: a few bytes of some codecs are hours of silence.
const ENOUGH: usize = 4_000_000;

struct Library {
    network: Network,
    address: SocketAddr,
    _runtime: Runtime,
    /// What is served, and only to one at a time.
    file: Arc<Mutex<Arc<[u8]>>>,
    turn: Mutex<()>,
}

static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
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
    let file = Arc::new(Mutex::new(Arc::from([])));
    let served = Arc::clone(&file);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let served = Arc::clone(&served);
            thread::spawn(move || serve(stream, &served));
        }
    });
    Library {
        network: Network::new(runtime.handle().clone(), Vec::new()),
        address,
        _runtime: runtime,
        file,
        turn: Mutex::new(()),
    }
});

/// Answers on one connection for as long as somebody asks.
fn serve(mut stream: TcpStream, file: &Mutex<Arc<[u8]>>) -> io::Result<()> {
    let mut requests = BufReader::new(stream.try_clone()?);
    loop {
        let mut from = None;
        loop {
            let mut line = String::new();
            if requests.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(range) = line.strip_prefix("range: bytes=") {
                from = range.trim_end_matches('-').parse::<usize>().ok();
            }
            if line.is_empty() {
                break;
            }
        }
        let file = Arc::clone(&file.lock().unwrap_or_else(PoisonError::into_inner));
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
                format!(
                    "HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\nContent-Length: {length}\r\n\r\n"
                )
            }
        };
        stream.write_all(head.as_bytes())?;
        stream.write_all(file.get(from.unwrap_or(0)..).unwrap_or_default())?;
    }
}

/// Whatever a file holds, it comes to an end or an error, and what is heard of it are numbers; so does a seek in it.
pub fn media(bytes: &[u8]) {
    // A playlist could have any address fetched, and nothing is to leave the machine; these have a target of their own.
    if Kind::of(&bytes[..bytes.len().min(playlist::HEAD)], "/file", None).is_some() {
        return;
    }
    let library = &*LIBRARY;
    let _turn = library.turn.lock().unwrap_or_else(PoisonError::into_inner);
    *library.file.lock().unwrap_or_else(PoisonError::into_inner) = Arc::from(bytes);
    let (wake, woken) = mpsc::channel();
    let request = MediaRequest {
        uri: format!("http://{}/file", library.address),
        ..MediaRequest::default()
    };
    let waker = Arc::new(move || {
        // Nobody waits any more once the end has come.
        let _ = wake.send(());
    });
    let mut source = open(request, &library.network, waker);
    if listen(&mut *source, &woken) {
        source.seek(Duration::from_millis(20));
        listen(&mut *source, &woken);
    }
}

/// Hears a source out. Whether it may be sought in.
fn listen(source: &mut dyn Source, woken: &Receiver<()>) -> bool {
    let mut samples = 0;
    let mut is_seekable = true;
    while samples < ENOUGH {
        match source.poll() {
            Polled::Opened(info) => {
                assert!(info.format.rate > 0);
                is_seekable = info.seekable;
            }
            Polled::Audio(chunk) => {
                assert!([1, 2].contains(&chunk.format.channels));
                assert!(chunk.format.rate > 0);
                assert!(!chunk.samples.is_empty());
                assert!(chunk.samples.iter().all(|sample| sample.is_finite()));
                samples += chunk.samples.len();
            }
            Polled::Sought(_) | Polled::Title(_) => {}
            Polled::Pending => woken
                .recv_timeout(PATIENCE)
                .expect("the source says something"),
            Polled::End => return is_seekable,
            Polled::Failed(error) => {
                assert!(!error.to_string().is_empty());
                return false;
            }
        }
    }
    false
}
