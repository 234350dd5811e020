//! `wharf lifecycle`: runs lifecycle policies, previews them, and shows what they did.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::say;
use super::status::time;
use crate::aws_client::{AwsClient, CallError, Connection, Service};

/// How long the commands wait for an evaluation: a node looks every five seconds, and a large repository takes longer.
const PATIENCE: Duration = Duration::from_mins(10);
const POLL: Duration = Duration::from_millis(300);
/// The longest policy that ECR reads, with room for characters outside ASCII.
const MAX_POLICY_BYTES: u64 = 128 * 1024;

#[derive(Subcommand)]
pub(crate) enum LifecycleCommand {
    /// Carry out lifecycle policies at once, and wait until they are evaluated.
    #[command(after_help = "\
The caller needs ecr:WharfRunLifecyclePolicy and ecr:GetLifecyclePolicy on the repositories, and without --repository
also ecr:DescribeRepositories. Without --repository, every repository of the registry with a policy is evaluated.

Examples:
  wharf lifecycle run
  wharf lifecycle run --repository team/app --json")]
    Run(Of),
    /// Show which images a policy would expire or archive now.
    #[command(after_help = "\
The caller needs ecr:StartLifecyclePolicyPreview and ecr:GetLifecyclePolicyPreview. Without --policy, the repository's own
policy is previewed; `-` reads a policy from standard input.

Examples:
  wharf lifecycle preview --repository team/app
  wharf lifecycle preview --repository team/app --policy policy.json --json")]
    Preview(Preview),
    /// Show what lifecycle policies did, and why: the newest first.
    #[command(after_help = "\
The caller needs ecr:WharfListLifecycleActions. The last 10,000 actions of each repository are kept.

Examples:
  wharf lifecycle history --repository team/app
  wharf lifecycle history --json")]
    History(Of),
}

/// What is shown of one repository or of all.
#[derive(Args)]
pub(crate) struct Of {
    /// The repository [default: all of the registry].
    #[arg(long, value_name = "NAME")]
    pub(super) repository: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
}

#[derive(Args)]
pub(crate) struct Preview {
    /// The repository [default: all of the registry].
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// The policy to preview, as JSON [default: the policy of the repository].
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(command: LifecycleCommand) -> anyhow::Result<()> {
    let (shown, is_json) = match command {
        LifecycleCommand::Run(options) => (run_policies(&options).await?, options.json),
        LifecycleCommand::Preview(options) => (preview(&options).await?, options.json),
        LifecycleCommand::History(options) => (history(&options).await?, options.json),
    };
    if is_json {
        let document: Vec<Value> = shown.into_iter().map(|line| line.document).collect();
        return say(&serde_json::to_string_pretty(&document)?);
    }
    let lines: Vec<String> = shown.into_iter().map(|line| line.text).collect();
    say(&if lines.is_empty() { "Nothing to show.".to_owned() } else { lines.join("\n") })
}

/// A line of the result, and the same as JSON.
struct Line {
    text: String,
    document: Value,
}

pub(super) async fn call(client: &AwsClient, operation: &str, input: &Value) -> Result<Value, CallError> {
    client.json(Service::Ecr, operation, input).await
}

/// The named repository, or all of them.
pub(super) async fn repositories(client: &AwsClient, named: Option<&String>) -> anyhow::Result<Vec<String>> {
    if let Some(name) = named {
        return Ok(vec![name.clone()]);
    }
    let all = pages(client, "DescribeRepositories", json!({}), "repositories").await?;
    Ok(all.iter().map(|repository| text(repository, "repositoryName")).collect())
}

/// All items of a list with pages.
pub(super) async fn pages(
    client: &AwsClient,
    operation: &str,
    mut input: Value,
    list: &str,
) -> Result<Vec<Value>, CallError> {
    let mut all = Vec::new();
    loop {
        let answer = call(client, operation, &input).await?;
        all.extend(answer.get(list).and_then(Value::as_array).into_iter().flatten().cloned());
        match answer.get("nextToken") {
            Some(token) => set(&mut input, "nextToken", token.clone()),
            None => return Ok(all),
        }
    }
}

/// The answer, or None for a repository without a policy if all repositories were asked for.
fn unless_without_policy<T>(answer: Result<T, CallError>, is_named: bool) -> anyhow::Result<Option<T>> {
    match answer {
        Err(CallError::Refused(refusal))
            if !is_named && refusal.code == "LifecyclePolicyNotFoundException" =>
        {
            Ok(None)
        }
        answer => Ok(Some(answer?)),
    }
}

async fn run_policies(options: &Of) -> anyhow::Result<Vec<Line>> {
    let client = options.connection.open()?;
    let is_named = options.repository.is_some();
    let mut lines = Vec::new();
    for name in repositories(&client, options.repository.as_ref()).await? {
        let input = json!({ "repositoryName": name });
        let asked = call(&client, "WharfRunLifecyclePolicy", &input).await;
        let Some(asked) = unless_without_policy(asked, is_named)? else { continue };
        let before = seconds(&asked, "lastEvaluatedAt");
        let began = Instant::now();
        let evaluated = loop {
            let policy = call(&client, "GetLifecyclePolicy", &input).await?;
            if seconds(&policy, "lastEvaluatedAt") > before {
                break policy;
            }
            patient(began)?;
            tokio::time::sleep(POLL).await;
        };
        lines.push(Line {
            text: format!("{name}: evaluated {}", time(&evaluated, "lastEvaluatedAt")),
            document: json!({ "repositoryName": name, "lastEvaluatedAt": seconds(&evaluated, "lastEvaluatedAt") }),
        });
    }
    Ok(lines)
}

async fn preview(options: &Preview) -> anyhow::Result<Vec<Line>> {
    let policy = options.policy.as_deref().map(read).transpose()?;
    let client = options.connection.open()?;
    let is_named = options.repository.is_some();
    let mut lines = Vec::new();
    for name in repositories(&client, options.repository.as_ref()).await? {
        let input = json!({ "repositoryName": name });
        let mut start = input.clone();
        if let Some(policy) = &policy {
            set(&mut start, "lifecyclePolicyText", policy.clone().into());
        }
        let started = call(&client, "StartLifecyclePolicyPreview", &start).await;
        if unless_without_policy(started, is_named)?.is_none() {
            continue;
        }
        let began = Instant::now();
        while text(&call(&client, "GetLifecyclePolicyPreview", &input).await?, "status") == "IN_PROGRESS" {
            patient(began)?;
            tokio::time::sleep(POLL).await;
        }
        for mut result in pages(&client, "GetLifecyclePolicyPreview", input, "previewResults").await? {
            set(&mut result, "repositoryName", name.clone().into());
            let action = result.get("action").cloned().unwrap_or_default();
            lines.push(line(&name, &text(&action, "type"), "", result));
        }
    }
    Ok(lines)
}

async fn history(options: &Of) -> anyhow::Result<Vec<Line>> {
    let client = options.connection.open()?;
    let mut lines = Vec::new();
    for name in repositories(&client, options.repository.as_ref()).await? {
        let input = json!({ "repositoryName": name });
        for mut action in pages(&client, "WharfListLifecycleActions", input, "actions").await? {
            set(&mut action, "repositoryName", name.clone().into());
            let at = time(&action, "performedAt");
            lines.push(line(&name, &text(&action, "action"), &at, action));
        }
    }
    Ok(lines)
}

/// An image with what happens to it.
fn line(repository: &str, action: &str, at: &str, document: Value) -> Line {
    let digest = text(&document, "imageDigest");
    let tags: Vec<&str> = document
        .get("imageTags")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let rule = document
        .get("appliedRulePriority")
        .map_or_else(|| "no rule".to_owned(), |rule| format!("rule {rule}"));
    let parts =
        [at, action, &format!("{repository}@{digest}"), &tags.join(","), &rule, &text(&document, "reason")];
    let text = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ");
    Line { text, document }
}

fn patient(began: Instant) -> anyhow::Result<()> {
    if began.elapsed() > PATIENCE {
        bail!("the evaluation has not ended after {} minutes and continues", PATIENCE.as_secs() / 60);
    }
    Ok(())
}

pub(super) fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn set(value: &mut Value, name: &str, member: Value) {
    if let Some(members) = value.as_object_mut() {
        members.insert(name.to_owned(), member);
    }
}

fn seconds(value: &Value, name: &str) -> f64 {
    value.get(name).and_then(Value::as_f64).unwrap_or_default()
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let cannot = || format!("cannot read {}", path.display());
    if path == Path::new("-") {
        std::io::stdin().take(MAX_POLICY_BYTES).read_to_string(&mut text).with_context(cannot)?;
    } else {
        let file = std::fs::File::open(path).with_context(cannot)?;
        file.take(MAX_POLICY_BYTES).read_to_string(&mut text).with_context(cannot)?;
    }
    Ok(text)
}
