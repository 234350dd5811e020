//! The rows of ECR Public's API (Service Authorization Reference, "Actions, resources, and condition keys for Amazon
//! Elastic Container Registry Public").

use access::op::{EcrPublicOp, Op, StsOp};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::ecr::{CONFIG, manifest};
use super::policies;
use super::stage::Stage;
use super::table::{ACCOUNT, Cross, Expected, Row};
use super::wire::{Ask, ecr_public};
use crate::image::sha256;

/// The ARN of a public repository of [`ACCOUNT`].
fn repository(name: &str) -> String {
    format!("arn:aws:ecr-public::{ACCOUNT}:repository/{name}")
}

fn create(name: &str) -> Ask {
    ecr_public("CreateRepository", &json!({"repositoryName": name}))
}

fn delete(name: &str) -> Ask {
    ecr_public("DeleteRepository", &json!({"repositoryName": name}))
}

fn push_image(tag: &str) -> Ask {
    let input = json!({"repositoryName": "team/target", "imageManifest": manifest("kept"), "imageTag": tag});
    ecr_public("PutImage", &input)
}

impl Stage {
    /// The configuration of the image, as a layer.
    pub(super) async fn push_public_config(&self) {
        let input = json!({"repositoryName": "team/target"});
        let begun = self.ask(&ecr_public("InitiateLayerUpload", &input), Some(&self.admin)).await;
        let begun: Value = serde_json::from_str(&begun.body).unwrap();
        let upload = &begun["uploadId"];
        let blob = STANDARD.encode(CONFIG);
        let part = json!({
            "repositoryName": "team/target", "uploadId": upload,
            "partFirstByte": 0, "partLastByte": CONFIG.len() - 1, "layerPartBlob": blob,
        });
        let digests = json!([sha256(CONFIG.as_bytes())]);
        let complete = json!({"repositoryName": "team/target", "uploadId": upload, "layerDigests": digests});
        self.build(&[ecr_public("UploadLayerPart", &part), ecr_public("CompleteLayerUpload", &complete)])
            .await;
    }
}

/// `team/target`.
pub(super) fn state() -> Vec<Ask> {
    vec![create("team/target")]
}

/// An image tagged `kept`, when its configuration is there.
pub(super) fn image() -> Vec<Ask> {
    vec![push_image("kept")]
}

/// What is read to check that nothing changed.
pub(super) fn watched() -> Vec<Ask> {
    let target = json!({"repositoryName": "team/target"});
    vec![
        ecr_public("DescribeRepositories", &json!({})),
        ecr_public("DescribeImageTags", &target),
        ecr_public("GetRepositoryPolicy", &target),
        ecr_public("GetRepositoryCatalogData", &target),
        ecr_public("GetRegistryCatalogData", &json!({})),
        ecr_public("ListTagsForResource", &json!({"resourceArn": repository("team/target")})),
    ]
}

/// An operation on the repository `team/target`.
fn on_target(op: EcrPublicOp, mut input: Value) -> Row {
    let op = Op::EcrPublic(op);
    input["repositoryName"] = "team/target".into();
    Row::of(op, ecr_public(op.name(), &input), Cross::Repository)
        .needs(op.action(), repository("team/target"))
}

/// An operation on the caller's own registry.
fn on_registry(op: EcrPublicOp, input: &Value) -> Row {
    let op = Op::EcrPublic(op);
    Row::of(op, ecr_public(op.name(), input), Cross::OwnAccount(Expected::Success)).needs(op.action(), "*")
}

fn on_arn(op: EcrPublicOp, mut input: Value) -> Row {
    let op = Op::EcrPublic(op);
    input["resourceArn"] = repository("team/target").into();
    Row::of(op, ecr_public(op.name(), &input), Cross::Repository)
        .needs(op.action(), repository("team/target"))
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = of_registries();
    rows.extend(of_repositories());
    rows.extend(of_images());
    rows
}

fn of_registries() -> Vec<Row> {
    let login = || {
        on_registry(EcrPublicOp::GetAuthorizationToken, &json!({})).needs("sts:GetServiceBearerToken", "*")
    };
    let bearer = Row { op: Some(Op::Sts(StsOp::GetServiceBearerToken)), ..login() };
    vec![
        login(),
        bearer.variant("for a bearer token"),
        on_registry(EcrPublicOp::DescribeRegistries, &json!({})),
        on_registry(EcrPublicOp::GetRegistryCatalogData, &json!({})),
        on_registry(EcrPublicOp::PutRegistryCatalogData, &json!({"displayName": "Team"})),
    ]
}

fn of_repositories() -> Vec<Row> {
    use EcrPublicOp as E;
    let tags = json!([{"Key": "team", "Value": "blue"}]);
    let tagged = json!({"repositoryName": "team/target-tagged", "tags": tags});
    let named = json!({"repositoryNames": ["team/target"]});
    let text = policies::of_resource(ACCOUNT, &["ecr-public:DescribeImages"]);
    let set =
        ecr_public("SetRepositoryPolicy", &json!({"repositoryName": "team/target", "policyText": text}));
    // Requests cannot name another account's registry for a new repository.
    let own = || Cross::OwnAccount(Expected::Success);
    vec![
        Row::of(Op::EcrPublic(E::CreateRepository), create("team/target-new"), own())
            .needs("ecr-public:CreateRepository", repository("team/target-new"))
            .after([delete("team/target-new")]),
        Row::of(Op::EcrPublic(E::CreateRepository), ecr_public("CreateRepository", &tagged), own())
            .variant("with tags")
            .needs("ecr-public:CreateRepository", repository("team/target-tagged"))
            .needs("ecr-public:TagResource", repository("team/target-tagged"))
            .after([delete("team/target-tagged")]),
        Row::of(
            Op::EcrPublic(E::DescribeRepositories),
            ecr_public("DescribeRepositories", &named),
            Cross::Repository,
        )
        .needs("ecr-public:DescribeRepositories", repository("team/target")),
        Row::of(Op::EcrPublic(E::ListRepositories), ecr_public("DescribeRepositories", &json!({})), own())
            .needs("ecr-public:DescribeRepositories", repository("*")),
        Row::of(Op::EcrPublic(E::DeleteRepository), delete("team/target-doomed"), Cross::Repository)
            .needs("ecr-public:DeleteRepository", repository("team/target-doomed"))
            .after([create("team/target-doomed")]),
        on_arn(E::TagResource, json!({"tags": tags})),
        on_arn(E::UntagResource, json!({"tagKeys": ["team"]})),
        on_arn(E::ListTagsForResource, json!({})),
        on_target(E::GetRepositoryCatalogData, json!({})),
        on_target(E::PutRepositoryCatalogData, json!({"catalogData": {"description": "{fresh}"}})),
        on_target(E::SetRepositoryPolicy, json!({"policyText": text})),
        on_target(E::GetRepositoryPolicy, json!({})).after([set.clone()]),
        on_target(E::DeleteRepositoryPolicy, json!({})).after([set]),
    ]
}

fn of_images() -> Vec<Row> {
    use EcrPublicOp as E;
    let kept = json!([{"imageTag": "kept"}]);
    let digest = sha256(CONFIG.as_bytes());
    let part =
        json!({"uploadId": "{public}", "partFirstByte": 0, "partLastByte": 4, "layerPartBlob": "bGF5ZXI="});
    vec![
        on_target(E::PutImage, json!({"imageManifest": manifest("kept"), "imageTag": "{fresh}"})),
        on_target(E::DescribeImages, json!({"imageIds": kept})),
        on_target(E::DescribeImageTags, json!({})),
        on_target(E::BatchDeleteImage, json!({"imageIds": [{"imageTag": "doomed"}]}))
            .after([push_image("doomed")]),
        on_target(E::BatchCheckLayerAvailability, json!({"layerDigests": [digest]})),
        on_target(E::InitiateLayerUpload, json!({})),
        on_target(E::UploadLayerPart, part),
        on_target(
            E::CompleteLayerUpload,
            json!({"uploadId": "{public-filled}", "layerDigests": ["{digest}"]}),
        ),
    ]
}
