//! A control point for the command line: find a renderer, give it a song, follow it to the end.
//! It works with any renderer, so it knows nothing of zones; the search itself is `discovery`'s.

mod error;
mod progress;
mod remote;

use std::future::Future;
use std::io::Write;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::discovery::{Renderer, Search, renderers};
use crate::renderer::{minimal_didl, track};

pub use error::CastError;
use progress::View;
pub use remote::{Playback, RemoteRenderer};

/// A renderer that has been told to play may show its old state for a moment.
const STARTING: Duration = Duration::from_secs(10);
/// So many unanswered questions in a row, and the renderer is taken for gone.
const PATIENCE: u32 = 3;

/// What to cast, and where.
#[derive(Debug, Clone)]
pub struct CastOptions {
    /// The song's address: `http://…`.
    pub url: String,
    /// A part of the renderer's name, in any case.
    pub to: String,
    /// How to find it.
    pub search: Search,
    /// How often the renderer is asked how far it is.
    pub poll: Duration,
    /// A progress bar on standard error, instead of a line every few seconds.
    pub bar: bool,
}

impl CastOptions {
    /// Casts `url` to the renderer called `to`, with the usual search and a line every few seconds.
    pub fn new(url: impl Into<String>, to: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            to: to.into(),
            search: Search::default(),
            poll: Duration::from_millis(500),
            bar: false,
        }
    }
}

/// How a cast ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The renderer has stopped: the song is over, or somebody stopped it.
    Stopped,
    /// We were told to stop, and have told the renderer.
    Interrupted,
    /// The renderer plays something else now.
    TakenOver,
}

/// Lists the renderers nearby, one line each.
///
/// # Errors
/// When the network cannot be searched, or `out` not written to.
pub async fn discover(search: &Search, out: &mut impl Write) -> Result<Vec<Renderer>, CastError> {
    let found = renderers(search).await?;
    if found.is_empty() {
        writeln!(
            out,
            "No renderer answered within {} s. Is this machine in the same network as they are? \
             With --interface ADDRESS the search goes through another one.",
            search.timeout.as_secs_f64()
        )?;
    }
    let widest = found.iter().map(|renderer| renderer.name.chars().count());
    let width = widest.max().unwrap_or(0);
    for renderer in &found {
        writeln!(
            out,
            "{:width$}  {}  uuid:{}",
            renderer.name, renderer.location, renderer.uuid
        )?;
    }
    Ok(found)
}

/// Casts a song and follows it until it ends, or until `stop` does, which stops the renderer too.
///
/// # Errors
/// With a sentence for a person: no such renderer, a refusal, a song that does not play, a renderer that is gone.
pub async fn cast(
    options: &CastOptions,
    stop: impl Future<Output = ()>,
    out: &mut impl Write,
) -> Result<Ended, CastError> {
    check_url(&options.url)?;
    let mut stop = pin!(stop);
    let renderer = tokio::select! {
        renderer = find(options) => renderer?,
        () = &mut stop => return Ok(Ended::Interrupted),
    };
    let song = track(&options.url, "");
    let begin = async {
        renderer.set_uri(&options.url, &minimal_didl(&song)).await?;
        renderer.play().await
    };
    tokio::select! {
        begun = begin => begun?,
        // Play may have reached it already.
        () = &mut stop => {
            renderer.stop().await?;
            return Ok(Ended::Interrupted);
        }
    }
    writeln!(out, "{} plays on {}", song.title, renderer.name())?;

    let mut view = View::new(options.bar, &song.title, out);
    let ended = tokio::select! {
        ended = follow(&renderer, options, &mut view) => ended?,
        () = &mut stop => {
            renderer.stop().await?;
            Ended::Interrupted
        }
    };
    view.finish(match ended {
        Ended::Stopped => "over",
        Ended::Interrupted => "stopped",
        Ended::TakenOver => "the renderer plays something else now",
    })?;
    Ok(ended)
}

/// Only what a renderer can fetch.
fn check_url(url: &str) -> Result<(), CastError> {
    let lower = url.to_ascii_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") {
        return Ok(());
    }
    let path = Path::new(url.strip_prefix("file://").unwrap_or(url));
    match (path.is_file(), path.file_name()) {
        (true, Some(name)) => Err(CastError::LocalFile {
            path: url.to_owned(),
            name: name.to_string_lossy().into_owned(),
            folder: match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder.display().to_string(),
                _ => ".".to_owned(),
            },
        }),
        _ => Err(CastError::Address {
            url: url.to_owned(),
        }),
    }
}

async fn find(options: &CastOptions) -> Result<RemoteRenderer, CastError> {
    let found = renderers(&options.search).await?;
    let chosen = choose(&options.to, &found)?;
    RemoteRenderer::connect(&chosen.location).await
}

/// The one renderer whose name contains `wanted`; one that is called exactly so goes first.
fn choose<'a>(wanted: &str, found: &'a [Renderer]) -> Result<&'a Renderer, CastError> {
    let wanted_lower = wanted.to_lowercase();
    let those = |test: &dyn Fn(String) -> bool| -> Vec<&'a Renderer> {
        let named = found.iter().filter(|it| test(it.name.to_lowercase()));
        named.collect()
    };
    let mut fitting = those(&|name| name == wanted_lower);
    if fitting.is_empty() {
        fitting = those(&|name| name.contains(&wanted_lower));
    }
    let names = |renderers: &[&Renderer]| {
        let names: Vec<String> = renderers
            .iter()
            .map(|renderer| format!("{:?} ({})", renderer.name, renderer.location))
            .collect();
        names.join(", ")
    };
    match &fitting[..] {
        [one] => Ok(one),
        [] if found.is_empty() => Err(CastError::NobodyThere),
        [] => Err(CastError::NotFound {
            wanted: wanted.to_owned(),
            found: names(&found.iter().collect::<Vec<_>>()),
        }),
        several => Err(CastError::Ambiguous {
            wanted: wanted.to_owned(),
            found: names(several),
        }),
    }
}

/// Asks the renderer how far it is until it has stopped, and shows it.
async fn follow<W: Write>(
    renderer: &RemoteRenderer,
    options: &CastOptions,
    view: &mut View<'_, W>,
) -> Result<Ended, CastError> {
    let told = Instant::now();
    let mut started = false;
    let mut unanswered = 0;
    loop {
        sleep(options.poll).await;
        let playback = match renderer.playback().await {
            Ok(playback) => playback,
            Err(_) if unanswered + 1 < PATIENCE => {
                unanswered += 1;
                continue;
            }
            Err(error) => return Err(error),
        };
        unanswered = 0;
        if playback.is_active() {
            started = true;
            if !playback.uri.is_empty() && playback.uri != options.url {
                return Ok(Ended::TakenOver);
            }
            view.show(&playback)?;
        } else if playback.failed {
            return Err(CastError::NotPlayed {
                name: renderer.name().to_owned(),
                url: options.url.clone(),
            });
        } else if started || told.elapsed() > STARTING {
            return Ok(Ended::Stopped);
        }
    }
}
