//! Cases D01 to D09, D11 and D12: descriptions, and HTTP as such.
//! Not SOAP, and not what is sent with ill will; that is in `safety`.

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use unisono::upnp::ServiceDescription;
use unisono::upnp::ssdp::Advertisement;

use super::{AVT, control, get, play};
use crate::support::upnp_device::{CONNECTIONS, RENDERING, Rig, TRANSPORT};
use crate::support::upnp_rules::{device_faults, scpd_faults};
use crate::support::upnp_wire::{bare, exchange, exchange_on};

#[tokio::test]
async fn d01_device_description() {
    let rig = Rig::start().await;
    let answer = get(&rig, &rig.path("device.xml")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.header("content-type"),
        Some("text/xml; charset=\"utf-8\"")
    );
    assert!(
        answer
            .header("server")
            .is_some_and(|s| s.contains("UPnP/1.0 DLNADOC/1.50 Recorder/1"))
    );
    assert!(answer.header("date").is_some());
    assert_eq!(
        answer.element("UDN"),
        Some(format!("uuid:{}", rig.device.identity().udn).as_str())
    );
    assert!(answer.body.contains(">DMR-1.50</dlna:X_DLNADOC>"));
    assert!(!answer.body.contains("URLBase"));
    assert_eq!(device_faults(&answer.body), Vec::<String>::new());
    let config = format!("configId=\"{}\"", Advertisement::of(&rig.device).config_id);
    assert!(answer.body.contains(&config));
    assert_eq!(answer.element("presentationURL"), Some("/"));
}

#[tokio::test]
async fn d01_windows_finds_the_kind_of_the_device() {
    const PNPX: &str = "http://schemas.microsoft.com/windows/pnpx/2005/11";
    const DF: &str = "http://schemas.microsoft.com/windows/2008/09/devicefoundation";
    let rig = Rig::start().await;
    let description = get(&rig, &rig.path("device.xml")).await.body;
    let document = roxmltree::Document::parse(&description).unwrap();
    for (namespace, name, expected) in [
        (
            PNPX,
            "X_compatibleId",
            "MS_DigitalMediaDeviceClass_DMR_V001",
        ),
        (PNPX, "X_deviceCategory", "MediaDevices"),
        (DF, "X_deviceCategory", "Multimedia.DMR"),
    ] {
        let mut found = document.descendants();
        let found = found.find(|node| node.has_tag_name((namespace, name)));
        let found = found.expect(name);
        assert_eq!(found.text(), Some(expected));
        let parent = found.parent().unwrap().tag_name();
        assert_eq!(parent.name(), "device");
    }
}

#[tokio::test]
async fn d04_icons_are_served_as_they_are_listed() {
    let rig = Rig::start().await;
    let description = get(&rig, &rig.path("device.xml")).await.body;
    assert_eq!(description.matches("<icon>").count(), 2);
    for icon in rig.device.identity().icons {
        let path = rig.path(&format!("icons/{}", icon.name));
        let listed = format!(
            "<icon><mimetype>{}</mimetype><width>{size}</width><height>{size}</height><depth>24</depth><url>{path}</url></icon>",
            icon.mime,
            size = icon.size
        );
        assert!(description.contains(&listed), "{listed}");
        let answer = exchange(rig.address, bare("HEAD", &path, &[])).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.header("content-type"), Some(icon.mime));
        let length = icon.bytes.len().to_string();
        assert_eq!(answer.header("content-length"), Some(length.as_str()));
    }
    assert_eq!(get(&rig, &rig.path("icons/48.png")).await.body, "small");
    assert_eq!(get(&rig, &rig.path("icons/49.png")).await.status(), 404);
}

#[tokio::test]
async fn d02_head_is_get_without_the_body() {
    let rig = Rig::start().await;
    for path in [rig.path("device.xml"), rig.path("AVTransport/scpd.xml")] {
        let get = get(&rig, &path).await;
        let head = exchange(rig.address, bare("HEAD", &path, &[])).await;
        assert_eq!(head.status(), 200);
        for header in ["content-length", "content-type", "server"] {
            assert_eq!(head.header(header), get.header(header), "{header}");
        }
    }
}

#[tokio::test]
async fn d03_scpds_are_the_tables() {
    let rig = Rig::start().await;
    for table in [&TRANSPORT, &RENDERING, &CONNECTIONS] {
        let table: &ServiceDescription = table;
        let scpd = get(&rig, &rig.path(&format!("{}/scpd.xml", table.path))).await;
        assert_eq!(scpd.status(), 200);
        assert_eq!(scpd.body.matches("<action>").count(), table.actions.len());
        assert_eq!(scpd_faults(&scpd.body), Vec::<String>::new());
    }
    let scpd = get(&rig, &rig.path("RenderingControl/scpd.xml")).await;
    assert!(
        scpd.body
            .contains("<minimum>0</minimum><maximum>100</maximum><step>1</step>")
    );
}

#[tokio::test]
async fn d05_d12_paths_that_are_not_there_and_absolute_ones() {
    let rig = Rig::start().await;
    let elsewhere = "/upnp/00000000-0000-4000-8000-000000000000/device.xml";
    let up = rig.path("../../../../etc/passwd");
    let missing = rig.path("Nothing/scpd.xml");
    for path in ["/nope", "/../etc/passwd", elsewhere, &up, &missing] {
        let answer = get(&rig, path).await;
        assert_eq!(answer.status(), 404, "{path}");
    }
    let absolute = format!("http://{}{}?x=1", rig.address, rig.path("device.xml"));
    assert_eq!(get(&rig, &absolute).await.status(), 200);
    assert_eq!(get(&rig, "/").await.body, "the page");
    let control = rig.path("AVTransport/control");
    assert_eq!(get(&rig, &control).await.status(), 405);
    assert_eq!(
        get(&rig, &rig.path("AVTransport/event")).await.status(),
        405
    );
}

#[tokio::test]
async fn d06_http_1_0_is_answered_in_1_1_and_closed() {
    let rig = Rig::start().await;
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    let request = format!("GET {} HTTP/1.0\r\n\r\n", rig.path("device.xml"));
    let answer = exchange_on(&mut stream, request).await;
    assert_eq!(answer.first_line, "HTTP/1.1 200 OK");
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
}

#[tokio::test]
async fn d07_d09_many_requests_on_one_socket_while_others_idle() {
    let rig = Rig::start().await;
    let _idle = TcpStream::connect(rig.address).await.unwrap();
    let _idle_too = TcpStream::connect(rig.address).await.unwrap();
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    for _ in 0..50 {
        let answer = exchange_on(&mut stream, bare("GET", &rig.path("device.xml"), &[])).await;
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test]
async fn d08_names_that_are_not_ours_are_refused() {
    let rig = Rig::start_with("x", |options| {
        options.own_names.push("hall.home.arpa".to_owned());
    })
    .await;
    for (host, expected) in [
        ("evil.example", 403),
        ("127.0.0.1:1", 200),
        ("[fe80::1%eth0]:80", 200),
        ("unisono.local", 200),
        ("hall.home.arpa", 200),
    ] {
        for path in [rig.path("device.xml"), "/".to_owned()] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(
                exchange(rig.address, request).await.status(),
                expected,
                "{host}"
            );
        }
    }
}

#[tokio::test]
async fn strangers_may_look_but_not_touch() {
    let rig = Rig::start_with("x", |options| {
        options.allow = vec!["10.0.0.0/8".parse().unwrap()];
    })
    .await;
    assert_eq!(get(&rig, &rig.path("device.xml")).await.status(), 200);
    assert_eq!(control(&rig, "", &play("")).await.status(), 403);
    let subscribe = bare("SUBSCRIBE", &rig.path("AVTransport/event"), &[]);
    assert_eq!(exchange(rig.address, subscribe).await.status(), 403);
    assert!(rig.transport.calls().is_empty());
}

#[tokio::test]
async fn d11_any_name_arrives_and_can_change() {
    let strange = "A&B <ü> \"🎵\" 'x' ]]>";
    // UPnP asks for fewer than 64 characters, our configs allow 200. Cut off, two zones could look the same.
    let long = "👩‍👩‍👧‍👦 & ".repeat(20);
    assert_eq!(long.chars().count(), 200);
    for name in [&long, strange] {
        let rig = Rig::start_with(name, |_| {}).await;
        let url = format!("http://{}{}", rig.address, rig.path("device.xml"));
        let device = rupnp::Device::from_url(url.parse().unwrap()).await.unwrap();
        assert_eq!(device.friendly_name(), name);
    }
    let rig = Rig::start_with(strange, |_| {}).await;
    let before = Advertisement::of(&rig.device).config_id;
    rig.device.rename("Küche".to_owned());
    assert_eq!(
        get(&rig, &rig.path("device.xml"))
            .await
            .element("friendlyName"),
        Some("Küche")
    );
    assert_ne!(Advertisement::of(&rig.device).config_id, before);
}

#[tokio::test]
async fn a_control_point_of_another_make_gets_along() {
    let rig = Rig::start().await;
    let url = format!("http://{}{}", rig.address, rig.path("device.xml"));
    let device = rupnp::Device::from_url(url.parse().unwrap()).await.unwrap();
    let service = device
        .find_service(&AVT.parse().unwrap())
        .expect("the service");
    let scpd = service.scpd(device.url()).await.unwrap();
    assert_eq!(scpd.actions().len(), TRANSPORT.actions.len());
    let metadata = "<a>Tom &amp; \"J\"\r\n\t</a>";
    rig.transport.set("AVTransportURIMetaData", metadata);
    let answer = service
        .action(device.url(), "GetMediaInfo", "<InstanceID>0</InstanceID>")
        .await
        .unwrap();
    assert_eq!(
        answer.get("CurrentURIMetaData").map(String::as_str),
        Some(metadata)
    );
}
