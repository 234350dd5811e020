//! The settings of blobs in a bucket: `url` of `[blobs]`, and `[blobs.s3]`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use blob::{Credentials, Encryption, S3Options, S3Url};
use serde::Deserialize;
use toml::{Table, Value};

use super::read::DEFAULT_REGION;
use super::{BlobsSection, overlay};
use crate::files;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct S3Section {
    endpoint: Option<String>,
    public_endpoint: Option<String>,
    region: Option<String>,
    path_style: Option<bool>,
    access_key_id: Option<String>,
    secret_access_key_file: Option<PathBuf>,
    serve: Option<Serve>,
    sse: Option<Sse>,
    sse_kms_key_id: Option<String>,
    hedge: Option<bool>,
}

/// How the server encrypts objects: the values of the header `x-amz-server-side-encryption`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Sse {
    #[serde(rename = "AES256")]
    S3,
    #[serde(rename = "aws:kms")]
    Kms,
    #[serde(rename = "aws:kms:dsse")]
    KmsTwice,
}

/// How layers reach clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Serve {
    /// Clients get a signed URL of the bucket.
    Redirect,
    /// The bytes pass through the node.
    #[default]
    Stream,
}

/// A bucket for blobs.
#[derive(Clone)]
pub(crate) struct Bucket {
    pub(crate) url: S3Url,
    options: S3Options,
    key: Option<(String, PathBuf)>,
}

impl Bucket {
    /// The settings of its client. Reads the file of the secret, or the environment.
    pub(crate) fn options(&self) -> anyhow::Result<S3Options> {
        let credentials = match &self.key {
            None => Credentials::Chain(std::env::vars().collect()),
            Some((id, path)) => {
                let secret = files::read_optional(path)?.with_context(|| {
                    format!("blobs.s3.secret_access_key_file: {} does not exist", path.display())
                })?;
                let secret = String::from_utf8(secret).ok().map(|secret| secret.trim().to_owned());
                let secret = secret.filter(|secret| !secret.is_empty()).with_context(|| {
                    format!("blobs.s3.secret_access_key_file: {} has no secret access key", path.display())
                })?;
                Credentials::Key { id: id.clone(), secret }
            }
        };
        Ok(S3Options { credentials, ..self.options.clone() })
    }

    /// Whether both are the same place on the same server.
    pub(crate) fn is_same_place(&self, other: &Self) -> bool {
        self.url == other.url && self.options.endpoint == other.options.endpoint
    }

    /// A store of its own in the same bucket, with this at the end of its prefix.
    pub(crate) fn under(&self, rest: &str) -> anyhow::Result<Self> {
        let slash = if self.url.prefix.is_empty() { "" } else { "/" };
        let url: S3Url = format!("s3://{}/{}{slash}{rest}", self.url.bucket, self.url.prefix).parse()?;
        let options = S3Options { url: url.clone(), ..self.options.clone() };
        Ok(Self { url, options, key: self.key.clone() })
    }

    /// A warning if other users can read the file of the secret.
    pub(super) fn warning(&self) -> Option<String> {
        let (_, path) = self.key.as_ref()?;
        let error = files::check_secret(path).err()?;
        Some(format!("blobs.s3.secret_access_key_file: {error:#}"))
    }
}

/// The bucket of the configuration, if it has one. `region` is the deployment's.
pub(super) fn bucket(section: &BlobsSection, region: &str) -> anyhow::Result<Option<Bucket>> {
    let s3 = &section.s3;
    let Some(url) = &section.url else {
        if *s3 != S3Section::default() {
            bail!("[blobs.s3] needs blobs.url: set it to s3://BUCKET/PREFIX, or remove the section");
        }
        return Ok(None);
    };
    if section.path.is_some() {
        bail!("blobs.url and blobs.path are both set: layers are either in the bucket or in the folder");
    }
    if section.archive_path.is_some() {
        bail!(
            "blobs.archive_path is for layers in a folder: with blobs.url, use a lifecycle rule of the bucket"
        );
    }
    let url: S3Url = url.parse().with_context(|| format!("blobs.url = \"{url}\""))?;
    let endpoint = s3.endpoint.as_deref().map(|text| origin("endpoint", text)).transpose()?;
    let public = s3.public_endpoint.as_deref().map(|text| origin("public_endpoint", text)).transpose()?;
    let key = match (&s3.access_key_id, &s3.secret_access_key_file) {
        (Some(id), Some(path)) => Some((id.clone(), path.clone())),
        (None, None) => None,
        (Some(_), None) => bail!("blobs.s3.access_key_id needs blobs.s3.secret_access_key_file"),
        (None, Some(_)) => bail!("blobs.s3.secret_access_key_file needs blobs.s3.access_key_id"),
    };
    let mut options = S3Options::new(url.clone(), s3.region.as_deref().unwrap_or(region));
    // Few servers other than AWS have a host name for each bucket.
    options.path_style = s3.path_style.unwrap_or(endpoint.is_some());
    options.redirects = s3.serve.unwrap_or_default() == Serve::Redirect;
    options.public_endpoint = public.or_else(|| endpoint.clone());
    options.endpoint = endpoint;
    options.encryption = encryption(s3)?;
    options.hedge = s3.hedge.unwrap_or(true);
    Ok(Some(Bucket { url, options, key }))
}

fn encryption(s3: &S3Section) -> anyhow::Result<Option<Encryption>> {
    let key_id = s3.sse_kms_key_id.clone();
    if key_id.as_ref().is_some_and(|id| id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic())) {
        bail!("blobs.s3.sse_kms_key_id is not the ID or the ARN of a key");
    }
    match (s3.sse, key_id) {
        (None, None) => Ok(None),
        (Some(Sse::S3), None) => Ok(Some(Encryption::S3)),
        (Some(Sse::Kms), key_id) => Ok(Some(Encryption::Kms { key_id, twice: false })),
        (Some(Sse::KmsTwice), key_id) => Ok(Some(Encryption::Kms { key_id, twice: true })),
        (None | Some(Sse::S3), Some(_)) => {
            bail!("blobs.s3.sse_kms_key_id needs blobs.s3.sse = \"aws:kms\" or \"aws:kms:dsse\"")
        }
    }
}

/// The bucket of a `wharf dev`, which has no configuration file.
pub(crate) fn bucket_of_environment() -> anyhow::Result<Option<Bucket>> {
    let mut table = Table::new();
    overlay::apply(&mut table, std::env::vars())?;
    let region = table.get("region").and_then(Value::as_str).unwrap_or(DEFAULT_REGION).to_owned();
    match table.remove("blobs") {
        Some(blobs) => bucket(&BlobsSection::deserialize(blobs).context("WHARF__BLOBS__…")?, &region),
        None => Ok(None),
    }
}

/// A bucket of a command, reached as the [blobs.s3] of a configuration file says, or of the environment.
pub(crate) fn bucket_at(url: &str, file: Option<&Path>) -> anyhow::Result<Bucket> {
    let mut table = Table::new();
    match file {
        Some(file) => {
            let text =
                std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            table = text.parse().with_context(|| file.display().to_string())?;
        }
        None => drop(overlay::apply(&mut table, std::env::vars())?),
    }
    let region = table.get("region").and_then(Value::as_str).unwrap_or(DEFAULT_REGION).to_owned();
    let s3 = table.get("blobs").and_then(|blobs| blobs.get("s3")).cloned();
    let s3 = s3.map(S3Section::deserialize).transpose().context("[blobs.s3]")?.unwrap_or_default();
    let section = BlobsSection { url: Some(url.to_owned()), s3, ..BlobsSection::default() };
    bucket(&section, &region)?.context("no bucket")
}

/// A scheme and a host, for example `https://s3.example.com:9000`.
fn origin(key: &str, text: &str) -> anyhow::Result<String> {
    let trimmed = text.strip_suffix('/').unwrap_or(text);
    let host = trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://"));
    if !host.is_some_and(super::host_name) {
        bail!("blobs.s3.{key} = \"{text}\": it must be http:// or https:// with a host, and no path");
    }
    Ok(trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> anyhow::Result<Option<Bucket>> {
        let section: BlobsSection = toml::from_str(toml)?;
        bucket(&section, "eu-west-1")
    }

    #[test]
    fn a_bucket_of_aws_needs_only_its_url() {
        let bucket = read("url = \"s3://layers/prod\"").unwrap().unwrap();
        assert_eq!(bucket.url.to_string(), "s3://layers/prod");
        let options = bucket.options;
        assert_eq!(
            (options.region.as_str(), options.path_style, options.redirects),
            ("eu-west-1", false, false)
        );
        assert!(read("path = \"/srv\"").unwrap().is_none());
    }

    #[test]
    fn another_database_has_a_prefix_of_its_own() {
        for (url, expected) in [
            ("s3://layers/prod", "s3://layers/prod/databases/east"),
            ("s3://layers", "s3://layers/databases/east"),
        ] {
            let bucket = read(&format!("url = \"{url}\"")).unwrap().unwrap();
            let under = bucket.under("databases/east").unwrap();
            assert_eq!(under.url.to_string(), expected);
            assert_eq!(under.options.url, under.url);
        }
    }

    #[test]
    fn every_setting_of_a_bucket_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let text = format!(
            "url = \"s3://layers\"\n[s3]\nendpoint = \"http://s3.internal:9000/\"\nregion = \"r\"\npath_style = false\n\
             public_endpoint = \"https://s3.example.com\"\naccess_key_id = \"AK\"\nserve = \"redirect\"\n\
             secret_access_key_file = \"{}\"",
            file.display()
        );
        let bucket = read(&text).unwrap().unwrap();
        let missing = bucket.options().err().unwrap().to_string();
        assert!(missing.contains("does not exist"), "{missing}");
        std::fs::write(&file, "SK\n").unwrap();
        let options = bucket.options().unwrap();
        assert_eq!(options.endpoint.as_deref(), Some("http://s3.internal:9000"));
        assert_eq!(options.public_endpoint.as_deref(), Some("https://s3.example.com"));
        assert_eq!((options.region.as_str(), options.path_style, options.redirects), ("r", false, true));
        let Credentials::Key { id, secret } = options.credentials else { panic!("no key") };
        assert_eq!((id.as_str(), secret.as_str()), ("AK", "SK"));
    }

    #[test]
    fn the_encryption_of_objects_is_read() {
        let kms = |key_id: Option<&str>, twice| Encryption::Kms { key_id: key_id.map(str::to_owned), twice };
        for (settings, expected) in [
            ("", None),
            ("sse = \"AES256\"", Some(Encryption::S3)),
            ("sse = \"aws:kms\"", Some(kms(None, false))),
            ("sse = \"aws:kms\"\nsse_kms_key_id = \"alias/layers\"", Some(kms(Some("alias/layers"), false))),
            ("sse = \"aws:kms:dsse\"", Some(kms(None, true))),
        ] {
            let bucket = read(&format!("url = \"s3://layers\"\n[s3]\n{settings}")).unwrap().unwrap();
            assert_eq!(bucket.options.encryption, expected, "{settings}");
            assert!(bucket.options.hedge);
        }
        let without = read("url = \"s3://layers\"\n[s3]\nhedge = false").unwrap().unwrap();
        assert!(!without.options.hedge);
    }

    #[test]
    fn an_error_says_which_setting_is_wrong() {
        for (text, word) in [
            ("[s3]\nregion = \"r\"", "blobs.url"),
            ("url = \"http://layers\"", "s3://BUCKET"),
            ("url = \"s3://layers\"\npath = \"/srv\"", "blobs.path"),
            ("url = \"s3://layers\"\narchive_path = \"/srv\"", "archive_path"),
            ("url = \"s3://layers\"\n[s3]\nendpoint = \"s3.internal\"", "endpoint"),
            ("url = \"s3://layers\"\n[s3]\nendpoint = \"http://s3.internal/path\"", "endpoint"),
            ("url = \"s3://layers\"\n[s3]\naccess_key_id = \"AK\"", "secret_access_key_file"),
            ("url = \"s3://layers\"\n[s3]\nsecret_access_key_file = \"/x\"", "access_key_id"),
            ("url = \"s3://layers\"\n[s3]\nserve = \"proxy\"", "redirect"),
            ("url = \"s3://layers\"\n[s3]\nsecret_access_key = \"SK\"", "secret_access_key"),
            ("url = \"s3://layers\"\n[s3]\nsse = \"aes\"", "AES256"),
            ("url = \"s3://layers\"\n[s3]\nsse_kms_key_id = \"k\"", "blobs.s3.sse"),
            ("url = \"s3://layers\"\n[s3]\nsse = \"AES256\"\nsse_kms_key_id = \"k\"", "aws:kms"),
            ("url = \"s3://layers\"\n[s3]\nsse = \"aws:kms\"\nsse_kms_key_id = \"a b\"", "sse_kms_key_id"),
        ] {
            let complaint = format!("{:#}", read(text).err().expect(text));
            assert!(complaint.contains(word), "{complaint}");
        }
    }
}
