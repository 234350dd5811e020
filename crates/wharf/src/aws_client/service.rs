//! The services that commands call, and their names on the wire.

use aws::ids::Region;

/// A service of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Ecr,
    Iam,
    Sts,
    Organizations,
}

impl Service {
    pub(super) const ALL: [Self; 4] = [Self::Ecr, Self::Iam, Self::Sts, Self::Organizations];

    /// The name in the credential scope.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ecr => "ecr",
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::Organizations => "organizations",
        }
    }

    /// The API's version (query services) or the prefix of its targets (JSON services).
    pub(super) fn version(self) -> &'static str {
        match self {
            Self::Ecr => "AmazonEC2ContainerRegistry_V20150921",
            Self::Iam => "2010-05-08",
            Self::Sts => "2011-06-15",
            Self::Organizations => "AWSOrganizationsV20161128",
        }
    }

    /// The suffix of the environment variable with its endpoint, after `AWS_ENDPOINT_URL_`.
    pub(super) fn variable(self) -> &'static str {
        match self {
            Self::Ecr => "ECR",
            Self::Iam => "IAM",
            Self::Sts => "STS",
            Self::Organizations => "ORGANIZATIONS",
        }
    }

    /// The Region in the scope: IAM and Organizations have one for each partition.
    pub(super) fn signing_region(self, region: &Region) -> anyhow::Result<Region> {
        let global = match (self, region.partition()) {
            (Self::Ecr | Self::Sts, _) => return Ok(region.clone()),
            (_, "aws-cn") => "cn-north-1",
            (_, "aws-us-gov") => "us-gov-west-1",
            _ => "us-east-1",
        };
        Ok(global.parse()?)
    }
}
