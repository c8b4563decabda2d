//! What the headers of an answer say: ranges of bytes and of time, DLNA's features. Pure; what follows from it is decided in `answer`.

use std::time::Duration;

/// `Content-Range: bytes 0-99/1234`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    pub(super) first: u64,
    pub(super) total: Option<u64>,
}

impl ContentRange {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (span, total) = text.trim().strip_prefix("bytes")?.trim().split_once('/')?;
        let (first, _) = span.split_once('-')?;
        Some(Self {
            first: first.trim().parse().ok()?,
            total: total.trim().parse().ok(),
        })
    }
}

/// `TimeSeekRange.dlna.org: npt=30.000-210.500/210.500 bytes=…`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeRange {
    pub(super) first: Duration,
    pub(super) total: Option<Duration>,
}

impl TimeRange {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let range = text.trim().strip_prefix("npt")?.trim_start();
        let range = range.strip_prefix('=')?.split_whitespace().next()?;
        let (span, total) = range.split_once('/').unwrap_or((range, "*"));
        Some(Self {
            first: normal_play_time(span.split('-').next()?)?,
            total: normal_play_time(total),
        })
    }

    /// The header that asks for everything from `time` on.
    pub(super) fn from(time: Duration) -> String {
        format!("npt={}.{:03}-", time.as_secs(), time.subsec_millis())
    }
}

/// A time as RFC 2326 writes it: `205.5` or `0:03:25.5`.
fn normal_play_time(text: &str) -> Option<Duration> {
    let mut seconds = 0.0;
    for part in text.split(':') {
        seconds = seconds * 60.0 + part.trim().parse::<f64>().ok()?;
    }
    Duration::try_from_secs_f64(seconds).ok()
}

/// What `contentFeatures.dlna.org` says, as far as it matters here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Features {
    /// `DLNA.ORG_OP`: whether parts can be asked for by time, and by bytes.
    pub(super) operations: Option<(bool, bool)>,
    /// `DLNA.ORG_FLAGS`: the beginning or the end of it moves on.
    pub(super) live: bool,
}

impl Features {
    pub(super) fn parse(text: &str) -> Self {
        /// s0-increasing and sN-increasing (DLNA guidelines, 7.4.1.3.24).
        const MOVES_ON: u32 = 0b11 << 26;
        let mut features = Self::default();
        for parameter in text.split(';') {
            let Some((name, value)) = parameter.trim().split_once('=') else {
                continue;
            };
            match name.to_ascii_uppercase().as_str() {
                "DLNA.ORG_OP" => {
                    features.operations = match value.as_bytes() {
                        [time, bytes] => Some((*time == b'1', *bytes == b'1')),
                        _ => None,
                    };
                }
                "DLNA.ORG_FLAGS" => {
                    let primary = value
                        .get(..8)
                        .and_then(|it| u32::from_str_radix(it, 16).ok());
                    features.live = primary.is_some_and(|flags| flags & MOVES_ON != 0);
                }
                _ => {}
            }
        }
        features
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read() {
        let check = |text: &str, expected: Option<(u64, Option<u64>)>| {
            let read = ContentRange::parse(text).map(|range| (range.first, range.total));
            assert_eq!(read, expected, "{text}");
        };
        check("bytes 0-99/1234", Some((0, Some(1234))));
        check("bytes 17-/*", Some((17, None)));
        check("bytes */1234", None);
        check("seconds 1-2/3", None);
    }

    #[test]
    fn ranges_of_time_are_read_and_written() {
        let check = |text: &str, expected: Option<(u64, Option<u64>)>| {
            let millis = |time: Duration| time.as_millis() as u64;
            let read = TimeRange::parse(text);
            let read = read.map(|range| (millis(range.first), range.total.map(millis)));
            assert_eq!(read, expected, "{text}");
        };
        check(
            "npt=30.5-210.0/210.0 bytes=1-2/3",
            Some((30_500, Some(210_000))),
        );
        check(
            "npt=0:01:30-0:03:00.5/0:03:00.5",
            Some((90_000, Some(180_500))),
        );
        check("npt=12-", Some((12_000, None)));
        check("npt=12-/*", Some((12_000, None)));
        check("npt=-1-", None);
        check("bytes=1-2", None);
        assert_eq!(
            TimeRange::from(Duration::from_millis(61_005)),
            "npt=61.005-"
        );
    }

    #[test]
    fn features_are_read() {
        let check = |text: &str, operations, live| {
            assert_eq!(
                Features::parse(text),
                Features { operations, live },
                "{text}"
            );
        };
        check(
            "DLNA.ORG_PN=LPCM;DLNA.ORG_OP=10;DLNA.ORG_CI=1",
            Some((true, false)),
            false,
        );
        check(
            "DLNA.ORG_OP=01; DLNA.ORG_FLAGS=01700000000000000000000000000000",
            Some((false, true)),
            false,
        );
        check(
            "DLNA.ORG_OP=00;DLNA.ORG_FLAGS=0D500000000000000000000000000000",
            Some((false, false)),
            true,
        );
        check("*", None, false);
        check("DLNA.ORG_OP=1;DLNA.ORG_FLAGS=x", None, false);
    }
}
