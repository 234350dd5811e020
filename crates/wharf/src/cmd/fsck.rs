//! `wharf fsck`: checks that rows and bytes agree, on a running server or on a store that no server has opened.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use registry::fsck::{Finding, Options, Report};
use serde_json::{Value, json};

use super::say;
use super::store::{OpenStore, Store};
use crate::aws_client::{AwsClient, Connection, Service};

#[derive(Args)]
pub(crate) struct Fsck {
    /// Repair what can be repaired. Nothing is deleted: unknown files go to the folder quarantine beside the objects.
    #[arg(long)]
    repair: bool,
    /// Compare lengths only; do not read all bytes.
    #[arg(long)]
    quick: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    store: Store,
}

/// How often the server is asked, and how often the progress is shown.
const POLL: Duration = Duration::from_millis(500);
const PROGRESS: Duration = Duration::from_secs(5);

/// Something was wrong, and all of it was repaired.
const REPAIRED: u8 = 3;
/// Something is wrong.
const DAMAGED: u8 = 4;

/// The check found something: the process ends with this code, and the report says the rest.
#[derive(Debug, thiserror::Error)]
#[error("the check found {found} problems, {left} of them are left")]
pub(crate) struct Problems {
    found: usize,
    left: usize,
}

impl Problems {
    /// An error, if a check found something.
    pub(crate) fn of(report: &Report) -> anyhow::Result<()> {
        let found = report.findings.len();
        if found == 0 {
            return Ok(());
        }
        let left = report.findings.iter().filter(|finding| finding.repair.is_none()).count();
        Err(Self { found, left }.into())
    }

    /// The code of the process.
    pub(crate) const fn code(&self) -> u8 {
        if self.left == 0 { REPAIRED } else { DAMAGED }
    }
}

pub(crate) async fn run(options: Fsck) -> anyhow::Result<()> {
    let report = match options.store.open().await? {
        Some(store) => offline(&store, &options).await?,
        None => online(&options.connection.open()?, &options).await?,
    };
    if options.json {
        say(&serde_json::to_string_pretty(&report)?)?;
    } else {
        say(&text(&report))?;
    }
    Problems::of(&report)
}

async fn offline(store: &OpenStore, options: &Fsck) -> anyhow::Result<Report> {
    let options = Options { repair: options.repair, quick: options.quick };
    Ok(store.deployment.registry.fsck(options).await?)
}

/// Starts a check, or follows one with the same options that is in progress, and waits for its end.
async fn online(client: &AwsClient, options: &Fsck) -> anyhow::Result<Report> {
    let mut state = describe(client, None).await?;
    if text_of(&state, "State") != "IN_PROGRESS" {
        let input = json!({ "Repair": options.repair, "Quick": options.quick });
        client.json(Service::Organizations, "WharfStartCheck", &input).await?;
        state = describe(client, None).await?;
    }
    let is = |name: &str| state.get(name).and_then(Value::as_bool).unwrap_or_default();
    if (is("Repair"), is("Quick")) != (options.repair, options.quick) {
        anyhow::bail!(
            "a check with other options is in progress: wait for its end, or follow it with its options"
        );
    }
    let started = state.get("StartedAt").cloned();
    let mut told = Instant::now();
    while text_of(&state, "State") == "IN_PROGRESS" {
        tokio::time::sleep(POLL).await;
        state = describe(client, None).await?;
        if state.get("StartedAt") != started.as_ref() {
            anyhow::bail!("another check was started");
        }
        if told.elapsed() > PROGRESS {
            told = Instant::now();
            tell(&state);
        }
    }
    report(client, state).await
}

async fn describe(client: &AwsClient, token: Option<&str>) -> anyhow::Result<Value> {
    let input = token.map_or_else(|| json!({}), |token| json!({ "NextToken": token }));
    Ok(client.json(Service::Organizations, "WharfDescribeCheck", &input).await?)
}

fn text_of<'a>(state: &'a Value, name: &str) -> &'a str {
    state.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn count(state: &Value, name: &str) -> u64 {
    state.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// The result of a check that is over, with all pages of what it found.
async fn report(client: &AwsClient, mut page: Value) -> anyhow::Result<Report> {
    let mut report = Report {
        objects: count(&page, "Objects"),
        bytes: count(&page, "Bytes"),
        manifests: count(&page, "Manifests"),
        files: count(&page, "Files"),
        findings: Vec::new(),
    };
    loop {
        let findings = page.get_mut("Findings").map(Value::take).unwrap_or_default();
        let findings: Vec<Finding> =
            serde_json::from_value(findings).context("the server's answer has no findings")?;
        report.findings.extend(findings);
        let token = text_of(&page, "NextToken").to_owned();
        if token.is_empty() {
            return Ok(report);
        }
        page = describe(client, Some(&token)).await?;
    }
}

/// Progress is not part of the result.
#[expect(clippy::print_stderr, reason = "standard output has only the result")]
fn tell(state: &Value) {
    let count = |name| count(state, name);
    eprintln!(
        "checked {} objects of {} bytes, {} manifests and {} files; problems: {}",
        count("Objects"),
        count("Bytes"),
        count("Manifests"),
        count("Files"),
        count("FindingCount")
    );
}

/// The result of a check.
pub(crate) fn text(report: &Report) -> String {
    let line = |finding: &Finding| {
        let repair = finding.repair.as_ref().map_or_else(String::new, |repair| format!(" ({repair})"));
        format!("{}: {}{repair}", finding.subject, finding.problem)
    };
    let mut lines: Vec<String> = report.findings.iter().map(line).collect();
    lines.push(format!(
        "Checked {} objects of {} bytes, {} manifests and {} files. Problems: {}.",
        report.objects,
        report.bytes,
        report.manifests,
        report.files,
        report.findings.len()
    ));
    lines.join("\n")
}
