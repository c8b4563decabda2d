//! Discovery on all interfaces at once, without sockets or clocks: what is said where when interfaces come and go, and with which BOOTID.
//! The words are in `message`, the timetable of one interface in `schedule`.
//!
//! | what happens | what is said |
//! |---|---|
//! | the first interfaces come | byebye, in case an earlier self died without a word; then alive |
//! | another comes, or one comes back | on those there are update (the next BOOTID), and only then alive everywhere with that one (UDA 1.1 §1.2.4); no byebye, which apps on the same network would take for ours, in the middle of a song |
//! | an interface goes, or loses its address | on it nothing can be said; on the others alive, for whoever knew us by that one's LOCATION |
//! | an address changes | as if one interface had gone and another come, with a byebye on it for the old LOCATION |

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Instant;

use super::message::{Advertisement, Kind, Search, Terms};
use super::schedule::{
    Message, Outbox, first_wait, until_next_announcement, until_second_announcement,
};
use crate::upnp::network::{Change, Interface};

/// As many interfaces are remembered after they have gone: more than a machine has, fewer than hurt.
const REMEMBERED: usize = 64;
/// BOOTID has 31 bits.
const LARGEST_BOOT_ID: u32 = 0x7fff_ffff;

/// What makes devices found.
#[derive(Debug)]
pub struct Responder {
    words: Words,
    /// The first BOOTID, and when that was.
    begin: (u32, Instant),
    presences: Vec<Presence>,
    /// The address that was last announced on each interface, by its name.
    announced: BTreeMap<String, Ipv4Addr>,
}

/// What is the same on every interface.
#[derive(Debug)]
struct Words {
    server: String,
    http_port: u16,
    boot_id: u32,
    advertisements: Vec<Advertisement>,
}

impl Words {
    fn terms(&self, interface: &Interface) -> Terms {
        Terms {
            server: self.server.clone(),
            boot_id: self.boot_id,
            http: SocketAddrV4::new(interface.address(), self.http_port),
        }
    }
}

/// One interface we are found on.
#[derive(Debug)]
struct Presence {
    interface: Interface,
    outbox: Outbox,
    /// When the next regular announcement is due.
    regular: Instant,
}

impl Presence {
    /// Queues a set of announcements; returns when it is over.
    fn announce(&mut self, kind: Kind, words: &Words, at: Instant) -> Instant {
        let terms = words.terms(&self.interface);
        self.outbox
            .announce(kind, &words.advertisements, &terms, at)
    }
}

impl Responder {
    /// One that is on no interface yet. `boot_id` must be larger than at any earlier start, `now` is this start.
    pub fn new(
        server: String,
        http_port: u16,
        boot_id: u32,
        advertisements: Vec<Advertisement>,
        now: Instant,
    ) -> Self {
        Self {
            words: Words {
                server,
                http_port,
                boot_id,
                advertisements,
            },
            begin: (boot_id, now),
            presences: Vec::new(),
            announced: BTreeMap::new(),
        }
    }

    /// From `now` on it is on these interfaces and no other. `random` is from 0 to 1.
    pub fn move_to(&mut self, interfaces: &[Interface], now: Instant, random: f64) {
        let served: Vec<Interface> = self.presences.iter().map(|p| p.interface.clone()).collect();
        let change = Change::between(&served, interfaces);
        if change.is_none() {
            return;
        }
        self.presences
            .retain(|presence| !change.gone.contains(&presence.interface));
        // What waits on the others is either out of date or said again below; searchers ask again.
        for presence in &mut self.presences {
            presence.outbox.clear();
        }
        let mut begin = now;
        if !change.come.is_empty() {
            begin = self.welcome(&change.come, now, random) + first_wait(random);
        }
        for Presence {
            interface, outbox, ..
        } in &mut self.presences
        {
            let terms = self.words.terms(interface);
            outbox.announce_well(&self.words.advertisements, &terms, begin);
        }
    }

    /// Adds interfaces, with all that is to be said before the first alive; returns when that has been said.
    fn welcome(&mut self, come: &[Interface], now: Instant, random: f64) -> Instant {
        let first = self.announced.is_empty();
        let next = match first {
            true => self.words.boot_id,
            false => self.next_boot_id(now),
        };
        let mut end = now;
        for presence in &mut self.presences {
            end = end.max(presence.announce(Kind::Update { next }, &self.words, now));
        }
        for interface in come {
            let mut presence = Presence {
                interface: interface.clone(),
                outbox: Outbox::default(),
                regular: now + until_second_announcement(random),
            };
            let before = self.remember(interface);
            if first || before.is_some_and(|before| before != interface.address()) {
                end = end.max(presence.announce(Kind::ByeBye, &self.words, now));
            }
            self.presences.push(presence);
        }
        self.words.boot_id = next;
        end
    }

    /// Notes that an interface is announced; returns the address it had before.
    fn remember(&mut self, interface: &Interface) -> Option<Ipv4Addr> {
        if self.announced.len() >= REMEMBERED {
            let served = |name: &String| self.presences.iter().any(|p| p.interface.name == *name);
            self.announced.retain(|name, _| served(name));
        }
        let (name, address) = (interface.name.clone(), interface.address());
        self.announced.insert(name, address)
    }

    /// Larger than the last, and as large as that of a start at this moment if there has been less than one change a second.
    fn next_boot_id(&self, now: Instant) -> u32 {
        let (first, begin) = self.begin;
        let seconds = now.saturating_duration_since(begin).as_secs();
        let by_time = u64::from(first).saturating_add(seconds);
        let next = by_time.max(u64::from(self.words.boot_id) + 1);
        u32::try_from(next).map_or(1, |next| next & LARGEST_BOOT_ID)
    }

    /// From `now` on these are the devices: what has gone is taken back, what is there is announced.
    pub fn advertise(&mut self, advertisements: Vec<Advertisement>, now: Instant) {
        let mut gone = std::mem::replace(&mut self.words.advertisements, advertisements);
        gone.retain(|old| {
            let mut current = self.words.advertisements.iter();
            !current.any(|new| new.udn == old.udn)
        });
        for presence in &mut self.presences {
            // Nothing that waits may contradict what follows; searchers ask again.
            presence.outbox.clear();
            let terms = self.words.terms(&presence.interface);
            let at = presence.outbox.announce(Kind::ByeBye, &gone, &terms, now);
            let at = presence.announce(Kind::Alive, &self.words, at);
            presence.announce(Kind::Alive, &self.words, at);
        }
    }

    /// Queues the answers to a search that came in on the interface of this number. `random` is from 0 to 1.
    pub fn answer(
        &mut self,
        index: u32,
        search: &Search,
        from: SocketAddr,
        now: Instant,
        random: f64,
    ) {
        let mut presences = self.presences.iter_mut();
        if let Some(presence) = presences.find(|presence| presence.interface.index == index) {
            let terms = self.words.terms(&presence.interface);
            let advertisements = &self.words.advertisements;
            presence
                .outbox
                .answer(search, from, advertisements, &terms, now, random);
        }
    }

    /// The last words, on every interface; everything else is forgotten.
    pub fn close(&mut self, now: Instant) {
        for presence in &mut self.presences {
            let terms = self.words.terms(&presence.interface);
            let advertisements = &self.words.advertisements;
            presence.outbox.close(advertisements, &terms, now);
        }
    }

    /// Queues the regular announcements that are due at `now`. `random`, from 0 to 1, spreads the ones after.
    pub fn repeat(&mut self, now: Instant, random: f64) {
        for presence in &mut self.presences {
            if presence.regular <= now {
                presence.regular = now + until_next_announcement(random);
                presence.announce(Kind::Alive, &self.words, now);
            }
        }
    }

    /// When the next regular announcement is due: when to [`repeat`](Self::repeat).
    pub fn regular_at(&self) -> Option<Instant> {
        self.presences.iter().map(|presence| presence.regular).min()
    }

    /// When the next message is due: when to [`take_due`](Self::take_due).
    pub fn next_at(&self) -> Option<Instant> {
        let outboxes = self.presences.iter().map(|presence| &presence.outbox);
        outboxes.filter_map(Outbox::next_at).min()
    }

    /// Takes the next message that is due at `now`, with the number of the interface that it is for.
    pub fn take_due(&mut self, now: Instant) -> Option<(u32, Message)> {
        self.presences.iter_mut().find_map(|presence| {
            let message = presence.outbox.take_due(now)?;
            Some((presence.interface.index, message))
        })
    }
}

#[cfg(test)]
mod tests;
