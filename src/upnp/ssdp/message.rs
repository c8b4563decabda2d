//! Discovery without sockets: which messages, in which words, and which searches they answer.
//! Not when; that is in `schedule`. Nothing here sends or receives.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::upnp::device::{Device, description, split_version};

/// Where everybody listens.
pub const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), 1900);

/// How long an announcement is good for; the least that UDA 1.0 §1.2.2 allows.
pub const MAX_AGE: Duration = Duration::from_secs(1800);
/// The longest time to spread answers over, whatever MX says (UDA 1.1 §1.3.3).
const LONGEST_MX: u64 = 5;

/// What is said about one root device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertisement {
    /// `uuid:…`
    pub udn: String,
    /// Its device type, with version.
    pub device_type: String,
    /// Its service types, with versions, each once.
    pub service_types: Vec<String>,
    /// The path of its description.
    pub path: String,
    /// Changes when its description does.
    pub config_id: u32,
}

/// What is the same in all messages on one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The SERVER header.
    pub server: String,
    /// Grows with every start, and whenever an interface comes: the time in seconds will do. 31 bits.
    pub boot_id: u32,
    /// Our address on the interface and the port of the HTTP listener: what LOCATION leads to.
    pub http: SocketAddrV4,
}

/// What is announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Here it is.
    Alive,
    /// It is going, or an earlier self has gone without a word.
    ByeBye,
    /// It stays, and from now on goes by another BOOTID (UDA 1.1 §1.2.4).
    Update {
        /// The next BOOTID.
        next: u32,
    },
}

impl Advertisement {
    /// What is said about `device` at this moment.
    pub fn of(device: &Device) -> Self {
        let identity = device.identity();
        let services = device.descriptions();
        Self {
            udn: identity.udn(),
            device_type: identity.device_type.clone(),
            service_types: services
                .iter()
                .map(|service| service.service_type.to_owned())
                .collect(),
            path: description::device_path(&identity),
            config_id: description::config_id(&identity, &services),
        }
    }

    /// The NT values and their USNs: the root device, the UUID, the device type, each service type.
    pub fn targets(&self) -> Vec<(String, String)> {
        let named = |name: &str| (name.to_owned(), format!("{}::{name}", self.udn));
        let mut targets = vec![
            named("upnp:rootdevice"),
            (self.udn.clone(), self.udn.clone()),
            named(&self.device_type),
        ];
        targets.extend(self.service_types.iter().map(|name| named(name)));
        targets
    }

    /// The ST and USN of each answer to a search for `st`.
    pub(crate) fn answers(&self, st: &str) -> Vec<(String, String)> {
        let targets = self.targets();
        if st == "ssdp:all" {
            return targets;
        }
        targets
            .into_iter()
            .filter(|(name, _)| matches(name, st))
            // The words of the question come back: an older version of a type, other capitals of a UUID.
            .map(|(_, usn)| (st.to_owned(), usn))
            .collect()
    }
}

/// Whether somebody who looks for `st` is served by `name`.
fn matches(name: &str, st: &str) -> bool {
    if name.starts_with("uuid:") {
        return name.eq_ignore_ascii_case(st);
    }
    match (split_version(name), split_version(st)) {
        ((ours, Some(have)), (theirs, Some(want))) => ours == theirs && (1..=have).contains(&want),
        _ => name == st,
    }
}

/// One NOTIFY for each target of a device.
pub fn notifications(kind: Kind, advertisement: &Advertisement, terms: &Terms) -> Vec<String> {
    let targets = advertisement.targets();
    targets
        .iter()
        .map(|(nt, usn)| {
            let mut text = format!("NOTIFY * HTTP/1.1\r\nHOST: {GROUP}\r\n");
            let nts = match kind {
                Kind::Alive => {
                    validity(&mut text, advertisement, terms);
                    "ssdp:alive"
                }
                Kind::ByeBye => "ssdp:byebye",
                Kind::Update { next } => {
                    location(&mut text, advertisement, terms);
                    let _ = write!(text, "NEXTBOOTID.UPNP.ORG: {next}\r\n");
                    "ssdp:update"
                }
            };
            let _ = write!(text, "NT: {nt}\r\nNTS: {nts}\r\nUSN: {usn}\r\n");
            ending(&mut text, advertisement, terms);
            text
        })
        .collect()
}

/// One answer to a search.
pub(crate) fn answer(advertisement: &Advertisement, terms: &Terms, st: &str, usn: &str) -> String {
    let mut text = String::from("HTTP/1.1 200 OK\r\nEXT: \r\n");
    validity(&mut text, advertisement, terms);
    let _ = write!(text, "ST: {st}\r\nUSN: {usn}\r\n");
    ending(&mut text, advertisement, terms);
    text
}

fn validity(text: &mut String, advertisement: &Advertisement, terms: &Terms) {
    let _ = write!(text, "CACHE-CONTROL: max-age={}\r\n", MAX_AGE.as_secs());
    location(text, advertisement, terms);
    let _ = write!(text, "SERVER: {}\r\n", terms.server);
}

fn location(text: &mut String, advertisement: &Advertisement, terms: &Terms) {
    let _ = write!(
        text,
        "LOCATION: http://{}{}\r\n",
        terms.http, advertisement.path
    );
}

fn ending(text: &mut String, advertisement: &Advertisement, terms: &Terms) {
    let _ = write!(
        text,
        "BOOTID.UPNP.ORG: {}\r\nCONFIGID.UPNP.ORG: {}\r\n\r\n",
        terms.boot_id, advertisement.config_id
    );
}

/// How a search came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    /// To the group, or to everybody: many may answer, so MX says how to spread.
    Multi,
    /// To us alone.
    Uni,
}

/// A valid M-SEARCH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// What is looked for.
    pub st: String,
    /// Answers are spread over this time.
    pub window: Duration,
}

/// Reads a datagram; `None` for anything that is not to be answered.
pub fn search(datagram: &[u8], cast: Cast) -> Option<Search> {
    let text = std::str::from_utf8(datagram).ok()?;
    let (head, _) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    if lines.next()?.trim_end() != "M-SEARCH * HTTP/1.1" {
        return None;
    }
    let (mut man, mut st, mut mx) = (None, None, None);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "man" => man = Some(value.trim_matches('"')),
            "st" => st = Some(value),
            "mx" => mx = Some(value),
            _ => {}
        }
    }
    if man? != "ssdp:discover" {
        return None;
    }
    let window = match cast {
        // Nobody else answers; there is nothing to spread for.
        Cast::Uni => Duration::from_millis(100),
        Cast::Multi => match mx?.parse::<u64>().ok()? {
            // Not valid, but sent.
            0 => Duration::from_millis(100),
            // A little less, so that the last answer is there in time.
            seconds => Duration::from_millis(seconds.min(LONGEST_MX) * 900),
        },
    };
    Some(Search {
        st: st?.to_owned(),
        window,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const UDN: &str = "uuid:6f1c0d3e-0000-4000-8000-00000000abcd";
    const KIND: &str = "urn:schemas-upnp-org:device:MediaRenderer:1";

    pub(in crate::upnp::ssdp) fn device() -> Advertisement {
        let service = |name: &str| format!("urn:schemas-upnp-org:service:{name}:1");
        Advertisement {
            udn: UDN.to_owned(),
            device_type: KIND.to_owned(),
            service_types: ["AVTransport", "RenderingControl", "ConnectionManager"]
                .map(service)
                .to_vec(),
            path: "/upnp/x/device.xml".to_owned(),
            config_id: 77,
        }
    }

    fn request(lines: &str) -> Vec<u8> {
        format!("M-SEARCH * HTTP/1.1\r\n{lines}\r\n\r\n").into_bytes()
    }

    #[test]
    fn s03_to_s07_who_answers_to_what() {
        for (st, expected) in [
            ("ssdp:all", 6),
            ("upnp:rootdevice", 1),
            ("UUID:6F1C0D3E-0000-4000-8000-00000000ABCD", 1),
            ("uuid:6f1c0d3e-0000-4000-8000-00000000abce", 0),
            (KIND, 1),
            ("urn:schemas-upnp-org:device:MediaRenderer:2", 0),
            ("urn:schemas-upnp-org:device:MediaRenderer:0", 0),
            ("urn:schemas-upnp-org:device:MediaRenderer", 0),
            ("urn:schemas-upnp-org:service:AVTransport:1", 1),
            ("urn:schemas-upnp-org:service:RenderingControl:1", 1),
            ("urn:schemas-upnp-org:service:ConnectionManager:1", 1),
            ("urn:schemas-upnp-org:service:ContentDirectory:1", 0),
            ("", 0),
        ] {
            assert_eq!(device().answers(st).len(), expected, "{st}");
        }
    }

    #[test]
    fn s08_to_s14_which_searches_count() {
        let man = "MAN: \"ssdp:discover\"\r\n";
        let window = |lines: String, cast| {
            search(&request(&lines), cast).map(|search| search.window.as_millis())
        };
        for (lines, expected) in [
            (format!("{man}ST: ssdp:all"), None),
            (format!("{man}ST: ssdp:all\r\nMX: 20"), Some(4500)),
            (format!("{man}ST: ssdp:all\r\nMX: abc"), None),
            (format!("{man}ST: ssdp:all\r\nMX: -1"), None),
            (format!("{man}ST: ssdp:all\r\nMX: 0"), Some(100)),
            ("MAN: ssdp:discover\r\nST: a\r\nMX: 1".to_owned(), Some(900)),
            ("ST: ssdp:all\r\nMX: 1".to_owned(), None),
            (format!("{man}MX: 1"), None),
            (
                "host:  x\r\nman:   \"ssdp:discover\" \r\nst:  a \r\nmx : 2 ".to_owned(),
                Some(1800),
            ),
        ] {
            assert_eq!(window(lines.clone(), Cast::Multi), expected, "{lines}");
        }
        assert_eq!(window(format!("{man}ST: ssdp:all"), Cast::Uni), Some(100));
    }

    #[test]
    fn s18_junk_is_silence() {
        let valid = "MAN: \"ssdp:discover\"\r\nST: ssdp:all\r\nMX: 1";
        for junk in [
            Vec::new(),
            vec![0xff; 64 * 1024],
            b"NOTIFY * HTTP/1.1\r\nNTS: ssdp:alive\r\n\r\n".to_vec(),
            format!("M-SEARCH * HTTP/1.0\r\n{valid}\r\n\r\n").into_bytes(),
            format!("M-SEARCH * HTTP/1.1\r\n{valid}").into_bytes(),
            b"M-SEARCH * HTTP/1.1\r\n:\r\n\r\n".to_vec(),
        ] {
            assert_eq!(search(&junk, Cast::Multi), None);
        }
    }
}
