//! A client that pushes large layers in parts through all nodes, and continues each upload after a fault, as container
//! clients do: it asks for the offset first.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use testkit::{Client, noise, sha256};

use crate::soak_tags::answered;

/// A restart of the database may take back what it had of an upload, also after the client got its last answer: the layer
/// then ends with too few bytes, and has another digest. An S3 server that is killed while it completes an upload may lose
/// it. The client begins again.
const TAKEN_BACK: &str = "the upload lost bytes";

const NAME: &str = "soak/uploads";
/// Longer than one part in a bucket.
const LENGTH: usize = 11 << 20;
const CHUNK: usize = 3 << 20;
/// Longer than any fault.
const PATIENCE: Duration = Duration::from_mins(2);

/// What was pushed.
#[derive(Default)]
pub(crate) struct Uploads {
    /// Layers that were pushed completely and read back.
    pub(crate) complete: AtomicU64,
    /// Requests without an answer, after which the upload went on.
    pub(crate) continued: AtomicU64,
    /// Uploads that the database or the S3 server forgot when it was killed.
    pub(crate) forgotten: AtomicU64,
    /// How often a kill of the database or of the S3 server began or was over: odd in between.
    pub(crate) kills: AtomicU64,
}

impl Uploads {
    /// Whether the database or the S3 server was killed since the counter had this value.
    pub(crate) fn may_be_forgotten(&self, since: u64) -> bool {
        let now = self.kills.load(Ordering::Relaxed);
        now != since || !now.is_multiple_of(2)
    }

    pub(crate) fn create(client: &Client) -> Result<()> {
        client.ecr("CreateRepository", &format!(r#"{{"repositoryName":"{NAME}"}}"#))?.expect(200)?;
        Ok(())
    }

    /// Pushes one layer after another until it is stopped.
    pub(crate) fn run(&self, client: &Client, mut seed: u64, stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            seed += 1;
            let kills = self.kills.load(Ordering::Relaxed);
            match self.push(client, &noise(LENGTH, seed | 3 << 60)) {
                Err(error) if error.to_string() == TAKEN_BACK && self.may_be_forgotten(kills) => {
                    self.forgotten.fetch_add(1, Ordering::Relaxed);
                }
                ended => ended?,
            }
        }
        Ok(())
    }

    fn push(&self, client: &Client, bytes: &[u8]) -> Result<()> {
        let (digest, begun) = (sha256(bytes), Instant::now());
        let path = format!("/v2/{NAME}/blobs/uploads/");
        let started = self.until(begun, || answered(client.v2("POST", &path, "", b""), &[202]))?;
        let location = started.header("location").context("no location")?.to_owned();
        let mut offset = 0;
        while offset < bytes.len() {
            let part = &bytes[offset..bytes.len().min(offset + CHUNK)];
            offset = match answered(client.patch(&location, offset, part), &[202, 404, 416])? {
                Some(reply) if reply.status == 202 => offset + part.len(),
                Some(reply) if reply.status == 404 => bail!(TAKEN_BACK),
                _ => self.offset(client, &location, begun)?,
            };
        }
        let end = format!("{location}?digest={digest}");
        let blob = format!("/v2/{NAME}/blobs/{digest}");
        // A PUT without an answer may have ended the upload.
        self.until(begun, || {
            let ended = answered(client.v2("PUT", &end, "", b""), &[201, 400, 404])?;
            let is_refused = ended.as_ref().is_some_and(|reply| reply.status == 400);
            ensure!(!is_refused, TAKEN_BACK);
            if ended.as_ref().is_none_or(|reply| reply.status != 404) {
                return Ok(ended);
            }
            let there = answered(client.v2("HEAD", &blob, "", b""), &[200, 404])?;
            ensure!(there.as_ref().is_none_or(|there| there.status == 200), TAKEN_BACK);
            Ok(there)
        })?;
        let read = self.until(begun, || answered(client.v2("GET", &blob, "", b""), &[200]))?;
        ensure!(read.body == bytes, "{digest} has other bytes");
        self.complete.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn offset(&self, client: &Client, location: &str, begun: Instant) -> Result<usize> {
        let status = self.until(begun, || answered(client.v2("GET", location, "", b""), &[204, 404]))?;
        ensure!(status.status == 204, TAKEN_BACK);
        let range = status.header("range").context("no range")?;
        let last: usize = range.trim_start_matches("0-").parse()?;
        Ok(if last == 0 { 0 } else { last + 1 })
    }

    /// Repeats a request until it is answered.
    fn until<T>(&self, begun: Instant, ask: impl Fn() -> Result<Option<T>>) -> Result<T> {
        loop {
            if let Some(reply) = ask()? {
                return Ok(reply);
            }
            ensure!(begun.elapsed() < PATIENCE, "the upload did not end within {PATIENCE:?}");
            self.continued.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}
