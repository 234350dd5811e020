//! Creates a client from options, environment and profile.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use aws::ids::Region;
use clap::Args;
use outbound::{Client, Roots};

use super::profile::Profile;
use super::{AccessKey, AwsClient, Service};

/// The server to call, and the credentials for it. Missing options come from the environment, as in the AWS CLI.
#[derive(Args, Clone, Default)]
pub(crate) struct Connection {
    /// The URL of the server [default: AWS_ENDPOINT_URL_IAM and so on, AWS_ENDPOINT_URL, endpoint_url of the profile].
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// The profile in ~/.aws whose access key is used [default: AWS_ACCESS_KEY_ID and so on, AWS_PROFILE].
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The Region [default: AWS_REGION, AWS_DEFAULT_REGION, region of the profile, us-east-1].
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<Region>,
    /// A PEM file with the certificate authority of the server [default: AWS_CA_BUNDLE, SSL_CERT_FILE, the system's].
    #[arg(long = "ca", value_name = "FILE")]
    pub(crate) certificate_authority: Option<PathBuf>,
}

/// An environment variable that is set and not empty.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Connection {
    /// A client with the caller's own access key, if there is one.
    pub(crate) fn open(&self) -> anyhow::Result<AwsClient> {
        let profile = Profile::read(self.profile.as_deref(), environment)?;
        let access_key = profile.access_key()?;
        self.open_with(&profile, access_key)
    }

    /// A client with the given access key, or without one.
    pub(crate) fn open_as(&self, access_key: Option<AccessKey>) -> anyhow::Result<AwsClient> {
        let profile = Profile::read(self.profile.as_deref(), environment)?;
        self.open_with(&profile, access_key)
    }

    /// The caller's own access key, if there is one.
    pub(crate) fn access_key(&self) -> anyhow::Result<Option<AccessKey>> {
        Profile::read(self.profile.as_deref(), environment)?.access_key()
    }

    fn open_with(&self, profile: &Profile, access_key: Option<AccessKey>) -> anyhow::Result<AwsClient> {
        let certificate_authority = self
            .certificate_authority
            .clone()
            .or_else(|| profile.variable("AWS_CA_BUNDLE").map(PathBuf::from))
            .or_else(|| profile.setting("ca_bundle").map(PathBuf::from));
        let http = match certificate_authority {
            Some(path) => {
                let pem =
                    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
                Client::of_operator(Roots::Only(&pem)).with_context(|| path.display().to_string())?
            }
            None => Client::of_operator(Roots::System)?,
        };
        let endpoints = match &self.endpoint {
            Some(url) => Endpoints::one(url),
            None => Endpoints::of_profile(profile),
        };
        Ok(AwsClient { http, endpoints, access_key, region: self.region(profile)? })
    }

    fn region(&self, profile: &Profile) -> anyhow::Result<Region> {
        if let Some(region) = &self.region {
            return Ok(region.clone());
        }
        let named = profile.variable("AWS_REGION").or_else(|| profile.variable("AWS_DEFAULT_REGION"));
        let named = named.or_else(|| profile.setting("region").map(str::to_owned));
        Ok(named.as_deref().unwrap_or("us-east-1").parse()?)
    }
}

/// The endpoint of each service.
pub(super) struct Endpoints {
    of_services: Vec<(Service, String)>,
    of_others: Option<String>,
}

impl Endpoints {
    fn one(url: &str) -> Self {
        Self { of_services: Vec::new(), of_others: Some(url.to_owned()) }
    }

    fn of_profile(profile: &Profile) -> Self {
        let named = |service: Service| {
            let url = profile.variable(&format!("AWS_ENDPOINT_URL_{}", service.variable()))?;
            Some((service, url))
        };
        let of_others = profile.variable("AWS_ENDPOINT_URL");
        Self {
            of_services: Service::ALL.into_iter().filter_map(named).collect(),
            of_others: of_others.or_else(|| profile.setting("endpoint_url").map(str::to_owned)),
        }
    }

    /// There is no default: a command of Wharf must never call AWS.
    pub(super) fn of(&self, service: Service) -> anyhow::Result<&str> {
        let own = self.of_services.iter().find(|(of, _)| *of == service).map(|(_, url)| url.as_str());
        own.or(self.of_others.as_deref()).with_context(|| {
            format!(
                "no endpoint: give --endpoint URL, or set AWS_ENDPOINT_URL_{} (for `wharf dev`: eval \"$(wharf env)\")",
                service.variable()
            )
        })
    }
}
