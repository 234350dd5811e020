//! The operations of Amazon ECR (API 2015-09-21) that Wharf has.

/// Calls a macro with every operation of this service: name, IAM action, resource of the action, request type in
/// `aws::ecr`, handler. A permission is an action that operations require and that is not itself an operation.
#[macro_export]
macro_rules! ecr_operations {
    ($callback:ident $($prefix:tt)*) => {
        $callback! { $($prefix)*
            operations {
                BatchCheckLayerAvailability: "ecr:BatchCheckLayerAvailability" on Repository => BatchCheckLayerAvailabilityRequest, batch_check_layer_availability;
                BatchDeleteImage: "ecr:BatchDeleteImage" on Repository => BatchDeleteImageRequest, batch_delete_image;
                BatchGetImage: "ecr:BatchGetImage" on Repository => BatchGetImageRequest, batch_get_image;
                BatchGetRepositoryScanningConfiguration: "ecr:BatchGetRepositoryScanningConfiguration" on Repository => BatchGetRepositoryScanningConfigurationRequest, batch_get_repository_scanning_configuration;
                CompleteLayerUpload: "ecr:CompleteLayerUpload" on Repository => CompleteLayerUploadRequest, complete_layer_upload;
                CreatePullThroughCacheRule: "ecr:CreatePullThroughCacheRule" on Account => CreatePullThroughCacheRuleRequest, create_pull_through_cache_rule;
                CreateRepository: "ecr:CreateRepository" on NewRepository => CreateRepositoryRequest, create_repository;
                CreateRepositoryCreationTemplate: "ecr:CreateRepositoryCreationTemplate" on Account => CreateRepositoryCreationTemplateRequest, create_repository_creation_template;
                DeleteLifecyclePolicy: "ecr:DeleteLifecyclePolicy" on Repository => DeleteLifecyclePolicyRequest, delete_lifecycle_policy;
                DeletePullThroughCacheRule: "ecr:DeletePullThroughCacheRule" on Account => DeletePullThroughCacheRuleRequest, delete_pull_through_cache_rule;
                DeleteRegistryPolicy: "ecr:DeleteRegistryPolicy" on Account => DeleteRegistryPolicyRequest, delete_registry_policy;
                DeleteRepository: "ecr:DeleteRepository" on Repository => DeleteRepositoryRequest, delete_repository;
                DeleteRepositoryCreationTemplate: "ecr:DeleteRepositoryCreationTemplate" on Account => DeleteRepositoryCreationTemplateRequest, delete_repository_creation_template;
                DeleteRepositoryPolicy: "ecr:DeleteRepositoryPolicy" on Repository => DeleteRepositoryPolicyRequest, delete_repository_policy;
                DeregisterPullTimeUpdateExclusion: "ecr:DeregisterPullTimeUpdateExclusion" on Account => DeregisterPullTimeUpdateExclusionRequest, deregister_pull_time_update_exclusion;
                DescribeImageReplicationStatus: "ecr:DescribeImageReplicationStatus" on Repository => DescribeImageReplicationStatusRequest, describe_image_replication_status;
                DescribeImageScanFindings: "ecr:DescribeImageScanFindings" on Repository => DescribeImageScanFindingsRequest, describe_image_scan_findings;
                DescribeImages: "ecr:DescribeImages" on Repository => DescribeImagesRequest, describe_images;
                DescribePullThroughCacheRules: "ecr:DescribePullThroughCacheRules" on Account => DescribePullThroughCacheRulesRequest, describe_pull_through_cache_rules;
                DescribeRegistry: "ecr:DescribeRegistry" on Account => DescribeRegistryRequest, describe_registry;
                DescribeReplicationBackfillResults: "ecr:DescribeReplicationBackfillResults" on Account => DescribeReplicationBackfillResultsRequest, describe_replication_backfill_results;
                DescribeRepositories: "ecr:DescribeRepositories" on Repository => DescribeRepositoriesRequest, describe_repositories;
                DescribeRepositoryCreationTemplates: "ecr:DescribeRepositoryCreationTemplates" on Account => DescribeRepositoryCreationTemplatesRequest, describe_repository_creation_templates;
                GetAccountSetting: "ecr:GetAccountSetting" on Account => GetAccountSettingRequest, get_account_setting;
                GetAuthorizationToken: "ecr:GetAuthorizationToken" on Account => GetAuthorizationTokenRequest, get_authorization_token;
                GetDownloadUrlForLayer: "ecr:GetDownloadUrlForLayer" on Repository => GetDownloadUrlForLayerRequest, get_download_url_for_layer;
                GetLifecyclePolicy: "ecr:GetLifecyclePolicy" on Repository => GetLifecyclePolicyRequest, get_lifecycle_policy;
                GetLifecyclePolicyPreview: "ecr:GetLifecyclePolicyPreview" on Repository => GetLifecyclePolicyPreviewRequest, get_lifecycle_policy_preview;
                GetRegistryPolicy: "ecr:GetRegistryPolicy" on Account => GetRegistryPolicyRequest, get_registry_policy;
                GetRegistryScanningConfiguration: "ecr:GetRegistryScanningConfiguration" on Account => GetRegistryScanningConfigurationRequest, get_registry_scanning_configuration;
                GetRepositoryPolicy: "ecr:GetRepositoryPolicy" on Repository => GetRepositoryPolicyRequest, get_repository_policy;
                InitiateLayerUpload: "ecr:InitiateLayerUpload" on Repository => InitiateLayerUploadRequest, initiate_layer_upload;
                ListImageReferrers: "ecr:BatchGetImage" on Repository => ListImageReferrersRequest, list_image_referrers;
                ListImages: "ecr:ListImages" on Repository => ListImagesRequest, list_images;
                ListPullTimeUpdateExclusions: "ecr:ListPullTimeUpdateExclusions" on Account => ListPullTimeUpdateExclusionsRequest, list_pull_time_update_exclusions;
                ListReplicationBackfills: "ecr:ListReplicationBackfills" on Account => ListReplicationBackfillsRequest, list_replication_backfills;
                ListTagsForResource: "ecr:ListTagsForResource" on Repository => ListTagsForResourceRequest, list_tags_for_resource;
                PutAccountSetting: "ecr:PutAccountSetting" on Account => PutAccountSettingRequest, put_account_setting;
                PutImage: "ecr:PutImage" on Repository => PutImageRequest, put_image;
                PutImageScanningConfiguration: "ecr:PutImageScanningConfiguration" on Repository => PutImageScanningConfigurationRequest, put_image_scanning_configuration;
                PutImageTagMutability: "ecr:PutImageTagMutability" on Repository => PutImageTagMutabilityRequest, put_image_tag_mutability;
                PutLifecyclePolicy: "ecr:PutLifecyclePolicy" on Repository => PutLifecyclePolicyRequest, put_lifecycle_policy;
                PutRegistryPolicy: "ecr:PutRegistryPolicy" on Account => PutRegistryPolicyRequest, put_registry_policy;
                PutRegistryScanningConfiguration: "ecr:PutRegistryScanningConfiguration" on Account => PutRegistryScanningConfigurationRequest, put_registry_scanning_configuration;
                PutReplicationConfiguration: "ecr:PutReplicationConfiguration" on Account => PutReplicationConfigurationRequest, put_replication_configuration;
                RegisterPullTimeUpdateExclusion: "ecr:RegisterPullTimeUpdateExclusion" on Account => RegisterPullTimeUpdateExclusionRequest, register_pull_time_update_exclusion;
                SetRepositoryPolicy: "ecr:SetRepositoryPolicy" on Repository => SetRepositoryPolicyRequest, set_repository_policy;
                StartImageScan: "ecr:StartImageScan" on Repository => StartImageScanRequest, start_image_scan;
                StartLifecyclePolicyPreview: "ecr:StartLifecyclePolicyPreview" on Repository => StartLifecyclePolicyPreviewRequest, start_lifecycle_policy_preview;
                StartReplicationBackfill: "ecr:StartReplicationBackfill" on Account => StartReplicationBackfillRequest, start_replication_backfill;
                StopReplicationBackfill: "ecr:StopReplicationBackfill" on Account => StopReplicationBackfillRequest, stop_replication_backfill;
                TagResource: "ecr:TagResource" on Repository => TagResourceRequest, tag_resource;
                UntagResource: "ecr:UntagResource" on Repository => UntagResourceRequest, untag_resource;
                UpdateImageStorageClass: "ecr:UpdateImageStorageClass" on Repository => UpdateImageStorageClassRequest, update_image_storage_class;
                UpdatePullThroughCacheRule: "ecr:UpdatePullThroughCacheRule" on Account => UpdatePullThroughCacheRuleRequest, update_pull_through_cache_rule;
                UpdateRepositoryCreationTemplate: "ecr:UpdateRepositoryCreationTemplate" on Account => UpdateRepositoryCreationTemplateRequest, update_repository_creation_template;
                UploadLayerPart: "ecr:UploadLayerPart" on Repository => UploadLayerPartRequest, upload_layer_part;
                ValidatePullThroughCacheRule: "ecr:ValidatePullThroughCacheRule" on Account => ValidatePullThroughCacheRuleRequest, validate_pull_through_cache_rule;
                WharfDeleteInUseReport: "ecr:WharfDeleteInUseReport" on Account => WharfDeleteInUseReportRequest, wharf_delete_in_use_report;
                WharfDescribeReplication: "ecr:WharfDescribeReplication" on Account => WharfDescribeReplicationRequest, wharf_describe_replication;
                WharfListInUseReports: "ecr:WharfListInUseReports" on Account => WharfListInUseReportsRequest, wharf_list_in_use_reports;
                WharfListLifecycleActions: "ecr:WharfListLifecycleActions" on Repository => WharfListLifecycleActionsRequest, wharf_list_lifecycle_actions;
                WharfListProtectedImages: "ecr:WharfListProtectedImages" on Repository => WharfListProtectedImagesRequest, wharf_list_protected_images;
                WharfProtectImage: "ecr:WharfProtectImage" on Repository => WharfProtectImageRequest, wharf_protect_image;
                WharfPutInUseReport: "ecr:WharfPutInUseReport" on Account => WharfPutInUseReportRequest, wharf_put_in_use_report;
                WharfListTagHistory: "ecr:WharfListTagHistory" on Repository => WharfListTagHistoryRequest, wharf_list_tag_history;
                WharfRefreshUpstreamTags: "ecr:WharfRefreshUpstreamTags" on Repository => WharfRefreshUpstreamTagsRequest, wharf_refresh_upstream_tags;
                WharfMoveRepository: "ecr:WharfMoveRepository" on Repository => WharfMoveRepositoryRequest, wharf_move_repository;
                WharfRunLifecyclePolicy: "ecr:WharfRunLifecyclePolicy" on Repository => WharfRunLifecyclePolicyRequest, wharf_run_lifecycle_policy;
                WharfUnprotectImage: "ecr:WharfUnprotectImage" on Repository => WharfUnprotectImageRequest, wharf_unprotect_image;
            }
            unsigned {
            }
            permissions {
                BatchImportUpstreamImage: "ecr:BatchImportUpstreamImage" on Repository;
                ListRepositories: "ecr:DescribeRepositories" on AllRepositories;
                ReplicateImage: "ecr:ReplicateImage" on Repository;
            }
        }
    };
}
