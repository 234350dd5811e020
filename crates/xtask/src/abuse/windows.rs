//! Downloads over HTTP/2 with a closed window, or a window of one byte: each holds an open file of the server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::future::join_all;
use http::{Method, Request};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::attack::{Attack, Scale};
use super::content;
use super::outcome::Check;
use super::site::{ABUSED, Site};
use super::streams::{Streams, whole};
use crate::process;

/// The streams of each connection: as many as the server allows.
const STREAMS: usize = 200;
/// The windows of the five connections.
const WINDOWS: [u32; 5] = [0, 0, 0, 1, 1];
/// Other files that the server may open in the meantime.
const OWN_FILES: usize = 64;

fn layer() -> Bytes {
    Bytes::from(vec![b'w'; 8 * content::MIB])
}

/// Pushes the layer.
pub(super) async fn prepare(site: &Site) -> Result<()> {
    content::push_blob(&mut site.attacker(), &site.host, &site.writer.basic, ABUSED, layer()).await.map(drop)
}

/// Starts a thousand downloads and keeps their connections until well after the longest pause of a body.
pub(super) async fn run(site: Arc<Site>, scale: Scale) -> Result<Vec<Check>> {
    let wanted = json!({"repositoryName": ABUSED, "layerDigest": content::sha256(&layer())});
    let answer = site.ecr(&site.writer.key, "GetDownloadUrlForLayer", &wanted).await?.expect(200)?;
    let answer: Value = serde_json::from_slice(&answer.body)?;
    let url = answer.get("downloadUrl").and_then(Value::as_str).context("no downloadUrl")?.to_owned();

    let pid = site.server.pid();
    let before = process::open_files(pid)?;
    let mut held = Vec::new();
    for window in WINDOWS {
        let connection = Streams::open(site.attack_route(), window).await?;
        let requests = (0..STREAMS).map(|_| async {
            connection.send(Request::builder().method(Method::GET).uri(&url).body(whole(Bytes::new()))?).await
        });
        let answers = join_all(requests).await;
        held.push((connection, answers));
    }
    let most = process::open_files(pid)?;
    let limit = Duration::from_secs(Attack::Windows.settings(scale).body_idle_seconds + 5);
    let start = Instant::now();
    let mut now = most;
    while now > before + OWN_FILES && start.elapsed() < limit {
        sleep(Duration::from_millis(200)).await;
        now = process::open_files(pid)?;
    }
    let what = format!("files of closed windows are given up within {} s", limit.as_secs());
    let seen =
        format!("{before} before, {most} at the beginning, {now} after {} s", start.elapsed().as_secs());
    drop(held);
    Ok(vec![Check::new(what, now <= before + OWN_FILES, seen)])
}
