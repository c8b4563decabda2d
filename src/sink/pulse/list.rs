//! What a sound server can play on.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use libpulse_binding as pulse;
use pulse::callbacks::ListResult;
use pulse::context::introspect::SinkInfo;
use pulse::def::SinkFlagSet;
use pulse::proplist::properties;

use super::connection::Connection;
use crate::clock::Clock;
use crate::sink::SinkEntry;

/// Lists the sinks of the server at this address, or of the user's own. Takes up to some seconds if it hangs.
///
/// # Errors
/// A sentence, when no server answers.
pub fn sinks(server: Option<&str>, clock: &Arc<dyn Clock>) -> Result<Vec<SinkEntry>, String> {
    let mut connection = Connection::open(server, clock)?;
    let default = default_sink(&mut connection)?;
    let found = Rc::new(RefCell::new(Vec::new()));
    let into = found.clone();
    let operation = connection
        .context
        .introspect()
        .get_sink_info_list(move |result| {
            if let ListResult::Item(info) = result {
                into.borrow_mut().push(entry(info));
            }
        });
    connection.finish(&operation)?;
    let mut sinks = found.take();
    for sink in &mut sinks {
        sink.default = Some(&sink.name) == default.as_ref();
    }
    Ok(sinks)
}

/// The name of the server's default sink.
pub(super) fn default_sink(connection: &mut Connection) -> Result<Option<String>, String> {
    let found = Rc::new(RefCell::new(None));
    let into = found.clone();
    let operation = connection
        .context
        .introspect()
        .get_server_info(move |info| {
            *into.borrow_mut() = info.default_sink_name.as_ref().map(ToString::to_string);
        });
    connection.finish(&operation)?;
    Ok(found.take())
}

/// One sink by name; `None` when there is no such sink.
pub(super) fn sink(connection: &mut Connection, name: &str) -> Result<Option<SinkEntry>, String> {
    let found = Rc::new(RefCell::new(None));
    let into = found.clone();
    let operation = connection
        .context
        .introspect()
        .get_sink_info_by_name(name, move |result| {
            if let ListResult::Item(info) = result {
                *into.borrow_mut() = Some(entry(info));
            }
        });
    connection.finish(&operation)?;
    Ok(found.take())
}

fn entry(info: &SinkInfo<'_>) -> SinkEntry {
    let property = |key: &str| info.proplist.get_str(key);
    let name = info.name.as_deref().unwrap_or_default().to_owned();
    let is_bluetooth = property(properties::DEVICE_BUS).is_some_and(|bus| bus == "bluetooth")
        || name.starts_with("bluez_");
    SinkEntry {
        description: info.description.as_deref().unwrap_or(&name).to_owned(),
        rate: info.sample_spec.rate,
        default: false,
        // PipeWire does not set the flag for Bluetooth sinks.
        hardware: is_bluetooth || info.flags.contains(SinkFlagSet::HARDWARE),
        bluetooth: is_bluetooth
            .then(|| property("api.bluez5.address").or_else(|| property(properties::DEVICE_STRING)))
            .flatten(),
        name,
    }
}
