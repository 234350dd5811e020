//! The codes and names of quotas in Service Quotas ("Amazon ECR service quotas", and the console's pages of IAM). A quota
//! whose code is not known has one of Wharf's own.

use access::quota::{Quota, QuotaOf};
use access::rate::Rate;

/// A service with quotas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    Ecr,
    Iam,
    Organizations,
}

impl Service {
    pub(super) const ALL: [Self; 3] = [Self::Ecr, Self::Iam, Self::Organizations];

    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Ecr => "ecr",
            Self::Iam => "iam",
            Self::Organizations => "organizations",
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ecr => "Amazon Elastic Container Registry (Amazon ECR)",
            Self::Iam => "AWS Identity and Access Management (IAM)",
            Self::Organizations => "AWS Organizations",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.code() == text)
    }

    pub(super) const fn of(quota: &Quota) -> Self {
        match quota.of() {
            QuotaOf::Ecr => Self::Ecr,
            QuotaOf::Iam => Self::Iam,
            QuotaOf::Organizations => Self::Organizations,
        }
    }
}

/// Setting, code and name.
const KNOWN: [(&str, &str, &str); 6] = [
    ("images_per_repository", "L-03A36CE1", "Images per repository"),
    ("users_per_account", "L-F55AF5E4", "Users per account"),
    ("groups_per_account", "L-F4A5425F", "Groups per account"),
    ("roles_per_account", "L-FE177D64", "Roles per account"),
    ("policies_per_account", "L-E95E4862", "Customer managed policies per account"),
    ("instance_profiles_per_account", "L-6E65F664", "Instance profiles per account"),
];

/// The code of a quota by its setting, or by its name.
pub(super) fn code_of(setting: &str) -> String {
    let known = KNOWN.iter().find(|(name, ..)| *name == setting);
    known.map_or_else(
        || format!("Wharf-{}", setting.replace([' ', '_'], "-")),
        |(_, code, _)| (*code).to_owned(),
    )
}

pub(super) fn name_of(setting: &str, quota: &Quota) -> String {
    let known = KNOWN.iter().find(|(name, ..)| *name == setting);
    known.map_or(quota.name, |(.., name)| name).to_owned()
}

pub(super) const fn rate_code(rate: Rate) -> &'static str {
    match rate {
        Rate::BatchCheckLayerAvailability => "L-B9173138",
        Rate::BatchGetImage => "L-16E70933",
        Rate::CompleteLayerUpload => "L-44194860",
        Rate::GetAuthorizationToken => "L-55A41110",
        Rate::GetDownloadUrlForLayer => "L-A60A366D",
        Rate::InitiateLayerUpload => "L-95B28F8D",
        Rate::PutImage => "L-AD52DFB2",
        Rate::UploadLayerPart => "L-A1670B10",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use access::quota::{FIXED, Quotas};

    use super::*;

    #[test]
    fn each_quota_has_a_code_of_its_own() {
        let settings = Quotas::default().each();
        let of_settings = settings.iter().map(|(setting, _)| code_of(setting));
        let of_fixed = FIXED.iter().map(|quota| code_of(quota.name));
        let of_rates = Rate::ALL.iter().map(|rate| rate_code(*rate).to_owned());
        let codes: Vec<String> = of_settings.chain(of_fixed).chain(of_rates).collect();
        let distinct: BTreeSet<&String> = codes.iter().collect();
        assert_eq!(distinct.len(), codes.len());
        for (setting, ..) in KNOWN {
            assert!(settings.iter().any(|(name, _)| *name == setting), "{setting}");
        }
        let is_code = |code: &&String| {
            code.len() <= 128 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        assert_eq!(codes.iter().filter(is_code).count(), codes.len(), "{codes:?}");
    }
}
