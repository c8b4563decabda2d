//! The zone at work: commands and events in, decisions asked of [`Transport`], effects carried out.
//! It decides nothing itself.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::effect::Effect;
use super::handle::{ZoneHandle, ZoneInbox};
use super::state::Track;
use super::transport::Transport;
use crate::audio::volume_gain;
use crate::clock::Clock;
use crate::media::{MediaRequest, Source, Waker};
use crate::playback::{Engine, EngineCommand, EngineEvent, Gain, LaneHandle, Outputs};

/// Turns a request into a source that calls the waker when it has something.
pub type OpenMedia = Arc<dyn Fn(MediaRequest, Waker) -> Box<dyn Source> + Send + Sync>;

/// What a zone is made of.
pub struct ZoneSpec {
    /// Its name, for threads and logs.
    pub name: String,
    /// The lanes of its outputs.
    pub lanes: Vec<LaneHandle>,
    /// The volume it starts at, 0 to 100.
    pub volume: u8,
}

impl std::fmt::Debug for ZoneSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZoneSpec")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

struct Zone {
    transport: Transport,
    inbox: ZoneInbox,
    events: mpsc::UnboundedReceiver<EngineEvent>,
    engine: Engine,
    gain: Arc<Gain>,
    clock: Arc<dyn Clock>,
    open: OpenMedia,
    name: String,
}

/// Starts a zone on the present tokio runtime. When `stop` is cancelled it fades out and ends.
///
/// # Errors
/// The system gives no thread for its feeder.
pub fn spawn(
    spec: ZoneSpec,
    outputs: &Outputs,
    clock: Arc<dyn Clock>,
    open: OpenMedia,
    stop: CancellationToken,
) -> std::io::Result<(ZoneHandle, tokio::task::JoinHandle<()>)> {
    let transport = Transport::new(spec.volume);
    let gain = Arc::new(Gain::new(volume_gain(spec.volume)));
    // Unbounded, because the feeder must not wait; it says a handful of things per track.
    let (tell, events) = mpsc::unbounded_channel();
    let on_event = move |event| {
        // A zone that has ended listens no more.
        let _ended = tell.send(event);
    };
    let engine = outputs.engine(
        &spec.name,
        spec.lanes,
        gain.clone(),
        clock.clone(),
        on_event,
    )?;
    let (handle, inbox) = ZoneHandle::pair(transport.state().clone());
    let zone = Zone {
        transport,
        inbox,
        events,
        engine,
        gain,
        clock,
        open,
        name: spec.name,
    };
    Ok((handle, tokio::spawn(zone.run(stop))))
}

impl Zone {
    async fn run(mut self, stop: CancellationToken) {
        loop {
            let gives_up_at = self.transport.gives_up_at();
            let patience = gives_up_at.map(|at| at.saturating_since(self.clock.now()));
            tokio::select! {
                () = stop.cancelled() => break,
                Some(request) = self.inbox.commands.recv() => {
                    tracing::debug!(zone = %self.name, command = ?request.command, "asked");
                    let answer = self.transport.command(request.command, self.clock.now());
                    let answer = answer.map(|effects| self.carry_out(effects));
                    // Published first, so that whoever is answered reads the new state.
                    self.publish();
                    // Whoever asked may have gone.
                    let _gone = request.answer.send(answer);
                }
                event = self.events.recv() => {
                    let Some(event) = event else {
                        tracing::error!(zone = %self.name, "the feeder has ended by itself; the zone ends with it");
                        break;
                    };
                    self.log(&event);
                    let stalled = matches!(event, EngineEvent::Stalled(_));
                    let effects = self.transport.event(event, self.clock.now());
                    if stalled {
                        self.log_stall();
                    }
                    self.carry_out(effects);
                    self.publish();
                }
                () = tokio::time::sleep(patience.unwrap_or_default()), if patience.is_some() => {
                    let effects = self.transport.give_up(self.clock.now());
                    if let Some(error) = &self.transport.state().error {
                        tracing::warn!(zone = %self.name, "{error}");
                    }
                    self.carry_out(effects);
                    self.publish();
                }
                else => break,
            }
        }
        let halted = tokio::task::spawn_blocking(move || drop(self.engine));
        if halted.await.is_err() {
            tracing::error!("the zone's feeder ended badly");
        }
    }

    fn publish(&self) {
        self.inbox.state.send_if_modified(|state| {
            let changed = **state != *self.transport.state();
            if changed {
                *state = Arc::new(self.transport.state().clone());
            }
            changed
        });
    }

    /// Says what is waited for, once the zone knows that it is the current track.
    fn log_stall(&self) {
        let zone = &self.name;
        if let Some(track) = &self.transport.state().track {
            let uri = &track.request.uri;
            tracing::warn!(%zone, "{uri}: too little of it has come to play on; waiting for more");
        }
    }

    fn log(&self, event: &EngineEvent) {
        let zone = &self.name;
        match event {
            EngineEvent::Failed(_, error) => tracing::warn!(%zone, "{error}"),
            EngineEvent::Displaced => {
                tracing::info!(%zone, "stopped: another zone plays on all its outputs");
            }
            event => tracing::debug!(%zone, ?event, "engine"),
        }
    }

    fn source(&self, track: &Track) -> Box<dyn Source> {
        (self.open)(track.request.clone(), self.engine.waker())
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let command = match effect {
                Effect::Gain { left, right } => {
                    self.gain.set(left, right);
                    continue;
                }
                Effect::Prepare => EngineCommand::Prepare,
                Effect::Load(id, track) => {
                    tracing::info!(zone = %self.name, title = %track.title, "loading {}", track.request.uri);
                    EngineCommand::Load(id, self.source(&track))
                }
                Effect::Queue(next) => {
                    EngineCommand::Queue(next.map(|(id, track)| (id, self.source(&track))))
                }
                Effect::Play => EngineCommand::Play,
                Effect::Continue => EngineCommand::Continue,
                Effect::Pause => EngineCommand::Pause,
                Effect::Seek(to) => EngineCommand::Seek(to),
                Effect::Stop => EngineCommand::Stop,
            };
            self.engine.send(command);
        }
    }
}
