//! What goes to everybody on the network: the search and the mDNS announcements, in a namespace.

use std::net::Ipv4Addr;
use std::time::Duration;

use mdns_sd::{IfKind, Receiver, ServiceDaemon, ServiceEvent};
use socket2::{Domain, Socket, Type};
use tokio::net::UdpSocket;
use tokio::time::timeout;
use unisono::discovery::{Advertisement, Advertiser, Search, renderers};

use super::paper_renderer::{Manners, PaperRenderer, answer_on};
use crate::support::namespace::{ADDRESS, inside};

#[tokio::test]
async fn a_search_goes_to_the_group_through_the_chosen_interface() {
    if !inside("discovery::multicast::a_search_goes_to_the_group_through_the_chosen_interface") {
        return;
    }
    let den = PaperRenderer::start("Den", "d", Manners::default()).await;
    for interface in [ADDRESS, Ipv4Addr::LOCALHOST] {
        // Hears the group on this one interface only.
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.set_multicast_all_v4(false).unwrap();
        socket
            .join_multicast_v4(&Ipv4Addr::new(239, 255, 255, 250), &interface)
            .unwrap();
        let here: std::net::SocketAddr = (Ipv4Addr::UNSPECIFIED, 1900).into();
        socket.bind(&here.into()).unwrap();
        answer_on(
            UdpSocket::from_std(socket.into()).unwrap(),
            &[&den.location],
        );
        let search = Search {
            interfaces: vec![interface],
            timeout: Duration::from_millis(500),
            ..Search::default()
        };
        let found = renderers(&search).await.unwrap();
        let names: Vec<_> = found
            .iter()
            .map(|renderer| renderer.name.as_str())
            .collect();
        assert_eq!(names, ["Den"], "through {interface}");
    }
}

#[tokio::test]
async fn mdns_announces_each_zone_and_says_goodbye() {
    if !inside("discovery::multicast::mdns_announces_each_zone_and_says_goodbye") {
        return;
    }
    let observer = ServiceDaemon::new().unwrap();
    let own = observer.browse("_unisono._tcp.local.").unwrap();
    let web = observer.browse("_http._tcp.local.").unwrap();
    // Listens on loopback, where nothing is to be announced.
    let elsewhere = ServiceDaemon::new().unwrap();
    elsewhere.disable_interface(IfKind::All).unwrap();
    elsewhere.enable_interface(IfKind::LoopbackV4).unwrap();
    let silence = elsewhere.browse("_unisono._tcp.local.").unwrap();
    let zone = |name: &str, id: &str| Advertisement {
        name: name.to_owned(),
        id: id.to_owned(),
        port: 49_494,
        path: format!("/{id}/"),
        model: "Unisono".to_owned(),
        version: "0.1.0".to_owned(),
    };
    let zones = [
        zone("Whole house", "5ca1ab1e"),
        zone("Küche No. 2", "0ddba11"),
    ];
    let advertiser = Advertiser::start(&zones, |address| address == ADDRESS).unwrap();

    for _ in &zones {
        let seen = resolved(&own).await;
        let zone = zones
            .iter()
            .find(|zone| Some(zone.id.as_str()) == seen.get_property_val_str("id"))
            .unwrap();
        assert!(unescaped(seen.get_fullname()).starts_with(&zone.name));
        assert_eq!(seen.get_port(), 49_494);
        assert_eq!(seen.get_addresses_v4(), [ADDRESS].into());
        assert_eq!(seen.get_property_val_str("txtvers"), Some("1"));
        assert_eq!(seen.get_property_val_str("path"), Some(zone.path.as_str()));
        assert_eq!(seen.get_property_val_str("model"), Some("Unisono"));
        assert_eq!(seen.get_property_val_str("ver"), Some("0.1.0"));
        resolved(&web).await;
    }

    advertiser.withdraw().await;
    for _ in &zones {
        removed(&own).await;
        removed(&web).await;
    }
    let heard: Vec<_> = silence
        .try_iter()
        .filter(|event| !matches!(event, ServiceEvent::SearchStarted(_)))
        .collect();
    assert!(heard.is_empty(), "announced on loopback: {heard:?}");
    elsewhere.shutdown().unwrap();
    observer.shutdown().unwrap();
}

/// Dots in instance names are escaped in full names.
fn unescaped(fullname: &str) -> String {
    fullname.replace("\\.", ".")
}

async fn next(events: &Receiver<ServiceEvent>) -> ServiceEvent {
    let event = timeout(Duration::from_secs(10), events.recv_async()).await;
    event.expect("nothing was announced").unwrap()
}

async fn resolved(events: &Receiver<ServiceEvent>) -> Box<mdns_sd::ResolvedService> {
    loop {
        if let ServiceEvent::ServiceResolved(service) = next(events).await {
            return service;
        }
    }
}

async fn removed(events: &Receiver<ServiceEvent>) {
    while !matches!(next(events).await, ServiceEvent::ServiceRemoved(..)) {}
}
