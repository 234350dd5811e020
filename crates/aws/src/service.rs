//! The services that Wharf serves, and how a request shows its service.

use crate::dialect::Dialect;

/// A service of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Amazon ECR, private registries.
    Ecr,
    /// Amazon ECR Public.
    EcrPublic,
    /// IAM.
    Iam,
    /// STS.
    Sts,
    /// AWS Organizations. Wharf's list includes one action of AWS Account Management.
    Organizations,
    /// Amazon EventBridge.
    EventBridge,
    /// AWS Secrets Manager.
    SecretsManager,
    /// Service Quotas.
    ServiceQuotas,
    /// The Resource Groups Tagging API.
    Tagging,
}

/// The Region of a service's requests (`aws:RequestedRegion`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionRule {
    /// The Region of the resource.
    Resource,
    /// The Region in the request's signature.
    Signed,
    /// us-east-1: the service has one endpoint for all Regions.
    Global,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 9] = [
        Self::Ecr,
        Self::EcrPublic,
        Self::Iam,
        Self::Sts,
        Self::Organizations,
        Self::EventBridge,
        Self::SecretsManager,
        Self::ServiceQuotas,
        Self::Tagging,
    ];

    /// The name in the credential scope of a signature.
    pub const fn scope(self) -> &'static str {
        match self {
            Self::Ecr => "ecr",
            Self::EcrPublic => "ecr-public",
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::Organizations => "organizations",
            Self::EventBridge => "events",
            Self::SecretsManager => "secretsmanager",
            Self::ServiceQuotas => "servicequotas",
            Self::Tagging => "tagging",
        }
    }

    /// The part of its IAM actions before the colon.
    pub const fn action_prefix(self) -> &'static str {
        match self {
            Self::Tagging => "tag",
            other => other.scope(),
        }
    }

    /// The part of `X-Amz-Target` before the dot; empty for services of the query protocol.
    pub const fn target_prefix(self) -> Option<&'static str> {
        match self {
            Self::Ecr => Some("AmazonEC2ContainerRegistry_V20150921"),
            Self::EcrPublic => Some("SpencerFrontendService"),
            Self::Organizations => Some("AWSOrganizationsV20161128"),
            Self::EventBridge => Some("AWSEvents"),
            Self::SecretsManager => Some("secretsmanager"),
            Self::ServiceQuotas => Some("ServiceQuotasV20190624"),
            Self::Tagging => Some("ResourceGroupsTaggingAPI_20170126"),
            Self::Iam | Self::Sts => None,
        }
    }

    /// The `Version` of requests of the query protocol; for the other services the date of the API's model.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Ecr => "2015-09-21",
            Self::EcrPublic => "2020-10-30",
            Self::Iam => "2010-05-08",
            Self::Sts => "2011-06-15",
            Self::Organizations => "2016-11-28",
            Self::EventBridge => "2015-10-07",
            Self::SecretsManager => "2017-10-17",
            Self::ServiceQuotas => "2019-06-24",
            Self::Tagging => "2017-01-26",
        }
    }

    /// The protocol of requests and errors.
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Ecr
            | Self::EcrPublic
            | Self::Organizations
            | Self::EventBridge
            | Self::SecretsManager
            | Self::ServiceQuotas
            | Self::Tagging => Dialect::Json,
            Self::Iam | Self::Sts => Dialect::Query,
        }
    }

    /// The Region of its requests.
    pub const fn region_rule(self) -> RegionRule {
        match self {
            Self::Ecr | Self::EcrPublic | Self::EventBridge | Self::SecretsManager => RegionRule::Resource,
            Self::Sts | Self::ServiceQuotas | Self::Tagging => RegionRule::Signed,
            Self::Iam | Self::Organizations => RegionRule::Global,
        }
    }

    /// The service's own condition key for resource tags, in addition to `aws:ResourceTag/`; None if it has none.
    pub const fn resource_tag_prefix(self) -> Option<&'static str> {
        match self {
            Self::Ecr => Some("ecr:ResourceTag/"),
            Self::EcrPublic => Some("ecr-public:ResourceTag/"),
            Self::Iam | Self::Sts => Some("iam:ResourceTag/"),
            Self::SecretsManager => Some("secretsmanager:ResourceTag/"),
            Self::Organizations | Self::EventBridge | Self::ServiceQuotas | Self::Tagging => None,
        }
    }

    /// Whether policies of repositories and registries apply to its operations.
    pub const fn has_resource_policies(self) -> bool {
        matches!(self, Self::Ecr | Self::EcrPublic)
    }

    /// The XML namespace of answers in the query protocol; empty for the other services.
    pub const fn xml_namespace(self) -> &'static str {
        match self {
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
            Self::Ecr
            | Self::EcrPublic
            | Self::Organizations
            | Self::EventBridge
            | Self::SecretsManager
            | Self::ServiceQuotas
            | Self::Tagging => "",
        }
    }

    /// The service whose requests have this `X-Amz-Target` prefix.
    pub fn of_target_prefix(prefix: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.target_prefix() == Some(prefix))
    }
}
