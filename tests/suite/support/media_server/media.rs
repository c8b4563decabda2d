//! What a media server serves, and how badly: a value, made of one word for each way to misbehave.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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
    /// `ICY 200 OK`, until the connection is closed.
    Icy,
}

/// Makes bytes of a body: from this place on, so many at most, but at least one.
type Make = Arc<dyn Fn(u64, usize) -> Vec<u8> + Send + Sync>;

/// A body, in memory or made as it is sent.
#[derive(Clone)]
pub(super) enum Body {
    Bytes(Arc<[u8]>),
    Made(u64, Make),
}

impl Body {
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Made(length, _) => *length,
        }
    }

    /// Some bytes from `place` on, at most so many; none at the end.
    pub(super) fn read(&self, place: u64, most: usize) -> Vec<u8> {
        let left = self.length().saturating_sub(place);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(most);
        match self {
            Self::Bytes(bytes) => bytes[bytes.len() - left as usize..][..most].to_vec(),
            Self::Made(_, make) if most > 0 => make(place, most),
            Self::Made(..) => Vec::new(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.length())
    }
}

/// Makes the file that begins at a time.
#[derive(Clone)]
pub(super) struct ByTime(pub(super) Arc<dyn Fn(Duration) -> Vec<u8> + Send + Sync>);

impl fmt::Debug for ByTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("by time")
    }
}

/// What a station tells.
#[derive(Debug, Clone)]
pub(super) struct Titles {
    /// Bytes of sound between two blocks.
    pub(super) interval: usize,
    /// Each title with the byte of sound from which on it holds.
    pub(super) titles: Vec<(u64, Vec<u8>)>,
}

/// One thing to serve, and how.
#[derive(Debug, Clone)]
pub(crate) struct Media {
    pub(super) body: Body,
    pub(super) framing: Framing,
    pub(super) status: u16,
    /// Statuses of the first answers; with 200 all goes well.
    pub(super) first: Vec<u16>,
    pub(super) headers: Vec<(String, String)>,
    /// What `Content-Length` says instead of the length.
    pub(super) length: Option<String>,
    /// What identifies this version of the file, for `If-Range`.
    pub(super) tag: Option<String>,
    /// Whether it is another file after the first answer.
    pub(super) changes: bool,
    pub(super) by_time: Option<ByTime>,
    pub(super) titles: Option<Titles>,
    pub(super) silent: bool,
    pub(super) plain_only: bool,
    pub(super) begins_after: Duration,
    pub(super) stall_after: Option<u64>,
    pub(super) dries_up_at: Option<u64>,
    pub(super) one_at_a_time: bool,
    /// After so much of each of the first so many bodies.
    pub(super) cut_after: Option<(u64, usize)>,
    /// Before this place of the file.
    pub(super) ends_at: Option<u64>,
    pub(super) bytes_per_second: Option<usize>,
    pub(super) dwindle_after: Option<u64>,
    pub(super) drops_paused: Option<Duration>,
}

impl Media {
    /// Serves `bytes` as a good server does, with ranges.
    pub(crate) fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::of(Body::Bytes(bytes.into()))
    }

    /// Serves so many bytes, which `make` makes: from a place on, as many as are asked for or fewer.
    pub(crate) fn made(
        length: u64,
        make: impl Fn(u64, usize) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self::of(Body::Made(length, Arc::new(make)))
    }

    fn of(body: Body) -> Self {
        Self {
            body,
            framing: Framing::Ranges,
            status: 200,
            first: Vec::new(),
            headers: Vec::new(),
            length: None,
            tag: None,
            changes: false,
            by_time: None,
            titles: None,
            silent: false,
            plain_only: false,
            begins_after: Duration::ZERO,
            stall_after: None,
            dries_up_at: None,
            one_at_a_time: false,
            cut_after: None,
            ends_at: None,
            bytes_per_second: None,
            dwindle_after: None,
            drops_paused: None,
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
        Self::status(status).header("Location", location)
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
        self.header("Content-Type", mime)
    }

    /// One more header.
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// How the body is delimited.
    pub(crate) fn framing(self, framing: Framing) -> Self {
        Self { framing, ..self }
    }

    /// Says this of the length, whatever it is.
    pub(crate) fn claims_length(self, length: &str) -> Self {
        Self {
            length: Some(length.to_owned()),
            ..self
        }
    }

    /// Says `ETag`, and sends parts only of what `If-Range` names.
    pub(crate) fn tag(self, tag: &str) -> Self {
        Self {
            tag: Some(tag.to_owned()),
            ..self
        }
    }

    /// Is another file, with another tag, after the first answer.
    pub(crate) fn changes(self) -> Self {
        Self {
            changes: true,
            ..self
        }
    }

    /// Answers the first requests with these statuses; 200 is an answer like the later ones.
    pub(crate) fn first_answers(self, statuses: &[u16]) -> Self {
        Self {
            first: statuses.to_vec(),
            ..self
        }
    }

    /// Answers 406 to whoever asks for DLNA's ways to transfer.
    pub(crate) fn plain_only(self) -> Self {
        Self {
            plain_only: true,
            ..self
        }
    }

    /// Is asked for parts by time, and makes a file for each; where that is empty there is no such part.
    pub(crate) fn by_time(
        self,
        make: impl Fn(Duration) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let features =
            "DLNA.ORG_OP=10;DLNA.ORG_CI=1;DLNA.ORG_FLAGS=01700000000000000000000000000000";
        Self {
            by_time: Some(ByTime(Arc::new(make))),
            ..self.header("contentFeatures.dlna.org", features)
        }
    }

    /// Sends titles to whoever wants them: one block after every `interval` bytes of sound, each title in the first block after the
    /// byte that is named with it.
    pub(crate) fn titles(self, interval: usize, titles: &[(u64, &[u8])]) -> Self {
        let titles = titles.iter().map(|(at, title)| (*at, title.to_vec()));
        Self {
            titles: Some(Titles {
                interval,
                titles: titles.collect(),
            }),
            ..self
        }
    }

    /// Sends nothing for so long after the head.
    pub(crate) fn begins_after(self, begins_after: Duration) -> Self {
        Self {
            begins_after,
            ..self
        }
    }

    /// Sends this much of each body and then nothing, until the server's `release`.
    pub(crate) fn stall_after(self, bytes: usize) -> Self {
        Self {
            stall_after: Some(bytes as u64),
            ..self
        }
    }

    /// Sends nothing from this byte of the file on, whatever was asked for.
    pub(crate) fn dries_up_at(self, byte: usize) -> Self {
        Self {
            dries_up_at: Some(byte as u64),
            ..self
        }
    }

    /// Answers nobody while another connection is open.
    pub(crate) fn one_at_a_time(self) -> Self {
        Self {
            one_at_a_time: true,
            ..self
        }
    }

    /// Closes the connection after this much of each body.
    pub(crate) fn cut_after(self, bytes: usize) -> Self {
        self.cut_first(bytes, usize::MAX)
    }

    /// Closes the connection after this much of each of the first so many bodies.
    pub(crate) fn cut_first(self, bytes: usize, bodies: usize) -> Self {
        Self {
            cut_after: Some((bytes as u64, bodies)),
            ..self
        }
    }

    /// Closes the connection before this byte of the file, whatever was asked for.
    pub(crate) fn ends_at(self, byte: usize) -> Self {
        Self {
            ends_at: Some(byte as u64),
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

    /// Sends this much of each body as it comes, and the rest at a thousand bytes per second.
    pub(crate) fn dwindle_after(self, bytes: usize) -> Self {
        Self {
            dwindle_after: Some(bytes as u64),
            ..self
        }
    }

    /// Closes the connection when the client takes nothing for so long.
    pub(crate) fn drops_paused(self, after: Duration) -> Self {
        Self {
            drops_paused: Some(after),
            ..self
        }
    }
}

/// The bytes of a file in `tests/fixtures/media`.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/media/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
