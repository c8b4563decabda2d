//! Each command: its options handed to the library, its words to standard output, its end from signals.

use std::io::{self, IsTerminal};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use unisono::app::{self, RunOptions};
use unisono::bluetooth::{self, Bluez};
use unisono::cast::{self, CastOptions};
use unisono::cli::{
    BluetoothCommand, Cast, Check, Discover, Play, Run, Running, Set, Status, Where,
};
use unisono::discovery::Search;
use unisono::remote;
use unisono::upnp::network::{Choice, Interface, absent, choose, links};
use unisono::view::Painter;

/// Control, events and searches are little work; the audio plane has threads of its own.
const WORKERS: usize = 2;

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
}

/// Cancelled by the first Ctrl-C or SIGTERM.
fn until_signal() -> io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let cancel = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        cancel.cancel();
    });
    Ok(stop)
}

pub(crate) fn run(run: &Run, painter: Option<Painter>) -> anyhow::Result<()> {
    let options = RunOptions {
        config: run.config.path.clone(),
        state_dir: run.state_dir.clone(),
    };
    runtime()?.block_on(async {
        let stop = until_signal()?;
        Ok(app::run(options, painter, stop).await?)
    })
}

pub(crate) fn check(check: &Check) -> anyhow::Result<()> {
    Ok(app::check(
        check.config.path.as_ref(),
        &mut io::stdout().lock(),
    )?)
}

pub(crate) fn outputs() -> anyhow::Result<()> {
    Ok(app::outputs(&mut io::stdout().lock())?)
}

pub(crate) fn status(status: &Status) -> anyhow::Result<()> {
    let url = url(&status.running)?;
    runtime()?.block_on(async {
        remote::status(&url, status.json, &mut io::stdout().lock()).await?;
        Ok(())
    })
}

pub(crate) fn set(set: &Set) -> anyhow::Result<()> {
    let url = url(&set.running)?;
    runtime()?.block_on(async {
        remote::set(&url, &set.output, &set.changes, &mut io::stdout().lock()).await?;
        Ok(())
    })
}

pub(crate) fn play(play: &Play) -> anyhow::Result<()> {
    let url = url(&play.running)?;
    runtime()?.block_on(async {
        remote::play(&url, &play.input, &mut io::stdout().lock()).await?;
        Ok(())
    })
}

/// Where the program runs that is meant.
fn url(running: &Running) -> anyhow::Result<String> {
    match &running.url {
        Some(url) => Ok(url.clone()),
        None => Ok(app::address(running.config.path.as_ref())?),
    }
}

pub(crate) fn discover(discover: &Discover) -> anyhow::Result<()> {
    let search = search(&discover.place)?;
    runtime()?.block_on(async {
        cast::discover(&search, &mut io::stdout().lock()).await?;
        Ok(())
    })
}

pub(crate) fn cast(cast: &Cast) -> anyhow::Result<()> {
    let mut options = CastOptions::new(cast.url.clone(), cast.to.clone());
    options.search = search(&cast.place)?;
    options.bar = io::stderr().is_terminal();
    runtime()?.block_on(async {
        let stop = until_signal()?;
        cast::cast(&options, stop.cancelled(), &mut io::stdout().lock()).await?;
        Ok(())
    })
}

pub(crate) fn bluetooth(command: &BluetoothCommand) -> anyhow::Result<()> {
    let seconds = |seconds: &u64| Duration::from_secs(*seconds);
    let (radio, mut out) = (Bluez::new(), io::stdout());
    runtime()?.block_on(async {
        let out = &mut out;
        match command {
            BluetoothCommand::Scan { seconds: time } => {
                bluetooth::scan(&radio, seconds(time), out).await?;
            }
            BluetoothCommand::Pair {
                address,
                seconds: patience,
            } => bluetooth::pair(&radio, address.parse()?, seconds(patience), out).await?,
            BluetoothCommand::List => {
                let codecs = tokio::task::spawn_blocking(app::bluetooth_codecs);
                bluetooth::list(&radio, &codecs.await?, out).await?;
            }
            BluetoothCommand::Forget { address } => {
                bluetooth::forget(&radio, address.parse()?, out).await?;
            }
            BluetoothCommand::Receive { seconds: time } => {
                let stop = until_signal()?;
                bluetooth::receive(&radio, seconds(time), stop.cancelled(), out).await?;
            }
        }
        Ok(())
    })
}

/// Where to search: on the interfaces named, or on all on which a renderer could be.
fn search(place: &Where) -> anyhow::Result<Search> {
    let named = &place.interfaces;
    let (links, choice) = (
        links()?,
        Choice {
            only: named.clone(),
            ignore: Vec::new(),
        },
    );
    if let Some((missing, _)) = absent(&links, &choice).first() {
        anyhow::bail!(
            "this machine has no interface {missing:?} that is up and has an IPv4 address"
        );
    }
    let found = choose(&links, &choice);
    Ok(Search {
        interfaces: found.iter().map(Interface::address).collect(),
        timeout: Duration::from_secs(place.timeout),
        ..Search::default()
    })
}
