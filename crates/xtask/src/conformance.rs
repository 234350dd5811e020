//! The OCI conformance suite against a fresh server, once for each version of the specification, with every option; or
//! against several nodes behind a load balancer.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use testkit::{Cluster, ClusterOptions};

use crate::running::Wharf;
use crate::tally::Tally;
use crate::workspace;

/// `1.1` is the released specification, `dev` its main branch.
const VERSIONS: [&str; 2] = ["1.1", "dev"];

const REPOSITORIES: [&str; 2] = ["conformance/repo1", "conformance/repo2"];

/// ECR refuses sparse images, and so does Wharf unless this setting allows them.
const SPARSE: &str = "WHARF_SPARSE_IMAGES";

/// Options that are off by default in one of the versions; Wharf supports what they test in both.
const OPTIONS: [&str; 5] = [
    "OCI_API_BLOBS_DIGEST_HEADER",
    "OCI_API_BLOBS_UPLOAD_CANCEL",
    "OCI_API_MANIFESTS_DIGEST_HEADER",
    "OCI_API_MANIFESTS_TAG_PARAM",
    "OCI_DATA_SPARSE",
];

/// The options of the command.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run it against this many nodes on PostgreSQL and S3, behind a load balancer that gives each request to another node.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20))]
    nodes: Option<u32>,
    /// The S3 server of the nodes.
    #[arg(long, default_value = "versitygw", value_parser = ["versitygw", "seaweedfs"], requires = "nodes")]
    store: String,
    /// How the nodes answer a request for a layer.
    #[arg(long, default_value = "stream", value_parser = ["stream", "redirect"], requires = "nodes")]
    serve: String,
}

/// Runs the suite as the options say; a skipped test counts as failed.
pub(crate) fn run(options: &Options) -> Result<Tally> {
    match options.nodes {
        None => on_one_server(),
        Some(nodes) => {
            let mut total = Tally::default();
            for version in VERSIONS {
                total += on_nodes(nodes, &options.store, &options.serve, version)?;
            }
            Ok(total)
        }
    }
}

/// Against a fresh server for every version.
pub(crate) fn on_one_server() -> Result<Tally> {
    let binary = workspace::build_wharf(false)?;
    let mut total = Tally::default();
    for version in VERSIONS {
        let wharf = Wharf::start(&binary)?;
        for name in REPOSITORIES {
            wharf.aws(&["ecr", "create-repository", "--repository-name", name])?;
        }
        wharf.aws(&["ecr", "put-account-setting", "--name", SPARSE, "--value", "ENABLED"])?;
        let password = wharf.aws(&["ecr", "get-login-password"])?;
        total += run_version(&wharf.scratch(), wharf.address()?, password.trim(), version)
            .with_context(|| format!("conformance {version}"))?;
    }
    Ok(total)
}

/// Against three nodes, in CI: the released version.
pub(crate) fn short_on_nodes() -> Result<Tally> {
    on_nodes(3, "versitygw", "stream", VERSIONS[0])
}

fn on_nodes(nodes: u32, store: &str, serve: &str, version: &str) -> Result<Tally> {
    let binary = workspace::build_wharf(false)?;
    let cluster = Cluster::start(&ClusterOptions {
        binary: &binary,
        nodes,
        store,
        serve,
        folder: None,
        settings: &[],
        standby: false,
        links: None,
    })?;
    let client = &cluster.client;
    for name in REPOSITORIES {
        client.ecr("CreateRepository", &format!(r#"{{"repositoryName":"{name}"}}"#))?.expect(200)?;
    }
    let setting = format!(r#"{{"name":"{SPARSE}","value":"ENABLED"}}"#);
    client.ecr("PutAccountSetting", &setting)?.expect(200)?;
    println!("{nodes} nodes, {store}, {serve}");
    run_version(cluster.scratch(), client.host(), &client.password()?, version)
        .with_context(|| format!("conformance {version} of nodes"))
}

fn run_version(scratch: &Path, address: &str, password: &str, version: &str) -> Result<Tally> {
    let results = scratch.join("results");
    let mut suite = Command::new(workspace::tools()?.join("bin/conformance"));
    suite
        .current_dir(scratch)
        .env("OCI_REGISTRY", address)
        .env("OCI_TLS", "disabled")
        .env("OCI_REPO1", REPOSITORIES[0])
        .env("OCI_REPO2", REPOSITORIES[1])
        .env("OCI_USERNAME", "AWS")
        .env("OCI_PASSWORD", password)
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
fn keep_report(results: &Path, version: &str) -> Result<()> {
    let kept = workspace::root().join("results").join(format!("conformance-{version}"));
    fs::create_dir_all(&kept)?;
    for name in ["report.html", "results.yaml", "junit.xml"] {
        fs::copy(results.join(name), kept.join(name))?;
    }
    println!("  the suite's report: {}", kept.join("report.html").display());
    Ok(())
}
