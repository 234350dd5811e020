//! The operations of Amazon ECR Public (API 2020-10-30).

/// Calls a macro with every operation of this service: name, IAM action, resource of the action, request type in
/// `aws::ecr_public`, handler.
#[macro_export]
macro_rules! ecr_public_operations {
    ($callback:ident $($prefix:tt)*) => {
        $callback! { $($prefix)*
            operations {
                BatchCheckLayerAvailability: "ecr-public:BatchCheckLayerAvailability" on Repository => BatchCheckLayerAvailabilityRequest, batch_check_public_layer_availability;
                BatchDeleteImage: "ecr-public:BatchDeleteImage" on Repository => BatchDeleteImageRequest, batch_delete_public_image;
                CompleteLayerUpload: "ecr-public:CompleteLayerUpload" on Repository => CompleteLayerUploadRequest, complete_public_layer_upload;
                CreateRepository: "ecr-public:CreateRepository" on NewRepository => CreateRepositoryRequest, create_public_repository;
                DeleteRepository: "ecr-public:DeleteRepository" on Repository => DeleteRepositoryRequest, delete_public_repository;
                DeleteRepositoryPolicy: "ecr-public:DeleteRepositoryPolicy" on Repository => DeleteRepositoryPolicyRequest, delete_public_repository_policy;
                DescribeImageTags: "ecr-public:DescribeImageTags" on Repository => DescribeImageTagsRequest, describe_public_image_tags;
                DescribeImages: "ecr-public:DescribeImages" on Repository => DescribeImagesRequest, describe_public_images;
                DescribeRegistries: "ecr-public:DescribeRegistries" on Account => DescribeRegistriesRequest, describe_public_registries;
                DescribeRepositories: "ecr-public:DescribeRepositories" on Repository => DescribeRepositoriesRequest, describe_public_repositories;
                GetAuthorizationToken: "ecr-public:GetAuthorizationToken" on Account => GetAuthorizationTokenRequest, get_public_authorization_token;
                GetRegistryCatalogData: "ecr-public:GetRegistryCatalogData" on Account => GetRegistryCatalogDataRequest, get_registry_catalog_data;
                GetRepositoryCatalogData: "ecr-public:GetRepositoryCatalogData" on Repository => GetRepositoryCatalogDataRequest, get_repository_catalog_data;
                GetRepositoryPolicy: "ecr-public:GetRepositoryPolicy" on Repository => GetRepositoryPolicyRequest, get_public_repository_policy;
                InitiateLayerUpload: "ecr-public:InitiateLayerUpload" on Repository => InitiateLayerUploadRequest, initiate_public_layer_upload;
                ListTagsForResource: "ecr-public:ListTagsForResource" on Repository => ListTagsForResourceRequest, list_tags_for_public_resource;
                PutImage: "ecr-public:PutImage" on Repository => PutImageRequest, put_public_image;
                PutRegistryCatalogData: "ecr-public:PutRegistryCatalogData" on Account => PutRegistryCatalogDataRequest, put_registry_catalog_data;
                PutRepositoryCatalogData: "ecr-public:PutRepositoryCatalogData" on Repository => PutRepositoryCatalogDataRequest, put_repository_catalog_data;
                SetRepositoryPolicy: "ecr-public:SetRepositoryPolicy" on Repository => SetRepositoryPolicyRequest, set_public_repository_policy;
                TagResource: "ecr-public:TagResource" on Repository => TagResourceRequest, tag_public_resource;
                UntagResource: "ecr-public:UntagResource" on Repository => UntagResourceRequest, untag_public_resource;
                UploadLayerPart: "ecr-public:UploadLayerPart" on Repository => UploadLayerPartRequest, upload_public_layer_part;
            }
            unsigned {
            }
            permissions {
                ListRepositories: "ecr-public:DescribeRepositories" on AllRepositories;
            }
        }
    };
}
