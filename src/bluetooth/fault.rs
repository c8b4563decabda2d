//! What can go wrong with Bluetooth, each in one sentence that says what to do.

use super::Address;

/// Why there is no Bluetooth to work with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The program was built without it.
    #[error(
        "this program was built without Bluetooth (the `bluetooth` feature, which is for Linux)"
    )]
    NotBuilt,
    /// Nobody answers on the system's bus.
    #[error(
        "there is no D-Bus system bus to reach Bluetooth through ({0}); is the service dbus running?"
    )]
    NoBus(String),
    /// The bus is there, BlueZ is not.
    #[error(
        "BlueZ does not answer ({0}); is it installed and running (systemctl status bluetooth)?"
    )]
    NoBluez(String),
    /// There is no adapter.
    #[error(
        "this machine has no Bluetooth adapter, or its driver does not find it; `rfkill list` and `dmesg` say more"
    )]
    NoAdapter,
    /// There is one, switched off.
    #[error(
        "the Bluetooth adapter {0} is switched off; switch it on with `bluetoothctl power on`, and if that is refused, `rfkill unblock bluetooth` first"
    )]
    AdapterOff(String),
}

/// Why a device was not connected, paired or forgotten.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There is no Bluetooth to do it with.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It does not answer.
    #[error("it does not answer: it is switched off or out of range")]
    OutOfReach,
    /// It is there, and does not want us now.
    #[error("it refuses: another device, most likely a phone, is connected to it")]
    Taken,
    /// It does not pair, or has lost the pairing.
    #[error(
        "it does not accept the pairing; have it in pairing mode, then `unisono bluetooth forget` it and `unisono bluetooth pair` it again"
    )]
    Rejected,
    /// No answer within the time.
    #[error("it did not finish in time; have it near, and in pairing mode")]
    TimedOut,
    /// Nobody on this machine would send it sound.
    #[error(
        "no sound server of this machine offers to play to it; PulseAudio (with module-bluetooth-discover) or PipeWire must be running"
    )]
    NoSoundServer,
    /// BlueZ does not know it.
    #[error("it is not known here; pair it with `unisono bluetooth pair`")]
    Unknown,
    /// Whatever else BlueZ says.
    #[error("BlueZ says: {0}")]
    Other(String),
}

/// Why a command did not do what it was to.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no Bluetooth to do it with.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// Nobody of this address is around.
    #[error(
        "no device {0} was found; have it near and in pairing mode, and compare the address with `unisono bluetooth scan`"
    )]
    NotFound(Address),
    /// There is nothing to forget.
    #[error(
        "{0} is not known here, so there is nothing to forget; `unisono bluetooth list` lists what is"
    )]
    NotKnown(Address),
    /// It did not pair.
    #[error("{name} was not paired: {failure}")]
    Pairing {
        /// The device.
        name: String,
        /// Why.
        failure: Failure,
    },
    /// BlueZ would not do something else.
    #[error("{doing} did not work: {failure}")]
    Failed {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        failure: Failure,
    },
    /// Nobody paired in the time there was.
    #[error(
        "nothing has paired within {0} s; run it again, and have the other device search for Bluetooth speakers meanwhile"
    )]
    NobodyCame(u64),
    /// Standard output is gone.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

impl CommandError {
    /// Whether there is no Bluetooth on this machine now, whatever is asked of it.
    pub fn no_bluetooth(&self) -> bool {
        matches!(
            self,
            Self::Fault(_)
                | Self::Pairing {
                    failure: Failure::Fault(_),
                    ..
                }
                | Self::Failed {
                    failure: Failure::Fault(_),
                    ..
                }
        )
    }
}
