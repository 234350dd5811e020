//! `wharf import`: copies repositories from other registries and from folders into a Wharf server.

use std::path::Path;

use anyhow::{Context as _, bail};
use aws::ids::{AccountId, Region};
use clap::Args;

use super::copying::{Choice, finish};
use crate::aws_client::{Connection, RegistryAccess};
use crate::migration::pattern::Pattern;
use crate::migration::settings::Settings;
use crate::migration::source::Source;
use crate::migration::target::Target;
use crate::migration::transfer::Transfer;

/// Shown after the options.
pub(crate) const HELP: &str = "\
Tags, digests, indexes with their images, what refers to an image (signatures, SBOMs, attestations) and cosign's tags arrive
unchanged. What the server has is not copied again: a second run moves nothing, and an interrupted one continues. Credentials
for the source come from docker's config.json (docker login), or from --username and --password-stdin.

The caller needs ecr:GetAuthorizationToken, the permissions of a push, ecr:BatchGetImage, ecr:ListImages, and
ecr:CreateRepository for repositories that do not exist. The exit code is not 0 if something was not copied.

Examples:
  wharf import registry.example.org                     # all repositories that it lists
  wharf import ghcr.io/team/app --tag 'v*'
  wharf import 'harbor.example.org/library/*' --prefix mirror/ --dry-run
  wharf import http://localhost:5000 --jobs 16 --json   # plain HTTP
  wharf import /var/lib/docker-registry                 # the storage folder of docker-registry
  wharf import ./layout --name team/app";

#[derive(Args)]
pub(crate) struct Import {
    /// A registry (HOST or HOST:PORT, with `http://` in front for plain HTTP), one or more of its repositories (HOST/REPOSITORY, with
    /// `*` for any text), or a folder: an OCI layout, a folder of layouts, or the storage of docker-registry.
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,
    #[command(flatten)]
    choice: Choice,
    /// The name of the repository, if the source is a folder that is one layout [default: the folder's name].
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Put before the names of the repositories, for example `mirror/`.
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,
    /// Removed from the start of the names of the source.
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    strip_prefix: String,
    /// The account of the registry to import into [default: the caller's own].
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    /// Do not create repositories: a missing one is a failure.
    #[arg(long)]
    no_create: bool,
    /// Also copy tags, mutability, scan on push, repository policies and lifecycle policies: the URL of the source's ECR
    /// API, for example `https://api.ecr.eu-west-1.amazonaws.com`.
    #[arg(long, value_name = "URL", requires = "source_profile")]
    settings_from: Option<String>,
    /// The profile in ~/.aws for --settings-from.
    #[arg(long, value_name = "NAME", requires = "settings_from")]
    source_profile: Option<String>,
    /// The Region for --settings-from [default: as for --region].
    #[arg(long, value_name = "REGION", requires = "settings_from")]
    source_region: Option<Region>,
    #[command(flatten)]
    access: RegistryAccess,
    #[command(flatten)]
    connection: Connection,
}

/// Where a source is.
#[derive(Debug, PartialEq, Eq)]
enum Place<'a> {
    Folder(&'a Path),
    /// The address, and the repository if it is given.
    Registry(&'a str, Option<&'a str>),
}

impl Place<'_> {
    /// A folder exists, or its name starts as no host name does.
    fn of(text: &str) -> Place<'_> {
        let is_path = text.starts_with(['/', '.']) || (!text.contains("://") && Path::new(text).is_dir());
        if is_path {
            return Place::Folder(Path::new(text));
        }
        let scheme = text.find("://").map_or(0, |at| at + 3);
        match text.get(scheme..).and_then(|rest| rest.find('/')) {
            Some(at) => {
                let (host, repository) = text.split_at(scheme + at);
                let repository = repository.trim_start_matches('/');
                Place::Registry(host, (!repository.is_empty()).then_some(repository))
            }
            None => Place::Registry(text, None),
        }
    }
}

impl Import {
    /// The source's API gets requests that are signed with the source's own profile, and never the target's key.
    fn settings(&self) -> anyhow::Result<Option<Settings>> {
        let Some(url) = &self.settings_from else { return Ok(None) };
        let source = Connection {
            endpoint: Some(url.clone()),
            profile: self.source_profile.clone(),
            region: self.source_region.clone(),
            certificate_authority: self.access.certificate_authority().cloned(),
        };
        Ok(Some(Settings::new(source.open()?, self.connection.open()?)))
    }
}

pub(crate) async fn run(import: Import) -> anyhow::Result<()> {
    let registries =
        import.sources.iter().filter(|text| matches!(Place::of(text), Place::Registry(..))).count();
    if registries > 1 && import.access.has_password() {
        bail!("--username is for one registry: give one source at a time, or use docker login");
    }
    let mut summaries = Vec::new();
    for text in &import.sources {
        let (source, named) = match Place::of(text) {
            Place::Folder(path) => (Source::folder(path, import.name.as_deref())?, None),
            Place::Registry(host, repository) => {
                (Source::registry(import.access.open(host).await?), repository)
            }
        };
        let mut options = import.choice.options();
        options.repositories.extend(named.map(Pattern::new));
        options.prefix.clone_from(&import.prefix);
        options.strip_prefix.clone_from(&import.strip_prefix);
        let target = Target::wharf(import.connection.open()?, import.account.clone(), !import.no_create)?;
        let transfer = Transfer::new(source, target, options, import.settings()?);
        let summary = Box::pin(transfer.run()).await.with_context(|| text.clone())?;
        summaries.push((text.clone(), summary));
    }
    finish(import.choice.json, &summaries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_registry_or_a_folder() {
        for (text, place) in [
            ("registry.example", Place::Registry("registry.example", None)),
            ("registry.example:5000/", Place::Registry("registry.example:5000", None)),
            ("ghcr.io/team/app", Place::Registry("ghcr.io", Some("team/app"))),
            ("http://127.0.0.1:5000/team/*", Place::Registry("http://127.0.0.1:5000", Some("team/*"))),
            ("./layout", Place::Folder(Path::new("./layout"))),
            ("/srv/registry", Place::Folder(Path::new("/srv/registry"))),
        ] {
            assert_eq!(Place::of(text), place, "{text}");
        }
    }
}
