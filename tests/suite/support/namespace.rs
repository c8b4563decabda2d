//! Network namespaces for tests that multicast, so that nothing leaves the machine.
//! A namespace lives as long as the process in it; there is nothing to clean up.
#![expect(
    clippy::unwrap_used,
    reason = "a failed step is a failed test; clippy exempts test functions only, not their helpers"
)]

use std::net::Ipv4Addr;
use std::process::Command;

/// The address of the only interface but loopback inside.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);

/// Set inside, to the test's name.
const MARK: &str = "UNISONO_TEST_NAMESPACE";

/// Two ends of a cable, one of them with an address; what is multicast there comes back to this host's own sockets.
const SET_UP: &str = "ip link set lo up && \
     ip link add near type veth peer name far && \
     ip address add 192.0.2.10/24 dev near && \
     ip link set near up && ip link set far up && \
     ip route add default dev near && \
     exec \"$@\"";

/// Makes the calling test run in a fresh network namespace. Outside, it runs this binary again for that one test, inside,
/// fails if that fails, and answers false: there is nothing left to do. Inside it answers true.
#[track_caller]
pub(crate) fn inside(test: &str) -> bool {
    if std::env::var_os(MARK).is_some_and(|mark| mark == test) {
        return true;
    }
    let binary = std::env::current_exe().unwrap();
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", SET_UP, "sh"])
        .arg(binary)
        .args(["--exact", test])
        .env(MARK, test)
        .output()
        .expect("unshare (util-linux) and ip (iproute2) are needed for the tests");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{test} failed in its namespace:\n{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    false
}
