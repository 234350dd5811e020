//! Amazon Resource Names: `arn:partition:service:region:account:resource`.

use std::fmt;
use std::str::FromStr;

use crate::ids::{AccountId, Region};

/// The longest ARN that AWS's APIs accept (IAM API reference, arnType).
pub const MAX_ARN_BYTES: usize = 2048;

/// A parsed ARN. Region and account may be empty (IAM has no region, S3 neither), and the account may be a
/// word (`arn:aws:iam::aws:policy/…`), so they are texts; [`Arn::account_id`] gives the typed account.
///
/// ```
/// let arn: aws::arn::Arn = "arn:aws:ecr:us-east-1:123456789012:repository/team/app".parse()?;
/// assert_eq!(arn.repository_name(), Some("team/app"));
/// assert_eq!(arn.to_string(), "arn:aws:ecr:us-east-1:123456789012:repository/team/app");
/// # Ok::<(), aws::arn::ArnError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn`, …
    pub partition: String,
    /// `ecr`, `iam`, `sts`, …
    pub service: String,
    /// Empty where the service is global.
    pub region: String,
    /// Usually an account ID; empty or `aws` for some resources.
    pub account: String,
    /// Everything after the fifth colon; can contain colons and slashes.
    pub resource: String,
}

/// A text that is not an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an ARN has the form arn:partition:service:region:account:resource")]
pub struct ArnError;

impl Arn {
    /// The ARN of an ECR repository.
    pub fn repository(region: &Region, account: &AccountId, name: &str) -> Self {
        Self::of(region.partition(), "ecr", region.as_str(), account, format!("repository/{name}"))
    }

    /// The ARN of an IAM user; `path` begins and ends with a slash.
    pub fn iam_user(account: &AccountId, path: &str, name: &str) -> Self {
        Self::of("aws", "iam", "", account, format!("user{path}{name}"))
    }

    /// The ARN of an IAM role; `path` begins and ends with a slash.
    pub fn iam_role(account: &AccountId, path: &str, name: &str) -> Self {
        Self::of("aws", "iam", "", account, format!("role{path}{name}"))
    }

    /// The ARN of an account's root.
    pub fn iam_root(account: &AccountId) -> Self {
        Self::of("aws", "iam", "", account, "root".to_owned())
    }

    /// The ARN of a role's session. It does not contain the role's path (IAM identifiers page).
    pub fn sts_assumed_role(account: &AccountId, role: &str, session: &str) -> Self {
        Self::of("aws", "sts", "", account, format!("assumed-role/{role}/{session}"))
    }

    fn of(partition: &str, service: &str, region: &str, account: &AccountId, resource: String) -> Self {
        Self {
            partition: partition.to_owned(),
            service: service.to_owned(),
            region: region.to_owned(),
            account: account.to_string(),
            resource,
        }
    }

    /// The account, if the ARN contains one.
    pub fn account_id(&self) -> Option<AccountId> {
        self.account.parse().ok()
    }

    /// The repository name, if this is the ARN of an ECR repository. The name is not validated.
    pub fn repository_name(&self) -> Option<&str> {
        let name = self.resource.strip_prefix("repository/")?;
        (self.service == "ecr" && !name.is_empty()).then_some(name)
    }
}

impl FromStr for Arn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        if text.len() > MAX_ARN_BYTES || text.chars().any(|c| c.is_control() || c == ' ') {
            return Err(ArnError);
        }
        let mut parts = text.splitn(6, ':');
        let mut part = || parts.next().ok_or(ArnError);
        if part()? != "arn" {
            return Err(ArnError);
        }
        let arn = Self {
            partition: part()?.to_owned(),
            service: part()?.to_owned(),
            region: part()?.to_owned(),
            account: part()?.to_owned(),
            resource: part()?.to_owned(),
        };
        if arn.partition.is_empty() || arn.service.is_empty() || arn.resource.is_empty() {
            return Err(ArnError);
        }
        Ok(arn)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn account() -> AccountId {
        "123456789012".parse().unwrap()
    }

    #[test]
    fn constructors_print_like_aws() {
        let china: Region = "cn-north-1".parse().unwrap();
        for (arn, text) in [
            (
                Arn::repository(&china, &account(), "a/b"),
                "arn:aws-cn:ecr:cn-north-1:123456789012:repository/a/b",
            ),
            (Arn::iam_user(&account(), "/", "eve"), "arn:aws:iam::123456789012:user/eve"),
            (Arn::iam_user(&account(), "/ops/", "eve"), "arn:aws:iam::123456789012:user/ops/eve"),
            (Arn::iam_role(&account(), "/", "ci"), "arn:aws:iam::123456789012:role/ci"),
            (Arn::iam_root(&account()), "arn:aws:iam::123456789012:root"),
            (
                Arn::sts_assumed_role(&account(), "ci", "run:7"),
                "arn:aws:sts::123456789012:assumed-role/ci/run:7",
            ),
        ] {
            assert_eq!(arn.to_string(), text);
            assert_eq!(text.parse::<Arn>().unwrap(), arn);
            assert_eq!(arn.account_id(), Some(account()));
        }
    }

    #[test]
    fn text_that_is_not_an_arn_is_refused() {
        let long = format!("arn:aws:s3:::{}", "a".repeat(MAX_ARN_BYTES));
        for bad in [
            "",
            "arn",
            "arn:aws:ecr:us-east-1:123456789012",
            "arn:aws:ecr:us-east-1:123456789012:",
            "arn::ecr:us-east-1:123456789012:x",
            "arn:aws::us-east-1:123456789012:x",
            "ARN:aws:ecr:us-east-1:123456789012:x",
            " arn:aws:ecr:us-east-1:123456789012:x",
            "arn:aws:ecr:us-east-1:123456789012:x\n",
            long.as_str(),
        ] {
            assert_eq!(bad.parse::<Arn>(), Err(ArnError), "{bad}");
        }
    }

    #[test]
    fn only_ecr_repositories_have_a_repository_name() {
        let name = |text: &str| text.parse::<Arn>().unwrap().repository_name().map(str::to_owned);
        assert_eq!(name("arn:aws:ecr:r:123456789012:repository/a/b").as_deref(), Some("a/b"));
        assert_eq!(name("arn:aws:ecr:r:123456789012:repository/"), None);
        assert_eq!(name("arn:aws:ecr-public:r:123456789012:repository/a"), None);
        assert_eq!(name("arn:aws:iam::aws:policy/X"), None);
    }

    proptest! {
        #[test]
        fn printing_and_parsing_are_inverse(
            partition in "[a-z-]{1,10}", service in "[a-z0-9-]{1,20}", region in "[a-z0-9-]{0,20}",
            account in "([0-9]{12}|aws|)", resource in "[a-zA-Z0-9:/*+=,.@_-]{1,80}",
        ) {
            let arn = Arn { partition, service, region, account, resource };
            prop_assert_eq!(arn.to_string().parse::<Arn>(), Ok(arn));
        }

        #[test]
        fn a_parsed_arn_prints_unchanged(text in "(arn:)?[a-z:/*]{0,60}|\\PC{0,80}") {
            if let Ok(arn) = text.parse::<Arn>() {
                prop_assert_eq!(arn.to_string(), text);
            }
        }
    }
}
