//! Accepting connections and serving a router on them, with limits that keep one bad peer from hurting the others.
//! Not about paths or contents; see `http`.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{self, JoinSet};
use tokio_util::sync::CancellationToken;

use super::stream::Stream;

/// The largest request head.
const HEAD: usize = 16 * 1024;
/// As much of what a peer sends is read ahead of whoever wants it.
const READ_AHEAD: usize = 64 * 1024;
/// After the end is asked for, answers under way may still be written for so long.
const FAREWELL: Duration = Duration::from_millis(500);

/// Both ends of the connection that a request came in on; in every request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The other end.
    pub peer: SocketAddr,
    /// Ours.
    pub local: SocketAddr,
}

/// What connections may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// As many at once; further ones wait to be accepted.
    pub connections: usize,
    /// As many at once from one address; further ones are closed.
    pub per_peer: usize,
    /// For a request's head, and for the pause between two requests.
    pub head: Duration,
    /// For taking an answer, counted from when the peer first made us wait with it.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            per_peer: 128,
            head: Duration::from_secs(30),
            answer: Duration::from_secs(30),
        }
    }
}

/// Serves `router` until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(limits.connections));
    let router = TowerToHyperService::new(router);
    let mut connections = JoinSet::new();
    let mut peers: HashMap<task::Id, IpAddr> = HashMap::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(ended) = connections.join_next_with_id() => {
                let id = match ended {
                    Ok((id, ())) => id,
                    Err(error) => {
                        tracing::error!(%error, "a request handler panicked");
                        error.id()
                    }
                };
                peers.remove(&id);
            }
            accepted = accept(&listener, &permits) => {
                let (stream, link, permit) = match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        // Out of file descriptors: trying again at once would only burn the processor.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                };
                let peer = link.peer.ip();
                if peers.values().filter(|&&other| other == peer).count() >= limits.per_peer {
                    tracing::debug!(%peer, "a peer opened too many connections; this one is closed");
                    continue;
                }
                let router = router.clone();
                let stop = stop.clone();
                let task = connections.spawn(async move {
                    converse(stream, link, router, limits, &stop).await;
                    drop(permit);
                });
                peers.insert(task.id(), peer);
            }
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, Link, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await;
    let permit = permit.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let local = stream.local_addr()?;
    Ok((stream, Link { peer, local }, permit))
}

/// Serves one connection to its end.
async fn converse(
    stream: TcpStream,
    link: Link,
    router: TowerToHyperService<Router>,
    limits: Limits,
    stop: &CancellationToken,
) {
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(link);
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_header_size(HEAD)
        .max_buf_size(READ_AHEAD)
        // Whoever has said all and closed that direction still wants the answer: `nc -N` and its like.
        .half_close(true)
        // Some embedded readers compare header names as they are usually written.
        .title_case_headers(true)
        .serve_connection(TokioIo::new(Stream::new(stream, limits.answer)), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match tokio::time::timeout(FAREWELL, connection).await {
                Ok(result) => result,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(peer = %link.peer, %error, "a connection ended early");
    }
}
