//! RenderingControl:1 as tables: actions and state variables, in the order of the specification.
//! Only what exists appears: no loudness, no picture.

use super::super::INSTANCE;
use crate::audio::QUIETEST_DB;
use crate::upnp::device::table::{action, argument, choice, evented, optional, text, variable};
use crate::upnp::{ActionSpec, Argument, DataType, ServiceDescription, Variable};
use crate::zone::{Channel, LOUDEST};

/// The channels, by their names in the specification: left and right front.
pub(super) const CHANNELS: [(Channel, &str); 3] = [
    (Channel::Master, "Master"),
    (Channel::Left, "LF"),
    (Channel::Right, "RF"),
];
/// The one preset.
pub(super) const FACTORY_DEFAULTS: &str = "FactoryDefaults";
/// `VolumeDB` counts in these parts of a decibel.
pub(super) const PER_DB: f32 = 256.0;
/// The `VolumeDB` of volume 0 and of the loudest.
pub(super) const DB_RANGE: (i16, i16) = ((QUIETEST_DB * PER_DB) as i16, 0);

/// A blank channel means the master.
const CHANNEL: Argument = optional("Channel", "A_ARG_TYPE_Channel", CHANNELS[0].1);

/// The service.
pub(super) const DESCRIPTION: ServiceDescription = ServiceDescription {
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
    action(
        "GetVolumeDB",
        &[INSTANCE, CHANNEL],
        &[argument("CurrentVolume", "VolumeDB")],
    ),
    action(
        "SetVolumeDB",
        &[INSTANCE, CHANNEL, argument("DesiredVolume", "VolumeDB")],
        &[],
    ),
    action(
        "GetVolumeDBRange",
        &[INSTANCE, CHANNEL],
        &[
            argument("MinValue", "VolumeDB"),
            argument("MaxValue", "VolumeDB"),
        ],
    ),
];

const VARIABLES: &[Variable] = &[
    text("PresetNameList"),
    variable("Mute", DataType::Boolean),
    // The Windows logo tests ask for exactly this range, and Home Assistant takes the minimum for 0.
    Variable {
        range: Some((0, LOUDEST as i64, 1)),
        ..variable("Volume", DataType::Ui2)
    },
    Variable {
        range: Some((DB_RANGE.0 as i64, DB_RANGE.1 as i64, 1)),
        ..variable("VolumeDB", DataType::I2)
    },
    evented("LastChange"),
    choice(
        "A_ARG_TYPE_Channel",
        &[CHANNELS[0].1, CHANNELS[1].1, CHANNELS[2].1],
    ),
    choice("A_ARG_TYPE_PresetName", &[FACTORY_DEFAULTS]),
    variable("A_ARG_TYPE_InstanceID", DataType::Ui4),
];
