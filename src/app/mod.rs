//! The composition root: config → outputs → zones → devices on the network, started and ended in that order.
//! Nothing is decided here that a module below could decide.

mod check;
mod machine;
mod page;
mod screen;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use check::{check, outputs};

use crate::clock::{Clock, SystemClock};
use crate::config::{self, ConfigError, Plan, ZonePlan};
use crate::discovery::{Advertisement, Advertiser};
use crate::media::{self, Network};
use crate::playback::{LaneHandle, Outputs};
use crate::renderer;
use crate::state_dir::{self, StateDir, StateError};
use crate::upnp::network::{Interface, interfaces};
use crate::upnp::{Device, Identity, http, server_token, ssdp_socket};
use crate::view::Painter;
use crate::zone::{self, OpenMedia, ZoneHandle, ZoneSpec};

/// What the program calls itself on the network.
const PRODUCT: &str = "Unisono";
/// The web page of each zone, and of all of them.
const PAGE: &str = "/";
/// How often the live view is looked over.
const VIEW_EVERY: Duration = Duration::from_millis(250);

/// What `unisono run` is told on its command line.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// The config, or the usual places.
    pub config: Option<PathBuf>,
    /// The state directory, or the usual places.
    pub state_dir: Option<PathBuf>,
}

/// Why the program does not start, or ends badly.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The config cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The config asks for what this machine does not have.
    #[error("{0}")]
    Machine(String),
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The HTTP port cannot be had.
    #[error(
        "{place}port {port} cannot be used: {cause}; another program has it, or another Unisono. Choose another with `port` under [network]"
    )]
    Port {
        /// Where the config says so, with a colon, or nothing.
        place: String,
        /// The port.
        port: u16,
        /// What the system says.
        cause: io::Error,
    },
    /// The system refuses what every program needs.
    #[error("the system refuses: {0}")]
    System(#[from] io::Error),
}

/// The config's plan, with what this machine has where the config leaves it open.
///
/// # Errors
/// The config is unreadable or wrong.
fn plan(asked_for: Option<&PathBuf>, clock: &Arc<dyn Clock>) -> Result<Plan, AppError> {
    let host = hostname();
    let plan = match config::find(asked_for.map(PathBuf::as_path)) {
        Some(path) => config::load(&path, &host)?,
        None => Plan::default(),
    };
    Ok(if plan.outputs.is_empty() {
        let (found, why) = machine::everything_to_play_on(clock);
        tracing::info!("{why}");
        plan.over(&host, found)
    } else {
        plan
    })
}

fn hostname() -> String {
    hostname::get().map_or_else(
        |_| "this computer".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// The running program: zones on the network over outputs.
pub struct App {
    plan: Plan,
    clock: Arc<dyn Clock>,
    port: u16,
    zones: Vec<ZoneHandle>,
    outputs: Outputs,
    advertiser: Option<Advertiser>,
    /// Holds the state directory's lock.
    _state: StateDir,
    network_stop: CancellationToken,
    zones_stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl App {
    /// Starts what the plan says, on the present tokio runtime: the port first, so that nothing else starts without it.
    ///
    /// # Errors
    /// The plan does not fit this machine, or the state directory cannot be used. Once the program runs, troubles are
    /// logged and lived with.
    pub async fn start(plan: Plan, state_dir: Option<&Path>) -> Result<Self, AppError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        machine::refuse_missing(&plan, &clock).map_err(AppError::Machine)?;
        let (listener, interfaces) = listen(&plan).await?;
        let port = listener.local_addr()?.port();
        let mut state = StateDir::open(&state_dir::find(state_dir)?)?;
        let names: Vec<&str> = plan.zones.iter().map(|zone| zone.name.as_str()).collect();
        let identities = state.identities(&names)?;

        let outputs = Outputs::start(plan.outputs.clone(), &clock)?;
        let network = Network::new(tokio::runtime::Handle::current(), vec![port])?;
        let open: OpenMedia = Arc::new(move |request, waker| media::open(request, &network, waker));
        let zones_stop = CancellationToken::new();
        let (mut zones, mut tasks) = (Vec::new(), Vec::new());
        for zone in &plan.zones {
            let (handle, task) = start_zone(zone, &outputs, &clock, &open, &zones_stop)?;
            zones.push(handle);
            tasks.push(task);
        }
        let devices: Vec<Arc<Device>> = plan
            .zones
            .iter()
            .zip(&zones)
            .zip(&identities)
            .map(|((zone, handle), &udn)| device(zone, handle, udn, &clock))
            .collect();

        let network_stop = CancellationToken::new();
        tasks.push(serve(listener, &devices, &plan, &zones, &network_stop));
        tasks.push(announce(&devices, &interfaces, port, &network_stop));
        let advertiser = advertise(&plan, &identities, &interfaces, port);
        greet(&plan, &interfaces, port);
        Ok(Self {
            plan,
            clock,
            port,
            zones,
            outputs,
            advertiser,
            _state: state,
            network_stop,
            zones_stop,
            tasks,
        })
    }

    /// The TCP port of descriptions, control, events and the web page.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The zones, in the plan's order.
    pub fn zones(&self) -> &[ZoneHandle] {
        &self.zones
    }

    /// The outputs, in the plan's order.
    pub fn lanes(&self) -> &[LaneHandle] {
        self.outputs.lanes()
    }

    /// Shows the zones and outputs on a terminal, until it is aborted.
    fn show(&self, painter: Painter) -> JoinHandle<()> {
        let (plan, clock) = (self.plan.clone(), self.clock.clone());
        let (zones, lanes) = (self.zones.clone(), self.lanes().to_vec());
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(VIEW_EVERY);
            loop {
                ticks.tick().await;
                painter.show(&screen::screen(&plan, &zones, &lanes, clock.now()));
            }
        })
    }

    /// Fades out, says goodbye, and ends everything.
    pub async fn stop(mut self) {
        self.zones_stop.cancel();
        self.network_stop.cancel();
        if let Some(advertiser) = self.advertiser.take() {
            advertiser.withdraw().await;
        }
        for task in self.tasks {
            // A task that panicked has said so.
            let _panicked = task.await;
        }
        // Lanes play their fade to the end, each on its own thread.
        let outputs = self.outputs;
        if tokio::task::spawn_blocking(move || drop(outputs))
            .await
            .is_err()
        {
            tracing::error!("an output ended badly");
        }
    }
}

/// `unisono run`: appears on the network and plays what is cast, until `stop` is cancelled.
///
/// # Errors
/// The program cannot start.
pub async fn run(
    options: RunOptions,
    painter: Option<Painter>,
    stop: CancellationToken,
) -> Result<(), AppError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let plan = plan(options.config.as_ref(), &clock)?;
    if let Some(origin) = &plan.origin {
        tracing::info!("config: {}", origin.file.display());
    }
    let app = App::start(plan, options.state_dir.as_deref()).await?;
    let viewing = painter.clone().map(|painter| app.show(painter));
    stop.cancelled().await;
    if let Some(viewing) = viewing {
        viewing.abort();
    }
    tracing::info!("ending: saying goodbye and fading out");
    app.stop().await;
    if let Some(painter) = painter {
        painter.finish();
    }
    Ok(())
}

/// Takes the port first: nothing else starts if it cannot be had.
async fn listen(plan: &Plan) -> Result<(TcpListener, Vec<Interface>), AppError> {
    let wanted = &plan.network.interfaces;
    let found = interfaces((!wanted.is_empty()).then_some(wanted.as_slice()))?;
    for name in wanted {
        if !found
            .iter()
            .any(|interface| &interface.name == name || interface.address().to_string() == *name)
        {
            return Err(AppError::Machine(format!(
                "[network] interfaces names {name:?}, which this machine does not have or which has no IPv4 address"
            )));
        }
    }
    if found.is_empty() {
        tracing::warn!(
            "no network interface is up that has IPv4 and multicasts: nobody can find this renderer"
        );
    }
    let loopback_only = !found.is_empty()
        && found
            .iter()
            .all(|interface| interface.address().is_loopback());
    let address = if loopback_only {
        Ipv4Addr::LOCALHOST
    } else {
        Ipv4Addr::UNSPECIFIED
    };
    let port = plan.network.port;
    let listener = TcpListener::bind(SocketAddr::from((address, port)))
        .await
        .map_err(|cause| AppError::Port {
            place: plan
                .place_of_port()
                .map_or_else(String::new, |place| format!("{place}: ")),
            port,
            cause,
        })?;
    Ok((listener, found))
}

fn start_zone(
    zone: &ZonePlan,
    outputs: &Outputs,
    clock: &Arc<dyn Clock>,
    open: &OpenMedia,
    stop: &CancellationToken,
) -> io::Result<(ZoneHandle, JoinHandle<()>)> {
    let lanes = zone
        .outputs
        .iter()
        .filter_map(|&index| outputs.lanes().get(index).cloned())
        .collect();
    let spec = ZoneSpec {
        name: zone.name.clone(),
        lanes,
        volume: zone.volume,
    };
    zone::spawn(spec, outputs, clock.clone(), open.clone(), stop.clone())
}

fn device(zone: &ZonePlan, handle: &ZoneHandle, udn: Uuid, clock: &Arc<dyn Clock>) -> Arc<Device> {
    let identity = Identity {
        udn,
        device_type: "urn:schemas-upnp-org:device:MediaRenderer:1".to_owned(),
        friendly_name: zone.name.clone(),
        manufacturer: "The Unisono developers".to_owned(),
        manufacturer_url: None,
        model_description: env!("CARGO_PKG_DESCRIPTION").to_owned(),
        model_name: PRODUCT.to_owned(),
        model_number: env!("CARGO_PKG_VERSION").to_owned(),
        model_url: None,
        serial_number: None,
        presentation_path: Some(PAGE.to_owned()),
        dlna_class: Some("DMR-1.50".to_owned()),
    };
    let services = renderer::services(handle.clone(), clock.clone());
    Arc::new(Device::new(identity, services, handle.changes()))
}

fn server() -> String {
    server_token(PRODUCT, env!("CARGO_PKG_VERSION"))
}

fn serve(
    listener: TcpListener,
    devices: &[Arc<Device>],
    plan: &Plan,
    zones: &[ZoneHandle],
    stop: &CancellationToken,
) -> JoinHandle<()> {
    let mut options = http::Options::new(server());
    options.own_names = vec![hostname()];
    let names = plan.zones.iter().map(|zone| zone.name.clone());
    let router = page::router(names.zip(zones.iter().cloned()).collect());
    tokio::spawn(http::serve(
        listener,
        devices.to_vec(),
        router,
        options,
        stop.clone(),
    ))
}

fn announce(
    devices: &[Arc<Device>],
    interfaces: &[Interface],
    port: u16,
    stop: &CancellationToken,
) -> JoinHandle<()> {
    let advertisements = devices
        .iter()
        .map(|device| device.advertisement())
        .collect();
    // Names do not change while the program runs, so the sender may go.
    let (_constant, advertisements) = watch::channel(advertisements);
    tokio::spawn(ssdp_socket::run(
        interfaces.to_vec(),
        port,
        server(),
        boot_id(),
        advertisements,
        stop.clone(),
    ))
}

/// Larger at each start: seconds since 1970, as UDA 1.1 suggests.
#[expect(clippy::disallowed_methods, reason = "the boot id is a date")]
fn boot_id() -> u32 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(1, |since| (since.as_secs() & 0x7fff_ffff) as u32)
}

fn advertise(
    plan: &Plan,
    identities: &[Uuid],
    interfaces: &[Interface],
    port: u16,
) -> Option<Advertiser> {
    let addresses: Vec<Ipv4Addr> = interfaces.iter().map(Interface::address).collect();
    if addresses.iter().all(Ipv4Addr::is_loopback) {
        return None;
    }
    let zones: Vec<Advertisement> = plan
        .zones
        .iter()
        .zip(identities)
        .map(|(zone, id)| Advertisement {
            name: zone.name.clone(),
            id: id.to_string(),
            port,
            path: PAGE.to_owned(),
            model: PRODUCT.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
        .collect();
    Advertiser::start(&zones, &addresses)
        .inspect_err(|error| tracing::warn!("no mDNS: {error}"))
        .ok()
}

/// Says in plain words what is there and how to use it.
fn greet(plan: &Plan, interfaces: &[Interface], port: u16) {
    for zone in &plan.zones {
        let outputs: Vec<String> = zone
            .outputs
            .iter()
            .filter_map(|&index| plan.outputs.get(index))
            .map(|output| format!("{} ({})", output.name, output.sink))
            .collect();
        tracing::info!("zone {:?} plays on {}", zone.name, outputs.join(", "));
    }
    for output in plan.idle_outputs() {
        tracing::warn!("no zone plays on the output {:?}", output.name);
    }
    for interface in interfaces {
        tracing::info!(
            "on {}: http://{}:{port}/",
            interface.name,
            interface.address()
        );
    }
    let names: Vec<String> = plan
        .zones
        .iter()
        .map(|zone| format!("{:?}", zone.name))
        .collect();
    tracing::info!(
        "ready: in your app's list of players (\"Cast to\", \"Play on\"), choose {}",
        names.join(" or ")
    );
}
