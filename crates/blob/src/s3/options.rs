//! The settings of a store in a bucket, and the clients that they give.

use std::str::FromStr;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, Checksum};
use object_store::client::{HttpClient, HttpConnector as _, ReqwestConnector};
use object_store::{ClientOptions, RetryConfig};

/// A bucket and the beginning of the keys in it: `s3://BUCKET/PREFIX`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct S3Url {
    /// The bucket.
    pub bucket: String,
    /// The beginning of each key, without slashes at its ends. It can be empty.
    pub prefix: String,
}

/// The text is not a URL of a bucket.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "the URL of a bucket is s3://BUCKET or s3://BUCKET/PREFIX, where PREFIX has letters, digits, '-', '_', '.' and '/'"
)]
pub struct InvalidS3Url;

impl FromStr for S3Url {
    type Err = InvalidS3Url;

    fn from_str(text: &str) -> Result<Self, InvalidS3Url> {
        let rest = text.strip_prefix("s3://").ok_or(InvalidS3Url)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
        let is_bucket = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let is_good = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_bucket);
        if !is_good(bucket) || !(prefix.is_empty() || prefix.split('/').all(is_good)) {
            return Err(InvalidS3Url);
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }
}

impl std::fmt::Display for S3Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let slash = if self.prefix.is_empty() { "" } else { "/" };
        write!(f, "s3://{}{slash}{}", self.bucket, self.prefix)
    }
}

/// How requests are signed.
#[derive(Clone)]
pub enum Credentials {
    /// With this access key.
    Key {
        /// Its ID.
        id: String,
        /// Its secret.
        secret: String,
    },
    /// By these variables of the environment (names and values), or else by the machine's role.
    Chain(Vec<(String, String)>),
}

/// The variables from which [`Credentials::Chain`] takes credentials. Others, such as an endpoint, do not apply: they can
/// be meant for clients of this registry.
const VARIABLES: [&str; 10] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_METADATA_ENDPOINT",
];

/// The settings of a store in a bucket.
#[derive(Clone)]
pub struct S3Options {
    /// The bucket and prefix.
    pub url: S3Url,
    /// The server, if it is not AWS.
    pub endpoint: Option<String>,
    /// The server as clients reach it, for signed URLs, if it is not AWS.
    pub public_endpoint: Option<String>,
    /// Whether clients get signed URLs.
    pub redirects: bool,
    /// The region of requests.
    pub region: String,
    /// The bucket is in the path of a URL, not in its host.
    pub path_style: bool,
    /// How requests are signed.
    pub credentials: Credentials,
    /// The size of the parts of a multipart upload. S3 requires at least 5 MiB.
    pub part_bytes: u64,
    /// How the server encrypts objects, if not as the bucket says.
    pub encryption: Option<Encryption>,
    /// Whether a GET that is slower than usual gets a second one.
    pub hedge: bool,
    /// A server that does not answer or send for this long has failed. It includes the time to send a part.
    pub read_timeout: Duration,
    /// The time after which a request is not repeated.
    pub retry_timeout: Duration,
    /// A multipart upload that no upload knows is ended when it is so old.
    pub orphaned_after: Duration,
}

/// How the server encrypts objects, with keys that it has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Encryption {
    /// With keys of S3 (SSE-S3).
    S3,
    /// With a key of KMS (SSE-KMS).
    Kms {
        /// Its ID or ARN. Without one it is AWS's key for S3.
        key_id: Option<String>,
        /// Encrypted twice (DSSE-KMS).
        twice: bool,
    },
}

/// The size of parts: 10,000 of them are more than the largest layer of ECR (52,000 MiB).
pub(super) const PART_BYTES: u64 = 8 * 1024 * 1024;

const READ_TIMEOUT: Duration = Duration::from_mins(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const RETRY_TIMEOUT: Duration = Duration::from_mins(1);
/// An upload records its multipart upload within seconds.
const ORPHANED_AFTER: Duration = Duration::from_hours(24);
const MAX_RETRIES: usize = 6;

impl S3Options {
    /// Settings for AWS, with the credentials of the environment.
    pub fn new(url: S3Url, region: impl Into<String>) -> Self {
        Self {
            url,
            endpoint: None,
            public_endpoint: None,
            redirects: false,
            region: region.into(),
            path_style: false,
            credentials: Credentials::Chain(Vec::new()),
            part_bytes: PART_BYTES,
            encryption: None,
            hedge: true,
            read_timeout: READ_TIMEOUT,
            retry_timeout: RETRY_TIMEOUT,
            orphaned_after: ORPHANED_AFTER,
        }
    }

    fn client_options(&self, endpoint: Option<&str>) -> ClientOptions {
        ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_read_timeout(self.read_timeout)
            .with_allow_http(endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")))
    }

    /// A client for signed URLs of this endpoint.
    pub(super) fn http(&self, endpoint: Option<&str>) -> object_store::Result<HttpClient> {
        ReqwestConnector::default().connect(&self.client_options(endpoint))
    }

    /// A client of this endpoint; of AWS if there is none.
    pub(crate) fn client(&self, endpoint: Option<&str>) -> object_store::Result<AmazonS3> {
        let retry = RetryConfig {
            max_retries: MAX_RETRIES,
            retry_timeout: self.retry_timeout,
            ..RetryConfig::default()
        };
        let mut builder = AmazonS3Builder::new();
        match &self.credentials {
            Credentials::Key { id, secret } => {
                builder = builder.with_access_key_id(id).with_secret_access_key(secret);
            }
            Credentials::Chain(environment) => {
                let ours = environment.iter().filter(|(name, _)| VARIABLES.contains(&name.as_str()));
                for (name, value) in ours {
                    if let Ok(key) = AmazonS3ConfigKey::from_str(&name.to_ascii_lowercase()) {
                        builder = builder.with_config(key, value);
                    }
                }
            }
        }
        builder = builder
            .with_client_options(self.client_options(endpoint))
            .with_retry(retry)
            .with_region(&self.region)
            .with_bucket_name(&self.url.bucket)
            .with_virtual_hosted_style_request(!self.path_style)
            .with_disable_bulk_delete(true)
            // The server compares the bytes with it, and keeps it. The signature needs the same sum.
            .with_checksum_algorithm(Checksum::SHA256);
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(self.with_bucket(endpoint));
        }
        self.encrypted(builder).build()
    }

    /// The client sends the headers of the encryption with each request that creates an object.
    fn encrypted(&self, builder: AmazonS3Builder) -> AmazonS3Builder {
        let (kind, key_id) = match &self.encryption {
            None => return builder,
            Some(Encryption::S3) => ("AES256", None),
            Some(Encryption::Kms { key_id, twice: false }) => ("aws:kms", key_id.as_ref()),
            Some(Encryption::Kms { key_id, twice: true }) => ("aws:kms:dsse", key_id.as_ref()),
        };
        let settings =
            [("aws_server_side_encryption", Some(kind)), ("aws_sse_kms_key_id", key_id.map(String::as_str))];
        settings.into_iter().fold(builder, |builder, (name, value)| {
            match (name.parse::<AmazonS3ConfigKey>(), value) {
                (Ok(name), Some(value)) => builder.with_config(name, value),
                _ => builder,
            }
        })
    }

    /// With virtual-host style the bucket is the first label of the host.
    fn with_bucket(&self, endpoint: &str) -> String {
        let endpoint = endpoint.trim_end_matches('/');
        match endpoint.split_once("://") {
            Some((scheme, host)) if !self.path_style => format!("{scheme}://{}.{host}", self.url.bucket),
            _ => endpoint.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_bucket_and_a_prefix() {
        for (text, bucket, prefix) in [
            ("s3://layers", "layers", ""),
            ("s3://layers/", "layers", ""),
            ("s3://layers/prod/eu-1/", "layers", "prod/eu-1"),
        ] {
            let url: S3Url = text.parse().unwrap();
            assert_eq!((url.bucket.as_str(), url.prefix.as_str()), (bucket, prefix));
            assert_eq!(url.to_string().parse(), Ok(url));
        }
        for bad in [
            "",
            "layers",
            "http://layers",
            "s3://",
            "s3:///a",
            "s3://a/../b",
            "s3://a//b",
            "s3://a/b c",
            "s3://a/b%2f",
        ] {
            assert_eq!(bad.parse::<S3Url>(), Err(InvalidS3Url), "{bad:?}");
        }
    }

    #[test]
    fn with_virtual_hosts_the_bucket_is_in_the_host() {
        let mut options = S3Options::new("s3://layers".parse().unwrap(), "eu-west-1");
        assert_eq!(options.with_bucket("https://s3.example.org:9000/"), "https://layers.s3.example.org:9000");
        options.path_style = true;
        assert_eq!(options.with_bucket("https://s3.example.org:9000/"), "https://s3.example.org:9000");
    }
}
