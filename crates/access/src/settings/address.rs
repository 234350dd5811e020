//! How clients reach this deployment: all URIs are created here, and all hosts are parsed here
//! (docs/adr/0013-names-of-registries.md).

use std::borrow::Cow;

use aws::ids::{AccountId, Region};

/// How clients reach this deployment.
#[derive(Clone, Debug)]
pub struct PublicAddress {
    /// `https` or `http`.
    pub scheme: &'static str,
    /// The suffix of registry host names (`amazonaws.com`, `registry.example.org`). The host of a registry is then
    /// `ACCOUNT.dkr.ecr.REGION.SUFFIX`. None: one host serves all registries, and the account ID is the first part of
    /// the path.
    pub suffix: Option<String>,
    /// The host without a port that is used without a suffix.
    pub host: String,
    /// The host without a port that serves public registries, in addition to ECR Public's own names. None: without
    /// another host, they are at `HOST/public.ecr.aws/ALIAS/NAME`.
    pub ecr_public_host: Option<String>,
    /// The port, omitted if it is the scheme's default.
    pub port: u16,
}

impl PublicAddress {
    fn with_port(&self, host: &str) -> String {
        match (self.scheme, self.port) {
            ("https", 443) | ("http", 80) => host.to_owned(),
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// The host (and port) that serves a registry.
    fn registry_host(&self, account: &AccountId, region: &Region) -> String {
        match &self.suffix {
            Some(suffix) => self.with_port(&registry_host(account, region, suffix)),
            None => self.with_port(&self.host),
        }
    }

    /// The start of image names in a registry: its host, or the single host and the account ID.
    pub fn registry(&self, account: &AccountId, region: &Region) -> String {
        let host = self.registry_host(account, region);
        if self.suffix.is_some() { host } else { format!("{host}/{account}") }
    }

    /// `repositoryUri` of ECR's shapes.
    pub fn repository_uri(&self, account: &AccountId, region: &Region, name: &str) -> String {
        format!("{}/{name}", self.registry(account, region))
    }

    /// The start of image names in a public registry.
    pub fn public_registry(&self, alias: &str) -> String {
        match &self.ecr_public_host {
            Some(host) => format!("{}/{alias}", self.with_port(host)),
            None => format!("{}/{ECR_PUBLIC}/{alias}", self.with_port(&self.host)),
        }
    }

    /// Whether a host serves public registries, and only those.
    pub fn is_public_host(&self, host: &str) -> bool {
        let name = without_port(host);
        let own = self.ecr_public_host.as_deref().into_iter();
        own.chain(PUBLIC_HOSTS).any(|known| known.eq_ignore_ascii_case(name))
    }

    /// `proxyEndpoint` of GetAuthorizationToken. `docker login` also accepts it with an account ID in its path: docker
    /// stores passwords by host, and one password is valid for every registry there.
    pub fn proxy_endpoint(&self, account: &AccountId, region: &Region) -> String {
        format!("{}://{}", self.scheme, self.registry(account, region))
    }

    /// The URL of the deployment: where the AWS APIs are, and `/v2/` of callers' own registries.
    pub fn endpoint(&self) -> String {
        format!("{}://{}", self.scheme, self.with_port(&self.host))
    }

    /// The start of a registry's links that are not image names: never with a path.
    pub fn origin(&self, account: &AccountId, region: &Region) -> String {
        format!("{}://{}", self.scheme, self.registry_host(account, region))
    }

    /// The registry that a host names (`ACCOUNT.dkr.ecr.REGION.SUFFIX` in any of ECR's forms, with AWS's suffixes or
    /// the deployment's own); None for a host that names no registry. A host that looks like a registry's name but is
    /// not one is an error: otherwise an image would silently go to the caller's own registry.
    pub fn registry_of_host(&self, host: &str) -> Result<Option<(AccountId, Region)>, HostError> {
        let name = lower_case(without_port(host));
        let Some((account, region_and_suffix)) = registry_form(&name) else { return Ok(None) };
        let wrong = |why: &str| Err(self.host_error(host, why));
        // The same name in DNS (RFC 1034 §3.1), but not in certificates, signatures and clients' password stores; and
        // no image name can contain it. Each registry has one spelling.
        if name.ends_with('.') {
            return wrong("it ends with a dot");
        }
        let Ok(account) = account.parse() else {
            return wrong("it does not begin with an account of 12 digits");
        };
        let Some((region, suffix)) = region_and_suffix.split_once('.') else {
            return wrong("a Region and a suffix do not follow");
        };
        let Ok(region) = region.parse() else {
            return wrong("its Region does not have the form of a Region, such as eu-central-1");
        };
        let own = self.suffix.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(suffix));
        if own || AWS_SUFFIXES.contains(&suffix) {
            Ok(Some((account, region)))
        } else {
            wrong("its suffix is not served here")
        }
    }

    /// The Region of the registry at an address, if this deployment serves it. A host that names no registry serves all, so
    /// the Region is the one given. AWS's own suffixes do not count: their names lead to AWS.
    pub fn own_region(&self, host: &str, port: Option<u16>, otherwise: &Region) -> Option<Region> {
        let usual = if self.scheme == "http" { 80 } else { 443 };
        if port.unwrap_or(usual) != self.port {
            return None;
        }
        if host.eq_ignore_ascii_case(&self.host) {
            return Some(otherwise.clone());
        }
        let suffix = self.suffix.as_deref()?.to_ascii_lowercase();
        let is_own = host.strip_suffix(&suffix).is_some_and(|before| before.ends_with('.'));
        let (_, region) = self.registry_of_host(host).ok()??;
        is_own.then_some(region)
    }

    fn host_error(&self, host: &str, why: &str) -> HostError {
        let right = match &self.suffix {
            Some(suffix) => self.with_port(&format!("ACCOUNT.dkr.ecr.REGION.{suffix}")),
            None => format!("{}/ACCOUNT", self.with_port(&self.host)),
        };
        HostError { host: host.chars().take(MAX_HOST_CHARS).collect(), why: why.to_owned(), right }
    }
}

/// The first part of paths that name a public registry at a host that names no registry.
pub const ECR_PUBLIC: &str = "public.ecr.aws";

/// The names of ECR Public (amazon-ecr-credential-helper, `ecrPublicName`, `ecrPublicDualStackName`).
const PUBLIC_HOSTS: [&str; 2] = [ECR_PUBLIC, "ecr-public.aws.com"];

fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// The host name of a registry.
pub fn registry_host(account: &AccountId, region: &Region, suffix: &str) -> String {
    format!("{account}.dkr.ecr.{region}.{suffix}")
}

/// A host that looks like a registry's name but is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{host}' looks like the name of a registry and is none: {why}. Registries are at {right} here.")]
pub struct HostError {
    host: String,
    why: String,
    right: String,
}

/// How much of a host a message repeats: the longest DNS name, and a port.
const MAX_HOST_CHARS: usize = 260;

/// Suffixes of AWS's own registry hosts, supported so that unchanged tools work in a closed network.
const AWS_SUFFIXES: [&str; 9] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "on.aws",
    "on.amazonwebservices.com.cn",
    "sc2s.sgov.gov",
    "c2s.ic.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

pub(super) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// A name in the form of a registry's: the text before the service's labels and the text after them. Any name with
/// `dkr.ecr` or `dkr-ecr`, and any name that begins with 12 digits and half of these.
fn registry_form(name: &str) -> Option<(&str, &str)> {
    const SERVICE: [&str; 4] = ["dkr.ecr-fips", "dkr.ecr", "dkr-ecr-fips", "dkr-ecr"];
    let dotted = |at: usize| at == 0 || name.as_bytes().get(at.wrapping_sub(1)) == Some(&b'.');
    for labels in SERVICE {
        for (at, _) in name.match_indices(labels).filter(|(at, _)| dotted(*at)) {
            let (account, rest) = name.split_at_checked(at)?;
            let rest = rest.strip_prefix(labels)?;
            if rest.is_empty() || rest.starts_with('.') {
                return Some((
                    account.strip_suffix('.').unwrap_or(account),
                    rest.strip_prefix('.').unwrap_or(rest),
                ));
            }
        }
    }
    let (account, rest) = name.split_once('.')?;
    let is_half = ["dkr.", "ecr.", "ecr-fips."].iter().any(|half| rest.starts_with(half));
    (is_half && account.parse::<AccountId>().is_ok()).then_some((account, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(suffix: Option<&str>) -> PublicAddress {
        let suffix = suffix.map(str::to_owned);
        PublicAddress {
            scheme: "http",
            suffix,
            host: "localhost".to_owned(),
            ecr_public_host: None,
            port: 5100,
        }
    }

    #[test]
    fn public_registries_have_hosts_or_a_path_of_their_own() {
        let one_host = address(None);
        assert_eq!(one_host.public_registry("a1b2c3d4"), "localhost:5100/public.ecr.aws/a1b2c3d4");
        for host in ["public.ecr.aws", "PUBLIC.ecr.aws:443", "ecr-public.aws.com"] {
            assert!(one_host.is_public_host(host), "{host}");
        }
        for host in
            ["localhost:5100", "public.ecr.aws.evil.example", "x.public.ecr.aws", "images.example.org", ""]
        {
            assert!(!one_host.is_public_host(host), "{host}");
        }
        let named = PublicAddress { ecr_public_host: Some("images.example.org".to_owned()), ..address(None) };
        assert!(named.is_public_host("images.example.org:5100"));
        assert_eq!(named.public_registry("a1b2c3d4"), "images.example.org:5100/a1b2c3d4");
    }

    #[test]
    fn hosts_in_all_of_ecrs_forms_name_their_registry() {
        for host in [
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com:443",
            "123456789012.DKR.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr-fips.eu-west-1.amazonaws.com",
            "123456789012.dkr-ecr.eu-west-1.on.aws",
            "123456789012.dkr-ecr-fips.eu-west-1.on.aws",
            "123456789012.dkr.ecr.eu-west-1.registry.example.org:5000",
        ] {
            let named = address(Some("registry.example.org")).registry_of_host(host);
            let (account, region) = named.expect(host).expect(host);
            assert_eq!((account.as_str(), region.as_str()), ("123456789012", "eu-west-1"));
        }
    }

    #[test]
    fn other_hosts_name_none() {
        for host in [
            "localhost:5100",
            "localhost.",
            "127.0.0.1",
            "[::1]:5100",
            "api.ecr.eu-west-1.amazonaws.com",
            "ecr.eu-west-1.amazonaws.com",
            "123456789012.example.org",
            "nodkr.ecr.example.org",
            "dkr.ecrx.example.org",
            "",
        ] {
            assert_eq!(address(None).registry_of_host(host), Ok(None), "{host}");
        }
    }

    #[test]
    fn a_host_that_only_looks_like_a_registry_is_an_error() {
        for (host, why) in [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com.", "ends with a dot"),
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com.:443", "ends with a dot"),
            ("123456789012.dkr.ecr.eu-west-1.evil.example", "suffix is not served"),
            ("123456789012.dkr.ecr.eu-west-1.evil.amazonaws.com", "suffix is not served"),
            ("123456789012.dkr.ecr.eu-west-1", "a Region and a suffix"),
            ("123456789012.dkr.ecr..amazonaws.com", "form of a Region"),
            ("123456789012.dkr.ecr.eu_west.amazonaws.com", "form of a Region"),
            ("123456789012.dkr.ecr.local.amazonaws.com", "form of a Region, such as eu-central-1"),
            ("12345.dkr.ecr.eu-west-1.amazonaws.com", "12 digits"),
            ("dkr.ecr.eu-west-1.amazonaws.com", "12 digits"),
            ("a.123456789012.dkr.ecr.eu-west-1.amazonaws.com", "12 digits"),
            ("123456789012.dkr.s3.eu-west-1.amazonaws.com", "a Region and a suffix"),
            ("123456789012.ecr.eu-west-1.amazonaws.com", "a Region and a suffix"),
        ] {
            let error = address(Some("r.example")).registry_of_host(host).expect_err(host).to_string();
            assert!(error.contains(host) && error.contains(why), "{error}");
            assert!(error.contains("ACCOUNT.dkr.ecr.REGION.r.example:5100"), "{error}");
        }
        let error = address(None).registry_of_host("1.dkr.ecr.x.y").unwrap_err().to_string();
        assert!(error.contains("localhost:5100/ACCOUNT"), "{error}");
    }

    #[test]
    fn the_deployment_knows_its_own_addresses() {
        let home: Region = "eu-north-1".parse().unwrap();
        let own = |suffix, host, port| {
            address(suffix).own_region(host, port, &home).map(|region| region.to_string())
        };
        let suffix = Some("r.example");
        let named = "111122223333.dkr.ecr.eu-west-1.r.example";
        assert_eq!(own(suffix, named, Some(5100)).as_deref(), Some("eu-west-1"));
        assert_eq!(own(None, "localhost", Some(5100)).as_deref(), Some("eu-north-1"));
        for (host, port) in [
            (named, None),
            (named, Some(443)),
            ("111122223333.dkr.ecr.eu-west-1.evilr.example", Some(5100)),
            ("111122223333.dkr.ecr.eu-west-1.r.example.evil.example", Some(5100)),
            ("111122223333.dkr.ecr.eu-west-1.amazonaws.com", Some(5100)),
            ("registry.example", Some(5100)),
            ("localhost", Some(5101)),
            ("localhost", None),
        ] {
            assert_eq!(own(suffix, host, port), None, "{host}");
        }
    }

    #[test]
    fn without_a_suffix_the_path_has_the_account_id() {
        let (account, region) = ("111122223333".parse().unwrap(), "eu-west-1".parse().unwrap());
        let one_host = address(None);
        assert_eq!(one_host.repository_uri(&account, &region, "a/b"), "localhost:5100/111122223333/a/b");
        assert_eq!(one_host.proxy_endpoint(&account, &region), "http://localhost:5100/111122223333");
        assert_eq!(one_host.origin(&account, &region), "http://localhost:5100");
        let named = address(Some("r.example"));
        let host = "111122223333.dkr.ecr.eu-west-1.r.example:5100";
        assert_eq!(named.repository_uri(&account, &region, "a/b"), format!("{host}/a/b"));
        assert_eq!(named.proxy_endpoint(&account, &region), format!("http://{host}"));
        assert_eq!(named.origin(&account, &region), format!("http://{host}"));
    }
}
