//! A renderer made of paper: a description, a control URL that keeps what it is told, and search answers.
//! Its music is a counter: each question for the position is a second.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use tokio::net::{TcpListener, UdpSocket};

/// How it behaves.
#[derive(Debug, Clone, Default)]
pub(super) struct Manners {
    /// Answers this action with status 500.
    pub(super) refuses: Option<&'static str>,
    /// The song cannot be played.
    pub(super) fails: bool,
    /// Seconds until the song is over; none: it never is.
    pub(super) length: Option<u64>,
    /// After so many seconds it plays something else.
    pub(super) taken_over_after: Option<u64>,
}

#[derive(Debug, Default)]
struct Memory {
    told: Vec<(String, String)>,
    uri: String,
    playing: bool,
    seconds: u64,
}

/// A running paper renderer; it stops with the test's runtime.
#[derive(Debug, Clone)]
pub(super) struct PaperRenderer {
    pub(super) location: String,
    manners: Manners,
    memory: Arc<Mutex<Memory>>,
}

impl PaperRenderer {
    pub(super) async fn start(name: &str, uuid: &str, manners: Manners) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let renderer = Self {
            location: format!("http://{address}/device.xml"),
            manners,
            memory: Arc::default(),
        };
        let description = description(name, uuid);
        let control = renderer.clone();
        let routes = Router::new()
            .route("/device.xml", get(async || description))
            .route(
                "/control",
                post(async move |headers: HeaderMap, body: String| control.answer(&headers, body)),
            );
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        renderer
    }

    /// The actions that change something, as they came.
    pub(super) fn told(&self) -> Vec<String> {
        let memory = self.memory.lock().unwrap();
        let names = memory.told.iter().map(|(name, _)| name.clone());
        names.collect()
    }

    /// The body of the first such action.
    pub(super) fn body(&self, action: &str) -> String {
        let memory = self.memory.lock().unwrap();
        let found = memory.told.iter().find(|(name, _)| name == action);
        found.unwrap().1.clone()
    }

    fn answer(&self, headers: &HeaderMap, body: String) -> (StatusCode, String) {
        let header = headers["soapaction"].to_str().unwrap();
        let (service, action) = header.trim_matches('"').split_once('#').unwrap();
        if self.manners.refuses == Some(action) {
            return (StatusCode::INTERNAL_SERVER_ERROR, String::new());
        }
        let mut memory = self.memory.lock().unwrap();
        let outputs = match action {
            "GetTransportInfo" => {
                let over = self
                    .manners
                    .length
                    .is_some_and(|length| memory.seconds >= length);
                let state = match memory.playing && !over && !self.manners.fails {
                    true => "PLAYING",
                    false => "STOPPED",
                };
                let status = match memory.playing && self.manners.fails {
                    true => "ERROR_OCCURRED",
                    false => "OK",
                };
                format!(
                    "<CurrentTransportState>{state}</CurrentTransportState>\
                     <CurrentTransportStatus>{status}</CurrentTransportStatus>"
                )
            }
            "GetPositionInfo" => {
                memory.seconds += u64::from(memory.playing);
                let taken_over = self.manners.taken_over_after;
                let uri = match taken_over.is_some_and(|after| memory.seconds > after) {
                    true => "http://192.0.2.99/other.mp3",
                    false => &memory.uri,
                };
                format!(
                    "<TrackDuration>0:00:{:02}</TrackDuration><TrackURI>{uri}</TrackURI><RelTime>0:00:{:02}</RelTime>",
                    self.manners.length.unwrap_or(0),
                    memory.seconds
                )
            }
            _ => {
                match action {
                    "Play" => memory.playing = true,
                    "Stop" => memory.playing = false,
                    "SetAVTransportURI" => {
                        memory.uri = between(&body, "<CurrentURI>", "</CurrentURI>");
                    }
                    _ => {}
                }
                memory.told.push((action.to_owned(), body));
                String::new()
            }
        };
        let envelope = format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
             <u:{action}Response xmlns:u=\"{service}\">{outputs}</u:{action}Response></s:Body></s:Envelope>"
        );
        (StatusCode::OK, envelope)
    }
}

fn between(text: &str, start: &str, end: &str) -> String {
    let (_, rest) = text.split_once(start).unwrap();
    rest.split_once(end).unwrap().0.to_owned()
}

fn description(name: &str, uuid: &str) -> String {
    let services: String = ["AVTransport", "RenderingControl"]
        .map(|service| {
            format!(
                "<service><serviceType>urn:schemas-upnp-org:service:{service}:1</serviceType>\
                 <serviceId>urn:upnp-org:serviceId:{service}</serviceId><SCPDURL>/scpd</SCPDURL>\
                 <controlURL>/control</controlURL><eventSubURL>/event</eventSubURL></service>"
            )
        })
        .concat();
    format!(
        "<root xmlns=\"urn:schemas-upnp-org:device-1-0\"><device>\
         <deviceType>urn:schemas-upnp-org:device:MediaRenderer:1</deviceType>\
         <friendlyName>{name}</friendlyName><UDN>uuid:{uuid}</UDN>\
         <serviceList>{services}</serviceList></device></root>"
    )
}

/// Answers every search that comes to a fresh loopback socket with these locations; returns where that is.
pub(super) async fn answer_searches(locations: &[&str]) -> SocketAddrV4 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let SocketAddr::V4(address) = socket.local_addr().unwrap() else {
        panic!("bound to IPv4");
    };
    answer_on(socket, locations);
    address
}

/// Answers every search that comes to `socket` with these locations.
pub(super) fn answer_on(socket: UdpSocket, locations: &[&str]) {
    let locations: Vec<String> = locations
        .iter()
        .map(|&location| location.to_owned())
        .collect();
    tokio::spawn(async move {
        let mut datagram = [0; 2048];
        loop {
            let (length, from) = socket.recv_from(&mut datagram).await.unwrap();
            let search = std::str::from_utf8(&datagram[..length]).unwrap();
            assert!(search.starts_with("M-SEARCH * HTTP/1.1\r\n"), "{search}");
            assert!(
                search.contains("\r\nMAN: \"ssdp:discover\"\r\n"),
                "{search}"
            );
            assert!(
                search.contains("\r\nMX: 1\r\n") && search.ends_with("\r\n\r\n"),
                "{search}"
            );
            for location in &locations {
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: {location}\r\n\
                     ST: urn:schemas-upnp-org:device:MediaRenderer:1\r\nUSN: uuid:x::y\r\n\r\n"
                );
                socket.send_to(answer.as_bytes(), from).await.unwrap();
            }
        }
    });
}
