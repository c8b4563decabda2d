//! A control point that finds a renderer by a search on loopback and speaks raw SOAP to it.
//! Not forgiving: whatever is missing in an answer fails the test.

#![expect(clippy::unwrap_used, reason = "in a test helper, to panic is to tell")]

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::upnp_house::Searcher;
use super::upnp_wire::{Message, Subscriber, bare, envelope, exchange, post, subscribe};

/// A song is expected to start, and a state to be reached, within this; it is far more than it takes.
const PATIENCE: Duration = Duration::from_secs(30);
const SEARCH: &[u8] = b"M-SEARCH * HTTP/1.1\r\nHOST: 127.0.0.1:1900\r\nMAN: \"ssdp:discover\"\r\n\
    ST: urn:schemas-upnp-org:device:MediaRenderer:1\r\n\r\n";

/// A renderer on loopback.
#[derive(Debug, Clone)]
pub struct Renderer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its description.
    pub description: Message,
}

impl Renderer {
    /// Searches for the renderer of this name.
    pub async fn find(name: &str) -> Self {
        let searcher = Searcher::on(Ipv4Addr::LOCALHOST);
        let deadline = Instant::now() + PATIENCE;
        loop {
            searcher.send("127.0.0.1:1900", SEARCH).await;
            for answer in searcher.collect(Duration::from_millis(200)).await {
                let renderer = Self::at(location(&answer)).await;
                if renderer.description.element("friendlyName") == Some(name) {
                    return renderer;
                }
            }
            assert!(Instant::now() < deadline, "nobody is called {name:?}");
        }
    }

    /// The renderer whose description is there.
    pub async fn at(location: &str) -> Self {
        let (address, path) = location
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once('/'))
            .unwrap_or_else(|| panic!("no address: {location}"));
        let address = address.parse().unwrap();
        let description = exchange(address, bare("GET", &format!("/{path}"), &[])).await;
        assert_eq!(description.status(), 200, "{location}");
        Self {
            address,
            description,
        }
    }

    /// What it is known by: `uuid:…`.
    pub fn udn(&self) -> &str {
        self.description.element("UDN").unwrap()
    }

    /// A URL of a service (`AVTransport`) by its name in the description (`controlURL`).
    pub fn path(&self, service: &str, url: &str) -> String {
        let (_, rest) = self
            .description
            .body
            .split_once(&format!(":service:{service}:1</serviceType>"))
            .unwrap_or_else(|| panic!("no {service}"));
        let (_, rest) = rest.split_once(&format!("<{url}>")).unwrap();
        rest.split_once('<').unwrap().0.to_owned()
    }

    /// Sends a POST to the control URL of AVTransport.
    pub async fn post(&self, headers: &str, body: impl AsRef<[u8]>) -> Message {
        let path = self.path("AVTransport", "controlURL");
        exchange(self.address, post(&path, headers, body)).await
    }

    /// Invokes an action; a fault is its code.
    pub async fn call(
        &self,
        service: &str,
        action: &str,
        arguments: &[(&str, &str)],
    ) -> Result<Message, u16> {
        let kind = format!("urn:schemas-upnp-org:service:{service}:1");
        let mut content = format!("<u:{action} xmlns:u=\"{kind}\"><InstanceID>0</InstanceID>");
        for (name, value) in arguments {
            let value = value.replace('&', "&amp;").replace('<', "&lt;");
            write!(content, "<{name}>{value}</{name}>").unwrap();
        }
        write!(content, "</u:{action}>").unwrap();
        let headers = format!(
            "Content-Type: text/xml; charset=\"utf-8\"\r\nSOAPAction: \"{kind}#{action}\"\r\n"
        );
        let path = self.path(service, "controlURL");
        let answer = exchange(self.address, post(&path, &headers, envelope(&content))).await;
        match answer.status() {
            200 => Ok(answer),
            500 => Err(answer.element("errorCode").unwrap().parse().unwrap()),
            _ => panic!("{action}: {answer:?}"),
        }
    }

    /// Invokes an action of AVTransport that must succeed.
    pub async fn transport(&self, action: &str, arguments: &[(&str, &str)]) -> Message {
        let answer = self.call("AVTransport", action, arguments).await;
        answer.unwrap_or_else(|code| panic!("{action} {arguments:?}: error {code}"))
    }

    /// Invokes an action of RenderingControl on the master channel that must succeed.
    pub async fn rendering(&self, action: &str, arguments: &[(&str, &str)]) -> Message {
        let arguments = [&[("Channel", "Master")], arguments].concat();
        let answer = self.call("RenderingControl", action, &arguments).await;
        answer.unwrap_or_else(|code| panic!("{action} {arguments:?}: error {code}"))
    }

    /// Sets what to play, without metadata.
    pub async fn set_uri(&self, uri: &str) {
        let arguments = [("CurrentURI", uri), ("CurrentURIMetaData", "")];
        self.transport("SetAVTransportURI", &arguments).await;
    }

    /// Plays what is set.
    pub async fn play(&self) {
        self.transport("Play", &[("Speed", "1")]).await;
    }

    /// Sets what to play, plays it, and waits until it plays.
    pub async fn cast(&self, uri: &str) {
        self.set_uri(uri).await;
        self.play().await;
        self.reach("PLAYING").await;
    }

    /// Plays it from beginning to end.
    pub async fn cast_to_the_end(&self, uri: &str) {
        self.cast(uri).await;
        self.reach("STOPPED").await;
        assert!(!self.has_failed().await, "{uri} ended in error");
    }

    /// The transport's state and status.
    pub async fn condition(&self) -> (String, String) {
        let info = self.transport("GetTransportInfo", &[]).await;
        let element = |name: &str| info.element(name).unwrap().to_owned();
        (
            element("CurrentTransportState"),
            element("CurrentTransportStatus"),
        )
    }

    /// Whether the transport's status is an error.
    pub async fn has_failed(&self) -> bool {
        match self.condition().await.1.as_str() {
            "OK" => false,
            "ERROR_OCCURRED" => true,
            other => panic!("status {other}"),
        }
    }

    /// Waits until the transport is in this state.
    pub async fn reach(&self, state: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let condition = self.condition().await;
            if condition.0 == state {
                return;
            }
            assert!(Instant::now() < deadline, "not {state} but {condition:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asserts that none of the program's `outputs` has ever had to play silence for want of music, or has skipped any.
    pub async fn nothing_starved(&self, outputs: usize) {
        let answer = exchange(self.address, bare("GET", "/api/v1/state", &[])).await;
        let state: Value = serde_json::from_str(&answer.body).unwrap();
        let all = state["outputs"].as_array().unwrap();
        assert_eq!(all.len(), outputs);
        for output in all {
            let missed = (&output["starved_frames"], &output["gaps"]);
            assert_eq!(missed, (&0.into(), &0.into()), "{output:#}");
        }
    }

    /// The position in the track, in whole seconds.
    pub async fn position(&self) -> u64 {
        let info = self.transport("GetPositionInfo", &[]).await;
        seconds(info.element("RelTime").unwrap())
    }

    /// Has the service's events sent to a new subscriber.
    pub async fn subscribe(&self, service: &str) -> Subscriber {
        const HERE: [u8; 4] = [127, 0, 0, 1];
        let subscriber =
            Subscriber::listen(HERE, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        let path = self.path(service, "eventSubURL");
        let answer = subscribe(self.address, HERE, &path, &subscriber.callback()).await;
        assert_eq!(answer.status(), 200);
        subscriber
    }
}

/// The value of a variable in an event's LastChange.
pub fn changed<'a>(event: &'a Message, variable: &str) -> Option<&'a str> {
    let document = event.element("LastChange").unwrap();
    let (_, rest) = document.split_once(&format!("&lt;{variable} "))?;
    let (_, rest) = rest.split_once("val=&quot;")?;
    rest.split_once("&quot;").map(|(value, _)| value)
}

fn location(answer: &str) -> &str {
    let mut lines = answer.split("\r\n");
    let location = lines.find_map(|line| line.strip_prefix("LOCATION: "));
    location.unwrap_or_else(|| panic!("no LOCATION: {answer}"))
}

fn seconds(time: &str) -> u64 {
    let parts = time.split(':').map(|part| part.parse::<u64>().unwrap());
    parts.fold(0, |seconds, part| seconds * 60 + part)
}
