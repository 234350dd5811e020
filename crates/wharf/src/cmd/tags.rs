//! `wharf tags`: shows what the tags of a repository named before, and restores a tag.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::say;
use super::status::time;
use crate::aws_client::{AwsClient, CallError, Connection, Service};

#[derive(Subcommand)]
pub(crate) enum TagsCommand {
    /// Show which images the tags of a repository named, since when, and who moved them: the newest first.
    #[command(after_help = "\
The caller needs ecr:WharfListTagHistory. `[tags] history_seconds` of the server's configuration says how long the history is
kept. Deleting a tag is not recorded.

Examples:
  wharf tags history team/app
  wharf tags history team/app:latest --json")]
    History(History),
    /// Point a tag to an image that it named before.
    #[command(after_help = "\
The caller needs ecr:BatchGetImage and ecr:PutImage, and with --before also ecr:WharfListTagHistory. The image must still
be in the repository: lifecycle policies keep what a moved tag named for `[tags] grace_seconds`.

Examples:
  wharf tags restore team/app:latest --before 2026-11-27T08:00:00Z
  wharf tags restore team/app:latest --to sha256:4f53…")]
    Restore(Restore),
}

#[derive(Args)]
pub(crate) struct History {
    /// The repository, or one of its tags.
    #[arg(value_name = "REPOSITORY[:TAG]")]
    of: String,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Args)]
pub(crate) struct Restore {
    /// The tag.
    #[arg(value_name = "REPOSITORY:TAG")]
    of: String,
    /// The digest of the image.
    #[arg(long, value_name = "DIGEST", required_unless_present = "before", conflicts_with = "before")]
    to: Option<String>,
    /// The image that the tag named before this time.
    #[arg(long, value_name = "TIME")]
    before: Option<Timestamp>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(command: TagsCommand) -> anyhow::Result<()> {
    match command {
        TagsCommand::History(options) => history(&options).await,
        TagsCommand::Restore(options) => restore(&options).await,
    }
}

async fn history(options: &History) -> anyhow::Result<()> {
    let client = options.connection.open()?;
    let (repository, tag) = repository_and_tag(&options.of);
    let moves = moves(&client, repository, tag).await?;
    if options.json {
        return say(&serde_json::to_string_pretty(&moves)?);
    }
    let lines: Vec<String> = moves.iter().map(|moved| line(repository, moved)).collect();
    say(&if lines.is_empty() { "Nothing to show.".to_owned() } else { lines.join("\n") })
}

async fn restore(options: &Restore) -> anyhow::Result<()> {
    let client = options.connection.open()?;
    let (repository, Some(tag)) = repository_and_tag(&options.of) else {
        bail!("name the tag: {}:TAG", options.of);
    };
    let digest = match (&options.to, options.before) {
        (Some(digest), _) => digest.clone(),
        (None, Some(before)) => {
            let moves = moves(&client, repository, Some(tag)).await?;
            named_before(&moves, before).with_context(|| {
                format!("the history of {repository}:{tag} has no image that it named before {before}")
            })?
        }
        (None, None) => bail!("give --to or --before"),
    };
    let wanted = json!({ "repositoryName": repository, "imageIds": [{ "imageDigest": digest }] });
    let got = client.json(Service::Ecr, "BatchGetImage", &wanted).await?;
    let Some(image) = got.get("images").and_then(|images| images.get(0)) else {
        bail!("{repository}@{digest} is not in the repository any more, or is in the archive");
    };
    let put = json!({
        "repositoryName": repository,
        "imageManifest": text(image, "imageManifest"),
        "imageManifestMediaType": text(image, "imageManifestMediaType"),
        "imageDigest": digest,
        "imageTag": tag,
    });
    match client.json(Service::Ecr, "PutImage", &put).await {
        Err(CallError::Refused(refusal)) if refusal.code == "ImageAlreadyExistsException" => {
            say(&format!("{repository}:{tag} names {digest} already"))
        }
        put => {
            put?;
            say(&format!("{repository}:{tag} names {digest}"))
        }
    }
}

/// The moves of a repository's tags, or of one tag: the newest first.
async fn moves(client: &AwsClient, repository: &str, tag: Option<&str>) -> Result<Vec<Value>, CallError> {
    let (mut all, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut input = json!({ "repositoryName": repository, "maxResults": 1_000 });
        if let Some(members) = input.as_object_mut() {
            members.extend(tag.map(|tag| ("imageTag".to_owned(), tag.into())));
            members.extend((!token.is_null()).then(|| ("nextToken".to_owned(), token)));
        }
        let answer = client.json(Service::Ecr, "WharfListTagHistory", &input).await?;
        all.extend(answer.get("tagMoves").and_then(Value::as_array).into_iter().flatten().cloned());
        match answer.get("nextToken") {
            Some(next) => token = next.clone(),
            None => return Ok(all),
        }
    }
}

/// What a tag named just before a time, by its moves from the newest to the oldest.
fn named_before(moves: &[Value], before: Timestamp) -> Option<String> {
    let at = |moved: &Value| moved.get("movedAt").and_then(Value::as_f64).unwrap_or_default();
    // With the precision of the API's times.
    let before = aws::json::epoch_seconds(before);
    let earlier = moves.iter().find(|moved| at(moved) < before);
    // Older moves may be gone: the oldest one says what the tag named before it.
    let digest = earlier.map(|moved| text(moved, "imageDigest"));
    let digest = digest.or_else(|| moves.last().map(|oldest| text(oldest, "previousImageDigest")));
    digest.filter(|digest| !digest.is_empty())
}

fn line(repository: &str, moved: &Value) -> String {
    let previous = text(moved, "previousImageDigest");
    let from = if previous.is_empty() { "new".to_owned() } else { format!("from {previous}") };
    format!(
        "{}  {repository}:{}  {}  {from}  by {}",
        time(moved, "movedAt"),
        text(moved, "imageTag"),
        text(moved, "imageDigest"),
        text(moved, "movedBy")
    )
}

/// A repository and the tag after the colon, if there is one.
fn repository_and_tag(of: &str) -> (&str, Option<&str>) {
    match of.split_once(':') {
        Some((repository, tag)) => (repository, Some(tag)),
        None => (of, None),
    }
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_finds_what_the_tag_named_then() {
        let moved = |at: f64, digest: &str, previous: &str| json!({"movedAt": at, "imageDigest": digest, "previousImageDigest": previous});
        let moves = [moved(30.5, "c", "b"), moved(20.5, "b", "a")];
        for (second, expected) in [(40, Some("c")), (30, Some("b")), (21, Some("b")), (20, Some("a"))] {
            let before = Timestamp::from_second(second).unwrap();
            assert_eq!(named_before(&moves, before).as_deref(), expected, "{second}");
        }
        let new = [json!({"movedAt": 9.0, "imageDigest": "a"})];
        assert_eq!(named_before(&new, Timestamp::from_second(5).unwrap()), None);
        assert_eq!(named_before(&[], Timestamp::from_second(5).unwrap()), None);
    }
}
