//! RenderingControl:1 over a zone: group volume and mute.
//! Single outputs are not rendering control's business; neither is loudness or balance.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::last_change::{self, Dialect};
use super::table::{INSTANCE, action, argument, choice, evented, optional, text, variable};
use super::{action_error, check_instance, unknown_action};
use crate::upnp::{
    Action, ActionError, ActionSpec, Answer, Argument, DataType, Property, Service,
    ServiceDescription, Snapshot, Variable,
};
use crate::zone::{ZoneCommand, ZoneHandle};

/// The one channel.
const MASTER: &str = "Master";
/// The one preset.
const FACTORY_DEFAULTS: &str = "FactoryDefaults";
/// An InstanceID other than 0 (AVTransport has another number for it).
const INVALID_INSTANCE: u16 = 702;
/// The largest volume. The Windows logo tests ask for exactly this range, and Home Assistant takes the minimum for 0.
const LOUDEST: u8 = 100;

const CHANNEL: Argument = optional("Channel", "A_ARG_TYPE_Channel", MASTER);

const DESCRIPTION: ServiceDescription = ServiceDescription {
    service_type: "urn:schemas-upnp-org:service:RenderingControl:1",
    service_id: "urn:upnp-org:serviceId:RenderingControl",
    path: "RenderingControl",
    actions: ACTIONS,
    variables: VARIABLES,
};

const ACTIONS: &[ActionSpec] = &[
    action(
        "ListPresets",
        &[INSTANCE],
        &[argument("CurrentPresetNameList", "PresetNameList")],
    ),
    action(
        "SelectPreset",
        &[INSTANCE, argument("PresetName", "A_ARG_TYPE_PresetName")],
        &[],
    ),
    action(
        "GetMute",
        &[INSTANCE, CHANNEL],
        &[argument("CurrentMute", "Mute")],
    ),
    action(
        "SetMute",
        &[INSTANCE, CHANNEL, argument("DesiredMute", "Mute")],
        &[],
    ),
    action(
        "GetVolume",
        &[INSTANCE, CHANNEL],
        &[argument("CurrentVolume", "Volume")],
    ),
    action(
        "SetVolume",
        &[INSTANCE, CHANNEL, argument("DesiredVolume", "Volume")],
        &[],
    ),
];

const VARIABLES: &[Variable] = &[
    text("PresetNameList"),
    variable("Mute", DataType::Boolean),
    Variable {
        range: Some((0, LOUDEST as i64, 1)),
        ..variable("Volume", DataType::Ui2)
    },
    evented("LastChange"),
    choice("A_ARG_TYPE_Channel", &[MASTER]),
    choice("A_ARG_TYPE_PresetName", &[FACTORY_DEFAULTS]),
    variable("A_ARG_TYPE_InstanceID", DataType::Ui4),
];

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
        check_channel(action.input("Channel"))?;
        match action.spec.name {
            "ListPresets" => Ok(vec![FACTORY_DEFAULTS.to_owned()]),
            "SelectPreset" => self.select_preset(action.input("PresetName")).await,
            "GetMute" => Ok(vec![boolean(self.zone.state().muted)]),
            "SetMute" => {
                let mute = read_boolean(action.input("DesiredMute"))?;
                self.send(ZoneCommand::SetMute(mute)).await
            }
            "GetVolume" => Ok(vec![self.zone.state().volume.to_string()]),
            "SetVolume" => {
                let volume = read_volume(action.input("DesiredVolume"))?;
                self.send(ZoneCommand::SetVolume(volume)).await
            }
            name => Err(unknown_action(name)),
        }
    }

    /// Unmutes. The volume stays as it is: no preset shall make a room suddenly loud.
    async fn select_preset(&self, name: &str) -> Result<Answer, ActionError> {
        if name.trim() != FACTORY_DEFAULTS {
            return Err(ActionError::new(
                701,
                format!("there is no preset {name:?}"),
            ));
        }
        self.send(ZoneCommand::SetMute(false)).await
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
        vec![
            ("PresetNameList", FACTORY_DEFAULTS.to_owned()),
            ("Mute", boolean(state.muted)),
            ("Volume", state.volume.to_string()),
        ]
    }

    fn properties(&self, before: Option<&Snapshot>, after: &Snapshot) -> Vec<Property> {
        last_change::properties(Dialect::Rendering, before, after)
    }
}

/// A blank channel means Master; actions without a channel have a blank one.
fn check_channel(channel: &str) -> Result<(), ActionError> {
    let channel = channel.trim();
    if channel.is_empty() || channel.eq_ignore_ascii_case(MASTER) {
        return Ok(());
    }
    Err(ActionError::new(
        703,
        format!("there is no channel {channel:?}, only {MASTER}"),
    ))
}

/// Reads what control points send for a volume, decimals included. More than the maximum is the maximum.
fn read_volume(text: &str) -> Result<u8, ActionError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ActionError::new(402, "DesiredVolume is empty"));
    }
    let volume = text.parse::<f64>().unwrap_or(f64::NAN);
    if !volume.is_finite() || volume < 0.0 {
        return Err(ActionError::new(
            601,
            format!("the volume is a number from 0 to {LOUDEST}, not {text:?}"),
        ));
    }
    // At most 100 after the clamp, so the cast loses nothing but the sign of zero.
    Ok(volume.min(f64::from(LOUDEST)).round() as u8)
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
