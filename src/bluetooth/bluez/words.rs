//! What BlueZ says when something fails, in our terms. Pure.

use bluer::{Error, ErrorKind, InternalErrorKind};

use crate::bluetooth::{Failure, Fault};

/// Words that BlueZ and the kernel have for the ways in which a connection fails: the newer ones from `src/error.h`, the older ones from
/// strerror. The first that is found counts.
const WORDS: [(&str, Failure); 12] = [
    ("profile-unavailable", Failure::NoSoundServer),
    ("protocol not available", Failure::NoSoundServer),
    ("page-timeout", Failure::OutOfReach),
    ("host is down", Failure::OutOfReach),
    ("timed out", Failure::OutOfReach),
    ("key-missing", Failure::Rejected),
    ("refused", Failure::Taken),
    ("aborted-by-remote", Failure::Taken),
    ("connection-busy", Failure::Taken),
    ("resource busy", Failure::Taken),
    ("reset by peer", Failure::Taken),
    ("no reply", Failure::TimedOut),
];

/// Why something that was asked of this adapter, or of a device of it, failed.
pub(super) fn failure(error: &Error, adapter: &str) -> Failure {
    let off = || Failure::Fault(Fault::AdapterOff(adapter.to_owned()));
    match &error.kind {
        ErrorKind::NotReady => off(),
        ErrorKind::NotFound | ErrorKind::DoesNotExist => Failure::Unknown,
        ErrorKind::AuthenticationCanceled
        | ErrorKind::AuthenticationFailed
        | ErrorKind::AuthenticationRejected => Failure::Rejected,
        ErrorKind::AuthenticationTimeout => Failure::TimedOut,
        ErrorKind::Internal(InternalErrorKind::DBus(name)) if name.ends_with("NoReply") => {
            Failure::TimedOut
        }
        ErrorKind::Internal(InternalErrorKind::DBus(name)) if name.ends_with("ServiceUnknown") => {
            Failure::Fault(Fault::NoBluez(short(error)))
        }
        _ => {
            let said = error.message.to_lowercase();
            if said.contains("not-powered") {
                return off();
            }
            let mut known = WORDS.into_iter();
            match known.find(|(words, _)| said.contains(words)) {
                Some((_, failure)) => failure,
                None => Failure::Other(short(error)),
            }
        }
    }
}

/// What the other side said, without the names of errors if it said anything else.
pub(super) fn short(error: &Error) -> String {
    if error.message.is_empty() {
        error.kind.to_string()
    } else {
        error.message.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(message: &str) -> Failure {
        let error = Error {
            kind: ErrorKind::Failed,
            message: message.to_owned(),
        };
        failure(&error, "hci0")
    }

    #[test]
    fn what_bluez_says_of_a_connection_is_understood_old_and_new() {
        for (said, expected) in [
            ("br-connection-page-timeout", Failure::OutOfReach),
            ("Host is down", Failure::OutOfReach),
            ("Connection timed out", Failure::OutOfReach),
            ("br-connection-refused", Failure::Taken),
            ("Connection refused", Failure::Taken),
            ("br-connection-busy", Failure::Taken),
            ("br-connection-aborted-by-remote", Failure::Taken),
            ("br-connection-profile-unavailable", Failure::NoSoundServer),
            ("Protocol not available", Failure::NoSoundServer),
            ("br-connection-key-missing", Failure::Rejected),
            (
                "br-connection-adapter-not-powered",
                Failure::Fault(Fault::AdapterOff("hci0".to_owned())),
            ),
            (
                "br-connection-concurrent-connection-limit",
                Failure::Other("br-connection-concurrent-connection-limit".to_owned()),
            ),
        ] {
            assert_eq!(failed(said), expected, "{said}");
        }
    }

    #[test]
    fn kinds_count_where_they_say_enough() {
        for (kind, expected) in [
            (ErrorKind::AuthenticationRejected, Failure::Rejected),
            (ErrorKind::AuthenticationTimeout, Failure::TimedOut),
            (ErrorKind::DoesNotExist, Failure::Unknown),
            (ErrorKind::NotFound, Failure::Unknown),
        ] {
            let error = Error {
                kind,
                message: "whatever".to_owned(),
            };
            assert_eq!(failure(&error, "hci0"), expected);
        }
    }
}
