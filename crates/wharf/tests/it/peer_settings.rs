//! Settings of repositories, and what refers to images, travel to a peer that asks for them.

use serde_json::{Value, json};
use testkit::sha256;

use crate::gc::{push_image, push_layer};
use crate::peers::{Side, THERE, arrive, create, two};
use crate::process::wait_for;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

fn ask(side: &Side, options: &[&str]) {
    for option in options {
        let name = format!("WHARF_REPLICATION_{option}");
        side.call("PutAccountSetting", &json!({"name": name, "value": "ENABLED"}));
    }
}

fn policy(principal: &str) -> Value {
    of(&json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "ecr:BatchGetImage"}))
}

fn of(statement: &Value) -> Value {
    let text = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    json!({"repositoryName": "app", "policyText": text})
}

fn mutability(side: &Side) -> Value {
    let shown = side.client().ecr("DescribeRepositories", r#"{"repositoryNames": ["app"]}"#).unwrap();
    shown.json().unwrap()["repositories"][0]["imageTagMutability"].clone()
}

fn policy_of(side: &Side) -> Option<String> {
    let shown = side.client().ecr("GetRepositoryPolicy", r#"{"repositoryName": "app"}"#).unwrap();
    (shown.status == 200).then(|| shown.json().unwrap()["policyText"].as_str().unwrap().to_owned())
}

#[test]
fn settings_travel_to_a_peer() {
    let folder = testkit::memory_folder().unwrap();
    let (a, b, _proxy) = two(folder.path(), "8MiB");
    ask(&a, &["SETTINGS", "POLICIES"]);
    create(&a, "app");
    let immutable = json!({"repositoryName": "app", "imageTagMutability": "IMMUTABLE"});
    a.call("PutImageTagMutability", &immutable);
    a.call("SetRepositoryPolicy", &policy("*"));
    push_image(&a.client(), "app", "v1", &[b"layer"]);
    wait_for("the refusal of the settings", || a.log().contains("SettingsNotAccepted").then_some(()));
    wait_for("the image", || (b.images("app").len() == 1).then_some(()));
    assert!(mutability(&b) == "MUTABLE" && policy_of(&b).is_none(), "the destination has not asked for it");
    ask(&b, &["SETTINGS", "POLICIES"]);
    a.call("SetRepositoryPolicy", &policy("*"));
    wait_for("the settings", || (mutability(&b) == "IMMUTABLE" && policy_of(&b).is_some()).then_some(()));

    // The account of the source is the one there that it acts as.
    a.call("SetRepositoryPolicy", &policy(&format!("arn:aws:iam::{}:root", a.account)));
    let root = format!("arn:aws:iam::{}:root", b.account);
    wait_for("the account", || policy_of(&b).is_some_and(|text| text.contains(&root)).then_some(()));

    // A policy that would mean somebody else there fails, and nothing else waits for it.
    let condition = json!({"StringEquals": {"aws:PrincipalAccount": a.account}});
    let statement =
        json!({"Effect": "Allow", "Principal": "*", "Action": "ecr:ListImages", "Condition": condition});
    a.call("SetRepositoryPolicy", &of(&statement));
    push_image(&a.client(), "app", "v2", &[b"layer"]);
    let failed = wait_for("the refusal", || {
        let shown = a.call("WharfDescribeReplication", &json!({}));
        (shown["destinations"][0]["failedCount"] == 1).then_some(shown)
    });
    assert!(a.log().contains("InvalidRepositoryPolicy"), "{failed}\n{}", a.log());
    wait_for("the image", || (b.images("app").len() == 2).then_some(()));
    assert!(policy_of(&b).unwrap().contains(&root));
    a.call("DeleteRepositoryPolicy", &json!({"repositoryName": "app"}));
    wait_for("the deletion", || policy_of(&b).is_none().then_some(()));
}

/// Pushes what refers to an image, as a signature does. Returns its digest.
fn sign(side: &Side, image: &str) -> String {
    let client = side.client();
    let config = push_layer(&client, "app", b"{}");
    let body = json!({"schemaVersion": 2, "mediaType": IMAGE, "layers": [],
        "config": {"mediaType": "application/vnd.example.signature", "digest": config, "size": 2},
        "subject": {"mediaType": IMAGE, "digest": image, "size": 2}})
    .to_string();
    let digest = sha256(body.as_bytes());
    let path = format!("/v2/app/manifests/{digest}");
    client.v2("PUT", &path, IMAGE, body.as_bytes()).unwrap().expect(201).unwrap();
    digest
}

/// Gives an image another tag.
fn tag(side: &Side, image: &str, tag: &str) {
    let client = side.client();
    let found =
        client.v2("GET", &format!("/v2/app/manifests/{image}"), "", b"").unwrap().expect(200).unwrap();
    let put = client.v2("PUT", &format!("/v2/app/manifests/{tag}"), IMAGE, &found.body).unwrap();
    put.expect(201).unwrap();
}

fn arn(side: &Side, region: &str) -> String {
    format!("arn:aws:ecr:{region}:{}:repository/app", side.account)
}

/// The settings of the repository that have a value of their own.
fn settings(side: &Side, region: &str) -> Vec<&'static str> {
    let mut own = Vec::new();
    let lifecycle = side.client().ecr("GetLifecyclePolicy", r#"{"repositoryName": "app"}"#).unwrap();
    if lifecycle.status == 200 {
        let text = lifecycle.json().unwrap()["lifecyclePolicyText"].to_string();
        assert!(text.contains("imageCountMoreThan"), "{text}");
        own.push("lifecycle");
    }
    let tags = side.call("ListTagsForResource", &json!({"resourceArn": arn(side, region)}));
    if tags["tags"] == json!([{"Key": "team", "Value": "a"}]) {
        own.push("tags");
    }
    let policy = policy_of(side);
    own.extend(policy.is_some_and(|text| text.contains("ecr:BatchGetImage")).then_some("policy"));
    own.extend((mutability(side) == "IMMUTABLE").then_some("mutability"));
    own
}

#[test]
fn what_is_asked_for_travels_and_nothing_else() {
    let folder = testkit::memory_folder().unwrap();
    let (a, b, _proxy) = two(folder.path(), "8MiB");
    // All of this is there before the configuration.
    a.replicates(&json!([]));
    create(&a, "app");
    let [one, two] = ["one", "two"].map(|name| push_image(&a.client(), "app", name, &[b"layer"]));
    let [of_one, of_two] = [&one, &two].map(|image| sign(&a, image));
    let rule = json!({"rulePriority": 1, "action": {"type": "expire"},
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 99}});
    let lifecycle = json!({"rules": [rule]}).to_string();
    a.call("PutLifecyclePolicy", &json!({"repositoryName": "app", "lifecyclePolicyText": lifecycle}));
    let tags = json!([{"Key": "team", "Value": "a"}]);
    a.call("TagResource", &json!({"resourceArn": arn(&a, "us-east-1"), "tags": tags}));
    a.call("SetRepositoryPolicy", &policy("*"));
    a.call("PutImageTagMutability", &json!({"repositoryName": "app", "imageTagMutability": "IMMUTABLE"}));
    let all = ["lifecycle", "tags", "policy", "mutability"];
    assert_eq!(settings(&a, "us-east-1"), all);
    a.replicates(&json!([{"destinations": [{"region": THERE, "registryId": b.account}]}]));

    tag(&a, &one, "again");
    wait_for("the image", || b.images("app").contains_key(&one).then_some(()));
    arrive(&a, &b);
    assert_eq!(settings(&b, THERE), [""; 0], "nothing was asked for");

    for side in [&a, &b] {
        ask(side, &["SETTINGS", "POLICIES", "LIFECYCLE", "TAGS", "REFERRERS"]);
    }
    tag(&a, &two, "later");
    wait_for("the signature", || b.images("app").contains_key(&of_two).then_some(()));
    arrive(&a, &b);
    assert_eq!(settings(&b, THERE), all);
    let arrived = b.images("app");
    assert_eq!(arrived[&two], ["later".to_owned()].into(), "only the tag that came after the configuration");
    assert!(!arrived.contains_key(&of_one), "when its image was replicated, referrers were not asked for");
    let referrers = b.client().v2("GET", &format!("/v2/app/referrers/{two}"), "", b"").unwrap();
    assert!(String::from_utf8_lossy(&referrers.expect(200).unwrap().body).contains(&of_two));
    // Each change travels.
    a.call("DeleteLifecyclePolicy", &json!({"repositoryName": "app"}));
    a.call("UntagResource", &json!({"resourceArn": arn(&a, "us-east-1"), "tagKeys": ["team"]}));
    wait_for("the changes", || (settings(&b, THERE) == all[2..]).then_some(()));
}
