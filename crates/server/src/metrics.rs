//! The metrics for Prometheus: requests by operation and status, durations, bytes, connections.

mod pull_through;

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use aws::organizations::{Reconciler, WharfDescribeCollectionResponse};
use jiff::SignedDuration;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use registry::CacheCounts;
use registry::replication::{DestinationLag, PeerTraffic};
use trace::{Counts, Dropped};

use pull_through::PullThrough;

use crate::ledger::Figures;
use crate::log_lines::DroppedLines;

/// Upper limits in seconds: from a cached manifest to a large layer over a slow link.
const DURATIONS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Asked {
    operation: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    operation: &'static str,
    status: u32,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// A reconciler of a database.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Reconciled {
    reconciler: String,
    of: Of,
}

impl EncodeLabelSet for Reconciled {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        EncodeLabel::encode(&("reconciler", self.reconciler.as_str()), encoder.encode_label())?;
        self.of.encode(encoder)
    }
}

/// One of `[[databases]]`. What the directory has is without a label, as in a deployment with one database.
#[derive(Clone, Debug, Default, Hash, PartialEq, Eq)]
struct Of(Option<String>);

impl EncodeLabelSet for Of {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        match &self.0 {
            Some(name) => EncodeLabel::encode(&("database", name.as_str()), encoder.encode_label()),
            None => Ok(()),
        }
    }
}

/// The state of the reconcilers in the store, as one node last read it.
#[derive(Default)]
struct Reconcilers {
    ended: Family<Reconciled, Gauge<f64, AtomicU64>>,
    done: Family<Reconciled, Gauge>,
    has_more: Family<Reconciled, Gauge>,
    backlog: Family<Reconciled, Gauge>,
    failed: Family<Reconciled, Gauge>,
}

/// The counters of one server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Family<Asked, Histogram>,
    received: Counter<u64, AtomicU64>,
    sent: Counter<u64, AtomicU64>,
    cut: Family<Reason, Counter>,
    throttled: Family<Asked, Counter>,
    pub(crate) throttle_accounts: Gauge,
    pub(crate) connections: Gauge,
    pub(crate) accepted: Counter,
    pub(crate) in_flight: Gauge,
    pub(crate) uploads_in_flight: Gauge,
    pub(crate) memory: Figures,
    clock_skew: Gauge<f64, AtomicU64>,
    reconcilers: Reconcilers,
    storage: Storage,
    /// Whether each database answered, when this node asked last.
    answers: Family<Of, Gauge>,
    replication: Replication,
    pull_through: PullThrough,
    traces: Traces,
}

/// The spans of traces.
#[derive(Default)]
struct Traces {
    sent: Counter<u64, AtomicU64>,
    dropped: Family<Reason, Counter<u64, AtomicU64>>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Replicated {
    source: String,
    destination: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ToPeer {
    peer: String,
}

/// How far the destinations of replication are behind, as one node last read it.
#[derive(Default)]
struct Replication {
    lag: Family<Replicated, Gauge>,
    waiting: Family<Replicated, Gauge>,
    failed: Family<Replicated, Gauge>,
    sent: Family<ToPeer, Gauge>,
}

/// What the deployment stores, as one node last read it.
#[derive(Default)]
struct Storage {
    stored: Gauge,
    doomed: Family<Of, Gauge>,
    freed: Family<Of, Gauge>,
    reviews: Family<Of, Gauge>,
}

impl Metrics {
    pub(crate) fn new(dropped_lines: &DroppedLines) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("wharf"),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            received: Counter::default(),
            sent: Counter::default(),
            cut: Family::default(),
            throttled: Family::default(),
            throttle_accounts: Gauge::default(),
            connections: Gauge::default(),
            accepted: Counter::default(),
            in_flight: Gauge::default(),
            uploads_in_flight: Gauge::default(),
            memory: Figures::default(),
            clock_skew: Gauge::default(),
            reconcilers: Reconcilers::default(),
            storage: Storage::default(),
            answers: Family::default(),
            replication: Replication::default(),
            pull_through: PullThrough::default(),
            traces: Traces::default(),
        };
        metrics.register();
        // The metrics show each reason from the start.
        metrics.traces(&Counts::default());
        let help = "Lines of the log that were lost because it could not be written in time, by kind";
        metrics.registry.register("log_dropped_lines", help, dropped_lines.metric());
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "http_requests",
            "Requests answered, by operation and status",
            self.requests.clone(),
        );
        let help = "Time from a request's head to the end of its answer, by operation";
        registry.register("http_request_seconds", help, self.seconds.clone());
        registry.register("http_received_bytes", "Bytes of request bodies", self.received.clone());
        registry.register("http_sent_bytes", "Bytes of answers' bodies", self.sent.clone());
        let help = "Requests whose answer was not sent completely, by reason";
        registry.register("http_cut_answers", help, self.cut.clone());
        let help = "Requests refused because their account was over its rate, by operation";
        registry.register("throttled_requests", help, self.throttled.clone());
        let help = "Accounts whose rates are in memory";
        registry.register("throttle_accounts", help, self.throttle_accounts.clone());
        registry.register("http_connections", "Open connections", self.connections.clone());
        registry.register("http_accepted_connections", "Connections accepted", self.accepted.clone());
        registry.register("http_requests_in_flight", "Requests being served", self.in_flight.clone());
        let help = "Requests that carry bytes of a blob being served";
        registry.register("http_uploads_in_flight", help, self.uploads_in_flight.clone());
        let help = "Bytes of the memory budget that are held for clients";
        registry.register("memory_held_bytes", help, self.memory.held.clone());
        let help = "Requests, or parts of them, for which the memory budget had no room in time";
        registry.register("memory_refused", help, self.memory.refused.clone());
        let help = "How far the clock of this node is ahead of the database's, in seconds";
        registry.register("clock_skew_seconds", help, self.clock_skew.clone());
        let help = "When the last pass of a reconciler ended, in seconds since 1970; 0 if none did";
        registry.register("reconciler_ended_seconds", help, self.reconcilers.ended.clone());
        let help = "How much the last pass of a reconciler did";
        registry.register("reconciler_done", help, self.reconcilers.done.clone());
        let help = "Whether the last pass of a reconciler left work";
        registry.register("reconciler_has_more", help, self.reconcilers.has_more.clone());
        let help = "How many things wait for a reconciler, counted up to 1000";
        registry.register("reconciler_backlog", help, self.reconcilers.backlog.clone());
        let help = "Whether the last pass of a reconciler failed";
        registry.register("reconciler_failed", help, self.reconcilers.failed.clone());
        let help = "Whether the database answered this node when it was asked for these metrics";
        registry.register("database_answers", help, self.answers.clone());
        let help = "How long the oldest image or tag has waited for a destination of replication, in seconds";
        registry.register("replication_lag_seconds", help, self.replication.lag.clone());
        let help = "How many images and tags wait for a destination of replication, counted up to 10000";
        registry.register("replication_waiting", help, self.replication.waiting.clone());
        let help = "How many images and tags a destination of replication refused, counted up to 10000";
        registry.register("replication_failed", help, self.replication.failed.clone());
        self.pull_through.register(registry);
        let help = "Spans of traces that the collector took";
        registry.register("trace_sent_spans", help, self.traces.sent.clone());
        let help = "Spans of traces that were dropped, by reason";
        registry.register("trace_dropped_spans", help, self.traces.dropped.clone());
        let help = "Bytes of layers that this process sent to a peer since it started";
        registry.register("replication_sent_bytes", help, self.replication.sent.clone());
        let help = "Bytes of layers and manifests that are stored; each layer counts once";
        registry.register("stored_bytes", help, self.storage.stored.clone());
        let help = "Bytes whose rows are gone and that wait for their removal";
        registry.register("collection_doomed_bytes", help, self.storage.doomed.clone());
        let help = "Bytes that were removed since the deployment began";
        registry.register("collection_freed_bytes", help, self.storage.freed.clone());
        let help = "Layers and objects that wait for the collector, up to 100,000 of each";
        registry.register("collection_reviews", help, self.storage.reviews.clone());
    }

    pub(crate) fn clock(&self, skew: Option<SignedDuration>) {
        // A clock that is not compared is not a right one.
        self.clock_skew.set(skew.map_or(f64::NAN, |skew| skew.as_secs_f64()));
    }

    pub(crate) fn observe(
        &self,
        operation: &'static str,
        status: u16,
        took: Duration,
        received: u64,
        sent: u64,
    ) {
        self.requests.get_or_create(&Answered { operation, status: status.into() }).inc();
        self.seconds.get_or_create(&Asked { operation }).observe(took.as_secs_f64());
        self.received.inc_by(received);
        self.sent.inc_by(sent);
    }

    /// An answer was cut off.
    pub(crate) fn cut(&self, reason: &'static str) {
        self.cut.get_or_create(&Reason { reason }).inc();
    }

    /// A request was over the rate of its operation.
    pub(crate) fn throttled(&self, operation: &'static str) {
        self.throttled.get_or_create(&Asked { operation }).inc();
    }

    /// Takes whether a database answered; None: the directory.
    pub(crate) fn answers(&self, database: Option<&str>, does: bool) {
        self.answers.get_or_create(&Of(database.map(str::to_owned))).set(does.into());
    }

    /// Takes the states of the reconcilers of a database; None: the directory.
    pub(crate) fn reconcilers(&self, database: Option<&str>, states: &[Reconciler]) {
        // Much work is the directory's, so it never ran in another database.
        let runs =
            |state: &&Reconciler| database.is_none() || state.last_ended_at.is_some() || state.backlog > 0;
        for state in states.iter().filter(runs) {
            let of = Of(database.map(str::to_owned));
            let label = Reconciled { reconciler: state.name.clone(), of };
            let Reconcilers { ended, done, has_more, backlog, failed } = &self.reconcilers;
            ended.get_or_create(&label).set(state.last_ended_at.unwrap_or_default());
            done.get_or_create(&label).set(state.done);
            has_more.get_or_create(&label).set(state.has_more.into());
            backlog.get_or_create(&label).set(state.backlog);
            failed.get_or_create(&label).set(state.last_error.is_some().into());
        }
    }

    /// Takes how far the destinations of replication are behind.
    pub(crate) fn replication(&self, lags: impl Iterator<Item = DestinationLag>) {
        let Replication { lag, waiting, failed, .. } = &self.replication;
        // A destination that was removed has no line.
        lag.clear();
        waiting.clear();
        failed.clear();
        for of_destination in lags {
            let DestinationLag { source, destination, .. } = of_destination;
            let label = Replicated { source, destination };
            lag.get_or_create(&label).set(of_destination.seconds);
            waiting.get_or_create(&label).set(of_destination.waiting);
            failed.get_or_create(&label).set(of_destination.failed);
        }
    }

    /// Takes what the pull-through cache has counted.
    pub(crate) fn pull_through(&self, counts: &CacheCounts) {
        self.pull_through.set(counts);
    }

    /// Takes how many spans were sent and dropped.
    pub(crate) fn traces(&self, counts: &Counts) {
        let set = |counter: &Counter<u64, AtomicU64>, count: u64| {
            counter.inc_by(count.saturating_sub(counter.get()));
        };
        set(&self.traces.sent, counts.sent());
        for why in Dropped::ALL {
            let counter = self.traces.dropped.get_or_create(&Reason { reason: why.name() });
            set(&counter, counts.dropped(why));
        }
    }

    /// Takes what was sent to the peers.
    pub(crate) fn peer_traffic(&self, traffic: Vec<PeerTraffic>) {
        for PeerTraffic { peer, sent } in traffic {
            let sent = i64::try_from(sent).unwrap_or(i64::MAX);
            self.replication.sent.get_or_create(&ToPeer { peer }).set(sent);
        }
    }

    /// Takes what the deployment stores.
    pub(crate) fn stored(&self, bytes: i64) {
        self.storage.stored.set(bytes);
    }

    /// Takes the state of the collector of a database; None: the directory.
    pub(crate) fn collection(&self, database: Option<&str>, state: &WharfDescribeCollectionResponse) {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let of = Of(database.map(str::to_owned));
        let Storage { doomed, freed, reviews, .. } = &self.storage;
        doomed.get_or_create(&of).set(count(state.doomed.bytes));
        freed.get_or_create(&of).set(count(state.freed_bytes));
        reviews.get_or_create(&of).set(count(state.layers.count.saturating_add(state.objects.count)));
    }

    /// The exposition in OpenMetrics' text form.
    pub(crate) fn text(&self) -> Option<String> {
        let mut text = String::new();
        encode(&mut text, &self.registry).ok()?;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use aws::organizations::ReconcilerState;

    use super::*;

    #[test]
    fn observations_appear_in_the_output() {
        let metrics = Metrics::new(&DroppedLines::default());
        metrics.observe("get_manifest", 200, Duration::from_millis(2), 5, 7);
        metrics.observe("get_manifest", 404, Duration::from_millis(2), 0, 1);
        let text = metrics.text().unwrap();
        for line in [
            "wharf_http_requests_total{operation=\"get_manifest\",status=\"200\"} 1",
            "wharf_http_requests_total{operation=\"get_manifest\",status=\"404\"} 1",
            "wharf_http_request_seconds_count{operation=\"get_manifest\"} 2",
            "wharf_http_received_bytes_total 5",
            "wharf_http_sent_bytes_total 8",
            "wharf_log_dropped_lines_total{kind=\"audit\"} 0",
        ] {
            assert!(text.contains(line), "{line} is not in:\n{text}");
        }
    }

    #[test]
    fn what_another_database_has_is_labelled() {
        let metrics = Metrics::new(&DroppedLines::default());
        let state = |name: &str, backlog| Reconciler {
            name: name.to_owned(),
            state: ReconcilerState::Idle,
            node: None,
            last_started_at: None,
            last_ended_at: None,
            next_run_at: None,
            done: 0,
            has_more: false,
            backlog,
            last_error: None,
        };
        metrics.reconcilers(None, &[state("deliver-events", 1), state("reseal-secrets", 0)]);
        metrics.reconcilers(Some("east"), &[state("deliver-events", 7), state("reseal-secrets", 0)]);
        metrics.answers(Some("east"), false);
        let text = metrics.text().unwrap();
        for line in [
            "wharf_reconciler_backlog{reconciler=\"deliver-events\"} 1\n",
            "wharf_reconciler_backlog{reconciler=\"deliver-events\",database=\"east\"} 7\n",
            "wharf_reconciler_backlog{reconciler=\"reseal-secrets\"} 0\n",
            "wharf_database_answers{database=\"east\"} 0\n",
        ] {
            assert!(text.contains(line), "{line} is not in:\n{text}");
        }
        assert!(!text.contains("\"reseal-secrets\",database"), "it is the directory's work");
    }
}
