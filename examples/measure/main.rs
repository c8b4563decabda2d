//! Measures the program on real sound servers: how far apart the same click is heard on each, and what playing costs.
//! Nothing sounds and nothing is sent: the servers are its own, reached by sockets in a folder of its own.
//!
//! Each server's sink has a crystal of its own, since libfaketime gives the server a clock that runs too fast or too slow. The
//! library plays on them from within this process, as it would for a zone, and what they play is recorded from their monitors.
//! `cargo run --release --example measure -- --help` lists what can be chosen.

mod click;
mod figures;
mod options;
mod print;
mod processor;
mod recorder;
mod server;

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{sleep, timeout};
use tracing_subscriber::EnvFilter;
use unisono::clock::{Clock, ClockTime, SystemClock};
use unisono::playback::{EngineCommand, EngineEvent, Gain, OutputSpec, Outputs};
use unisono::sink::{PulseSpec, SinkSpec};

use click::Clicks;
use figures::{Figures, Lane, Output, Server, Skew};
use options::Options;
use processor::Snapshot;
use recorder::{Recorder, Recording};
use server::{Folder, SoundServer};

/// Outputs on this machine play within a second of being told; one that has not by then will not.
const BEGIN_WITHIN: Duration = Duration::from_secs(10);
/// From then on lanes are expected to know their crystals.
const SETTLED: Duration = Duration::from_secs(10);
/// Recorders run for so long before the music: until the servers have come to rest, and what arrived around the first click is
/// as much as around the others.
const BEFORE: Duration = Duration::from_secs(6);
/// What has been played has been recorded by then.
const AFTER: Duration = Duration::from_millis(500);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
    let options = Options::parse();
    let mut out = io::stdout();
    let done = tokio::select! {
        done = perform(&options, &mut out) => done,
        told = told_to_end() => told,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(io::stderr(), "Nothing was measured: {failure:#}");
            ExitCode::FAILURE
        }
    }
}

/// Waits for a signal, so that the servers are ended then too.
async fn told_to_end() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    bail!("interrupted")
}

async fn perform(options: &Options, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "{}", print::plan(options))?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let folder = Folder::new()?;
    let mut servers = Vec::new();
    for (index, crystal) in options.crystals.iter().enumerate() {
        servers.push(SoundServer::start(&folder, index, *crystal).await?);
    }
    let mut recorders = Vec::new();
    if !options.cost {
        // The first one twice: what two recordings of one sink differ by is the method's doing.
        for server in servers.iter().take(1).chain(&servers) {
            recorders.push(Recorder::start(server, &clock).await?);
        }
        sleep(BEFORE).await;
    }
    let busy = options.busy.then(Busy::start).transpose()?;

    let mut figures = play(options, &servers, &clock).await?;
    sleep(AFTER).await;
    drop(busy);
    let recordings = recorders
        .into_iter()
        .map(Recorder::finish)
        .collect::<anyhow::Result<Vec<_>>>()?;
    compare(&mut figures, &recordings)?;

    print::figures(out, &figures)?;
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&figures)? + "\n";
        std::fs::write(path, text)
            .with_context(|| format!("the figures cannot be written to {}", path.display()))?;
    }
    Ok(())
}

/// Plays clicks on all servers for as long as was asked, and states what it cost and what the lanes say.
async fn play(
    options: &Options,
    servers: &[SoundServer],
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Figures> {
    let specs = servers.iter().map(|server| {
        let sink = PulseSpec {
            server: Some(server.address()),
            sink: Some(server::SINK.to_owned()),
        };
        OutputSpec::plain(server.name(), SinkSpec::Pulse(sink))
    });
    let outputs = Outputs::start(specs.collect(), clock)?;
    let (sender, mut events) = unbounded_channel();
    let engine = outputs.engine(
        "measured",
        outputs.lanes().to_vec(),
        Arc::new(Gain::new(1.0)),
        clock.clone(),
        move |event| {
            // Whoever does not listen any more has ended.
            let _ = sender.send(event);
        },
    )?;
    // All at once, as impatient apps do: the lanes get no more time to learn their devices than the feeder gives them.
    engine.send(EngineCommand::Prepare);
    engine.send(EngineCommand::Load(1, Box::new(Clicks::default())));
    engine.send(EngineCommand::Play);
    let start = timeout(BEGIN_WITHIN, begun(&mut events))
        .await
        .context("the outputs do not begin to play; RUST_LOG=debug says more")??;

    let before = Snapshot::take(servers, clock.now())?;
    sleep(options.length()).await;
    let after = Snapshot::take(servers, clock.now())?;
    let used = after.since(&before);
    let lanes = outputs.lanes().iter().zip(&used.lanes);
    let of_servers = servers.iter().zip(&used.servers);
    let outputs_played = lanes
        .zip(of_servers)
        .map(|((lane, lane_cpu), (server, server_cpu))| {
            let report = lane.report();
            anyhow::Ok(Output {
                name: lane.name().to_owned(),
                crystal_ppm: server.crystal_ppm(),
                recorded_ppm: None,
                skew: None,
                lane: Lane {
                    clock_ppm: report.clock_ppm,
                    reanchored: report.reanchored,
                    gaps: report.gaps,
                    starved_frames: report.starved_frames,
                    cpu_percent: *lane_cpu,
                },
                server: Server {
                    cpu_percent: *server_cpu,
                    resident_kib: processor::resident_kib(server.pid())?,
                },
            })
        });
    let figures = Figures {
        optimised: !cfg!(debug_assertions),
        seconds: options.seconds,
        busy: options.busy,
        recorded: !options.cost,
        start,
        floor: None,
        cpu_percent: used.own,
        resident_kib: processor::resident_kib(std::process::id())?,
        outputs: outputs_played.collect::<anyhow::Result<_>>()?,
    };
    engine.send(EngineCommand::Stop);
    Ok(figures)
}

/// Waits until the music plays; answers when its first frame is due.
async fn begun(events: &mut UnboundedReceiver<EngineEvent>) -> anyhow::Result<ClockTime> {
    while let Some(event) = events.recv().await {
        match event {
            EngineEvent::Playing { start, .. } => return Ok(start),
            EngineEvent::Failed(_, error) => return Err(error.into()),
            EngineEvent::Opened(..)
            | EngineEvent::Halted { .. }
            | EngineEvent::Stalled(_)
            | EngineEvent::Reach(..)
            | EngineEvent::Title(..)
            | EngineEvent::Ended(_)
            | EngineEvent::Displaced => {}
        }
    }
    bail!("the feeder has ended")
}

/// Adds what the recordings say: the first output's second one first, then one of each output.
fn compare(figures: &mut Figures, recordings: &[Recording]) -> anyhow::Result<()> {
    let [again, recordings @ ..] = recordings else {
        return Ok(());
    };
    let heard = |recording: &Recording| recording.heard(figures.start, figures.seconds);
    let again = heard(again)?;
    let all = recordings.iter().map(heard);
    let all = all.collect::<anyhow::Result<Vec<_>>>()?;
    let first = all.first().context("there is at least one output")?;
    figures.floor = Some(Skew::between(first, &again, SETTLED)?);
    for (index, (output, heard)) in figures.outputs.iter_mut().zip(&all).enumerate() {
        output.recorded_ppm = Some(heard.clock_ppm);
        if index > 0 {
            output.skew = Some(Skew::between(first, heard, SETTLED)?);
        }
    }
    Ok(())
}

/// A thread that leaves one core to nobody, until this goes.
struct Busy {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Busy {
    fn start() -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = stop.clone();
        let thread = thread::Builder::new()
            .name(processor::BUSY.to_owned())
            .spawn(move || {
                while !seen.load(Relaxed) {
                    std::hint::spin_loop();
                }
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // It cannot panic.
            let _ = thread.join();
        }
    }
}
