//! The protocol between systemd and a service: sockets that are open already (sd_listen_fds(3)), and the notifications that
//! the service is ready, stops, or still runs (sd_notify(3)). Without systemd nothing is taken and nothing is sent.

use std::io;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use anyhow::{Context as _, bail};
use listenfd::ListenFd;
use server::Sockets;

/// The name of the socket for Prometheus (`FileDescriptorName=`).
const METRICS: &str = "metrics";

/// The sockets that this process was started with. Call this before any thread starts: it changes the environment.
pub(crate) fn sockets() -> anyhow::Result<Sockets> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut passed = ListenFd::from_env();
    let mut sockets = Sockets::default();
    for at in 0..passed.len() {
        let name = names.next().unwrap_or_default();
        let socket = passed.take_tcp_listener(at);
        let socket = socket.with_context(|| format!("the socket {name} of LISTEN_FDS cannot be used"))?;
        let place = if name == METRICS { &mut sockets.metrics } else { &mut sockets.server };
        place_once(place, socket, name)?;
    }
    Ok(sockets)
}

fn place_once(
    place: &mut Option<TcpListener>,
    socket: Option<TcpListener>,
    name: &str,
) -> anyhow::Result<()> {
    if place.is_some() {
        bail!(
            "LISTEN_FDS has more than one socket for {}: use one ListenStream= for the registry, and one with \
             FileDescriptorName={METRICS}",
            if name == METRICS { "metrics" } else { "the registry" }
        );
    }
    *place = socket;
    Ok(())
}

/// Tells the service manager that requests are served.
pub(crate) fn ready() {
    notify("READY=1");
}

/// Tells the service manager that the service stops.
pub(crate) fn stopping() {
    notify("STOPPING=1");
}

/// Tells the service manager again and again that the process still runs its tasks, if the unit has `WatchdogSec=`.
pub(crate) async fn keep_alive() {
    let limit = std::env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok());
    let Some(limit) = limit.map(Duration::from_micros).filter(|limit| !limit.is_zero()) else { return };
    loop {
        notify("WATCHDOG=1");
        tokio::time::sleep(limit / 3).await;
    }
}

fn notify(state: &str) {
    let Some(path) = std::env::var("NOTIFY_SOCKET").ok().filter(|path| !path.is_empty()) else { return };
    if let Err(error) = send(&path, state) {
        tracing::warn!(%error, state, "the service manager cannot be notified");
    }
}

/// A name that begins with @ is in the abstract namespace.
fn send(path: &str, state: &str) -> io::Result<()> {
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(path)?,
    };
    let socket = UnixDatagram::unbound()?;
    // A manager that does not read must not hold up the server.
    socket.set_nonblocking(true)?;
    socket.send_to_addr(state.as_bytes(), &address).map(drop)
}
