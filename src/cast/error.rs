//! What can go wrong with a cast, as sentences that say what to do.
//! Numbers of UPnP faults are given where they are known: rupnp drops the body of an answer with status 500.

use crate::discovery::DiscoveryError;

/// Why a cast did not go as wanted.
#[derive(Debug, thiserror::Error)]
pub enum CastError {
    /// Neither an address nor a file.
    #[error(
        "{url:?} is not an address that a renderer can fetch; it must begin with http:// or https://"
    )]
    Address {
        /// As given.
        url: String,
    },
    /// A file of this machine.
    #[error(
        "{path} is a file of this machine, and renderers fetch over HTTP. Serve its folder, for example with\n  \
         python3 -m http.server 8000 --directory {folder:?}\n\
         and cast http://ADDRESS-OF-THIS-MACHINE:8000/{name}"
    )]
    LocalFile {
        /// As given.
        path: String,
        /// Its name.
        name: String,
        /// The folder it is in.
        folder: String,
    },
    /// The network could not be searched.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// Nobody answered the search.
    #[error(
        "no renderer answered; is this machine in the same network as they are? \
         With --interface ADDRESS the search goes through another one"
    )]
    NobodyThere,
    /// None has that name.
    #[error("no renderer's name contains {wanted:?}; found: {found}")]
    NotFound {
        /// The name looked for.
        wanted: String,
        /// Those that are there.
        found: String,
    },
    /// Several have that name.
    #[error("several renderers' names contain {wanted:?}: {found}; give more of the name")]
    Ambiguous {
        /// The name looked for.
        wanted: String,
        /// Those that have it.
        found: String,
    },
    /// A device that lacks what a renderer must have.
    #[error("{name} has no {service} service")]
    NoService {
        /// Its name.
        name: String,
        /// What it lacks.
        service: &'static str,
    },
    /// The renderer answered with a UPnP fault whose number is unknown.
    #[error(
        "{name} refuses {action}: it answers with HTTP status 500, a UPnP fault whose number cannot be seen from here; \
         {hint}"
    )]
    Refused {
        /// Its name.
        name: String,
        /// The action.
        action: &'static str,
        /// What such a fault usually means.
        hint: &'static str,
    },
    /// The renderer answered with a UPnP fault.
    #[error("{name} refuses {action}: UPnP error {code}")]
    Fault {
        /// Its name.
        name: String,
        /// The action.
        action: &'static str,
        /// The fault's number.
        code: u16,
    },
    /// No answer, or one that makes no sense.
    #[error("{name} does not answer {action}: {cause}")]
    Unanswered {
        /// Its name, or the address if that is not known yet.
        name: String,
        /// The action.
        action: &'static str,
        /// What happened.
        #[source]
        cause: rupnp::Error,
    },
    /// No answer in time.
    #[error("{name} does not answer {action} within {seconds} s; is it still switched on?")]
    Late {
        /// Its name, or the address if that is not known yet.
        name: String,
        /// The action.
        action: &'static str,
        /// How long was waited.
        seconds: u64,
    },
    /// The renderer says that it could not play the song.
    #[error(
        "{name} could not play {url} (TransportStatus ERROR_OCCURRED); its own log may say why"
    )]
    NotPlayed {
        /// Its name.
        name: String,
        /// The song's address.
        url: String,
    },
    /// What was to be shown could not be written.
    #[error("cannot write the progress: {0}")]
    Output(#[from] std::io::Error),
}
