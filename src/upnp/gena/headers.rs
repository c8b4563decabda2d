//! The headers of SUBSCRIBE and UNSUBSCRIBE: what they ask for, or why not.
//! Not the subscriptions themselves; those are in `subscriptions`.

use std::time::Duration;

use uuid::Uuid;

use super::callback;

/// The shortest and longest subscription granted. Control points renew at about half; DLNA asks for at least 300 s,
/// and an hour after a crash nobody should be written to any more.
const SHORTEST: Duration = Duration::from_secs(300);
/// See [`SHORTEST`].
const LONGEST: Duration = Duration::from_secs(1800);

/// The headers that matter, as sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Headers<'a> {
    /// `NT`
    pub nt: Option<&'a str>,
    /// `SID`
    pub sid: Option<&'a str>,
    /// `CALLBACK`
    pub callback: Option<&'a str>,
    /// `TIMEOUT`
    pub timeout: Option<&'a str>,
}

/// What a SUBSCRIBE asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subscribe {
    /// A new subscription; the addresses as sent, not yet judged.
    New {
        /// In the order of preference.
        callbacks: Vec<String>,
        /// As granted.
        timeout: Duration,
    },
    /// More time for an old one.
    Renew {
        /// Which.
        sid: Uuid,
        /// As granted.
        timeout: Duration,
    },
}

/// Why a request is refused; the number is the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Headers that exclude each other.
    #[error("SID together with NT or CALLBACK")]
    Contradiction = 400,
    /// Something is missing, unknown or not to be used.
    #[error("no such subscription, or no address that may be written to")]
    Precondition = 412,
    /// Enough is enough.
    #[error("too many subscriptions")]
    Full = 503,
}

/// Reads the headers of a SUBSCRIBE.
pub fn subscribe(headers: Headers<'_>) -> Result<Subscribe, Refusal> {
    let timeout = granted(headers.timeout);
    match headers {
        Headers {
            sid: Some(_),
            nt,
            callback,
            ..
        } if nt.is_some() || callback.is_some() => Err(Refusal::Contradiction),
        Headers { sid: Some(sid), .. } => Ok(Subscribe::Renew {
            sid: parse_sid(sid)?,
            timeout,
        }),
        Headers {
            nt: Some(nt),
            callback: Some(callback),
            ..
        } if nt.trim() == "upnp:event" => Ok(Subscribe::New {
            callbacks: callback::split(callback),
            timeout,
        }),
        _ => Err(Refusal::Precondition),
    }
}

/// Reads the headers of an UNSUBSCRIBE: whom to forget.
pub fn unsubscribe(headers: Headers<'_>) -> Result<Uuid, Refusal> {
    match headers.sid {
        Some(_) if headers.nt.is_some() || headers.callback.is_some() => {
            Err(Refusal::Contradiction)
        }
        Some(sid) => parse_sid(sid),
        None => Err(Refusal::Precondition),
    }
}

fn parse_sid(sid: &str) -> Result<Uuid, Refusal> {
    let sid = sid.trim();
    let bare = match sid.get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("uuid:") => sid.get(5..).unwrap_or_default(),
        _ => sid,
    };
    Uuid::try_parse(bare).map_err(|_| Refusal::Precondition)
}

/// `Second-540.0`, `second-300`, `infinite`, nothing: what is granted instead.
fn granted(asked: Option<&str>) -> Duration {
    let asked = asked.unwrap_or_default().trim().to_ascii_lowercase();
    let asked = asked.strip_prefix("second-").unwrap_or(&asked);
    let digits = asked.split('.').next().unwrap_or_default();
    match digits.parse() {
        Ok(seconds) => Duration::from_secs(seconds).clamp(SHORTEST, LONGEST),
        Err(_) => LONGEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g04_timeouts_as_they_are_sent() {
        for (asked, expected) in [
            (Some("Second-540.0"), 540),
            (Some("second-300"), 300),
            (Some("Second-1"), 300),
            (Some("Second-86400"), 1800),
            (Some("Second-infinite"), 1800),
            (Some("infinite"), 1800),
            (Some("Second--5"), 1800),
            (Some("Second-99999999999999999999"), 1800),
            (Some("rubbish"), 1800),
            (None, 1800),
        ] {
            assert_eq!(granted(asked), Duration::from_secs(expected), "{asked:?}");
        }
    }

    #[test]
    fn g05_what_excludes_each_other() {
        let sid = Some("uuid:67e55044-10b1-426f-9247-bb680e5fe0c8");
        let nt = Some("upnp:event");
        let callback = Some("<http://192.168.1.9/>");
        let check = |nt, sid, callback| {
            subscribe(Headers {
                nt,
                sid,
                callback,
                timeout: None,
            })
            .map_err(|refusal| refusal as u16)
            .err()
        };
        assert_eq!(check(nt, None, callback), None);
        assert_eq!(check(None, sid, None), None);
        assert_eq!(check(nt, sid, None), Some(400));
        assert_eq!(check(None, sid, callback), Some(400));
        assert_eq!(check(Some("foo"), None, callback), Some(412));
        assert_eq!(check(nt, None, None), Some(412));
        assert_eq!(check(None, None, callback), Some(412));
        assert_eq!(check(None, Some("uuid:nonsense"), None), Some(412));
    }
}
