//! Cases D01 to D12: descriptions, and HTTP as such.
//! Not SOAP.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use unisono::upnp::ServiceDescription;
use unisono::upnp::http::Limits;

use super::super::support::upnp_device::{CONNECTIONS, RENDERING, Rig, TRANSPORT};
use super::super::support::upnp_wire::{bare, exchange, exchange_on};
use super::{AVT, control, get, play};

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
    let tags: Vec<_> = answer.body.split('<').collect();
    let empty = |pair: &&[&str]| pair[1] == format!("/{}", pair[0]);
    assert_eq!(tags.windows(2).find(empty), None, "an empty element");
    let config = format!("configId=\"{}\"", rig.device.advertisement().config_id);
    assert!(answer.body.contains(&config));
    let urls = ["SCPDURL", "controlURL", "eventSubURL", "presentationURL"];
    for name in urls {
        let url = answer.element(name).expect(name);
        assert!(url.starts_with('/'), "{name} {url}");
    }
    let order = [
        "deviceType",
        "friendlyName",
        "manufacturer",
        "modelDescription",
        "modelName",
        "modelNumber",
        "UDN",
        "serviceList",
        "presentationURL",
    ];
    let positions: Vec<_> = order
        .iter()
        .map(|name| answer.body.find(&format!("<{name}>")).expect(name))
        .collect();
    assert!(positions.is_sorted(), "{positions:?}");
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
        for action in scpd.body.split("<action>").skip(1) {
            let last_in = action.rfind("<direction>in<").unwrap_or(0);
            let first_out = action.find("<direction>out<").unwrap_or(usize::MAX);
            assert!(last_in < first_out, "{action}");
        }
        for related in scpd.body.split("<relatedStateVariable>").skip(1) {
            let name = related.split('<').next().unwrap();
            let variable = format!("<stateVariable sendEvents=\"no\"><name>{name}</name>");
            let evented = variable.replace("no", "yes");
            assert!(
                scpd.body.contains(&variable) || scpd.body.contains(&evented),
                "{name}"
            );
        }
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
async fn d10_a_slow_head_is_cut_off() {
    let rig = Rig::start_with("x", |options| {
        options.connections = Limits {
            head: Duration::from_millis(300),
            ..Limits::default()
        };
    })
    .await;
    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: ").await.unwrap();
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest));
    closed.await.expect("closed in time").unwrap();
}

#[tokio::test]
async fn d11_any_name_arrives_and_can_change() {
    let name = "A&B <ü> \"🎵\" 'x' ]]>";
    let rig = Rig::start_with(name, |_| {}).await;
    let url = format!("http://{}{}", rig.address, rig.path("device.xml"));
    let device = rupnp::Device::from_url(url.parse().unwrap()).await.unwrap();
    assert_eq!(device.friendly_name(), name);
    let before = rig.device.advertisement().config_id;
    rig.device.rename("Küche".to_owned());
    assert_eq!(
        get(&rig, &rig.path("device.xml"))
            .await
            .element("friendlyName"),
        Some("Küche")
    );
    assert_ne!(rig.device.advertisement().config_id, before);
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
