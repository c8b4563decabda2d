//! Fetches a file over HTTP into a [`buffer`](super::buffer): one plain GET, and another with a range only when the
//! decoder jumps. It knows nothing of audio, and it is the only asynchronous file of this module.

use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::MediaError;
use super::buffer::{Description, Intake};

/// A server in the same house that has not accepted a connection by then will not.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// From the request to the first byte of the file. Transcoders need seconds to start; but who has cast to a dead server
/// must be told within 15 s.
const FIRST_BYTE_WITHIN: Duration = Duration::from_secs(14);
/// The longest silence in the middle of a file. Whoever listens may be patient for less when nothing is left to be heard;
/// a server that is started anew under music that has been read ahead is waited for.
const STALLED_AFTER: Duration = Duration::from_secs(45);
/// As browsers do, roughly: more is a loop.
const MOST_REDIRECTS: usize = 10;
/// Lengths that servers make up for streams whose length they do not know.
const MADE_UP_LENGTHS: [u64; 3] = [i32::MAX as u64, u32::MAX as u64, i64::MAX as u64];

const CONTENT_FEATURES: HeaderName = HeaderName::from_static("getcontentfeatures.dlna.org");
const TRANSFER_MODE: HeaderName = HeaderName::from_static("transfermode.dlna.org");

/// How media is reached: one HTTP client for the whole program. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Network {
    runtime: Handle,
    client: Client,
    own_ports: Arc<[u16]>,
}

impl Network {
    /// Fetches on `runtime`. Media on any address of this machine at one of `own_ports`, where this program itself
    /// listens, is refused: a control point must not make the renderer talk to itself.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(runtime: Handle, own_ports: Vec<u16>) -> io::Result<Self> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        );
        headers.insert(TRANSFER_MODE, HeaderValue::from_static("Streaming"));
        headers.insert(CONTENT_FEATURES, HeaderValue::from_static("1"));
        let client = Client::builder()
            // Servers choose profiles by it; this one says DLNA and names no product they know.
            .user_agent(concat!(
                "Unisono/",
                env!("CARGO_PKG_VERSION"),
                " UPnP/1.0 DLNADOC/1.50"
            ))
            .default_headers(headers)
            .connect_timeout(CONNECT_WITHIN)
            // Redirects are followed by hand, so that every hop is checked.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            // One connection per track, closed with it.
            .pool_max_idle_per_host(0)
            .http1_ignore_invalid_headers_in_responses(true)
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .build()
            .map_err(io::Error::other)?;
        Ok(Self {
            runtime,
            client,
            own_ports: own_ports.into(),
        })
    }

    /// Begins to fetch `uri` into `intake`. The task waits for restarts until it is aborted.
    pub(super) fn fetch(&self, uri: String, intake: Intake) -> AbortHandle {
        let fetch = Fetch {
            network: self.clone(),
            uri,
            intake,
        };
        self.runtime.spawn(fetch.run()).abort_handle()
    }

    /// Whether `url` leads to this very program.
    async fn is_own(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return false;
        };
        if !self.own_ports.contains(&port) {
            return false;
        }
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match tokio::net::lookup_host((host, port)).await {
            Ok(mut addresses) => addresses.any(|address| is_of_this_machine(address.ip())),
            // What cannot be resolved cannot be reached either.
            Err(_) => false,
        }
    }
}

/// Only addresses of this machine can be bound; binding sends nothing.
fn is_of_this_machine(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

struct Fetch {
    network: Network,
    uri: String,
    intake: Intake,
}

impl Fetch {
    async fn run(self) {
        let mut from = 0;
        loop {
            from = tokio::select! {
                biased;
                restart = poll_fn(|context| self.intake.poll_restart(context)) => restart,
                restart = self.transfer_and_report(from) => restart,
            };
        }
    }

    /// Transfers, reports how it ended, and waits until the reader wants something else.
    async fn transfer_and_report(&self, from: u64) -> u64 {
        match self.transfer(from).await {
            Ok(()) => self.intake.complete(),
            Err(error) => self.intake.fail(error),
        }
        poll_fn(|context| self.intake.poll_restart(context)).await
    }

    async fn transfer(&self, from: u64) -> Result<(), MediaError> {
        let deadline = Instant::now() + FIRST_BYTE_WITHIN;
        let late = || {
            self.failed(format!(
                "the server sent nothing for {} s",
                FIRST_BYTE_WITHIN.as_secs()
            ))
        };
        let mut response = timeout_at(deadline, self.request(from))
            .await
            .map_err(|_| late())??;
        if from > 0 && response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok(());
        }
        let description = self.describe(&response, from)?;
        let length = description.length;
        // A server that knows no ranges sends all of it; what comes before the place asked for is passed over.
        let mut unwanted = if response.status() == StatusCode::PARTIAL_CONTENT {
            0
        } else {
            from
        };
        if from == 0 {
            self.intake.describe(description);
        }

        let mut position = from;
        let mut patience = deadline - Instant::now();
        loop {
            // A restart ends this future from outside.
            poll_fn(|context| self.intake.poll_room(context)).await;
            match timeout(patience, response.chunk()).await {
                Ok(Ok(Some(bytes))) => {
                    let passed = unwanted.min(bytes.len() as u64);
                    unwanted -= passed;
                    // At most the number of bytes, so the cast loses nothing.
                    let wanted = &bytes[passed as usize..];
                    position += wanted.len() as u64;
                    self.intake.push(wanted);
                }
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => return Err(self.broken_off(position, length, &error)),
                Err(_) if position == from => return Err(late()),
                Err(_) => {
                    return Err(self.failed(format!(
                        "the server fell silent for {} s after {position} bytes",
                        STALLED_AFTER.as_secs()
                    )));
                }
            }
            patience = STALLED_AFTER;
        }
    }

    /// Sends the request and follows redirects.
    async fn request(&self, from: u64) -> Result<Response, MediaError> {
        let mut url = Url::parse(&self.uri).map_err(|error| self.address(error.to_string()))?;
        for _ in 0..=MOST_REDIRECTS {
            self.check(&url).await?;
            let mut request = self.network.client.get(url.clone());
            if from > 0 {
                request = request.header(header::RANGE, format!("bytes={from}-"));
            }
            let response = request
                .send()
                .await
                .map_err(|error| self.failed(reason(&error)))?;
            if !is_redirect(response.status()) {
                return Ok(response);
            }
            url = response
                .headers()
                .get(header::LOCATION)
                .and_then(|location| url.join(location.to_str().ok()?).ok())
                .ok_or_else(|| {
                    self.failed(format!(
                        "the server answered {} without a usable Location",
                        response.status()
                    ))
                })?;
        }
        Err(self.failed(format!("it redirects more than {MOST_REDIRECTS} times")))
    }

    async fn check(&self, url: &Url) -> Result<(), MediaError> {
        if url.scheme() != "http" {
            return Err(self.address(format!("it leads to {}://", url.scheme())));
        }
        if self.network.is_own(url).await {
            return Err(self.address("it leads to this renderer itself".to_owned()));
        }
        Ok(())
    }

    fn describe(&self, response: &Response, from: u64) -> Result<Description, MediaError> {
        let headers = response.headers();
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let range = text(header::CONTENT_RANGE).and_then(ContentRange::parse);
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                if let Some(range) = &range
                    && range.first != from
                {
                    return Err(self.failed(format!(
                        "the server was asked for the file from byte {from} and sent it from {}",
                        range.first
                    )));
                }
            }
            status if status.is_success() && from > 0 && response.content_length().is_none() => {
                return Err(self.failed(
                    "it cannot be played from another place: the server sends the whole stream \
                     when asked for a part"
                        .to_owned(),
                ));
            }
            status if status.is_success() => {}
            status => {
                return Err(self.failed(format!("the server answered {status}")));
            }
        }
        let length = match &range {
            Some(range) => range.total,
            // Without a word on the range it is all of it.
            None if response.status() != StatusCode::PARTIAL_CONTENT => response.content_length(),
            None => response.content_length().map(|rest| from + rest),
        };
        let length = length.filter(|length| !MADE_UP_LENGTHS.contains(length));
        let refuses = text(header::ACCEPT_RANGES)
            .is_some_and(|value| value.trim().eq_ignore_ascii_case("none"));
        Ok(Description {
            length,
            // Many servers that can do it do not say so; a seek will show.
            ranges: length.is_some() && !refuses,
            content_type: text(header::CONTENT_TYPE).map(str::to_owned),
        })
    }

    fn broken_off(&self, at: u64, length: Option<u64>, error: &reqwest::Error) -> MediaError {
        self.failed(match length {
            Some(length) => {
                format!("the server closed the connection {at} of {length} bytes into the file")
            }
            None => format!(
                "the connection broke {at} bytes into the stream: {}",
                reason(error)
            ),
        })
    }

    fn failed(&self, reason: String) -> MediaError {
        MediaError::Fetch {
            uri: self.uri.clone(),
            reason,
        }
    }

    fn address(&self, reason: String) -> MediaError {
        MediaError::Address {
            uri: self.uri.clone(),
            reason,
        }
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// What went wrong, in words: of a chain of errors the last names the cause.
fn reason(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no connection within {} s", CONNECT_WITHIN.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let cause = cause.to_string();
    if error.is_connect() {
        format!("no connection: {cause}")
    } else {
        cause
    }
}

/// `bytes 0-99/1234`
struct ContentRange {
    first: u64,
    total: Option<u64>,
}

impl ContentRange {
    fn parse(text: &str) -> Option<Self> {
        let (span, total) = text.trim().strip_prefix("bytes")?.trim().split_once('/')?;
        let (first, _) = span.split_once('-')?;
        Some(Self {
            first: first.trim().parse().ok()?,
            total: total.trim().parse().ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read() {
        let check = |text: &str, expected: Option<(u64, Option<u64>)>| {
            let read = ContentRange::parse(text).map(|range| (range.first, range.total));
            assert_eq!(read, expected, "{text}");
        };
        check("bytes 0-99/1234", Some((0, Some(1234))));
        check("bytes 17-/*", Some((17, None)));
        check("bytes */1234", None);
        check("seconds 1-2/3", None);
    }

    #[test]
    fn loopback_is_of_this_machine_and_a_documentation_address_is_not() {
        assert!(is_of_this_machine(IpAddr::from([127, 0, 0, 1])));
        assert!(is_of_this_machine(IpAddr::from([0, 0, 0, 0])));
        assert!(!is_of_this_machine(IpAddr::from([192, 0, 2, 1])));
    }
}
