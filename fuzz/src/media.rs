//! Files, stations and segments of any bytes, fetched over HTTP on loopback and played to the end as a zone would: by the way that all
//! media go.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use unisono::media::playlist::hls::{self, Hls};
use unisono::media::playlist::{self, Kind};
use unisono::media::{MediaRequest, Polled, Source, open};
use url::Url;

use super::library::{LIBRARY, Served};

/// Nothing that is played takes longer to say the next thing.
const PATIENCE: Duration = Duration::from_secs(8);
/// More than what is listened to: a few bytes of some codecs are hours of silence.
const ENOUGH: usize = 4_000_000;
/// More segments are not asked for: each takes a connection.
const MOST_SEGMENTS: usize = 16;

/// Whatever a file holds, it comes to an end or an error, and what is heard of it are numbers; so does a seek in it.
pub fn media(bytes: &[u8]) {
    // A playlist could have any address fetched, and nothing is to leave the machine; these have a target of their own.
    if is_list(bytes) {
        return;
    }
    play("/file", Served::File(Arc::from(bytes)));
}

/// Whatever a station sends between its sound, it comes to an end or an error. Two bytes say how much sound is between two titles.
pub fn icy(bytes: &[u8]) {
    let Some((interval, sent)) = bytes.split_first_chunk() else {
        return;
    };
    let interval = u16::from_be_bytes(*interval);
    // What is a list once the titles are out of it is one, too.
    if is_list(sent) || is_list(&sent[sent.len().min(usize::from(interval))..]) {
        return;
    }
    play("/radio", Served::Station(interval, Arc::from(sent)));
}

/// Whatever segments hold, and however they are listed, it comes to an end or an error. The list ends with an empty line, and the
/// segments follow.
pub fn segments(bytes: &[u8]) {
    const EMPTY: &[u8] = b"\n\n";
    let Some(at) = bytes.windows(2).position(|two| two == EMPTY) else {
        return;
    };
    let (list, pieces) = (&bytes[..at], &bytes[at + 2..]);
    let base = format!("http://{}/list", LIBRARY.address);
    let base = Url::parse(&base).expect("an address of our own");
    let Ok(Hls::Media(stream)) = hls::read(list, &base) else {
        return;
    };
    let ours = |address: &Url| address.origin() == base.origin();
    let of_us = stream
        .segments
        .iter()
        .all(|it| ours(&it.address) && it.beginning.as_ref().is_none_or(ours));
    // What is live has no end.
    if of_us && stream.ended && stream.segments.len() <= MOST_SEGMENTS {
        play("/list", Served::List(Arc::from(list), Arc::from(pieces)));
    }
}

fn is_list(bytes: &[u8]) -> bool {
    Kind::of(&bytes[..bytes.len().min(playlist::HEAD)], "/file", None).is_some()
}

fn play(path: &str, served: Served) {
    let _turn = LIBRARY.lend(served);
    let (wake, woken) = mpsc::channel();
    let request = MediaRequest {
        uri: format!("http://{}{path}", LIBRARY.address),
        ..MediaRequest::default()
    };
    let waker = Arc::new(move || {
        // Nobody waits any more once the end has come.
        let _ = wake.send(());
    });
    let mut source = open(request, &LIBRARY.network, waker);
    if listen(&mut *source, &woken) {
        source.seek(Duration::from_millis(20));
        listen(&mut *source, &woken);
    }
}

/// Hears a source out. Whether it may be sought in.
fn listen(source: &mut dyn Source, woken: &Receiver<()>) -> bool {
    let mut samples = 0;
    let mut is_seekable = true;
    while samples < ENOUGH {
        match source.poll() {
            Polled::Opened(info) => {
                assert!(info.format.rate > 0);
                is_seekable = info.seekable;
            }
            Polled::Audio(chunk) => {
                assert!([1, 2].contains(&chunk.format.channels));
                assert!(chunk.format.rate > 0);
                assert!(!chunk.samples.is_empty());
                assert!(chunk.samples.iter().all(|sample| sample.is_finite()));
                samples += chunk.samples.len();
            }
            // A block of titles is 255 times 16 bytes at most, and what is not UTF-8 takes up to two for each.
            Polled::Title(title) => assert!(title.len() <= 2 * 255 * 16),
            Polled::Sought(_) => {}
            Polled::Pending => woken
                .recv_timeout(PATIENCE)
                .expect("the source says something"),
            Polled::End => return is_seekable,
            Polled::Failed(error) => {
                assert!(!error.to_string().is_empty());
                return false;
            }
        }
    }
    false
}
