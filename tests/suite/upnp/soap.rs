//! Cases A01 to A23: actions in every writing.
//! Not descriptions.

use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{AVT, PLAYED, control, play};
use crate::support::upnp_device::Rig;
use crate::support::upnp_wire::{envelope, exchange, exchange_on, post, read};

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
async fn a13_a14_arguments_in_any_order_absent_or_too_many() {
    let rig = Rig::start().await;
    for arguments in [
        "<Target>0:01:00</Target><Unit>REL_TIME</Unit><InstanceID>0</InstanceID>",
        "<Nonsense>7</Nonsense><Unit>REL_TIME</Unit><Target>0:01:00</Target><Target>0:09:00</Target>",
        "<InstanceID> </InstanceID><Unit> REL_TIME </Unit><Target>0:01:00</Target>",
    ] {
        let answer = control(&rig, "", &format!("<Seek>{arguments}</Seek>")).await;
        assert_eq!(answer.status(), 200, "{arguments}");
    }
    let expected = "Seek InstanceID=0 Unit=REL_TIME Target=0:01:00";
    assert_eq!(rig.transport.calls(), [expected; 3]);
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
