//! `unisono bluetooth list`: what is paired, and how it is.

use std::io::Write;

use crate::bluetooth::{Address, CommandError, Device, Radio};
use crate::view::{Side, UNKNOWN, table};

/// Lists the devices that are paired. `codecs` are those that a sound server names, which alone knows them.
///
/// # Errors
/// There is no Bluetooth to ask.
pub async fn list(
    radio: &impl Radio,
    codecs: &[(Address, String)],
    out: &mut impl Write,
) -> Result<(), CommandError> {
    let survey = radio.survey(&[]).await?;
    let adapter = survey.adapter();
    let mut paired: Vec<&Device> = survey.devices.iter().filter(|it| it.paired).collect();
    if paired.is_empty() {
        adapter?;
        writeln!(
            out,
            "Nothing is paired. `unisono bluetooth scan` lists what is around, `unisono bluetooth pair ADDRESS` pairs with it."
        )?;
        return Ok(());
    }
    paired.sort_by(|a, b| (&a.name, a.place.device).cmp(&(&b.name, b.place.device)));
    let row = |device: &&Device| {
        let codec = codecs.iter().find(|(of, _)| *of == device.place.device);
        let powered = survey.powered(&device.place.adapter);
        let state = match (device.connected, powered) {
            (true, _) => "connected",
            (false, true) => "not connected",
            (false, false) => "adapter off",
        };
        vec![
            device.name.clone(),
            device.place.device.to_string(),
            state.to_owned(),
            known(device.battery.map(|percent| format!("{percent} %"))),
            known(codec.map(|(_, codec)| codec.clone())),
            device.place.adapter.clone(),
            known(device.signal.map(|dbm| format!("{dbm} dBm"))),
        ]
    };
    let columns = [
        ("DEVICE", Side::Left),
        ("ADDRESS", Side::Left),
        ("STATE", Side::Left),
        ("BATTERY", Side::Right),
        ("CODEC", Side::Left),
        ("ADAPTER", Side::Left),
        ("SIGNAL", Side::Right),
    ];
    for line in table(&columns, &paired.iter().map(row).collect::<Vec<_>>()) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn known(text: Option<String>) -> String {
    text.unwrap_or_else(|| UNKNOWN.to_owned())
}
