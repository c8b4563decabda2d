//! Opening a piece of media: a task that fetches it, a thread that decodes it, and the end of both that is polled.
//! What decoding is, the decoders know; when it is done, `player`.

mod outlet;
mod player;
mod shortfall;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::task::AbortHandle;

use super::buffer::{self, Interrupter};
use super::http::{Hints, Network};
use super::{MediaError, MediaRequest, Polled, Source, Supply, Waker};
use outlet::{Ending, Outlet};
use player::Player;

/// Linux cuts the names of threads after 15 bytes; "decode-" is 7 of them.
const NAME_BYTES: usize = 8;

/// Begins to fetch and decode what `request` names, and returns at once. Everything else, errors too, comes from
/// [`Source::poll`]; `waker` is called when there is something new after it has said [`Polled::Pending`].
///
/// A thread and a task live as long as the source; dropping it ends both within milliseconds, whatever they wait for.
pub fn open(request: MediaRequest, network: &Network, waker: Waker) -> Box<dyn Source> {
    let (intake, reader, interrupter) = buffer::buffer();
    let hints = Hints {
        finite: request.duration.is_some(),
        title: request.titled,
    };
    let fetch = network.fetch(request.uri.clone(), hints, intake);
    let outlet = Arc::new(Outlet::new(waker));
    let uri = request.uri.clone();
    let player = Player::new(request, reader, Arc::clone(&outlet));
    // It logs where whoever opens it does.
    let log = tracing::dispatcher::get_default(Clone::clone);
    let spawned = thread::Builder::new()
        .name(format!("decode-{}", short_name(&uri)))
        .spawn(move || tracing::dispatcher::with_default(&log, || player.run()));
    if let Err(error) = spawned {
        let reason = format!("no thread could be started for it: {error}");
        outlet.finish(Ending::Failed(MediaError::Decode { uri, reason }));
    }
    Box::new(Streamed {
        outlet,
        interrupter,
        fetch,
    })
}

/// The end of `uri`'s path, of characters that a thread's name may have.
fn short_name(uri: &str) -> String {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default();
    let plain = |character: &char| character.is_ascii_alphanumeric() || "-_.".contains(*character);
    file.chars().filter(plain).take(NAME_BYTES).collect()
}

/// The playing side's end.
struct Streamed {
    outlet: Arc<Outlet>,
    interrupter: Interrupter,
    fetch: AbortHandle,
}

impl Source for Streamed {
    fn poll(&mut self) -> Polled {
        self.outlet.poll()
    }

    fn seek(&mut self, to: Duration) {
        if let Some(number) = self.outlet.seek(to) {
            self.interrupter.interrupt(number);
        }
    }

    fn supply(&self) -> Supply {
        self.outlet.supply(self.interrupter.stock())
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        self.outlet.close();
        self.interrupter.close();
        self.fetch.abort();
    }
}
