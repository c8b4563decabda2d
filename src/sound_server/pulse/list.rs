//! What a sound server can play on and listen to.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use libpulse_binding as pulse;
use pulse::callbacks::ListResult;
use pulse::context::introspect::{SinkInfo, SourceInfo};
use pulse::def::{SinkFlagSet, SourceFlagSet};
use pulse::proplist::{Proplist, properties};

use super::connection::Connection;
use crate::clock::Clock;
use crate::sound_server::{Entry, address_of};

/// Which of the two things that a server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something to play on.
    Sink,
    /// Something to listen to.
    Source,
}

/// Lists the sinks of the server at this address, or of the user's own. Takes up to some seconds if it hangs.
///
/// # Errors
/// A sentence, when no server answers.
pub fn sinks(server: Option<&str>, clock: &Arc<dyn Clock>) -> Result<Vec<Entry>, String> {
    entries(&mut Connection::open(server, clock)?, Kind::Sink)
}

/// Lists the sources of the server at this address, or of the user's own, monitors of sinks among them. Takes up to some seconds
/// if it hangs.
///
/// # Errors
/// A sentence, when no server answers.
pub fn sources(server: Option<&str>, clock: &Arc<dyn Clock>) -> Result<Vec<Entry>, String> {
    entries(&mut Connection::open(server, clock)?, Kind::Source)
}

/// All that a server has of a kind.
pub(crate) fn entries(connection: &mut Connection, kind: Kind) -> Result<Vec<Entry>, String> {
    let default = default_name(connection, kind)?;
    let found = Rc::new(RefCell::new(Vec::new()));
    let into = found.clone();
    let server = connection.context.introspect();
    match kind {
        Kind::Sink => {
            let operation = server.get_sink_info_list(move |result| {
                if let ListResult::Item(info) = result {
                    into.borrow_mut().push(of_sink(info));
                }
            });
            connection.finish(&operation)?;
        }
        Kind::Source => {
            let operation = server.get_source_info_list(move |result| {
                if let ListResult::Item(info) = result {
                    into.borrow_mut().push(of_source(info));
                }
            });
            connection.finish(&operation)?;
        }
    }
    let mut entries = found.take();
    for entry in &mut entries {
        entry.default = Some(&entry.name) == default.as_ref();
    }
    Ok(entries)
}

/// The name of the server's default of a kind.
pub(crate) fn default_name(
    connection: &mut Connection,
    kind: Kind,
) -> Result<Option<String>, String> {
    let found = Rc::new(RefCell::new(None));
    let into = found.clone();
    let operation = connection
        .context
        .introspect()
        .get_server_info(move |info| {
            let name = match kind {
                Kind::Sink => &info.default_sink_name,
                Kind::Source => &info.default_source_name,
            };
            *into.borrow_mut() = name.as_ref().map(ToString::to_string);
        });
    connection.finish(&operation)?;
    Ok(found.take())
}

/// The one of a kind that has this name; `None` when there is none.
pub(crate) fn entry(
    connection: &mut Connection,
    kind: Kind,
    name: &str,
) -> Result<Option<Entry>, String> {
    let found = Rc::new(RefCell::new(None));
    let into = found.clone();
    let server = connection.context.introspect();
    match kind {
        Kind::Sink => {
            let operation = server.get_sink_info_by_name(name, move |result| {
                if let ListResult::Item(info) = result {
                    *into.borrow_mut() = Some(of_sink(info));
                }
            });
            connection.finish(&operation)?;
        }
        Kind::Source => {
            let operation = server.get_source_info_by_name(name, move |result| {
                if let ListResult::Item(info) = result {
                    *into.borrow_mut() = Some(of_source(info));
                }
            });
            connection.finish(&operation)?;
        }
    }
    Ok(found.take())
}

fn of_sink(info: &SinkInfo<'_>) -> Entry {
    made_of(
        info.name.as_deref(),
        info.description.as_deref(),
        info.sample_spec.rate,
        info.flags.contains(SinkFlagSet::HARDWARE),
        &info.proplist,
    )
}

fn of_source(info: &SourceInfo<'_>) -> Entry {
    let entry = made_of(
        info.name.as_deref(),
        info.description.as_deref(),
        info.sample_spec.rate,
        info.flags.contains(SourceFlagSet::HARDWARE),
        &info.proplist,
    );
    if info.monitor_of_sink.is_none() {
        return entry;
    }
    // It hears what is played to a speaker, and is named for that, but nothing comes from there.
    Entry {
        hardware: false,
        bluetooth: None,
        ..entry
    }
}

fn made_of(
    name: Option<&str>,
    description: Option<&str>,
    rate: u32,
    hardware: bool,
    proplist: &Proplist,
) -> Entry {
    let property = |key: &str| proplist.get_str(key);
    let name = name.unwrap_or_default().to_owned();
    let is_bluetooth = property(properties::DEVICE_BUS).is_some_and(|bus| bus == "bluetooth")
        || name.starts_with("bluez_");
    let bluetooth = address_of(&name, property);
    Entry {
        description: description.unwrap_or(&name).to_owned(),
        rate,
        default: false,
        // PipeWire does not set the flag for Bluetooth devices.
        hardware: is_bluetooth || bluetooth.is_some() || hardware,
        bluetooth,
        // PipeWire's name for it, and PulseAudio's.
        codec: property("api.bluez5.codec").or_else(|| property("bluetooth.codec")),
        name,
    }
}
