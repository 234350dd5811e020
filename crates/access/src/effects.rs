//! Which permission opens which operation of the store. This is the page that an auditor reads: what is not listed here
//! cannot happen, whatever a handler tries.

#[allow(clippy::wildcard_imports, reason = "the lists below name each operation")]
use meta::operations::*;

use crate::op::{ecr, iam, organizations, sts};
use crate::permit::{Grant, OnDeployment, Opens, ServiceAuthority};

/// An operation of the store that reads what a decision needs to know first. It never changes anything.
pub trait BeforeDecision: Operation {}

macro_rules! before_decision {
    ($($operation:ty,)*) => { $(impl BeforeDecision for $operation {})* };
}

macro_rules! opens {
    ($($permission:path => $($operation:ty),*;)*) => { $($(impl Opens<$operation> for $permission {})*)* };
}

macro_rules! services {
    ($($(#[$doc:meta])* $name:ident => $($operation:ty),*;)*) => {
        /// The authorities of the services.
        pub mod authority {
            use super::{Grant, OnDeployment, ServiceAuthority};
            $(
                $(#[$doc])*
                #[derive(Clone, Copy, Debug)]
                pub struct $name;
                impl Grant for $name {
                    type On = OnDeployment;
                }
                impl ServiceAuthority for $name {
                    const NAME: &'static str = stringify!($name);
                }
            )*
        }

        /// Every authority by name, with the operations of the store that it opens.
        pub const SERVICE_AUTHORITIES: &[(&str, &[&str])] =
            &[$((stringify!($name), &[$(<$operation as Operation>::NAME),*]),)*];

        $($(impl Opens<$operation> for authority::$name {})*)*
    };
}

// What decisions need to know first: a name's path, tags and boundary are part of what is decided.
before_decision! {
    FindEntity,
    ListIamTags,
}

// Repositories and images.
opens! {
    ecr::DeleteRepository => DeleteRepository;
}

// IAM.
opens! {
    iam::CreateUser => CreateEntity;
}

// STS.
opens! {
    sts::AssumeRole => RecordRoleUse;
}

// Organizations.
opens! {
    organizations::TagResource => TagAccount;
}

// Work that no request asks for.
services! {
    /// Ends uploads that expired.
    ExpireUploads => ExpireUploads;
    /// Runs the reconcilers: which node runs which, and when.
    RunReconcilers => ListReconcilers, ClaimReconciler, RenewReconciler, FinishReconciler,
        RequestReconciler;
}
