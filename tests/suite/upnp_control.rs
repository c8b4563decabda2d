//! Description, HTTP and SOAP on a real socket, by the case ids of the protocol reference.
//! Not what actions mean; the services here only write down what they are told.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use unisono::upnp::ServiceDescription;
use unisono::upnp::http::Limits;

use super::support::upnp_device::{CONNECTIONS, RENDERING, Rig, TRANSPORT};
use super::support::upnp_wire::{Message, bare, envelope, exchange, exchange_on, post, read};

const AVT: &str = "urn:schemas-upnp-org:service:AVTransport:1";

async fn get(rig: &Rig, path: &str) -> Message {
    exchange(rig.address, bare("GET", path, &[])).await
}

/// Sends an action to AVTransport with these header lines.
async fn control(rig: &Rig, headers: &str, content: &str) -> Message {
    let request = post(&rig.path("AVTransport/control"), headers, envelope(content));
    exchange(rig.address, request).await
}

fn play(arguments: &str) -> String {
    format!("<u:Play xmlns:u=\"{AVT}\">{arguments}</u:Play>")
}

const PLAYED: &str = "Play InstanceID=0 Speed=1";

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
        options.own_names.push("hall.home.arpa".to_owned())
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
        options.allow = vec!["10.0.0.0/8".parse().unwrap()]
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

#[tokio::test]
async fn a01_a03_the_body_decides() {
    let rig = Rig::start().await;
    for header in [
        "",
        "SOAPACTION: urn:schemas-upnp-org:service:AVTransport:1#Play\r\n",
        "Soapaction: \"urn:schemas-upnp-org:service:AVTransport:1#Play\"\r\n",
        "soapaction: \"\"\r\n",
        "SOAPACTION: \"urn:schemas-upnp-org:service:AVTransport:1#Stop\"\r\n",
    ] {
        let answer = control(&rig, header, &play("<InstanceID>0</InstanceID>")).await;
        assert_eq!(answer.status(), 200, "{header}");
        assert_eq!(answer.header("ext"), Some(""));
    }
    assert_eq!(rig.transport.calls(), [PLAYED; 5]);
}

#[tokio::test]
async fn a02_m_post() {
    let rig = Rig::start().await;
    let headers = format!(
        "MAN: \"http://schemas.xmlsoap.org/soap/envelope/\"; ns=01\r\n01-SOAPACTION: \"{AVT}#Play\"\r\n"
    );
    let request = post(
        &rig.path("AVTransport/control"),
        &headers,
        envelope(&play("")),
    );
    let request = [b"M-", request.as_slice()].concat();
    assert_eq!(exchange(rig.address, request).await.status(), 200);
    assert_eq!(rig.transport.calls(), [PLAYED]);
}

#[tokio::test]
async fn a04_a05_a06_however_the_body_travels() {
    let rig = Rig::start().await;
    let path = rig.path("AVTransport/control");
    let body = envelope(&play(""));

    let (first, second) = body.split_at(body.len() / 2);
    let chunked = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        first.len(),
        second.len()
    );
    assert_eq!(exchange(rig.address, chunked).await.status(), 200);

    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    let request = post(&path, "Expect: 100-continue\r\n", "");
    let request = String::from_utf8(request).unwrap();
    let request = request.replace("Length: 0", &format!("Length: {}", body.len()));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(exchange_on(&mut stream, &body).await.status(), 200);

    let mut stream = TcpStream::connect(rig.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in post(&path, "", &body) {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(read(&mut stream, true).await.unwrap().status(), 200);
    assert_eq!(rig.transport.calls(), [PLAYED; 3]);
}

#[tokio::test]
async fn a07_a08_a09_whatever_surrounds_the_body() {
    let rig = Rig::start().await;
    let uri = "<CurrentURI>http://x/ä</CurrentURI>";
    let body = envelope(&format!(
        "<u:SetAVTransportURI xmlns:u=\"{AVT}\">{uri}</u:SetAVTransportURI>"
    ));
    let latin: Vec<u8> = body
        .replace("\"1.0\"", "\"1.0\" encoding=\"ISO-8859-1\"")
        .chars()
        .map(|c| c as u8)
        .collect();
    let with_nul = [body.as_bytes(), b"\0\0\r\n"].concat();
    let with_mark = [b"\xEF\xBB\xBF", body.as_bytes()].concat();
    for body in [with_nul, with_mark, latin] {
        let request = post(&rig.path("AVTransport/control"), "", body);
        assert_eq!(exchange(rig.address, request).await.status(), 200);
    }
    let call = "SetAVTransportURI InstanceID=0 CurrentURI=http://x/ä CurrentURIMetaData=";
    assert_eq!(rig.transport.calls(), [call; 3]);
}

/// Posts a fixture and compares what the service was told.
async fn check(fixture: &str, service: &str, expected: &str) {
    let rig = Rig::start().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/upnp");
    let body = std::fs::read(path.join(fixture)).expect(fixture);
    let request = post(&rig.path(&format!("{service}/control")), "", body);
    let answer = exchange(rig.address, request).await;
    assert_eq!(answer.status(), 200, "{}", answer.body);
    let recorder = match service {
        "AVTransport" => &rig.transport,
        "RenderingControl" => &rig.rendering,
        _ => &rig.connections,
    };
    assert_eq!(recorder.calls(), [expected]);
}

#[tokio::test]
async fn a10_windows_media_player() {
    check("wmp/play.xml", "AVTransport", PLAYED).await;
    check(
        "wmp/set_av_transport_uri.xml",
        "AVTransport",
        "SetAVTransportURI InstanceID=0 CurrentURI=http://192.168.1.4:10246/MDEServer/1/0.mp3?a=1&b=2 \
         CurrentURIMetaData=<DIDL-Lite><item>Tom &amp; Jerry</item></DIDL-Lite>",
    )
    .await;
}

#[tokio::test]
async fn bubbleupnp() {
    check("bubbleupnp/play.xml", "AVTransport", PLAYED).await;
    let expected = "SetVolume InstanceID=0 Channel=Master DesiredVolume=42";
    check("bubbleupnp/set_volume.xml", "RenderingControl", expected).await;
}

#[tokio::test]
async fn a11_swyh() {
    let expected = "SetVolume InstanceID=0 Channel=Master DesiredVolume=17";
    check("swyh/set_volume.xml", "RenderingControl", expected).await;
    check(
        "swyh/set_av_transport_uri.xml",
        "AVTransport",
        "SetAVTransportURI InstanceID=0 CurrentURI=http://192.168.1.4:5901/stream/swyh.wav \
         CurrentURIMetaData=<DIDL-Lite><res duration=\"00:00:00\"/></DIDL-Lite>",
    )
    .await;
}

#[tokio::test]
async fn a23_home_assistant() {
    let expected = "Seek InstanceID=0 Unit=REL_TIME Target=0:3:7";
    check("home-assistant/seek.xml", "AVTransport", expected).await;
    check(
        "home-assistant/get_protocol_info.xml",
        "ConnectionManager",
        "GetProtocolInfo",
    )
    .await;
}

#[tokio::test]
async fn kodi() {
    check("kodi/play.xml", "AVTransport", PLAYED).await;
    check("kodi/stop.xml", "AVTransport", "Stop InstanceID=0").await;
}

#[tokio::test]
async fn a12_the_version_asked_for_is_the_version_answered() {
    let rig = Rig::start().await;
    let header = "SOAPACTION: \"urn:schemas-upnp-org:service:AVTransport:2#Play\"\r\n";
    let answer = control(&rig, header, &play("")).await;
    let response =
        "<u:PlayResponse xmlns:u=\"urn:schemas-upnp-org:service:AVTransport:2\"></u:PlayResponse>";
    assert!(answer.body.contains(response), "{}", answer.body);
    let strange = control(&rig, "", "<Play xmlns=\"urn:x:1\"/>").await;
    assert!(strange.body.contains(AVT), "{}", strange.body);
}

/// Calls an action and expects this error.
async fn fails(rig: &Rig, content: &str, code: &str) {
    let answer = control(rig, "", content).await;
    assert_eq!(answer.status(), 500, "{content}");
    assert_eq!(answer.element("errorCode"), Some(code), "{content}");
    assert_eq!(answer.element("faultcode"), Some("s:Client"));
    assert_eq!(answer.element("faultstring"), Some("UPnPError"));
    assert!(
        answer
            .body
            .contains("<UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\">")
    );
    assert!(
        answer
            .element("errorDescription")
            .is_some_and(|text| !text.is_empty())
    );
}

#[tokio::test]
async fn a14_to_a19_and_a21_faults() {
    let rig = Rig::start().await;
    fails(&rig, &play("<InstanceID>1</InstanceID>"), "718").await;
    fails(&rig, &play("<InstanceID>abc</InstanceID>"), "402").await;
    fails(&rig, "<Frobnicate/>", "401").await;
    fails(
        &rig,
        "<QueryStateVariable><varName>x</varName></QueryStateVariable>",
        "401",
    )
    .await;
    fails(&rig, "<SetAVTransportURI/>", "402").await;
    fails(&rig, "<Play><Speed></Play>", "402").await;
    fails(&rig, "", "402").await;
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\">]><x/>";
    let request = post(&rig.path("AVTransport/control"), "", bomb);
    let answer = exchange(rig.address, request).await;
    assert_eq!(answer.element("errorCode"), Some("402"));
    assert!(rig.transport.calls().is_empty());
    assert_eq!(
        control(&rig, "", &play("")).await.status(),
        200,
        "still alive"
    );
}

#[tokio::test]
async fn a20_large_metadata_passes_and_too_large_is_said() {
    let rig = Rig::start().await;
    let set = |size: usize| {
        let metadata = "x".repeat(size);
        let content = format!(
            "<SetAVTransportURI><CurrentURI>u</CurrentURI><CurrentURIMetaData>{metadata}</CurrentURIMetaData></SetAVTransportURI>"
        );
        post(&rig.path("AVTransport/control"), "", envelope(&content))
    };
    assert_eq!(exchange(rig.address, set(200 * 1024)).await.status(), 200);
    assert_eq!(exchange(rig.address, set(1024 * 1024)).await.status(), 413);
    assert_eq!(rig.transport.calls().len(), 1);
}

#[tokio::test]
async fn a22_outputs_in_order_unqualified_and_escaped() {
    let rig = Rig::start().await;
    rig.transport.set("AVTransportURI", "http://x/?a=1&b=<2>");
    let answer = control(&rig, "", "<GetMediaInfo/>").await;
    let expected = format!(
        "<u:GetMediaInfoResponse xmlns:u=\"{AVT}\"><CurrentURI>http://x/?a=1&amp;b=&lt;2&gt;</CurrentURI>\
         <CurrentURIMetaData></CurrentURIMetaData></u:GetMediaInfoResponse>"
    );
    assert!(answer.body.contains(&expected), "{}", answer.body);
    assert_eq!(
        answer.header("content-type"),
        Some("text/xml; charset=\"utf-8\"")
    );
}
