//! BlueZ, the Bluetooth of Linux, through D-Bus. Nothing is decided here.

mod words;

use std::time::Duration;

use bluer::agent::{Agent, AgentHandle};
use bluer::{
    Adapter as Controller, AdapterEvent, Device as Remote, DiscoveryFilter, DiscoveryTransport,
    Session,
};
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, once, select_all, unfold};
use tokio::sync::Mutex;

use super::{Adapter, Address, Device, Failure, Fault, Guard, Place, Radio, Survey};

/// The service class of what plays stereo music (Assigned Numbers, 3.3: Audio Sink).
const AUDIO_SINK: u32 = 0x110B;
/// The bits of a class of device that say what it mainly is, and what they are for audio and video (Assigned Numbers, 2.8).
const MAJOR_CLASS: u32 = 0x1F00;
/// See `MAJOR_CLASS`.
const AUDIO_VIDEO: u32 = 0x0400;
/// What speakers from before 2007 are paired with: they have no keys to set another.
const OLD_PIN: &str = "0000";

/// BlueZ on the system's bus. The connection is made when it is first needed, and anew when it is lost.
#[derive(Debug, Default)]
pub struct Bluez {
    session: Mutex<Option<Session>>,
}

impl Bluez {
    /// BlueZ, wherever it is: nothing is asked of it yet.
    pub fn new() -> Self {
        Self::default()
    }

    async fn session(&self) -> Result<Session, Fault> {
        let mut kept = self.session.lock().await;
        if let Some(session) = &*kept {
            return Ok(session.clone());
        }
        let session = Session::new().await;
        let session = session.map_err(|error| Fault::NoBus(words::short(&error)))?;
        *kept = Some(session.clone());
        Ok(session)
    }

    /// A fault, and the connection made anew the next time: it may have been the cause.
    async fn fault(&self, error: bluer::Error) -> Fault {
        *self.session.lock().await = None;
        Fault::NoBluez(words::short(&error))
    }

    async fn adapter(&self, name: &str) -> Result<Controller, Failure> {
        let session = self.session().await?;
        session
            .adapter(name)
            .map_err(|error| words::failure(&error, name))
    }

    async fn remote(&self, place: &Place) -> Result<Remote, Failure> {
        let adapter = self.adapter(&place.adapter).await?;
        adapter
            .device(bluer::Address::new(place.device.bytes()))
            .map_err(|error| words::failure(&error, &place.adapter))
    }
}

/// What BlueZ answered to something asked of an adapter or one of its devices.
fn answer<T>(answer: bluer::Result<T>, adapter: &str) -> Result<T, Failure> {
    answer.map_err(|error| words::failure(&error, adapter))
}

/// What is known of a device. What BlueZ does not say of it is unknown; `None` if it is gone.
async fn device(adapter: &Controller, address: bluer::Address) -> Option<Device> {
    let remote = adapter.device(address).ok()?;
    let connected = remote.is_connected().await.ok()?;
    let services = remote.uuids().await.ok().flatten().unwrap_or_default();
    let class = remote.class().await.ok().flatten().unwrap_or_default();
    let sink = bluer::Uuid::from_u128(
        (u128::from(AUDIO_SINK) << 96) | 0x0000_0000_0000_1000_8000_0080_5F9B_34FB,
    );
    let device = Address::new(address.0);
    let name = remote.alias().await.unwrap_or_default();
    Some(Device {
        place: Place {
            adapter: adapter.name().to_owned(),
            device,
        },
        name: if name.is_empty() {
            device.to_string()
        } else {
            name
        },
        paired: remote.is_paired().await.unwrap_or_default(),
        trusted: remote.is_trusted().await.unwrap_or_default(),
        connected,
        battery: remote.battery_percentage().await.ok().flatten(),
        signal: remote.rssi().await.ok().flatten(),
        plays: services.contains(&sink) || class & MAJOR_CLASS == AUDIO_VIDEO,
    })
}

/// Says yes to whoever wants to pair: a person has said so by starting the command.
fn accepting(request_default: bool) -> Agent {
    Agent {
        request_default,
        request_pin_code: Some(Box::new(|_| Box::pin(async { Ok(OLD_PIN.to_owned()) }))),
        request_confirmation: Some(Box::new(|_| Box::pin(async { Ok(()) }))),
        request_authorization: Some(Box::new(|_| Box::pin(async { Ok(()) }))),
        authorize_service: Some(Box::new(|_| Box::pin(async { Ok(()) }))),
        ..Agent::default()
    }
}

/// An adapter that can be found and paired with, and how it was before.
#[derive(Debug)]
pub struct Open {
    adapter: Controller,
    pairable: bool,
    timeouts: [u32; 2],
    _agent: AgentHandle,
}

impl Radio for Bluez {
    type Open = Open;

    async fn survey(&self, only: &[Address]) -> Result<Survey, Fault> {
        let session = self.session().await?;
        let mut names = match session.adapter_names().await {
            Ok(names) => names,
            Err(error) => return Err(self.fault(error).await),
        };
        names.sort();
        let mut survey = Survey::default();
        for name in names {
            let Ok(adapter) = session.adapter(&name) else {
                continue;
            };
            let Ok(powered) = adapter.is_powered().await else {
                continue; // gone meanwhile
            };
            survey.adapters.push(Adapter {
                alias: adapter.alias().await.unwrap_or_default(),
                powered,
                name,
            });
            for address in adapter.device_addresses().await.unwrap_or_default() {
                if !only.is_empty() && !only.contains(&Address::new(address.0)) {
                    continue;
                }
                survey.devices.extend(device(&adapter, address).await);
            }
        }
        Ok(survey)
    }

    async fn changes(&self) -> Result<BoxStream<'static, ()>, Fault> {
        // Whether there is somebody else to listen to after it.
        let mut all: Vec<BoxStream<'static, bool>> = Vec::new();
        let session = self.session().await?;
        let listen = async {
            all.push(session.events().await?.map(|_| true).boxed());
            for name in session.adapter_names().await? {
                let adapter = session.adapter(&name)?;
                let events = adapter.events().await?;
                let other = |event| !matches!(event, AdapterEvent::PropertyChanged(_));
                all.push(events.map(other).chain(once(async { true })).boxed());
                for address in adapter.device_addresses().await? {
                    let events = adapter.device(address)?.events().await?;
                    all.push(events.map(|_| false).chain(once(async { true })).boxed());
                }
            }
            bluer::Result::Ok(())
        };
        if let Err(error) = listen.await {
            return Err(self.fault(error).await);
        }
        let events = unfold(Some(select_all(all)), |events| async {
            let mut events = events?;
            let other = events.next().await?;
            Some(((), (!other).then_some(events)))
        });
        Ok(events.fuse().boxed())
    }

    async fn connect(&self, place: &Place) -> Result<(), Failure> {
        let remote = self.remote(place).await?;
        match remote.connect().await {
            Err(error) if error.kind == bluer::ErrorKind::AlreadyConnected => Ok(()),
            outcome => answer(outcome, &place.adapter),
        }
    }

    async fn look_around(&self, adapter: &str) -> Result<Guard, Failure> {
        let controller = self.adapter(adapter).await?;
        let filter = DiscoveryFilter {
            // All that plays stereo music is found by it, and sooner than when Low Energy has its turns.
            transport: DiscoveryTransport::BrEdr,
            ..DiscoveryFilter::default()
        };
        // Refused when another search of ours goes on; then that one's will do.
        let _refused = controller.set_discovery_filter(filter).await;
        let search = answer(controller.discover_devices().await, adapter)?;
        Ok(Box::new(search.boxed()))
    }

    async fn pair(&self, place: &Place) -> Result<(), Failure> {
        let remote = self.remote(place).await?;
        let session = self.session().await?;
        let agent = session.register_agent(accepting(false)).await;
        let _agent = answer(agent, &place.adapter)?;
        match remote.pair().await {
            Err(error) if error.kind == bluer::ErrorKind::AlreadyExists => Ok(()),
            outcome => answer(outcome, &place.adapter),
        }
    }

    async fn trust(&self, place: &Place) -> Result<(), Failure> {
        let remote = self.remote(place).await?;
        answer(remote.set_trusted(true).await, &place.adapter)
    }

    async fn forget(&self, place: &Place) -> Result<(), Failure> {
        let adapter = self.adapter(&place.adapter).await?;
        let address = bluer::Address::new(place.device.bytes());
        answer(adapter.remove_device(address).await, &place.adapter)
    }

    async fn open(&self, adapter: &str, most: Duration) -> Result<Open, Failure> {
        let controller = self.adapter(adapter).await?;
        let session = self.session().await?;
        let agent = session.register_agent(accepting(true)).await;
        let agent = answer(agent, adapter)?;
        let seconds = u32::try_from(most.as_secs()).unwrap_or(u32::MAX);
        let opened = async {
            let open = Open {
                pairable: controller.is_pairable().await?,
                timeouts: [
                    controller.discoverable_timeout().await?,
                    controller.pairable_timeout().await?,
                ],
                _agent: agent,
                adapter: controller.clone(),
            };
            controller.set_discoverable_timeout(seconds).await?;
            controller.set_pairable_timeout(seconds).await?;
            controller.set_pairable(true).await?;
            controller.set_discoverable(true).await?;
            bluer::Result::Ok(open)
        };
        answer(opened.await, adapter)
    }

    async fn close(&self, open: Open) -> Result<(), Failure> {
        let adapter = &open.adapter;
        let closed = async {
            adapter.set_discoverable(false).await?;
            adapter.set_pairable(open.pairable).await?;
            let [discoverable, pairable] = open.timeouts;
            adapter.set_discoverable_timeout(discoverable).await?;
            adapter.set_pairable_timeout(pairable).await
        };
        answer(closed.await, adapter.name())
    }
}
