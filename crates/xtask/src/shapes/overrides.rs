//! Where the generated types differ from the model, and why.

/// A service whose shapes are generated.
pub(super) struct Service {
    /// The name of the model's file, without `.json`.
    pub(super) model: &'static str,
    /// The module in `aws`.
    pub(super) module: &'static str,
    pub(super) overrides: Overrides,
}

/// What the model does not contain. Members are named `Shape.member`.
pub(super) struct Overrides {
    /// Shapes that share one Rust type because they are equal: the model repeats a shape for each operation.
    pub(super) same: &'static [(&'static str, &'static str)],
    /// Members whose type is not their shape's.
    pub(super) types: &'static [(&'static str, &'static str)],
    /// Members that are always in Wharf's answers. The model makes most members of answers optional.
    pub(super) present: &'static [(&'static str, &'static [&'static str])],
    /// Lists in nested structures that are written even if they are empty, and lists of answers that are omitted if
    /// they are empty.
    pub(super) empty_is_written: &'static [&'static str],
    pub(super) empty_is_left_out: &'static [&'static str],
    /// The default value of an enum.
    pub(super) defaults: &'static [(&'static str, &'static str)],
    /// Enums whose values are in another order in ECR's error text than in the model.
    pub(super) order: &'static [(&'static str, &'static [&'static str])],
    /// The function for each pattern, in the service's `pattern.rs`.
    pub(super) patterns: &'static [(&'static str, &'static str)],
    /// Patterns without quotes in ECR's error text.
    pub(super) unquoted: &'static [&'static str],
    /// Members with a rule that is not in the model: a constant in the service's `pattern.rs`.
    pub(super) rules: &'static [(&'static str, &'static str)],
    /// Requests with rules that span members: a function in the service's `rules.rs`.
    pub(super) validate: &'static [(&'static str, &'static str)],
    /// Types with a credential: they have no `Debug`.
    pub(super) secret: &'static [&'static str],
    /// Types that are map keys.
    pub(super) hash: &'static [&'static str],
}

/// The services, ECR first.
pub(super) const SERVICES: [Service; 2] = [
    Service { model: "ecr", module: "ecr", overrides: ECR },
    Service { model: "ecr-public", module: "ecr_public", overrides: ECR_PUBLIC },
];

const ECR: Overrides = Overrides {
    same: &[
        ("ListImagesFilter", "ImagesFilter"),
        ("DescribeImagesFilter", "ImagesFilter"),
        ("ArtifactStatus", "ImageStatus"),
        ("ArtifactStatusFilter", "ImageStatusFilter"),
        ("SetRepositoryPolicyResponse", "RepositoryPolicyResponse"),
        ("GetRepositoryPolicyResponse", "RepositoryPolicyResponse"),
        ("DeleteRepositoryPolicyResponse", "RepositoryPolicyResponse"),
        ("PutRegistryPolicyResponse", "RegistryPolicyResponse"),
        ("GetRegistryPolicyResponse", "RegistryPolicyResponse"),
        ("DeleteRegistryPolicyResponse", "RegistryPolicyResponse"),
        ("GetAccountSettingResponse", "AccountSettingResponse"),
        ("PutAccountSettingResponse", "AccountSettingResponse"),
    ],
    types: &[
        // Images with the same manifest in one answer share its text.
        ("Image.imageManifest", "Arc<str>"),
        // Copied from the manifest unchanged, without a map in between.
        ("ImageReferrer.annotations", "Box<RawValue>"),
    ],
    present: &[
        ("Image", &["registryId", "repositoryName", "imageId", "imageManifest"]),
        ("ImageFailure", &["imageId", "failureCode", "failureReason"]),
        ("PutImageResponse", &["image"]),
        ("ImageDetail", &["registryId", "repositoryName", "imageDigest", "imagePushedAt"]),
        ("ImageScanStatus", &["status"]),
        ("ImageReferrer", &["artifactStatus"]),
        ("Layer", &["layerDigest", "layerAvailability"]),
        ("LayerFailure", &["layerDigest", "failureCode", "failureReason"]),
        ("GetDownloadUrlForLayerResponse", &["downloadUrl", "layerDigest"]),
        ("InitiateLayerUploadResponse", &["uploadId", "partSize"]),
        ("UploadLayerPartResponse", &["registryId", "repositoryName", "uploadId", "lastByteReceived"]),
        ("CompleteLayerUploadResponse", &["registryId", "repositoryName", "uploadId", "layerDigest"]),
        ("RepositoryPolicyResponse", &["registryId", "repositoryName", "policyText"]),
        ("RegistryPolicyResponse", &["registryId", "policyText"]),
        ("AccountSettingResponse", &["name", "value"]),
        ("DescribeImageScanFindingsResponse", &["registryId", "repositoryName", "imageId"]),
        (
            "Repository",
            &[
                "repositoryArn",
                "registryId",
                "repositoryName",
                "repositoryUri",
                "createdAt",
                "imageTagMutability",
                "imageScanningConfiguration",
                "encryptionConfiguration",
            ],
        ),
        ("CreateRepositoryResponse", &["repository"]),
        ("DeleteRepositoryResponse", &["repository"]),
        ("PutImageTagMutabilityResponse", &["registryId", "repositoryName", "imageTagMutability"]),
        (
            "PutImageScanningConfigurationResponse",
            &["registryId", "repositoryName", "imageScanningConfiguration"],
        ),
        ("DescribeRegistryResponse", &["registryId", "replicationConfiguration"]),
        ("AuthorizationData", &["authorizationToken", "expiresAt", "proxyEndpoint"]),
    ],
    empty_is_written: &["ReplicationConfiguration.rules"],
    empty_is_left_out: &["PutImageTagMutabilityResponse.imageTagMutabilityExclusionFilters"],
    defaults: &[
        ("ImageTagMutability", "MUTABLE"),
        ("ImageTagMutabilityExclusionFilterType", "WILDCARD"),
        ("EncryptionType", "AES256"),
        ("ImageStatus", "ACTIVE"),
        ("ImageStatusFilter", "ACTIVE"),
    ],
    order: &[(
        "ImageTagMutability",
        &["IMMUTABLE", "MUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"],
    )],
    patterns: &[
        ("CredentialArn", "is_credential_arn"),
        ("ImageTagMutabilityExclusionFilterValue", "is_exclusion_filter"),
        ("KmsKeyForRepositoryCreationTemplate", "is_no_key_or_key_arn"),
        ("LayerDigest", "is_layer_digest"),
        ("Prefix", "is_prefix"),
        ("PrincipalArn", "is_principal_arn"),
        ("PullThroughCacheRuleRepositoryPrefix", "is_prefix"),
        ("Region", "is_region"),
        ("RegistryId", "is_registry_id"),
        ("ReplicationBackfillId", "is_uuid"),
        ("RepositoryFilterValue", "is_repository_filter"),
        ("RepositoryName", "is_repository_name"),
        ("ScanningRepositoryFilterValue", "is_scanning_filter"),
        ("SigningProfileArn", "is_signing_profile_arn"),
        ("SigningRepositoryFilterValue", "is_signing_filter"),
        ("UploadId", "is_uuid"),
    ],
    unquoted: &["RegistryId"],
    rules: &[("PutImageRequest.imageTag", "NEW_IMAGE_TAG")],
    validate: &[
        ("CreateRepositoryRequest", "create_repository"),
        ("DescribeRepositoriesRequest", "describe_repositories"),
        ("DescribeImagesRequest", "describe_images"),
        ("PutImageTagMutabilityRequest", "put_image_tag_mutability"),
        ("TagResourceRequest", "tag_resource"),
        ("UntagResourceRequest", "untag_resource"),
    ],
    // The URL of a layer is a credential until it expires.
    secret: &["AuthorizationData", "GetDownloadUrlForLayerResponse"],
    hash: &["ImageIdentifier"],
};

const ECR_PUBLIC: Overrides = Overrides {
    same: &[],
    types: &[],
    present: &[],
    empty_is_written: &[],
    empty_is_left_out: &[],
    defaults: &[],
    order: &[],
    patterns: &[
        ("LayerDigest", "is_layer_digest"),
        ("RegistryId", "is_registry_id"),
        ("RepositoryName", "is_repository_name"),
        ("UploadId", "is_uuid"),
    ],
    unquoted: &["RegistryId"],
    rules: &[],
    validate: &[],
    // The URL of a layer is a credential until it expires.
    secret: &["AuthorizationData", "GetDownloadUrlForLayerResponse"],
    hash: &[],
};
