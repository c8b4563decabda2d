//! The task that knows with which codec each speaker is played on, and has it fed as early as that one needs.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::lateness::{Latenesses, Verdict};
use super::{Speaker, milliseconds};
use crate::api::{House, Key, Refusal};
use crate::bluetooth::Address;
use crate::clock::Clock;
use crate::playback::LaneState;
use crate::sound_server;
use crate::state_dir::KeptLateness;

/// How often it is looked whether a sink has been opened: soon enough that a song is not over before its lateness is right.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often the sound server is asked though nothing has changed here: a person may have chosen another codec there.
const ASK_EVERY: Duration = Duration::from_secs(30);
/// A sink comes some time after the connection; so long the server is asked at each look.
const EAGER: Duration = Duration::from_secs(5);

/// A speaker, and what was last seen of it.
struct Followed {
    speaker: Speaker,
    /// Connected, and its sink open.
    there: (bool, bool),
    codec: Option<String>,
    /// `late_ms` as it was last seen or set here.
    late_ms: f64,
}

/// The codec of each speaker that a server says something of. Waits for the server.
pub(super) fn codecs(server: Option<&str>, clock: &Arc<dyn Clock>) -> Vec<(Address, String)> {
    // No server, no sinks: the lanes say so.
    let sinks = sound_server::sinks(server, clock).unwrap_or_default();
    let codecs = sinks.into_iter();
    codecs
        .filter_map(|sink| sink.bluetooth.zip(sink.codec))
        .collect()
}

/// Follows the codecs of the speakers until `stop`, and keeps `kept` true.
pub(super) async fn follow(
    speakers: Vec<Speaker>,
    mut known: Latenesses,
    kept: watch::Sender<Vec<KeptLateness>>,
    house: Arc<House>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let late_ms = |output: usize| {
        let lane = house.outputs().get(output).map(|output| &output.lane);
        lane.map_or(0.0, |lane| milliseconds(&lane.settings()))
    };
    let mut followed: Vec<Followed> = speakers
        .into_iter()
        .map(|speaker| Followed {
            there: (false, false),
            codec: None,
            late_ms: late_ms(speaker.output),
            speaker,
        })
        .collect();
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut eager_until, mut ask_at) = (Instant::now(), Instant::now());
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = looks.tick() => {}
        }
        let now = Instant::now();
        for one in &mut followed {
            one.notice_setting(late_ms(one.speaker.output), &mut known);
            if one.notice_coming(&house) {
                eager_until = now + EAGER;
            }
        }
        let unknown = |one: &Followed| one.there != (false, false) && one.codec.is_none();
        let eager = now < eager_until && followed.iter().any(unknown);
        let anybody = followed.iter().any(|one| one.there != (false, false));
        if anybody && (eager || now >= ask_at) {
            ask_at = now + ASK_EVERY;
            let codecs = ask(&followed, &clock).await;
            for one in &mut followed {
                let codec = codecs.get(&one.speaker.address);
                one.notice_codec(codec, &mut known, &house);
            }
        }
        kept.send_if_modified(|kept| {
            let changed = kept != known.kept();
            if changed {
                *kept = known.kept().to_vec();
            }
            changed
        });
    }
}

/// The codecs by the servers that have the speakers.
async fn ask(followed: &[Followed], clock: &Arc<dyn Clock>) -> HashMap<Address, String> {
    let servers = followed.iter().map(|one| one.speaker.server.clone());
    let servers: BTreeSet<Option<String>> = servers.collect();
    let clock = clock.clone();
    let asked = tokio::task::spawn_blocking(move || {
        let servers = servers.into_iter();
        servers
            .flat_map(|server| codecs(server.as_deref(), &clock))
            .collect()
    });
    asked.await.unwrap_or_default()
}

impl Followed {
    /// Takes note of a person's setting, which is for the codec in use.
    fn notice_setting(&mut self, late_ms: f64, known: &mut Latenesses) {
        if late_ms == self.late_ms {
            return;
        }
        self.late_ms = late_ms;
        if let Some(codec) = &self.codec {
            let address = self.speaker.address.to_string();
            known.set(&address, codec, late_ms, self.speaker.config_ms);
        }
    }

    /// Takes note of whether it is there; whether it has just come.
    fn notice_coming(&mut self, house: &House) -> bool {
        let open = matches!(
            self.speaker.lane(house),
            Some(LaneState::Ready | LaneState::Playing)
        );
        let there = (self.speaker.status.borrow().connected == Some(true), open);
        let came = (there.0 && !self.there.0) || (there.1 && !self.there.1);
        self.there = there;
        if came {
            // It may have come with another.
            self.codec = None;
        }
        if there == (false, false) {
            self.codec = None;
            self.tell_codec();
        }
        came
    }

    fn tell_codec(&self) {
        self.speaker.status.send_if_modified(|status| {
            let changed = status.codec != self.codec;
            status.codec.clone_from(&self.codec);
            changed
        });
    }

    /// Takes note of the codec that the sound server names.
    fn notice_codec(&mut self, codec: Option<&String>, known: &mut Latenesses, house: &House) {
        let Some(codec) = codec else {
            return;
        };
        if self.codec.as_ref() == Some(codec) {
            return;
        }
        let before = self.speaker.status.borrow().codec.clone();
        self.codec = Some(codec.clone());
        self.tell_codec();
        let (name, now) = (self.speaker.name.as_str(), self.late_ms);
        let address = self.speaker.address.to_string();
        match known.codec_is(&address, codec, now, self.speaker.config_ms) {
            Verdict::Holds if now == 0.0 && before.is_none() => tracing::info!(
                "{name:?} is played on with {codec}, and its late_ms is 0; if it is heard late, as most Bluetooth speakers are, find the value by ear: unisono set {name:?} late_ms=200"
            ),
            Verdict::Holds => {}
            Verdict::Use(late_ms) => match use_lateness(house, name, late_ms) {
                Ok(()) => {
                    self.late_ms = late_ms;
                    tracing::info!(
                        "{name:?} is played on with {codec} now: late_ms = {late_ms}, as was found for that"
                    );
                }
                Err(why) => tracing::warn!(
                    "{name:?} is played on with {codec} now, but late_ms stays {now}: {why}"
                ),
            },
            Verdict::Ask(other) => tracing::warn!(
                "{name:?} is played on with {codec} now, and late_ms = {now} was found for {other}; listen, and if it is off, find what is right with {codec}: unisono set {name:?} late_ms=VALUE, which is then remembered for {codec}"
            ),
        }
    }
}

/// Sets `late_ms` of an output as a person would.
fn use_lateness(house: &House, output: &str, late_ms: f64) -> Result<(), String> {
    let change: Map<String, Value> = [(Key::LateMs.name().to_owned(), late_ms.into())]
        .into_iter()
        .collect();
    match house.set_output(output, &change) {
        Ok(_) => Ok(()),
        Err(Refusal::Unknown(problem) | Refusal::Invalid(problem)) => Err(problem.message),
        Err(Refusal::Ending) => Err("the program is ending".to_owned()),
    }
}
