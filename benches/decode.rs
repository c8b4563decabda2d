//! What it costs to fetch and decode a file: from the request to the last frame, over HTTP on loopback.
//! The files are short (1.5 s or so), so that opening them is a good part of it, as it is of what one waits for after Play.

#[path = "../examples/demo/server.rs"]
mod server;

use std::fs;
use std::net::Ipv4Addr;
use std::sync::{Arc, mpsc};

use axum::body::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use server::{Served, serve};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use unisono::media::{self, MediaRequest, Network, Polled};

const FILES: [&str; 12] = [
    "sine.wav",
    "sine.aiff",
    "sine.flac",
    "24-96k.flac",
    "alac.m4a",
    "sine.mp3",
    "sine.aac",
    "sine.m4a",
    "sine.ogg",
    "sine.opus",
    "sine.mka",
    "pieces.mp4",
];

fn main() {
    divan::main();
}

/// A media server, and the means to fetch from it.
struct Library {
    _runtime: Runtime,
    network: Network,
    address: String,
}

impl Library {
    fn open() -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime of one thread");
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/media/");
        let files = FILES.map(|name| Served {
            path: format!("/{name}"),
            mime: "application/octet-stream",
            content: Bytes::from(
                fs::read(format!("{folder}{name}")).expect("a fixture can be read"),
            ),
        });
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        runtime.spawn(serve(listener, files.to_vec()));
        let network = Network::new(runtime.handle().clone(), Vec::new());
        Self {
            _runtime: runtime,
            network,
            address,
        }
    }

    /// Fetches and decodes a file to its end. Returns how many frames it has.
    fn play(&self, file: &str) -> usize {
        let (wake, woken) = mpsc::channel();
        let request = MediaRequest {
            uri: format!("http://{}/{file}", self.address),
            ..MediaRequest::default()
        };
        let waker = Arc::new(move || {
            // Nobody waits any more once the end has come.
            let _ = wake.send(());
        });
        let mut source = media::open(request, &self.network, waker);
        let mut frames = 0;
        loop {
            match source.poll() {
                Polled::Audio(chunk) => frames += chunk.format.frames(chunk.samples.len()),
                Polled::Pending => woken.recv().expect("the source holds the sender"),
                Polled::End => return frames,
                Polled::Failed(error) => panic!("{error}"),
                Polled::Opened(_) | Polled::Sought(_) | Polled::Title(_) => {}
            }
        }
    }
}

/// Items are frames.
#[divan::bench(args = FILES, max_time = 0.5)]
fn whole_file(bencher: Bencher, file: &str) {
    let library = Library::open();
    let frames = library.play(file);
    assert!(frames > 0);
    bencher
        .counter(ItemsCount::new(frames))
        .bench_local(|| library.play(file));
}
