//! Readers of a large blob: steady readers, however slow, receive all of it; readers that read nothing are cut off.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::attack::{Attack, Scale};
use super::content::{self, MIB};
use super::outcome::Check;
use super::site::{ABUSED, Site};

/// More than the buffers on both sides.
const LENGTH: usize = 32 * MIB;
/// The number of readers of each kind.
const READERS: usize = 4;
/// A steady reader reads 16 KiB a second, in four pieces. With the default limit of 60 s that is 960 KiB in the longest
/// pause of a body.
const RATE: usize = 16 * 1024;
const PIECES: u32 = 4;

fn blob() -> Bytes {
    Bytes::from(vec![b'r'; LENGTH])
}

/// Pushes the blob.
pub(super) async fn prepare(site: &Site) -> Result<()> {
    content::push_blob(&mut site.attacker(), &site.host, &site.writer.basic, ABUSED, blob()).await.map(drop)
}

/// Reads for longer than the longest pause of a body, then reads the rest.
pub(super) async fn run(site: Arc<Site>, scale: Scale) -> Result<Vec<Check>> {
    let idle = Attack::Readers.settings(scale).body_idle_seconds;
    // In addition to the idle limit: the time that a server needs to notice and to close.
    let time = Duration::from_secs(idle + idle / 2 + 4);
    // With a shorter limit, as many bytes arrive in it. A small buffer makes the reader's kernel acknowledge often
    // enough.
    let rate = scale.pick(RATE * 60 / usize::try_from(idle)?, RATE);
    let buffer = scale.pick(Some(64 * 1024), None);
    let digest = content::sha256(&blob());
    let mut steady = JoinSet::new();
    let mut silent = JoinSet::new();
    for _ in 0..READERS {
        steady.spawn(read(Arc::clone(&site), digest.clone(), buffer, time, Some(rate)));
        silent.spawn(read(Arc::clone(&site), digest.clone(), Some(16 * 1024), time, None));
    }
    let steady = lengths(steady.join_all().await);
    let silent = lengths(silent.join_all().await);
    // The server writes the line when it has closed the connection, which takes a little longer.
    sleep(Duration::from_secs(3)).await;
    let logged = reasons(&site.server.log(), &digest);
    let shown = |lengths: &[usize]| format!("bytes that came: {lengths:?}");
    let what = format!("a reader of {} KiB/s is not cut off in {} s", rate / 1024, time.as_secs());
    let whole = steady.iter().all(|length| *length == LENGTH);
    let cut = silent.iter().all(|length| *length < LENGTH);
    Ok(vec![
        Check::new(what, whole, shown(&steady)),
        Check::new(format!("a reader that takes nothing is cut off after {idle} s"), cut, shown(&silent)),
        Check::new(
            "the log says of each that was cut off that it was, and why",
            logged.len() == READERS,
            format!("{} lines: {}", logged.len(), logged.first().map_or("", String::as_str)),
        ),
    ])
}

/// The reasons in the log for downloads of the blob that were cut off.
fn reasons(log: &str, digest: &str) -> Vec<String> {
    let reason = |line: &str| {
        let line: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| line.get(name).and_then(Value::as_str);
        let is_cut = text("path")?.ends_with(digest) && text("method")? == "GET" && text("ended")? == "cut";
        let reason = text("reason").filter(|reason| is_cut && !reason.is_empty());
        reason.map(str::to_owned)
    };
    log.lines().filter_map(reason).collect()
}

fn lengths(outcomes: Vec<Result<usize>>) -> Vec<usize> {
    outcomes.into_iter().map(Result::unwrap_or_default).collect()
}

/// The number of received bytes of the body; a reader without a rate reads nothing for a while.
async fn read(
    site: Arc<Site>,
    digest: String,
    buffer: Option<u32>,
    time: Duration,
    rate: Option<usize>,
) -> Result<usize> {
    let mut stream = site.attack_route().connect_with(buffer).await?;
    let (host, basic) = (&site.host, &site.writer.basic);
    let head = format!(
        "GET /v2/{ABUSED}/blobs/{digest} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {basic}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    if rate.is_none() {
        sleep(time).await;
    }
    let mut length = first_piece(&mut stream).await?;
    let end = Instant::now() + time;
    while let Some(rate) = rate.filter(|_| Instant::now() < end) {
        let mut piece = vec![0; rate / PIECES as usize];
        match stream.read_exact(&mut piece).await {
            Err(_) => return Ok(length),
            Ok(read) => length += read,
        }
        sleep(Duration::from_secs(1) / PIECES).await;
    }
    let mut piece = vec![0; 256 * 1024];
    while let Ok(read) = stream.read(&mut piece).await
        && read > 0
    {
        length += read;
    }
    Ok(length)
}

/// Reads the head of the answer; returns the bytes of the body that came with it.
async fn first_piece(stream: &mut TcpStream) -> Result<usize> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(0);
        }
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = bytes.get(..end).unwrap_or_default();
            anyhow::ensure!(head.starts_with(b"HTTP/1.1 200"), "not the blob");
            return bytes.len().checked_sub(end + 4).context("a head longer than itself");
        }
    }
}
