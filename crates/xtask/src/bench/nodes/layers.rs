//! The CPU time of each layer of a fleet: nodes, PostgreSQL, the S3 server, the load balancer, and the client, which is
//! this process.

use anyhow::Result;
use testkit::Cluster;

use crate::process;

/// CPU seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) nodes: f64,
    pub(super) database: f64,
    pub(super) store: f64,
    pub(super) balancer: f64,
    pub(super) client: f64,
}

impl Cost {
    /// Since the processes began.
    pub(super) fn so_far(cluster: &Cluster) -> Result<Self> {
        let of = |name: &str| process::cpu_seconds(u32::try_from(cluster.pid(name)?)?);
        let nodes = (1..=cluster.nodes.len()).map(|number| of(&format!("node-{number}")));
        Ok(Self {
            nodes: nodes.sum::<Result<f64>>()?,
            database: of("postgres-primary")?,
            store: of("store")?,
            balancer: of("balancer")?,
            client: process::cpu_seconds(std::process::id())?,
        })
    }

    /// What was used since an earlier moment.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            nodes: self.nodes - before.nodes,
            database: self.database - before.database,
            store: self.store - before.store,
            balancer: self.balancer - before.balancer,
            client: self.client - before.client,
        }
    }

    /// Seconds of one of this many operations, in the order of the tables.
    #[expect(clippy::cast_precision_loss, reason = "counts of requests")]
    pub(super) fn per(&self, operations: u64) -> [f64; 5] {
        let count = operations.max(1) as f64;
        [self.nodes, self.database, self.store, self.balancer, self.client].map(|seconds| seconds / count)
    }
}

#[cfg(test)]
mod tests {
    use super::Cost;

    #[test]
    fn the_cost_of_an_operation_is_its_share() {
        let before = Cost { nodes: 1.0, client: 2.0, ..Cost::default() };
        let after = Cost { nodes: 5.0, client: 2.0, store: 0.5, ..Cost::default() };
        let wanted = [1.0, 0.0, 0.125, 0.0, 0.0];
        let is_near = |(is, wanted): (f64, f64)| (is - wanted).abs() < 1e-9;
        assert!(after.since(before).per(4).into_iter().zip(wanted).all(is_near));
    }
}
