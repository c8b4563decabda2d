//! What is worth knowing about an answer, in words for the log: why nobody can seek in it, and where it was taken otherwise than the
//! server says. Pure; whoever begins a transfer logs it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::media::buffer::Description;

/// How the head of an answer has been changed so that it could be read. Clones share it: it is handed on before the head has come.
#[derive(Debug, Clone, Default)]
pub(super) struct Mends(Arc<MendsInner>);

#[derive(Debug, Default)]
struct MendsInner {
    status_line: AtomicBool,
    length: AtomicBool,
}

impl Mends {
    /// The status line was SHOUTcast's.
    pub(super) fn status_line(&self) {
        self.0.status_line.store(true, Ordering::Relaxed);
    }

    /// A length was no number, or there was more than one.
    pub(super) fn length(&self) {
        self.0.length.store(true, Ordering::Relaxed);
    }
}

/// What there is to remark on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looks<'a> {
    pub(super) description: &'a Description,
    pub(super) mends: Option<&'a Mends>,
    /// The name of the station, if it is one.
    pub(super) station: Option<&'a str>,
    /// All of it was asked for, and it came as a part.
    pub(super) is_unasked_part: bool,
    /// The length that is stated and means nothing.
    pub(super) made_up: Option<u64>,
}

/// What is to be said of an answer to whoever asked for all of a file, one sentence each.
pub(super) fn remarks(looks: Looks<'_>) -> Vec<String> {
    let Looks { description, .. } = looks;
    let mended = |of: fn(&MendsInner) -> &AtomicBool| {
        looks
            .mends
            .is_some_and(|mends| of(&mends.0).load(Ordering::Relaxed))
    };
    let mut remarks = Vec::new();
    if mended(|it| &it.status_line) {
        remarks.push("the server answers like SHOUTcast (ICY), and is understood".to_owned());
    }
    if mended(|it| &it.length) {
        remarks.push("the server states a Content-Length that is no number; ignored".to_owned());
    }
    if let Some(length) = looks.made_up {
        remarks.push(format!(
            "the server states a length that is made up ({length} bytes); ignored"
        ));
    }
    if looks.is_unasked_part {
        remarks.push(
            "the server sends a part (206) though all was asked for; taken for all of it"
                .to_owned(),
        );
    }
    let seeking = match description {
        Description { live: true, .. } => Some(match looks.station {
            Some(name) => format!("it is the station {name:?}: no seeking"),
            None => "it is a live stream: no seeking".to_owned(),
        }),
        Description { by_time: true, .. } => {
            Some("places in it are asked for by time, since bytes are not offered".to_owned())
        }
        Description { length: None, .. } => {
            Some("its length is not known: no seeking but forward in what has come".to_owned())
        }
        Description { ranges: false, .. } => Some(
            "the server does not hand out parts: no seeking but forward in what has come"
                .to_owned(),
        ),
        Description { .. } => None,
    };
    remarks.extend(seeking);
    remarks
}
