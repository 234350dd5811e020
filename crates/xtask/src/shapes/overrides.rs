//! Where the generated types differ from the model, and why.

use super::account_services;

/// A service whose shapes are generated.
pub(super) struct Service {
    /// The name of the model's file, without `.json`.
    pub(super) model: &'static str,
    /// The module in `aws`.
    pub(super) module: &'static str,
    pub(super) protocol: Protocol,
    pub(super) overrides: Overrides,
}

/// How requests and answers are framed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `x-amz-json-1.1`.
    Json,
    /// Forms and XML.
    Query,
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
    /// Enums whose values the error text lists in another order than the model, or of which requests may have only these;
    /// and structures whose members the answer has in another order.
    pub(super) order: &'static [(&'static str, &'static [&'static str])],
    /// Limits of shapes and of members that the model does not have.
    pub(super) limits: &'static [(i64, &'static [&'static str])],
    /// Shapes that answers contain in another encoding: the function that writes them.
    pub(super) encoded: &'static [(&'static str, &'static str)],
    /// Patterns without quotes in ECR's error text.
    pub(super) unquoted: &'static [&'static str],
    /// Members with a rule that the model does not have: a constant in the service's `rules.rs`.
    pub(super) rules: &'static [(&'static str, &'static str)],
    /// Requests with rules that span members: a function in the service's `rules.rs`.
    pub(super) validate: &'static [(&'static str, &'static str)],
    /// Types with a credential: they have no `Debug`.
    pub(super) secret: &'static [&'static str],
    /// Types that are map keys.
    pub(super) hash: &'static [&'static str],
}

/// Nothing differs.
pub(super) const NOTHING: Overrides = Overrides {
    same: &[],
    types: &[],
    present: &[],
    empty_is_written: &[],
    empty_is_left_out: &[],
    defaults: &[],
    order: &[],
    limits: &[],
    encoded: &[],
    unquoted: &[],
    rules: &[],
    validate: &[],
    secret: &[],
    hash: &[],
};

/// The services, ECR first.
pub(super) const SERVICES: [Service; 9] = [
    Service { model: "ecr", module: "ecr", protocol: Protocol::Json, overrides: ECR },
    Service { model: "ecr-public", module: "ecr_public", protocol: Protocol::Json, overrides: ECR_PUBLIC },
    Service { model: "iam", module: "iam", protocol: Protocol::Query, overrides: IAM },
    Service { model: "sts", module: "sts", protocol: Protocol::Query, overrides: STS },
    Service {
        model: "organizations",
        module: "organizations",
        protocol: Protocol::Json,
        overrides: account_services::ORGANIZATIONS,
    },
    Service {
        model: "events",
        module: "event_bridge",
        protocol: Protocol::Json,
        overrides: account_services::EVENT_BRIDGE,
    },
    Service {
        model: "secretsmanager",
        module: "secrets_manager",
        protocol: Protocol::Json,
        overrides: account_services::SECRETS_MANAGER,
    },
    Service {
        model: "service-quotas",
        module: "service_quotas",
        protocol: Protocol::Json,
        overrides: account_services::SERVICE_QUOTAS,
    },
    Service {
        model: "resourcegroupstaggingapi",
        module: "tagging",
        protocol: Protocol::Json,
        overrides: account_services::TAGGING,
    },
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
        // An empty list removes what the template has; a missing one keeps it.
        ("UpdateRepositoryCreationTemplateRequest.resourceTags", "Vec<Tag>"),
        (
            "UpdateRepositoryCreationTemplateRequest.imageTagMutabilityExclusionFilters",
            "Vec<ImageTagMutabilityExclusionFilter>",
        ),
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
        ("UpdateImageStorageClassResponse", &["registryId", "repositoryName", "imageId", "imageStatus"]),
        ("PutLifecyclePolicyResponse", &["registryId", "repositoryName", "lifecyclePolicyText"]),
        (
            "GetLifecyclePolicyResponse",
            &["registryId", "repositoryName", "lifecyclePolicyText", "lastEvaluatedAt"],
        ),
        (
            "DeleteLifecyclePolicyResponse",
            &["registryId", "repositoryName", "lifecyclePolicyText", "lastEvaluatedAt"],
        ),
        (
            "StartLifecyclePolicyPreviewResponse",
            &["registryId", "repositoryName", "lifecyclePolicyText", "status"],
        ),
        (
            "GetLifecyclePolicyPreviewResponse",
            &["registryId", "repositoryName", "lifecyclePolicyText", "status"],
        ),
        ("LifecyclePolicyPreviewResult", &["imageDigest", "imagePushedAt", "action", "storageClass"]),
        ("LifecyclePolicyRuleAction", &["type"]),
        ("LifecyclePolicyPreviewSummary", &["expiringImageTotalCount"]),
        ("TransitioningImageTotalCount", &["targetStorageClass", "imageTotalCount"]),
    ],
    empty_is_written: &["ReplicationConfiguration.rules", "RegistryScanningConfiguration.rules"],
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
    unquoted: &["RegistryId"],
    rules: &[("PutImageRequest.imageTag", "NEW_IMAGE_TAG")],
    validate: &[
        ("CreateRepositoryRequest", "create_repository"),
        ("CreateRepositoryCreationTemplateRequest", "create_repository_creation_template"),
        ("UpdateRepositoryCreationTemplateRequest", "update_repository_creation_template"),
        ("DescribeRepositoryCreationTemplatesRequest", "describe_repository_creation_templates"),
        ("DescribeRepositoriesRequest", "describe_repositories"),
        ("DescribeImagesRequest", "describe_images"),
        ("GetLifecyclePolicyPreviewRequest", "get_lifecycle_policy_preview"),
        ("PutImageTagMutabilityRequest", "put_image_tag_mutability"),
        ("TagResourceRequest", "tag_resource"),
        ("UntagResourceRequest", "untag_resource"),
    ],
    // The URL of a layer is a credential until it expires.
    secret: &["AuthorizationData", "GetDownloadUrlForLayerResponse"],
    hash: &["ImageIdentifier"],
    ..NOTHING
};

const ECR_PUBLIC: Overrides = Overrides {
    unquoted: &["RegistryId"],
    // The URL of a layer is a credential until it expires.
    secret: &["AuthorizationData", "GetDownloadUrlForLayerResponse"],
    ..NOTHING
};

const STS: Overrides = Overrides {
    types: &[("Credentials.SecretAccessKey", "SecretKey")],
    present: &[
        ("AssumedRoleUser", &["AssumedRoleId", "Arn"]),
        ("AssumeRoleResponse", &["Credentials", "AssumedRoleUser"]),
        ("AssumeRoleWithWebIdentityResponse", &["Credentials", "AssumedRoleUser"]),
        ("GetCallerIdentityResponse", &["UserId", "Account", "Arn"]),
        ("GetFederationTokenResponse", &["Credentials", "FederatedUser"]),
        ("GetSessionTokenResponse", &["Credentials"]),
    ],
    order: &[("GetCallerIdentityResponse", &["Arn", "UserId", "Account"])],
    limits: &[
        // The API reference: "The plaintext session policy cannot exceed 2,048 characters."
        (2_048, &["unrestrictedSessionPolicyDocumentType"]),
        // The API reference: "You can provide up to 10 managed policy ARNs."
        (10, &["policyDescriptorListType"]),
        // The API reference has this limit; only the newest models have 256.
        (64, &["sourceIdentityType"]),
    ],
    encoded: &[("accessKeySecretType", "crate::query::secret")],
    // A session can be used with them.
    secret: &["Credentials"],
    ..NOTHING
};

const IAM: Overrides = Overrides {
    same: &[
        ("ListAttachedGroupPoliciesResponse", "ListAttachedPoliciesResponse"),
        ("ListAttachedRolePoliciesResponse", "ListAttachedPoliciesResponse"),
        ("ListAttachedUserPoliciesResponse", "ListAttachedPoliciesResponse"),
        ("ListGroupPoliciesResponse", "ListInlinePoliciesResponse"),
        ("ListRolePoliciesResponse", "ListInlinePoliciesResponse"),
        ("ListUserPoliciesResponse", "ListInlinePoliciesResponse"),
        ("ListInstanceProfilesForRoleResponse", "ListInstanceProfilesResponse"),
        ("ListGroupsForUserResponse", "ListGroupsResponse"),
        ("ListInstanceProfileTagsResponse", "ListTagsResponse"),
        ("ListOpenIDConnectProviderTagsResponse", "ListTagsResponse"),
        ("ListPolicyTagsResponse", "ListTagsResponse"),
        ("ListRoleTagsResponse", "ListTagsResponse"),
        ("ListUserTagsResponse", "ListTagsResponse"),
    ],
    types: &[
        ("AccessKey.SecretAccessKey", "SecretKey"),
        // The model has values that IAM itself does not answer with.
        ("AttachedPermissionsBoundary.PermissionsBoundaryType", "&'static str"),
        ("Statement.SourcePolicyType", "&'static str"),
        ("GetAccountSummaryResponse.SummaryMap", "BTreeMap<&'static str, i64>"),
        ("GetCredentialReportResponse.Content", "String"),
        ("ManagedPolicyDetail.AttachmentCount", "i64"),
        ("ManagedPolicyDetail.PermissionsBoundaryUsageCount", "i64"),
        ("Policy.AttachmentCount", "i64"),
        ("Policy.PermissionsBoundaryUsageCount", "i64"),
        // Lists leave the tags out, and GetPolicy has an empty list.
        ("Policy.Tags", "Vec<Tag>"),
        ("Role.MaxSessionDuration", "i64"),
        // Absent, it stays.
        ("UpdateLoginProfileRequest.PasswordResetRequired", "bool"),
        ("VirtualMFADevice.Base32StringSeed", "String"),
        ("VirtualMFADevice.QRCodePNG", "String"),
    ],
    present: &[
        ("*", &["IsTruncated"]),
        ("AccessKey", &["CreateDate"]),
        ("AccessKeyMetadata", &["UserName", "AccessKeyId", "Status", "CreateDate"]),
        ("AttachedPermissionsBoundary", &["PermissionsBoundaryType", "PermissionsBoundaryArn"]),
        ("AttachedPolicy", &["PolicyName", "PolicyArn"]),
        ("CreateOpenIDConnectProviderResponse", &["OpenIDConnectProviderArn"]),
        ("CreatePolicyResponse", &["Policy"]),
        ("CreatePolicyVersionResponse", &["PolicyVersion"]),
        ("CreateServiceLinkedRoleResponse", &["Role"]),
        ("CreateUserResponse", &["User"]),
        ("CreateVirtualMFADeviceResponse", &["VirtualMFADevice"]),
        ("EvaluationResult", &["EvalResourceName"]),
        ("GetAccessKeyLastUsedResponse", &["UserName", "AccessKeyLastUsed"]),
        ("GetAccountSummaryResponse", &["SummaryMap"]),
        ("GenerateCredentialReportResponse", &["State"]),
        ("GetCredentialReportResponse", &["Content", "ReportFormat", "GeneratedTime"]),
        ("GetOpenIDConnectProviderResponse", &["Url", "CreateDate"]),
        ("GetPolicyResponse", &["Policy"]),
        ("GetPolicyVersionResponse", &["PolicyVersion"]),
        ("GroupDetail", &["Path", "GroupName", "GroupId", "Arn", "CreateDate"]),
        ("ManagedPolicyDetail", POLICY),
        ("OpenIDConnectProviderListEntry", &["Arn"]),
        (
            "PasswordPolicy",
            &[
                "MinimumPasswordLength",
                "RequireSymbols",
                "RequireNumbers",
                "RequireUppercaseCharacters",
                "RequireLowercaseCharacters",
                "AllowUsersToChangePassword",
                "ExpirePasswords",
            ],
        ),
        ("PermissionsBoundaryDecisionDetail", &["AllowedByPermissionsBoundary"]),
        ("Policy", POLICY),
        ("PolicyDetail", &["PolicyName", "PolicyDocument"]),
        ("PolicyGroup", &["GroupName", "GroupId"]),
        ("PolicyRole", &["RoleName", "RoleId"]),
        ("PolicyUser", &["UserName", "UserId"]),
        ("PolicyVersion", &["VersionId", "IsDefaultVersion", "CreateDate"]),
        ("Role", &["AssumeRolePolicyDocument", "MaxSessionDuration"]),
        ("RoleDetail", &["Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument"]),
        ("Statement", &["SourcePolicyId", "SourcePolicyType"]),
        ("UpdateRoleDescriptionResponse", &["Role"]),
        ("UserDetail", &["Path", "UserName", "UserId", "Arn", "CreateDate"]),
    ],
    // As the AWS CLI reference shows answers: of users alone, a list of inline policies without any is left out.
    empty_is_written: &[
        "EvaluationResult.MatchedStatements",
        "EvaluationResult.MissingContextValues",
        "GroupDetail.AttachedManagedPolicies",
        "GroupDetail.GroupPolicyList",
        "ManagedPolicyDetail.PolicyVersionList",
        "RoleDetail.AttachedManagedPolicies",
        "RoleDetail.InstanceProfileList",
        "RoleDetail.RolePolicyList",
        "RoleDetail.Tags",
        "UserDetail.AttachedManagedPolicies",
        "UserDetail.GroupList",
        "UserDetail.Tags",
    ],
    empty_is_left_out: &["CreateOpenIDConnectProviderResponse.Tags", "GetOpenIDConnectProviderResponse.Tags"],
    defaults: &[("statusType", "Active")],
    // A key cannot be made to expire.
    order: &[("statusType", &["Active", "Inactive"])],
    limits: &[
        // Sealed markers are longer than AWS's.
        (4_096, &["markerType"]),
        // The API reference has these.
        (256, &["ContextEntryListType"]),
        (100, &["ActionNameListType", "ResourceNameListType", "clientIDListType"]),
        (64, &["policyVersionIdType"]),
        (50, &["SimulationPolicyListType"]),
        (5, &["entityListType", "thumbprintListType"]),
        (
            1,
            &[
                "SimulateCustomPolicyRequest.PermissionsBoundaryPolicyInputList",
                "SimulatePrincipalPolicyRequest.PermissionsBoundaryPolicyInputList",
            ],
        ),
    ],
    encoded: &[
        ("accessKeySecretType", "crate::query::secret"),
        ("policyDocumentType", "crate::query::document"),
    ],
    secret: &["AccessKey", "VirtualMFADevice"],
    ..NOTHING
};

const POLICY: &[&str] = &[
    "PolicyName",
    "PolicyId",
    "Arn",
    "Path",
    "DefaultVersionId",
    "AttachmentCount",
    "PermissionsBoundaryUsageCount",
    "IsAttachable",
    "CreateDate",
    "UpdateDate",
];
