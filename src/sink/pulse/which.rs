//! Which sink of which server is meant.

use std::sync::Arc;

use crate::bluetooth::Address;
use crate::clock::Clock;
use crate::sink::{BluetoothSpec, PulseSpec, SinkSpec};
use crate::sound_server::Entry;
use crate::sound_server::pulse::{Connection, Kind, default_name, entries, entry};

/// A connection to the server of a spec, and the sink that is meant.
///
/// # Errors
/// A sentence, when there is no server, or no such sink now.
pub(super) fn find(spec: &SinkSpec, clock: &Arc<dyn Clock>) -> Result<(Connection, Entry), String> {
    match spec {
        SinkSpec::Pulse(PulseSpec { server, sink }) => {
            if sink.as_ref().is_some_and(|sink| sink.contains('\0')) {
                return Err("the sink's name has a NUL character in it".to_owned());
            }
            let mut connection = Connection::open(server.as_deref(), clock)?;
            let wanted = match sink {
                Some(sink) => sink.clone(),
                None => default_name(&mut connection, Kind::Sink)?
                    .ok_or("the sound server has no default sink")?,
            };
            let found = entry(&mut connection, Kind::Sink, &wanted)?;
            let found = found.ok_or_else(|| {
                format!(
                    "the server has no sink of the name {wanted:?}; `unisono outputs` lists those it has"
                )
            })?;
            Ok((connection, found))
        }
        SinkSpec::Bluetooth(BluetoothSpec { address, server }) => {
            let mut connection = Connection::open(server.as_deref(), clock)?;
            let sinks = entries(&mut connection, Kind::Sink)?;
            let found = of_speaker(*address, sinks)
                .ok_or("it is not connected, or the sound server does not know it")?;
            Ok((connection, found))
        }
        other => Err(format!("{other} is no sink of a sound server")),
    }
}

/// The sink of a speaker: of several the one of the highest rate, since the others are for telephony.
fn of_speaker(address: Address, sinks: Vec<Entry>) -> Option<Entry> {
    let its = sinks
        .into_iter()
        .filter(|sink| sink.bluetooth == Some(address));
    its.max_by_key(|sink| sink.rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn music_goes_to_the_speaker_and_not_over_its_telephone() {
        let address = |last| Address::new([0xAA, 0xBB, 0xCC, 0xDD, 0xEE, last]);
        let sink = |name: &str, rate, last: Option<u8>| Entry {
            name: name.to_owned(),
            description: name.to_owned(),
            rate,
            default: name == "card",
            hardware: true,
            bluetooth: last.map(address),
            codec: None,
        };
        let sinks = vec![
            sink("card", 192_000, None),
            sink("talk", 16_000, Some(1)),
            sink("music", 44_100, Some(1)),
            sink("other", 48_000, Some(2)),
        ];
        let found = |last| of_speaker(address(last), sinks.clone()).map(|sink| sink.name);
        assert_eq!(found(1).as_deref(), Some("music"));
        assert_eq!(found(2).as_deref(), Some("other"));
        assert_eq!(found(3), None);
    }
}
