//! What permits do not open. Each line compiles only while the permission on its left lacks what stands on its right.

use access::effects::{BeforeDecision, OpensBytes, authority, bytes};
use access::op::ecr;
use access::permit::{Opens, ServiceAuthority};
use access::store::{
    BatchDeleteImage, CompleteUpload, DeleteRepository, DeleteTag, ExpireUploads, LinkBlob, ListTags,
    LoadManifest, PurgeRepositorySlice, PutImage, Resolve, SetRepositoryPolicy,
};

/// Two implementations answer, and the line is ambiguous, where the type has the trait.
macro_rules! lacks {
    ($($type:ty: $trait:path;)*) => {$({
        #[allow(dead_code, reason = "it is there to be named")]
        trait Lacks<Which> {
            const HERE: () = ();
        }
        struct Has;
        impl<T> Lacks<()> for T {}
        impl<T: $trait> Lacks<Has> for T {}
        let () = <$type as Lacks<_>>::HERE;
    })*};
}

#[test]
fn a_permission_does_not_open_what_another_one_does() {
    lacks! {
        ecr::BatchGetImage: Opens<BatchDeleteImage>;
        ecr::BatchGetImage: Opens<DeleteTag>;
        ecr::BatchDeleteImage: Opens<LoadManifest>;
        ecr::BatchDeleteImage: Opens<DeleteRepository>;
        ecr::DescribeImages: Opens<LoadManifest>;
        ecr::InitiateLayerUpload: Opens<CompleteUpload>;
        ecr::UploadLayerPart: Opens<CompleteUpload>;
        ecr::UploadLayerPart: Opens<LinkBlob>;
        ecr::CompleteLayerUpload: Opens<PutImage>;
        ecr::GetRepositoryPolicy: Opens<SetRepositoryPolicy>;
    }
}

#[test]
fn a_permission_opens_only_its_use_of_bytes() {
    lacks! {
        ecr::BatchCheckLayerAvailability: OpensBytes<bytes::Read>;
        ecr::BatchGetImage: OpensBytes<bytes::Read>;
        ecr::GetDownloadUrlForLayer: OpensBytes<bytes::Append>;
        ecr::CompleteLayerUpload: OpensBytes<bytes::Append>;
        ecr::BatchDeleteImage: OpensBytes<bytes::Delete>;
        authority::SweepDoomed: OpensBytes<bytes::Read>;
    }
}

#[test]
fn a_service_does_its_own_work_only() {
    lacks! {
        authority::SweepDoomed: Opens<PurgeRepositorySlice>;
        authority::PurgeRepositories: Opens<ExpireUploads>;
        authority::RecordPulls: Opens<DeleteTag>;
        ecr::DeleteRepository: ServiceAuthority;
    }
}

#[test]
fn what_a_decision_is_about_is_not_read_before_it() {
    lacks! {
        ListTags: BeforeDecision;
        LoadManifest: BeforeDecision;
        Resolve: BeforeDecision;
    }
}
