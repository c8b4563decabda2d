//! The seam: what is asked of the machine's Bluetooth. Who decides on it is tested without any.

use std::future::Future;
use std::time::Duration;

use futures_util::stream::BoxStream;

use super::{Address, Failure, Fault};

/// The machine's Bluetooth, as far as it is needed. Calls are for tokio tasks; each may take seconds, none waits for a person for
/// longer than BlueZ does.
pub trait Radio: Send + Sync + 'static {
    /// What [`Radio::open`] keeps open.
    type Open: Send;

    /// What there is now: adapters, and of the devices known to them these, or all if none is named.
    ///
    /// # Errors
    /// [`Fault`], when there is nobody to ask.
    fn survey(&self, only: &[Address]) -> impl Future<Output = Result<Survey, Fault>> + Send;

    /// A stream that yields when a survey may say something else than before. When it ends, one is to ask for another.
    ///
    /// # Errors
    /// [`Fault`], when there is nobody to ask.
    fn changes(&self) -> impl Future<Output = Result<BoxStream<'static, ()>, Fault>> + Send;

    /// Connects a device with all that it offers.
    ///
    /// # Errors
    /// Why it did not.
    fn connect(&self, place: &Place) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Has an adapter look for devices around until the guard goes.
    ///
    /// # Errors
    /// Why it does not.
    fn look_around(&self, adapter: &str) -> impl Future<Output = Result<Guard, Failure>> + Send;

    /// Pairs with a device, without asking anybody: whoever calls it has been asked to.
    ///
    /// # Errors
    /// Why it did not.
    fn pair(&self, place: &Place) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Lets a device connect by itself from now on.
    ///
    /// # Errors
    /// Why not.
    fn trust(&self, place: &Place) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Forgets a device and its pairing.
    ///
    /// # Errors
    /// Why not.
    fn forget(&self, place: &Place) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Lets an adapter be found and paired with, by anybody, until [`Radio::close`], but not for longer than `most` even if this
    /// program is killed. Whoever pairs meanwhile is accepted.
    ///
    /// # Errors
    /// Why not.
    fn open(
        &self,
        adapter: &str,
        most: Duration,
    ) -> impl Future<Output = Result<Self::Open, Failure>> + Send;

    /// Takes back what [`Radio::open`] did.
    ///
    /// # Errors
    /// Why not.
    fn close(&self, open: Self::Open) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Something that goes on until this is dropped.
pub type Guard = Box<dyn Send>;

/// Where a device is known: the same speaker may be known to two adapters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The adapter's name: `hci0`.
    pub adapter: String,
    /// The device.
    pub device: Address,
}

/// What a machine's Bluetooth is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// The adapters, by name.
    pub adapters: Vec<Adapter>,
    /// The devices, one entry for each adapter that knows it.
    pub devices: Vec<Device>,
}

/// A Bluetooth adapter of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adapter {
    /// Its name: `hci0`.
    pub name: String,
    /// What others see it as.
    pub alias: String,
    /// Whether it is switched on.
    pub powered: bool,
}

/// A device that an adapter knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Where it is known.
    pub place: Place,
    /// What people call it; its address if it has said no name.
    pub name: String,
    /// Whether it is paired with this machine.
    pub paired: bool,
    /// Whether it may connect by itself.
    pub trusted: bool,
    /// Whether it is connected.
    pub connected: bool,
    /// How full its battery is, 0 to 100, if it says so.
    pub battery: Option<u8>,
    /// How strong it was last heard while looking around, in dBm.
    pub signal: Option<i16>,
    /// Whether it can play what we send.
    pub plays: bool,
}

impl Survey {
    /// The device of this address, at the adapter where it is of most use: connected, else paired, else anywhere; one that is
    /// switched on rather than one that is off.
    pub fn device(&self, address: Address) -> Option<&Device> {
        let known = self.devices.iter();
        known
            .filter(|device| device.place.device == address)
            .max_by_key(|device| {
                let powered = self.powered(&device.place.adapter);
                (device.connected, powered, device.paired)
            })
    }

    /// Whether the adapter of this name is switched on.
    pub fn powered(&self, adapter: &str) -> bool {
        let mut adapters = self.adapters.iter();
        adapters.any(|known| known.name == adapter && known.powered)
    }

    /// An adapter that can be used: the first that is switched on.
    ///
    /// # Errors
    /// There is none, or none is on.
    pub fn adapter(&self) -> Result<&Adapter, Fault> {
        let on = self.adapters.iter().find(|adapter| adapter.powered);
        on.ok_or_else(|| match self.adapters.first() {
            None => Fault::NoAdapter,
            Some(off) => Fault::AdapterOff(off.name.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(adapter: &str, paired: bool, connected: bool) -> Device {
        Device {
            place: Place {
                adapter: adapter.to_owned(),
                device: Address::new([1; 6]),
            },
            name: "Flip".to_owned(),
            paired,
            trusted: paired,
            connected,
            battery: None,
            signal: None,
            plays: true,
        }
    }

    fn adapter(name: &str, powered: bool) -> Adapter {
        Adapter {
            name: name.to_owned(),
            alias: "box".to_owned(),
            powered,
        }
    }

    #[test]
    fn a_speaker_known_to_two_adapters_is_used_where_it_is_of_use() {
        let found = |devices: Vec<Device>, second_on| {
            let adapters = vec![adapter("hci0", true), adapter("hci1", second_on)];
            let survey = Survey { adapters, devices };
            let found = survey.device(Address::new([1; 6]));
            found.map(|device| device.place.adapter.clone()).unwrap()
        };
        let both = |connected| {
            vec![
                device("hci0", false, false),
                device("hci1", true, connected),
            ]
        };
        assert_eq!(found(both(true), true), "hci1");
        assert_eq!(found(both(false), true), "hci1");
        assert_eq!(found(both(false), false), "hci0");
    }

    #[test]
    fn an_adapter_that_is_on_is_used_or_it_is_said_why_there_is_none() {
        let chosen = |adapters: Vec<Adapter>| {
            let survey = Survey {
                adapters,
                devices: Vec::new(),
            };
            survey.adapter().map(|adapter| adapter.name.clone())
        };
        let (off, on) = (adapter("hci0", false), adapter("hci1", true));
        assert_eq!(chosen(vec![off.clone(), on]), Ok("hci1".to_owned()));
        assert_eq!(chosen(vec![off]), Err(Fault::AdapterOff("hci0".to_owned())));
        assert_eq!(chosen(vec![]), Err(Fault::NoAdapter));
    }
}
