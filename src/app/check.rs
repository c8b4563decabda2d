//! `unisono check` and `unisono outputs`: what is planned, what is there, and whether they fit.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use super::interfaces::Whereabouts;
use super::{AppError, machine, plan};
use crate::capture;
use crate::clock::{Clock, SystemClock};
use crate::sink::device;
use crate::sound_server;
use crate::upnp::network;

/// `unisono check`: says what the config means on this machine, and what is wrong with it.
///
/// # Errors
/// Whatever would keep `unisono run` from starting.
pub fn check(config: Option<&PathBuf>, out: &mut impl Write) -> Result<(), AppError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let plan = plan(config, &clock)?;
    write!(out, "{plan}")?;
    let (_now, links) = watch::channel(network::links()?);
    for note in Whereabouts::new(&plan.network, links).notes() {
        writeln!(out, "Note: {note}")?;
    }
    machine::refuse_missing(&plan, &clock).map_err(AppError::Machine)?;
    for line in machine::inputs_now(&plan, &clock) {
        writeln!(out, "{line}")?;
    }
    let port = plan.network.port;
    let free = TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
    free.map_err(|cause| AppError::Port {
        place: plan
            .place_of_port()
            .map_or_else(String::new, |place| format!("{place}: ")),
        port,
        cause,
    })?;
    writeln!(out, "All of it is there, and the port is free.")?;
    Ok(())
}

/// `unisono outputs`: lists what this machine can play on, in the words the config wants.
///
/// # Errors
/// The list cannot be written.
pub fn outputs(out: &mut impl Write) -> io::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    match sound_server::sinks(None, &clock) {
        Ok(sinks) if sinks.is_empty() => writeln!(out, "# Your sound server has no sinks.")?,
        Ok(sinks) => {
            writeln!(out, "# Sinks of your sound server:")?;
            for sink in sinks {
                let mut notes = vec![format!("{} Hz", sink.rate)];
                if sink.default {
                    notes.push("the server's default".to_owned());
                }
                match &sink.bluetooth {
                    Some(address) => notes.push(format!("Bluetooth {address}")),
                    None if !sink.hardware => notes.push("virtual".to_owned()),
                    None => {}
                }
                writeln!(out, "\n[[output]]  # {}", notes.join(", "))?;
                writeln!(out, "name = {}", quoted(&sink.description))?;
                match &sink.bluetooth {
                    // By its address it is connected again, and found whatever the server calls it.
                    Some(address) => {
                        let address = quoted(&address.to_string());
                        writeln!(out, "type = \"bluetooth\"\naddress = {address}")?;
                    }
                    None => writeln!(out, "type = \"pulse\"\nsink = {}", quoted(&sink.name))?,
                }
            }
        }
        Err(reason) => writeln!(out, "# No sinks: {reason}")?,
    }
    match device::devices() {
        Ok(cards) if cards.is_empty() => writeln!(out, "\n# This machine has no sound cards.")?,
        Ok(cards) => {
            writeln!(out, "\n# Sound cards, used directly:")?;
            for card in cards {
                let note = if card.default {
                    "  # the system's default"
                } else {
                    ""
                };
                writeln!(out, "\n[[output]]{note}")?;
                writeln!(out, "name = {}", quoted(&card.description))?;
                writeln!(out, "type = \"device\"\ndevice = {}", quoted(&card.name))?;
            }
        }
        Err(reason) => writeln!(out, "\n# No sound cards: {reason}")?,
    }
    inputs(&clock, out)
}

/// What this machine can listen to, behind `#`: a config of all that is listed is to play, not to hear itself.
fn inputs(clock: &Arc<dyn Clock>, out: &mut impl Write) -> io::Result<()> {
    // Why there is none, if it is not known, has been said of what plays.
    let sources = sound_server::sources(None, clock).unwrap_or_default();
    let cards = capture::device::devices().unwrap_or_default();
    if sources.is_empty() && cards.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n# What it can listen to:")?;
    for source in sources {
        let default = if source.default {
            ", the server's default"
        } else {
            ""
        };
        writeln!(out, "#\n# [[input]]  # {} Hz{default}", source.rate)?;
        writeln!(out, "# name = {}", quoted(&source.description))?;
        match &source.bluetooth {
            Some(address) => {
                let address = quoted(&address.to_string());
                writeln!(out, "# type = \"bluetooth\"\n# address = {address}")?;
            }
            None => {
                let source = quoted(&source.name);
                writeln!(out, "# type = \"pulse\"\n# source = {source}")?;
            }
        }
    }
    for card in cards {
        let note = if card.default {
            "  # the system's default"
        } else {
            ""
        };
        writeln!(out, "#\n# [[input]]{note}")?;
        writeln!(out, "# name = {}", quoted(&card.description))?;
        writeln!(
            out,
            "# type = \"device\"\n# device = {}",
            quoted(&card.name)
        )?;
    }
    Ok(())
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
