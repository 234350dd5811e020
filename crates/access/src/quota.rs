//! Every quota: its name, its default, and the error of a request that exceeds it. An operation of the store carries the
//! limit that applies to it. No quota can be changed yet.

use std::fmt;

use crate::error::{AwsCode, Code, Error};

/// The error of a request that exceeds a quota.
#[derive(Clone, Copy)]
enum QuotaError {
    /// IAM: `Cannot exceed quota for NAME: N`.
    Iam,
    /// ECR: each quota has its own text.
    Ecr(Code, fn(u64) -> String),
}

/// A quota.
#[derive(Clone, Copy)]
pub struct Quota {
    /// The name that AWS gives it.
    pub name: &'static str,
    /// The limit.
    pub default: u64,
    error: QuotaError,
}

impl Quota {
    /// The limit as operations of the store carry it.
    pub const fn limit(&self) -> i64 {
        self.default.cast_signed()
    }

    /// The limit as a number of things in memory.
    pub fn most(&self) -> usize {
        usize::try_from(self.default).unwrap_or(usize::MAX)
    }

    /// The error of a request that exceeds it.
    pub fn exceeded(&self) -> Error {
        match self.error {
            QuotaError::Iam => {
                let message = format!("Cannot exceed quota for {}: {}", self.name, self.default);
                Error::aws(AwsCode::IamLimitExceeded, message)
            }
            QuotaError::Ecr(code, message) => Error::new(code, message(self.default)),
        }
    }

    /// The same quota under the name that AWS gives it for another kind of entity.
    #[must_use]
    pub const fn named(self, name: &'static str) -> Self {
        Self { name, ..self }
    }
}

impl fmt::Debug for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.default)
    }
}

macro_rules! quotas {
    ($($(#[$doc:meta])* $constant:ident: $name:literal = $default:literal, $error:expr;)*) => {
        $(
            $(#[$doc])*
            pub const $constant: Quota = Quota { name: $name, default: $default, error: $error };
        )*

        /// Every quota.
        pub const ALL: &[Quota] = &[$($constant,)*];
    };
}

quotas! {
    // IAM ("IAM and AWS STS quotas").
    /// Users of an account.
    USERS: "UsersPerAccount" = 5_000, QuotaError::Iam;
    /// Groups of an account.
    GROUPS: "GroupsPerAccount" = 300, QuotaError::Iam;
    /// Roles of an account.
    ROLES: "RolesPerAccount" = 5_000, QuotaError::Iam;
    /// Managed policies of an account.
    POLICIES: "PoliciesPerAccount" = 5_000, QuotaError::Iam;
    /// Instance profiles of an account.
    INSTANCE_PROFILES: "InstanceProfilesPerAccount" = 5_000, QuotaError::Iam;
    /// Roles of an instance profile.
    ROLES_PER_INSTANCE_PROFILE: "InstanceSessionsPerInstanceProfile" = 1, QuotaError::Iam;
    /// OIDC providers of an account.
    OIDC_PROVIDERS: "OpenIdConnectProvidersPerAccount" = 100, QuotaError::Iam;
    /// Audiences of an OIDC provider.
    CLIENT_IDS: "ClientIdsPerOpenIdConnectProvider" = 100, QuotaError::Iam;
    /// Groups of a user.
    GROUPS_PER_USER: "GroupsPerUser" = 10, QuotaError::Iam;
    /// Access keys of a user.
    ACCESS_KEYS_PER_USER: "AccessKeysPerUser" = 2, QuotaError::Iam;
    /// Managed policies attached to a user, group or role.
    POLICIES_PER_ENTITY: "PoliciesPerUser" = 10, QuotaError::Iam;
    /// Versions of a managed policy.
    VERSIONS_PER_POLICY: "VersionsPerPolicy" = 5, QuotaError::Iam;
    /// Tags of a resource of IAM or of an account of Organizations.
    TAGS: "TagsPerResource" = 50, QuotaError::Iam;
    /// Characters of a managed policy, white space not counted.
    MANAGED_POLICY: "PolicySize" = 6_144, QuotaError::Iam;
    /// Characters of a role's trust policy, white space not counted.
    TRUST_POLICY: "ACLSizePerRole" = 4_096, QuotaError::Iam;

    // ECR ("Amazon ECR service quotas").
    /// Tags of an image.
    TAGS_PER_IMAGE: "Tags per image" = 1_000, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("An image may have at most {most} tags. Remove some before adding more.")
    });
    /// Images of a repository.
    IMAGES_PER_REPOSITORY: "Images per repository" = 100_000, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("The repository holds {most} images, which is the most it can hold. Delete some first.")
    });
    /// Tags of a repository.
    TAGS_PER_REPOSITORY: "Tags per repository" = 50, QuotaError::Ecr(Code::TooManyTags, |most| {
        format!("A repository can have at most {most} tags.")
    });
    /// Principals whose pulls are excluded.
    PULL_TIME_EXCLUSIONS: "Pull time update exclusions per registry" = 100, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("The registry has {most} pull time update exclusions, which is the most it can have.")
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_quota_has_a_name_of_its_own_and_says_its_limit() {
        let names: BTreeSet<_> = ALL.iter().map(|quota| quota.name).collect();
        assert_eq!(names.len(), ALL.len());
        for quota in ALL {
            let said = quota.exceeded().message.to_string();
            assert!(said.contains(&quota.default.to_string()), "{said}");
        }
    }
}
