//! Searching for renderers, unicast on loopback.

use std::net::Ipv4Addr;
use std::time::Duration;

use unisono::discovery::{DiscoveryError, Renderer, Search, renderers};

use super::paper_renderer::{Manners, PaperRenderer, answer_searches};

#[tokio::test]
async fn renderers_are_listed_once_and_by_name() {
    let kitchen = PaperRenderer::start("Kitchen &amp; bar", "0b", Manners::default()).await;
    let attic = PaperRenderer::start(" Attic ", "0a", Manners::default()).await;
    // The same device on another interface, one that is gone, and nonsense.
    let again = kitchen.location.replace("/device.xml", "/device.xml?other");
    let to = answer_searches(&[
        &kitchen.location,
        &attic.location,
        &again,
        "http://127.0.0.1:1/gone.xml",
        "http://nowhere:port/",
    ])
    .await;
    let search = Search {
        interfaces: vec![Ipv4Addr::LOCALHOST],
        timeout: Duration::from_millis(600),
        to,
    };
    let found = renderers(&search).await.unwrap();
    let local = Some(Ipv4Addr::LOCALHOST.into());
    let expected = |name: &str, uuid: &str, location: &str| Renderer {
        name: name.to_owned(),
        uuid: uuid.to_owned(),
        location: location.to_owned(),
        address: local,
    };
    assert_eq!(
        found,
        [
            expected("Attic", "0a", &attic.location),
            expected("Kitchen & bar", "0b", &kitchen.location),
        ]
    );
}

#[tokio::test]
async fn silence_is_an_empty_list_and_a_foreign_interface_an_error() {
    let to = answer_searches(&[]).await;
    let mut search = Search {
        interfaces: vec![Ipv4Addr::LOCALHOST],
        timeout: Duration::from_millis(50),
        to,
    };
    assert_eq!(renderers(&search).await.unwrap(), []);
    // TEST-NET-3 is nobody's address.
    search.interfaces = vec![Ipv4Addr::new(203, 0, 113, 1)];
    let error = renderers(&search).await.unwrap_err();
    assert!(matches!(error, DiscoveryError::Search { .. }));
    assert!(error.to_string().contains("203.0.113.1"), "{error}");
    // One good interface is enough.
    search.interfaces.push(Ipv4Addr::LOCALHOST);
    assert_eq!(renderers(&search).await.unwrap(), []);
}
