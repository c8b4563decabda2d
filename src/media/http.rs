//! Fetches media over HTTP: one plain GET, and another only when the decoder jumps or the connection breaks.
//! It knows nothing of audio, and it is the only asynchronous part of this module.
//!
//! The seam is [`Network::get`]: an address becomes an [`Answer`], that is what the server says of it and its bytes as
//! they come. [`transfer`] fills a [`buffer`](super::buffer) with that; [`programme`] knows which files one after the other.

mod answer;
mod client;
mod headers;
mod icy;
mod lull;
mod mend;
mod programme;
mod remarks;
mod resume;
mod segments;
mod transfer;

use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Builder;
use hyper::{Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use url::Url;

use super::buffer::{Intake, Place};
use answer::{Answer, Refusal, TIME_SEEK_RANGE};
use client::Clients;
use headers::TimeRange;
use programme::Programme;

/// As browsers do, roughly: more is a loop.
const MOST_REDIRECTS: usize = 10;
/// Servers choose profiles by it; this one says DLNA and names no product they know.
const USER_AGENT: &str = concat!(
    "Unisono/",
    env!("CARGO_PKG_VERSION"),
    " UPnP/1.0 DLNADOC/1.50"
);

const GET_CONTENT_FEATURES: HeaderName = HeaderName::from_static("getcontentfeatures.dlna.org");
const TRANSFER_MODE: HeaderName = HeaderName::from_static("transfermode.dlna.org");
const ICY_METADATA: HeaderName = HeaderName::from_static("icy-metadata");

/// What the sender has said of a track.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hints {
    /// How long it plays, so that it has an end.
    pub(super) finite: bool,
    /// What it is called, so that no playlist need say it.
    pub(super) title: bool,
}

/// How media is reached, for the whole program. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Network {
    runtime: Handle,
    clients: Clients,
    own_ports: Arc<[u16]>,
}

impl Network {
    /// Fetches on `runtime`. Media on any address of this machine at one of `own_ports`, where this program itself
    /// listens, is refused: a control point must not make the renderer talk to itself.
    pub fn new(runtime: Handle, own_ports: Vec<u16>) -> Self {
        Self {
            runtime,
            clients: Clients::new(),
            own_ports: own_ports.into(),
        }
    }

    /// Begins to fetch what is at `uri`, or what the playlist there names, into `intake`. The task waits for restarts until it is
    /// aborted.
    pub(super) fn fetch(&self, uri: String, hints: Hints, intake: Intake) -> AbortHandle {
        let programme = Programme::new(self.clone(), uri, hints, intake);
        self.runtime.spawn(programme.run()).abort_handle()
    }

    /// Asks for what is at `uri` from `place` on, redirects followed. With a `validator` only the version of the file that it stands
    /// for is sent in part.
    pub(super) async fn get(
        &self,
        uri: &str,
        place: Place,
        validator: Option<&str>,
    ) -> Result<Answer, Refusal> {
        let asked = Instant::now();
        let mut url = Url::parse(uri).map_err(|error| Refusal::Address(error.to_string()))?;
        let mut remarks = Vec::new();
        for _ in 0..=MOST_REDIRECTS {
            self.check(&url).await?;
            let mut response = self.ask(&url, place, validator, true).await?;
            if response.status() == StatusCode::NOT_ACCEPTABLE {
                remarks.push(
                    "the server refuses DLNA's headers (406); asked again without them".to_owned(),
                );
                response = self.ask(&url, place, validator, false).await?;
            }
            if !is_redirect(response.status()) {
                let mut answer = Answer::read(response, url, place, asked)?;
                remarks.append(&mut answer.remarks);
                answer.remarks = remarks;
                return Ok(answer);
            }
            let location = response.headers().get(header::LOCATION);
            url = location
                .and_then(|location| {
                    url.join(std::str::from_utf8(location.as_bytes()).ok()?)
                        .ok()
                })
                .ok_or_else(|| {
                    Refusal::Unusable(format!(
                        "the server answered {} without a usable Location",
                        response.status()
                    ))
                })?;
            remarks.push(format!("it redirects to {url}"));
        }
        Err(Refusal::Unusable(format!(
            "it redirects more than {MOST_REDIRECTS} times"
        )))
    }

    /// Sends one request, with the headers of DLNA and of radio stations or without.
    async fn ask(
        &self,
        url: &Url,
        place: Place,
        validator: Option<&str>,
        extras: bool,
    ) -> Result<Response<Incoming>, Refusal> {
        let mut request = plain_request(url)?;
        if extras {
            request = request
                .header(TRANSFER_MODE, "Streaming")
                .header(GET_CONTENT_FEATURES, "1");
        }
        request = match place {
            Place::Byte(0) if extras => request.header(ICY_METADATA, "1"),
            Place::Byte(0) => request,
            Place::Byte(from) => {
                let request = request.header(header::RANGE, format!("bytes={from}-"));
                match validator {
                    Some(validator) => request.header(header::IF_RANGE, validator),
                    None => request,
                }
            }
            Place::Time(from) => request.header(TIME_SEEK_RANGE, TimeRange::from(from)),
        };
        let request = request
            .body(String::new())
            .map_err(|error| Refusal::Address(error.to_string()))?;
        self.clients
            .send(request)
            .await
            .map_err(Refusal::Unreachable)
    }

    async fn check(&self, url: &Url) -> Result<(), Refusal> {
        if !["http", "https"].contains(&url.scheme()) {
            return Err(Refusal::Address(format!("it leads to {}://", url.scheme())));
        }
        if self.is_own(url).await {
            return Err(Refusal::Address(
                "it leads to this renderer itself".to_owned(),
            ));
        }
        Ok(())
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

/// A GET of all of it, with what every request says.
fn plain_request(url: &Url) -> Result<Builder, Refusal> {
    let mut address = url.clone();
    address.set_fragment(None);
    let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    let user = decoded(url.username());
    let password = decoded(url.password().unwrap_or_default());
    // Neither can fail for a URL that has a host.
    let _ = address.set_username("");
    let _ = address.set_password(None);
    let mut request = Request::get(address.as_str())
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "*/*")
        .header(header::ACCEPT_ENCODING, "identity");
    if !user.is_empty() || !password.is_empty() {
        let credentials = BASE64.encode([&user[..], b":", &password].concat());
        let mut value = HeaderValue::try_from(format!("Basic {credentials}"))
            .map_err(|error| Refusal::Address(error.to_string()))?;
        value.set_sensitive(true);
        request = request.header(header::AUTHORIZATION, value);
    }
    Ok(request)
}

/// Only addresses of this machine can be bound; binding sends nothing.
fn is_of_this_machine(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_of_this_machine_and_a_documentation_address_is_not() {
        assert!(is_of_this_machine(IpAddr::from([127, 0, 0, 1])));
        assert!(is_of_this_machine(IpAddr::from([0, 0, 0, 0])));
        assert!(!is_of_this_machine(IpAddr::from([192, 0, 2, 1])));
    }

    #[test]
    fn names_in_an_address_are_sent_as_credentials_and_not_in_it() {
        let url = Url::parse("http://an%20n:p%3Aw@radio.example:8000/x#part").unwrap();
        let request = plain_request(&url).unwrap().body(()).unwrap();
        assert_eq!(request.uri(), "http://radio.example:8000/x");
        // "an n:p:w"
        assert_eq!(request.headers()["authorization"], "Basic YW4gbjpwOnc=");
    }
}
