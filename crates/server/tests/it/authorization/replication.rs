//! The rows of replication, which no request asks for: a session of the service-linked role of the account that is
//! replicated puts images into another registry. That registry's policy decides about an image and about its repository.

use aws::ecr::PutRegistryPolicyRequest;
use jiff::Timestamp;
use oci::digest::{Algorithm, Digest};
use serde_json::{Value, json};

use super::ecr::manifest;
use super::report::Report;
use super::stage::Stage;
use super::table::{ACCOUNT, MEMBER, OTHER};
use super::wire::{Ask, ecr, iam};

const ELSEWHERE: &str = "eu-west-1";

/// What a push becomes in another account, and in another Region of its own account.
type States = [&'static str; 2];

const ONLY_OWN: States = ["AccessDenied", "COMPLETE"];

fn statement(effect: &str, principal: &str, actions: &[&str]) -> Value {
    let resource = format!("arn:aws:ecr:us-east-1:{OTHER}:repository/team/target");
    json!({"Effect": effect, "Principal": {"AWS": principal}, "Action": actions, "Resource": resource})
}

fn document(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// Pushes an image, replicates, and compares what became of it.
async fn compare(stage: &Stage, report: &mut Report, class: &str, expected: States) {
    let image = manifest(class);
    let input = json!({"repositoryName": "team/target", "imageManifest": image, "imageTag": "replicated"});
    stage.build(&[ecr("PutImage", &input)]).await;
    stage.node.registry.replicate_images(Timestamp::now()).await.unwrap();
    let digest = Digest::of(Algorithm::Sha256, image.as_bytes()).to_string();
    let input = json!({"repositoryName": "team/target", "imageId": {"imageDigest": digest}});
    let answer = stage.ask(&ecr("DescribeImageReplicationStatus", &input), Some(&stage.admin)).await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let state = |account: &str, region: &str| {
        let all = body["replicationStatuses"].as_array().unwrap();
        let found = all.iter().find(|one| one["registryId"] == account && one["region"] == region).unwrap();
        let of = |name: &str| found.get(name).and_then(Value::as_str).map(str::to_owned);
        of("failureCode").or(of("status")).unwrap()
    };
    let got = [state(OTHER, "us-east-1"), state(ACCOUNT, ELSEWHERE)];
    let wrong = (got != expected).then(|| format!("{got:?}"));
    report.note("ReplicateImage", class, format!("{expected:?}"), wrong);
}

async fn allow(stage: &Stage, statements: &[Value]) {
    let put = ecr("PutRegistryPolicy", &json!({"policyText": document(statements)}));
    let answer = stage.ask(&put, Some(&stage.other)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

fn configuration() -> Ask {
    let destinations = json!([
        {"region": "us-east-1", "registryId": OTHER}, {"region": ELSEWHERE, "registryId": ACCOUNT},
    ]);
    let rules = json!({"replicationConfiguration": {"rules": [{"destinations": destinations}]}});
    ecr("PutReplicationConfiguration", &rules)
}

pub(super) async fn check(stage: &Stage, report: &mut Report) {
    const BOTH: &[&str] = &["ecr:ReplicateImage", "ecr:CreateRepository"];
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    stage.build(&[configuration()]).await;
    compare(stage, report, "without a policy", ONLY_OWN).await;
    for (class, actions) in [
        ("only the image", &["ecr:ReplicateImage"][..]),
        ("only the repository", &["ecr:CreateRepository"]),
        ("only what a push needs", &["ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:CompleteLayerUpload"]),
    ] {
        allow(stage, &[statement("Allow", &root, actions)]).await;
        compare(stage, report, class, ONLY_OWN).await;
    }
    allow(stage, &[statement("Allow", &format!("arn:aws:iam::{MEMBER}:root"), BOTH)]).await;
    compare(stage, report, "another account", ONLY_OWN).await;
    allow(stage, &[statement("Allow", &stage.admin.arn, BOTH)]).await;
    compare(stage, report, "a user of the account", ONLY_OWN).await;
    let denied = statement("Deny", &root, &["ecr:ReplicateImage"]);
    allow(stage, &[statement("Allow", &root, BOTH), denied]).await;
    compare(stage, report, "explicit deny", ONLY_OWN).await;
    allow(stage, &[statement("Allow", &root, BOTH)]).await;
    compare(stage, report, "the account", ["COMPLETE"; 2]).await;
    allow(stage, &[statement("Allow", &root, &["ecr:ReplicateImage"])]).await;
    compare(stage, report, "only the image, whose repository exists", ["COMPLETE"; 2]).await;
    allow(stage, &[statement("Allow", &root, &["ecr:CreateRepository"])]).await;
    compare(stage, report, "only the repository, which exists", ONLY_OWN).await;

    allow(stage, &[statement("Allow", &root, BOTH)]).await;
    let everything =
        json!({"Effect": "Deny", "Principal": "*", "Action": "ecr:ReplicateImage", "Resource": "*"});
    let put = PutRegistryPolicyRequest { policy_text: document(&[everything]) };
    let (ctx, elsewhere) = (stage.node.ctx(Timestamp::now()), ELSEWHERE.parse().unwrap());
    stage.node.registry.put_registry_policy(&ctx, &elsewhere, put).await.unwrap();
    compare(stage, report, "denied in its own account", ["COMPLETE", "AccessDenied"]).await;

    let role = [("RoleName", "AWSServiceRoleForECRReplication")];
    stage.build(&[iam("DeleteServiceLinkedRole", &role)]).await;
    compare(stage, report, "without the role of the service", ["AccessDenied"; 2]).await;
    stage.build(&[configuration()]).await;
    compare(stage, report, "with a new role", ["COMPLETE", "AccessDenied"]).await;
}
