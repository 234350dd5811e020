//! The suites in Python: real clients (`tests/e2e`) and the contract of the control plane (`tests/contract`).

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::tally::Tally;
use crate::{command, workspace};

/// The whole suite of clients runs in two processes. Each has its own servers, and the tests of one file stay together.
/// Those of the contract must run in one: the last ones look for operations that no test has called.
const WORKERS: [&str; 4] = ["-n", "2", "--dist", "loadfile"];

/// What CI runs on several nodes.
const SHORT: &str = "test_sts_rules or test_pages_and_waiters or test_ecr_answers";

/// The options of the contract suite.
#[derive(clap::Args)]
pub(crate) struct ContractOptions {
    /// Run it against this many nodes on PostgreSQL and S3, behind a load balancer that gives each request to another node.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20))]
    nodes: Option<u32>,
    /// A pytest -k expression.
    filter: Option<String>,
}

/// Tests a server with every real client.
pub(crate) fn e2e(filter: Option<&str>) -> Result<Tally> {
    let words = filter.map_or(WORKERS.to_vec(), |filter| vec!["-k", filter]);
    suite("tests/e2e", &words, &[])
}

/// Compares the control plane with botocore's model.
pub(crate) fn contract(options: &ContractOptions) -> Result<Tally> {
    let nodes = options.nodes.map(|nodes| ("WHARF_CONTRACT_NODES", nodes.to_string().into()));
    let words: Vec<&str> = options.filter.iter().flat_map(|filter| ["-k", filter]).collect();
    suite("tests/contract", &words, nodes.as_slice())
}

/// The whole contract suite on one server, in CI.
pub(crate) fn contract_on_one_server() -> Result<Tally> {
    contract(&ContractOptions { nodes: None, filter: None })
}

/// A part of it on three nodes, in CI.
pub(crate) fn short_contract_on_nodes() -> Result<Tally> {
    contract(&ContractOptions { nodes: Some(3), filter: Some(SHORT.to_owned()) })
}

/// Runs one folder of tests with these options of pytest, and with the server's path in `WHARF_BIN`.
fn suite(folder: &str, words: &[&str], settings: &[(&str, OsString)]) -> Result<Tally> {
    let wharf = workspace::build_wharf(false)?;
    let tools = workspace::tools()?;
    let reports = tempfile::tempdir()?;
    let report = reports.path().join("junit.xml");
    let mut pytest = Command::new(tools.join("venv/bin/python"));
    pytest
        .current_dir(workspace::root().join(folder))
        .args(["-m", "pytest", "--color=no", "-p", "no:cacheprovider", "-q", "-ra", "--durations=8"])
        .arg(format!("--junitxml={}", report.display()))
        .args(words)
        .arg(".")
        .env("PATH", workspace::path_with_tools()?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("WHARF_XTASK", std::env::current_exe()?)
        .env("WHARF_BIN", wharf)
        .envs(settings.iter().map(|(name, value)| (name, value)));
    let success = command::watch(&mut pytest, |_| ()).context("run `cargo xtask install` first")?;
    Ok(read_report(&report)?.with_exit(success))
}

fn read_report(report: &Path) -> Result<Tally> {
    let xml = std::fs::read_to_string(report).context("pytest wrote no report")?;
    Ok(Tally::from_pytest(&xml))
}
