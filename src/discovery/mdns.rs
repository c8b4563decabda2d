//! Announces the web address of each zone by mDNS, and takes it back at the end.
//! No control point looks for renderers this way; it is for browsers and for programs of our own.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use mdns_sd::{IfKind, IfPredicate, ServiceDaemon, ServiceInfo};
use tokio::time::timeout;

use super::DiscoveryError;

/// Shown by browsers and the like (RFC 6763; the TXT key `path` is registered for it).
const WEB: &str = "_http._tcp.local.";
/// For programs that look for Unisono itself.
const OWN: &str = "_unisono._tcp.local.";
/// An instance name is one DNS label (RFC 6763 §4.1.1).
const MAX_NAME: usize = 63;
/// A TXT string, key and `=` included, is at most 255 bytes (RFC 6763 §6.1).
const MAX_TXT: usize = 255;
/// The goodbye goes out at once; this is for a daemon that does not answer.
const GOODBYE_LIMIT: Duration = Duration::from_millis(500);

/// What is announced of one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertisement {
    /// The zone's name, which becomes the instance's; cut to 63 bytes, and numbered by mDNS if it is taken.
    pub name: String,
    /// The zone's UUID.
    pub id: String,
    /// The TCP port of the web server.
    pub port: u16,
    /// The path of the zone's web page, from `/`.
    pub path: String,
    /// The model, as in the device description.
    pub model: String,
    /// The program's version.
    pub version: String,
}

/// Announcements that last until they are withdrawn. It owns the mDNS daemon's thread.
pub struct Advertiser {
    daemon: ServiceDaemon,
}

impl Advertiser {
    /// Announces `zones` on the interfaces whose address is `ours`, as that address, and on no other. Returns at once. The
    /// daemon asks again every few seconds, of every address the machine has then, and follows. Its sockets join the mDNS
    /// group on every interface for a moment, so where nothing at all may be sent do not start one.
    ///
    /// # Errors
    /// [`DiscoveryError::Mdns`], when the daemon does not start or takes an announcement for malformed.
    pub fn start(
        zones: &[Advertisement],
        ours: impl Fn(Ipv4Addr) -> bool + Send + Sync + 'static,
    ) -> Result<Self, DiscoveryError> {
        let advertiser = Self {
            daemon: ServiceDaemon::new()?,
        };
        let ours = IfPredicate::new(move |interface| match interface.ip() {
            IpAddr::V4(address) => ours(address),
            IpAddr::V6(_) => false,
        });
        advertiser.daemon.disable_interface(IfKind::All)?;
        advertiser
            .daemon
            .enable_interface(IfKind::Predicate(ours))?;
        for zone in zones {
            for info in records(zone)? {
                // Whatever addresses the chosen interfaces have at any moment.
                advertiser.daemon.register(info.enable_addr_auto())?;
            }
        }
        Ok(advertiser)
    }

    /// Says goodbye and waits until that is sent, half a second at most.
    pub async fn withdraw(self) {
        let Ok(done) = self.daemon.shutdown() else {
            return;
        };
        if timeout(GOODBYE_LIMIT, done.recv_async()).await.is_err() {
            tracing::warn!("mDNS took too long to say goodbye");
        }
    }
}

impl Drop for Advertiser {
    /// The daemon's thread would go on without us. After `withdraw` it is gone already, which is the error ignored here.
    fn drop(&mut self) {
        let _ = self.daemon.shutdown();
    }
}

fn records(zone: &Advertisement) -> Result<[ServiceInfo; 2], mdns_sd::Error> {
    let name = cut(&zone.name, MAX_NAME);
    // A host name of our own: that of the machine belongs to its own mDNS responder.
    let host = format!("unisono-{}.local.", cut(&zone.id, 32));
    let record = |kind: &str, txt: &[(&str, &str)]| {
        let txt: Vec<(&str, &str)> = txt
            .iter()
            .map(|&(key, value)| (key, cut(value, MAX_TXT - key.len() - 1)))
            .collect();
        ServiceInfo::new(kind, name, &host, (), zone.port, &txt[..])
    };
    Ok([
        record(WEB, &[("path", &zone.path)])?,
        record(
            OWN,
            &[
                ("txtvers", "1"),
                ("id", &zone.id),
                ("path", &zone.path),
                ("model", &zone.model),
                ("ver", &zone.version),
            ],
        )?,
    ])
}

/// The longest beginning of `text` that fits into `limit` bytes.
fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!(cut("Küche", 63), "Küche");
        assert_eq!(cut("Küche", 2), "K");
        assert_eq!(cut(&"ü".repeat(40), MAX_NAME).len(), 62);
    }

    #[test]
    fn both_records_carry_what_they_should() {
        let zone = Advertisement {
            name: "Living room. \u{1f3b5}".repeat(10),
            id: "0f0e".to_owned(),
            port: 49_494,
            path: "/".to_owned(),
            model: "Unisono".to_owned(),
            version: "0.1.0".to_owned(),
        };
        let [web, own] = records(&zone).unwrap();
        assert_eq!(web.get_property_val_str("path"), Some("/"));
        assert_eq!(web.get_port(), 49_494);
        let keys: Vec<_> = own
            .get_properties()
            .iter()
            .map(|txt| txt.key().to_owned())
            .collect();
        assert_eq!(keys, ["txtvers", "id", "path", "model", "ver"]);
        assert_eq!(own.get_property_val_str("id"), Some("0f0e"));
        assert_eq!(own.get_hostname(), "unisono-0f0e.local.");
    }
}
