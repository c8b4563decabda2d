//! AVTransport:1 as tables: actions and state variables, in the order of the specification.
//! Optional actions that are not offered do not appear, because control points key features on presence.

use super::super::INSTANCE;
use crate::upnp::device::table::{action, argument, choice, evented, optional, text, variable};
use crate::upnp::{ActionSpec, DataType, ServiceDescription, Variable};

/// What time and counter variables hold when they are not implemented: the largest `i4`.
pub(super) const NO_COUNTER: &str = "2147483647";
/// What the specification puts where a renderer has nothing to say. Never used for durations: Platinum (Kodi) fails
/// the whole of GetMediaInfo when it meets one that it cannot read as a time.
pub(super) const NOT_IMPLEMENTED: &str = "NOT_IMPLEMENTED";
/// The one play mode.
pub(super) const NORMAL: &str = "NORMAL";
/// The one play speed.
pub(super) const SPEED: &str = "1";
/// What we can play from, as a list.
pub(super) const PLAYBACK_MEDIA: &str = "NONE,NETWORK";

/// The service.
pub(super) const DESCRIPTION: ServiceDescription = ServiceDescription {
    service_type: "urn:schemas-upnp-org:service:AVTransport:1",
    service_id: "urn:upnp-org:serviceId:AVTransport",
    path: "AVTransport",
    actions: ACTIONS,
    variables: VARIABLES,
};

const ACTIONS: &[ActionSpec] = &[
    action(
        "SetAVTransportURI",
        &[
            INSTANCE,
            argument("CurrentURI", "AVTransportURI"),
            optional("CurrentURIMetaData", "AVTransportURIMetaData", ""),
        ],
        &[],
    ),
    action(
        "SetNextAVTransportURI",
        &[
            INSTANCE,
            argument("NextURI", "NextAVTransportURI"),
            optional("NextURIMetaData", "NextAVTransportURIMetaData", ""),
        ],
        &[],
    ),
    action(
        "GetMediaInfo",
        &[INSTANCE],
        &[
            argument("NrTracks", "NumberOfTracks"),
            argument("MediaDuration", "CurrentMediaDuration"),
            argument("CurrentURI", "AVTransportURI"),
            argument("CurrentURIMetaData", "AVTransportURIMetaData"),
            argument("NextURI", "NextAVTransportURI"),
            argument("NextURIMetaData", "NextAVTransportURIMetaData"),
            argument("PlayMedium", "PlaybackStorageMedium"),
            argument("RecordMedium", "RecordStorageMedium"),
            argument("WriteStatus", "RecordMediumWriteStatus"),
        ],
    ),
    action(
        "GetTransportInfo",
        &[INSTANCE],
        &[
            argument("CurrentTransportState", "TransportState"),
            argument("CurrentTransportStatus", "TransportStatus"),
            argument("CurrentSpeed", "TransportPlaySpeed"),
        ],
    ),
    action(
        "GetPositionInfo",
        &[INSTANCE],
        &[
            argument("Track", "CurrentTrack"),
            argument("TrackDuration", "CurrentTrackDuration"),
            argument("TrackMetaData", "CurrentTrackMetaData"),
            argument("TrackURI", "CurrentTrackURI"),
            argument("RelTime", "RelativeTimePosition"),
            argument("AbsTime", "AbsoluteTimePosition"),
            argument("RelCount", "RelativeCounterPosition"),
            argument("AbsCount", "AbsoluteCounterPosition"),
        ],
    ),
    action(
        "GetDeviceCapabilities",
        &[INSTANCE],
        &[
            argument("PlayMedia", "PossiblePlaybackStorageMedia"),
            argument("RecMedia", "PossibleRecordStorageMedia"),
            argument("RecQualityModes", "PossibleRecordQualityModes"),
        ],
    ),
    action(
        "GetTransportSettings",
        &[INSTANCE],
        &[
            argument("PlayMode", "CurrentPlayMode"),
            argument("RecQualityMode", "CurrentRecordQualityMode"),
        ],
    ),
    action("Stop", &[INSTANCE], &[]),
    action(
        "Play",
        &[INSTANCE, optional("Speed", "TransportPlaySpeed", SPEED)],
        &[],
    ),
    action("Pause", &[INSTANCE], &[]),
    action(
        "Seek",
        &[
            INSTANCE,
            argument("Unit", "A_ARG_TYPE_SeekMode"),
            argument("Target", "A_ARG_TYPE_SeekTarget"),
        ],
        &[],
    ),
    action("Next", &[INSTANCE], &[]),
    action("Previous", &[INSTANCE], &[]),
    action(
        "SetPlayMode",
        &[INSTANCE, argument("NewPlayMode", "CurrentPlayMode")],
        &[],
    ),
    action(
        "GetCurrentTransportActions",
        &[INSTANCE],
        &[argument("Actions", "CurrentTransportActions")],
    ),
];

const VARIABLES: &[Variable] = &[
    Variable {
        default: Some("NO_MEDIA_PRESENT"),
        ..choice(
            "TransportState",
            &[
                "STOPPED",
                "PLAYING",
                "TRANSITIONING",
                "PAUSED_PLAYBACK",
                "NO_MEDIA_PRESENT",
            ],
        )
    },
    Variable {
        default: Some("OK"),
        ..choice("TransportStatus", &["OK", "ERROR_OCCURRED"])
    },
    Variable {
        default: Some(SPEED),
        ..choice("TransportPlaySpeed", &[SPEED])
    },
    Variable {
        default: Some("NONE"),
        ..choice("PlaybackStorageMedium", &["NONE", "NETWORK"])
    },
    choice("RecordStorageMedium", &[NOT_IMPLEMENTED]),
    // A list of media: strict clients would compare the whole list with an allowed value.
    text("PossiblePlaybackStorageMedia"),
    choice("PossibleRecordStorageMedia", &[NOT_IMPLEMENTED]),
    Variable {
        default: Some(NORMAL),
        ..choice("CurrentPlayMode", &[NORMAL])
    },
    choice("RecordMediumWriteStatus", &[NOT_IMPLEMENTED]),
    choice("CurrentRecordQualityMode", &[NOT_IMPLEMENTED]),
    choice("PossibleRecordQualityModes", &[NOT_IMPLEMENTED]),
    Variable {
        range: Some((0, 1, 1)),
        ..variable("NumberOfTracks", DataType::Ui4)
    },
    Variable {
        range: Some((0, 1, 1)),
        ..variable("CurrentTrack", DataType::Ui4)
    },
    text("CurrentTrackDuration"),
    text("CurrentMediaDuration"),
    text("CurrentTrackMetaData"),
    text("CurrentTrackURI"),
    text("AVTransportURI"),
    text("AVTransportURIMetaData"),
    text("NextAVTransportURI"),
    text("NextAVTransportURIMetaData"),
    text("RelativeTimePosition"),
    text("AbsoluteTimePosition"),
    variable("RelativeCounterPosition", DataType::I4),
    variable("AbsoluteCounterPosition", DataType::I4),
    text("CurrentTransportActions"),
    evented("LastChange"),
    choice("A_ARG_TYPE_SeekMode", &["REL_TIME", "ABS_TIME", "TRACK_NR"]),
    text("A_ARG_TYPE_SeekTarget"),
    variable("A_ARG_TYPE_InstanceID", DataType::Ui4),
];
