//! Why a policy document is refused: the types, and IAM's texts for them.

use thiserror::Error;

use crate::resource_arn::IAM_PATHS;

/// Why a text is not a policy, or not a valid policy for its use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The text is longer than any policy may be.
    #[error("the policy has {0} bytes, more than the {limit} that one may have", limit = crate::MAX_POLICY_BYTES)]
    TooLong(usize),
    /// The text is not JSON, or is nested too deeply.
    #[error("the policy is not valid JSON: {0}")]
    NotJson(String),
    /// In a policy of another deployment, this names an account or a place that is another one here.
    #[error("{0:?} means something else in this deployment")]
    MeansSomethingElse(String),
    /// An object has the same member twice.
    #[error("the element {0:?} occurs twice in one object")]
    DuplicateElement(String),
    /// An element has a JSON type that the grammar does not allow.
    #[error("{element} must be {expected}")]
    WrongType {
        /// The element, such as `Action`.
        element: &'static str,
        /// What the grammar allows, as words.
        expected: &'static str,
    },
    /// An element that the grammar does not define.
    #[error("unknown element {0:?}")]
    UnknownElement(String),
    /// `Version` is neither 2008-10-17 nor 2012-10-17.
    #[error("unknown policy version {0:?}: it must be 2012-10-17 or 2008-10-17")]
    InvalidVersion(String),
    /// `Statement` is absent or an empty list.
    #[error("the policy has no statement")]
    MissingStatement,
    /// A statement has no `Effect`.
    #[error("statement {} has no Effect", .0 + 1)]
    MissingEffect(usize),
    /// `Effect` is neither `Allow` nor `Deny`.
    #[error("Effect must be Allow or Deny, not {0:?}")]
    InvalidEffect(String),
    /// A statement has neither `Action` nor `NotAction`, or an empty list of them.
    #[error("statement {} has no Action", .0 + 1)]
    MissingAction(usize),
    /// A statement has an element and its negation.
    #[error("a statement cannot have both {0} and Not{0}")]
    Contradiction(&'static str),
    /// An action without a service prefix.
    #[error("the action {0:?} is not of the form service:Action")]
    InvalidAction(String),
    /// An action with more than one colon.
    #[error("the action {0:?} has more than one colon")]
    ManyColons(String),
    /// The text before an action's colon is not a service name.
    #[error("{0:?} is not the name of a service")]
    InvalidVendor(String),
    /// An action in a trust policy that does not belong to the Security Token Service.
    #[error("the action {0:?} is not about taking the role on: sts:AssumeRole and its like")]
    NotAssumeRole(String),
    /// A statement has neither `Resource` nor `NotResource`, or an empty list of them.
    #[error("statement {} has no Resource", .0 + 1)]
    MissingResource(usize),
    /// A resource that is neither an ARN nor `*`.
    #[error("the resource {0:?} must be an ARN or \"*\"")]
    InvalidResource(String),
    /// An unknown partition.
    #[error("{partition:?} is not a partition: the resource begins with arn:aws:")]
    InvalidPartition {
        /// The value in the policy.
        partition: String,
        /// The ARN, completed.
        resource: String,
    },
    /// An ARN without a service, or with a wildcard in its name.
    #[error("the resource {0:?} must name a service, without wildcards")]
    UnqualifiedVendor(String),
    /// A Region in an ARN of IAM.
    #[error("the resource {0:?} is of IAM, which has no Regions")]
    RegionOfIam(String),
    /// A Region in an ARN of a service without Regions.
    #[error("the resource {0:?} cannot have a Region")]
    RegionInResource(String),
    /// An account in an ARN of a service without accounts.
    #[error("the resource {0:?} cannot have an account")]
    AccountInResource(String),
    /// An ARN of a resource type that IAM does not have.
    #[error("the resource {0:?} is nothing that IAM has")]
    InvalidIamPath(String),
    /// An ARN with fewer than six fields that is not completed.
    #[error("the resource {0:?} is not a complete ARN: arn:partition:service:region:account:resource")]
    IncompleteResource(String),
    /// An unknown type of principal: not AWS, Service, Federated or CanonicalUser.
    #[error("unknown type of principal {0:?}")]
    UnknownPrincipalType(String),
    /// An invalid principal.
    #[error("invalid principal {kind:?}: {value:?}")]
    InvalidPrincipal {
        /// The member of the principal map, such as `AWS`.
        kind: &'static str,
        /// The value in the policy.
        value: String,
    },
    /// A statement of a resource-based policy without `Principal`.
    #[error("statement {} has no Principal", .0 + 1)]
    MissingPrincipal(usize),
    /// A statement that would allow everybody except the named principals.
    #[error("statement {} allows with NotPrincipal, which is for Deny: name whom you mean in Principal", .0 + 1)]
    AllowWithNotPrincipal(usize),
    /// An element of the grammar that this kind of policy may not have.
    #[error("this kind of policy cannot have the element {0}")]
    ProhibitedElement(&'static str),
    /// A condition operator that does not exist.
    #[error("unknown condition operator {0:?}")]
    UnknownOperator(String),
    /// A condition value that the operator cannot compare with.
    #[error("{value:?} is no value for the condition operator {operator}")]
    InvalidConditionValue {
        /// The operator in AWS's spelling.
        operator: &'static str,
        /// The value in the policy.
        value: String,
    },
    /// A policy variable that is not closed, has no name, or has a default without quotes.
    #[error("malformed policy variable in {0:?}")]
    InvalidVariable(String),
    /// A statement ID with characters that an identity policy may not have.
    #[error("the statement id {0:?} is not alphanumeric")]
    InvalidSid(String),
    /// Two statements with the same ID.
    #[error("two statements have the id {0:?}")]
    DuplicateSid(String),
}

impl PolicyError {
    /// Like [`PolicyError::iam_message`], with IAM's texts for a trust policy.
    pub fn trust_message(&self) -> String {
        match self {
            Self::NotJson(_) => "This policy contains invalid Json".to_owned(),
            other => other.iam_message(),
        }
    }

    /// The text of IAM's `MalformedPolicyDocument`.
    pub fn iam_message(&self) -> String {
        match self {
            Self::InvalidAction(_) => {
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".to_owned()
            }
            Self::ManyColons(_) => "Actions/Condition can contain only one colon.".to_owned(),
            Self::InvalidVendor(vendor) => format!("Vendor {vendor} is not valid"),
            Self::NotAssumeRole(_) => "AssumeRole policy may only specify STS AssumeRole actions.".to_owned(),
            Self::MissingAction(_) => "Policy statement must contain actions.".to_owned(),
            Self::MissingResource(_) => "Policy statement must contain resources.".to_owned(),
            Self::InvalidResource(resource) => {
                format!("Resource {resource} must be in ARN format or \"*\".")
            }
            Self::InvalidPartition { partition, resource } => {
                format!("Partition \"{partition}\" is not valid for resource \"{resource}\".")
            }
            Self::UnqualifiedVendor(_) => {
                "Resource vendor must be fully qualified and cannot contain regexes.".to_owned()
            }
            Self::RegionOfIam(resource) => {
                format!("IAM resource {resource} cannot contain region information.")
            }
            Self::RegionInResource(resource) => {
                format!("Resource {resource} can not contain region information.")
            }
            Self::AccountInResource(resource) => {
                format!("Resource {resource} cannot contain an account id.")
            }
            Self::InvalidIamPath(_) => {
                let paths = IAM_PATHS.join(", ");
                format!("IAM resource path must either be \"*\", root, or start with {paths}.")
            }
            Self::ProhibitedElement(element) => format!("Has prohibited field {element}."),
            Self::DuplicateSid(_) => "Statement IDs (SID) in a single policy must be unique.".to_owned(),
            Self::InvalidSid(_) => {
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies \
                                    the regular expression [0-9A-Za-z]*"
                    .to_owned()
            }
            Self::InvalidPrincipal { kind, value } => {
                format!("Invalid principal in policy: \"{}\":\"{value}\"", kind.to_uppercase())
            }
            Self::AllowWithNotPrincipal(_) => "Allow with NotPrincipal is not allowed.".to_owned(),
            Self::MissingPrincipal(_) => "Missing required field Principal".to_owned(),
            Self::InvalidConditionValue { .. } | Self::IncompleteResource(_) => {
                "The policy failed legacy parsing".to_owned()
            }
            _ => "Syntax errors in policy.".to_owned(),
        }
    }
}
