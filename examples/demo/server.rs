//! A media server for a few files held in memory, such as the one a phone starts when it casts: whole files and ranges.
//! It is not for serving folders.

use std::io;
use std::ops::Range;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;

/// One file.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    /// Its path in the URL: `/song.wav`.
    pub(crate) path: String,
    /// Its MIME type.
    pub(crate) mime: &'static str,
    /// What is in it.
    pub(crate) content: Bytes,
}

/// Serves `files` on `listener` until it is dropped.
pub(crate) async fn serve(listener: TcpListener, files: Vec<Served>) -> io::Result<()> {
    let answer = move |request: Request| {
        let file = files.iter().find(|file| file.path == request.uri().path());
        let response = match file {
            Some(file) => respond(file, request.headers()),
            None => StatusCode::NOT_FOUND.into_response(),
        };
        async move { response }
    };
    axum::serve(listener, Router::new().fallback(answer)).await
}

/// The whole file, or the part that is asked for. To HEAD hyper sends the headers of this alone.
fn respond(file: &Served, request: &HeaderMap) -> Response {
    let kind = [
        (header::CONTENT_TYPE, file.mime),
        (header::ACCEPT_RANGES, "bytes"),
    ];
    let asked = request.get(header::RANGE);
    let asked = asked.and_then(|value| parse(value.to_str().ok()?));
    let length = file.content.len();
    match asked.map(|asked| asked.within(length)) {
        None => (kind, file.content.clone()).into_response(),
        Some(Some(part)) => {
            let place = format!("bytes {}-{}/{length}", part.start, part.end - 1);
            let place = [(header::CONTENT_RANGE, place)];
            let body = file.content.slice(part);
            (StatusCode::PARTIAL_CONTENT, kind, place, body).into_response()
        }
        Some(None) => {
            let place = [(header::CONTENT_RANGE, format!("bytes */{length}"))];
            (StatusCode::RANGE_NOT_SATISFIABLE, place).into_response()
        }
    }
}

/// A part of a file as a client asks for it.
enum Part {
    /// From a byte to a byte, that one included, or to the end.
    From(usize, Option<usize>),
    /// So many bytes at the end.
    Last(usize),
}

/// Reads a Range header. One that makes no sense, or asks for several parts, counts as none (RFC 9110 §14.2).
fn parse(value: &str) -> Option<Part> {
    let (from, to) = value.trim().strip_prefix("bytes=")?.split_once('-')?;
    match (from, to) {
        ("", last) => Some(Part::Last(last.parse().ok()?)),
        (from, "") => Some(Part::From(from.parse().ok()?, None)),
        (from, to) => Some(Part::From(from.parse().ok()?, Some(to.parse().ok()?))),
    }
}

impl Part {
    /// The bytes of a file of `length` that this is; `None` if there are none.
    fn within(&self, length: usize) -> Option<Range<usize>> {
        let range = match *self {
            Self::From(from, None) => from..length,
            Self::From(from, Some(to)) => from..to.saturating_add(1).min(length),
            Self::Last(count) => length.saturating_sub(count)..length,
        };
        (!range.is_empty()).then_some(range)
    }
}
