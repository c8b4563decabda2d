//! The connections that media comes over: plain or TLS, one for each request, their heads mended. What is asked for over them,
//! and what an answer means, is decided elsewhere.

use std::error::Error;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::TokioExecutor;

use super::mend::Mending;

/// A server in the same house that has not accepted a connection by then will not.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// A peer that has vanished without a word is asked after this whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// What the system may keep of a connection before it is read; Linux doubles it. Enough for five megabytes a second from a server that is
/// a tenth of a second away. Left to itself it would keep up to 32, and one would learn as much later that a server has hung up.
const KEPT_UNREAD: usize = 512 << 10;

type Plain = Client<Mending<HttpConnector>, String>;
type Secure = Client<Mending<HttpsConnector<HttpConnector>>, String>;

/// Makes requests, each over a connection of its own. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Clients {
    plain: Plain,
    /// Made with the first `https` address: the system's certificates take time and memory that plain media does not need.
    secure: Arc<OnceLock<Secure>>,
}

impl Clients {
    pub(super) fn new() -> Self {
        Self {
            plain: client(connector()),
            secure: Arc::default(),
        }
    }

    /// Sends `request`, whose address is absolute, and waits for the head of the answer.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(super) async fn send(
        &self,
        request: Request<String>,
    ) -> Result<Response<Incoming>, String> {
        let sent = if request.uri().scheme_str() == Some("https") {
            self.secure().await?.request(request).await
        } else {
            self.plain.request(request).await
        };
        sent.map_err(|error| reason(&error))
    }

    async fn secure(&self) -> Result<&Secure, String> {
        if let Some(secure) = self.secure.get() {
            return Ok(secure);
        }
        let made = tokio::task::spawn_blocking(secure).await;
        let made = made
            .map_err(io::Error::other)
            .flatten()
            .map_err(|error| format!("the system's certificates cannot be read: {error}"))?;
        Ok(self.secure.get_or_init(|| made))
    }
}

/// A client that trusts what the system trusts, or what `SSL_CERT_FILE` names. Reads files.
fn secure() -> io::Result<Secure> {
    let connector = HttpsConnectorBuilder::new()
        .with_native_roots()?
        .https_only()
        .enable_http1()
        .wrap_connector(connector());
    Ok(client(connector))
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT_WITHIN));
    connector.set_keepalive(Some(KEEPALIVE));
    connector.set_nodelay(true);
    connector.set_recv_buffer_size(Some(KEPT_UNREAD));
    connector
}

fn client<C>(connector: C) -> Client<Mending<C>, String>
where
    Mending<C>: hyper_util::client::legacy::connect::Connect + Clone,
{
    Client::builder(TokioExecutor::new())
        // One connection per track, closed with it.
        .pool_max_idle_per_host(0)
        // Some old servers compare names of headers letter by letter.
        .http1_title_case_headers(true)
        .http1_ignore_invalid_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .build(Mending(connector))
}

/// What went wrong, in words: of a chain of errors the last names the cause.
fn reason(error: &ClientError) -> String {
    let cause = last_cause(error);
    if !error.is_connect() {
        return cause;
    }
    // What rustls says of certificates that the system does not vouch for.
    match cause.strip_prefix("invalid peer certificate: ") {
        Some(flaw) => format!(
            "no connection: this system does not trust the server's certificate ({flaw}); its own \
             certificates, or the file that SSL_CERT_FILE names, must vouch for it"
        ),
        None if cause.contains("deadline has elapsed") || cause.contains("timed out") => {
            format!("no connection within {} s", CONNECT_WITHIN.as_secs())
        }
        None => format!("no connection: {cause}"),
    }
}

/// The text of the innermost error.
pub(super) fn last_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
