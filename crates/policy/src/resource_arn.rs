//! What IAM refuses in the ARN of a `Resource` when a policy is written. Stored policies are not checked.
//!
//! Sources: the texts of IAM's `MalformedPolicyDocument` in public reports and in other implementations' tests against
//! AWS; IAM User Guide, "IAM ARNs" and "Resource" (no wildcard in the service).

use crate::error::PolicyError;

/// Every partition of AWS.
const PARTITIONS: [&str; 8] =
    ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"];
/// How the resource part of an IAM ARN can begin.
pub(crate) const IAM_PATHS: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

/// Checks partition and service.
pub(crate) fn check_beginning(text: &str) -> Result<(), PolicyError> {
    if text == "*" {
        return Ok(());
    }
    let Some((_, rest)) = text.split_once(':') else {
        return Err(PolicyError::InvalidResource(text.to_owned()));
    };
    let (partition, after) = match rest.split_once(':') {
        Some((partition, after)) => (partition, Some(after)),
        None => (rest, None),
    };
    if partition != "*" && !PARTITIONS.contains(&partition) {
        return Err(PolicyError::InvalidPartition {
            partition: partition.to_owned(),
            resource: completed(partition, after),
        });
    }
    let vendor = after.and_then(|after| after.split(':').next()).unwrap_or_default();
    if vendor.is_empty() || vendor.contains(['*', '?']) {
        return Err(PolicyError::UnqualifiedVendor(text.to_owned()));
    }
    if !crate::check::is_vendor(vendor) {
        return Err(PolicyError::InvalidVendor(vendor.to_owned()));
    }
    if text.starts_with("arn:") { Ok(()) } else { Err(PolicyError::InvalidResource(text.to_owned())) }
}

/// The ARN as IAM quotes it: with `*` for missing fields.
fn completed(partition: &str, after: Option<&str>) -> String {
    let mut fields: Vec<&str> = after.map(|after| after.splitn(4, ':').collect()).unwrap_or_default();
    if fields.len() == 1 && fields.first().is_some_and(|field| field.is_empty()) {
        fields.clear();
    }
    fields.resize(4, "*");
    format!("arn:{partition}:{}", fields.join(":"))
}

/// Checks Region, account and resource of a complete ARN against the service.
pub(crate) fn check_parts(text: &str) -> Result<(), PolicyError> {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let &[_, _, service, region, account, resource] = fields.as_slice() else { return Ok(()) };
    let is_set = |field: &str| !field.bytes().all(|byte| matches!(byte, b'*' | b'?'));
    // Buckets and objects have neither; other resources of S3 belong to an account.
    let is_bucket = service == "s3" && (account.is_empty() || !resource.contains('/'));
    match service {
        "iam" if is_set(region) => Err(PolicyError::RegionOfIam(text.to_owned())),
        "iam" if !is_iam_path(resource) => Err(PolicyError::InvalidIamPath(text.to_owned())),
        "s3" if is_bucket && is_set(region) => Err(PolicyError::RegionInResource(text.to_owned())),
        "s3" if is_bucket && is_set(account) => Err(PolicyError::AccountInResource(text.to_owned())),
        "route53" if is_set(region) => Err(PolicyError::RegionInResource(text.to_owned())),
        "route53" if is_set(account) => Err(PolicyError::AccountInResource(text.to_owned())),
        _ => Ok(()),
    }
}

fn is_iam_path(resource: &str) -> bool {
    // AWSCloudWatchOmniServiceRolePolicy, one of AWS's own policies, has this one, although IAM's text does not list
    // it.
    resource.starts_with("role-template/")
        || matches!(resource, "*" | "root")
        || IAM_PATHS.iter().any(|path| resource.starts_with(path))
}
