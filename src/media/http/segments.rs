//! A stream in segments on its way into a buffer: which segment is next, and when its list is read again.
//! What the list says is `playlist::hls`'s matter, which list it is `programme`'s.

use std::future::poll_fn;

use tokio::time::{Instant, sleep, timeout_at};
use url::Url;

use super::Network;
use super::answer::Answer;
use super::programme::listed;
use super::resume::BackOff;
use super::transfer::FIRST_BYTE_WITHIN;
use crate::media::buffer::{Description, Intake, Place};
use crate::media::playlist::LONGEST;
use crate::media::playlist::hls::{self, Hls, Segment, Segments};
use crate::media::{MediaError, id3};

/// A longer segment is none: it is two minutes of CD sound, and segments are seconds.
const LONGEST_SEGMENT: usize = 16 << 20;
/// A segment is asked for so often; then it is left out, as the standard advises.
const ATTEMPTS: u32 = 3;
/// A list that is asked for so often in vain, with growing pauses, is that of a stream that is gone.
const LIST_ATTEMPTS: u32 = 8;
/// How packets of MPEG-TS begin, and how far they are apart.
const TRANSPORT: (u8, usize) = (0x47, 188);

/// A stream and whom it is for.
pub(super) struct Stream<'a> {
    pub(super) network: &'a Network,
    /// Where its list is.
    pub(super) uri: &'a str,
    pub(super) intake: &'a Intake,
}

impl Stream<'_> {
    /// Fills the buffer with the segments of `list` and of what it becomes, to the end of the stream.
    pub(super) async fn pour(&self, mut list: Segments) -> Result<(), MediaError> {
        let description = Description {
            live: !list.ended,
            duration: list.duration(),
            one_of_many: true,
            ..Description::default()
        };
        self.intake.part(description.clone());
        let mut next = list.first();
        let mut beginning: Option<Url> = None;
        let mut came = false;
        let mut is_torn = false;
        loop {
            for segment in list.segments.iter().filter(|it| it.number >= next) {
                let begins = is_torn || segment.beginning != beginning;
                let bytes = match self.segment(segment, begins).await {
                    Ok(bytes) => bytes,
                    Err(error) if came => {
                        tracing::warn!("{}: {error}; left out", self.uri);
                        // Packets may reach from one segment into the next: half of one and half of another would be noise.
                        is_torn = true;
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                if came && (begins || segment.is_new) {
                    self.intake.part(description.clone());
                }
                beginning.clone_from(&segment.beginning);
                is_torn = false;
                came = true;
                self.push(&bytes).await;
            }
            if list.ended {
                return Ok(());
            }
            next = list
                .segments
                .last()
                .map_or(next, |it| next.max(it.number + 1));
            list = self.renewed(&list, next).await?;
            if list.segments.last().is_some_and(|it| it.number + 1 < next) {
                tracing::warn!("{}: the stream counts its segments anew", self.uri);
                next = list.first();
                self.intake.part(description.clone());
            }
        }
    }

    async fn push(&self, bytes: &[u8]) {
        // So that the buffer's bounds hold to within a piece.
        for piece in bytes.chunks(64 << 10) {
            poll_fn(|context| self.intake.poll_room(context)).await;
            self.intake.push(piece);
        }
    }

    /// The list again, once it goes on from the segment `next` or has ended.
    async fn renewed(&self, list: &Segments, next: u64) -> Result<Segments, MediaError> {
        let mut back_off = BackOff::default();
        loop {
            // As often as the standard asks for where nothing has changed (6.3.4).
            sleep(list.target / 2).await;
            let read = self.list().await;
            match read {
                Ok(new) => {
                    let last = new.segments.last().map(|it| it.number);
                    if new.ended || last.is_some_and(|last| last >= next || last + 1 < next) {
                        return Ok(new);
                    }
                    back_off = BackOff::default();
                }
                Err(error) if back_off.attempts() >= LIST_ATTEMPTS => return Err(error),
                Err(error) => {
                    tracing::warn!("{error}; asking again");
                    sleep(back_off.pause()).await;
                }
            }
        }
    }

    async fn list(&self) -> Result<Segments, MediaError> {
        let (bytes, base) = self.whole(self.uri, LONGEST).await?;
        match listed(self.uri, hls::read(&bytes, &base))? {
            Hls::Media(list) => Ok(list),
            Hls::Master(_) => {
                let reason = "it was a list of segments, and is one of streams now";
                Err(MediaError::fetch(self.uri, reason))
            }
        }
    }

    /// The bytes of a segment, as a decoder reads them; with what its file begins with, if that `begins`.
    async fn segment(&self, segment: &Segment, begins: bool) -> Result<Vec<u8>, MediaError> {
        let beginning = match segment.beginning.as_ref().filter(|_| begins) {
            Some(beginning) => self.patiently(beginning).await?,
            None => Vec::new(),
        };
        let mut own = self.patiently(&segment.address).await?;
        let (sync, distance) = TRANSPORT;
        if own.first() == Some(&sync) && own.get(distance).is_none_or(|it| *it == sync) {
            let reason = "its segments are MPEG-TS, which is not played; most stations have another address for MP3 or AAC";
            return Err(MediaError::fetch(self.uri, reason));
        }
        // A tag in front tells only when it belongs (RFC 8216, 3.4). What stands in its place is put there in place: segments are large.
        let tag = id3::length(&own).min(own.len());
        own.splice(..tag, beginning);
        Ok(own)
    }

    /// A segment, asked for several times if need be.
    async fn patiently(&self, address: &Url) -> Result<Vec<u8>, MediaError> {
        let mut back_off = BackOff::default();
        loop {
            sleep(back_off.pause()).await;
            match self.whole(address.as_str(), LONGEST_SEGMENT).await {
                Ok((bytes, _)) => return Ok(bytes),
                Err(error) if back_off.attempts() >= ATTEMPTS => return Err(error),
                Err(error) => tracing::debug!("{error}; trying again"),
            }
        }
    }

    /// All that is at `uri`, if it is no more than `most`, and where that was in the end.
    async fn whole(&self, uri: &str, most: usize) -> Result<(Vec<u8>, Url), MediaError> {
        let deadline = Instant::now() + FIRST_BYTE_WITHIN;
        let late = |_| MediaError::fetch(uri, "it did not come in time");
        let asked = self.network.get(uri, Place::Byte(0), None);
        let answer = timeout_at(deadline, asked).await.map_err(late)?;
        let mut answer: Answer = answer.map_err(|refusal| refusal.explain(uri))?;
        let filled = timeout_at(deadline, answer.fill(most + 1, |_| true)).await;
        filled.map_err(late)?;
        if let Some(reason) = answer.broken() {
            return Err(MediaError::fetch(
                uri,
                format!("the connection broke ({reason})"),
            ));
        }
        let address = answer.url.clone();
        let bytes = answer.into_head();
        if bytes.len() > most {
            let reason = format!("it is longer than {} KiB", most >> 10);
            return Err(MediaError::fetch(uri, reason));
        }
        Ok((bytes, address))
    }
}
