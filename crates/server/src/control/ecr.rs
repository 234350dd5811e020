//! Amazon ECR's operations: from the decoded request to the rule that answers it, and back to JSON.

use access::error::Error;
use aws::dialect::Dialect;
use aws::ecr::{self, Request};
use bytes::Bytes;
use serde::Serialize;

use super::fault::Fault;
use super::offload;
use super::signed::Signed;
use crate::serve::App;

macro_rules! operations {
    ($($name:literal: $request:ident => $method:ident;)*) => {
        /// The operations that are there, by the API's names.
        pub(super) const NAMES: &[&str] = &[$($name),*];

        /// Runs an operation out of [`NAMES`].
        pub(super) async fn run(app: &App, operation: &str, signed: Signed) -> Result<Vec<u8>, Fault> {
            // Its room in memory is given back when the answer is made.
            let Signed { ctx, region, body, room: _room } = signed;
            match operation {
                $($name => {
                    let input: ecr::$request = decode(body).await?;
                    give(app.registry.$method(&ctx, &region, input).await)
                })*
                other => Err(Fault::new(
                    http::StatusCode::BAD_REQUEST,
                    "UnknownOperationException",
                    format!("The operation ecr:{other} is not available in this version of Wharf."),
                )),
            }
        }
    };
}

operations! {
    "BatchCheckLayerAvailability": BatchCheckLayerAvailabilityRequest => batch_check_layer_availability;
    "BatchDeleteImage": BatchDeleteImageRequest => batch_delete_image;
    "BatchGetImage": BatchGetImageRequest => batch_get_image;
    "CompleteLayerUpload": CompleteLayerUploadRequest => complete_layer_upload;
    "CreateRepository": CreateRepositoryRequest => create_repository;
    "DeleteRegistryPolicy": DeleteRegistryPolicyRequest => delete_registry_policy;
    "DeleteRepository": DeleteRepositoryRequest => delete_repository;
    "DeleteRepositoryPolicy": DeleteRepositoryPolicyRequest => delete_repository_policy;
    "DescribeImageScanFindings": DescribeImageScanFindingsRequest => describe_image_scan_findings;
    "DescribeImages": DescribeImagesRequest => describe_images;
    "DescribeRegistry": DescribeRegistryRequest => describe_registry;
    "DescribeRepositories": DescribeRepositoriesRequest => describe_repositories;
    "GetAccountSetting": GetAccountSettingRequest => get_account_setting;
    "GetAuthorizationToken": GetAuthorizationTokenRequest => get_authorization_token;
    "GetDownloadUrlForLayer": GetDownloadUrlForLayerRequest => get_download_url_for_layer;
    "GetRegistryPolicy": GetRegistryPolicyRequest => get_registry_policy;
    "GetRepositoryPolicy": GetRepositoryPolicyRequest => get_repository_policy;
    "InitiateLayerUpload": InitiateLayerUploadRequest => initiate_layer_upload;
    "ListImageReferrers": ListImageReferrersRequest => list_image_referrers;
    "ListImages": ListImagesRequest => list_images;
    "ListTagsForResource": ListTagsForResourceRequest => list_tags_for_resource;
    "PutAccountSetting": PutAccountSettingRequest => put_account_setting;
    "PutImage": PutImageRequest => put_image;
    "PutImageScanningConfiguration": PutImageScanningConfigurationRequest => put_image_scanning_configuration;
    "PutImageTagMutability": PutImageTagMutabilityRequest => put_image_tag_mutability;
    "PutRegistryPolicy": PutRegistryPolicyRequest => put_registry_policy;
    "SetRepositoryPolicy": SetRepositoryPolicyRequest => set_repository_policy;
    "TagResource": TagResourceRequest => tag_resource;
    "UntagResource": UntagResourceRequest => untag_resource;
    "UploadLayerPart": UploadLayerPartRequest => upload_layer_part;
}

/// The operation of this name, if it is there.
pub(super) fn find(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|known| **known == name).copied()
}

async fn decode<T: Request + Send + 'static>(body: Bytes) -> Result<T, Fault> {
    let decoded = offload::by_size(body.len(), move || ecr::decode::<T>(&body)).await;
    Ok(decoded.map_err(|error| Fault::rules(error, Dialect::Json))??)
}

pub(super) fn give(outcome: Result<impl Serialize, Error>) -> Result<Vec<u8>, Fault> {
    let fault = |error| Fault::rules(error, Dialect::Json);
    let answer = outcome.map_err(fault)?;
    serde_json::to_vec(&answer).map_err(|error| fault(Error::internal(error)))
}
