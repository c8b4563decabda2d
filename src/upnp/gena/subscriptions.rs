//! Eventing without a network: subscriptions, sequence numbers, queues.
//! Nothing here sleeps, connects or asks for the time; how often anything is said at all is in `moderation`.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::callback::Callback;
use super::headers::Refusal;
use crate::upnp::device::Snapshot;

/// How long the initial event is held back, so that the answer to SUBSCRIBE, with the SID, is there first.
pub const INITIAL_DELAY: Duration = Duration::from_millis(20);
/// As many snapshots wait for one subscriber. Beyond that only the newest is kept: nothing is lost but the way to it.
const QUEUE: usize = 10;
/// After so many undelivered events in a row a subscriber is forgotten.
const FAILURES: u8 = 3;

/// How many subscriptions there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// To one service. A subscription costs a kilobyte or two, and shares what it is told with the others.
    pub per_service: usize,
    /// To one service from one address.
    pub per_peer: usize,
}

impl Default for Limits {
    /// More than the apps and servers of a large house, each twice. An app that is opened again and again and never says goodbye
    /// leaves a subscription behind each time, for half an hour or until it has missed three events: from one address 32 of those
    /// can be, and eight such apps fill a service.
    fn default() -> Self {
        Self {
            per_service: 256,
            per_peer: 32,
        }
    }
}

/// An event ready to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The subscription.
    pub sid: Uuid,
    /// Its sequence number.
    pub seq: u32,
    /// Where to, in order of preference.
    pub callbacks: Vec<Callback>,
    /// What to say; those who are told the same share it.
    pub body: Arc<str>,
}

/// How a delivery went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The subscriber took it at the callback of this index.
    Delivered(usize),
    /// The subscriber knows no such subscription.
    Unknown,
    /// It could not be delivered anywhere.
    Failed,
}

#[derive(Debug)]
struct Subscription {
    sid: Uuid,
    peer: IpAddr,
    /// Our own address that it came in on.
    local: IpAddr,
    callbacks: Vec<Callback>,
    until: Instant,
    /// The initial event is held until then.
    held: Instant,
    seq: u32,
    /// What the subscriber knows; `None`: nothing, or an event was lost, so that it is told everything.
    told: Option<Arc<Snapshot>>,
    queue: VecDeque<Arc<Snapshot>>,
    in_flight: bool,
    failures: u8,
}

/// What was written last: for whom knows the first snapshot when the second has come.
#[derive(Debug)]
struct Written {
    before: Option<Arc<Snapshot>>,
    after: Arc<Snapshot>,
    body: Option<Arc<str>>,
}

/// The subscriptions to one service.
#[derive(Debug)]
pub struct Subscriptions {
    limits: Limits,
    entries: Vec<Subscription>,
    /// The last snapshot that was queued, so that equal ones are one, and so is what is written of them.
    newest: Option<Arc<Snapshot>>,
    written: Option<Written>,
}

impl Subscriptions {
    /// None yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            entries: Vec::new(),
            newest: None,
            written: None,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a subscription, whose first event is `snapshot` in full. `link` is the peer's address and the one of ours that it came in on.
    pub fn subscribe(
        &mut self,
        sid: Uuid,
        (peer, local): (IpAddr, IpAddr),
        callbacks: Vec<Callback>,
        timeout: Duration,
        snapshot: Snapshot,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.expire(now);
        let from_peer = self.entries.iter().filter(|e| e.peer == peer).count();
        if callbacks.is_empty() {
            return Err(Refusal::Precondition);
        }
        if self.entries.len() >= self.limits.per_service || from_peer >= self.limits.per_peer {
            return Err(Refusal::Full);
        }
        let snapshot = self.shared(snapshot);
        self.entries.push(Subscription {
            sid,
            peer,
            local,
            callbacks,
            until: now + timeout,
            held: now + INITIAL_DELAY,
            seq: 0,
            told: None,
            queue: VecDeque::from([snapshot]),
            in_flight: false,
            failures: 0,
        });
        Ok(())
    }

    /// Gives a subscription more time.
    pub fn renew(&mut self, sid: Uuid, timeout: Duration, now: Instant) -> Result<(), Refusal> {
        self.expire(now);
        let entry = self.entry(sid).ok_or(Refusal::Precondition)?;
        entry.until = now + timeout;
        Ok(())
    }

    /// Ends a subscription.
    pub fn unsubscribe(&mut self, sid: Uuid, now: Instant) -> Result<(), Refusal> {
        self.expire(now);
        self.entry(sid).ok_or(Refusal::Precondition)?;
        self.entries.retain(|entry| entry.sid != sid);
        Ok(())
    }

    /// Ends the subscriptions that came in on addresses we no longer have: their subscribers know us by a LOCATION that leads nowhere.
    pub fn forget(&mut self, lost: &[IpAddr]) {
        self.entries
            .retain(|entry| !lost.contains(&entry.local.to_canonical()));
    }

    /// Queues a new state for everybody, and returns it as it was queued.
    pub fn publish(&mut self, snapshot: Snapshot, now: Instant) -> Arc<Snapshot> {
        self.expire(now);
        let snapshot = self.shared(snapshot);
        for entry in &mut self.entries {
            if entry.queue.len() >= QUEUE {
                entry.queue.clear();
            }
            entry.queue.push_back(Arc::clone(&snapshot));
        }
        snapshot
    }

    /// The next event that may be sent, which is then in flight until [`finished`](Self::finished): one per subscription, in order. `body`
    /// says what is told to somebody who knows the first snapshot when the second has come; if nothing, nothing is sent.
    pub fn next(
        &mut self,
        now: Instant,
        body: impl Fn(Option<&Snapshot>, &Snapshot) -> Option<String>,
    ) -> Option<Notification> {
        self.expire(now);
        let written = &mut self.written;
        let ready = |entry: &&mut Subscription| !entry.in_flight && entry.held <= now;
        for entry in self.entries.iter_mut().filter(ready) {
            while let Some(snapshot) = entry.queue.pop_front() {
                let before = entry.told.replace(Arc::clone(&snapshot));
                let Some(body) = Written::of(written, before, snapshot, &body) else {
                    continue;
                };
                let seq = entry.seq;
                // 0 is the initial event's alone (UDA 1.0 §4.2.1).
                entry.seq = seq.checked_add(1).unwrap_or(1);
                entry.in_flight = true;
                return Some(Notification {
                    sid: entry.sid,
                    seq,
                    callbacks: entry.callbacks.clone(),
                    body,
                });
            }
        }
        None
    }

    /// Notes how the delivery of the event in flight went.
    pub fn finished(&mut self, sid: Uuid, outcome: Outcome) {
        let Some(entry) = self.entry(sid) else {
            return;
        };
        entry.in_flight = false;
        match outcome {
            Outcome::Delivered(index) => {
                entry.failures = 0;
                // Stay with the address that works.
                if index < entry.callbacks.len() {
                    entry.callbacks.swap(0, index);
                }
            }
            Outcome::Failed => {
                entry.failures += 1;
                entry.told = None;
            }
            Outcome::Unknown => entry.failures = FAILURES,
        }
        if entry.failures >= FAILURES {
            self.entries.retain(|entry| entry.sid != sid);
        }
    }

    /// The snapshot, or the last one if that is equal.
    fn shared(&mut self, snapshot: Snapshot) -> Arc<Snapshot> {
        let newest = self.newest.take().filter(|newest| **newest == snapshot);
        let snapshot = newest.unwrap_or_else(|| Arc::new(snapshot));
        Arc::clone(self.newest.insert(snapshot))
    }

    fn entry(&mut self, sid: Uuid) -> Option<&mut Subscription> {
        self.entries.iter_mut().find(|entry| entry.sid == sid)
    }

    fn expire(&mut self, now: Instant) {
        self.entries.retain(|entry| entry.until > now);
        if self.entries.is_empty() {
            // It may be long, and nobody is told it any more.
            self.written = None;
        }
    }
}

impl Written {
    /// What is told to whom knows `before`, taken from the last time if that was the same.
    fn of(
        last: &mut Option<Self>,
        before: Option<Arc<Snapshot>>,
        after: Arc<Snapshot>,
        body: impl Fn(Option<&Snapshot>, &Snapshot) -> Option<String>,
    ) -> Option<Arc<str>> {
        let same = |a: &Arc<Snapshot>, b: &Arc<Snapshot>| Arc::ptr_eq(a, b);
        let fits = |last: &&Self| {
            same(&last.after, &after)
                && match (&last.before, &before) {
                    (Some(a), Some(b)) => same(a, b),
                    (None, None) => true,
                    _ => false,
                }
        };
        if let Some(last) = last.as_ref().filter(fits) {
            return last.body.clone();
        }
        let body = body(before.as_deref(), &after).map(Arc::from);
        let written = last.insert(Self {
            before,
            after,
            body,
        });
        written.body.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const LATER: Duration = Duration::from_secs(1);
    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 20));
    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 10));

    fn start() -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn state(text: &str) -> Snapshot {
        vec![("State", text.to_owned())]
    }

    fn callbacks() -> Vec<Callback> {
        let callback = |port: u16| Callback {
            address: ([127, 0, 0, 1], port).into(),
            host: format!("127.0.0.1:{port}"),
            path: "/".to_owned(),
        };
        vec![callback(1), callback(2)]
    }

    /// A subscription whose initial event is out and acknowledged.
    fn subscribed(now: Instant) -> (Subscriptions, Uuid) {
        let mut subscriptions = Subscriptions::new(Limits::default());
        let sid = Uuid::from_u128(1);
        let link = (PEER, LOCAL);
        subscriptions
            .subscribe(sid, link, callbacks(), HOUR, state("a"), now)
            .expect("there is room");
        assert_eq!(take(&mut subscriptions, now), None, "held back");
        assert_eq!(
            take(&mut subscriptions, now + LATER),
            Some((0, "a".to_owned()))
        );
        subscriptions.finished(sid, Outcome::Delivered(0));
        (subscriptions, sid)
    }

    fn take(subscriptions: &mut Subscriptions, now: Instant) -> Option<(u32, String)> {
        let next = subscriptions.next(now, |before, after| {
            let (_, value) = after.first()?;
            (before != Some(after)).then(|| value.clone())
        })?;
        Some((next.seq, next.body.to_string()))
    }

    #[test]
    fn g03_g12_one_in_flight_in_order_numbered() {
        let now = start();
        let (mut subscriptions, sid) = subscribed(now);
        let now = now + LATER;
        for text in ["b", "c", "c", "d"] {
            subscriptions.publish(state(text), now);
        }
        assert_eq!(take(&mut subscriptions, now), Some((1, "b".to_owned())));
        assert_eq!(take(&mut subscriptions, now), None, "one is in flight");
        subscriptions.finished(sid, Outcome::Delivered(0));
        assert_eq!(take(&mut subscriptions, now), Some((2, "c".to_owned())));
        subscriptions.finished(sid, Outcome::Delivered(0));
        assert_eq!(take(&mut subscriptions, now), Some((3, "d".to_owned())));
    }

    #[test]
    fn g12_a_queue_that_overflows_keeps_the_newest() {
        let now = start();
        let (mut subscriptions, sid) = subscribed(now);
        let now = now + LATER;
        for number in 0..=QUEUE {
            subscriptions.publish(state(&number.to_string()), now);
        }
        assert_eq!(take(&mut subscriptions, now), Some((1, QUEUE.to_string())));
        subscriptions.finished(sid, Outcome::Delivered(0));
        assert_eq!(take(&mut subscriptions, now), None);
    }

    #[test]
    fn g13_a_refusal_or_three_failures_end_it_and_a_lost_event_is_made_good() {
        let now = start();
        let (mut subscriptions, sid) = subscribed(now);
        let now = now + LATER;
        for seq in 1..=2 {
            subscriptions.publish(state("b"), now);
            assert_eq!(take(&mut subscriptions, now), Some((seq, "b".to_owned())));
            subscriptions.finished(sid, Outcome::Failed);
        }
        subscriptions.publish(state("b"), now);
        assert_eq!(take(&mut subscriptions, now), Some((3, "b".to_owned())));
        subscriptions.finished(sid, Outcome::Failed);
        assert!(subscriptions.is_empty());

        let (mut subscriptions, sid) = subscribed(now);
        subscriptions.publish(state("b"), now + LATER);
        assert!(take(&mut subscriptions, now + LATER).is_some());
        subscriptions.finished(sid, Outcome::Unknown);
        assert!(subscriptions.is_empty());
    }

    #[test]
    fn g14_expiry_and_renewal() {
        let now = start();
        let (mut subscriptions, sid) = subscribed(now);
        assert_eq!(subscriptions.renew(sid, HOUR, now + HOUR / 2), Ok(()));
        subscriptions.publish(state("b"), now + HOUR);
        assert_eq!(
            take(&mut subscriptions, now + HOUR),
            Some((1, "b".to_owned()))
        );
        subscriptions.publish(state("c"), now + HOUR * 2);
        assert_eq!(take(&mut subscriptions, now + HOUR * 2), None);
        let late = subscriptions.renew(sid, HOUR, now + HOUR * 2);
        assert_eq!(late, Err(Refusal::Precondition));
    }

    #[test]
    fn s21_a_subscription_ends_with_our_address_it_came_in_on() {
        let now = start();
        let (mut subscriptions, sid) = subscribed(now);
        subscriptions.forget(&[PEER]);
        assert_eq!(subscriptions.renew(sid, HOUR, now), Ok(()));
        subscriptions.forget(&[PEER, LOCAL]);
        let renewal = subscriptions.renew(sid, HOUR, now);
        assert_eq!(renewal, Err(Refusal::Precondition));
    }

    #[test]
    fn g15_the_number_after_the_last_is_one() {
        let now = start();
        let (mut subscriptions, sid) = subscribed(now);
        let now = now + LATER;
        if let Some(entry) = subscriptions.entry(sid) {
            entry.seq = u32::MAX;
        }
        subscriptions.publish(state("b"), now);
        assert_eq!(
            take(&mut subscriptions, now),
            Some((u32::MAX, "b".to_owned()))
        );
        subscriptions.finished(sid, Outcome::Delivered(1));
        subscriptions.publish(state("c"), now);
        assert_eq!(take(&mut subscriptions, now), Some((1, "c".to_owned())));
        let first = subscriptions
            .entry(sid)
            .map(|entry| entry.callbacks[0].address.port());
        assert_eq!(first, Some(2), "the callback that worked comes first");
    }
}
