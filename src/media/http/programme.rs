//! What is played of an address: the file there, or what a playlist there names, one after the other, into one buffer.
//! How a file comes is `transfer`'s matter, what a playlist says `playlist`'s.
//!
//! A playlist that comes to one address stands for the file there, which can be sought in. Of several entries each is a part of the
//! track: one that does not play is passed over, and one that ends is followed by the next. So whoever names several servers of one
//! station hears the first that answers, since a station has no end; and whoever names several songs hears all of them.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use url::Url;

use super::answer::Answer;
use super::segments::Stream;
use super::transfer::{FIRST_BYTE_WITHIN, OneOfMany, Transfer};
use super::{Hints, Network};
use crate::media::MediaError;
use crate::media::buffer::{Intake, Place};
use crate::media::formats::essence;
use crate::media::playlist::hls::{self, Hls};
use crate::media::playlist::{self, Entry, Kind, Unreadable};

/// A playlist may name a playlist that names another. More is a loop.
const DEEPEST: usize = 3;
/// One byte more than a playlist may have tells that it is too long.
const ENOUGH: usize = playlist::LONGEST + 1;
/// While there is another address to try, one is given up after this: of three, the last is reached before whoever waits gives up.
const MIRROR_WITHIN: Duration = Duration::from_secs(4);

/// A track on its way into a buffer.
pub(super) struct Programme {
    network: Network,
    uri: String,
    hints: Hints,
    intake: Intake,
    /// The address of the only file there is, once it is known.
    file: OnceLock<String>,
    /// How many more addresses may be asked: playlists can name each other many times over.
    left: AtomicUsize,
}

/// How an address has been come to.
#[derive(Debug, Clone, Copy)]
struct Way<'a> {
    /// Through so many playlists.
    depth: usize,
    /// It is one of several.
    one_of_many: Option<OneOfMany>,
    /// What the playlist calls it.
    title: Option<&'a str>,
    /// It is waited for as long as this.
    within: Duration,
}

type Played<'a> = Pin<Box<dyn Future<Output = Result<(), MediaError>> + Send + 'a>>;

impl Programme {
    pub(super) fn new(network: Network, uri: String, hints: Hints, intake: Intake) -> Self {
        Self {
            network,
            uri,
            hints,
            intake,
            file: OnceLock::new(),
            left: AtomicUsize::new(playlist::MOST_ENTRIES),
        }
    }

    /// Fills the buffer, and again whenever its reader wants to be elsewhere.
    pub(super) async fn run(self) {
        let mut from = Place::Byte(0);
        loop {
            from = tokio::select! {
                biased;
                restart = poll_fn(|context| self.intake.poll_restart(context)) => restart,
                restart = self.play_and_report(from) => restart,
            };
        }
    }

    /// Plays, reports how it ended, and waits until the reader wants something else.
    async fn play_and_report(&self, from: Place) -> Place {
        let played = match self.file.get() {
            Some(file) => self.play_from(file, from).await,
            None => {
                let way = Way {
                    depth: 0,
                    one_of_many: None,
                    title: None,
                    within: FIRST_BYTE_WITHIN,
                };
                self.play(&self.uri, way).await
            }
        };
        match played {
            Ok(()) => self.intake.complete(),
            Err(error) => self.intake.fail(error),
        }
        poll_fn(|context| self.intake.poll_restart(context)).await
    }

    /// Plays a file of its own from another place.
    async fn play_from(&self, file: &str, place: Place) -> Result<(), MediaError> {
        let transfer = self.transfer(file, None);
        let deadline = Instant::now() + FIRST_BYTE_WITHIN;
        match transfer.begin(place, deadline).await? {
            Some(answer) => transfer.pour(answer, place, deadline).await,
            None => Ok(()),
        }
    }

    fn transfer<'a>(&'a self, uri: &'a str, one_of_many: Option<OneOfMany>) -> Transfer<'a> {
        Transfer {
            network: &self.network,
            uri,
            // What the sender says holds for all of them together.
            finite: self.hints.finite && one_of_many.is_none(),
            one_of_many,
            intake: &self.intake,
        }
    }

    /// Plays what is at `uri`, a file or a playlist.
    fn play<'a>(&'a self, uri: &'a str, way: Way<'a>) -> Played<'a> {
        Box::pin(async move {
            let transfer = self.transfer(uri, way.one_of_many);
            let deadline = Instant::now() + way.within;
            let start = Place::Byte(0);
            let Some(mut answer) = transfer.begin(start, deadline).await? else {
                return Ok(());
            };
            if let Some(kind) = kind_of(&mut answer, deadline).await {
                self.read(uri, &mut answer, deadline, way).await?;
                if kind == Kind::Hls {
                    return self.play_stream(uri, &answer, way).await;
                }
                let entries = playlist::read(kind, answer.head(ENOUGH), &answer.url);
                return self.play_list(uri, &listed(uri, entries)?, way).await;
            }
            if way.one_of_many.is_none() {
                // Nothing else is played, so that it has been set by nobody.
                let _ = self.file.set(uri.to_owned());
            } else if is_page(&answer) {
                return Err(MediaError::fetch(uri, "it is a web page"));
            }
            if let Some(title) = way.title.filter(|_| !self.hints.title) {
                self.intake.title(title.to_owned());
            }
            transfer.pour(answer, start, deadline).await
        })
    }

    /// Waits for all of the playlist in `answer`.
    async fn read(
        &self,
        uri: &str,
        answer: &mut Answer,
        deadline: Instant,
        way: Way<'_>,
    ) -> Result<(), MediaError> {
        if way.depth >= DEEPEST {
            let reason = format!("it is a playlist named by a playlist, {DEEPEST} times over");
            return Err(MediaError::fetch(uri, reason));
        }
        let filled = timeout_at(deadline, answer.fill(ENOUGH, |_| true)).await;
        filled.map_err(|_| MediaError::fetch(uri, "the playlist does not come to an end"))
    }

    /// Plays the stream in segments that the list in `answer` is of, in the best quality that can be had.
    async fn play_stream(
        &self,
        uri: &str,
        answer: &Answer,
        way: Way<'_>,
    ) -> Result<(), MediaError> {
        match listed(uri, hls::read(answer.head(ENOUGH), &answer.url))? {
            Hls::Media(list) => {
                let stream = Stream {
                    network: &self.network,
                    uri,
                    intake: &self.intake,
                };
                stream.pour(list).await
            }
            Hls::Master(addresses) => {
                let qualities = Entry {
                    addresses,
                    title: None,
                    duration: None,
                };
                self.play_list(uri, &[qualities], way).await
            }
        }
    }

    /// Plays what a playlist names.
    async fn play_list(
        &self,
        uri: &str,
        entries: &[Entry],
        way: Way<'_>,
    ) -> Result<(), MediaError> {
        tracing::info!("{uri} is a playlist of {} entries", entries.len());
        let addresses = entries.iter().map(|entry| entry.addresses.len()).sum();
        let one_of_many = (addresses > 1 || way.one_of_many.is_some()).then(|| OneOfMany {
            whole: entries.iter().map(|entry| entry.duration).sum(),
        });
        let mut left: usize = addresses;
        let mut played = false;
        let mut last = None;
        for entry in entries {
            for address in &entry.addresses {
                left -= 1;
                let inner = Way {
                    depth: way.depth + 1,
                    one_of_many,
                    title: entry.title.as_deref().or(way.title),
                    within: if left > 0 && !played {
                        MIRROR_WITHIN
                    } else {
                        FIRST_BYTE_WITHIN
                    },
                };
                match self.play_one(uri, address, inner).await {
                    Ok(()) => {
                        played = true;
                        break;
                    }
                    // What has been the only one is what has failed.
                    Err(error) if self.file.get().is_some() => return Err(error),
                    Err(error) if left > 0 => {
                        tracing::warn!("{uri}: {error}; trying what the playlist names next");
                        last = Some(error);
                    }
                    Err(error) => last = Some(error),
                }
            }
        }
        match last {
            Some(error) if !played => {
                let reason = format!("nothing that this playlist names plays; the last: {error}");
                Err(MediaError::fetch(uri, reason))
            }
            _ => Ok(()),
        }
    }

    /// Plays one address of the playlist `uri`, if there have not been too many.
    async fn play_one(&self, uri: &str, address: &Url, way: Way<'_>) -> Result<(), MediaError> {
        let less = |left: usize| left.checked_sub(1);
        let counted = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        if counted.is_err() {
            let most = playlist::MOST_ENTRIES;
            return Err(MediaError::fetch(
                uri,
                format!("more than {most} addresses were tried"),
            ));
        }
        self.play(address.as_str(), way).await
    }
}

/// Which playlist comes in `answer`, if it is one.
async fn kind_of(answer: &mut Answer, deadline: Instant) -> Option<Kind> {
    // What comes too late is not what is looked at here; it is waited for again.
    let _ = timeout_at(deadline, answer.fill(playlist::HEAD, playlist::may_begin)).await;
    let head = answer.head(playlist::HEAD);
    let mime = answer.description.content_type.as_deref();
    Kind::of(head, answer.url.path(), mime)
}

/// What a playlist has turned out to be, or an error that names it.
pub(super) fn listed<T>(uri: &str, read: Result<T, Unreadable>) -> Result<T, MediaError> {
    read.map_err(|error| MediaError::fetch(uri, format!("the playlist {error}")))
}

fn is_page(answer: &Answer) -> bool {
    let mime = answer.description.content_type.as_deref();
    mime.is_some_and(|mime| essence(mime).eq_ignore_ascii_case("text/html"))
}
