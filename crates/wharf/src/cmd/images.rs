//! `wharf images`: protects images and tags against deletion, and reports which images are in use.

use std::io::Read as _;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::kubernetes::digests_of_pods;
use super::lifecycle::{Of, call, pages, repositories, text};
use super::say;
use super::status::time;
use crate::aws_client::Connection;

/// The longest list of pods that is read.
const MAX_PODS_BYTES: u64 = 1024 * 1024 * 1024;

#[derive(Subcommand)]
pub(crate) enum ImagesCommand {
    /// Protect an image (REPOSITORY@DIGEST) or a tag (REPOSITORY:TAG) against deletion.
    #[command(after_help = "\
Requests and lifecycle policies do not delete or archive what is protected. A protected tag can move to another image.
The caller needs ecr:WharfProtectImage, and the account setting WHARF_LIFECYCLE_EXTENSIONS must be ENABLED.

Examples:
  wharf images protect team/app:production
  wharf images protect team/app@sha256:2bb0…")]
    Protect(Named),
    /// End the protection of an image or a tag.
    #[command(after_help = "\
The caller needs ecr:WharfUnprotectImage.

Example:
  wharf images unprotect team/app:production")]
    Unprotect(Named),
    /// List protected images and tags.
    #[command(after_help = "\
The caller needs ecr:WharfListProtectedImages, and without --repository also ecr:DescribeRepositories.

Examples:
  wharf images protected
  wharf images protected --repository team/app --json")]
    Protected(Of),
    /// Report which images are in use, or list the reports.
    #[command(after_help = "\
Images whose digests are in a report are not deleted or archived until the report expires. A report replaces the last one of
the same source. The caller needs ecr:WharfPutInUseReport, ecr:WharfDeleteInUseReport or ecr:WharfListInUseReports, and the
account setting WHARF_LIFECYCLE_EXTENSIONS must be ENABLED.

Examples:
  kubectl get pods -A -o json | wharf images in-use --from-kubernetes --source blue
  wharf images in-use                                   # list the reports
  wharf images in-use --remove --source blue")]
    InUse(InUse),
}

#[derive(Args)]
pub(crate) struct Named {
    /// REPOSITORY:TAG or REPOSITORY@DIGEST.
    image: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
pub(crate) struct InUse {
    /// Report the images of the pods on standard input, in the format of `kubectl get pods -A -o json`.
    #[arg(long, requires = "source", conflicts_with = "remove")]
    from_kubernetes: bool,
    /// Remove the report of the source.
    #[arg(long, requires = "source")]
    remove: bool,
    /// The name of the source, for example of the cluster.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// How many seconds the report protects, 60 to 2592000. Report again before that.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    expires_in: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(command: ImagesCommand) -> anyhow::Result<()> {
    match command {
        ImagesCommand::Protect(named) => change(&named, "WharfProtectImage", "is protected").await,
        ImagesCommand::Unprotect(named) => {
            change(&named, "WharfUnprotectImage", "is not protected any more").await
        }
        ImagesCommand::Protected(options) => protected(&options).await,
        ImagesCommand::InUse(options) => in_use(&options).await,
    }
}

/// The repository and the image ID of `REPOSITORY:TAG` or `REPOSITORY@DIGEST`.
fn parse(image: &str) -> anyhow::Result<(&str, Value)> {
    if let Some((repository, digest)) = image.split_once('@') {
        return Ok((repository, json!({ "imageDigest": digest })));
    }
    match image.rsplit_once(':') {
        Some((repository, tag)) => Ok((repository, json!({ "imageTag": tag }))),
        None => bail!("\"{image}\" is not REPOSITORY:TAG or REPOSITORY@DIGEST"),
    }
}

async fn change(named: &Named, operation: &str, outcome: &str) -> anyhow::Result<()> {
    let (repository, image_id) = parse(&named.image)?;
    let client = named.connection.open()?;
    call(&client, operation, &json!({ "repositoryName": repository, "imageId": image_id })).await?;
    say(&format!("{} {outcome}.", named.image))
}

async fn protected(options: &Of) -> anyhow::Result<()> {
    let client = options.connection.open()?;
    let mut all = Vec::new();
    for name in repositories(&client, options.repository.as_ref()).await? {
        let input = json!({ "repositoryName": name });
        for mut image in pages(&client, "WharfListProtectedImages", input, "protectedImages").await? {
            if let Some(members) = image.as_object_mut() {
                members.insert("repositoryName".to_owned(), json!(name));
            }
            all.push(image);
        }
    }
    if options.json {
        return say(&serde_json::to_string_pretty(&all)?);
    }
    let lines = all.iter().map(|image| {
        let (repository, digest) = (text(image, "repositoryName"), text(image, "imageDigest"));
        let tag = text(image, "imageTag");
        let what = if tag.is_empty() { "image".to_owned() } else { format!("tag {tag}") };
        format!("{}  {repository}@{digest}  {what}", time(image, "protectedAt"))
    });
    say(&or_nothing(&lines.collect::<Vec<_>>()))
}

async fn in_use(options: &InUse) -> anyhow::Result<()> {
    let client = options.connection.open()?;
    let source = options.source.as_deref().unwrap_or_default();
    if options.from_kubernetes {
        let mut pods = Vec::new();
        std::io::stdin().take(MAX_PODS_BYTES).read_to_end(&mut pods).context("cannot read standard input")?;
        let digests = digests_of_pods(&pods)?;
        let input =
            json!({ "source": source, "imageDigests": digests, "expiresInSeconds": options.expires_in });
        let report = call(&client, "WharfPutInUseReport", &input).await?;
        let report = report.get("report").cloned().unwrap_or_default();
        return show(options.json, &report, || reported(&report));
    }
    if options.remove {
        let removed = call(&client, "WharfDeleteInUseReport", &json!({ "source": source })).await?;
        return show(options.json, &removed, || format!("The report of {source} is removed."));
    }
    let reports = pages(&client, "WharfListInUseReports", json!({}), "reports").await?;
    let lines = || or_nothing(&reports.iter().map(reported).collect::<Vec<_>>());
    show(options.json, &json!(reports), lines)
}

fn show(is_json: bool, document: &Value, lines: impl FnOnce() -> String) -> anyhow::Result<()> {
    if is_json { say(&serde_json::to_string_pretty(document)?) } else { say(&lines()) }
}

fn reported(report: &Value) -> String {
    let count = report.get("digestCount").and_then(Value::as_u64).unwrap_or_default();
    let (at, until) = (time(report, "reportedAt"), time(report, "expiresAt"));
    format!("{at}  {}: {count} digests in use until {until}", text(report, "source"))
}

fn or_nothing(lines: &[String]) -> String {
    if lines.is_empty() { "Nothing to show.".to_owned() } else { lines.join("\n") }
}
