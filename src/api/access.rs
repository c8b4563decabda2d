//! Who may use the API: neighbours, and of web pages only those that came from this program itself.
//! That a request names us as its Host has been checked before, for every path (see `upnp::http`).

use axum::http::{HeaderMap, HeaderName, header};

use crate::upnp::http::{Link, Options};
use crate::upnp::network::allowed;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request is refused before anybody looks at what it wants; `None`: it is not.
///
/// Browsers let any page send requests anywhere, and say so in `Origin` and `Sec-Fetch-Site`. Since nothing here answers
/// with CORS headers, a foreign page cannot read an answer; that it shall not change anything either is kept here.
pub(super) fn refusal(
    options: &Options,
    link: Option<Link>,
    headers: &HeaderMap,
) -> Option<&'static str> {
    if !link.is_some_and(|link| allowed(&options.allow, link.peer.ip())) {
        return Some(
            "only allowed addresses may do that: by default private, link-local and loopback ones",
        );
    }
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(origin) = text(&header::ORIGIN) {
        // The Host is one of ours, so an origin that is the same is too, down to the port.
        let host = text(&header::HOST).unwrap_or_default().trim();
        let own = origin
            .strip_prefix("http://")
            .is_some_and(|origin| !host.is_empty() && origin.eq_ignore_ascii_case(host));
        if !own {
            return Some("web pages from elsewhere may not do that");
        }
    }
    // Not even reading: a picture of another page's could hold a place among those who listen to events.
    let cross_site = text(&SEC_FETCH_SITE).is_some_and(|site| site == "cross-site");
    cross_site.then_some("web pages from elsewhere may not do that")
}

/// Whether a body calls itself JSON. What a form of a web page can send does not.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(peer: &str, sent: &[(&'static str, &str)]) -> bool {
        let link = Link {
            peer: format!("{peer}:5000").parse().unwrap(),
            local: "192.168.1.5:49494".parse().unwrap(),
        };
        let headers = sent
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        refusal(&Options::new("t".to_owned()), Some(link), &headers).is_some()
    }

    #[test]
    fn strangers_are_refused_whatever_they_want() {
        assert!(!refused("192.168.1.77", &[]));
        assert!(!refused("127.0.0.1", &[]));
        assert!(refused("8.8.8.8", &[]));
        let options = Options::new("t".to_owned());
        assert!(refusal(&options, None, &HeaderMap::new()).is_some());
    }

    #[test]
    fn a_page_is_ours_only_if_it_came_from_where_it_sends() {
        let host = ("host", "192.168.1.5:49494");
        let check = |origin: &str, expected: bool| {
            let sent = [host, ("origin", origin)];
            assert_eq!(refused("127.0.0.1", &sent), expected, "{origin}");
        };
        check("http://192.168.1.5:49494", false);
        check("http://192.168.1.5", true);
        check("http://192.168.1.5:8080", true);
        check("http://192.168.1.6:49494", true);
        check("https://192.168.1.5:49494", true);
        check("http://evil.example", true);
        check("null", true);
        check("", true);
        assert!(refused("127.0.0.1", &[("origin", "http://")]));
    }

    #[test]
    fn what_another_site_sends_is_refused() {
        let site = |word| [("sec-fetch-site", word)];
        assert!(refused("127.0.0.1", &site("cross-site")));
        assert!(!refused("127.0.0.1", &site("same-origin")));
    }
}
