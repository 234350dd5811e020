//! `wharf export`: copies repositories of a Wharf server into a folder of OCI layouts.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aws::ids::AccountId;
use clap::Args;
use oci::digest::Digest;
use serde_json::json;

use super::copying::{Choice, finish};
use super::lifecycle::{pages, text};
use crate::aws_client::{AwsClient, Connection};
use crate::files;
use crate::migration::pattern::{Pattern, chosen, names_and_others};
use crate::migration::source::Source;
use crate::migration::target::Target;
use crate::migration::transfer::Transfer;

/// Shown after the options.
pub(crate) const HELP: &str = "\
Each repository becomes an OCI layout that skopeo, crane and oras read, with its tags and with what refers to its images. What
the folder has is not written again, so an interrupted export continues. With --base, layers that an earlier export has are
left out. The caller needs ecr:GetAuthorizationToken, ecr:BatchGetImage, ecr:GetDownloadUrlForLayer and ecr:ListImages, and
for patterns ecr:DescribeRepositories. The exit code is not 0 if something was not copied.

Examples:
  wharf export team/app --to /media/disk/monday
  wharf export 'team/*' --tag 'v1.*' --to ./export
  wharf export 'team/*' --to /media/disk/tuesday --base /media/disk/monday
  wharf import /media/disk/tuesday                      # on the other side
  skopeo inspect oci:/media/disk/monday/team/app:v1";

#[derive(Args)]
pub(crate) struct Export {
    /// The repositories; `*` is any text.
    #[arg(required = true, value_name = "REPOSITORY")]
    names: Vec<String>,
    /// The folder. Each repository becomes an OCI layout in it: FOLDER/REPOSITORY.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// What the other side has already and is left out: the folder of an earlier export, or a file with one digest of a
    /// layer in each line.
    #[arg(long, value_name = "FOLDER|FILE")]
    base: Option<PathBuf>,
    #[command(flatten)]
    choice: Choice,
    /// The account of the registry [default: the caller's own].
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(export: Export) -> anyhow::Result<()> {
    let client = export.connection.open()?;
    let account = export.account.as_ref();
    let mut options = export.choice.options();
    let patterns: Vec<Pattern> = export.names.iter().map(|name| Pattern::new(name)).collect();
    let names = repositories(&client, account, &patterns).await?;
    let narrower = std::mem::take(&mut options.repositories);
    options.repositories =
        names.iter().filter(|name| chosen(&narrower, name)).map(|name| Pattern::new(name)).collect();
    anyhow::ensure!(!options.repositories.is_empty(), "the registry has no repository with such a name");
    let base = export.base.as_deref().map(base).transpose()?;
    files::make_private_folder(&export.to)?;
    let source = Source::Registry(client.registry().await?, account.map(ToString::to_string));
    let target = Target::layouts(export.to.clone(), base);
    let summary = Box::pin(Transfer::new(source, target, options, None).run()).await?;
    finish(export.choice.json, &[(export.names.join(" "), summary)])
}

/// The names of the repositories. Names without a pattern are taken as they are.
async fn repositories(
    client: &AwsClient,
    account: Option<&AccountId>,
    patterns: &[Pattern],
) -> anyhow::Result<Vec<String>> {
    let (mut names, wild) = names_and_others(patterns);
    if !wild.is_empty() {
        let input = match account {
            Some(account) => json!({ "registryId": account.to_string() }),
            None => json!({}),
        };
        let all = pages(client, "DescribeRepositories", input, "repositories").await?;
        let all = all.iter().map(|repository| text(repository, "repositoryName"));
        names.extend(all.filter(|name| chosen(&wild, name)));
    }
    Ok(names)
}

fn base(path: &Path) -> anyhow::Result<crate::migration::target::Base> {
    use crate::migration::target::Base;
    if path.is_dir() {
        return Ok(Base::Folder(path.to_owned()));
    }
    let content =
        files::read_optional(path)?.with_context(|| format!("{} does not exist", path.display()))?;
    let content = String::from_utf8(content).with_context(|| format!("{} is not text", path.display()))?;
    let lines = content.lines().map(str::trim).filter(|line| !line.is_empty());
    let digests = lines.map(|line| line.parse().with_context(|| format!("{line} in {}", path.display())));
    Ok(Base::Digests(digests.collect::<anyhow::Result<HashSet<Digest>>>()?))
}
