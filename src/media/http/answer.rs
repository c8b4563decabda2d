//! What a media server has answered: what its head says of the file, and the bytes as they come, titles taken out.
//! It asks for nothing itself.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName};
use hyper::{Response, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::client::last_cause;
use super::headers::{ContentRange, Features, TimeRange};
use super::icy::{Icy, Piece};
use super::remarks::{Looks, remarks};
use crate::media::MediaError;
use crate::media::buffer::{Description, Place};

/// Lengths that servers make up for streams whose length they do not know.
const MADE_UP_LENGTHS: [u64; 3] = [i32::MAX as u64, u32::MAX as u64, i64::MAX as u64];
/// The largest distance between two titles that is believed; the largest seen in the field is 256,000.
const LONGEST_INTERVAL: usize = 1 << 24;

pub(super) const CONTENT_FEATURES: HeaderName = HeaderName::from_static("contentfeatures.dlna.org");
pub(super) const TIME_SEEK_RANGE: HeaderName = HeaderName::from_static("timeseekrange.dlna.org");
const ICY_INTERVAL: HeaderName = HeaderName::from_static("icy-metaint");
const ICY_NAME: HeaderName = HeaderName::from_static("icy-name");
const ICY_RATE: HeaderName = HeaderName::from_static("icy-br");

/// Why a request has brought no file.
#[derive(Debug)]
pub(in crate::media) enum Refusal {
    /// The address is not one that is fetched.
    Address(String),
    /// There is no connection, or it broke before the answer.
    Unreachable(String),
    /// The server's status says no.
    Status {
        /// Which.
        status: StatusCode,
        /// When to ask again, if the server says so.
        retry_after: Option<Duration>,
    },
    /// There is an answer, and it cannot be used.
    Unusable(String),
}

impl Refusal {
    /// The same as an error about `uri`.
    pub(in crate::media) fn explain(self, uri: &str) -> MediaError {
        match self {
            Self::Address(reason) => MediaError::Address {
                uri: uri.to_owned(),
                reason,
            },
            Self::Unreachable(reason) | Self::Unusable(reason) => MediaError::fetch(uri, reason),
            Self::Status { status, .. } => {
                MediaError::fetch(uri, format!("the server answered {status}"))
            }
        }
    }

    /// Whether the same request may be answered better in a moment.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Address(_) | Self::Unusable(_) => false,
            Self::Unreachable(_) => true,
            Self::Status { status, .. } => {
                status.is_server_error()
                    || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(status)
            }
        }
    }
}

/// A file as it comes.
#[derive(Debug)]
pub(in crate::media) struct Answer {
    /// What the head says of it.
    pub(in crate::media) description: Description,
    /// Where it has come from in the end.
    pub(super) url: Url,
    /// The place in the file of the first byte that comes.
    pub(super) first: u64,
    /// Whether it has been said, or shown, that parts of the file can be had. Where it is only not denied, asking for one may bring
    /// all of it.
    pub(super) vouches_for_ranges: bool,
    /// By what the server tells this version of the file from another: an entity tag or a date.
    pub(super) validator: Option<String>,
    /// Whether the length it states is no length of anything.
    pub(super) made_up: bool,
    /// What a person may want to know of it, a sentence each.
    pub(super) remarks: Vec<String>,
    /// When it was asked for.
    pub(super) asked_at: Instant,
    body: Incoming,
    icy: Option<Icy>,
    /// What has been waited for, in front of everything else.
    head: Vec<u8>,
    /// What has come and not been handed out.
    bytes: Bytes,
    /// Why no more will come, where that was learnt before it was asked for.
    broken: Option<String>,
}

impl Answer {
    /// Reads the head of what was answered when `place` was asked for at `url`, at the time `asked_at`.
    pub(super) fn read(
        response: Response<Incoming>,
        url: Url,
        place: Place,
        asked_at: Instant,
    ) -> Result<Self, Refusal> {
        let (head, body) = response.into_parts();
        let headers = Headers(&head.headers);
        if !head.status.is_success() {
            let seconds = headers
                .text(header::RETRY_AFTER)
                .and_then(|it| it.trim().parse().ok());
            return Err(Refusal::Status {
                status: head.status,
                retry_after: seconds.map(Duration::from_secs),
            });
        }
        if let Some(coding) = headers.text(header::CONTENT_ENCODING)
            && !["", "identity"].contains(&coding.trim().to_ascii_lowercase().as_str())
        {
            return Err(Refusal::Unusable(format!(
                "the server sends it compressed ({coding}), though it was asked not to"
            )));
        }
        let partial = head.status == StatusCode::PARTIAL_CONTENT;
        let asked = match place {
            Place::Byte(from) => from,
            Place::Time(_) => 0,
        };
        let range = headers
            .text(header::CONTENT_RANGE)
            .and_then(ContentRange::parse);
        let first = match (partial, range) {
            (true, Some(range)) if place != Place::Byte(0) || range.first == 0 => range.first,
            (true, Some(range)) => {
                return Err(Refusal::Unusable(format!(
                    "the server was asked for the whole file and sent it from byte {} on",
                    range.first
                )));
            }
            // Without a word on the range it is what was asked for.
            (true, None) => asked,
            (false, _) => 0,
        };
        if matches!(place, Place::Byte(_)) && first > asked {
            return Err(Refusal::Unusable(format!(
                "the server was asked for the file from byte {asked} and sent it from {first}"
            )));
        }
        let stated = body.size_hint().exact();
        let interval = headers
            .text(ICY_INTERVAL)
            .and_then(|it| it.trim().parse().ok());
        let made_up = stated.filter(|length| MADE_UP_LENGTHS.contains(length));
        let description = headers.describe(place, first, range, stated);
        let remarks = remarks(Looks {
            description: &description,
            mends: head.extensions.get(),
            station: headers.text(ICY_NAME),
            is_unasked_part: partial && place == Place::Byte(0),
            made_up,
        });
        Ok(Self {
            description,
            url,
            first: if matches!(place, Place::Byte(_)) {
                first
            } else {
                0
            },
            vouches_for_ranges: partial || headers.vouch_for_ranges(),
            validator: headers.validator(),
            made_up: made_up.is_some(),
            remarks,
            asked_at,
            icy: interval
                .filter(|interval| (1..=LONGEST_INTERVAL).contains(interval))
                .map(Icy::new),
            body,
            head: Vec::new(),
            bytes: Bytes::new(),
            broken: None,
        })
    }

    /// Waits for the first bytes: so many, or fewer where there are no more or they need not `go_on`. They are handed out later all
    /// the same. Nothing is lost when the future is dropped before it is ready.
    pub(super) async fn fill(&mut self, count: usize, go_on: impl Fn(&[u8]) -> bool) {
        while self.head.len() < count && self.broken.is_none() && go_on(&self.head) {
            match poll_fn(|context| Pin::new(&mut self.body).poll_frame(context)).await {
                None => break,
                Some(Err(error)) => self.broken = Some(last_cause(&error)),
                Some(Ok(frame)) => {
                    let more = frame.into_data().unwrap_or_default();
                    self.head.extend_from_slice(&more);
                }
            }
        }
    }

    /// Why no more will come, if that was learnt while it was waited for.
    pub(super) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// What has been waited for: up to so many bytes of it.
    pub(super) fn head(&self, count: usize) -> &[u8] {
        &self.head[..self.head.len().min(count)]
    }

    /// All that has been waited for, without a copy.
    pub(super) fn into_head(self) -> Vec<u8> {
        self.head
    }

    /// What comes next; `None` at the end. Nothing is lost when the future is dropped before it is ready.
    ///
    /// # Errors
    /// Why the connection broke, in words.
    pub(in crate::media) async fn next(&mut self) -> Result<Option<Piece>, String> {
        if !self.head.is_empty() {
            self.bytes = std::mem::take(&mut self.head).into();
        }
        loop {
            if !self.bytes.is_empty() {
                match &mut self.icy {
                    None => return Ok(Some(Piece::Audio(std::mem::take(&mut self.bytes)))),
                    Some(icy) => {
                        if let Some(piece) = icy.take(&mut self.bytes) {
                            return Ok(Some(piece));
                        }
                    }
                }
            }
            if let Some(reason) = self.broken.take() {
                return Err(reason);
            }
            let frame = poll_fn(|context| Pin::new(&mut self.body).poll_frame(context)).await;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(last_cause(&error)),
                // Trailers say nothing that matters.
                Some(Ok(frame)) => self.bytes = frame.into_data().unwrap_or_default(),
            }
        }
    }
}

struct Headers<'a>(&'a HeaderMap);

impl<'a> Headers<'a> {
    fn text(&self, name: HeaderName) -> Option<&'a str> {
        self.0.get(name).and_then(|value| value.to_str().ok())
    }

    fn describe(
        &self,
        place: Place,
        first: u64,
        range: Option<ContentRange>,
        stated: Option<u64>,
    ) -> Description {
        let features = self.text(CONTENT_FEATURES).map(Features::parse);
        let features = features.unwrap_or_default();
        let time = self.text(TIME_SEEK_RANGE).and_then(TimeRange::parse);
        let length = match (place, range) {
            (Place::Time(_), _) => None,
            (_, Some(range)) => range.total,
            (_, None) => stated.map(|rest| first + rest),
        };
        let length = length.filter(|length| !MADE_UP_LENGTHS.contains(length));
        let ranges = match (self.accepts().as_deref(), features.operations) {
            (Some("none"), _) => false,
            (Some("bytes"), _) => true,
            (_, Some((true, false))) => false,
            // Many servers that can do it do not say so; a seek will show.
            _ => true,
        };
        let by_time = features.operations.is_some_and(|(by_time, _)| by_time);
        let is_station = [ICY_INTERVAL, ICY_NAME, ICY_RATE]
            .iter()
            .any(|it| self.0.contains_key(it));
        let live = length.is_none() && (is_station || features.live);
        // What is stated counts the titles, too, and no place in it is one in the sound.
        let length = length.filter(|_| !self.0.contains_key(ICY_INTERVAL));
        let ranges = ranges && length.is_some();
        Description {
            length,
            ranges,
            by_time: by_time && !ranges,
            begins_at: match place {
                Place::Time(asked) => time.map_or(asked, |time| time.first),
                Place::Byte(_) => Duration::ZERO,
            },
            duration: time.and_then(|time| time.total),
            live,
            one_of_many: false,
            content_type: self.text(header::CONTENT_TYPE).map(str::to_owned),
        }
    }

    fn accepts(&self) -> Option<String> {
        let accepts = self.text(header::ACCEPT_RANGES);
        accepts.map(|value| value.trim().to_ascii_lowercase())
    }

    fn vouch_for_ranges(&self) -> bool {
        let features = self.text(CONTENT_FEATURES).map(Features::parse);
        let operations = features.and_then(|features| features.operations);
        self.accepts().as_deref() == Some("bytes") || operations.is_some_and(|(_, bytes)| bytes)
    }

    /// Weak tags do not vouch for single bytes (RFC 9110, 13.1.5).
    fn validator(&self) -> Option<String> {
        let strong = |tag: &&str| tag.starts_with('"');
        let tag = self.text(header::ETAG).filter(strong);
        tag.or_else(|| self.text(header::LAST_MODIFIED))
            .map(str::to_owned)
    }
}
