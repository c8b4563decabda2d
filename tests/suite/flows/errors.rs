//! Every error code where it belongs, over the wire, against the whole renderer: A17, T01, T04, T13, T22, K04, K05, K12, N04, R02,
//! R03, R07, C03.

use super::*;

/// Names and values.
type Arguments = &'static [(&'static str, &'static str)];

/// Without media: service, action, arguments, error.
const NO_MEDIA: [(&str, &str, Arguments, u16); 34] = {
    const AVT: &str = "AVTransport";
    const RCS: &str = "RenderingControl";
    const CM: &str = "ConnectionManager";
    [
        // No such action, whether the standard knows it or not.
        (AVT, "Frobnicate", &[], 401),
        (AVT, "Record", &[], 401),
        (RCS, "GetLoudness", &[("Channel", "Master")], 401),
        (CM, "PrepareForConnection", &[], 401),
        // Something that must be said is not, or is no value of its kind.
        (AVT, "SetAVTransportURI", &[("CurrentURIMetaData", "")], 402),
        (AVT, "SetNextAVTransportURI", &[], 402),
        (AVT, "Seek", &[("Unit", "REL_TIME")], 402),
        (AVT, "Seek", &[("Target", "0:00:01")], 402),
        (AVT, "SetPlayMode", &[], 402),
        (RCS, "SetVolume", &[("Channel", "Master")], 402),
        (RCS, "SetVolume", &[("DesiredVolume", "")], 402),
        (RCS, "SetMute", &[("DesiredMute", "loud")], 402),
        (RCS, "SelectPreset", &[], 402),
        (CM, "GetCurrentConnectionInfo", &[], 402),
        (
            CM,
            "GetCurrentConnectionInfo",
            &[("ConnectionID", "x")],
            402,
        ),
        // A number that is none, or out of what there is.
        (RCS, "SetVolume", &[("DesiredVolume", "-1")], 601),
        (RCS, "SetVolume", &[("DesiredVolume", "abc")], 601),
        (RCS, "SetVolume", &[("DesiredVolume", "99999")], 601),
        (RCS, "SetVolumeDB", &[("DesiredVolume", "-15361")], 601),
        (RCS, "SetVolumeDB", &[("DesiredVolume", "40000")], 601),
        // Not now.
        (AVT, "Play", &[("Speed", "1")], 701),
        (AVT, "Pause", &[], 701),
        (AVT, "Next", &[], 701),
        (AVT, "Previous", &[], 701),
        (
            AVT,
            "Seek",
            &[("Unit", "REL_TIME"), ("Target", "0:00:01")],
            701,
        ),
        (RCS, "SelectPreset", &[("PresetName", "Party")], 701),
        (RCS, "GetVolume", &[("Channel", "LFE")], 703),
        (
            CM,
            "GetCurrentConnectionInfo",
            &[("ConnectionID", "7")],
            706,
        ),
        (AVT, "SetPlayMode", &[("NewPlayMode", "SHUFFLE")], 712),
        (
            AVT,
            "SetAVTransportURI",
            &[("CurrentURI", "file:///etc/passwd")],
            716,
        ),
        (
            AVT,
            "SetAVTransportURI",
            &[("CurrentURI", "rtsp://192.0.2.1/x")],
            716,
        ),
        (
            AVT,
            "SetNextAVTransportURI",
            &[("NextURI", "data:audio/wav,x")],
            716,
        ),
        (AVT, "Play", &[("Speed", "2")], 717),
        (AVT, "Play", &[("Speed", "-1")], 717),
    ]
};

/// Stopped, with media of one and a half seconds: action of AVTransport, arguments, error.
const WITH_MEDIA: [(&str, Arguments, u16); 9] = [
    ("Pause", &[], 701),
    ("Seek", &[("Unit", "FOO"), ("Target", "1")], 710),
    ("Seek", &[("Unit", "X_DLNA_REL_BYTE"), ("Target", "1")], 710),
    ("Seek", &[("Unit", "12"), ("Target", "13")], 710),
    ("Seek", &[("Unit", "REL_TIME"), ("Target", "x")], 711),
    ("Seek", &[("Unit", "REL_TIME"), ("Target", "-0:00:01")], 711),
    ("Seek", &[("Unit", "TRACK_NR"), ("Target", "2")], 711),
    ("Seek", &[("Unit", "REL_TIME"), ("Target", "1:00:00")], 711),
    ("Next", &[], 711),
];

#[tokio::test]
async fn every_error_code_where_it_belongs() {
    let server = MediaServer::start();
    let stack = Stack::start().await;
    let house = &stack.renderer;
    for (service, action, arguments, code) in NO_MEDIA {
        let answer = house.call(service, action, arguments).await;
        assert_eq!(answer.err(), Some(code), "{action} {arguments:?}");
    }
    assert_eq!(
        house.condition().await,
        ("NO_MEDIA_PRESENT".into(), "OK".into())
    );
    // Stop is never an error: XBMC of old gave up on one.
    house.transport("Stop", &[]).await;
    for (service, code) in [("AVTransport", "718"), ("RenderingControl", "702")] {
        let body = format!(
            "<u:Get xmlns:u=\"urn:schemas-upnp-org:service:{service}:1\"><InstanceID>1</InstanceID></u:Get>"
        );
        let action = if service == "AVTransport" {
            "GetMediaInfo"
        } else {
            "GetVolume"
        };
        let body = body.replace("u:Get", &format!("u:{action}"));
        let path = house.path(service, "controlURL");
        let answer = exchange(house.address, post(&path, "", envelope(&body))).await;
        assert_eq!(answer.element("errorCode"), Some(code));
    }
    let song = server.serve("/song", Media::fixture("sine.flac"));
    house.set_uri(&song).await;
    let deadline = Instant::now() + PATIENCE;
    while house
        .transport("GetMediaInfo", &[])
        .await
        .element("MediaDuration")
        == Some("0:00:00")
    {
        assert!(Instant::now() < deadline, "its length is never known");
        milliseconds(20).await;
    }
    for (action, arguments, code) in WITH_MEDIA {
        let answer = house.call("AVTransport", action, arguments).await;
        assert_eq!(answer.err(), Some(code), "{action} {arguments:?}");
    }
    // AirConnect sends a seek's arguments the wrong way round; it is read all the same.
    let swapped = [("Unit", "0:00:01"), ("Target", "REL_TIME")];
    house.transport("Seek", &swapped).await;
    assert_eq!(house.position().await, 1);
    stack.end().await;
}
