//! One file or stream on its way into a buffer: what is asked for, and what is done when the connection ends too early.
//! Requests and redirects are `Network`'s matter, when and how often to ask again is decided in `resume`.

use std::fmt::{self, Display, Formatter};
use std::future::poll_fn;
use std::time::Duration;

use hyper::StatusCode;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::Network;
use super::answer::{Answer, Refusal};
use super::icy::Piece;
use super::lull::Lull;
use super::resume::{BackOff, Known, Stop, Verdict};
use crate::media::MediaError;
use crate::media::buffer::{Description, Intake, Place};

/// From the request to the first byte of the file. Transcoders need seconds to start; but who has cast to a dead server
/// must be told within 15 s.
pub(super) const FIRST_BYTE_WITHIN: Duration = Duration::from_secs(14);
/// A server that takes so long to the first byte is named: whoever waits for the sound may ask why.
const SLOW: Duration = Duration::from_secs(2);
/// The longest silence in the middle of a file. Whoever listens may be patient for less when nothing is left to be heard;
/// a server that is started anew under music that has been read ahead is waited for.
const STALLED_AFTER: Duration = Duration::from_secs(45);
/// Of a server that can be asked for the rest, this much silence is taken for the end of the connection. Where what is at
/// hand does not last for that long, a shorter lull is.
const SILENT_AFTER: Duration = Duration::from_secs(10);
/// How often it is looked whether what is at hand still lasts, while nothing comes.
const LOOK: Duration = Duration::from_millis(250);
/// Nothing has been read for so long: whoever listens has paused, and the server may have closed the connection for it.
const PAUSED: Duration = Duration::from_secs(20);
/// Before a server that is overloaded is asked again, unless it names a time.
const OVERLOADED: Duration = Duration::from_secs(1);
/// What may have been on its way when a pause began: it comes before one hears that the server has lost its patience. Linux lets the
/// sender of a connection hold 4 MiB (tcp(7): `tcp_wmem`); the rest is here (`client::KEPT_UNREAD`), which it doubles.
const ON_ITS_WAY: u64 = 6 << 20;
/// A connection that has brought this much was a good one.
const WORTH_IT: u64 = 16 << 10;

/// A transfer and whom it is for.
pub(super) struct Transfer<'a> {
    pub(super) network: &'a Network,
    pub(super) uri: &'a str,
    /// Whether the sender says that it has an end.
    pub(super) finite: bool,
    /// Its place among several files that are played as one, if it is one of these.
    pub(super) one_of_many: Option<OneOfMany>,
    pub(super) intake: &'a Intake,
}

/// One of several files that are played as one.
#[derive(Debug, Clone, Copy)]
pub(super) struct OneOfMany {
    /// How long all of them play, if that is known.
    pub(super) whole: Option<Duration>,
}

/// How far a transfer has come.
struct Course {
    place: Place,
    /// How many bytes have come from there on.
    came: u64,
    /// How many bytes the present connection has brought of them.
    brought: u64,
    /// How many bytes of the present answer have come before.
    skip: u64,
    length: Option<u64>,
    ranges: bool,
    /// Whether parts of it can certainly be had.
    ranges_are_sure: bool,
    live: bool,
    validator: Option<String>,
    /// How much had come when a pause ended last.
    paused_at: Option<u64>,
    fruitless: u32,
    /// When something came last.
    last: Instant,
    back_off: BackOff,
}

impl Course {
    fn new(place: Place, answer: &Answer) -> Self {
        let from = match place {
            Place::Byte(from) => from,
            Place::Time(_) => 0,
        };
        let skip = from.saturating_sub(answer.first);
        let ranges = answer.description.ranges && skip == 0;
        Self {
            place,
            came: 0,
            brought: 0,
            skip,
            length: answer.description.length,
            ranges,
            ranges_are_sure: ranges && answer.vouches_for_ranges,
            live: answer.description.live,
            validator: answer.validator.clone(),
            paused_at: None,
            fruitless: 0,
            last: Instant::now(),
            back_off: BackOff::default(),
        }
    }

    /// Whether what has come since a pause may all have been on its way.
    fn was_paused(&self) -> bool {
        self.paused_at
            .is_some_and(|at| self.came <= at + ON_ITS_WAY)
    }

    fn position(&self) -> u64 {
        match self.place {
            Place::Byte(from) => from + self.came,
            Place::Time(_) => self.came,
        }
    }

    fn known(&self, finite: bool) -> Known {
        Known {
            live: self.live,
            length: self.length,
            position: self.position(),
            was_paused: finite && self.was_paused(),
            fruitless: self.fruitless,
        }
    }

    /// What to ask for to have the rest.
    fn rest(&self) -> Place {
        match self.place {
            Place::Time(_) => self.place,
            Place::Byte(_) if self.live => Place::Byte(0),
            // Who has said that there are no ranges is asked for all of it.
            Place::Byte(_) if self.length.is_some() && !self.ranges => Place::Byte(0),
            Place::Byte(_) => Place::Byte(self.position()),
        }
    }

    /// Whether `answer` is another file than the one that has come so far.
    fn is_another(&self, answer: &Answer) -> bool {
        fn differ<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            matches!((one, other), (Some(one), Some(other)) if one != other)
        }
        differ(self.validator.as_ref(), answer.validator.as_ref())
            || differ(self.length.as_ref(), answer.description.length.as_ref())
    }
}

impl Transfer<'_> {
    /// Fills the buffer with what comes in `answer`, the file from `place` on, and with what is asked for when its connection breaks.
    /// The first byte is waited for until `deadline`.
    pub(super) async fn pour(
        &self,
        mut answer: Answer,
        place: Place,
        deadline: Instant,
    ) -> Result<(), MediaError> {
        let mut course = Course::new(place, &answer);
        if course.skip > 0 && course.length.is_none() {
            return Err(self.failed(
                "it cannot be played from another place: the server sends the whole stream when asked for a part",
            ));
        }
        self.remark_on_skip(&course);
        if matches!(place, Place::Byte(0) | Place::Time(_)) {
            self.describe(answer.description.clone());
        }
        let mut patience = deadline - Instant::now();
        loop {
            let (stop, reason) = self.pump(&mut answer, &mut course, patience).await?;
            course.fruitless = match stop {
                _ if course.brought > 0 => 0,
                Stop::Silent => course.fruitless,
                Stop::End | Stop::Closed | Stop::Broken => course.fruitless + 1,
            };
            course.brought = 0;
            match course.known(self.is_finite()).after(stop) {
                Verdict::Complete => return Ok(()),
                Verdict::Again => {}
                Verdict::Shorter => {
                    let short = self.broken_off(&course, &reason);
                    tracing::warn!("{short}; what came is taken for all of it");
                    return Ok(());
                }
                Verdict::Hopeless => return Err(self.broken_off(&course, &reason)),
            }
            // While it is open, a server that speaks with one at a time does not hear the next question.
            drop(answer);
            answer = match self.again(&mut course, &reason).await? {
                Some(rest) => rest,
                None => return Ok(()),
            };
            patience = course.silence();
        }
    }

    fn describe(&self, description: Description) {
        match self.one_of_many {
            None => self.intake.describe(description),
            // Parts come in one order: nobody can go back into one that has gone by.
            Some(OneOfMany { whole }) => self.intake.part(Description {
                length: None,
                ranges: false,
                by_time: false,
                duration: whole,
                one_of_many: true,
                ..description
            }),
        }
    }

    /// Whether it has an end, so that what is sent anew is the same again.
    fn is_finite(&self) -> bool {
        self.finite || self.intake.is_finite()
    }

    /// Asks for the first time; `None` when there is nothing at that place.
    pub(super) async fn begin(
        &self,
        place: Place,
        deadline: Instant,
    ) -> Result<Option<Answer>, MediaError> {
        let mut overloaded = None;
        loop {
            let asked = timeout_at(deadline, self.network.get(self.uri, place, None)).await;
            let refusal = match asked {
                Ok(Ok(answer)) => {
                    self.remark(&answer, place);
                    return Ok(Some(answer));
                }
                Ok(Err(refusal)) => refusal,
                Err(_) => return Err(overloaded.unwrap_or_else(|| self.late())),
            };
            let Refusal::Status {
                status,
                retry_after,
            } = refusal
            else {
                return Err(refusal.explain(self.uri));
            };
            if status == StatusCode::RANGE_NOT_SATISFIABLE && place != Place::Byte(0) {
                tracing::warn!(
                    "{}: by the server's word there is nothing {place}",
                    self.uri
                );
                return Ok(None);
            }
            let pause = retry_after.unwrap_or(OVERLOADED).min(FIRST_BYTE_WITHIN);
            let again = Instant::now() + pause;
            let passes = [
                StatusCode::SERVICE_UNAVAILABLE,
                StatusCode::TOO_MANY_REQUESTS,
            ]
            .contains(&status);
            let error = refusal.explain(self.uri);
            if !passes || again >= deadline {
                return Err(error);
            }
            tracing::info!("{error}; asking again");
            overloaded = Some(error);
            sleep_until(again).await;
        }
    }

    /// Says what is worth knowing of what was asked for first, or of a place in it.
    fn remark(&self, answer: &Answer, place: Place) {
        let uri = self.uri;
        match place {
            Place::Byte(0) => {
                for remark in &answer.remarks {
                    tracing::info!("{uri}: {remark}");
                }
            }
            place => tracing::debug!("{uri}: asked for what is there {place}"),
        }
    }

    fn remark_on_skip(&self, course: &Course) {
        if course.skip > 0 {
            tracing::info!(
                "{}: the server sends all of it though a part was asked for; {} bytes are passed over",
                self.uri,
                course.skip
            );
        }
    }

    /// Passes on what comes until the connection ends, and answers how it did.
    async fn pump(
        &self,
        answer: &mut Answer,
        course: &mut Course,
        mut patience: Duration,
    ) -> Result<(Stop, String), MediaError> {
        let mut lull = Lull::new(Instant::now());
        loop {
            // A restart ends this future from outside.
            let waiting = Instant::now();
            poll_fn(|context| self.intake.poll_room(context)).await;
            let waited = waiting.elapsed();
            if waited >= PAUSED {
                course.paused_at = Some(course.came);
            }
            course.last += waited;
            lull.was_full_for(waited);
            match self.next(answer, course, lull, patience).await {
                Ok(Ok(Some(Piece::Audio(bytes)))) => {
                    let delay = answer.asked_at.elapsed();
                    if course.came == 0 && delay >= SLOW {
                        let seconds = delay.as_secs_f64();
                        tracing::info!("{}: the server took {seconds:.1} s to begin", self.uri);
                    }
                    let passed = course.skip.min(bytes.len() as u64);
                    course.skip -= passed;
                    // At most the number of bytes, so the cast loses nothing.
                    let wanted = &bytes[passed as usize..];
                    course.came += wanted.len() as u64;
                    course.brought += wanted.len() as u64;
                    course.last = Instant::now();
                    if course.brought > WORTH_IT {
                        course.back_off = BackOff::default();
                    }
                    self.intake.push(wanted);
                    let rate = self.intake.bytes_per_second();
                    lull.came(bytes.len() as u64, rate, Instant::now());
                }
                Ok(Ok(Some(Piece::Title(title)))) => self.intake.title(title),
                Ok(Ok(None)) => {
                    return Ok((Stop::End, "the server closed the connection".to_owned()));
                }
                // Whoever makes up a length says nothing with it: the end of the connection is the end.
                Ok(Err(_)) if answer.made_up => {
                    return Ok((Stop::End, "the server closed the connection".to_owned()));
                }
                Ok(Err(reason)) => return Ok(cut(&reason)),
                Err(_) if course.came == 0 && !course.live => return Err(self.late()),
                Err(silence) if course.live || course.last.elapsed() < STALLED_AFTER => {
                    return Ok((Stop::Silent, silence.to_string()));
                }
                Err(_) => {
                    return Err(self.failed(format!(
                        "the server fell silent for {} s after {} bytes",
                        STALLED_AFTER.as_secs(),
                        course.position()
                    )));
                }
            }
            patience = course.silence();
        }
    }

    /// What comes next, or how long it was waited for in vain: `patience`, or less if what is at hand runs out in this lull and the rest
    /// can be asked for.
    async fn next(
        &self,
        answer: &mut Answer,
        course: &Course,
        lull: Lull,
        patience: Duration,
    ) -> Result<Result<Option<Piece>, String>, Silence> {
        let since = Instant::now();
        loop {
            let now = Instant::now();
            let waited = now - since;
            if waited >= patience {
                return Err(Silence::Whole(waited));
            }
            if course.may_be_hurried()
                && lull.is_too_long(now)
                && self.intake.lasts_less_than(SILENT_AFTER)
            {
                return Err(Silence::Nearly(lull.lasts(now)));
            }
            // What has come of a piece so far stays with the answer.
            if let Ok(next) = timeout(LOOK.min(patience - waited), answer.next()).await {
                return Ok(next);
            }
        }
    }

    /// Asks for the rest until there is an answer that brings it; `None` when there is no rest.
    async fn again(&self, course: &mut Course, reason: &str) -> Result<Option<Answer>, MediaError> {
        let (uri, place) = (self.uri, course.rest());
        let position = course.position();
        if course.live {
            tracing::warn!("{uri}: {reason}; tuning in again");
        } else {
            tracing::warn!("{uri}: {reason} after {position} bytes; asking for the rest");
        }
        let since = Instant::now();
        loop {
            sleep(course.back_off.pause()).await;
            let validator = course.validator.as_deref();
            let asked = timeout(FIRST_BYTE_WITHIN, self.network.get(uri, place, validator)).await;
            let error = match asked {
                Ok(Ok(answer)) => {
                    self.take_up(course, &answer)?;
                    let attempts = course.back_off.attempts();
                    tracing::info!("{uri}: it goes on (attempt {attempts})");
                    return Ok(Some(answer));
                }
                Ok(Err(Refusal::Status { status, .. }))
                    if status == StatusCode::RANGE_NOT_SATISFIABLE && !course.live =>
                {
                    tracing::warn!("{uri}: by the server's word it ends after {position} bytes");
                    return Ok(None);
                }
                Ok(Err(refusal)) => {
                    let passes = course.live || refusal.may_pass();
                    let error = refusal.explain(uri);
                    if !passes {
                        return Err(error);
                    }
                    error
                }
                Err(_) => self.late(),
            };
            tracing::debug!("{error}; trying again");
            if !course.live && since.elapsed() >= STALLED_AFTER {
                return Err(error);
            }
        }
    }

    /// Goes on with `answer`, if it is the rest of what has come so far.
    fn take_up(&self, course: &mut Course, answer: &Answer) -> Result<(), MediaError> {
        // Neither bytes nor times can be asked for, and nobody knows of an end: what is sent now is what plays now.
        let anew =
            course.live || (course.length.is_none() && !self.is_finite() && answer.first == 0);
        if anew && matches!(course.place, Place::Byte(_)) {
            self.intake.part(Description {
                // It holds for what is still to be read of the part before, too.
                length: None,
                ranges: false,
                one_of_many: self.one_of_many.is_some(),
                ..answer.description.clone()
            });
            course.place = Place::Byte(0);
            (course.came, course.skip, course.paused_at) = (0, 0, None);
            return Ok(());
        }
        if course.is_another(answer) {
            return Err(
                self.failed("the connection broke, and the server has another file there now")
            );
        }
        course.skip = course.position().saturating_sub(answer.first);
        // Who sends all of it when asked for a part is not asked for one again.
        course.ranges &= answer.description.ranges && course.skip == 0;
        course.ranges_are_sure = course.ranges && answer.vouches_for_ranges;
        self.remark_on_skip(course);
        Ok(())
    }

    fn broken_off(&self, course: &Course, reason: &str) -> MediaError {
        let at = course.position();
        self.failed(match course.length {
            Some(length) => {
                format!("{reason} {at} of {length} bytes into the file, and again when it was asked for the rest")
            }
            None => format!("{reason} {at} bytes into the stream, and again when it was asked for the rest"),
        })
    }

    fn late(&self) -> MediaError {
        let seconds = FIRST_BYTE_WITHIN.as_secs();
        self.failed(format!("the server sent nothing for {seconds} s"))
    }

    fn failed(&self, reason: impl Into<String>) -> MediaError {
        MediaError::fetch(self.uri, reason)
    }
}

/// What a server is asked again for.
enum Silence {
    /// For so long nothing came…
    Whole(Duration),
    /// …or next to nothing while it was needed.
    Nearly(Duration),
}

impl Display for Silence {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let (what, time) = match self {
            Self::Whole(time) => ("fell silent", time),
            Self::Nearly(time) => ("sent next to nothing", time),
        };
        // What it was looked at too late says nothing: to half a second.
        let seconds = (time.as_secs_f64() * 2.0).floor() / 2.0;
        write!(formatter, "the server {what} for {seconds} s")
    }
}

impl Course {
    /// How long a silence is waited out.
    fn silence(&self) -> Duration {
        if !self.live && !self.ranges {
            STALLED_AFTER
        } else if self.brought == 0 {
            FIRST_BYTE_WITHIN
        } else {
            SILENT_AFTER
        }
    }

    /// Whether the rest may be asked for sooner than that. A connection that has brought little is no better the next time, and who sends
    /// all of it anew takes longer than the network.
    fn may_be_hurried(&self) -> bool {
        self.ranges_are_sure && !self.live && self.brought >= WORTH_IT
    }
}

/// What has happened to a connection that ended with this error, and in words.
fn cut(error: &str) -> (Stop, String) {
    // hyper's words for fewer bytes than were announced, and for chunks without a last one.
    let closed = [
        "end of file before message length reached",
        "unexpected EOF",
    ];
    if closed.iter().any(|words| error.contains(words)) {
        (Stop::Closed, "the server closed the connection".to_owned())
    } else {
        (Stop::Broken, format!("the connection broke ({error})"))
    }
}
