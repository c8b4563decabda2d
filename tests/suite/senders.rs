//! What each sender of `tests/fixtures/upnp` says, with its own headers, to the services of a renderer on a real socket: what the zone
//! behind it is told, and what the sender is answered.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use unisono::clock::ManualClock;
use unisono::renderer::{services, track};
use unisono::upnp::http::{self, Options};
use unisono::upnp::{Device, server_token};
use unisono::zone::{Progress, TransportState, ZoneCommand, ZoneHandle, ZoneState};

use super::support::upnp_device::identity;
use super::support::upnp_wire::{Message, exchange};

const AVT: &str = "AVTransport";
const RC: &str = "RenderingControl";
const CM: &str = "ConnectionManager";

/// How a sender writes the headers of a request; `#` stands for service type and action.
#[derive(Clone, Copy)]
enum Headers {
    /// libupnp: VLC, upplay, AirConnect
    Libupnp,
    /// libupnp as the Android program `upnptool` uses it: no quotes
    Unquoted,
    /// jUPnP and its ancestor: the name of the header is in odd case
    Jupnp,
    /// .NET, which asks before it sends a body
    DotNet,
    /// Windows
    Windows,
    /// async_upnp_client
    Aiohttp,
    /// libsoup, and the old extension framework that GUPnP tries when a POST is refused
    Gupnp,
    /// upnp-device-client in JavaScript, which counts characters
    JavaScript,
}

impl Headers {
    fn write(self, action: &str) -> String {
        let quoted = format!("\"{action}\"");
        let xml = "CONTENT-TYPE: text/xml; charset=\"utf-8\"";
        match self {
            Self::Libupnp => format!(
                "{xml}\r\nSOAPACTION: {quoted}\r\nUSER-AGENT: Linux/6.1, UPnP/1.0, Portable SDK for UPnP devices/1.14\r\n"
            ),
            Self::Unquoted => format!("{xml}\r\nSOAPACTION: {action}\r\n"),
            Self::Jupnp => {
                format!("Content-type: text/xml;charset=\"utf-8\"\r\nSoapaction: {quoted}\r\n")
            }
            Self::DotNet => format!(
                "Content-Type: text/xml; charset=utf-8\r\nSOAPAction: {quoted}\r\nExpect: 100-continue\r\n"
            ),
            Self::Windows => format!(
                "Cache-Control: no-cache\r\nPragma: no-cache\r\nContent-Type: text/xml; charset=\"utf-8\"\r\nUser-Agent: Microsoft-Windows/10.0 UPnP/1.0\r\nSOAPAction: {quoted}\r\n"
            ),
            Self::Aiohttp => format!(
                "Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nSOAPAction: {quoted}\r\nContent-Type: text/xml; charset=\"utf-8\"\r\n"
            ),
            Self::Gupnp => format!(
                "MAN: \"http://schemas.xmlsoap.org/soap/envelope/\"; ns=s\r\ns-SOAPAction: {quoted}\r\n{xml}\r\n"
            ),
            Self::JavaScript => format!(
                "Content-Type: text/xml; charset=\"utf-8\"\r\nConnection: close\r\nSOAPACTION: {quoted}\r\n"
            ),
        }
    }
}

/// A renderer with a song that has stopped, on a listener of its own.
struct Scene {
    address: std::net::SocketAddr,
    path: String,
    told: Arc<Mutex<Vec<String>>>,
    stop: CancellationToken,
}

impl Scene {
    async fn set() -> Self {
        let song = track("http://192.168.1.4/old.flac", "");
        let (zone, mut inbox) = ZoneHandle::pair(ZoneState {
            transport: TransportState::Stopped,
            track: Some(Arc::new(song)),
            duration: Some(Duration::from_secs(205)),
            seekable: true,
            progress: Progress::At(Duration::from_secs(61)),
            volume: 30,
            ..ZoneState::default()
        });
        let told = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&told);
        tokio::spawn(async move {
            while let Some(request) = inbox.commands.recv().await {
                let line = match request.command {
                    ZoneCommand::SetTrack(Some(track)) => {
                        format!("SetTrack({}, {})", track.request.uri, track.title)
                    }
                    command => format!("{command:?}"),
                };
                noted.lock().expect("no panic").push(line);
                request.answer.send(Ok(())).expect("somebody who asks");
            }
        });
        let changes = tokio::sync::watch::Sender::new(0_u64);
        let clock = Arc::new(ManualClock::new());
        let device = Device::new(identity("Hall"), services(zone, clock), changes.subscribe());
        let path = format!("/upnp/{}", device.identity().udn);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let options = Options::new(server_token("Hall", "1"));
        let devices = vec![Arc::new(device)];
        tokio::spawn(http::serve(
            listener,
            devices,
            Router::new(),
            options,
            stop.clone(),
        ));
        Self {
            address,
            path,
            told,
            stop,
        }
    }

    async fn send(&self, fixture: &str, service: &str, headers: Headers) -> Message {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/upnp");
        let body = std::fs::read(folder.join(fixture)).expect(fixture);
        let (_, name) = fixture.split_once('/').expect("a sender and an action");
        let name = name.trim_end_matches(".xml").replace('_', "");
        let action = format!("urn:schemas-upnp-org:service:{service}:1#{name}");
        let (method, length) = match headers {
            Headers::Gupnp => ("M-POST", body.len()),
            Headers::JavaScript => ("POST", String::from_utf8_lossy(&body).chars().count()),
            _ => ("POST", body.len()),
        };
        let head = format!(
            "{method} {}/{service}/control HTTP/1.1\r\nHOST: {}\r\n{}Content-Length: {length}\r\n\r\n",
            self.path,
            self.address,
            headers.write(&action),
        );
        exchange(self.address, [head.as_bytes(), &body].concat()).await
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What the sender is answered: outputs that it looks at, or the number of a fault.
type Expected = Result<&'static [(&'static str, &'static str)], &'static str>;

#[tokio::test]
async fn every_sender_is_understood_and_answered() {
    use Headers::{Aiohttp, DotNet, Gupnp, JavaScript, Jupnp, Libupnp, Unquoted, Windows};
    let cases: [(&str, &str, Headers, &[&str], Expected); 28] = [
        (
            "vlc/prepare_for_connection.xml",
            CM,
            Libupnp,
            &[],
            Err("401"),
        ),
        ("vlc/stop.xml", AVT, Libupnp, &["Stop"], Ok(&[])),
        (
            "vlc/set_av_transport_uri.xml",
            AVT,
            Libupnp,
            &["SetTrack(http://192.168.1.4:7070/dlna/1, Tom & Jerry)"],
            Ok(&[]),
        ),
        ("upplay/set_play_mode.xml", AVT, Libupnp, &[], Ok(&[])),
        (
            "upplay/get_volume.xml",
            RC,
            Libupnp,
            &[],
            Ok(&[("CurrentVolume", "30")]),
        ),
        ("upnptool/play.xml", AVT, Unquoted, &["Play"], Ok(&[])),
        ("jellyfin/stop.xml", AVT, DotNet, &["Stop"], Ok(&[])),
        (
            "jellyfin/set_next_av_transport_uri.xml",
            AVT,
            DotNet,
            &["SetNext(None)"],
            Ok(&[]),
        ),
        (
            "jellyfin/get_mute.xml",
            RC,
            DotNet,
            &[],
            Ok(&[("CurrentMute", "0")]),
        ),
        (
            "music-assistant/set_av_transport_uri.xml",
            AVT,
            Aiohttp,
            &["SetTrack(http://192.168.1.4:8097/flow/a.flac, Music Assistant)"],
            Ok(&[]),
        ),
        (
            "music-assistant/pause.xml",
            AVT,
            Aiohttp,
            &["Pause"],
            Ok(&[]),
        ),
        ("airconnect/seek.xml", AVT, Libupnp, &["Seek(12s)"], Ok(&[])),
        (
            "airconnect/get_position_info.xml",
            AVT,
            Libupnp,
            &[],
            Ok(&[("RelTime", "0:01:01"), ("TrackDuration", "0:03:25")]),
        ),
        (
            "airconnect/set_volume.xml",
            RC,
            Libupnp,
            &["SetVolume"],
            Ok(&[]),
        ),
        (
            "foobar2000/set_av_transport_uri.xml",
            AVT,
            Windows,
            &["SetTrack(http://192.168.1.4:50001/1.pcm, Ænima)"],
            Ok(&[]),
        ),
        ("heos/play.xml", AVT, Libupnp, &["Play"], Ok(&[])),
        ("gupnp-av-cp/seek.xml", AVT, Gupnp, &["Seek(75s)"], Ok(&[])),
        (
            "gupnp-av-cp/get_protocol_info.xml",
            CM,
            Gupnp,
            &[],
            Ok(&[("Source", "")]),
        ),
        (
            "kodi/get_media_info.xml",
            AVT,
            Libupnp,
            &[],
            Ok(&[
                ("NrTracks", "1"),
                ("MediaDuration", "0:03:25"),
                ("NextURI", ""),
            ]),
        ),
        ("kodi/play.xml", AVT, Libupnp, &["Play"], Ok(&[])),
        (
            "wmp/get_current_transport_actions.xml",
            AVT,
            Windows,
            &[],
            Ok(&[]),
        ),
        ("wmp/set_volume.xml", RC, Windows, &["SetVolume"], Ok(&[])),
        ("wmp/play.xml", AVT, Windows, &["Play"], Ok(&[])),
        ("dsub/pause.xml", AVT, Jupnp, &["Pause"], Ok(&[])),
        ("bubbleupnp/play.xml", AVT, Jupnp, &["Play"], Ok(&[])),
        (
            "home-assistant/seek.xml",
            AVT,
            Aiohttp,
            &["Seek(187s)"],
            Ok(&[]),
        ),
        ("swyh/set_volume.xml", RC, Jupnp, &["SetVolume"], Ok(&[])),
        (
            "upnp-mediarenderer-client/set_av_transport_uri.xml",
            AVT,
            JavaScript,
            &["SetTrack(http://192.168.1.4:8000/a.mp3, Подмосковные вечера)"],
            Ok(&[]),
        ),
    ];
    for (fixture, service, headers, commands, expected) in cases {
        let scene = Scene::set().await;
        let answer = scene.send(fixture, service, headers).await;
        match expected {
            Ok(outputs) => {
                assert_eq!(answer.status(), 200, "{fixture}: {}", answer.body);
                for (name, value) in outputs {
                    assert_eq!(answer.element(name), Some(*value), "{fixture}");
                }
            }
            Err(code) => {
                assert_eq!(answer.status(), 500, "{fixture}: {}", answer.body);
                assert_eq!(answer.element("errorCode"), Some(code), "{fixture}");
            }
        }
        let told = scene.told.lock().expect("no panic");
        assert_eq!(told.len(), commands.len(), "{fixture}: {told:?}");
        for (told, expected) in told.iter().zip(commands) {
            assert!(told.starts_with(expected), "{fixture}: {told}");
        }
    }
}
