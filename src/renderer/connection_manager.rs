//! ConnectionManager:1: what can be played, and the one connection that always exists.
//! Connections are not prepared or closed, so instance and connection 0 are the only ones.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{didl, protocol_info, unknown_action};
use crate::upnp::device::table::{action, argument, choice, evented, text, variable};
use crate::upnp::{
    Action, ActionError, ActionSpec, Answer, DataType, Service, ServiceDescription, Snapshot,
    Variable,
};
use crate::zone::ZoneHandle;

/// The only connection.
const CONNECTION: &str = "0";

const DESCRIPTION: ServiceDescription = ServiceDescription {
    service_type: "urn:schemas-upnp-org:service:ConnectionManager:1",
    service_id: "urn:upnp-org:serviceId:ConnectionManager",
    path: "ConnectionManager",
    actions: ACTIONS,
    variables: VARIABLES,
};

const ACTIONS: &[ActionSpec] = &[
    action(
        "GetProtocolInfo",
        &[],
        &[
            argument("Source", "SourceProtocolInfo"),
            argument("Sink", "SinkProtocolInfo"),
        ],
    ),
    action(
        "GetCurrentConnectionIDs",
        &[],
        &[argument("ConnectionIDs", "CurrentConnectionIDs")],
    ),
    action(
        "GetCurrentConnectionInfo",
        &[argument("ConnectionID", "A_ARG_TYPE_ConnectionID")],
        &[
            argument("RcsID", "A_ARG_TYPE_RcsID"),
            argument("AVTransportID", "A_ARG_TYPE_AVTransportID"),
            argument("ProtocolInfo", "A_ARG_TYPE_ProtocolInfo"),
            argument("PeerConnectionManager", "A_ARG_TYPE_ConnectionManager"),
            argument("PeerConnectionID", "A_ARG_TYPE_ConnectionID"),
            argument("Direction", "A_ARG_TYPE_Direction"),
            argument("Status", "A_ARG_TYPE_ConnectionStatus"),
        ],
    ),
];

const VARIABLES: &[Variable] = &[
    evented("SourceProtocolInfo"),
    evented("SinkProtocolInfo"),
    evented("CurrentConnectionIDs"),
    choice(
        "A_ARG_TYPE_ConnectionStatus",
        &[
            "OK",
            "ContentFormatMismatch",
            "InsufficientBandwidth",
            "UnreliableChannel",
            "Unknown",
        ],
    ),
    text("A_ARG_TYPE_ConnectionManager"),
    choice("A_ARG_TYPE_Direction", &["Input", "Output"]),
    text("A_ARG_TYPE_ProtocolInfo"),
    variable("A_ARG_TYPE_ConnectionID", DataType::I4),
    variable("A_ARG_TYPE_AVTransportID", DataType::I4),
    variable("A_ARG_TYPE_RcsID", DataType::I4),
];

/// The service of one zone.
#[derive(Debug)]
pub(super) struct ConnectionManager {
    zone: ZoneHandle,
}

impl ConnectionManager {
    /// ConnectionManager of `zone`.
    pub(super) fn new(zone: ZoneHandle) -> Self {
        Self { zone }
    }

    fn carry_out(&self, action: &Action) -> Result<Answer, ActionError> {
        match action.spec.name {
            "GetProtocolInfo" => Ok(vec![String::new(), protocol_info::sink()]),
            "GetCurrentConnectionIDs" => Ok(vec![CONNECTION.to_owned()]),
            "GetCurrentConnectionInfo" => self.connection(action.input("ConnectionID")),
            name => Err(unknown_action(name)),
        }
    }

    fn connection(&self, id: &str) -> Result<Answer, ActionError> {
        let number: i32 = id.trim().parse().map_err(|_| {
            ActionError::new(402, format!("a ConnectionID is a number, not {id:?}"))
        })?;
        if number != 0 {
            return Err(ActionError::new(
                706,
                format!("there is no connection {number}, only {CONNECTION}"),
            ));
        }
        Ok(vec![
            "0".to_owned(),
            "0".to_owned(),
            self.current_protocol_info(),
            String::new(),
            "-1".to_owned(),
            "Input".to_owned(),
            "OK".to_owned(),
        ])
    }

    /// That of the current track by its metadata; four fields in any case.
    fn current_protocol_info(&self) -> String {
        match &self.zone.state().track {
            None => ":::".to_owned(),
            Some(track) => didl::protocol_info(&track.request.uri, &track.metadata)
                .unwrap_or_else(|| "http-get:*:*:*".to_owned()),
        }
    }
}

impl Service for ConnectionManager {
    fn description(&self) -> &'static ServiceDescription {
        &DESCRIPTION
    }

    fn invoke<'a>(&'a self, action: &'a Action) -> BoxFuture<'a, Result<Answer, ActionError>> {
        async { self.carry_out(action) }.boxed()
    }

    /// Plain properties: this service has no `LastChange`, and Cidero breaks on one.
    fn snapshot(&self) -> Snapshot {
        vec![
            ("SourceProtocolInfo", String::new()),
            ("SinkProtocolInfo", protocol_info::sink()),
            ("CurrentConnectionIDs", CONNECTION.to_owned()),
        ]
    }
}
