//! What the decode thread asks of a decoder, and which decoder a file gets.
//! Decoding itself is done in [`decode`] and [`pcm`].

use std::io::{self, Read};
use std::time::Duration;

use crate::audio::Loudness;

use super::buffer::{ByteReader, Description};
use super::formats::Decoding;
use super::{Chunk, MediaInfo, MediaRequest, decode, formats, pcm};

/// Frames, and where they belong.
#[derive(Debug)]
pub(super) struct Decoded {
    /// The first frame's number, counted from the beginning of the media.
    pub(super) at: u64,
    /// Never empty.
    pub(super) chunk: Chunk,
}

/// Where a seek has led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// The next frames hold the one asked for or come before it.
    Place,
    /// There is no such frame: the media is over.
    End,
}

/// Why decoding cannot go on. Where reading was the trouble, the reader knows more.
#[derive(Debug)]
pub(super) struct Undecodable(pub(super) String);

impl From<io::Error> for Undecodable {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Makes frames of bytes. Used on one thread, and blocks as long as its reader does.
pub(super) trait Decoder {
    /// Layout, duration, and whether seeking works.
    fn info(&self) -> MediaInfo;

    /// How long it plays by its own word, which is no estimate: where it ends sooner, something is missing.
    fn stated(&self) -> Option<Duration> {
        None
    }

    /// How loud the file says that it is.
    fn loudness(&self) -> Loudness {
        Loudness::default()
    }

    /// The next frames; `None` at the end.
    fn decode(&mut self) -> Result<Option<Decoded>, Undecodable>;

    /// Goes to the frame `to` or to one shortly before it.
    fn seek(&mut self, to: u64) -> Result<Reached, Undecodable>;
}

/// Enough of the beginning to tell any format that has a name written at its beginning.
const HEAD: u64 = 12;

/// Opens the file behind `reader` with the decoder that its first bytes ask for. What the server and the sender say of it
/// matters for raw PCM only, which nothing else can tell.
pub(super) fn open(
    reader: ByteReader,
    request: &MediaRequest,
) -> Result<Box<dyn Decoder>, Undecodable> {
    let description = reader.describe()?;
    let mut head = Vec::new();
    reader.clone().take(HEAD).read_to_end(&mut head)?;
    if head.is_empty() {
        return Err(Undecodable("the file is empty".to_owned()));
    }
    let decoder: Box<dyn Decoder> = match pcm_layout(&head, &description, request) {
        Some(layout) => Box::new(pcm::PcmDecoder::new(reader, &description, layout)),
        None => Box::new(decode::ContainerDecoder::open(
            reader,
            &head,
            &description,
            request,
        )?),
    };
    let said = decoder.loudness();
    let loudness = Loudness {
        track: said.track.or(request.loudness.track),
        album: said.album.or(request.loudness.album),
    };
    let factor = request.replay_gain.factor(&loudness);
    Ok(match factor {
        1.0 => decoder,
        factor => Box::new(Scaled { decoder, factor }),
    })
}

/// A recording that is played louder or softer than it was made.
struct Scaled {
    decoder: Box<dyn Decoder>,
    factor: f32,
}

impl Decoder for Scaled {
    fn info(&self) -> MediaInfo {
        self.decoder.info()
    }

    fn stated(&self) -> Option<Duration> {
        self.decoder.stated()
    }

    fn decode(&mut self) -> Result<Option<Decoded>, Undecodable> {
        let mut decoded = self.decoder.decode()?;
        if let Some(decoded) = &mut decoded {
            for sample in &mut decoded.chunk.samples {
                *sample *= self.factor;
            }
        }
        Ok(decoded)
    }

    fn seek(&mut self, to: u64) -> Result<Reached, Undecodable> {
        self.decoder.seek(to)
    }
}

fn pcm_layout(
    head: &[u8],
    description: &Description,
    request: &MediaRequest,
) -> Option<pcm::Layout> {
    if formats::by_sign(head).is_some_and(|format| format.decoding == Decoding::Container) {
        return None;
    }
    pcm::Layout::stated(description.content_type.as_deref(), request)
}
