//! Which permission opens which operation of the store. An auditor can read this page: an effect that is not listed
//! here cannot happen, regardless of the handlers' code.

#[allow(clippy::wildcard_imports, reason = "the lists below name each operation")]
use meta::operations::*;

use crate::op::{ecr, iam, organizations, sts};
use crate::permit::{Grant, OnDeployment, Opens, ServiceAuthority};

/// An operation of the store that reads what a decision needs first. It never changes anything.
pub trait BeforeDecision: Operation {}

macro_rules! before_decision {
    ($($operation:ty,)*) => { $(impl BeforeDecision for $operation {})* };
}

macro_rules! opens {
    ($($permission:path => $($operation:ty),*;)*) => { $($(impl Opens<$operation> for $permission {})*)* };
}

/// What can be done with the bytes of layers.
pub mod bytes {
    /// Reads a layer.
    #[derive(Debug)]
    pub enum Read {}
    /// Appends to an upload.
    #[derive(Debug)]
    pub enum Append {}
    /// Makes the bytes of an upload a readable object.
    #[derive(Debug)]
    pub enum Finish {}
    /// Reads an upload to compute its digest.
    #[derive(Debug)]
    pub enum Hash {}
    /// Deletes an object.
    #[derive(Debug)]
    pub enum Delete {}
}

/// A permit for `Self` opens this use of layers' bytes. Implemented in this file and nowhere else.
pub trait OpensBytes<Use>: Grant {}

macro_rules! opens_bytes {
    ($($permission:path => $($use:ty),*;)*) => { $($(impl OpensBytes<$use> for $permission {})*)* };
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

// What decisions need first: a path, tags and a boundary are inputs of the decision.
before_decision! {
    FindEntity,
    ListIamTags,
}

// Repositories and images. An operation that names several permissions, such as a push of a whole blob, needs a permit
// for each.
opens! {
    ecr::CreateRepository => FindAccount, EnsureRegistry, CreateRepository;
    ecr::ListRepositories => DescribeRepositories;
    ecr::DeleteRepository => DeleteRepository;
    ecr::PutImageTagMutability => PutImageTagMutability;
    ecr::PutImageScanningConfiguration => PutImageScanning;
    ecr::TagResource => TagResource;
    ecr::UntagResource => UntagResource;
    ecr::ListTagsForResource => ListTagsForResource;
    ecr::SetRepositoryPolicy => FindNamedPrincipals, SetRepositoryPolicy;
    ecr::GetRepositoryPolicy => FindNamedPrincipals, LoadRepositoryPolicy;
    ecr::DeleteRepositoryPolicy => FindNamedPrincipals, SetRepositoryPolicy;

    ecr::PutImage => PutImage;
    ecr::BatchGetImage => FindImages, LoadManifest;
    ecr::BatchDeleteImage => BatchDeleteImage, DeleteTag, UnlinkBlob;
    ecr::ListImages => ListImages, ListTags;
    ecr::DescribeImages => FindImages, DescribeImages;
    ecr::ListImageReferrers => MeasureReferrers, ListReferrers;
    ecr::DescribeImageScanFindings => FindImages;

    // A check that finds a blob renews its grace.
    ecr::BatchCheckLayerAvailability => FindBlobs, RenewBlobs;
    ecr::GetDownloadUrlForLayer => RenewBlobs;
    ecr::InitiateLayerUpload => CreateUpload;
    ecr::UploadLayerPart => TakeUpload, AdvanceUpload, CancelUpload;
    // A mount is an upload that is complete immediately.
    ecr::CompleteLayerUpload => FindBlobs, CompleteUpload, CancelUpload, FindLinks, LinkBlob, RenewBlobs;
}

// Registries.
opens! {
    ecr::PutRegistryPolicy => FindAccount, EnsureRegistry, FindNamedPrincipals, GetAccountSetting, SetRegistryPolicy;
    ecr::GetRegistryPolicy => FindNamedPrincipals, LoadRegistryPolicy;
    ecr::DeleteRegistryPolicy => FindNamedPrincipals, SetRegistryPolicy;
    ecr::GetAccountSetting => GetAccountSetting;
    ecr::PutAccountSetting => FindAccount, EnsureRegistry, PutAccountSetting;
}

// The bytes of layers.
opens_bytes! {
    ecr::GetDownloadUrlForLayer => bytes::Read;
    ecr::UploadLayerPart => bytes::Append;
    // Bytes are read again for a digest whose algorithm was given only when the upload is completed.
    ecr::CompleteLayerUpload => bytes::Finish, bytes::Hash;
    authority::SweepDoomed => bytes::Delete;
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
    /// Empties repositories that were deleted.
    PurgeRepositories => ClaimWork, PurgeRepositorySlice, FinishWork, PostponeWork;
    /// Deletes the bytes of objects whose rows are gone.
    SweepDoomed => ClaimDoomed, ForgetDoomed;
    /// Records when an image was last pulled, after the answer to the pull.
    RecordPulls => RecordPull;
    /// Runs the reconcilers: which node runs which, and when.
    RunReconcilers => ListReconcilers, ClaimReconciler, FinishReconciler, RequestReconciler;
}
