//! TLS before a media server: it ends here, and what is inside goes on to the server as it is.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;

use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::MediaServer;

/// The front; it stops when it is dropped.
#[derive(Debug)]
pub(crate) struct Tls {
    address: SocketAddr,
    /// The certificate that must be trusted to reach it, in PEM.
    pub(crate) certificate: String,
    _stop: oneshot::Sender<()>,
}

impl Tls {
    /// Before `server`, on a free port of loopback, under the name `localhost`.
    pub(crate) fn before(server: &MediaServer) -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("sound names");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a key of that certificate");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let behind = server.address;
        let (found, address) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
                let listener = listener.expect("loopback has free ports");
                found
                    .send(
                        listener
                            .local_addr()
                            .expect("a bound socket has an address"),
                    )
                    .expect("it is waited for");
                tokio::select! {
                    () = accept(&listener, &acceptor, behind) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address: address.recv().expect("the thread says where it is"),
            certificate: made.cert.pem(),
            _stop: stop,
        }
    }

    /// So many certificates that vouch for nothing, in PEM: a system knows about 140.
    pub(crate) fn others(number: usize) -> String {
        let one = |number| {
            let name = format!("ca-{number}.invalid");
            let mut of = rcgen::CertificateParams::new(vec![name.clone()]).expect("a sound name");
            // Each its own: of those that are called alike, a client tries one after the other, and not as many as these.
            of.distinguished_name.push(rcgen::DnType::CommonName, name);
            let key = rcgen::KeyPair::generate().expect("a key");
            of.self_signed(&key).expect("a certificate").pem()
        };
        (0..number).map(one).collect()
    }

    /// The address of `path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }
}

async fn accept(listener: &TcpListener, acceptor: &TlsAcceptor, behind: SocketAddr) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // A client that does not trust the certificate goes away; that is no error here.
            let Ok(mut outside) = acceptor.accept(stream).await else {
                return;
            };
            if let Ok(mut inside) = TcpStream::connect(behind).await {
                let _ended = copy_bidirectional(&mut outside, &mut inside).await;
            }
        });
    }
}
