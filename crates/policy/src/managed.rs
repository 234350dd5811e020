//! All AWS-managed policies, by ARN.
//!
//! The policies that registries, clusters and pipelines use have their documents from the AWS Managed Policy Reference,
//! at the given version. Three long ones of these, and all others (`managed/others.tsv`), have only their statements on
//! the services that exist here (ecr, ecr-public, iam, kms, organizations, sts). For these services they give the same
//! decisions as the complete documents. The binary has `others.tsv` compressed.

use std::sync::LazyLock;

/// An AWS-managed policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Managed {
    /// Its name, the last part of its ARN.
    pub name: &'static str,
    /// Its path, from `/` to `/`.
    pub path: &'static str,
    /// The version of the document.
    pub version_id: &'static str,
    /// When AWS created the policy.
    pub created_at: &'static str,
    /// When AWS created this version.
    pub updated_at: &'static str,
    /// Whether statements on services that do not exist here were removed. If no statement is left, one action of the
    /// policy stays, because a document must have a statement.
    pub is_shortened: bool,
    /// The document.
    pub document: &'static str,
}

impl Managed {
    /// The policy's ARN.
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::aws:policy{}{}", self.path, self.name)
    }
}

/// The document of an AWS-managed policy; none if the ARN is unknown.
pub fn find(arn: &str) -> Option<&'static str> {
    find_policy(arn).map(|policy| policy.document)
}

/// An AWS-managed policy with all its data. It has one ARN, in the partition `aws`: a second ARN would bypass every
/// condition on `iam:PolicyARN` that names the first.
pub fn find_policy(arn: &str) -> Option<&'static Managed> {
    let path_and_name = arn.strip_prefix("arn:aws:iam::aws:policy")?;
    let (_, name) = path_and_name.rsplit_once('/')?;
    // The policies of registries first: most servers never decompress the others.
    let policy = match MANAGED.iter().find(|policy| policy.name == name) {
        Some(policy) => policy,
        None => ALL.get(ALL.binary_search_by(|policy| policy.name.cmp(name)).ok()?)?,
    };
    (path_and_name.strip_prefix(policy.path) == Some(policy.name)).then_some(policy)
}

/// Every AWS-managed policy, by name. No two have the same name.
pub fn all() -> &'static [Managed] {
    &ALL
}

/// Built on first use. It points to the text in the program and to that of `OTHERS`.
static ALL: LazyLock<Vec<Managed>> = LazyLock::new(|| {
    let others = OTHERS.lines().filter_map(read);
    let mut all: Vec<Managed> = MANAGED.iter().copied().chain(others).collect();
    all.sort_unstable_by_key(|policy| policy.name);
    all
});

/// `managed/others.tsv`, which the build script compresses: 0.8 MB as text, 0.1 MB in the binary.
static OTHERS: LazyLock<String> = LazyLock::new(|| {
    let compressed = include_bytes!(concat!(env!("OUT_DIR"), "/others.tsv.deflate"));
    let text = miniz_oxide::inflate::decompress_to_vec_with_limit(compressed, MAX_OTHERS).unwrap_or_default();
    String::from_utf8(text).unwrap_or_default()
});

/// More than the text has.
const MAX_OTHERS: usize = 2 << 20;

/// Parses a line: name, path, version, creation times of the policy and the version, `shortened` or `whole`, document.
fn read(line: &'static str) -> Option<Managed> {
    let mut parts = line.splitn(7, '\t');
    let mut next = || parts.next();
    Some(Managed {
        name: next()?,
        path: next()?,
        version_id: next()?,
        created_at: next()?,
        updated_at: next()?,
        is_shortened: next()? == "shortened",
        document: next()?,
    })
}

macro_rules! managed {
    ($path:literal, $name:literal, $version_id:literal, $created_at:literal, $updated_at:literal) => {
        Managed {
            name: $name,
            path: $path,
            version_id: $version_id,
            created_at: $created_at,
            updated_at: $updated_at,
            is_shortened: matches!(
                $name.as_bytes(),
                b"ReadOnlyAccess" | b"SecurityAudit" | b"ViewOnlyAccess"
            ),
            document: include_str!(concat!("managed/", $name, ".json")),
        }
    };
}

#[rustfmt::skip]
static MANAGED: [Managed; 23] = [
    managed!("/", "AdministratorAccess", "v1", "2015-02-06T18:39:46Z", "2015-02-06T18:39:46Z"),
    managed!("/", "PowerUserAccess", "v12", "2015-02-06T18:39:47Z", "2026-02-12T17:59:14Z"),
    managed!("/", "ReadOnlyAccess", "v182", "2015-02-06T18:39:48Z", "2026-04-03T15:27:12Z"),
    managed!("/", "SecurityAudit", "v86", "2015-02-06T18:41:01Z", "2026-05-01T03:12:13Z"),
    managed!("/job-function/", "ViewOnlyAccess", "v45", "2016-11-10T17:20:15Z", "2026-04-22T18:12:21Z"),
    managed!("/", "IAMFullAccess", "v2", "2015-02-06T18:40:38Z", "2019-06-21T19:40:00Z"),
    managed!("/", "AmazonEC2ContainerRegistryReadOnly", "v3", "2015-12-21T17:04:15Z", "2019-12-10T20:56:32Z"),
    managed!("/", "AmazonEC2ContainerRegistryPowerUser", "v3", "2015-12-21T17:05:33Z", "2019-12-10T20:48:08Z"),
    managed!("/", "AmazonEC2ContainerRegistryFullAccess", "v3", "2015-12-21T17:06:48Z", "2020-12-05T00:04:19Z"),
    managed!("/", "AmazonEC2ContainerRegistryPullOnly", "v1", "2024-10-04T16:58:49Z", "2024-10-04T16:58:49Z"),
    managed!("/aws-service-role/", "AWSECRPullThroughCache_ServiceRolePolicy", "v4", "2021-11-26T21:51:09Z", "2025-03-06T21:22:07Z"),
    managed!("/aws-service-role/", "ECRReplicationServiceRolePolicy", "v1", "2020-12-04T22:11:28Z", "2020-12-04T22:11:28Z"),
    managed!("/aws-service-role/", "ECRTemplateServiceRolePolicy", "v1", "2024-06-19T23:11:37Z", "2024-06-19T23:11:37Z"),
    managed!("/", "AmazonElasticContainerRegistryPublicReadOnly", "v1", "2020-12-01T17:27:04Z", "2020-12-01T17:27:04Z"),
    managed!("/", "AmazonElasticContainerRegistryPublicPowerUser", "v1", "2020-12-01T16:16:54Z", "2020-12-01T16:16:54Z"),
    managed!("/", "AmazonElasticContainerRegistryPublicFullAccess", "v1", "2020-12-01T17:25:52Z", "2020-12-01T17:25:52Z"),
    managed!("/", "AmazonEKSClusterPolicy", "v10", "2018-05-27T21:06:14Z", "2026-02-12T17:58:15Z"),
    managed!("/", "AmazonEKSWorkerNodePolicy", "v3", "2018-05-27T21:09:01Z", "2023-11-27T00:06:13Z"),
    managed!("/", "AmazonEKSWorkerNodeMinimalPolicy", "v1", "2024-10-02T20:03:51Z", "2024-10-02T20:03:51Z"),
    managed!("/", "AmazonEKS_CNI_Policy", "v6", "2018-05-27T21:07:42Z", "2026-03-04T19:12:14Z"),
    managed!("/service-role/", "AmazonECSTaskExecutionRolePolicy", "v1", "2017-11-16T18:48:22Z", "2017-11-16T18:48:22Z"),
    managed!("/service-role/", "AmazonEC2ContainerServiceforEC2Role", "v10", "2015-03-19T18:45:18Z", "2026-02-12T17:59:52Z"),
    managed!("/", "AmazonSSMManagedInstanceCore", "v2", "2019-03-15T17:22:12Z", "2019-05-23T16:54:21Z"),
];
