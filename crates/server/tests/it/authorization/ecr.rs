//! The rows of ECR's API (Service Authorization Reference, "Actions, resources, and condition keys for Amazon Elastic
//! Container Registry").

use access::op::EcrOp;
use access::op::Op;
use http::Method;
use serde_json::{Value, json};

use super::policies;
use super::table::{ACCOUNT, Cross, Expected, OTHER, Row, repository};
use super::wire::{Ask, data, data_with, ecr, iam};
use crate::image::{MANIFEST, sha256};

pub(super) const CONFIG: &str = "{}";
pub(super) const LAYER: &str = "a layer";

/// An image with only [`CONFIG`].
pub(super) fn manifest(seed: &str) -> String {
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(CONFIG.as_bytes()), "size": 2,
        },
        "layers": [],
        "annotations": {"seed": seed},
    })
    .to_string()
}

pub(super) fn push_blob(name: &str, bytes: &str) -> Ask {
    let path = format!("/v2/{name}/blobs/uploads/?digest={}", sha256(bytes.as_bytes()));
    data_with(Method::POST, &path, "application/octet-stream", bytes)
}

pub(super) fn push_image(tag: &str) -> Ask {
    let input = json!({"repositoryName": "team/target", "imageManifest": manifest("kept"), "imageTag": tag});
    ecr("PutImage", &input)
}

/// `team/target` with an image tagged `kept`, and `team/source` with a layer.
pub(super) fn state() -> Vec<Ask> {
    vec![
        ecr("CreateRepository", &json!({"repositoryName": "team/target"})),
        ecr("CreateRepository", &json!({"repositoryName": "team/source"})),
        push_blob("team/target", CONFIG),
        push_blob("team/source", LAYER),
        push_image("kept"),
        ecr("PutAccountSetting", &json!({"name": "WHARF_LIFECYCLE_EXTENSIONS", "value": "ENABLED"})),
    ]
}

/// What is read to check that nothing changed.
pub(super) fn watched() -> Vec<Ask> {
    let target = json!({"repositoryName": "team/target"});
    let layer = format!("/v2/team/target/blobs/{}", sha256(LAYER.as_bytes()));
    vec![
        ecr("DescribeRepositories", &json!({})),
        ecr("ListImages", &target),
        ecr("GetRepositoryPolicy", &target),
        ecr("WharfListLifecycleActions", &target),
        ecr("WharfListProtectedImages", &target),
        ecr("WharfListInUseReports", &json!({})),
        ecr("ListTagsForResource", &json!({"resourceArn": repository("team/target")})),
        ecr("GetRegistryPolicy", &json!({})),
        ecr("GetAccountSetting", &json!({"name": "REGISTRY_POLICY_SCOPE"})),
        ecr("ListPullTimeUpdateExclusions", &json!({})),
        ecr("DescribeRepositoryCreationTemplates", &json!({})),
        ecr("DescribeRegistry", &json!({})),
        ecr("DescribePullThroughCacheRules", &json!({})),
        data(Method::HEAD, &layer),
    ]
}

/// An operation on the repository `team/target`.
fn on_target(op: Op, mut input: Value) -> Row {
    input["repositoryName"] = "team/target".into();
    Row::of(op, ecr(op.name(), &input), Cross::Repository)
        .needs(format!("ecr:{}", op.name()), repository("team/target"))
}

/// An operation on the caller's own registry, without a registry in the request.
fn on_registry(op: Op, input: &Value) -> Row {
    Row::of(op, ecr(op.name(), input), Cross::OwnAccount(Expected::Success))
        .needs(format!("ecr:{}", op.name()), "*")
}

/// An operation on a registry, which the request can name.
fn on_named_registry(op: Op, input: &Value) -> Row {
    Row::of(op, ecr(op.name(), input), Cross::Registry).needs(format!("ecr:{}", op.name()), "*")
}

fn on_arn(op: Op, mut input: Value) -> Row {
    input["resourceArn"] = repository("team/target").into();
    Row::of(op, ecr(op.name(), &input), Cross::Repository)
        .needs(format!("ecr:{}", op.name()), repository("team/target"))
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = of_repositories();
    rows.extend(of_images());
    rows.extend(of_templates());
    rows.extend(of_replication());
    rows.extend(of_pull_through_cache());
    rows.extend(of_policies());
    rows
}

/// Templates of a registry. Their writer also needs the permissions for what they do.
fn of_templates() -> Vec<Row> {
    let prefix = json!({"prefix": "apps"});
    let plain = json!({"prefix": "apps", "appliedFor": ["CREATE_ON_PUSH"]});
    let role = format!("arn:aws:iam::{ACCOUNT}:role/session");
    let contents = json!({
        "prefix": "apps",
        "appliedFor": ["CREATE_ON_PUSH"],
        "repositoryPolicy": policies::of_resource(ACCOUNT, &["ecr:ListImages"]),
        "lifecyclePolicy": lifecycle_policy(),
        "customRoleArn": role,
    });
    let create = ecr("CreateRepositoryCreationTemplate", &plain);
    let delete = ecr("DeleteRepositoryCreationTemplate", &prefix);
    let with_contents = on_registry(Op::Ecr(EcrOp::CreateRepositoryCreationTemplate), &contents)
        .variant("with policies and a role")
        .needs("ecr:CreateRepository", repository("apps/*"))
        .needs("ecr:SetRepositoryPolicy", repository("apps/*"))
        .needs("ecr:PutLifecyclePolicy", repository("apps/*"))
        .needs("iam:PassRole", role)
        .after([delete.clone()])
        .elsewhere(Expected::Code(400, "InvalidParameterException"));
    vec![
        on_registry(Op::Ecr(EcrOp::CreateRepositoryCreationTemplate), &plain)
            .needs("ecr:CreateRepository", repository("apps/*"))
            .after([delete.clone()]),
        with_contents,
        on_registry(Op::Ecr(EcrOp::UpdateRepositoryCreationTemplate), &prefix)
            .needs("ecr:CreateRepository", repository("apps/*"))
            .after([create.clone()]),
        on_registry(Op::Ecr(EcrOp::DescribeRepositoryCreationTemplates), &json!({})),
        on_registry(Op::Ecr(EcrOp::DeleteRepositoryCreationTemplate), &prefix).after([create]),
    ]
}

/// Whoever writes the first rule creates the role of the service with it. `replication` has the rows of the service.
fn of_replication() -> Vec<Row> {
    let put = Op::Ecr(EcrOp::PutReplicationConfiguration);
    let destinations = json!([{"region": "eu-west-1", "registryId": ACCOUNT}]);
    let rules = json!({"replicationConfiguration": {"rules": [{"destinations": destinations}]}});
    let to = json!({"destination": {"region": "eu-west-1", "registryId": ACCOUNT}});
    let unknown = json!({"replicationBackfillId": "00000000-0000-4000-8000-000000000000"});
    let none = || Expected::Code(400, "ReplicationBackfillNotFoundException");
    let role = "AWSServiceRoleForECRReplication";
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/replication.ecr.amazonaws.com/{role}");
    vec![
        on_registry(put, &rules)
            .needs("iam:CreateServiceLinkedRole", arn)
            .after([iam("DeleteServiceLinkedRole", &[("RoleName", role)])]),
        on_registry(put, &json!({"replicationConfiguration": {"rules": []}})).variant("without rules"),
        on_registry(Op::Ecr(EcrOp::WharfDescribeReplication), &json!({})),
        on_named_registry(Op::Ecr(EcrOp::StartReplicationBackfill), &to)
            .after([ecr("PutReplicationConfiguration", &rules), ecr("StartReplicationBackfill", &to)])
            .gives(Expected::Code(400, "ReplicationBackfillInProgressException")),
        on_named_registry(Op::Ecr(EcrOp::ListReplicationBackfills), &json!({})),
        on_named_registry(Op::Ecr(EcrOp::DescribeReplicationBackfillResults), &unknown).gives(none()),
        on_named_registry(Op::Ecr(EcrOp::StopReplicationBackfill), &unknown).gives(none()),
        on_target(Op::Ecr(EcrOp::DescribeImageReplicationStatus), json!({"imageId": {"imageTag": "kept"}})),
    ]
}

/// Pull-through cache rules of a registry.
fn of_pull_through_cache() -> Vec<Row> {
    let prefix = json!({"ecrRepositoryPrefix": "cached"});
    let rule = json!({"ecrRepositoryPrefix": "cached", "upstreamRegistryUrl": "127.0.0.1:1"});
    let create = ecr("CreatePullThroughCacheRule", &rule);
    let delete = ecr("DeletePullThroughCacheRule", &prefix);
    let on_rules = |op: EcrOp, input: &Value| {
        let op = Op::Ecr(op);
        Row::of(op, ecr(op.name(), input), Cross::Registry).needs(format!("ecr:{}", op.name()), "*")
    };
    // The upstream registry of this rule does not answer: who may import learns that.
    let mirror = json!({"ecrRepositoryPrefix": "mirror", "upstreamRegistryUrl": "127.0.0.1:1"});
    let import = Op::Ecr(EcrOp::BatchImportUpstreamImage);
    let pull = Row::of(import, data(Method::GET, "/v2/mirror/app/manifests/v1"), Cross::Registry)
        .needs("ecr:BatchGetImage", repository("mirror/app"))
        .needs("ecr:BatchImportUpstreamImage", repository("mirror/app"))
        .after([
            ecr("CreatePullThroughCacheRule", &mirror),
            ecr("CreateRepository", &json!({"repositoryName": "mirror/app"})),
        ])
        .gives(Expected::Code(502, "UNAVAILABLE"));
    vec![
        pull,
        on_rules(EcrOp::CreatePullThroughCacheRule, &rule).after([delete]),
        on_rules(EcrOp::DescribePullThroughCacheRules, &json!({})),
        // A secret in it needs another permission: `pull_through_login` tests that.
        on_rules(EcrOp::UpdatePullThroughCacheRule, &prefix).after([create.clone()]),
        on_rules(EcrOp::ValidatePullThroughCacheRule, &prefix).after([create.clone()]),
        on_rules(EcrOp::DeletePullThroughCacheRule, &prefix).after([create]),
    ]
}

fn of_repositories() -> Vec<Row> {
    let create = |name: &str| ecr("CreateRepository", &json!({"repositoryName": name}));
    let delete = |name: &str| ecr("DeleteRepository", &json!({"repositoryName": name}));
    let tags = json!([{"Key": "team", "Value": "blue"}]);
    let tagged = json!({"repositoryName": "team/target-tagged", "tags": tags});
    let moved = json!({"repositoryName": "team/target-doomed", "newRepositoryName": "team/target-moved"});
    vec![
        on_registry(Op::Ecr(EcrOp::GetAuthorizationToken), &json!({})),
        on_registry(Op::Ecr(EcrOp::DescribeRegistry), &json!({})),
        Row::of(Op::Ecr(EcrOp::CreateRepository), create("team/target-new"), Cross::Registry)
            .needs("ecr:CreateRepository", repository("team/target-new"))
            .after([delete("team/target-new")]),
        Row::of(Op::Ecr(EcrOp::CreateRepository), ecr("CreateRepository", &tagged), Cross::Registry)
            .variant("with tags")
            .needs("ecr:CreateRepository", repository("team/target-tagged"))
            .needs("ecr:TagResource", repository("team/target-tagged"))
            .after([delete("team/target-tagged")]),
        Row::of(
            Op::Ecr(EcrOp::DescribeRepositories),
            ecr("DescribeRepositories", &json!({"repositoryNames": ["team/target"]})),
            Cross::Repository,
        )
        .needs("ecr:DescribeRepositories", repository("team/target")),
        Row::of(
            Op::Ecr(EcrOp::DescribeRepositories),
            ecr(
                "DescribeRepositories",
                &json!({
                    "repositoryNames": ["team/source", "team/target"],
                }),
            ),
            Cross::Repository,
        )
        .variant("of two")
        .needs("ecr:DescribeRepositories", repository("team/source"))
        .needs("ecr:DescribeRepositories", repository("team/target")),
        Row::of(Op::Ecr(EcrOp::ListRepositories), ecr("DescribeRepositories", &json!({})), Cross::Registry)
            .needs("ecr:DescribeRepositories", repository("*")),
        Row::of(Op::Ecr(EcrOp::DeleteRepository), delete("team/target-doomed"), Cross::Repository)
            .needs("ecr:DeleteRepository", repository("team/target-doomed"))
            .after([create("team/target-doomed")]),
        Row::of(
            Op::Ecr(EcrOp::WharfMoveRepository),
            ecr("WharfMoveRepository", &moved),
            Cross::OwnAccount(Expected::Code(400, "RepositoryNotFoundException")),
        )
        .needs("ecr:WharfMoveRepository", repository("team/target-doomed"))
        .needs("ecr:CreateRepository", repository("team/target-moved"))
        .after([delete("team/target-moved"), create("team/target-doomed")]),
        moved_with_settings(&moved),
        on_arn(Op::Ecr(EcrOp::TagResource), json!({"tags": tags})),
        on_arn(Op::Ecr(EcrOp::UntagResource), json!({"tagKeys": ["team"]})),
        on_arn(Op::Ecr(EcrOp::ListTagsForResource), json!({})),
        on_target(Op::Ecr(EcrOp::PutImageTagMutability), json!({"imageTagMutability": "MUTABLE"})),
        on_target(
            Op::Ecr(EcrOp::PutImageScanningConfiguration),
            json!({"imageScanningConfiguration": {"scanOnPush": true}}),
        ),
    ]
}

/// A repository with tags and policies gets another name: all of them must be allowed there.
fn moved_with_settings(moved: &Value) -> Row {
    let on_doomed = |operation: &str, key: &str, value: &Value| {
        ecr(operation, &json!({"repositoryName": "team/target-doomed", key: value}))
    };
    let tags = json!([{"Key": "team", "Value": "blue"}]);
    let policy = policies::of_resource(ACCOUNT, &["ecr:ListImages"]);
    let mut row = Row::of(
        Op::Ecr(EcrOp::WharfMoveRepository),
        ecr("WharfMoveRepository", moved),
        Cross::OwnAccount(Expected::Code(400, "RepositoryNotFoundException")),
    )
    .variant("with tags and policies")
    .needs("ecr:WharfMoveRepository", repository("team/target-doomed"));
    for action in ["CreateRepository", "TagResource", "SetRepositoryPolicy", "PutLifecyclePolicy"] {
        row = row.needs(format!("ecr:{action}"), repository("team/target-moved"));
    }
    row.after([
        ecr("DeleteRepository", &json!({"repositoryName": "team/target-moved"})),
        ecr("DeleteRepository", &json!({"repositoryName": "team/target-doomed"})),
        on_doomed("CreateRepository", "tags", &tags),
        on_doomed("SetRepositoryPolicy", "policyText", &policy.into()),
        on_doomed("PutLifecyclePolicy", "lifecyclePolicyText", &lifecycle_policy().into()),
    ])
}

fn of_images() -> Vec<Row> {
    let kept = json!([{"imageTag": "kept"}]);
    let digest = sha256(CONFIG.as_bytes());
    let subject = json!({"imageDigest": sha256(manifest("kept").as_bytes())});
    vec![
        on_target(
            Op::Ecr(EcrOp::PutImage),
            json!({"imageManifest": manifest("kept"), "imageTag": "{fresh}"}),
        ),
        on_target(Op::Ecr(EcrOp::BatchGetImage), json!({"imageIds": kept})),
        on_target(Op::Ecr(EcrOp::ListImages), json!({})),
        on_target(Op::Ecr(EcrOp::WharfListTagHistory), json!({})),
        on_target(Op::Ecr(EcrOp::WharfRefreshUpstreamTags), json!({})),
        on_target(
            Op::Ecr(EcrOp::UpdateImageStorageClass),
            json!({"imageId": {"imageTag": "kept"}, "targetStorageClass": "STANDARD"}),
        ),
        on_target(Op::Ecr(EcrOp::DescribeImages), json!({"imageIds": kept})),
        on_target(Op::Ecr(EcrOp::BatchDeleteImage), json!({"imageIds": [{"imageTag": "doomed"}]}))
            .after([push_image("doomed")]),
        Row::of(
            Op::Ecr(EcrOp::ListImageReferrers),
            ecr("ListImageReferrers", &json!({"repositoryName": "team/target", "subjectId": subject})),
            Cross::Repository,
        )
        .needs("ecr:BatchGetImage", repository("team/target")),
        on_target(Op::Ecr(EcrOp::BatchCheckLayerAvailability), json!({"layerDigests": [digest]})),
        on_target(Op::Ecr(EcrOp::GetDownloadUrlForLayer), json!({"layerDigest": digest})),
        on_target(Op::Ecr(EcrOp::InitiateLayerUpload), json!({})),
        on_target(
            Op::Ecr(EcrOp::UploadLayerPart),
            json!({
                "uploadId": "{upload}", "partFirstByte": 0, "partLastByte": 4, "layerPartBlob": "bGF5ZXI=",
            }),
        ),
        on_target(
            Op::Ecr(EcrOp::CompleteLayerUpload),
            json!({"uploadId": "{filled}", "layerDigests": ["{digest}"]}),
        ),
        on_target(Op::Ecr(EcrOp::WharfProtectImage), json!({"imageId": {"imageTag": "kept"}})),
        on_target(Op::Ecr(EcrOp::WharfUnprotectImage), json!({"imageId": {"imageTag": "kept"}})),
        on_target(Op::Ecr(EcrOp::WharfListProtectedImages), json!({})),
        on_target(Op::Ecr(EcrOp::StartImageScan), json!({"imageId": {"imageTag": "kept"}}))
            .after([start_scan()])
            .gives(Expected::Code(400, "LimitExceededException")),
        on_target(Op::Ecr(EcrOp::DescribeImageScanFindings), json!({"imageId": {"imageTag": "kept"}}))
            .after([start_scan()]),
        Row::of(
            Op::Ecr(EcrOp::BatchGetRepositoryScanningConfiguration),
            ecr("BatchGetRepositoryScanningConfiguration", &json!({"repositoryNames": ["team/target"]})),
            Cross::OwnAccount(Expected::Success),
        )
        .needs("ecr:BatchGetRepositoryScanningConfiguration", repository("team/target")),
    ]
}

fn start_scan() -> Ask {
    ecr("StartImageScan", &json!({"repositoryName": "team/target", "imageId": {"imageTag": "kept"}}))
}

fn lifecycle_policy() -> String {
    let rule = json!({
        "rulePriority": 1,
        "description": "Keep a hundred untagged images",
        "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 100},
        "action": {"type": "expire"},
    });
    json!({"rules": [rule]}).to_string()
}

fn of_policies() -> Vec<Row> {
    let text = policies::of_resource(ACCOUNT, &["ecr:ListImages"]);
    let of_registry =
        policies::of_registry(&policies::of_resource(OTHER, &["ecr:ReplicateImage"]), &repository("*"));
    let set = ecr("SetRepositoryPolicy", &json!({"repositoryName": "team/target", "policyText": text}));
    let put = ecr("PutRegistryPolicy", &json!({"policyText": of_registry}));
    let scope = json!({"name": "REGISTRY_POLICY_SCOPE"});
    let excluded = json!({"principalArn": format!("arn:aws:iam::{ACCOUNT}:role/scanner")});
    let excluded_here = json!({"principalArn": format!("arn:aws:iam::{ACCOUNT}:role/here")});
    let none = || Expected::Code(400, "RegistryPolicyNotFoundException");
    let no_extensions = || Expected::Code(400, "InvalidParameterException");
    let in_use = json!({"source": "cluster", "imageDigests": [sha256(b"used")]});
    let rules = lifecycle_policy();
    let put_rules =
        ecr("PutLifecyclePolicy", &json!({"repositoryName": "team/target", "lifecyclePolicyText": rules}));
    let preview = ecr(
        "StartLifecyclePolicyPreview",
        &json!({"repositoryName": "team/target", "lifecyclePolicyText": rules}),
    );
    vec![
        on_target(Op::Ecr(EcrOp::PutLifecyclePolicy), json!({"lifecyclePolicyText": rules})),
        on_target(Op::Ecr(EcrOp::GetLifecyclePolicy), json!({})).after([put_rules.clone()]),
        on_target(Op::Ecr(EcrOp::WharfRunLifecyclePolicy), json!({})).after([put_rules.clone()]),
        on_target(Op::Ecr(EcrOp::WharfListLifecycleActions), json!({})),
        on_target(Op::Ecr(EcrOp::DeleteLifecyclePolicy), json!({})).after([put_rules]),
        // No background work runs here, so a preview stays in progress.
        on_target(Op::Ecr(EcrOp::StartLifecyclePolicyPreview), json!({"lifecyclePolicyText": rules}))
            .after([preview.clone()])
            .gives(Expected::Code(400, "LifecyclePolicyPreviewInProgressException")),
        on_target(Op::Ecr(EcrOp::GetLifecyclePolicyPreview), json!({})).after([preview]),
        on_target(Op::Ecr(EcrOp::SetRepositoryPolicy), json!({"policyText": text})),
        on_target(Op::Ecr(EcrOp::GetRepositoryPolicy), json!({})).after([set.clone()]),
        on_target(Op::Ecr(EcrOp::DeleteRepositoryPolicy), json!({})).after([set]),
        on_registry(Op::Ecr(EcrOp::GetRegistryPolicy), &json!({})).after([put.clone()]).elsewhere(none()),
        on_registry(Op::Ecr(EcrOp::DeleteRegistryPolicy), &json!({})).after([put]).elsewhere(none()),
        on_registry(Op::Ecr(EcrOp::GetAccountSetting), &scope),
        on_registry(
            Op::Ecr(EcrOp::PutAccountSetting),
            &json!({"name": "REGISTRY_POLICY_SCOPE", "value": "V2"}),
        ),
        on_registry(Op::Ecr(EcrOp::GetRegistryScanningConfiguration), &json!({})),
        on_registry(
            Op::Ecr(EcrOp::PutRegistryScanningConfiguration),
            &json!({"scanType": "BASIC", "rules": []}),
        ),
        on_registry(Op::Ecr(EcrOp::RegisterPullTimeUpdateExclusion), &excluded),
        on_registry(Op::Ecr(EcrOp::ListPullTimeUpdateExclusions), &json!({})),
        on_registry(Op::Ecr(EcrOp::DeregisterPullTimeUpdateExclusion), &excluded_here)
            .after([ecr("RegisterPullTimeUpdateExclusion", &excluded_here)])
            .elsewhere(Expected::Code(400, "ExclusionNotFoundException")),
        // The other account does not allow extensions, and has no report.
        on_registry(Op::Ecr(EcrOp::WharfPutInUseReport), &in_use).elsewhere(no_extensions()),
        on_registry(Op::Ecr(EcrOp::WharfListInUseReports), &json!({})),
        on_registry(Op::Ecr(EcrOp::WharfDeleteInUseReport), &json!({"source": "here"}))
            .after([ecr("WharfPutInUseReport", &json!({"source": "here", "imageDigests": []}))])
            .elsewhere(no_extensions()),
        // The last row: from then on the other account has a policy of its own.
        on_registry(Op::Ecr(EcrOp::PutRegistryPolicy), &json!({"policyText": of_registry})),
    ]
}
