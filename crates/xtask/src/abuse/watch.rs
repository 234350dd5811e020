//! Two requests that are sent all the time, each on its own connection: `/healthz` and `/metrics`.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use tokio_util::sync::CancellationToken;

use super::client::{Client, Route};
use super::sign::plain;

/// The results.
#[derive(Default)]
pub(super) struct Watched {
    pub(super) asked: usize,
    pub(super) worst: Duration,
    pub(super) failures: Vec<String>,
}

/// Requests `path` ten times a second until `stop`.
pub(super) async fn watch(to: SocketAddr, path: &str, stop: CancellationToken) -> Watched {
    let mut watched = Watched::default();
    while !stop.is_cancelled() {
        let start = Instant::now();
        let failure = ask(to, path).await.err();
        watched.asked += 1;
        watched.worst = watched.worst.max(start.elapsed());
        watched.failures.extend(failure.map(|error| format!("{path}: {error:#}")));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    watched
}

async fn ask(to: SocketAddr, path: &str) -> anyhow::Result<()> {
    let mut stranger = Client::new(Route { from: Ipv4Addr::LOCALHOST, to });
    let request = plain(&to.to_string(), Method::GET, path, None, None, Bytes::new())?;
    stranger.ask(request).await?.expect(200).map(drop)
}
