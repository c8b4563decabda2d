//! The renderers nearby, as plain data: who answers a search, and what its description says.
//! Nothing is told to play here; that is `cast`.

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

use rupnp::Device;
use rupnp::http::Uri;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::DiscoveryError;
use super::search::{Search, search};

/// A device that answers a search but does not deliver its description for so long is left out.
const DESCRIPTION_LIMIT: Duration = Duration::from_secs(5);

/// A renderer on the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renderer {
    /// Its name for people.
    pub name: String,
    /// Its UUID, without `uuid:`; empty if its description has none.
    pub uuid: String,
    /// Where its description is.
    pub location: String,
    /// Its address, by that location; `None` if the location has a host name.
    pub address: Option<IpAddr>,
}

/// Searches for renderers and reads their descriptions; sorted by name, each once. Takes as long as the search's
/// timeout, and a little longer for slow descriptions.
///
/// # Errors
/// When no search could be sent. That nobody answers is no error.
pub async fn renderers(how: &Search) -> Result<Vec<Renderer>, DiscoveryError> {
    let (found, mut locations) = mpsc::unbounded_channel::<String>();
    let describe = async {
        let mut seen = HashSet::new();
        let mut descriptions = JoinSet::new();
        while let Some(location) = locations.recv().await {
            if seen.insert(location.clone()) {
                descriptions.spawn(describe(location));
            }
        }
        descriptions.join_all().await
    };
    let (searched, described) = tokio::join!(search(how, found), describe);
    searched?;

    let mut renderers: Vec<Renderer> = described.into_iter().flatten().collect();
    renderers.sort_by(|a, b| (&a.name, &a.uuid, &a.location).cmp(&(&b.name, &b.uuid, &b.location)));
    // One that was heard on two interfaces has two locations, both good.
    let mut known = HashSet::new();
    renderers.retain(|renderer| renderer.uuid.is_empty() || known.insert(renderer.uuid.clone()));
    Ok(renderers)
}

async fn describe(location: String) -> Option<Renderer> {
    let url: Uri = location.parse().ok()?;
    let address = url
        .host()
        .and_then(|host| host.trim_matches(['[', ']']).parse().ok());
    let fetched = Device::from_url_and_properties(url, &["UDN"]);
    let device = match timeout(DESCRIPTION_LIMIT, fetched).await {
        Ok(Ok(device)) => device,
        Ok(Err(error)) => {
            tracing::debug!("left out {location}: {error}");
            return None;
        }
        Err(_) => {
            tracing::debug!("left out {location}: no description within {DESCRIPTION_LIMIT:?}");
            return None;
        }
    };
    let udn = device.get_extra_property("UDN").unwrap_or_default().trim();
    Some(Renderer {
        name: device.friendly_name().trim().to_owned(),
        uuid: udn.strip_prefix("uuid:").unwrap_or(udn).to_owned(),
        location,
        address,
    })
}
