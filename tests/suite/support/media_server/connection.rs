//! One connection to the media server: requests in, answers out, as badly as the media says.

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use super::media::Body;
use super::{Framing, Media, Request, Shared};

/// What is left of a body that dwindles, in bytes per second.
const DWINDLED: usize = 1000;

pub(super) struct Connection<'a> {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
    shared: &'a Shared,
}

/// What one answer sends.
struct Answer<'a> {
    media: &'a Media,
    body: &'a Body,
    from: u64,
    /// How often the media had been asked for before.
    turn: usize,
    titles: bool,
}

impl<'a> Connection<'a> {
    pub(super) fn new(stream: TcpStream, shared: &'a Shared) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            writer: stream.try_clone()?,
            reader: BufReader::new(stream),
            shared,
        })
    }

    pub(super) fn serve(mut self) -> io::Result<()> {
        while let Some(request) = Request::read(&mut self.reader)? {
            let mut found = None;
            self.shared.update(|state| {
                state.log.requests.push(request.clone());
                let asked = state.asked.entry(request.path.clone()).or_default();
                found = Some((state.media.get(&request.path).cloned(), *asked));
                *asked += 1;
            });
            let (media, turn) = found.unwrap_or_default();
            let media = media.unwrap_or_else(|| Media::status(404));
            if media.silent {
                self.stall()?;
            }
            self.writer.set_write_timeout(media.drops_paused)?;
            self.answer(&request, &media, turn)?;
            if !matches!(media.framing, Framing::Chunked | Framing::Ranges) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn answer(&mut self, request: &Request, media: &Media, turn: usize) -> io::Result<()> {
        while media.one_at_a_time && self.shared.lock().log.open > 1 {
            thread::sleep(Duration::from_millis(1));
        }
        let refusal = match media.first.get(turn) {
            Some(status) if *status != 200 => Some(*status),
            _ if media.plain_only && request.header("transferMode.dlna.org").is_some() => Some(406),
            _ => None,
        };
        if let Some(status) = refusal {
            let mut head = format!("HTTP/1.1 {status} Not Now\r\nContent-Length: 0\r\n");
            for (name, value) in &media.headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str("\r\n");
            return self.writer.write_all(head.as_bytes());
        }
        let made = media.by_time.as_ref().zip(request.time());
        let made = made.map(|(by_time, time)| (Body::Bytes(by_time.0(time).into()), time));
        let body = made.as_ref().map_or(&media.body, |(body, _)| body);
        let length = body.length();
        let tag = media.tag.as_ref();
        let tag = tag.map(|tag| match media.changes && turn > 0 {
            true => "\"another\"".to_owned(),
            false => tag.clone(),
        });
        let is_it = request
            .header("if-range")
            .is_none_or(|asked| tag.as_deref() == Some(asked));
        let range = request.range_start();
        let parts = media.framing == Framing::Ranges && media.status == 200;
        let range = range.filter(|_| parts && is_it && made.is_none());
        // Who states a wrong length believes it when asked for a part, too.
        let claimed = media.length.as_ref().and_then(|it| it.parse().ok());
        let whole: u64 = claimed.unwrap_or(length);
        let has_none = made.is_some() && length == 0;
        if has_none || range.is_some_and(|from| from >= media.ends_at.unwrap_or(whole)) {
            let head = "HTTP/1.1 416 As Commanded\r\nContent-Length: 0\r\n\r\n";
            return self.writer.write_all(head.as_bytes());
        }
        let from = range.unwrap_or(0).min(length);
        let partial = range.is_some() || media.framing == Framing::UnaskedPartial;
        let status = if partial { 206 } else { media.status };
        let version = match media.framing {
            Framing::Http10 => "HTTP/1.0",
            Framing::Icy => "ICY",
            _ => "HTTP/1.1",
        };

        let mut head = format!("{version} {status} As Commanded\r\n");
        let mut header = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
        for (name, value) in &media.headers {
            header(name, value);
        }
        if let Some(tag) = &tag {
            header("ETag", tag);
        }
        if let Some((_, time)) = &made {
            let npt = format!("npt={}.{:03}-", time.as_secs(), time.subsec_millis());
            header("TimeSeekRange.dlna.org", &npt);
        }
        if partial {
            let range = format!("bytes {from}-{}/{whole}", whole.max(1) - 1);
            header("Content-Range", &range);
        }
        let wants_titles = request.header("icy-metadata") == Some("1");
        let titles = media.titles.as_ref().filter(|_| wants_titles);
        if let Some(titles) = titles {
            header("icy-metaint", &titles.interval.to_string());
        }
        match (&media.length, media.framing) {
            (Some(_), _) if range.is_some() => {
                header("Content-Length", &(whole - from).to_string());
            }
            (Some(length), _) => header("Content-Length", length),
            (None, Framing::Chunked) => header("Transfer-Encoding", "chunked"),
            (None, Framing::UntilClose) => header("Connection", "close"),
            (None, Framing::Http10 | Framing::Icy) => {}
            (None, _) => header("Content-Length", &(length - from).to_string()),
        }
        match media.framing {
            Framing::Ranges => header("Accept-Ranges", "bytes"),
            Framing::RefusesRanges => header("Accept-Ranges", "none"),
            _ => {}
        }
        head.push_str("\r\n");
        self.writer.write_all(head.as_bytes())?;
        thread::sleep(media.begins_after);
        let answer = Answer {
            media,
            body,
            from,
            turn,
            titles: titles.is_some(),
        };
        self.body(&answer)
    }

    fn body(&mut self, answer: &Answer<'_>) -> io::Result<()> {
        let media = answer.media;
        let length = answer.body.length() - answer.from;
        let cut = media.cut_after.filter(|(_, bodies)| answer.turn < *bodies);
        let cut = cut.map(|(after, _)| after);
        let ends = media.ends_at.map(|at| at.saturating_sub(answer.from));
        let dry = media.dries_up_at.map(|at| at.saturating_sub(answer.from));
        let titles = media.titles.as_ref().filter(|_| answer.titles);
        let mut untold = titles.map_or(&[][..], |titles| &titles.titles);
        let interval = titles.map(|titles| titles.interval as u64);
        let mut sent = 0;
        while sent < length {
            if cut == Some(sent) || ends.is_some_and(|end| end <= sent) {
                return Err(io::Error::other("cut as commanded"));
            }
            if [media.stall_after, dry].contains(&Some(sent)) {
                self.stall()?;
            }
            let title = interval.map(|interval| (sent / interval + 1) * interval);
            let dwindles = media.dwindle_after;
            let rate = if dwindles.is_some_and(|after| after <= sent) {
                Some(DWINDLED)
            } else {
                media.bytes_per_second
            };
            let step = rate.map_or(16 << 10, |rate| (rate / 100).max(1));
            let next = [
                Some(length),
                cut,
                ends,
                media.stall_after,
                dry,
                dwindles,
                title,
            ]
            .into_iter()
            .flatten()
            .filter(|stop| *stop > sent)
            .min()
            .unwrap_or(length);
            let most = usize::try_from(next - sent).unwrap_or(usize::MAX).min(step);
            let piece = answer.body.read(answer.from + sent, most);
            self.send(&piece, media)?;
            sent += piece.len() as u64;
            self.shared.update(|state| state.log.sent += piece.len());
            if interval.is_some_and(|interval| sent.is_multiple_of(interval)) {
                let mut block = vec![0];
                if let Some(((at, title), later)) = untold.split_first()
                    && *at <= sent
                {
                    untold = later;
                    block = [b"0StreamTitle='", title.as_slice(), b"';"].concat();
                    let sixteenths = (block.len() - 1).div_ceil(16);
                    block[0] = sixteenths as u8;
                    block.resize(sixteenths * 16 + 1, 0);
                }
                self.send(&block, media)?;
            }
            if rate.is_some() {
                thread::sleep(Duration::from_millis(10));
            }
        }
        if media.framing == Framing::Chunked {
            self.writer.write_all(b"0\r\n\r\n")?;
        }
        Ok(())
    }

    fn send(&mut self, piece: &[u8], media: &Media) -> io::Result<()> {
        if media.framing == Framing::Chunked {
            write!(self.writer, "{:x}\r\n", piece.len())?;
        }
        self.writer.write_all(piece)?;
        if media.framing == Framing::Chunked {
            self.writer.write_all(b"\r\n")?;
        }
        Ok(())
    }

    /// Waits until it is released, the server stops, or the client goes away.
    fn stall(&mut self) -> io::Result<()> {
        let stream = self.reader.get_ref();
        stream.set_read_timeout(Some(Duration::from_millis(10)))?;
        loop {
            {
                let state = self.shared.lock();
                if state.stopped {
                    return Err(io::Error::other("the server stops"));
                }
                if state.released {
                    break;
                }
            }
            match self.reader.get_mut().read(&mut [0; 64]) {
                Ok(0) => return Err(io::Error::other("the client has gone")),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        self.reader.get_ref().set_read_timeout(None)
    }
}
