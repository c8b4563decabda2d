//! RenderingControl:1 over a zone: volume and mute of the group, and of the stream's left and right beside it.
//! Single outputs are not rendering control's business.

mod table;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use self::table::{CHANNELS, DB_RANGE, DESCRIPTION, FACTORY_DEFAULTS, PER_DB};
use super::last_change::{self, Dialect};
use super::{action_error, check_instance, unknown_action};
use crate::audio::{nearest_volume_db, volume_db};
use crate::upnp::{Action, ActionError, Answer, Property, Service, ServiceDescription, Snapshot};
use crate::zone::{Channel, LOUDEST, ZoneCommand, ZoneHandle};

/// An InstanceID other than 0 (AVTransport has another number for it).
const INVALID_INSTANCE: u16 = 702;

/// The service of one zone.
#[derive(Debug)]
pub(super) struct RenderingControl {
    zone: ZoneHandle,
}

impl RenderingControl {
    /// RenderingControl of `zone`.
    pub(super) fn new(zone: ZoneHandle) -> Self {
        Self { zone }
    }

    async fn carry_out(&self, action: &Action) -> Result<Answer, ActionError> {
        check_instance(action, INVALID_INSTANCE)?;
        // Actions without a channel have a blank one, which means the master.
        let channel = read_channel(action.input("Channel"))?;
        let level = self.zone.state().level(channel);
        match action.spec.name {
            "ListPresets" => Ok(vec![FACTORY_DEFAULTS.to_owned()]),
            "SelectPreset" => self.select_preset(action.input("PresetName")).await,
            "GetMute" => Ok(vec![boolean(level.muted)]),
            "SetMute" => {
                let mute = read_boolean(action.input("DesiredMute"))?;
                self.send(ZoneCommand::SetMute(channel, mute)).await
            }
            "GetVolume" => Ok(vec![level.volume.to_string()]),
            "SetVolume" => {
                let volume = read_volume(action.input("DesiredVolume"))?;
                self.send(ZoneCommand::SetVolume(channel, volume)).await
            }
            "GetVolumeDB" => Ok(vec![decibels(level.volume)]),
            "SetVolumeDB" => {
                let volume = read_decibels(action.input("DesiredVolume"))?;
                self.send(ZoneCommand::SetVolume(channel, volume)).await
            }
            "GetVolumeDBRange" => Ok(vec![DB_RANGE.0.to_string(), DB_RANGE.1.to_string()]),
            name => Err(unknown_action(name)),
        }
    }

    /// Unmutes. Volumes stay as they are: no preset shall make a room suddenly loud.
    async fn select_preset(&self, name: &str) -> Result<Answer, ActionError> {
        if name.trim() != FACTORY_DEFAULTS {
            return Err(ActionError::new(
                701,
                format!("there is no preset {name:?}"),
            ));
        }
        for (channel, _) in CHANNELS {
            self.send(ZoneCommand::SetMute(channel, false)).await?;
        }
        Ok(Vec::new())
    }

    async fn send(&self, command: ZoneCommand) -> Result<Answer, ActionError> {
        self.zone.send(command).await.map_err(action_error)?;
        Ok(Vec::new())
    }
}

impl Service for RenderingControl {
    fn description(&self) -> &'static ServiceDescription {
        &DESCRIPTION
    }

    fn invoke<'a>(&'a self, action: &'a Action) -> BoxFuture<'a, Result<Answer, ActionError>> {
        self.carry_out(action).boxed()
    }

    fn snapshot(&self) -> Snapshot {
        let state = self.zone.state();
        let of = |channel| state.level(channel);
        let [master, left, right] = [Channel::Master, Channel::Left, Channel::Right].map(of);
        // The master first, for those that look no further than the first.
        vec![
            ("PresetNameList", FACTORY_DEFAULTS.to_owned()),
            ("Mute Master", boolean(master.muted)),
            ("Volume Master", master.volume.to_string()),
            ("VolumeDB Master", decibels(master.volume)),
            ("Mute LF", boolean(left.muted)),
            ("Volume LF", left.volume.to_string()),
            ("VolumeDB LF", decibels(left.volume)),
            ("Mute RF", boolean(right.muted)),
            ("Volume RF", right.volume.to_string()),
            ("VolumeDB RF", decibels(right.volume)),
        ]
    }

    fn properties(&self, before: Option<&Snapshot>, after: &Snapshot) -> Vec<Property> {
        last_change::properties(Dialect::Rendering, before, after)
    }
}

/// A channel by its name; a blank one means the master.
fn read_channel(name: &str) -> Result<Channel, ActionError> {
    let name = name.trim();
    if name.is_empty() {
        return Ok(Channel::Master);
    }
    let named = |(_, known): &&(Channel, &str)| known.eq_ignore_ascii_case(name);
    CHANNELS
        .iter()
        .find(named)
        .map(|(channel, _)| *channel)
        .ok_or_else(|| {
            let known = CHANNELS.map(|(_, known)| known).join(", ");
            ActionError::new(
                703,
                format!("there is no channel {name:?}; there are {known}"),
            )
        })
}

/// Reads what control points send for a number, decimals included. Below `least` it is no level at all.
fn read_number(text: &str, least: f64, what: &str) -> Result<f64, ActionError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ActionError::new(402, "DesiredVolume is empty"));
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number >= least => Ok(number),
        _ => Err(ActionError::new(
            601,
            format!("the volume is {what}, not {text:?}"),
        )),
    }
}

/// More than the maximum is the maximum.
fn read_volume(text: &str) -> Result<u8, ActionError> {
    let volume = read_number(text, 0.0, &format!("a number from 0 to {LOUDEST}"))?;
    // At most 100 after the clamp, so the cast loses nothing but the sign of zero.
    Ok(volume.min(f64::from(LOUDEST)).round() as u8)
}

/// The volume nearest to what is asked for in 256ths of a decibel. More than the maximum is the maximum.
fn read_decibels(text: &str) -> Result<u8, ActionError> {
    let (least, most) = DB_RANGE;
    let what = format!("a number of 256ths of a decibel from {least} to {most}");
    let parts = read_number(text, f64::from(least), &what)?;
    Ok(nearest_volume_db(parts as f32 / PER_DB))
}

/// A volume as `VolumeDB` counts.
fn decibels(volume: u8) -> String {
    // Within DB_RANGE, so the cast cuts off nothing.
    ((volume_db(volume) * PER_DB).round() as i16).to_string()
}

fn read_boolean(text: &str) -> Result<bool, ActionError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err(ActionError::new(
            402,
            format!("a boolean is 0 or 1, not {text:?}"),
        )),
    }
}

/// Jellyfin compares with `1`, so no `true`.
fn boolean(value: bool) -> String {
    u8::from(value).to_string()
}
