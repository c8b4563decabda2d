//! Heads of answers that a strict reader of HTTP would refuse, made so that it takes them: SHOUTcast's status line, lengths that
//! are no numbers. The bytes that follow a head pass through untouched.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use tower_service::Service;

use super::remarks::Mends;

/// A head that is longer than this is none; it is passed on as it is, and refused by whoever reads it.
const LONGEST_HEAD: usize = 64 << 10;
/// How much of a head is read at once.
const PIECE: usize = 2048;

/// `head`, which ends with an empty line, as a strict reader takes it; what was changed is noted in `mends`.
fn mended(head: &[u8], mends: &Mends) -> Vec<u8> {
    let mut mended = Vec::with_capacity(head.len() + 8);
    let mut length_seen = false;
    for (number, line) in head.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if number == 0 && line.len() >= 4 && line[..4].eq_ignore_ascii_case(b"ICY ") {
            mended.extend_from_slice(b"HTTP/1.0 ");
            mended.extend_from_slice(&line[4..]);
            mends.status_line();
            continue;
        }
        if let Some(value) = value_of(line, b"content-length") {
            let number = value.trim_ascii();
            let sound = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
            if !sound || std::mem::replace(&mut length_seen, true) {
                mends.length();
                continue;
            }
        }
        mended.extend_from_slice(line);
    }
    mended
}

/// What follows the colon, if `line` is the header `name` (in lower case).
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (found, value) = line.split_at(colon);
    found
        .trim_ascii()
        .eq_ignore_ascii_case(name)
        .then(|| &value[1..])
}

/// The length of the head that `bytes` begin with, its empty line included.
fn head_length(bytes: &[u8]) -> Option<usize> {
    let after_line = |at: usize| match &bytes[at..] {
        [b'\n', ..] => Some(at + 1),
        [b'\r', b'\n', ..] => Some(at + 2),
        _ => None,
    };
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.map(|(at, _)| at + 1).find_map(after_line)
}

/// Makes connections whose first head is mended.
#[derive(Debug, Clone)]
pub(super) struct Mending<C>(pub(super) C);

impl<C, A> Service<A> for Mending<C>
where
    C: Service<A>,
    C::Future: Send + 'static,
{
    type Response = Mended<C::Response>;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, address: A) -> Self::Future {
        let connecting = self.0.call(address);
        Box::pin(async move {
            Ok(Mended {
                stream: connecting.await?,
                mends: Mends::default(),
                reading: Reading::Head(Vec::new()),
            })
        })
    }
}

#[derive(Debug)]
enum Reading {
    /// What has come of the head.
    Head(Vec<u8>),
    /// The mended head and what came with it, from this place on still to be handed out.
    Handing(Vec<u8>, usize),
    Through,
}

/// A connection whose first head is mended.
#[derive(Debug)]
pub(super) struct Mended<S> {
    stream: S,
    mends: Mends,
    reading: Reading,
}

impl<S: Read + Unpin> Read for Mended<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            match &mut this.reading {
                Reading::Through => return Pin::new(&mut this.stream).poll_read(context, into),
                Reading::Handing(bytes, from) => {
                    let count = (bytes.len() - *from).min(into.remaining());
                    into.put_slice(&bytes[*from..*from + count]);
                    *from += count;
                    if *from == bytes.len() {
                        this.reading = Reading::Through;
                    }
                    return Poll::Ready(Ok(()));
                }
                Reading::Head(bytes) => {
                    let mut piece = [0; PIECE];
                    let mut read = ReadBuf::new(&mut piece);
                    ready!(Pin::new(&mut this.stream).poll_read(context, read.unfilled()))?;
                    bytes.extend_from_slice(read.filled());
                    let over = read.filled().is_empty() || bytes.len() > LONGEST_HEAD;
                    let bytes = match head_length(bytes) {
                        Some(length) => {
                            let mut all = mended(&bytes[..length], &this.mends);
                            all.extend_from_slice(&bytes[length..]);
                            all
                        }
                        None if over => std::mem::take(bytes),
                        None => continue,
                    };
                    this.reading = if bytes.is_empty() {
                        Reading::Through
                    } else {
                        Reading::Handing(bytes, 0)
                    };
                    if matches!(this.reading, Reading::Through) {
                        // The end, before anything.
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl<S: Write + Unpin> Write for Mended<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: Connection> Connection for Mended<S> {
    fn connected(&self) -> Connected {
        // It comes back with the answer.
        self.stream.connected().extra(self.mends.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_at_its_first_empty_line() {
        let check = |text: &str, expected: Option<usize>| {
            assert_eq!(head_length(text.as_bytes()), expected, "{text:?}");
        };
        check("ICY 200 OK\r\n\r\nbody", Some(14));
        check("ICY 200 OK\n\nbody\r\n\r\n", Some(12));
        check("HTTP/1.1 200 OK\r\na: b\r\n\r\n\r\n", Some(25));
        check("HTTP/1.1 200 OK\r\na: b\r\n", None);
        check("", None);
    }

    #[test]
    fn heads_are_mended_only_where_they_must_be() {
        let check = |text: &str, expected: &str| {
            let mended = mended(text.as_bytes(), &Mends::default());
            let mended = String::from_utf8(mended).unwrap();
            assert_eq!(mended, expected);
        };
        let fine = "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nicy-name: ICY 200\r\n\r\n";
        check(fine, fine);
        check("ICY 200 OK\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n");
        check("icy 404 Not\nA: b\n\n", "HTTP/1.0 404 Not\nA: b\n\n");
        check(
            "HTTP/1.1 200 OK\r\nCONTENT-LENGTH : -1\r\na: b\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\r\n\r\n",
        );
        check(
            "HTTP/1.1 200 OK\r\nContent-Length:\r\nContent-Length: 7\r\nContent-Length: 9\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
        );
    }

    proptest::proptest! {
        #[test]
        fn any_head_is_read(bytes: Vec<u8>) {
            if let Some(length) = head_length(&bytes) {
                mended(&bytes[..length], &Mends::default());
            }
        }
    }
}
