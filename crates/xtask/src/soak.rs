//! The soaks: the tests `soak` and `soak_nodes` of the binary, for as long as is wanted.

use anyhow::Result;

use crate::{command, workspace};

/// The options of the command.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long.
    #[arg(long, default_value_t = 120, conflicts_with = "minutes")]
    seconds: u64,
    /// How long, in minutes.
    #[arg(long)]
    minutes: Option<u64>,
    /// Kill nodes of a cluster on PostgreSQL and S3, kill PostgreSQL and the S3 server too, let PostgreSQL fail over, let S3
    /// misbehave and cut networks. Without it, one server on SQLite and a folder is killed, and its disk is full at times.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=20))]
    nodes: Option<u64>,
    /// The S3 server of the cluster.
    #[arg(long, default_value = "versitygw", value_parser = ["versitygw", "seaweedfs"], requires = "nodes")]
    store: String,
    /// End after this many kills of servers or nodes, if the time is not over.
    #[arg(long)]
    kills: Option<u64>,
}

/// Runs one; true if it passed.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let seconds = options.minutes.map_or(options.seconds, |minutes| minutes * 60).to_string();
    let mut test = workspace::cargo();
    test.args(["test", "--locked", "-p", "wharf", "--test", "it", "--", "--nocapture", "--exact"]);
    if let Some(kills) = options.kills {
        test.env("WHARF_SOAK_KILLS", kills.to_string());
    }
    match options.nodes {
        None => {
            test.arg("soak::a_soak_loses_nothing_and_leaves_nothing").env("WHARF_SOAK_SECONDS", seconds);
        }
        Some(nodes) => {
            test.arg("soak_nodes::a_soak_of_nodes_loses_nothing")
                .env("WHARF_SOAK_NODES_SECONDS", seconds)
                .env("WHARF_SOAK_NODES", nodes.to_string())
                .env("WHARF_SOAK_STORE", &options.store);
        }
    }
    command::watch(&mut test, |_| ())
}
