//! rupnp: the control point library of Rust programs, by itself and inside `unisono discover` and `unisono cast`.

use std::time::Duration;

use futures_util::StreamExt;
use rupnp::Device;
use rupnp::ssdp::{SearchTarget, URN};

use super::{NAME, PATIENCE, Scene, output};
use crate::support::namespace::inside;
use crate::support::program::unisono;
use crate::support::two_hosts::{HERE, THERE};

const RENDERER: URN = URN::device("schemas-upnp-org", "MediaRenderer", 1);

/// The first renderer that it finds. It asks once, perhaps before the program listens, and for answers within three seconds, however
/// long it waits.
async fn discovered() -> Device {
    let target = SearchTarget::URN(RENDERER);
    for _ in 0..5 {
        let found = rupnp::discover(&target, Duration::from_secs(4), None).await;
        let mut found = Box::pin(found.expect("a search"));
        if let Some(device) = found.next().await {
            return device.expect("a description");
        }
    }
    panic!("nobody answers");
}

#[tokio::test]
async fn it_finds_commands_and_follows_the_renderer() {
    if !inside("clients::rupnp::it_finds_commands_and_follows_the_renderer") {
        return;
    }
    let scene = Scene::set().await;
    let device = discovered().await;
    assert_eq!(device.friendly_name(), NAME);
    assert_eq!(device.url().host(), Some(THERE.to_string().as_str()));

    let service = |name: &'static str| {
        let urn = URN::service("schemas-upnp-org", name, 1);
        device.find_service(&urn).expect(name)
    };
    for name in ["AVTransport", "RenderingControl", "ConnectionManager"] {
        let scpd = service(name).scpd(device.url()).await.expect(name);
        assert!(scpd.actions().len() > 2, "{name}");
    }

    let transport = service("AVTransport");
    let subscribed = transport.subscribe(device.url(), 300).await;
    let (sid, events) = subscribed.expect("a subscription");
    let mut events = Box::pin(events);
    let call = async |action: &str, arguments: &str| {
        let arguments = format!("<InstanceID>0</InstanceID>{arguments}");
        let answer = transport.action(device.url(), action, &arguments).await;
        answer.unwrap_or_else(|error| panic!("{action}: {error}"))
    };
    let mut told = async |what: &str| loop {
        let event = tokio::time::timeout(PATIENCE, events.next()).await;
        let event = event.expect("an event in time").expect("one more");
        if event.expect("an event")["LastChange"].contains(what) {
            return;
        }
    };
    told("<TransportState val=\"NO_MEDIA_PRESENT\"/>").await;
    let song = scene.songs(1, 60).remove(0).replace('&', "&amp;");
    let uri = format!("<CurrentURI>{song}</CurrentURI><CurrentURIMetaData/>");
    call("SetAVTransportURI", &uri).await;
    call("Play", "<Speed>1</Speed>").await;
    told("<TransportState val=\"PLAYING\"/>").await;
    let info = call("GetTransportInfo", "").await;
    assert_eq!(info["CurrentTransportState"], "PLAYING");
    let info = call("GetMediaInfo", "").await;
    assert_eq!(info["MediaDuration"], "0:01:00");
    let renewed = transport.renew_subscription(device.url(), &sid, 300).await;
    renewed.expect("a renewal");
    call("Stop", "").await;
    told("<TransportState val=\"STOPPED\"/>").await;
    let left = transport.unsubscribe(device.url(), &sid).await;
    left.expect("an end");
    let renewed = transport.renew_subscription(device.url(), &sid, 300).await;
    assert!(renewed.is_err(), "it is over");
    scene.end().await;
}

#[tokio::test]
async fn unisono_itself_discovers_and_casts_from_another_host() {
    if !inside("clients::rupnp::unisono_itself_discovers_and_casts_from_another_host") {
        return;
    }
    let scene = Scene::set().await;
    let discovered = output(unisono(&["discover", "--timeout", "2"])).await;
    let said = String::from_utf8_lossy(&discovered.stdout);
    assert!(
        said.starts_with(NAME) && said.contains(&format!("http://{THERE}:")),
        "{discovered:?}"
    );
    let song = scene.songs(1, 2).remove(0);
    let here = HERE.to_string();
    let cast = unisono(&["cast", &song, "--to", NAME, "--interface", &here]);
    let cast = output(cast).await;
    assert_eq!(cast.status.code(), Some(0), "{cast:?}");
    let requests = scene.server.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    scene.end().await;
}
