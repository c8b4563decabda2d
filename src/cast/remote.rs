//! One renderer, commanded over the network through rupnp.
//! Each call has a time limit, which rupnp has not, and arguments are escaped, which rupnp leaves to its caller.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use quick_xml::escape::escape;
use rupnp::http::Uri;
use rupnp::{Device, Service};
use tokio::time::timeout;

use super::CastError;
use crate::renderer::duration;

/// Control points in the field wait 5 to 10 s.
const LIMIT: Duration = Duration::from_secs(10);

/// A renderer, and how to command it.
#[derive(Debug, Clone)]
pub struct RemoteRenderer {
    device: Device,
    transport: Service,
    rendering: Option<Service>,
}

/// What a renderer says of itself at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playback {
    /// Its TransportState: `PLAYING`, `STOPPED`, …
    pub state: String,
    /// Whether its TransportStatus is `ERROR_OCCURRED`.
    pub failed: bool,
    /// What it plays; may be empty.
    pub uri: String,
    /// How far it is.
    pub position: Duration,
    /// How long the track is, if it knows.
    pub duration: Option<Duration>,
}

impl Playback {
    /// Whether it plays, is about to, or could go on.
    pub fn is_active(&self) -> bool {
        !matches!(self.state.as_str(), "STOPPED" | "NO_MEDIA_PRESENT")
    }
}

impl RemoteRenderer {
    /// Reads the description at `location`.
    ///
    /// # Errors
    /// When it cannot be had within ten seconds, or is not that of a renderer.
    pub async fn connect(location: &str) -> Result<Self, CastError> {
        let unanswered = |cause| CastError::Unanswered {
            name: location.to_owned(),
            action: "with its description",
            cause,
        };
        let url: Uri = location
            .parse()
            .map_err(|cause| unanswered(rupnp::Error::InvalidUrl(cause)))?;
        let device = timeout(LIMIT, Device::from_url(url))
            .await
            .map_err(|_| CastError::Late {
                name: location.to_owned(),
                action: "with its description",
                seconds: LIMIT.as_secs(),
            })?
            .map_err(unanswered)?;
        // Any version: later ones understand what is said to the first.
        let service = |kind: &str| {
            let prefix = format!("urn:schemas-upnp-org:service:{kind}:");
            let mut services = device.services_iter();
            services
                .find(|service| service.service_type().to_string().starts_with(&prefix))
                .cloned()
        };
        let rendering = service("RenderingControl");
        let transport = service("AVTransport").ok_or_else(|| CastError::NoService {
            name: device.friendly_name().to_owned(),
            service: "AVTransport",
        })?;
        Ok(Self {
            device,
            transport,
            rendering,
        })
    }

    /// Its name for people.
    pub fn name(&self) -> &str {
        self.device.friendly_name()
    }

    /// Sets what to play.
    ///
    /// # Errors
    /// As every command: a refusal, or no answer within ten seconds.
    pub async fn set_uri(&self, uri: &str, metadata: &str) -> Result<(), CastError> {
        let inputs = [("CurrentURI", uri), ("CurrentURIMetaData", metadata)];
        self.command("SetAVTransportURI", &inputs).await
    }

    /// Plays, or goes on playing.
    ///
    /// # Errors
    /// As [`Self::set_uri`].
    pub async fn play(&self) -> Result<(), CastError> {
        self.command("Play", &[("Speed", "1")]).await
    }

    /// Halts, keeping the position.
    ///
    /// # Errors
    /// As [`Self::set_uri`].
    pub async fn pause(&self) -> Result<(), CastError> {
        self.command("Pause", &[]).await
    }

    /// Stops.
    ///
    /// # Errors
    /// As [`Self::set_uri`].
    pub async fn stop(&self) -> Result<(), CastError> {
        self.command("Stop", &[]).await
    }

    /// Goes to a position in the track, in whole seconds.
    ///
    /// # Errors
    /// As [`Self::set_uri`].
    pub async fn seek(&self, to: Duration) -> Result<(), CastError> {
        let target = duration::write(to);
        let inputs = [("Unit", "REL_TIME"), ("Target", target.as_str())];
        self.command("Seek", &inputs).await
    }

    /// Sets the volume, in the renderer's own steps: mostly 0 to 100.
    ///
    /// # Errors
    /// As [`Self::set_uri`]; also without RenderingControl service.
    pub async fn set_volume(&self, volume: u16) -> Result<(), CastError> {
        let volume = volume.to_string();
        let inputs = [("Channel", "Master"), ("DesiredVolume", volume.as_str())];
        let rendering = self
            .rendering
            .as_ref()
            .ok_or_else(|| CastError::NoService {
                name: self.name().to_owned(),
                service: "RenderingControl",
            })?;
        self.call(rendering, "SetVolume", &inputs).await?;
        Ok(())
    }

    /// What it does now, and how far it is.
    ///
    /// # Errors
    /// As [`Self::set_uri`].
    pub async fn playback(&self) -> Result<Playback, CastError> {
        let mut info = self.call(&self.transport, "GetTransportInfo", &[]).await?;
        let mut place = self.call(&self.transport, "GetPositionInfo", &[]).await?;
        // rupnp leaves out outputs that are empty.
        let time = |text: Option<&String>| text.and_then(|text| duration::read(text));
        Ok(Playback {
            state: info.remove("CurrentTransportState").unwrap_or_default(),
            failed: info
                .get("CurrentTransportStatus")
                .is_some_and(|status| status == "ERROR_OCCURRED"),
            position: time(place.get("RelTime")).unwrap_or_default(),
            duration: time(place.get("TrackDuration")).filter(|duration| !duration.is_zero()),
            uri: place.remove("TrackURI").unwrap_or_default(),
        })
    }

    async fn command(
        &self,
        action: &'static str,
        inputs: &[(&str, &str)],
    ) -> Result<(), CastError> {
        self.call(&self.transport, action, inputs).await?;
        Ok(())
    }

    async fn call(
        &self,
        service: &Service,
        action: &'static str,
        inputs: &[(&str, &str)],
    ) -> Result<HashMap<String, String>, CastError> {
        let mut arguments = String::from("<InstanceID>0</InstanceID>");
        for (name, value) in inputs {
            // Writing to a String cannot fail.
            let _ = write!(arguments, "<{name}>{}</{name}>", escape(*value));
        }
        let name = || self.name().to_owned();
        let answer = service.action(self.device.url(), action, &arguments);
        match timeout(LIMIT, answer).await {
            Ok(Ok(outputs)) => Ok(outputs),
            Ok(Err(rupnp::Error::HttpErrorCode(status))) if status.as_u16() == 500 => {
                Err(CastError::Refused {
                    name: name(),
                    action,
                    hint: hint(action),
                })
            }
            Ok(Err(rupnp::Error::UPnPError(fault))) => Err(CastError::Fault {
                name: name(),
                action,
                code: fault.err_code(),
            }),
            Ok(Err(cause)) => Err(CastError::Unanswered {
                name: name(),
                action,
                cause,
            }),
            Err(_) => Err(CastError::Late {
                name: name(),
                action,
                seconds: LIMIT.as_secs(),
            }),
        }
    }
}

/// What a fault of this action means on most renderers.
fn hint(action: &str) -> &'static str {
    match action {
        "SetAVTransportURI" => {
            "mostly 714 or 716: it cannot play that kind of file, or cannot reach the address"
        }
        "Play" | "Pause" => "mostly 701: not possible in its present state",
        "Seek" => "mostly 710 or 711: the track cannot be sought in, or not there",
        _ => "its own log may say more",
    }
}
