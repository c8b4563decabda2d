//! `unisono bluetooth receive`: this machine as a speaker, for whoever pairs now.

use std::io::Write;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::LOOK_EVERY;
use crate::bluetooth::{CommandError, Device, Place, Radio, Survey};

/// Lets this machine be found and paired with for so long, or until somebody has; whoever did may connect by itself from then on.
/// Ends early, without an error, when `stop` does. However it ends, nobody can pair afterwards.
///
/// # Errors
/// There is no Bluetooth, or nobody came.
pub async fn receive(
    radio: &impl Radio,
    time: Duration,
    stop: impl Future<Output = ()>,
    out: &mut impl Write,
) -> Result<(), CommandError> {
    let before = radio.survey(&[]).await?;
    let adapter = before.adapter()?.clone();
    let open = radio.open(&adapter.name, time).await;
    let open = open.map_err(|failure| CommandError::Failed {
        doing: "letting others find this machine",
        failure,
    })?;
    writeln!(
        out,
        "For {} s this machine can be found and paired with as {:?} ({}). On the other device, look for Bluetooth speakers and choose it …",
        time.as_secs(),
        adapter.alias,
        adapter.name
    )?;
    let came = tokio::select! {
        came = somebody(radio, &before, time) => came,
        () = stop => {
            writeln!(out, "Stopped: nobody can pair any more.")?;
            Ok(None)
        }
    };
    // Nobody else, whatever has come of it.
    let closed = radio.close(open).await;
    if let Some(device) = came? {
        let (name, address) = (device.name.escape_debug(), device.place.device);
        writeln!(
            out,
            "{name} ({address}) has paired, and may connect by itself from now on. To play what it sends, add this to the config, with a zone of yours:\n\n\
             [[input]]\nname = \"{name}\"\ntype = \"bluetooth\"\naddress = \"{address}\"\nzone = \"Everywhere\""
        )?;
    }
    closed.map_err(|failure| CommandError::Failed {
        doing: "keeping others from pairing again",
        failure,
    })
}

/// Whoever pairs, or connects though it was paired before; trusted.
async fn somebody(
    radio: &impl Radio,
    before: &Survey,
    time: Duration,
) -> Result<Option<Device>, CommandError> {
    let end = Instant::now() + time;
    let was = |place: &Place| before.devices.iter().find(|it| it.place == *place);
    loop {
        let survey = radio.survey(&[]).await?;
        let mut paired = survey.devices.into_iter().filter(|it| it.paired);
        let came = paired.find(|device| match was(&device.place) {
            Some(before) if before.paired => device.connected && !before.connected,
            _ => true,
        });
        if let Some(device) = came {
            let trusted = radio.trust(&device.place).await;
            trusted.map_err(|failure| CommandError::Failed {
                doing: "letting it connect by itself",
                failure,
            })?;
            return Ok(Some(device));
        }
        if Instant::now() >= end {
            return Err(CommandError::NobodyCame(time.as_secs()));
        }
        sleep(LOOK_EVERY).await;
    }
}
