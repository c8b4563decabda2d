//! Who may do what: peers by address, requests by the Host they name.
//! Not about callbacks; those are judged in `gena`.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::listener::Link;
use super::options::Options;
use super::site::{Site, turn};
use crate::upnp::network::allowed;

/// Every request passes here: who is asking, how often, and under which name. Every answer is signed here.
pub(super) async fn gate(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    if let Some(&link) = request.extensions().get::<Link>() {
        turn(&site.requests, link).await;
    }
    let mut response = match refusal(&site.options, &request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    if let Some(server) = &site.server {
        response
            .headers_mut()
            .insert(header::SERVER, server.clone());
    }
    response
}

fn refusal(options: &Options, request: &Request) -> Option<Response> {
    let authority = request.uri().authority().map(|a| a.as_str());
    let host = match request.headers().get(header::HOST) {
        Some(host) => host.to_str().unwrap_or("?"),
        None => authority.unwrap_or_default(),
    };
    if !host_is_ours(host, &options.own_names) {
        return Some(forbidden(
            "This server does not go by that name; use its address.\n",
        ));
    }
    let harmless = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = request
        .extensions()
        .get::<Link>()
        .is_some_and(|link| allowed(&options.allow, link.peer.ip()));
    (!harmless && !known).then(|| {
        forbidden("Only allowed addresses may do that; by default, those of neighbours.\n")
    })
}

fn forbidden(why: &'static str) -> Response {
    (StatusCode::FORBIDDEN, why).into_response()
}

/// Whether a Host header can be meant for us. A web page that has its own name resolve to our address (DNS
/// rebinding) sends its own name; addresses, `localhost`, `*.local` and our own names cannot be bent that way.
fn host_is_ours(host: &str, own_names: &[String]) -> bool {
    let host = host.trim();
    if host.is_empty() {
        return true;
    }
    if let Some(bracketed) = host.strip_prefix('[') {
        let Some((address, port)) = bracketed.split_once(']') else {
            return false;
        };
        // Some senders leave a zone in: [fe80::1%eth0].
        let address = address.split('%').next().unwrap_or_default();
        return address.parse::<Ipv6Addr>().is_ok() && is_port(port);
    }
    if host.parse::<IpAddr>().is_ok() {
        return true;
    }
    let (name, port) = match host.find(':') {
        Some(colon) => host.split_at(colon),
        None => (host, ""),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    is_port(port)
        && (name.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".local")
            || own_names.iter().any(|own| own.eq_ignore_ascii_case(&name)))
}

fn is_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d08_hosts() {
        let own = ["music.home.arpa".to_owned()];
        for host in [
            "",
            "192.168.1.5",
            "192.168.1.5:49494",
            "[fe80::1%eth0]:49494",
            "[::1]",
            "localhost:80",
            "unisono.local",
            "Unisono.Local.:49494",
            "music.home.arpa:49494",
        ] {
            assert!(host_is_ours(host, &own), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:49494",
            "192.168.1.5.evil.example",
            "evil.example.local.example",
            "[fe80::1",
            "localhost:x",
            "local",
        ] {
            assert!(!host_is_ours(host, &own), "{host}");
        }
    }
}
