//! Settings of repositories travel to a peer that asks for them.

use serde_json::{Value, json};

use crate::gc::push_image;
use crate::peers::{Side, create, two};
use crate::process::wait_for;

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
