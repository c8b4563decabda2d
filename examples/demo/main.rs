//! Four simulated speakers, each on a clock of its own, play a piece of music in step; then a plot of how well.
//! It needs no sound card and nobody else: whatever is sent stays on the loopback interface. Run it with `make demo`.
//!
//! Apart from the speakers all is as at home: a media server, the renderer on the network, and a control point that finds
//! it by SSDP and casts to it over SOAP.

mod diagram;
mod house;
mod measure;
mod music;
mod plot;
mod server;

use std::fs;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use axum::body::Bytes;
use tokio::net::TcpListener;
use tokio::time::{Instant, interval, sleep};
use tracing_subscriber::EnvFilter;
use unisono::app::App;
use unisono::cast::RemoteRenderer;
use unisono::discovery::{Search, renderers};
use unisono::renderer::{minimal_didl, track};
use unisono::state_dir::StateDir;
use unisono::zone::Track;
use uuid::Uuid;

use house::Speaker;
use measure::Sample;
use server::Served;

/// For how long the music plays.
const PLAYED: Duration = Duration::from_secs(20);
/// A renderer on the same machine that has not begun by then will not.
const BEGIN_WITHIN: Duration = Duration::from_secs(10);
/// A renderer answers a search within a second; loopback loses nothing.
const SEARCHED: Duration = Duration::from_millis(1500);
/// The piece's place on the media server.
const PIECE: &str = "/four-rooms.wav";
/// Samples to a row of the table: a second's.
const ROW: usize = 20;
/// From then on the lanes are expected to know their speakers.
const SETTLED: Duration = Duration::from_secs(5);
/// Where the plot goes: below `target`, which is nobody's.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/demo");

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .init();
    match perform(&mut io::stdout()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Whoever closed standard error does not want to know.
            let _ = writeln!(io::stderr(), "The demo failed: {failure:#}");
            ExitCode::FAILURE
        }
    }
}

/// Everything from the first sound to the plot.
async fn perform(out: &mut impl Write) -> anyhow::Result<()> {
    let speakers = house::speakers();
    introduce(out, &speakers)?;

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .context("there is no free port on 127.0.0.1 for the media server")?;
    let url = format!("http://{}{PIECE}", listener.local_addr()?);
    let piece = tokio::task::spawn_blocking(music::wav).await?;
    let piece = Served {
        path: PIECE.to_owned(),
        mime: "audio/wav",
        content: Bytes::from(piece),
    };
    tokio::spawn(server::serve(listener, vec![piece]));

    // Made before the start, so that it is known which answer to the search is ours.
    let state = TemporaryFolder::new();
    let id = StateDir::open(&state.0)?.identities(&[house::ZONE])?;
    let id = *id.first().context("a zone has an identity")?;
    let app = App::start(house::plan(&speakers), Some(&state.0))
        .await
        .context("the renderer does not start")?;
    let played = tokio::select! {
        played = cast(out, &app, id, &url, &speakers) => played,
        _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
    };
    app.stop().await;
    let samples = played?;

    conclude(out, &speakers, &samples)?;
    let file = Path::new(FOLDER).join("misalignment.svg");
    fs::create_dir_all(FOLDER)
        .and_then(|()| fs::write(&file, plot::svg(&speakers, &samples)))
        .with_context(|| format!("the plot cannot be written to {}", file.display()))?;
    writeln!(out, "\nThe plot, for any browser: {}", file.display())?;
    Ok(())
}

fn introduce(out: &mut impl Write, speakers: &[Speaker]) -> io::Result<()> {
    writeln!(
        out,
        "Four speakers play one stream. They are simulated, each with a crystal of its own; the rest is real, and stays\n\
         on this machine.\n"
    )?;
    writeln!(
        out,
        "  speaker     crystal     takes frames   tells its position"
    )?;
    for Speaker { name, card } in speakers {
        let crystal = format!("{} ppm", measure::signed(card.crystal_ppm));
        let late = card.late_reports.as_millis();
        let reports = match late {
            0 => "in time".to_owned(),
            late => format!("up to {late} ms late, one time in three"),
        };
        let period = format!("{} at a time", card.period);
        writeln!(out, "  {name:<10}{crystal:>9}   {period:>14}   {reports}")?;
    }
    writeln!(out)
}

/// Finds the renderer as any control point would, has it play `url`, and takes samples until the music has played for long enough.
async fn cast(
    out: &mut impl Write,
    app: &App,
    id: Uuid,
    url: &str,
    speakers: &[Speaker],
) -> anyhow::Result<Vec<Sample>> {
    let renderer = find(out, id, app.port()).await?;
    let piece = Track {
        title: "Four rooms".to_owned(),
        ..track(url, "")
    };
    renderer.set_uri(url, &minimal_didl(&piece)).await?;
    renderer.play().await?;
    writeln!(
        out,
        "It plays {url} for {} s.\n\n{}\nIn microseconds; of each second, what was largest. In the first, lanes are still getting to know their speakers.\n",
        PLAYED.as_secs(),
        measure::WHAT.join("\n")
    )?;

    let began = begin(app, &renderer).await?;
    measure::table_head(out, speakers)?;
    let mut ticks = interval(measure::EVERY);
    let mut samples: Vec<Sample> = Vec::new();
    let mut row = 0;
    while began.elapsed() < PLAYED {
        ticks.tick().await;
        samples.push(Sample::take(app.lanes(), began.elapsed().as_secs_f64()));
        if samples.len() - row == ROW {
            measure::table_row(out, samples.len() / ROW, &samples[row..])?;
            row = samples.len();
        }
    }
    let playback = renderer.playback().await?;
    if playback.state != "PLAYING" {
        bail!(
            "after {} s the renderer says {} instead of PLAYING",
            PLAYED.as_secs(),
            playback.state
        );
    }
    for lane in app.lanes() {
        let report = lane.report();
        let troubles = report.gaps + report.reanchored;
        if report.starved_frames > 0 || troubles > 0 {
            writeln!(
                out,
                "{} had to jump or went silent {troubles} times, and {} frames came too late: this machine is very busy.",
                lane.name(),
                report.starved_frames,
            )?;
        }
    }
    renderer.stop().await?;
    Ok(samples)
}

/// Searches on loopback for the renderer with this identity.
async fn find(out: &mut impl Write, id: Uuid, port: u16) -> anyhow::Result<RemoteRenderer> {
    let search = Search {
        interfaces: vec![Ipv4Addr::LOCALHOST],
        timeout: SEARCHED,
        ..Search::default()
    };
    let found = renderers(&search).await;
    let ours = found.as_ref().ok().and_then(|found| {
        found
            .iter()
            .find(|renderer| renderer.uuid == id.to_string())
    });
    let location = match ours {
        Some(renderer) => {
            writeln!(
                out,
                "Found by SSDP: {:?} at {}",
                renderer.name, renderer.location
            )?;
            renderer.location.clone()
        }
        None => {
            let reason = found.err().map_or_else(
                || "nobody answers; another program may keep UDP port 1900 to itself".to_owned(),
                |error| error.to_string(),
            );
            let location = format!("http://{}:{port}/upnp/{id}/device.xml", Ipv4Addr::LOCALHOST);
            writeln!(
                out,
                "Not found by SSDP ({reason}). Where it is, is known here: {location}"
            )?;
            location
        }
    };
    Ok(RemoteRenderer::connect(&location).await?)
}

/// Waits until all speakers play. Returns the moment.
async fn begin(app: &App, renderer: &RemoteRenderer) -> anyhow::Result<Instant> {
    let told = Instant::now();
    while !app
        .lanes()
        .iter()
        .all(|lane| lane.report().ahead_seconds.is_some())
    {
        sleep(Duration::from_millis(5)).await;
        if told.elapsed() > BEGIN_WITHIN {
            let playback = renderer.playback().await?;
            bail!(
                "not all speakers play after {} s; the renderer says {}{}",
                BEGIN_WITHIN.as_secs(),
                playback.state,
                if playback.failed {
                    ", and that an error occurred"
                } else {
                    ""
                },
            );
        }
    }
    Ok(Instant::now())
}

fn conclude(out: &mut impl Write, speakers: &[Speaker], samples: &[Sample]) -> io::Result<()> {
    let Some(last) = samples.last() else {
        return Ok(());
    };
    let (seconds, settled) = (last.at, SETTLED.as_secs());
    let later = samples.iter().filter(|sample| sample.at >= settled as f64);
    if let Some(spread) = measure::largest_spread(later) {
        let drifts = speakers
            .iter()
            .map(|speaker| measure::drift_millis(speaker, seconds));
        let (least, most) = drifts.fold((0.0_f64, 0.0_f64), |(least, most), drift| {
            (least.min(drift), most.max(drift))
        });
        writeln!(
            out,
            "\nFrom second {settled} on, no two speakers were further apart than {spread:.0} µs; a frame lasts 20.8 µs.\n\
             Left to themselves they would be {:.1} ms apart by now.\n",
            most - least,
        )?;
    }
    writeln!(out, "What was learnt of the crystals, in ppm:")?;
    for (speaker, learnt) in speakers.iter().zip(&last.clock) {
        let learnt = learnt.map_or("nothing".to_owned(), measure::tenths);
        let truth = measure::tenths(speaker.card.crystal_ppm);
        writeln!(
            out,
            "  {:<10}{learnt:>9}   in truth {truth:>6}",
            speaker.name
        )?;
    }
    Ok(())
}

/// A folder that is removed with everything in it.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("unisono-demo-{}", Uuid::new_v4())))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // What cannot be removed is small, and in the system's folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}
