//! A device for the tests: services that write down what they are told and repeat what they know.
//! Not a renderer: nothing here plays.

#![expect(clippy::unwrap_used, reason = "in a test helper, to panic is to tell")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use futures_util::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use unisono::upnp::device::table::{action, argument, choice, evented, optional, text, variable};
use unisono::upnp::http::{self, Options};
use unisono::upnp::{
    Action, ActionError, Answer, Argument, DataType, Device, Icon, Identity, Property, Service,
    ServiceDescription, Snapshot, Variable, WindowsClass, server_token,
};
use uuid::Uuid;

const INSTANCE: Argument = optional("InstanceID", "A_ARG_TYPE_InstanceID", "0");

pub(crate) static TRANSPORT: ServiceDescription = ServiceDescription {
    service_type: "urn:schemas-upnp-org:service:AVTransport:1",
    service_id: "urn:upnp-org:serviceId:AVTransport",
    path: "AVTransport",
    actions: &[
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
            "Play",
            &[INSTANCE, optional("Speed", "TransportPlaySpeed", "1")],
            &[],
        ),
        action("Stop", &[INSTANCE], &[]),
        action(
            "Seek",
            &[
                INSTANCE,
                argument("Unit", "A_ARG_TYPE_SeekMode"),
                argument("Target", "A_ARG_TYPE_SeekTarget"),
            ],
            &[],
        ),
        action(
            "GetMediaInfo",
            &[INSTANCE],
            &[
                argument("CurrentURI", "AVTransportURI"),
                argument("CurrentURIMetaData", "AVTransportURIMetaData"),
            ],
        ),
    ],
    variables: &[
        evented("LastChange"),
        text("AVTransportURI"),
        text("AVTransportURIMetaData"),
        text("TransportPlaySpeed"),
        variable("A_ARG_TYPE_InstanceID", DataType::Ui4),
        choice("A_ARG_TYPE_SeekMode", &["REL_TIME", "ABS_TIME"]),
        text("A_ARG_TYPE_SeekTarget"),
    ],
};

pub(crate) static RENDERING: ServiceDescription = ServiceDescription {
    service_type: "urn:schemas-upnp-org:service:RenderingControl:1",
    service_id: "urn:upnp-org:serviceId:RenderingControl",
    path: "RenderingControl",
    actions: &[
        action(
            "SetVolume",
            &[
                INSTANCE,
                optional("Channel", "A_ARG_TYPE_Channel", "Master"),
                argument("DesiredVolume", "Volume"),
            ],
            &[],
        ),
        action(
            "GetVolume",
            &[
                INSTANCE,
                optional("Channel", "A_ARG_TYPE_Channel", "Master"),
            ],
            &[argument("CurrentVolume", "Volume")],
        ),
    ],
    variables: &[
        evented("LastChange"),
        Variable {
            range: Some((0, 100, 1)),
            ..variable("Volume", DataType::Ui2)
        },
        variable("A_ARG_TYPE_InstanceID", DataType::Ui4),
        choice("A_ARG_TYPE_Channel", &["Master"]),
    ],
};

pub(crate) static CONNECTIONS: ServiceDescription = ServiceDescription {
    service_type: "urn:schemas-upnp-org:service:ConnectionManager:1",
    service_id: "urn:upnp-org:serviceId:ConnectionManager",
    path: "ConnectionManager",
    actions: &[action(
        "GetProtocolInfo",
        &[],
        &[
            argument("Source", "SourceProtocolInfo"),
            argument("Sink", "SinkProtocolInfo"),
        ],
    )],
    variables: &[evented("SourceProtocolInfo"), evented("SinkProtocolInfo")],
};

/// Remembers every input under its variable, and what it was told, in order.
pub(crate) struct Recorder {
    table: &'static ServiceDescription,
    values: Mutex<BTreeMap<&'static str, String>>,
    calls: Mutex<Vec<String>>,
    changes: Arc<watch::Sender<u64>>,
}

impl Recorder {
    fn new(table: &'static ServiceDescription, changes: &Arc<watch::Sender<u64>>) -> Arc<Self> {
        Arc::new(Self {
            table,
            values: Mutex::default(),
            calls: Mutex::default(),
            changes: Arc::clone(changes),
        })
    }

    /// What it was told: `Play InstanceID=0 Speed=1`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }

    /// Changes a variable, as something outside would.
    pub(crate) fn set(&self, variable: &'static str, value: impl Into<String>) {
        self.values.lock().unwrap().insert(variable, value.into());
        self.changes.send_modify(|count| *count += 1);
    }
}

impl Service for Recorder {
    fn description(&self) -> &'static ServiceDescription {
        self.table
    }

    fn invoke<'a>(&'a self, action: &'a Action) -> BoxFuture<'a, Result<Answer, ActionError>> {
        Box::pin(async move {
            if !matches!(action.input("InstanceID"), "" | "0") {
                return Err(ActionError::new(718, "Invalid InstanceID"));
            }
            let inputs = action.spec.inputs.iter().zip(&action.inputs);
            let call = inputs
                .clone()
                .fold(action.spec.name.to_owned(), |call, (input, value)| {
                    format!("{call} {}={value}", input.name)
                });
            self.calls.lock().unwrap().push(call);
            for (input, value) in inputs {
                if !input.variable.starts_with("A_ARG_TYPE") {
                    self.set(input.variable, value);
                }
            }
            let values = self.values.lock().unwrap();
            let outputs = action.spec.outputs.iter();
            Ok(outputs
                .map(|output| values.get(output.variable).cloned().unwrap_or_default())
                .collect())
        })
    }

    fn snapshot(&self) -> Snapshot {
        let values = self.values.lock().unwrap();
        let told = self
            .table
            .variables
            .iter()
            .filter(|variable| !variable.name.starts_with("A_ARG_TYPE"))
            .filter(|variable| variable.name != "LastChange");
        told.map(|v| (v.name, values.get(v.name).cloned().unwrap_or_default()))
            .collect()
    }

    fn properties(&self, before: Option<&Snapshot>, after: &Snapshot) -> Vec<Property> {
        let changed = after
            .iter()
            .filter(|value| before.is_none_or(|before| !before.contains(value)));
        if self.table.variables[0].name != "LastChange" {
            return changed.cloned().collect();
        }
        let changes: String = changed
            .map(|(name, value)| format!("<{name} val=\"{}\"/>", value.replace('&', "&amp;")))
            .collect();
        if changes.is_empty() {
            return Vec::new();
        }
        vec![("LastChange", format!("<Event>{changes}</Event>"))]
    }
}

/// A device on a loopback listener.
pub(crate) struct Rig {
    pub(crate) address: SocketAddr,
    pub(crate) device: Arc<Device>,
    pub(crate) transport: Arc<Recorder>,
    pub(crate) rendering: Arc<Recorder>,
    pub(crate) connections: Arc<Recorder>,
    pub(crate) stop: CancellationToken,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Not pictures at all, but files of some length: one fits into any buffer, the other into none.
const ICONS: &[Icon] = &[
    Icon {
        name: "48.png",
        mime: "image/png",
        size: 48,
        bytes: b"small",
    },
    Icon {
        name: "120.jpg",
        mime: "image/jpeg",
        size: 120,
        bytes: &[7; 16 * 1024 * 1024],
    },
];

pub(crate) fn identity(name: &str) -> Identity {
    Identity {
        udn: Uuid::new_v4(),
        device_type: "urn:schemas-upnp-org:device:MediaRenderer:1".to_owned(),
        friendly_name: name.to_owned(),
        manufacturer: "Tests".to_owned(),
        manufacturer_url: None,
        model_description: "A device for tests".to_owned(),
        model_name: "Recorder".to_owned(),
        model_number: "1".to_owned(),
        model_url: None,
        serial_number: None,
        presentation_path: Some("/".to_owned()),
        dlna_class: Some("DMR-1.50".to_owned()),
        windows_class: Some(WindowsClass {
            compatible_id: "MS_DigitalMediaDeviceClass_DMR_V001",
            category: "MediaDevices",
            kind: "Multimedia.DMR",
        }),
        icons: ICONS,
    }
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::start_with("Recorder", |_| {}).await
    }

    pub(crate) async fn start_with(name: &str, adjust: impl FnOnce(&mut Options)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut options = Options::new(server_token("Recorder", "1"));
        adjust(&mut options);
        Self::serve(listener, name, options)
    }

    pub(crate) fn serve(listener: TcpListener, name: &str, options: Options) -> Self {
        let changes = Arc::new(watch::Sender::new(0));
        let transport = Recorder::new(&TRANSPORT, &changes);
        let rendering = Recorder::new(&RENDERING, &changes);
        let connections = Recorder::new(&CONNECTIONS, &changes);
        let device = Arc::new(Device::new(
            identity(name),
            vec![transport.clone(), rendering.clone(), connections.clone()],
            changes.subscribe(),
        ));
        let stop = CancellationToken::new();
        let address = listener.local_addr().unwrap();
        let page = Router::new().route("/", axum::routing::get(|| async { "the page" }));
        let devices = vec![Arc::clone(&device)];
        tokio::spawn(http::serve(listener, devices, page, options, stop.clone()));
        Self {
            address,
            device,
            transport,
            rendering,
            connections,
            stop,
        }
    }

    /// A path of the device: `device.xml`, `AVTransport/control`.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/upnp/{}/{rest}", self.device.identity().udn)
    }
}
