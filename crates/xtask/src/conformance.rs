//! The OCI conformance suite against a fresh server, once for each version of the specification, with every option.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::running::Wharf;
use crate::tally::Tally;
use crate::workspace;

/// `1.1` is the released specification, `dev` its main branch.
const VERSIONS: [&str; 2] = ["1.1", "dev"];

/// Options that are off by default in one of the versions; Wharf supports what they test in both.
const OPTIONS: [&str; 5] = [
    "OCI_API_BLOBS_DIGEST_HEADER",
    "OCI_API_BLOBS_UPLOAD_CANCEL",
    "OCI_API_MANIFESTS_DIGEST_HEADER",
    "OCI_API_MANIFESTS_TAG_PARAM",
    "OCI_DATA_SPARSE",
];

/// Runs the suite for every version; a skipped test counts as failed.
pub(crate) fn run() -> Result<Tally> {
    let binary = workspace::build_wharf(false)?;
    let mut total = Tally::default();
    for version in VERSIONS {
        let wharf = Wharf::start(&binary)?;
        total += run_version(&wharf, version).with_context(|| format!("conformance {version}"))?;
    }
    Ok(total)
}

fn run_version(wharf: &Wharf, version: &str) -> Result<Tally> {
    for name in ["conformance/repo1", "conformance/repo2"] {
        wharf.aws(&["ecr", "create-repository", "--repository-name", name])?;
    }
    // ECR refuses sparse images, and so does Wharf unless the setting allows them.
    wharf.aws(&["ecr", "put-account-setting", "--name", "WHARF_SPARSE_IMAGES", "--value", "ENABLED"])?;
    let password = wharf.aws(&["ecr", "get-login-password"])?;
    let results = wharf.scratch().join("results");
    let mut suite = Command::new(workspace::tools()?.join("bin/conformance"));
    suite
        .current_dir(wharf.scratch())
        .env("OCI_REGISTRY", wharf.address()?)
        .env("OCI_TLS", "disabled")
        .env("OCI_REPO1", "conformance/repo1")
        .env("OCI_REPO2", "conformance/repo2")
        .env("OCI_USERNAME", "AWS")
        .env("OCI_PASSWORD", password.trim())
        .env("OCI_VERSION", version)
        .env("OCI_RESULTS_DIR", &results)
        .envs(OPTIONS.map(|option| (option, "true")));
    let output = suite.output().context("cannot start the suite: run `cargo xtask install` first")?;
    let junit = results.join("junit.xml");
    let xml = fs::read_to_string(&junit).with_context(|| {
        format!("the suite wrote no report; it said:\n{}", String::from_utf8_lossy(&output.stderr))
    })?;
    let (tally, others) = Tally::from_conformance(&xml);
    println!("OCI conformance {version}: {} passed, {} failed or skipped", tally.passed, tally.failed);
    for other in &others {
        println!("  {other}");
    }
    if !others.is_empty() {
        keep_report(&results, version)?;
    }
    Ok(tally.with_exit(output.status.success() && tally.passed > 0))
}

/// Copies the report of a failed run to a place outside of the temporary folder.
fn keep_report(results: &std::path::Path, version: &str) -> Result<()> {
    let kept = workspace::root().join("results").join(format!("conformance-{version}"));
    fs::create_dir_all(&kept)?;
    for name in ["report.html", "results.yaml", "junit.xml"] {
        fs::copy(results.join(name), kept.join(name))?;
    }
    println!("  the suite's report: {}", kept.join("report.html").display());
    Ok(())
}
