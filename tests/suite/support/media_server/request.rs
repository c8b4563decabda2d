//! A request as it came.

use std::io::{self, BufRead};
use std::time::Duration;

use crate::support::upnp_wire;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// The value of the header of that name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        upnp_wire::header(&self.headers, name)
    }

    pub(super) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let mut request = Self {
            method: words.next().unwrap_or_default(),
            path: words.next().unwrap_or_default(),
            headers: Vec::new(),
        };
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end().split_once(':') {
                Some((name, value)) => request
                    .headers
                    .push((name.to_owned(), value.trim().to_owned())),
                None => return Ok(Some(request)),
            }
        }
    }

    /// The byte from which on it asks for the file.
    pub(super) fn range_start(&self) -> Option<u64> {
        let range = self.header("range")?.strip_prefix("bytes=")?;
        range.split('-').next()?.parse().ok()
    }

    /// The time from which on it asks for the file.
    pub(super) fn time(&self) -> Option<Duration> {
        let npt = self
            .header("timeseekrange.dlna.org")?
            .strip_prefix("npt=")?;
        Some(Duration::from_secs_f64(
            npt.trim_end_matches('-').parse().ok()?,
        ))
    }
}
