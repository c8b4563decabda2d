//! `unisono bluetooth scan`: who is around.

use std::collections::HashSet;
use std::io::Write;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::LOOK_EVERY;
use crate::bluetooth::{CommandError, Device, Radio};

/// Looks around for so long, and writes a line for each device when it is first heard.
///
/// # Errors
/// There is no Bluetooth to look with.
pub async fn scan(
    radio: &impl Radio,
    time: Duration,
    out: &mut impl Write,
) -> Result<(), CommandError> {
    let adapter = radio.survey(&[]).await?.adapter()?.name.clone();
    writeln!(
        out,
        "Looking around with {adapter} for {} s. A speaker is found only while it is in pairing mode.",
        time.as_secs()
    )?;
    let looking = radio.look_around(&adapter).await;
    let _looking = looking.map_err(|failure| CommandError::Failed {
        doing: "looking around",
        failure,
    })?;
    let end = Instant::now() + time;
    let mut told = HashSet::new();
    loop {
        let survey = radio.survey(&[]).await?;
        for device in &survey.devices {
            let here = device.signal.is_some() || device.connected;
            if here && told.insert(device.place.device) {
                writeln!(out, "{}", line(device))?;
            }
        }
        if Instant::now() >= end {
            break;
        }
        sleep(LOOK_EVERY).await;
    }
    match told.is_empty() {
        true => writeln!(
            out,
            "Nothing was found. Is the speaker in pairing mode? Mostly its Bluetooth key is held down until it blinks."
        )?,
        false => writeln!(out, "Pair one with: unisono bluetooth pair ADDRESS")?,
    }
    Ok(())
}

fn line(device: &Device) -> String {
    let signal = device
        .signal
        .map_or_else(|| "–".to_owned(), |dbm| format!("{dbm} dBm"));
    let mut notes = vec![if device.plays {
        "plays music"
    } else {
        "unknown use"
    }];
    notes.extend(device.paired.then_some("paired"));
    notes.extend(device.connected.then_some("connected"));
    let name = device.name.escape_debug();
    let (address, notes) = (device.place.device, notes.join(", "));
    format!("{address}  {signal:>8}  {name} ({notes})")
}
