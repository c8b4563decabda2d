//! Asking a sound server where a stream is, so that it is known when the answer was true.
//! What the answer means is for whoever has the stream.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use libpulse_binding::stream::Stream;

use super::connection::Connection;
use crate::clock::ClockTime;

/// A local server answers in 0.3 ms; one across the network is waited for a few of its usual round trips, but the thread
/// has other things to do and waits between these.
const LEAST_PATIENCE: Duration = Duration::from_millis(4);
/// See `LEAST_PATIENCE`.
const MOST_PATIENCE: Duration = Duration::from_millis(25);
/// An answer that took this many times the usual round trip says too little about when it was true.
const SLOW_ANSWER: f64 = 2.5;
/// What a round trip is thought to take before there was one, in seconds.
const FIRST_ROUND_TRIP: f64 = 0.001;

/// What has been asked of one stream, and how long answers take.
#[derive(Debug)]
pub(crate) struct Inquiry {
    usual_round_trip: f64,
    pending: Option<Question>,
}

/// A question about timing that has not been answered yet.
#[derive(Debug)]
struct Question {
    answered: Rc<Cell<bool>>,
    asked: ClockTime,
}

/// The stream's timing info is new.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    /// When it was true: in the middle of the round trip.
    pub(crate) at: ClockTime,
    /// Whether that is too uncertain to be used.
    pub(crate) slow: bool,
}

impl Inquiry {
    /// Nothing has been asked.
    pub(crate) fn new() -> Self {
        Self {
            usual_round_trip: FIRST_ROUND_TRIP,
            pending: None,
        }
    }

    /// Asks where the server is and takes the answer, if it comes soon. A late one is used up at a later call, and not used.
    pub(crate) fn ask(
        &mut self,
        stream: &mut Stream,
        connection: &mut Connection,
        now: ClockTime,
    ) -> Result<Option<Answered>, String> {
        if let Some(question) = self.pending.take() {
            if !question.answered.get() {
                self.pending = Some(question);
            }
            return Ok(None);
        }
        let answered = Rc::new(Cell::new(false));
        let tell = answered.clone();
        stream.update_timing_info(Some(Box::new(move |_| tell.set(true))));
        let question = Question {
            answered,
            asked: now,
        };
        let usual = Duration::from_secs_f64(3.0 * self.usual_round_trip);
        let patience = usual.clamp(LEAST_PATIENCE, MOST_PATIENCE);
        match connection.wait_briefly(patience, &question.answered)? {
            Some(answered) => Ok(Some(self.judge(question.asked, answered))),
            None => {
                // It takes longer than thought; next time it is waited for longer.
                self.usual_round_trip = self.usual_round_trip.max(patience.as_secs_f64() / 2.0);
                self.pending = Some(question);
                Ok(None)
            }
        }
    }

    fn judge(&mut self, asked: ClockTime, answered: ClockTime) -> Answered {
        let round_trip = answered.seconds_since(asked);
        let slow = round_trip > self.usual_round_trip * SLOW_ANSWER;
        // The usual creeps up on slow answers, so that a server that is always slow is heard in the end.
        self.usual_round_trip +=
            (round_trip - self.usual_round_trip) * if slow { 0.02 } else { 0.1 };
        Answered {
            at: asked.plus_seconds(round_trip / 2.0),
            slow,
        }
    }
}
