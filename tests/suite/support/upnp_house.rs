//! Two hosts of our own in network namespaces, joined by two cables: here one may multicast.
//! Needs root and `ip`; without them the tests that use it fail, which is the point.

#![expect(clippy::unwrap_used, reason = "in a test helper, to panic is to tell")]

use std::fs::File;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::Instant;

/// What is waited for comes within this; it is far more than it takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than any pause within what is said at one occasion.
const QUIET: Duration = Duration::from_millis(600);

/// `box` has 10.91.0.1 and 10.92.0.1, `phone` the same with 2 at the end.
pub(crate) struct House {
    renderer: String,
    phone: String,
}

impl House {
    pub(crate) fn build() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = |role| format!("upnp-{role}-{}-{number}", std::process::id());
        let house = Self {
            renderer: name("box"),
            phone: name("phone"),
        };
        let (a, b) = (&house.renderer, &house.phone);
        for namespace in [a, b] {
            ip(&format!("netns add {namespace}"));
            ip(&format!("-n {namespace} link set lo up"));
        }
        for (cable, network) in [("cable0", "10.91.0"), ("cable1", "10.92.0")] {
            house.lay_cable(cable, network);
            house.until_it_carries(cable);
        }
        house
    }

    /// The kernel says that a cable carries only some time after both ends are up; to a program that starts before, it comes later.
    fn until_it_carries(&self, cable: &str) {
        let end = Instant::now() + PATIENCE;
        for namespace in [&self.renderer, &self.phone] {
            let state = format!("-n {namespace} -brief link show dev {cable}");
            while ip(&state).split_whitespace().nth(1) != Some("UP") {
                assert!(Instant::now() < end, "{cable} never carries");
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// Joins both hosts by one more cable, with the addresses 1 and 2 of this network.
    pub(crate) fn lay_cable(&self, cable: &str, network: &str) {
        let (a, b) = (&self.renderer, &self.phone);
        ip(&format!(
            "link add {cable} netns {a} type veth peer name {cable} netns {b}"
        ));
        for (namespace, host) in [(a, 1), (b, 2)] {
            ip(&format!(
                "-n {namespace} addr add {network}.{host}/24 dev {cable}"
            ));
            ip(&format!("-n {namespace} link set {cable} up"));
        }
    }

    /// Runs a future on a thread of its own on the host that is to be found.
    pub(crate) fn on_box<T: Send + 'static, F: Future<Output = T>>(
        &self,
        run: impl FnOnce() -> F + Send + 'static,
    ) -> JoinHandle<T> {
        inside(self.renderer.clone(), run)
    }

    /// Runs a future on a thread of its own on the host that searches.
    pub(crate) fn on_phone<T: Send + 'static, F: Future<Output = T>>(
        &self,
        run: impl FnOnce() -> F + Send + 'static,
    ) -> JoinHandle<T> {
        inside(self.phone.clone(), run)
    }

    /// `ip` with these arguments on the host that is to be found: takes an interface away, gives one back.
    pub(crate) fn ip_on_box(&self, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.renderer));
    }

    /// The same on the host that searches.
    pub(crate) fn ip_on_phone(&self, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.phone));
    }

    /// Listens on the other host to all that is announced on the interface with this address, from now on.
    pub(crate) fn overhear(&self, address: Ipv4Addr) -> Overheard {
        let (sender, heard) = watch::channel(Vec::new());
        let (ready, is_ready) = std::sync::mpsc::channel();
        self.on_phone(move || async move {
            let listener = Searcher::listen(address);
            ready.send(()).unwrap();
            while !sender.is_closed() {
                let heard = listener.collect(Duration::from_millis(20)).await;
                // Searches, our own among them, go to the same group.
                for message in heard.into_iter().filter(|m| m.starts_with("NOTIFY")) {
                    sender.send_modify(|heard: &mut Vec<_>| heard.push((Instant::now(), message)));
                }
            }
        });
        is_ready.recv().unwrap();
        Overheard(heard)
    }
}

/// What has been announced on one interface, with the moment of each message.
pub(crate) struct Overheard(watch::Receiver<Vec<(Instant, String)>>);

impl Overheard {
    /// All of it so far.
    pub(crate) fn so_far(&self) -> Vec<(Instant, String)> {
        self.0.borrow().clone()
    }

    /// Waits until it is as wanted; `what` is for the message if it never is.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&[(Instant, String)]) -> bool) {
        let mut heard = self.0.clone();
        let reached = tokio::time::timeout(PATIENCE, heard.wait_for(|heard| wanted(heard))).await;
        let reached = matches!(reached, Ok(Ok(_)));
        assert!(reached, "never heard {what}, but {:#?}", self.so_far());
    }

    /// Waits until nothing more has come for a while.
    pub(crate) async fn until_quiet(&self) {
        let mut before = usize::MAX;
        while before != self.0.borrow().len() {
            before = self.0.borrow().len();
            tokio::time::sleep(QUIET).await;
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        for namespace in [&self.renderer, &self.phone] {
            let _ = Command::new("ip")
                .args(["netns", "del", namespace])
                .status();
        }
    }
}

/// Runs `ip`; returns what it says.
fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    let output = output.expect("the program ip (package iproute2)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "ip {arguments}: {said} (these tests need root)"
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn inside<T: Send + 'static, F: Future<Output = T>>(
    namespace: String,
    run: impl FnOnce() -> F + Send + 'static,
) -> JoinHandle<T> {
    std::thread::spawn(move || {
        let file = File::open(format!("/run/netns/{namespace}")).expect("the namespace");
        setns(file, CloneFlags::CLONE_NEWNET).expect("to enter it");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(run())
    })
}

/// A control point's socket.
pub(crate) struct Searcher(UdpSocket);

impl Searcher {
    /// Searches through the interface with this address.
    pub(crate) fn on(address: Ipv4Addr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.set_broadcast(true).unwrap();
        socket.set_multicast_if_v4(&address).unwrap();
        socket.bind(&SocketAddrV4::new(address, 0).into()).unwrap();
        Self(UdpSocket::from_std(socket.into()).unwrap())
    }

    /// Hears what is announced on the interface with this address.
    pub(crate) fn listen(address: Ipv4Addr) -> Self {
        let group = Ipv4Addr::new(239, 255, 255, 250);
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.set_reuse_address(true).unwrap();
        socket.set_multicast_all_v4(false).unwrap();
        socket.bind(&SocketAddrV4::new(group, 1900).into()).unwrap();
        socket.join_multicast_v4(&group, &address).unwrap();
        Self(UdpSocket::from_std(socket.into()).unwrap())
    }

    pub(crate) async fn send(&self, to: &str, datagram: &[u8]) {
        let to: SocketAddr = to.parse().unwrap();
        self.0.send_to(datagram, to).await.unwrap();
    }

    /// Everything that arrives within this time.
    pub(crate) async fn collect(&self, time: Duration) -> Vec<String> {
        let mut heard = Vec::new();
        let end = Instant::now() + time;
        let mut buffer = [0; 2048];
        while let Ok(received) = tokio::time::timeout_at(end, self.0.recv_from(&mut buffer)).await {
            let (length, _) = received.unwrap();
            heard.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        heard
    }
}
