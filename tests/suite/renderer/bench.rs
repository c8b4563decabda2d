//! A renderer on the bench: its services, a clock that stands still, and the test in place of the zone.

use std::sync::Arc;
use std::time::Duration;

use unisono::clock::ManualClock;
use unisono::renderer::{services, track};
use unisono::upnp::{Action, SharedService, Snapshot};
use unisono::zone::{
    Progress, Track, TransportState, ZoneCommand, ZoneError, ZoneHandle, ZoneInbox, ZoneState,
};

pub(super) const URI: &str = "http://192.0.2.20:8200/MediaItems/22.flac?a=1&b=%20x+y";

pub(super) const DIDL: &str = r#"<DIDL-Lite xmlns="urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:upnp="urn:schemas-upnp-org:metadata-1-0/upnp/"><item id="22" parentID="2" restricted="1"><dc:title>Tom &amp; "J" &lt;x&gt;</dc:title><dc:creator>Someone</dc:creator><upnp:artist role="Performer">Ann</upnp:artist><upnp:album>Blue</upnp:album><upnp:albumArtURI>/art/22.jpg</upnp:albumArtURI><upnp:class>object.item.audioItem.musicTrack</upnp:class><res protocolInfo="http-get:*:audio/flac:DLNA.ORG_OP=01" duration="0:03:25.506" size="1234">http://192.0.2.20:8200/MediaItems/22.flac?a=1&amp;b=%20x+y</res></item></DIDL-Lite>"#;

/// What a control point gets back: outputs by name, or a UPnP error's number.
pub(super) type Outcome = Result<Vec<(&'static str, String)>, u16>;

pub(super) struct Bench {
    pub(super) services: Vec<SharedService>,
    pub(super) clock: Arc<ManualClock>,
    inbox: ZoneInbox,
    /// What the zone answers to every command.
    pub(super) zone_answers: Result<(), ZoneError>,
    /// What the zone was told.
    pub(super) told: Vec<ZoneCommand>,
}

impl Bench {
    pub(super) fn new(state: ZoneState) -> Self {
        let clock = Arc::new(ManualClock::new());
        let (zone, inbox) = ZoneHandle::pair(state);
        Self {
            services: services(zone, clock.clone()),
            clock,
            inbox,
            zone_answers: Ok(()),
            told: Vec::new(),
        }
    }

    /// A renderer that has just been switched on.
    pub(super) fn fresh() -> Self {
        Self::new(ZoneState {
            volume: 30,
            seekable: true,
            ..ZoneState::default()
        })
    }

    /// A renderer with the standard track in this state.
    pub(super) fn with_track(transport: TransportState) -> Self {
        Self::new(state(transport))
    }

    pub(super) fn publish(&self, state: ZoneState) {
        self.inbox.state.send_replace(Arc::new(state));
    }

    /// Calls the action of any service as the protocol machine would: inputs that are left out take what the table
    /// says, and are error 402 if it says nothing.
    pub(super) async fn call(&mut self, name: &str, inputs: &[(&str, &str)]) -> Outcome {
        let (service, spec) = self
            .services
            .iter()
            .find_map(|service| {
                let actions = service.description().actions;
                let spec = actions.iter().find(|spec| spec.name == name)?;
                Some((service.clone(), spec))
            })
            .ok_or(401_u16)?;
        let values: Option<Vec<String>> = spec
            .inputs
            .iter()
            .map(|argument| {
                let sent = inputs.iter().find(|(name, _)| *name == argument.name);
                let value = sent.map(|(_, value)| *value).or(argument.if_absent)?;
                Some(value.to_owned())
            })
            .collect();
        let action = Action {
            spec,
            inputs: values.ok_or(402_u16)?,
        };
        let mut answering = service.invoke(&action);
        let answer = loop {
            tokio::select! {
                answer = &mut answering => break answer,
                Some(request) = self.inbox.commands.recv() => {
                    self.told.push(request.command);
                    request.answer.send(self.zone_answers).unwrap();
                }
            }
        };
        let values = answer.map_err(|error| error.code)?;
        assert_eq!(values.len(), spec.outputs.len(), "outputs of {name}");
        Ok(spec
            .outputs
            .iter()
            .map(|argument| argument.name)
            .zip(values)
            .collect())
    }

    /// One output of an action without inputs.
    pub(super) async fn value(&mut self, action: &str, output: &str) -> String {
        let outputs = self.call(action, &[]).await.unwrap();
        let found = outputs.into_iter().find(|(name, _)| *name == output);
        found.unwrap().1
    }

    /// The values of all outputs of an action without inputs.
    pub(super) async fn values(&mut self, action: &str) -> Vec<String> {
        let outputs = self.call(action, &[]).await.unwrap();
        outputs.into_iter().map(|(_, value)| value).collect()
    }

    pub(super) fn service(&self, id: &str) -> SharedService {
        let named = |service: &&SharedService| service.description().service_id.ends_with(id);
        self.services.iter().find(named).unwrap().clone()
    }

    pub(super) fn snapshot(&self, id: &str) -> Snapshot {
        self.service(id).snapshot()
    }
}

pub(super) fn standard_track() -> Arc<Track> {
    Arc::new(track(URI, DIDL))
}

/// The standard track in this state, 205.5 s long, a minute heard if it has been started.
pub(super) fn state(transport: TransportState) -> ZoneState {
    ZoneState {
        transport,
        track: Some(standard_track()),
        duration: Some(Duration::from_millis(205_506)),
        seekable: true,
        progress: match transport {
            TransportState::NoMedia | TransportState::Stopped => Progress::Unstarted,
            _ => Progress::At(Duration::from_secs(60)),
        },
        volume: 30,
        ..ZoneState::default()
    }
}
