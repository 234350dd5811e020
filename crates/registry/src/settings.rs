//! What the binary decides for the registry: where it is reached, its limits, its master key.

use std::net::IpAddr;

use aws::ids::{AccountId, Region};
pub use iam::{Cidr, CidrError};
pub use outbound::Dialler;

/// How clients reach this deployment. URIs and challenges are built from it (design: addressing).
#[derive(Clone, Debug)]
pub struct PublicAddress {
    /// `https` or `http`.
    pub scheme: &'static str,
    /// The suffix of registry host names (`amazonaws.com`, `registry.example.org`); a registry's host is
    /// then `ACCOUNT.dkr.ecr.REGION.SUFFIX`. None: one host serves the caller's own account.
    pub suffix: Option<String>,
    /// The host without a port that is used where there is no suffix.
    pub host: String,
    /// The port, left out where it is the scheme's own.
    pub port: u16,
}

impl PublicAddress {
    fn with_port(&self, host: &str) -> String {
        match (self.scheme, self.port) {
            ("https", 443) | ("http", 80) => host.to_owned(),
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// The host (and port) of a registry, as docker names it.
    pub fn registry_host(&self, account: &AccountId, region: &Region) -> String {
        match &self.suffix {
            Some(suffix) => self.with_port(&format!("{account}.dkr.ecr.{region}.{suffix}")),
            None => self.with_port(&self.host),
        }
    }

    /// `repositoryUri` of ECR's shapes.
    pub fn repository_uri(&self, account: &AccountId, region: &Region, name: &str) -> String {
        format!("{}/{name}", self.registry_host(account, region))
    }

    /// `proxyEndpoint` of GetAuthorizationToken: no path, as the credential helpers expect.
    pub fn proxy_endpoint(&self, account: &AccountId, region: &Region) -> String {
        format!("{}://{}", self.scheme, self.registry_host(account, region))
    }
}

/// Suffixes of AWS's own registry hosts, understood so that unmodified helpers work inside a closed network.
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

/// The registry that a host name speaks of: `ACCOUNT.dkr.ecr.REGION.SUFFIX` in any of ECR's forms
/// (`dkr-ecr`, `-fips`), with AWS's suffixes or the deployment's own. None: the host names no registry.
pub fn registry_of_host(host: &str, own_suffix: Option<&str>) -> Option<(AccountId, Region)> {
    let host = host
        .rsplit_once(':')
        .map_or(host, |(name, port)| if port.bytes().all(|b| b.is_ascii_digit()) { name } else { host });
    let host = host.to_ascii_lowercase();
    let (account, rest) = host.split_once('.')?;
    let rest = rest.strip_prefix("dkr.ecr").or_else(|| rest.strip_prefix("dkr-ecr"))?;
    let rest = rest.strip_prefix("-fips").unwrap_or(rest).strip_prefix('.')?;
    let (region, suffix) = rest.split_once('.')?;
    let known =
        AWS_SUFFIXES.contains(&suffix) || own_suffix.is_some_and(|own| own.eq_ignore_ascii_case(suffix));
    if !known {
        return None;
    }
    Some((account.parse().ok()?, region.parse().ok()?))
}

/// Limits that hold for every caller.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest layer, in bytes (ECR: 52,000 MiB).
    pub layer_bytes: u64,
    /// Part size that InitiateLayerUpload announces (ECR: 10 MiB).
    pub upload_part_bytes: u64,
    /// Smallest part but the last of the layer upload API (ECR: 5 MiB).
    pub upload_part_min_bytes: u64,
    /// Bytes of manifests kept in memory.
    pub manifest_cache_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            layer_bytes: 52_000 * MIB,
            upload_part_bytes: 10 * MIB,
            upload_part_min_bytes: 5 * MIB,
            manifest_cache_bytes: 32 * MIB,
        }
    }
}

/// The key that seals everything else at rest. It comes from a file and is never printed.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    /// Takes the 32 bytes of the key file.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A network whose clients count as coming by a VPC endpoint, as policies written for AWS ask it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VpcEndpoint {
    /// `vpce-…`: `aws:SourceVpce`.
    pub id: String,
    /// `vpc-…`: `aws:SourceVpc`.
    pub vpc: String,
    /// Where its clients have their addresses.
    pub networks: Vec<Cidr>,
}

impl VpcEndpoint {
    /// Whether a client of this address comes by the endpoint.
    pub fn serves(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }
}

/// Everything the binary decides for the registry.
#[derive(Clone)]
pub struct Settings {
    /// Where clients reach it.
    pub address: PublicAddress,
    /// The region of requests that name none.
    pub default_region: Region,
    /// Limits for every caller.
    pub limits: Limits,
    /// The networks that count as VPC endpoints; of several that hold an address the first one counts.
    pub vpc_endpoints: Vec<VpcEndpoint>,
    /// Calls the servers that tenants name.
    pub dialler: Dialler,
    /// Seals secrets and the key ring at rest.
    pub master_key: MasterKey,
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let (account, region) = registry_of_host(host, Some("registry.example.org")).expect(host);
            assert_eq!(
                (account.to_string().as_str(), region.to_string().as_str()),
                ("123456789012", "eu-west-1")
            );
        }
    }

    #[test]
    fn other_hosts_name_none() {
        for host in [
            "localhost:5100",
            "127.0.0.1",
            "[::1]:5100",
            "12345.dkr.ecr.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-1.evil.example",
            "123456789012.dkr.s3.eu-west-1.amazonaws.com",
            "123456789012.dkr.ecr..amazonaws.com",
            "",
        ] {
            assert_eq!(registry_of_host(host, None), None, "{host}");
        }
    }
}
