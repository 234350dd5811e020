//! Sends the spans of traced requests and background work to the operator's collector (OTLP over HTTP, protobuf). A collector that is away costs
//! spans, which are counted, and nothing else.

use std::time::{Duration, Instant};

use access::settings::{Cidr, Dialler};
use anyhow::Context as _;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode};
use outbound::{Client, Limits, Roots};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use trace::{Dropped, Queue, Resource, Tracer};

use crate::config::{Config, Telemetry};

/// The maximum number of spans in one request, about 250 KiB.
const MOST_OF_BATCH: usize = 512;
/// How long the first span of a batch waits for others.
const LINGER: Duration = Duration::from_secs(2);
/// Limits of one answer.
const LIMITS: Limits = Limits { bytes: 64 * 1024, time: Duration::from_secs(10) };
/// Pauses before a batch is sent again; after the last one it is dropped.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];
/// How long a node that stops sends what is left.
const LAST: Duration = Duration::from_secs(3);
/// How often the log says that the collector is away.
const COMPLAINT: Duration = Duration::from_mins(1);

/// What sends spans.
pub(crate) struct Exporter {
    queue: Queue,
    tracer: Tracer,
    client: Client,
    telemetry: Telemetry,
    resource: Resource,
    complained: Option<Instant>,
}

/// An exporter that runs.
pub(crate) struct Exporting {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Why a batch was not taken.
struct Refused {
    why: String,
    /// The collector may take it later (OTLP, "Failures").
    may_retry: bool,
}

impl Exporter {
    /// Sets the tracer of the server, if the configuration has a collector.
    pub(crate) fn begin(
        config: &mut Config,
        dialler: fn(Vec<Cidr>) -> Dialler,
    ) -> anyhow::Result<Option<Self>> {
        let Some(telemetry) = config.telemetry.clone() else { return Ok(None) };
        let roots = telemetry.ca.as_deref().map_or(Roots::System, Roots::Only);
        let client = Client::guarded(&dialler(config.allow_networks.clone()), roots);
        let client = client.context("telemetry.otlp_endpoint")?;
        let (tracer, queue) = Tracer::new(telemetry.sampling);
        config.options.tracer = tracer.clone();
        let mut instance = [0_u8; 16];
        aws_lc_rs::rand::fill(&mut instance)
            .ok()
            .context("the operating system provides no random numbers")?;
        let mut attributes = telemetry.attributes.clone();
        attributes.push(("service.instance.id".to_owned(), hex::encode(instance)));
        let resource = Resource::new(env!("CARGO_PKG_VERSION"), attributes);
        Ok(Some(Self { queue, tracer, client, telemetry, resource, complained: None }))
    }

    /// What fills the queue, for the background work.
    pub(crate) fn tracer(&self) -> Tracer {
        self.tracer.clone()
    }

    pub(crate) fn start(mut self) -> Exporting {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut batch = Vec::with_capacity(MOST_OF_BATCH);
            tokio::select! {
                biased;
                _ = stopped => {}
                () = self.run(&mut batch) => {}
            }
            batch.extend(self.queue.rest(MOST_OF_BATCH - batch.len()));
            let rest = async {
                while !batch.is_empty() {
                    self.send_once(&batch)
                        .await
                        .unwrap_or_else(|refused| self.give_up(batch.len(), &refused.why));
                    batch = self.queue.rest(MOST_OF_BATCH);
                }
            };
            if tokio::time::timeout(LAST, rest).await.is_err() {
                tracing::warn!("the last spans were not sent: the collector does not answer");
            }
        });
        Exporting { stop, task }
    }

    /// Sends batches. A batch stays in `batch` until it is settled.
    async fn run(&mut self, batch: &mut Vec<trace::Finished>) {
        loop {
            self.queue.batch(MOST_OF_BATCH, LINGER, batch).await;
            if batch.is_empty() {
                return;
            }
            if let Err(why) = self.send(batch).await {
                self.give_up(batch.len(), &why);
            }
            batch.clear();
        }
    }

    /// Sends a batch, several times if need be. The error says why it was not taken.
    async fn send(&mut self, batch: &[trace::Finished]) -> Result<(), String> {
        for pause in PAUSES {
            match self.send_once(batch).await {
                Ok(()) => return Ok(()),
                Err(refused) if refused.may_retry => tokio::time::sleep(pause).await,
                Err(refused) => return Err(refused.why),
            }
        }
        self.send_once(batch).await.map_err(|refused| refused.why)
    }

    async fn send_once(&self, batch: &[trace::Finished]) -> Result<(), Refused> {
        let mut request = Request::new(Bytes::from(self.resource.export(batch)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.telemetry.url.clone();
        request.headers_mut().clone_from(&self.telemetry.headers);
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let answer = self.client.send(request, LIMITS).await;
        let answer = answer.map_err(|error| Refused { why: error.to_string(), may_retry: true })?;
        let status = answer.status();
        if !status.is_success() {
            let may_retry = matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            );
            return Err(Refused { why: format!("it answers {status}"), may_retry });
        }
        let rejected = trace::rejected(answer.body()).min(batch.len() as u64);
        self.queue.counts().count_sent(batch.len() as u64 - rejected);
        self.queue.counts().count_dropped(Dropped::Collector, rejected);
        Ok(())
    }

    fn give_up(&mut self, spans: usize, why: &str) {
        self.queue.counts().count_dropped(Dropped::Collector, spans as u64);
        if self.complained.is_none_or(|at| at.elapsed() >= COMPLAINT) {
            self.complained = Some(Instant::now());
            tracing::warn!(spans, why, "spans were dropped: the collector of [telemetry] does not take them");
        }
    }
}

impl Exporting {
    /// Sends what is left, within a limit of time.
    pub(crate) async fn finish(self) {
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}
