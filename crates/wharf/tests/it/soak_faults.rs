//! What happens to a cluster during a soak: processes die, PostgreSQL fails over, the S3 server misbehaves, and the network
//! of a node is cut.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Result, anyhow};
use testkit::Cluster;
use testkit::faulty_s3::{Fault, Request};

use crate::soak_network::Network;

/// A fault, and what the report calls it.
pub(crate) struct Strike {
    pub(crate) what: &'static str,
    how: How,
}

enum How {
    /// These processes are killed, and start again.
    Kill(Vec<String>),
    /// The primary of PostgreSQL is killed, and its standby is promoted.
    FailOver,
    /// The S3 server does this for a while.
    Bucket(Fault, fn(&Request) -> bool),
    /// A node does not reach a server for a while.
    Network { node: usize, to: To, is_cut: bool },
}

#[derive(Clone, Copy)]
enum To {
    Database,
    Bucket,
}

fn all(_: &Request) -> bool {
    true
}

fn reads(request: &Request) -> bool {
    request.is("GetObject")
}

impl Strike {
    /// One of all faults; every second one kills a node.
    pub(crate) fn choose(roll: u64, cluster: &Cluster) -> Result<Self> {
        let nodes = cluster.nodes.len() as u64;
        let (first, second) = (roll % nodes, (roll + 1) % nodes);
        let [one, other] = [first, second].map(|node| format!("node-{}", node + 1));
        let node = usize::try_from(first)?;
        let primary = cluster.primary()?;
        let standby = if primary.ends_with("standby") { "postgres-primary" } else { "postgres-standby" };
        let bucket = |fault| How::Bucket(fault, all);
        let (what, how) = match roll / nodes % 32 {
            0 => ("PostgreSQL is killed", How::Kill(vec![primary])),
            1 => ("PostgreSQL fails over", How::FailOver),
            2 => ("the standby is killed", How::Kill(vec![standby.to_owned()])),
            3 => ("PostgreSQL and a node are killed", How::Kill(vec![primary, one])),
            4 => ("the S3 server is killed", How::Kill(vec!["store".to_owned()])),
            5 => ("two nodes are killed", How::Kill(vec![one, other])),
            6 => ("S3 answers 500", bucket(Fault::Status(500, "InternalError"))),
            7 => ("S3 answers 503", bucket(Fault::Status(503, "SlowDown"))),
            8 => ("S3 is slow", bucket(Fault::Slow(Duration::from_millis(1_500)))),
            9 => ("S3 resets connections", bucket(Fault::Reset)),
            10 => ("S3 loses its answers", bucket(Fault::LoseAnswer)),
            11 => ("S3 ends bodies early", How::Bucket(Fault::CutBody(1_000), reads)),
            12 => ("S3 lies about lengths", How::Bucket(Fault::ShortBody(1_000), reads)),
            13 => ("a node's network to PostgreSQL hangs", How::network(node, To::Database, false)),
            14 => ("a node's network to PostgreSQL is cut", How::network(node, To::Database, true)),
            15 => ("a node's network to S3 hangs", How::network(node, To::Bucket, false)),
            16 => ("a node's network to S3 is cut", How::network(node, To::Bucket, true)),
            _ => ("a node is killed", How::Kill(vec![one])),
        };
        Ok(Self { what, how })
    }

    /// How many nodes are killed.
    pub(crate) fn kills_of_nodes(&self) -> u64 {
        match &self.how {
            How::Kill(names) => names.iter().filter(|name| name.starts_with("node-")).count() as u64,
            _ => 0,
        }
    }

    /// Whether the database may forget what it had not synced, or the S3 server an upload that it was completing.
    pub(crate) fn kills_a_server(&self, primary: &str) -> bool {
        match &self.how {
            How::Kill(names) => names.iter().any(|name| name == primary || name == "store"),
            How::FailOver => true,
            _ => false,
        }
    }

    pub(crate) fn is_failover(&self) -> bool {
        matches!(self.how, How::FailOver)
    }

    /// The node that is cut off from a server, while the others are not.
    pub(crate) fn cut_off(&self) -> Option<usize> {
        if let How::Network { node, .. } = self.how { Some(node) } else { None }
    }

    /// Begins it. What is killed has a successor afterwards.
    pub(crate) fn begin(&self, cluster: &Cluster, network: &Network) -> Result<()> {
        match &self.how {
            How::Kill(names) => std::thread::scope(|scope| {
                let kills: Vec<_> =
                    names.iter().map(|name| scope.spawn(move || cluster.kill(name))).collect();
                kills.into_iter().try_for_each(|kill| kill.join().map_err(|_| anyhow!("a kill failed"))?)
            }),
            How::FailOver => cluster.fail_over(),
            How::Bucket(fault, matches) => {
                network.bucket.inject(usize::MAX, fault.clone(), *matches);
                Ok(())
            }
            How::Network { is_cut, .. } => {
                for proxy in self.proxies(network) {
                    if *is_cut { proxy.cut() } else { proxy.hold() }
                }
                Ok(())
            }
        }
    }

    /// Whether it lasts until [`Self::end`].
    pub(crate) fn lasts(&self) -> bool {
        matches!(self.how, How::Bucket(..) | How::Network { .. })
    }

    pub(crate) fn end(&self, network: &Network) {
        network.bucket.heal();
        self.proxies(network).iter().for_each(|proxy| proxy.mend());
    }

    fn proxies<'a>(&self, network: &'a Network) -> Vec<&'a crate::proxy::Proxy> {
        let How::Network { node, to, .. } = self.how else { return Vec::new() };
        let lines = network.lines(node);
        match to {
            To::Database => lines.database.iter().collect(),
            To::Bucket => vec![&lines.bucket],
        }
    }
}

impl How {
    fn network(node: usize, to: To, is_cut: bool) -> Self {
        Self::Network { node, to, is_cut }
    }
}

/// How long it took until a request succeeded, and until all nodes were ready, by what had happened.
#[derive(Default)]
pub(crate) struct Recoveries(BTreeMap<&'static str, [Vec<Duration>; 2]>);

impl Recoveries {
    pub(crate) fn add(&mut self, what: &'static str, succeeded: Duration, ready: Duration) {
        let times = self.0.entry(what).or_default();
        times[0].push(succeeded);
        times[1].push(ready);
    }

    /// A table for a page of the documentation.
    pub(crate) fn table(&mut self) -> String {
        let mut table = String::from(
            "| fault | times | a request succeeds: median | longest | all nodes ready: median | longest |\n\
             | --- | --- | --- | --- | --- | --- |\n",
        );
        for (what, of) in &mut self.0 {
            let cells = of.each_mut().map(|times| {
                times.sort();
                [times[times.len() / 2], times[times.len() - 1]]
                    .map(|time| format!("{:.1} s", time.as_secs_f64()))
            });
            writeln!(table, "| {what} | {} | {} |", of[0].len(), cells.concat().join(" | ")).unwrap();
        }
        table
    }
}
