//! The bytes of one connection on their way: what is corrected in them, and how long a peer may leave them lying.
//! Not about requests and answers as such; hyper reads and writes those.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Where the minor version is in `HTTP/1.0`.
const MINOR: usize = 7;

/// A stream on which
/// - an answer to an HTTP/1.0 request begins with `HTTP/1.1`, as RFC 9110 §6.2 and DLNA 7.2.5.6 have it; hyper writes the version of
///   the request. Only the first answer: HTTP/1.0 closes after one.
/// - a peer that does not read makes writing fail after a while. hyper has no such limit: a peer that asks and never reads the
///   answer would keep its connection for ever.
pub(super) struct Stream<S> {
    inner: S,
    written: usize,
    /// For an answer, from when the peer first made us wait with it.
    patience: Duration,
    /// Runs from then until all that was to be written is.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Stream<S> {
    pub(super) fn new(inner: S, patience: Duration) -> Self {
        Self {
            inner,
            written: 0,
            patience,
            waiting: None,
        }
    }

    /// Waits with the peer, or has waited long enough.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let patience = self.patience;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(io::Error::new(
            io::ErrorKind::TimedOut,
            "the peer does not read its answer",
        ))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let minor = MINOR.checked_sub(this.written);
        let write = match minor.filter(|&at| bytes.get(at) == Some(&b'0')) {
            Some(at) => {
                let mut bytes = bytes.to_vec();
                if let Some(minor) = bytes.get_mut(at) {
                    *minor = b'1';
                }
                Pin::new(&mut this.inner).poll_write(context, &bytes)
            }
            None => Pin::new(&mut this.inner).poll_write(context, bytes),
        };
        if write.is_pending() {
            return this.wait(context).map(Err);
        }
        if let Poll::Ready(Ok(written)) = write {
            this.written = this.written.saturating_add(written);
        }
        write
    }

    /// hyper comes here when nothing is left of what it had to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flush = Pin::new(&mut self.inner).poll_flush(context);
        if flush.is_pending() {
            return self.wait(context).map(Err);
        }
        self.waiting = None;
        flush
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn d06_only_the_first_version_is_corrected_however_it_is_cut() {
        for cut in 0..20 {
            let (ours, mut theirs) = duplex(100);
            let mut stream = Stream::new(ours, PATIENCE);
            let answer = b"HTTP/1.0 200 HTTP/1.0";
            for piece in [&answer[..cut], &answer[cut..]] {
                stream.write_all(piece).await.unwrap();
            }
            drop(stream);
            let mut got = String::new();
            theirs.read_to_string(&mut got).await.unwrap();
            assert_eq!(got, "HTTP/1.1 200 HTTP/1.0");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_reads_is_given_up() {
        let (ours, _theirs) = duplex(10);
        let mut stream = Stream::new(ours, PATIENCE);
        let begin = tokio::time::Instant::now();
        let error = stream.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begin.elapsed() >= PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_a_byte_now_and_then_is_given_up_too() {
        let (ours, mut theirs) = duplex(10);
        tokio::spawn(async move {
            while theirs.read_u8().await.is_ok() {
                sleep(PATIENCE / 10).await;
            }
        });
        let mut stream = Stream::new(ours, PATIENCE);
        assert!(stream.write_all(&[0; 100]).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_peer_that_takes_each_answer_in_time_stays() {
        let (ours, mut theirs) = duplex(10);
        tokio::spawn(async move {
            while theirs.read_u8().await.is_ok() {
                sleep(PATIENCE / 50).await;
            }
        });
        let mut stream = Stream::new(ours, PATIENCE);
        for _ in 0..10 {
            stream.write_all(&[0; 40]).await.unwrap();
            stream.flush().await.unwrap();
        }
    }
}
