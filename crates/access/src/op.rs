//! Every operation as an [`Op`], and one type for each, so a permit for one is not a permit for another. Both come from
//! the lists in `aws::operation`.

pub use aws::operation::Resource;
use aws::service::Service;

use crate::permit::sealed::Sealed;
use crate::permit::{Grant, OnAccount, OnRegistry, OnRepository, OnUnsigned};

/// The effect of an operation: what a permit is given for.
pub trait Effect: Grant {
    /// The operation.
    const OP: Op;
}

macro_rules! subject {
    (Repository) => {
        OnRepository
    };
    (NewRepository) => {
        OnRegistry
    };
    (AllRepositories) => {
        OnRegistry
    };
    (Account) => {
        OnRegistry
    };
    (Named) => {
        OnAccount
    };
    (Everyone) => {
        OnAccount
    };
    (Unsigned) => {
        OnUnsigned
    };
}

macro_rules! service {
    ($module:ident $service:ident $operation:ident
        operations { $($name:ident: $action:literal on $resource:ident => $request:ident, $method:ident;)* }
        unsigned { $($unsigned:ident: $unsigned_action:literal on $unsigned_resource:ident;)* }
        permissions { $($permission:ident: $permission_action:literal on $permission_resource:ident;)* }
    ) => {
        service! { @define $module $service $operation
            $($name: $action on $resource, $resource;)*
            $($unsigned: $unsigned_action on $unsigned_resource, Unsigned;)*
            $($permission: $permission_action on $permission_resource, $permission_resource;)*
        }
    };
    (@define $module:ident $service:ident $operation:ident
        $($name:ident: $action:literal on $resource:ident, $subject:ident;)*
    ) => {
        /// An operation or a permission of this service, with AWS's name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $operation { $($name,)* }

        impl $operation {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            const fn action(self) -> &'static str {
                match self { $(Self::$name => $action,)* }
            }

            const fn resource(self) -> Resource {
                match self { $(Self::$name => Resource::$resource,)* }
            }
        }

        impl From<$operation> for Op {
            fn from(operation: $operation) -> Self {
                Self::$service(operation)
            }
        }

        /// Marks permits for the operations of this service.
        pub mod $module {
            use super::*;
            $(
                #[derive(Debug)]
                pub struct $name;
                impl Sealed for $name {}
                impl Grant for $name {
                    type On = subject!($subject);
                }
                impl Effect for $name {
                    const OP: Op = Op::$service($operation::$name);
                }
            )*
        }
    };
}

aws::ecr_operations! { service ecr Ecr EcrOp }
aws::ecr_public_operations! { service ecr_public EcrPublic EcrPublicOp }
aws::iam_operations! { service iam Iam IamOp }
aws::sts_operations! { service sts Sts StsOp }
aws::organizations_operations! { service organizations Organizations OrganizationsOp }
aws::event_bridge_operations! { service event_bridge EventBridge EventBridgeOp }
aws::secrets_manager_operations! { service secrets_manager SecretsManager SecretsManagerOp }
aws::service_quotas_operations! { service service_quotas ServiceQuotas ServiceQuotasOp }
aws::tagging_operations! { service tagging Tagging TaggingOp }

/// An operation or a permission of any service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Op {
    /// Amazon ECR.
    Ecr(EcrOp),
    /// Amazon ECR Public.
    EcrPublic(EcrPublicOp),
    /// IAM.
    Iam(IamOp),
    /// STS.
    Sts(StsOp),
    /// Organizations.
    Organizations(OrganizationsOp),
    /// Amazon EventBridge.
    EventBridge(EventBridgeOp),
    /// Secrets Manager.
    SecretsManager(SecretsManagerOp),
    /// Service Quotas.
    ServiceQuotas(ServiceQuotasOp),
    /// The Resource Groups Tagging API.
    Tagging(TaggingOp),
}

macro_rules! each {
    ($op:expr, $operation:ident => $value:expr) => {
        match $op {
            Op::Ecr($operation) => $value,
            Op::EcrPublic($operation) => $value,
            Op::Iam($operation) => $value,
            Op::Sts($operation) => $value,
            Op::Organizations($operation) => $value,
            Op::EventBridge($operation) => $value,
            Op::SecretsManager($operation) => $value,
            Op::ServiceQuotas($operation) => $value,
            Op::Tagging($operation) => $value,
        }
    };
}

impl Op {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let ecr = EcrOp::ALL.iter().copied().map(Self::Ecr);
        let ecr_public = EcrPublicOp::ALL.iter().copied().map(Self::EcrPublic);
        let iam = IamOp::ALL.iter().copied().map(Self::Iam);
        let sts = StsOp::ALL.iter().copied().map(Self::Sts);
        let organizations = OrganizationsOp::ALL.iter().copied().map(Self::Organizations);
        let event_bridge = EventBridgeOp::ALL.iter().copied().map(Self::EventBridge);
        let secrets_manager = SecretsManagerOp::ALL.iter().copied().map(Self::SecretsManager);
        let service_quotas = ServiceQuotasOp::ALL.iter().copied().map(Self::ServiceQuotas);
        let tagging = TaggingOp::ALL.iter().copied().map(Self::Tagging);
        let others = event_bridge.chain(secrets_manager).chain(service_quotas).chain(tagging);
        ecr.chain(ecr_public).chain(iam).chain(sts).chain(organizations).chain(others)
    }

    /// The service.
    pub const fn service(self) -> Service {
        match self {
            Self::Ecr(_) => Service::Ecr,
            Self::EcrPublic(_) => Service::EcrPublic,
            Self::Iam(_) => Service::Iam,
            Self::Sts(_) => Service::Sts,
            Self::Organizations(_) => Service::Organizations,
            Self::EventBridge(_) => Service::EventBridge,
            Self::SecretsManager(_) => Service::SecretsManager,
            Self::ServiceQuotas(_) => Service::ServiceQuotas,
            Self::Tagging(_) => Service::Tagging,
        }
    }

    /// The operation's name in the AWS API.
    pub const fn name(self) -> &'static str {
        each!(self, operation => operation.name())
    }

    /// The IAM action that permits it (service authorization references).
    pub const fn action(self) -> &'static str {
        each!(self, operation => operation.action())
    }

    /// What the action is decided on.
    pub const fn resource(self) -> Resource {
        each!(self, operation => operation.resource())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_with_their_own_action_have_its_name() {
        for op in Op::all() {
            match op {
                Op::Ecr(EcrOp::ListRepositories | EcrOp::ListImageReferrers)
                | Op::EcrPublic(EcrPublicOp::ListRepositories)
                // Wharf's own.
                | Op::Iam(IamOp::WharfExplainAccess | IamOp::WharfPutOpenIDConnectProviderKeys)
                | Op::Organizations(OrganizationsOp::WharfRenameAccount) => {}
                op => assert_eq!(op.action().split_once(':').map(|(_, name)| name), Some(op.name())),
            }
        }
    }

    #[test]
    fn the_actions_of_a_service_have_its_prefix() {
        for op in Op::all().filter(|op| *op != Op::Organizations(OrganizationsOp::WharfRenameAccount)) {
            assert_eq!(
                op.action().split_once(':').map(|(prefix, _)| prefix),
                Some(op.service().action_prefix())
            );
        }
    }
}
