//! Discovery at work: the interfaces, the sockets on them, and what is to be said on each, held together by one task.
//! What is said and when is decided in `responder`, how it travels in `socket`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::message::{Advertisement, Search, search};
use super::responder::Responder;
use super::socket::Sockets;
use crate::upnp::network::{Choice, Interface, Link, choose};

/// How long to wait before an interface is tried again that could not be used.
const RETRY: Duration = Duration::from_secs(5);
/// As many searches wait, of all interfaces together, until they are looked at. More are left to the system, which drops what is too much.
const WAITING: usize = 64;

/// What the caller decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which interfaces to be found on.
    pub choice: Choice,
    /// The port of the HTTP listener, on every interface.
    pub http_port: u16,
    /// The SERVER header.
    pub server: String,
    /// Larger than at any earlier start.
    pub boot_id: u32,
    /// Who is answered besides the neighbours on each interface's own network.
    pub allow: Vec<IpNet>,
}

/// Makes devices found on the chosen ones of `links` until `stop`; then says byebye and returns.
///
/// When `advertisements` change, what has gone is taken back and what is there is announced anew; when `links` change, see
/// [`Responder`]. An interface that cannot be used is said in the log and tried again.
pub async fn run(
    settings: Settings,
    mut links: watch::Receiver<Vec<Link>>,
    mut advertisements: watch::Receiver<Vec<Advertisement>>,
    stop: CancellationToken,
) {
    let mut responder = Responder::new(
        settings.server,
        settings.http_port,
        settings.boot_id,
        advertisements.borrow_and_update().clone(),
        now(),
    );
    let (hearing, mut heard) = mpsc::channel(WAITING);
    let mut stations = Stations {
        open: Vec::new(),
        troubled: Vec::new(),
        allow: settings.allow.into(),
        hearing,
    };
    let (mut links_change, mut devices_change) = (true, true);
    loop {
        let wanted = choose(&links.borrow_and_update(), &settings.choice);
        stations.move_to(&wanted);
        responder.move_to(&stations.interfaces(), now(), random());
        // Until the interfaces have to be looked at again.
        let again = stations.retry_at();
        loop {
            tokio::select! {
                () = stop.cancelled() => {
                    responder.close(now());
                    while responder.next_at().is_some() {
                        at(responder.next_at()).await;
                        stations.send_due(&mut responder).await;
                    }
                    return;
                }
                () = at(responder.next_at()) => stations.send_due(&mut responder).await,
                () = at(responder.regular_at()) => responder.repeat(now(), random()),
                () = at(again) => break,
                changed = links.changed(), if links_change => {
                    links_change = changed.is_ok();
                    break;
                }
                changed = advertisements.changed(), if devices_change => {
                    devices_change = changed.is_ok();
                    if devices_change {
                        responder.advertise(advertisements.borrow_and_update().clone(), now());
                    }
                }
                Some(Heard { index, search, from }) = heard.recv() => {
                    responder.answer(index, &search, from, now(), random());
                }
            }
        }
    }
}

/// Waits for a moment; for ever if there is none.
async fn at(moment: Option<std::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

/// A search, and where it came in.
struct Heard {
    index: u32,
    search: Search,
    from: SocketAddr,
}

/// The interfaces with open sockets, and those without that should have some.
struct Stations {
    open: Vec<Station>,
    troubled: Vec<Interface>,
    allow: Arc<[IpNet]>,
    hearing: mpsc::Sender<Heard>,
}

/// An interface with open sockets, which are closed when this goes.
struct Station {
    interface: Interface,
    sockets: Arc<Sockets>,
    _listening: DropGuard,
}

impl Stations {
    fn interfaces(&self) -> Vec<Interface> {
        let open = self.open.iter();
        open.map(|station| station.interface.clone()).collect()
    }

    fn retry_at(&self) -> Option<std::time::Instant> {
        (!self.troubled.is_empty()).then(|| now() + RETRY)
    }

    /// Closes and opens sockets so that these interfaces have some, as far as that is possible.
    fn move_to(&mut self, wanted: &[Interface]) {
        self.open
            .retain(|station| wanted.contains(&station.interface));
        let before = std::mem::take(&mut self.troubled);
        for interface in wanted {
            if self.open.iter().any(|open| open.interface == *interface) {
                continue;
            }
            match Sockets::open(interface.address()) {
                Ok(sockets) => self.listen(interface.clone(), Arc::new(sockets)),
                Err(error) => {
                    if before.contains(interface) {
                        tracing::debug!(interface = interface.name, %error, "still no discovery");
                    } else {
                        tracing::warn!(
                            interface = interface.name, address = %interface.address(), %error,
                            "nobody can find us through this interface yet; it is tried again every few seconds"
                        );
                    }
                    self.troubled.push(interface.clone());
                }
            }
        }
    }

    fn listen(&mut self, interface: Interface, sockets: Arc<Sockets>) {
        let end = CancellationToken::new();
        let listening = {
            let (interface, sockets) = (interface.clone(), Arc::clone(&sockets));
            let (allow, hearing) = (Arc::clone(&self.allow), self.hearing.clone());
            async move {
                loop {
                    let (datagram, from, cast) = sockets.receive(&interface, &allow).await;
                    if let Some(search) = search(&datagram, cast) {
                        let index = interface.index;
                        let heard = Heard {
                            index,
                            search,
                            from,
                        };
                        // Nobody listens any more only at the very end.
                        let _unheard = hearing.send(heard).await;
                    }
                }
            }
        };
        tokio::spawn(end.clone().run_until_cancelled_owned(listening));
        self.open.push(Station {
            interface,
            sockets,
            _listening: end.drop_guard(),
        });
    }

    async fn send_due(&self, responder: &mut Responder) {
        while let Some((index, message)) = responder.take_due(now()) {
            let mut open = self.open.iter();
            let Some(station) = open.find(|station| station.interface.index == index) else {
                continue;
            };
            if let Err(error) = station.sockets.send(&message).await {
                tracing::debug!(to = %message.to, %error, "a discovery message could not be sent");
            }
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// A number from 0 to 1, different on every host and at every call; no need for it to be hard to guess.
fn random() -> f64 {
    let bits = Uuid::new_v4().as_u128() >> 96;
    bits as f64 / f64::from(u32::MAX)
}
