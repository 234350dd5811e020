//! Honest clients: each sends a small request now and then, and records the result.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::client::{Answer, Client};
use super::content::{self, MIB};
use super::latency::{Latencies, Outcome, Sample};
use super::sign::{STS, Service};
use super::site::{HONEST, Site};

/// The number of honest clients.
#[derive(Clone, Copy)]
pub(super) struct Traffic {
    pub(super) clients: u32,
    /// The time between two requests of a client.
    pub(super) pace: Duration,
}

/// What a client requests.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Manifest,
    Identity,
    Push,
    Pull,
    Part,
}

impl Kind {
    /// Most clients pull manifests and call GetCallerIdentity; one in sixty uploads layer parts.
    fn of(index: u32) -> Self {
        match index % 60 {
            7 => Self::Part,
            at if at % 10 == 3 => Self::Push,
            at if at % 10 == 5 => Self::Pull,
            at if at % 3 == 0 => Self::Identity,
            _ => Self::Manifest,
        }
    }

    /// The name in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Manifest => "GET manifest",
            Self::Identity => "GetCallerIdentity",
            Self::Push => "push 1 KiB",
            Self::Pull => "pull 1 MiB",
            Self::Part => "UploadLayerPart 2 MiB",
        }
    }
}

/// Runs all clients until `stop`. Their starts are distributed over one pace.
pub(super) async fn run(site: Arc<Site>, traffic: Traffic, stop: CancellationToken) -> Result<Latencies> {
    let mut clients = JoinSet::new();
    for index in 0..traffic.clients {
        let wait = traffic.pace * index / traffic.clients.max(1);
        clients.spawn(client(Arc::clone(&site), Kind::of(index), traffic.pace, wait, stop.clone()));
    }
    let mut all = Latencies::default();
    while let Some(samples) = clients.join_next().await {
        all.extend(samples.context("an honest client panicked")??);
    }
    Ok(all)
}

async fn client(
    site: Arc<Site>,
    kind: Kind,
    pace: Duration,
    wait: Duration,
    stop: CancellationToken,
) -> Result<Vec<Sample>> {
    let mut caller = Caller { client: Client::new(site.honest_route()), site, part: part() };
    let mut samples = Vec::new();
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + wait, pace);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stop.cancelled() => return Ok(samples),
        }
        let start = Instant::now();
        let outcome = match caller.ask(kind).await {
            Ok(()) => Outcome::Answered,
            Err(error) if error.is::<Busy>() => Outcome::Busy,
            Err(error) => Outcome::Failed(format!("{}: {error:#}", kind.name())),
        };
        samples.push(Sample { kind, took: start.elapsed(), outcome });
    }
}

/// The server asked the client to retry later.
#[derive(Debug)]
struct Busy;

impl std::fmt::Display for Busy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the server is busy")
    }
}

impl std::error::Error for Busy {}

fn ok(answer: Answer, status: u16) -> Result<Answer> {
    if answer.is_busy() {
        return Err(Busy.into());
    }
    answer.expect(status)
}

/// A part of 2 MiB in base64.
fn part() -> Arc<str> {
    static PART: std::sync::OnceLock<Arc<str>> = std::sync::OnceLock::new();
    Arc::clone(PART.get_or_init(|| STANDARD.encode(vec![b'p'; 2 * MIB]).into()))
}

struct Caller {
    client: Client,
    site: Arc<Site>,
    part: Arc<str>,
}

impl Caller {
    async fn ask(&mut self, kind: Kind) -> Result<()> {
        match kind {
            Kind::Manifest => {
                self.get(&format!("/v2/{HONEST}/manifests/latest"), self.site.image.length).await
            }
            Kind::Pull => self.get(&format!("/v2/{HONEST}/blobs/{}", self.site.image.layer), MIB).await,
            Kind::Identity => self.identity().await,
            Kind::Push => self.push().await,
            Kind::Part => self.upload_part().await,
        }
    }

    async fn get(&mut self, path: &str, length: usize) -> Result<()> {
        let request = self.site.data(&self.site.honest, Method::GET, path)?;
        let answer = ok(self.client.ask(request).await?, 200)?;
        if answer.body.len() != length {
            bail!("{} bytes instead of {length}", answer.body.len());
        }
        Ok(())
    }

    async fn identity(&mut self) -> Result<()> {
        let call = [("Action", "GetCallerIdentity"), ("Version", STS)];
        let request = self.site.honest.key.query(&self.site.host, &call)?;
        ok(self.client.ask(request).await?, 200).map(drop)
    }

    /// A blob that was never pushed.
    async fn push(&mut self) -> Result<()> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let bytes = format!("{:1024}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let site = &self.site;
        let pushed =
            content::push_blob(&mut self.client, &site.host, &site.honest.basic, HONEST, bytes.into());
        pushed.await.map(drop)
    }

    async fn upload_part(&mut self) -> Result<()> {
        let begun = self.ecr("InitiateLayerUpload", json!({"repositoryName": HONEST}).to_string()).await?;
        let begun: Value = serde_json::from_slice(&begun.body)?;
        let id = begun.get("uploadId").and_then(Value::as_str).context("no uploadId")?;
        let (last, part) = (2 * MIB - 1, &self.part);
        let body = format!(
            r#"{{"repositoryName":"{HONEST}","uploadId":"{id}","partFirstByte":0,"partLastByte":{last},"layerPartBlob":"{part}"}}"#
        );
        self.ecr("UploadLayerPart", body).await.map(drop)
    }

    async fn ecr(&mut self, operation: &str, body: String) -> Result<Answer> {
        let key = &self.site.uploader.key;
        let request = key.json(&self.site.host, Service::Ecr, operation, Bytes::from(body))?;
        ok(self.client.ask(request).await?, 200)
    }
}
