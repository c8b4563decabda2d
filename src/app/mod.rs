//! The composition root: config → outputs → zones → devices on the network, started and ended in that order.
//! Nothing is decided here that a module below could decide.

mod announcing;
mod bluetooth;
mod check;
mod icons;
mod inputs;
mod interfaces;
mod machine;
mod memory;
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

pub use bluetooth::codecs as bluetooth_codecs;
pub use check::{check, outputs};

use bluetooth::Speakers;

use announcing::{advertise, announce, device, greet, server};
use interfaces::Whereabouts;

use crate::api::{self, House, OutputEntry, ZoneEntry};
use crate::bluetooth::Bluez;
use crate::clock::{Clock, SystemClock};
use crate::config::{self, ConfigError, Plan, ZonePlan};
use crate::discovery::Advertiser;
use crate::live::Inputs;
use crate::media::{self, MediaRequest, Network};
use crate::playback::{LaneHandle, Outputs};
use crate::state_dir::{self, StateDir, StateError};
use crate::upnp::{Device, http, network};
use crate::view::Painter;
use crate::zone::{self, OpenMedia, ZoneHandle, ZoneSpec};

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

/// Where a program with this config answers on this machine: `http://127.0.0.1:PORT`.
///
/// # Errors
/// The config is unreadable or wrong, or leaves the port open.
pub fn address(asked_for: Option<&PathBuf>) -> Result<String, AppError> {
    let network = match config::find(asked_for.map(PathBuf::as_path)) {
        Some(path) => config::load(&path, &hostname())?.network,
        None => Plan::default().network,
    };
    // Whatever the interfaces, the listener is on loopback too.
    match network.port {
        0 => Err(AppError::Machine(
            "the config leaves the port open (port = 0); say where the program answers with --url http://127.0.0.1:PORT, as its log has it".to_owned(),
        )),
        port => Ok(format!("http://127.0.0.1:{port}")),
    }
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
    inputs: Inputs,
    advertiser: Option<Advertiser>,
    /// Has the state directory and its lock until the end.
    memory: JoinHandle<Option<StateDir>>,
    memory_stop: CancellationToken,
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
    pub async fn start(mut plan: Plan, state_dir: Option<&Path>) -> Result<Self, AppError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        machine::refuse_missing(&plan, &clock).map_err(AppError::Machine)?;
        let (found, links) = watch::channel(network::links()?);
        let whereabouts = Whereabouts::new(&plan.network, links);
        let listener = listen(&plan, &whereabouts).await?;
        let port = listener.local_addr()?.port();
        let mut state = StateDir::open(&state_dir::find(state_dir)?)?;
        let names: Vec<&str> = plan.zones.iter().map(|zone| zone.name.as_str()).collect();
        let identities = state.identities(&names)?;
        let configured = memory::recall(&mut plan, &state);
        inputs::keep_outputs_open(&mut plan);
        let speakers = Speakers::new(&plan.outputs, &configured, state.kept_latenesses());

        let outputs = Outputs::start(plan.outputs.clone(), &clock)?;
        let (inputs, told) = inputs::start(&plan, &clock)?;
        let network = Network::new(tokio::runtime::Handle::current(), vec![port]);
        let open: OpenMedia = Arc::new(move |request, waker| media::open(request, &network, waker));
        let open = inputs::opening(inputs.handles(), open);
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

        let house = house(&plan, &clock, &zones, &identities, &outputs, &speakers);
        let house = Arc::new(house.with_inputs(inputs::entries(&plan, &inputs)));
        let network_stop = CancellationToken::new();
        tasks.push(tokio::spawn(inputs::host(
            plan.clone(),
            inputs.handles().to_vec(),
            zones.clone(),
            told,
            network_stop.clone(),
        )));
        tasks.push(tokio::spawn(network::follow(found, network_stop.clone())));
        let options = options(&plan, &whereabouts);
        let allow = options.allow.clone();
        tasks.push(serve(
            listener,
            &devices,
            &plan,
            &house,
            options,
            &network_stop,
        ));
        let announcing = announce(&devices, &whereabouts, port, allow, &network_stop);
        tasks.push(announcing);
        let memory_stop = CancellationToken::new();
        let latenesses = speakers.latenesses();
        tasks.extend(speakers.keep(Bluez::new(), house.clone(), clock.clone(), &zones_stop));
        let stop = memory_stop.clone();
        let memory = tokio::spawn(memory::keep(state, house, configured, latenesses, stop));
        let advertiser = advertise(&plan, &identities, &whereabouts, port);
        let said = greet(&plan, &whereabouts, port);
        let telling = interfaces::tell(whereabouts, said, port, network_stop.clone());
        tasks.push(tokio::spawn(telling));
        Ok(Self {
            plan,
            clock,
            port,
            zones,
            outputs,
            inputs,
            advertiser,
            memory,
            memory_stop,
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
        self.memory_stop.cancel();
        // Its lock is held until the last sound, so that no other program takes over before.
        let _state = self.memory.await;
        // Lanes play their fade to the end, each on its own thread.
        let (outputs, inputs) = (self.outputs, self.inputs);
        if tokio::task::spawn_blocking(move || drop((outputs, inputs)))
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
async fn listen(plan: &Plan, whereabouts: &Whereabouts) -> Result<TcpListener, AppError> {
    let address = match whereabouts.only_loopback() {
        true => Ipv4Addr::LOCALHOST,
        // Whatever interfaces there are now: others may come.
        false => Ipv4Addr::UNSPECIFIED,
    };
    let port = plan.network.port;
    TcpListener::bind(SocketAddr::from((address, port)))
        .await
        .map_err(|cause| AppError::Port {
            place: plan
                .place_of_port()
                .map_or_else(String::new, |place| format!("{place}: ")),
            port,
            cause,
        })
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
    let (open, replay_gain) = (open.clone(), zone.replay_gain);
    let open: OpenMedia = Arc::new(move |request, waker| {
        let request = MediaRequest {
            replay_gain,
            ..request
        };
        open(request, waker)
    });
    let spec = ZoneSpec {
        name: zone.name.clone(),
        lanes,
        volume: zone.volume,
    };
    zone::spawn(spec, outputs, clock.clone(), open, stop.clone())
}

fn house(
    plan: &Plan,
    clock: &Arc<dyn Clock>,
    zones: &[ZoneHandle],
    identities: &[Uuid],
    outputs: &Outputs,
    speakers: &Speakers,
) -> House {
    let zones = plan.zones.iter().zip(zones).zip(identities);
    let zones = zones.map(|((zone, handle), &id)| ZoneEntry {
        name: zone.name.clone(),
        id,
        handle: handle.clone(),
        outputs: zone.outputs.clone(),
    });
    let outputs = plan.outputs.iter().zip(outputs.lanes());
    let outputs = outputs.enumerate();
    let outputs = outputs.map(|(index, (output, lane))| OutputEntry {
        lane: lane.clone(),
        sink: output.sink.to_string(),
        bluetooth: speakers.status(index),
    });
    House::new(clock.clone(), zones.collect(), outputs.collect())
}

fn options(plan: &Plan, whereabouts: &Whereabouts) -> http::Options {
    let mut options = http::Options::new(server());
    options.own_names = vec![hostname()];
    options.links = Some(whereabouts.links.clone());
    if !plan.network.allow.is_empty() {
        options.allow.clone_from(&plan.network.allow);
    }
    options
}

fn serve(
    listener: TcpListener,
    devices: &[Arc<Device>],
    plan: &Plan,
    house: &Arc<House>,
    options: http::Options,
    stop: &CancellationToken,
) -> JoinHandle<()> {
    let names = plan.zones.iter().map(|zone| zone.name.clone());
    let handles = house.zones().iter().map(|zone| zone.handle.clone());
    let router = page::router(names.zip(handles).collect()).merge(api::router(
        house.clone(),
        &options,
        stop.clone(),
    ));
    tokio::spawn(http::serve(
        listener,
        devices.to_vec(),
        router,
        options,
        stop.clone(),
    ))
}
