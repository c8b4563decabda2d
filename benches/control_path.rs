//! What a control point's requests cost, from the bytes that came in to the bytes that go out, and what its events cost.
//! Sockets are left out: on a home network they take a thousand times as long.

use std::sync::Arc;
use std::time::Duration;

use divan::{Bencher, black_box};
use tokio::runtime::{Builder, Runtime};
use unisono::clock::ManualClock;
use unisono::renderer::{services, track};
use unisono::upnp::{Action, SharedService, soap};
use unisono::zone::{Progress, TransportState, ZoneHandle, ZoneInbox, ZoneState};

const SET_URI: &[u8] = include_bytes!("../tests/fixtures/upnp/swyh/set_av_transport_uri.xml");
const PLAY: &[u8] = include_bytes!("../tests/fixtures/upnp/bubbleupnp/play.xml");
const SET_VOLUME: &[u8] = include_bytes!("../tests/fixtures/upnp/swyh/set_volume.xml");
/// What every control point asks every second.
const POSITION: &[u8] = b"<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">\
    <s:Body><u:GetPositionInfo xmlns:u=\"urn:schemas-upnp-org:service:AVTransport:1\"><InstanceID>0</InstanceID>\
    </u:GetPositionInfo></s:Body></s:Envelope>";
const DIDL: &str = "<DIDL-Lite xmlns=\"urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/\" \
    xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:upnp=\"urn:schemas-upnp-org:metadata-1-0/upnp/\">\
    <item id=\"22\" parentID=\"2\" restricted=\"1\"><dc:title>Rain &amp; Shine</dc:title><upnp:artist>Ann</upnp:artist>\
    <upnp:album>Blue</upnp:album><upnp:albumArtURI>http://192.0.2.20:8200/art/22.jpg</upnp:albumArtURI>\
    <upnp:class>object.item.audioItem.musicTrack</upnp:class><res protocolInfo=\"http-get:*:audio/flac:DLNA.ORG_OP=01\" \
    duration=\"0:03:25.506\" size=\"1234\">http://192.0.2.20:8200/MediaItems/22.flac</res></item></DIDL-Lite>";

fn main() {
    divan::main();
}

/// A renderer in the middle of a song, without a network.
struct Renderer {
    runtime: Runtime,
    services: Vec<SharedService>,
    inbox: ZoneInbox,
}

impl Renderer {
    fn playing() -> Self {
        let (zone, inbox) = ZoneHandle::pair(state(30));
        Self {
            runtime: Builder::new_current_thread()
                .build()
                .expect("a runtime without I/O needs nothing"),
            services: services(zone, Arc::new(ManualClock::new())),
            inbox,
        }
    }

    /// Carries out a request as the HTTP routes do; the zone says yes to everything.
    fn answer(&mut self, body: &[u8]) -> String {
        let call = soap::read(body).expect("a fixture is well-formed");
        let (service, spec) = self
            .services
            .iter()
            .find_map(|service| {
                let actions = service.description().actions;
                let spec = actions.iter().find(|spec| spec.name == call.action)?;
                Some((service, spec))
            })
            .expect("a fixture's action is in the tables");
        let value = |name: &str| {
            let sent = call.arguments.iter().find(|(sent, _)| sent == name);
            sent.map(|(_, value)| value.clone())
        };
        let inputs = spec.inputs.iter().map(|argument| {
            value(argument.name)
                .or(argument.if_absent.map(str::to_owned))
                .unwrap_or_default()
        });
        let action = Action {
            spec,
            inputs: inputs.collect(),
        };
        let inbox = &mut self.inbox;
        let answer = self.runtime.block_on(async {
            let mut answering = service.invoke(&action);
            loop {
                tokio::select! {
                    answer = &mut answering => break answer,
                    Some(request) = inbox.commands.recv() => {
                        // Whoever asked is the one who waits here.
                        let _ = request.answer.send(Ok(()));
                    }
                }
            }
        });
        let outputs = answer.expect("a fixture is carried out");
        soap::answer(service.description().service_type, spec, &outputs)
    }
}

/// In the middle of a song, at this volume.
fn state(volume: u8) -> ZoneState {
    ZoneState {
        transport: TransportState::Playing,
        track: Some(Arc::new(track(
            "http://192.0.2.20:8200/MediaItems/22.flac",
            DIDL,
        ))),
        duration: Some(Duration::from_millis(205_506)),
        seekable: true,
        progress: Progress::At(Duration::from_secs(60)),
        volume,
        ..ZoneState::default()
    }
}

#[divan::bench(args = ["GetPositionInfo", "SetAVTransportURI", "Play", "SetVolume"])]
fn request(bencher: Bencher, action: &str) {
    let body = match action {
        "GetPositionInfo" => POSITION,
        "SetAVTransportURI" => SET_URI,
        "Play" => PLAY,
        _ => SET_VOLUME,
    };
    let mut renderer = Renderer::playing();
    assert!(renderer.answer(body).contains(&format!("{action}Response")));
    bencher.bench_local(|| renderer.answer(black_box(body)));
}

/// Reading a request alone.
#[divan::bench]
fn read_soap() -> soap::Call {
    soap::read(black_box(SET_URI)).expect("a fixture is well-formed")
}

/// Reading what a control point says of a song.
#[divan::bench]
fn read_metadata() -> unisono::zone::Track {
    track("http://192.0.2.20:8200/MediaItems/22.flac", black_box(DIDL))
}

/// All of it, as a new subscriber is told.
#[divan::bench(args = ["AVTransport", "RenderingControl"])]
fn first_last_change(bencher: Bencher, id: &str) {
    let renderer = Renderer::playing();
    let service = renderer.service(id);
    bencher.bench_local(|| service.properties(None, &service.snapshot()));
}

/// One step of somebody's volume slider.
#[divan::bench]
fn last_change_of_volume(bencher: Bencher) {
    let renderer = Renderer::playing();
    let service = renderer.service("RenderingControl");
    let before = service.snapshot();
    renderer.inbox.state.send_replace(Arc::new(state(31)));
    let after = service.snapshot();
    assert_eq!(service.properties(Some(&before), &after).len(), 1);
    bencher.bench_local(|| service.properties(Some(black_box(&before)), black_box(&after)));
}

impl Renderer {
    fn service(&self, id: &str) -> SharedService {
        let mut services = self.services.iter();
        let named = services.find(|service| service.description().service_id.ends_with(id));
        named.expect("a renderer has it").clone()
    }
}
