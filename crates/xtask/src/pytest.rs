//! The suites in Python: real clients (`tests/e2e`) and the contract of the control plane (`tests/contract`).

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::tally::Tally;
use crate::{command, workspace};

/// A whole suite runs in two processes. Each has its own servers, and the tests of one file stay together.
const WORKERS: [&str; 4] = ["-n", "2", "--dist", "loadfile"];

/// Tests a server with every real client.
pub(crate) fn e2e(filter: Option<&str>) -> Result<Tally> {
    suite("tests/e2e", filter)
}

/// Compares the control plane with botocore's model.
pub(crate) fn contract() -> Result<Tally> {
    suite("tests/contract", None)
}

/// Runs one folder of tests with the server's path in `WHARF_BIN`.
fn suite(folder: &str, filter: Option<&str>) -> Result<Tally> {
    let wharf = workspace::build_wharf(false)?;
    let tools = workspace::tools()?;
    let reports = tempfile::tempdir()?;
    let report = reports.path().join("junit.xml");
    let mut pytest = Command::new(tools.join("venv/bin/python"));
    pytest
        .current_dir(workspace::root().join(folder))
        .args(["-m", "pytest", "--color=no", "-p", "no:cacheprovider", "-q", "-ra", "--durations=8"])
        .arg(format!("--junitxml={}", report.display()))
        .env("PATH", workspace::path_with_tools()?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("WHARF_XTASK", std::env::current_exe()?)
        .env("WHARF_BIN", wharf);
    match filter {
        Some(filter) => pytest.args(["-k", filter]),
        None => pytest.args(WORKERS),
    };
    pytest.arg(".");
    let success = command::watch(&mut pytest, |_| ()).context("run `cargo xtask install` first")?;
    Ok(read_report(&report)?.with_exit(success))
}

fn read_report(report: &Path) -> Result<Tally> {
    let xml = std::fs::read_to_string(report).context("pytest wrote no report")?;
    Ok(Tally::from_pytest(&xml))
}
