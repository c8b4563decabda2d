//! `unisono bluetooth pair` and `forget`.

use std::io::Write;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::LOOK_EVERY;
use crate::bluetooth::{Address, CommandError, Device, Failure, Radio};

/// Pairs with a device, which is looked for and waited for this long at most, lets it connect by itself, and connects it.
///
/// # Errors
/// Why it is not paired. One that is paired and did not connect is no error: it will.
pub async fn pair(
    radio: &impl Radio,
    address: Address,
    patience: Duration,
    out: &mut impl Write,
) -> Result<(), CommandError> {
    let end = Instant::now() + patience;
    let device = find(radio, address, end, out).await?;
    let name = device.name.clone();
    if device.paired {
        writeln!(out, "{name} is paired already.")?;
    } else {
        writeln!(out, "Found {name}. Pairing …")?;
        let failed = |failure| CommandError::Pairing {
            name: name.clone(),
            failure,
        };
        let left = end.saturating_duration_since(Instant::now());
        let paired = timeout(left.max(patience / 2), radio.pair(&device.place)).await;
        paired.unwrap_or(Err(Failure::TimedOut)).map_err(failed)?;
        writeln!(out, "Paired with {name}.")?;
    }
    let trusted = radio.trust(&device.place).await;
    trusted.map_err(|failure| CommandError::Failed {
        doing: "letting it connect by itself",
        failure,
    })?;
    if !device.connected {
        let connected = timeout(patience, radio.connect(&device.place)).await;
        match connected.unwrap_or(Err(Failure::TimedOut)) {
            Ok(()) => writeln!(out, "{name} is connected.")?,
            Err(failure) => writeln!(out, "{name} is not connected yet: {failure}.")?,
        }
    }
    let name = device.name.escape_debug();
    writeln!(
        out,
        "To play on it, add this to the config:\n\n[[output]]\nname = \"{name}\"\ntype = \"bluetooth\"\naddress = \"{address}\""
    )?;
    Ok(())
}

/// The device, which is looked for if it is not known.
async fn find(
    radio: &impl Radio,
    address: Address,
    end: Instant,
    out: &mut impl Write,
) -> Result<Device, CommandError> {
    let survey = radio.survey(&[address]).await?;
    let adapter = survey.adapter()?.name.clone();
    if let Some(known) = survey.device(address) {
        // One that is only remembered from an earlier search may be gone.
        if known.paired || known.signal.is_some() {
            return Ok(known.clone());
        }
    }
    writeln!(
        out,
        "Looking for {address}. It must be in pairing mode now …"
    )?;
    let looking = radio.look_around(&adapter).await;
    let _looking = looking.map_err(|failure| CommandError::Failed {
        doing: "looking around",
        failure,
    })?;
    loop {
        let survey = radio.survey(&[address]).await?;
        let here = survey.device(address).filter(|it| it.signal.is_some());
        if let Some(here) = here {
            return Ok(here.clone());
        }
        if Instant::now() >= end {
            return Err(CommandError::NotFound(address));
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Forgets a device with every adapter that knows it.
///
/// # Errors
/// None knows it, or it did not work.
pub async fn forget(
    radio: &impl Radio,
    address: Address,
    out: &mut impl Write,
) -> Result<(), CommandError> {
    let survey = radio.survey(&[address]).await?;
    let mut known = survey.devices.iter().peekable();
    if known.peek().is_none() {
        // With the adapter off or gone its devices may be too; then that is what is wrong.
        survey.adapter()?;
        return Err(CommandError::NotKnown(address));
    }
    for device in known {
        let forgotten = radio.forget(&device.place).await;
        forgotten.map_err(|failure| CommandError::Failed {
            doing: "forgetting it",
            failure,
        })?;
        let (name, adapter) = (device.name.escape_debug(), &device.place.adapter);
        writeln!(out, "{name} ({address}) is forgotten by {adapter}.")?;
    }
    Ok(())
}
