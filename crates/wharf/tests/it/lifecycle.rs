//! `wharf lifecycle` on a running server: it previews a policy, carries it out and shows what was done.

use std::process::Command;

use serde_json::{Value, json};

use crate::first_start::{KEY, with_key};
use crate::http::ecr;
use crate::process::{Dev, complaint, said, wharf};

fn on_server(dev: &Dev, words: &[&str]) -> Command {
    let mut command = wharf();
    command.env("AWS_ACCESS_KEY_ID", KEY.0).env("AWS_SECRET_ACCESS_KEY", KEY.1).env("HOME", &dev.data);
    command
        .env("AWS_ENDPOINT_URL_ECR", &dev.endpoint)
        .env("AWS_REGION", "us-east-1")
        .arg("lifecycle")
        .args(words);
    command
}

fn call(dev: &Dev, operation: &str, input: &Value) {
    let (status, answer) = ecr(&dev.endpoint, KEY, operation, &input.to_string());
    assert_eq!(status, 200, "{operation}: {answer}");
}

fn policy(count: u32) -> String {
    let selection = json!({
        "tagStatus": "tagged", "tagPatternList": ["v*"], "countType": "imageCountMoreThan", "countNumber": count,
    });
    let rule = json!({"rulePriority": 3, "description": "keep", "selection": selection, "action": {"type": "expire"}});
    json!({"rules": [rule]}).to_string()
}

#[test]
fn policies_are_previewed_run_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let dev = with_key(folder.path());
    for name in ["team/app", "team/bare"] {
        call(&dev, "CreateRepository", &json!({"repositoryName": name}));
    }
    for number in 0..4 {
        let index = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [],
            "annotations": {"number": number.to_string()},
        });
        let tag = format!("v{number}");
        let input =
            json!({"repositoryName": "team/app", "imageManifest": index.to_string(), "imageTag": tag});
        call(&dev, "PutImage", &input);
    }
    let named = ["--repository", "team/app"];
    let told = complaint(&mut on_server(&dev, &["run", "--repository", "team/app"]));
    assert!(told.contains("LifecyclePolicyNotFoundException"), "{told}");
    let file = folder.path().join("policy.json");
    std::fs::write(&file, policy(3)).unwrap();
    let preview = ["preview", named[0], named[1], "--policy", file.to_str().unwrap()];
    let shown = said(&mut on_server(&dev, &preview));
    assert!(shown.starts_with("EXPIRE  team/app@sha256:") && shown.contains("v0  rule 3"), "{shown}");
    assert_eq!(shown.lines().count(), 1, "{shown}");

    let input = json!({"repositoryName": "team/app", "lifecyclePolicyText": policy(2)});
    call(&dev, "PutLifecyclePolicy", &input);
    let ran = said(&mut on_server(&dev, &["run"]));
    assert!(ran.starts_with("team/app: evaluated 2"), "{ran}");
    let json = said(&mut on_server(&dev, &["history", "--json"]));
    let actions: Value = serde_json::from_str(&json).unwrap();
    let tags: Vec<_> = actions.as_array().unwrap().iter().map(|action| &action["imageTags"][0]).collect();
    assert_eq!(tags, ["v1", "v0"]);
    assert_eq!(actions[0]["reason"], "imageCountMoreThan 2: 2 newer images");
    let history = said(&mut on_server(&dev, &["history", named[0], named[1]]));
    assert!(
        history.lines().all(|line| line.contains("EXPIRE  team/app@") && line.contains("rule 3")),
        "{history}"
    );
    dev.stop();
}
