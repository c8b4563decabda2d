//! What is fuzzed: functions that take any bytes at all and panic when something does not hold.
//! libFuzzer calls them without end (`make fuzz`), and the test `suite` each some thousand times (`tests/suite/fuzzing.rs`).
//! They use what anybody can use of the library; nothing is public for their sake.

mod library;
mod media;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use quick_xml::escape::{escape, unescape};
use unisono::clock::ManualClock;
use unisono::media::playlist::hls::{self, Hls};
use unisono::media::playlist::{self as playlists, Kind};
use unisono::renderer::{duration as times, minimal_didl, services, track};
use unisono::upnp::gena::callback::{self, Arrival};
use unisono::upnp::gena::headers::{self, Headers, Subscribe};
use unisono::upnp::gena::notify;
use unisono::upnp::ssdp::message::{self, Cast};
use unisono::upnp::{SharedService, soap};
use unisono::zone::{ZoneHandle, ZoneState};

pub use media::{icy, media, segments};

/// A name, what is called, and the folders of `tests/fixtures` and endings of files that it begins with.
pub type Target = (
    &'static str,
    fn(&[u8]),
    &'static [(&'static str, &'static str)],
);

/// Every target. `scripts/fuzz.sh` knows the folders too.
pub const TARGETS: [Target; 11] = [
    ("config", config, &[("config", "toml")]),
    ("didl", didl, &[("upnp", "xml")]),
    ("duration", duration, &[("fuzz/duration", "txt")]),
    ("gena", gena, &[("fuzz/gena", "txt")]),
    ("icy", icy, &[("fuzz/icy", "icy")]),
    ("last_change", last_change, &[("upnp", "xml")]),
    (
        "media",
        media,
        &[
            ("fuzz/media", "aac"),
            ("fuzz/media", "aiff"),
            ("fuzz/media", "caf"),
            ("fuzz/media", "flac"),
            ("fuzz/media", "m4a"),
            ("fuzz/media", "mka"),
            ("fuzz/media", "mp2"),
            ("fuzz/media", "mp3"),
            ("fuzz/media", "mp4"),
            ("fuzz/media", "ogg"),
            ("fuzz/media", "w64"),
            ("fuzz/media", "wav"),
            ("fuzz/media", "webm"),
        ],
    ),
    (
        "playlist",
        playlist,
        &[
            ("playlists", "asx"),
            ("playlists", "m3u"),
            ("playlists", "m3u8"),
            ("playlists", "pls"),
            ("playlists", "xspf"),
        ],
    ),
    ("segments", segments, &[("fuzz/segments", "hls")]),
    ("soap", soap, &[("upnp", "xml")]),
    ("ssdp", ssdp, &[("fuzz/ssdp", "txt")]),
];

/// A config is read, or what is wrong with it can be said.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Err(error) = unisono::config::parse(text, Path::new("/x/config.toml"), "host") {
        assert!(!error.to_string().is_empty());
    }
}

/// Whatever the metadata is, a track comes out that keeps it, and our own metadata of that track says the same of it.
pub fn didl(bytes: &[u8]) {
    const URI: &str = "http://192.168.1.4/a.flac?b=1&c=%20";
    let metadata = String::from_utf8_lossy(bytes);
    let first = track(URI, &metadata);
    assert_eq!(first.request.uri, URI);
    assert_eq!(first.metadata, metadata);
    assert!(!first.title.is_empty());
    let second = track(URI, &minimal_didl(&first));
    // Of a title that XML cannot carry nothing is left, and it is the file's name then.
    match sound(&first.title).trim() {
        "" => assert_eq!(second.title, "a.flac"),
        title => assert_eq!(second.title.trim(), title),
    }
    assert_eq!(second.request.uri, URI);
}

/// A time that is read is written as one that is read as the same, but for its fraction.
pub fn duration(bytes: &[u8]) {
    let Some(time) = std::str::from_utf8(bytes).ok().and_then(times::read) else {
        return;
    };
    let whole = Duration::from_secs(time.as_secs());
    assert_eq!(times::read(&times::write(time)), Some(whole));
}

/// Four lines are the headers of a SUBSCRIBE: NT, SID, CALLBACK and TIMEOUT; an empty one is not sent. Whatever they are, nobody is
/// written to who is not on the link that it came in on.
pub fn gena(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text
        .split('\n')
        .map(|line| Some(line).filter(|line| !line.is_empty()));
    let headers = Headers {
        nt: lines.next().flatten(),
        sid: lines.next().flatten(),
        callback: lines.next().flatten(),
        timeout: lines.next().flatten(),
    };
    let _ = headers::unsubscribe(headers);
    let Ok(subscribe) = headers::subscribe(headers) else {
        return;
    };
    let (Subscribe::New { timeout, .. } | Subscribe::Renew { timeout, .. }) = subscribe;
    assert!((300..=1800).contains(&timeout.as_secs()));
    let Subscribe::New { callbacks, .. } = subscribe else {
        return;
    };
    let peer = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 20));
    let local = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 10));
    let arrival = Arrival {
        peer: SocketAddr::new(peer, 50_000),
        local: SocketAddr::new(local, 49_494),
        network: "192.168.1.0/24".parse().ok(),
    };
    for callback in callback::acceptable(&callbacks, arrival) {
        let IpAddr::V4(address) = callback.address.ip() else {
            panic!("another family: {callback:?}");
        };
        assert!(address.octets().starts_with(&[192, 168, 1]), "{callback:?}");
        assert_ne!(callback.address, arrival.local);
        assert!(callback.path.starts_with('/'), "{callback:?}");
        let written = format!("{}{}", callback.host, callback.path);
        assert!(written.bytes().all(|byte| byte.is_ascii_graphic()));
    }
}

/// What is told of a variable arrives, through three wrappings of XML.
pub fn last_change(bytes: &[u8]) {
    static TRANSPORT: LazyLock<SharedService> = LazyLock::new(|| {
        let (zone, _inbox) = ZoneHandle::pair(ZoneState::default());
        services(zone, Arc::new(ManualClock::new())).remove(0)
    });
    const VARIABLE: &str = "AVTransportURIMetaData";
    let value = String::from_utf8_lossy(bytes).into_owned();
    let after = vec![(VARIABLE, value.clone())];
    let properties = TRANSPORT.properties(None, &after);
    assert!(TRANSPORT.properties(Some(&after), &after).is_empty());
    let body = notify::body(&properties);
    let event = between(&body, "<LastChange>", "</LastChange>");
    let event = unescape(event).expect("text in an element");
    assert!(event.starts_with("<Event xmlns=\"urn:schemas-upnp-org:metadata-1-0/AVT/\">"));
    let told = between(&event, &format!("<{VARIABLE} val=\""), "\"/>");
    let told = unescape(told).expect("text in an attribute");
    assert_eq!(told, sound(&value));
}

/// Whatever a playlist is taken for, it names addresses that are fetched, not too many, or it can be said why not; and it is the same each
/// time.
pub fn playlist(bytes: &[u8]) {
    let base = "http://192.168.1.4/lists/all".parse().expect("an address");
    let head = &bytes[..bytes.len().min(playlists::HEAD)];
    let told = Kind::of(head, "/list", None);
    assert!(told.is_none() || playlists::may_begin(head));
    if let Ok(Hls::Media(list)) = hls::read(bytes, &base) {
        assert!(!list.ended || list.duration().is_some());
        let numbers = list.segments.windows(2);
        assert!(numbers.into_iter().all(|two| two[0].number < two[1].number));
    }
    for kind in [Kind::M3u, Kind::Pls, Kind::Xspf, Kind::Asx] {
        let entries = playlists::read(kind, bytes, &base);
        assert_eq!(playlists::read(kind, bytes, &base), entries);
        match entries {
            Ok(entries) => {
                assert!((1..=playlists::MOST_ENTRIES).contains(&entries.len()));
                for entry in entries {
                    assert!(!entry.addresses.is_empty());
                    for address in entry.addresses {
                        assert!(["http", "https"].contains(&address.scheme()));
                        assert!(address.has_host());
                    }
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// A request that is read can be written again, and is read as the same.
pub fn soap(bytes: &[u8]) {
    let header = String::from_utf8_lossy(bytes);
    if let Some((_, action)) = soap::soap_action(&header) {
        assert!(!action.is_empty());
    }
    let Ok(call) = soap::read(bytes) else {
        return;
    };
    // Names that no table has, and that only look like names, need not survive.
    let plain = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if !plain(&call.action) || !call.arguments.iter().all(|(name, _)| plain(name)) {
        return;
    }
    let mut content = String::new();
    for (name, value) in &call.arguments {
        // A carriage return that stands as it is would be read as the end of a line.
        let value = escape(value).replace('\r', "&#13;");
        content.push_str(&format!("<{name}>{value}</{name}>"));
    }
    let action = &call.action;
    let written = format!("<Envelope><Body><{action}>{content}</{action}></Body></Envelope>");
    let again = soap::read(written.as_bytes()).expect("what has been read");
    assert_eq!(again.action, call.action);
    assert_eq!(again.arguments, call.arguments);
}

/// A datagram is a search that is answered within five seconds, or nothing.
pub fn ssdp(bytes: &[u8]) {
    for cast in [Cast::Multi, Cast::Uni] {
        if let Some(search) = message::search(bytes, cast) {
            assert!(search.window <= Duration::from_secs(5));
        }
    }
}

/// The text without the characters that XML cannot carry.
fn sound(text: &str) -> String {
    let carried = |c: &char| !matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    text.chars().filter(carried).collect()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).expect("it begins");
    rest.split_once(end).expect("it ends").0
}
