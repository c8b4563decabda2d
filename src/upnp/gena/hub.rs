//! The events of one device at work: watching for changes, telling them to subscribers.
//! Which, when and in what order is decided in `subscriptions`; the bytes are in `notify`.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::callback::Callback;
use super::headers::Refusal;
use super::moderation::Moderation;
use super::notify::{self, Patience};
use super::subscriptions::{INITIAL_DELAY, Limits, Subscriptions};
use crate::upnp::device::{Device, SharedService, Snapshot};
use crate::upnp::network::{Link, lost_addresses};

/// The subscribers of one service.
pub(crate) struct Hub {
    service: SharedService,
    subscriptions: Mutex<Subscriptions>,
    patience: Patience,
    /// Permits to deliver, shared by all services of the listener.
    deliveries: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Hub {
    pub(crate) fn new(
        service: SharedService,
        limits: Limits,
        patience: Patience,
        deliveries: Arc<Semaphore>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            service,
            subscriptions: Mutex::new(Subscriptions::new(limits)),
            patience,
            deliveries,
            stop,
        }
    }

    pub(crate) fn service(&self) -> &SharedService {
        &self.service
    }

    /// Adds a subscription; its initial event follows by itself. `link` is the peer's address and ours.
    pub(crate) fn subscribe(
        self: &Arc<Self>,
        link: (IpAddr, IpAddr),
        callbacks: Vec<Callback>,
        timeout: Duration,
    ) -> Result<Uuid, Refusal> {
        let sid = Uuid::new_v4();
        {
            // Looked at while nothing can be published, or a change in between would be missed.
            let mut subscriptions = self.lock();
            let snapshot = self.service.snapshot();
            subscriptions.subscribe(sid, link, callbacks, timeout, snapshot, now())?;
        }
        let hub = Arc::clone(self);
        tokio::spawn(async move {
            let wait = tokio::time::sleep(INITIAL_DELAY);
            if hub.stop.run_until_cancelled(wait).await.is_some() {
                hub.pump();
            }
        });
        Ok(sid)
    }

    pub(crate) fn renew(&self, sid: Uuid, timeout: Duration) -> Result<(), Refusal> {
        self.lock().renew(sid, timeout, now())
    }

    pub(crate) fn unsubscribe(&self, sid: Uuid) -> Result<(), Refusal> {
        self.lock().unsubscribe(sid, now())
    }

    fn forget(&self, lost: &[IpAddr]) {
        self.lock().forget(lost);
    }

    /// Tells everybody how things are now; returns what was told.
    fn publish(self: &Arc<Self>) -> Arc<Snapshot> {
        let snapshot = {
            let mut subscriptions = self.lock();
            subscriptions.publish(self.service.snapshot(), now())
        };
        self.pump();
        snapshot
    }

    /// Starts every delivery that may start; each one's end calls for the next.
    fn pump(self: &Arc<Self>) {
        loop {
            let next = self.lock().next(now(), |before, after| {
                let properties = self.service.properties(before, after);
                (!properties.is_empty()).then(|| notify::body(&properties))
            });
            let Some(notification) = next else {
                return;
            };
            let hub = Arc::clone(self);
            tokio::spawn(async move {
                let delivery = async {
                    // Never closed; without a permit an event would only be one too many.
                    let _permit = hub.deliveries.acquire().await;
                    notify::deliver(&notification, hub.patience).await
                };
                if let Some(outcome) = hub.stop.run_until_cancelled(delivery).await {
                    hub.lock().finished(notification.sid, outcome);
                    hub.pump();
                }
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, Subscriptions> {
        // Nothing in `Subscriptions` can be left half done: a panic in a service's `properties` loses one event.
        self.subscriptions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells subscribers what changes in a device until `stop`.
pub(crate) async fn run(device: Arc<Device>, hubs: Vec<Arc<Hub>>, stop: CancellationToken) {
    let mut watched: Vec<Watched> = hubs.into_iter().map(Watched::new).collect();
    let mut changes = device.changes().watch().fuse();
    loop {
        let due = watched.iter().filter_map(|w| w.moderation.due()).min();
        let timer = async {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            Some(()) = changes.next() => watched.iter_mut().for_each(Watched::look),
            () = timer => {}
        }
        watched.iter_mut().for_each(Watched::tell);
    }
}

/// Ends subscriptions whose way to us is gone, as the machine's interfaces change, until `stop`.
pub(crate) async fn follow(
    mut links: watch::Receiver<Vec<Link>>,
    hubs: Vec<Arc<Hub>>,
    stop: CancellationToken,
) {
    let mut known = links.borrow_and_update().clone();
    while let Some(Ok(())) = stop.run_until_cancelled(links.changed()).await {
        let now = links.borrow_and_update().clone();
        let lost: Vec<IpAddr> = lost_addresses(&known, &now)
            .into_iter()
            .map(IpAddr::from)
            .collect();
        if !lost.is_empty() {
            hubs.iter().for_each(|hub| hub.forget(&lost));
        }
        known = now;
    }
}

/// A service, and what was last told about it.
struct Watched {
    hub: Arc<Hub>,
    told: Arc<Snapshot>,
    moderation: Moderation,
}

impl Watched {
    fn new(hub: Arc<Hub>) -> Self {
        Self {
            told: Arc::new(hub.service.snapshot()),
            hub,
            moderation: Moderation::default(),
        }
    }

    fn look(&mut self) {
        if self.hub.service.snapshot() != *self.told {
            self.moderation.changed(now());
        }
    }

    fn tell(&mut self) {
        if self.moderation.take_due(now()) {
            self.told = self.hub.publish();
        }
    }
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}
