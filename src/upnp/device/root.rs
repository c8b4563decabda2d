//! A root device: who it is, what it offers, and how it says that something changed.
//! Not how it is reached: addresses, ports and sockets belong to `http` and `ssdp`.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::watch;

use super::identity::Identity;
use super::service::{ServiceDescription, SharedService};

/// Something that says "something changed", as often as it likes, to as many as ask.
pub trait Changes: Send + Sync {
    /// A stream that yields after each change from now on; several in quick succession may be one. It ends when
    /// nothing can change any more.
    fn watch(&self) -> BoxStream<'static, ()>;
}

impl<T: Send + Sync + 'static> Changes for watch::Receiver<T> {
    fn watch(&self) -> BoxStream<'static, ()> {
        stream::unfold(self.clone(), |mut receiver| async move {
            receiver.changed().await.ok()?;
            Some(((), receiver))
        })
        .boxed()
    }
}

/// A root device. Any number of them share one listener and one SSDP responder.
pub struct Device {
    identity: watch::Sender<Arc<Identity>>,
    services: Vec<SharedService>,
    changes: Box<dyn Changes>,
}

impl Device {
    /// A device with these services. `changes` tells when to look at the services' snapshots again.
    pub fn new(
        identity: Identity,
        services: Vec<SharedService>,
        changes: impl Changes + 'static,
    ) -> Self {
        Self {
            identity: watch::Sender::new(Arc::new(identity)),
            services,
            changes: Box::new(changes),
        }
    }

    /// Who the device is at this moment.
    pub fn identity(&self) -> Arc<Identity> {
        self.identity.borrow().clone()
    }

    /// Lets the device be known by another name from now on. Whoever runs SSDP publishes its new
    /// [`Advertisement`](crate::upnp::ssdp::Advertisement).
    pub fn rename(&self, friendly_name: String) {
        self.identity.send_modify(|identity| {
            *identity = Arc::new(Identity {
                friendly_name,
                ..Identity::clone(identity)
            });
        });
    }

    /// What it offers.
    pub fn services(&self) -> &[SharedService] {
        &self.services
    }

    /// The signal that something changed.
    pub(crate) fn changes(&self) -> &dyn Changes {
        &*self.changes
    }

    /// The tables of its services.
    pub(crate) fn descriptions(&self) -> Vec<&'static ServiceDescription> {
        self.services
            .iter()
            .map(|service| service.description())
            .collect()
    }
}
