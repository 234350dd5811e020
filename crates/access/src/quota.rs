//! Every quota: its name, its default, and the error of a request that exceeds it. An operation of the store carries the
//! limit that applies to it. The quotas of [`Quotas`] are settings of the operator; the others are fixed, because the
//! models of AWS's APIs contain them, or because they limit the cost of a decision.

use std::fmt;

use aws::tag::MAX_TAGS;

use crate::error::{AwsCode, Code, Error};

/// The error of a request that exceeds a quota.
#[derive(Clone, Copy)]
enum QuotaError {
    /// IAM: `Cannot exceed quota for NAME: N`.
    Iam,
    /// ECR, EventBridge and Organizations: each quota has its own text.
    Ecr(Code, fn(u64) -> String),
}

/// A quota.
#[derive(Clone, Copy)]
pub struct Quota {
    /// The name that AWS gives it.
    pub name: &'static str,
    /// The limit.
    pub value: u64,
    error: QuotaError,
}

/// The service that has a quota. Quotas of EventBridge and Secrets Manager count as ECR's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaOf {
    Ecr,
    Iam,
    Organizations,
}

impl Quota {
    /// The service that has it.
    pub const fn of(&self) -> QuotaOf {
        match self.error {
            QuotaError::Iam => QuotaOf::Iam,
            QuotaError::Ecr(Code::Aws(AwsCode::SecretLimitExceeded), _) => QuotaOf::Ecr,
            QuotaError::Ecr(Code::Aws(_), _) => QuotaOf::Organizations,
            QuotaError::Ecr(..) => QuotaOf::Ecr,
        }
    }

    /// The limit as operations of the store carry it.
    pub const fn limit(&self) -> i64 {
        self.value.cast_signed()
    }

    /// The limit as a number of things in memory.
    pub fn most(&self) -> usize {
        usize::try_from(self.value).unwrap_or(usize::MAX)
    }

    /// The error of a request that exceeds it.
    pub fn exceeded(&self) -> Error {
        match self.error {
            QuotaError::Iam => {
                let message = format!("Cannot exceed quota for {}: {}", self.name, self.value);
                Error::aws(AwsCode::IamLimitExceeded, message)
            }
            QuotaError::Ecr(code, message) => Error::new(code, message(self.value)),
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
        write!(f, "{}: {}", self.name, self.value)
    }
}

/// Why a quota cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuota {
    /// No setting has this name.
    #[error("there is no quota `{0}` that can be changed")]
    Unknown(String),
    /// The value is not in the range of the setting.
    #[error("{0} must be from 1 to {1}")]
    OutOfRange(&'static str, u64),
}

/// The error of a replication configuration, for which the API has no exception of its own.
fn replication(constraint: &str) -> String {
    format!("Invalid parameter at 'replicationConfiguration' failed to satisfy constraint: '{constraint}'")
}

macro_rules! fixed {
    ($($(#[$doc:meta])* $constant:ident: $name:literal = $value:expr, $error:expr;)*) => {
        $(
            $(#[$doc])*
            pub const $constant: Quota = Quota { name: $name, value: $value, error: $error };
        )*

        /// Every quota that cannot be changed.
        pub const FIXED: &[Quota] = &[$($constant,)*];
    };
}

macro_rules! settings {
    ($($(#[$doc:meta])* $setting:ident: $name:literal = $default:literal, at most $most:literal, $error:expr;)*) => {
        /// The quotas that the operator can change, by the name of the setting.
        #[derive(Clone, Copy, Debug)]
        pub struct Quotas {
            $($(#[$doc])* pub $setting: Quota,)*
        }

        impl Default for Quotas {
            fn default() -> Self {
                Self { $($setting: Quota { name: $name, value: $default, error: $error },)* }
            }
        }

        impl Quotas {
            /// Each setting with its maximum.
            pub const MOST: &'static [(&'static str, u64)] = &[$((stringify!($setting), $most),)*];

            /// Each setting with its quota.
            pub fn each(&self) -> Vec<(&'static str, Quota)> {
                vec![$((stringify!($setting), self.$setting),)*]
            }

            /// Changes a quota.
            pub fn set(&mut self, setting: &str, value: u64) -> std::result::Result<(), InvalidQuota> {
                match setting {
                    $(stringify!($setting) if (1..=$most).contains(&value) => self.$setting.value = value,
                    stringify!($setting) => return Err(InvalidQuota::OutOfRange(stringify!($setting), $most)),)*
                    _ => return Err(InvalidQuota::Unknown(setting.to_owned())),
                }
                Ok(())
            }
        }
    };
}

// A larger maximum would make one answer, or one decision, too large.
settings! {
    // IAM ("IAM and AWS STS quotas").
    /// Users of an account.
    users_per_account: "UsersPerAccount" = 5_000, at most 1_000_000, QuotaError::Iam;
    /// Groups of an account.
    groups_per_account: "GroupsPerAccount" = 300, at most 1_000_000, QuotaError::Iam;
    /// Roles of an account.
    roles_per_account: "RolesPerAccount" = 5_000, at most 1_000_000, QuotaError::Iam;
    /// Managed policies of an account.
    policies_per_account: "PoliciesPerAccount" = 5_000, at most 1_000_000, QuotaError::Iam;
    /// Instance profiles of an account.
    instance_profiles_per_account: "InstanceProfilesPerAccount" = 5_000, at most 1_000_000, QuotaError::Iam;
    /// OIDC providers of an account.
    open_id_connect_providers_per_account: "OpenIdConnectProvidersPerAccount" = 100, at most 1_000, QuotaError::Iam;
    /// Audiences of an OIDC provider.
    client_ids_per_open_id_connect_provider: "ClientIdsPerOpenIdConnectProvider" = 100, at most 1_000, QuotaError::Iam;
    /// Groups of a user.
    groups_per_user: "GroupsPerUser" = 10, at most 100, QuotaError::Iam;
    /// Access keys of a user, or of the root of an account.
    access_keys_per_user: "AccessKeysPerUser" = 2, at most 100, QuotaError::Iam;
    /// Managed policies attached to a user, group or role.
    policies_per_user: "PoliciesPerUser" = 10, at most 20, QuotaError::Iam;
    /// Versions of a managed policy.
    versions_per_policy: "VersionsPerPolicy" = 5, at most 100, QuotaError::Iam;

    // ECR ("Amazon ECR service quotas").
    /// Registries of an account: one in each Region. AWS has no such quota, because its Regions are fixed.
    registries_per_account: "Registries per account" = 100, at most 1_000, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("The account has registries in {most} Regions, which is the most it can have.")
    });
    /// Repositories of a registry, private or public.
    repositories_per_registry: "Repositories per registry" = 100_000, at most 10_000_000, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("The registry has {most} repositories, which is the most it can have. Delete one first.")
    });
    /// Tags of an image.
    tags_per_image: "Tags per image" = 1_000, at most 10_000, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("An image may have at most {most} tags. Remove some before adding more.")
    });
    /// Images of a repository.
    images_per_repository: "Images per repository" = 100_000, at most 10_000_000, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("The repository holds {most} images, which is the most it can hold. Delete some first.")
    });
    /// Principals whose pulls are excluded.
    pull_time_update_exclusions_per_registry: "Pull time update exclusions per registry" = 100, at most 1_000, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("The registry has {most} pull time update exclusions, which is the most it can have.")
    });
    /// Sources whose reports of digests in use have not expired.
    in_use_reports_per_registry: "In use reports per registry" = 100, at most 1_000, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("The registry has reports of {most} sources, which is the most it can have. Delete one first.")
    });
    /// Pull-through cache rules of a registry.
    pull_through_cache_rules_per_registry: "Pull through cache rules per registry" = 50, at most 1_000, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("The registry has {most} pull through cache rules, which is the most it can have.")
    });
    /// Repository creation templates of a registry.
    repository_creation_templates_per_registry: "Repository creation templates per registry" = 50, at most 1_000, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("The registry has {most} repository creation templates, which is the most it can have.")
    });

    // EventBridge ("Amazon EventBridge quotas").
    /// Rules of an event bus.
    rules_per_event_bus: "Rules per event bus" = 300, at most 1_000, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("The event bus has {most} rules, which is the most it can have.")
    });
    /// Targets of all rules of an event bus. AWS has no such quota; here one event is written once for each target.
    targets_per_event_bus: "Targets per event bus" = 100, at most 1_000, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("The rules of an event bus can have at most {most} targets together.")
    });
    /// Connections of an account in a Region.
    connections_per_region: "Connections per Region" = 3_000, at most 10_000, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("The account has {most} connections in this Region, which is the most it can have.")
    });
    /// API destinations of an account in a Region.
    api_destinations_per_region: "API destinations per Region" = 3_000, at most 10_000, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("The account has {most} API destinations in this Region, which is the most it can have.")
    });

    // Secrets Manager ("AWS Secrets Manager quotas").
    /// Secrets of an account in a Region. AWS has more.
    secrets_per_region: "Secrets per Region" = 500, at most 10_000, QuotaError::Ecr(Code::Aws(AwsCode::SecretLimitExceeded), |most| {
        format!("The account has {most} secrets in this Region, which is the most it can have.")
    });

    /// Rules of the replication configuration of a registry. The model of the API has the maximum.
    replication_rules_per_registry: "Replication rules per registry" = 10, at most 25, QuotaError::Ecr(Code::InvalidParameter, |most| {
        replication(&format!("A replication configuration can have at most {most} rules"))
    });
    /// Different destinations of all rules of a registry.
    replication_destinations_per_registry: "Replication destinations per registry" = 25, at most 1_000, QuotaError::Ecr(Code::InvalidParameter, |most| {
        replication(&format!("A replication configuration can have at most {most} unique destinations"))
    });
    /// Backfills of a registry that have not ended.
    replication_backfills_in_progress_per_registry: "Replication backfills in progress per registry" = 10, at most 100, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("The registry has {most} replication backfills in progress, which is the most it can have.")
    });
}

fixed! {
    /// Roles of an instance profile.
    ROLES_PER_INSTANCE_PROFILE: "InstanceSessionsPerInstanceProfile" = 1, QuotaError::Iam;
    /// Tags of a resource of IAM or of an account of Organizations.
    TAGS: "TagsPerResource" = MAX_TAGS as u64, QuotaError::Iam;
    /// Characters of a managed policy, white space not counted.
    MANAGED_POLICY: "PolicySize" = 6_144, QuotaError::Iam;
    /// Characters of a role's trust policy, white space not counted.
    TRUST_POLICY: "ACLSizePerRole" = 4_096, QuotaError::Iam;
    /// Targets of a rule of EventBridge.
    TARGETS_PER_RULE: "Targets per rule" = 5, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("The requested resource exceeds the maximum number allowed. A rule can have at most {most} targets.")
    });
    /// Tags of a rule of EventBridge.
    TAGS_PER_RULE: "Tags per rule" = MAX_TAGS as u64, QuotaError::Ecr(Code::LimitExceeded, |most| {
        format!("A rule can have at most {most} tags.")
    });
    /// MFA devices of a user or of the root.
    MFA_DEVICES_PER_USER: "MFADevicesPerUser" = 8, QuotaError::Iam;
    /// MFA devices of an account that nobody has.
    UNASSIGNED_MFA_DEVICES: "UnassignedVirtualMFADevices" = 5_000, QuotaError::Iam;
    /// Tags of a secret.
    TAGS_PER_SECRET: "Tags per secret" = MAX_TAGS as u64, QuotaError::Ecr(Code::Aws(AwsCode::SecretLimitExceeded), |most| {
        format!("A secret can have at most {most} tags.")
    });
    /// Organizational units ("Quotas and service limits for AWS Organizations").
    ORGANIZATIONAL_UNITS: "OUs in an organization" = 2_000, QuotaError::Ecr(Code::Aws(AwsCode::ConstraintViolation), |most| {
        format!("You have exceeded the number of OUs that you can have in an organization: {most}.")
    });
    /// Organizational units in each other.
    LEVELS_OF_UNITS: "Levels of OUs under a root" = 5, QuotaError::Ecr(Code::Aws(AwsCode::ConstraintViolation), |most| {
        format!("You attempted to create an OU tree that is too many levels deep: the most is {most}.")
    });
    /// Tags of a repository.
    TAGS_PER_REPOSITORY: "Tags per repository" = MAX_TAGS as u64, QuotaError::Ecr(Code::TooManyTags, |most| {
        format!("A repository can have at most {most} tags.")
    });
}

// ECR's model and the OCI types have the same limit for a manifest.
const _: () = assert!(aws::MAX_MANIFEST_CHARACTERS == oci::manifest::MAX_MANIFEST_BYTES);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all() -> Vec<Quota> {
        let settings = Quotas::default().each().into_iter().map(|(_, quota)| quota);
        FIXED.iter().copied().chain(settings).collect()
    }

    #[test]
    fn every_quota_has_a_name_of_its_own_and_says_its_limit() {
        let names: BTreeSet<_> = all().iter().map(|quota| quota.name).collect();
        assert_eq!(names.len(), all().len());
        for quota in all() {
            let said = quota.exceeded().message.to_string();
            assert!(said.contains(&quota.value.to_string()), "{said}");
        }
    }

    #[test]
    fn a_setting_has_the_name_of_its_quota() {
        for (setting, quota) in Quotas::default().each() {
            let letters = |text: &str| text.replace([' ', '_'], "").to_lowercase();
            assert_eq!(letters(setting), letters(quota.name));
        }
    }

    #[test]
    fn a_quota_is_set_within_its_range() {
        let mut quotas = Quotas::default();
        quotas.set("users_per_account", 7).unwrap();
        assert_eq!(quotas.users_per_account.limit(), 7);
        assert!(quotas.users_per_account.exceeded().message.ends_with("UsersPerAccount: 7"));
        let range = InvalidQuota::OutOfRange("groups_per_user", 100);
        assert_eq!(quotas.set("groups_per_user", 101), Err(range.clone()));
        assert_eq!(quotas.set("groups_per_user", 0), Err(range));
        assert_eq!(
            quotas.set("tags_per_resource", 60),
            Err(InvalidQuota::Unknown("tags_per_resource".into()))
        );
    }
}
