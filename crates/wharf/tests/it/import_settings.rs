//! `wharf import --settings-from`: what belongs to repositories besides their images.

use std::fs;

use serde_json::{Value, json};

use crate::first_start::{KEY, with_key};
use crate::http::call;
use crate::import::{done, named, on_server, report};
use crate::process::{Dev, run};

fn repository(dev: &Dev) -> Value {
    call(dev, "DescribeRepositories", &json!({"repositoryNames": ["app"]}))["repositories"][0].clone()
}

#[test]
fn settings_and_policies_come_along() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["one", "two"] {
        fs::create_dir(at(name)).unwrap();
    }
    let (one, two) = (with_key(&at("one")), with_key(&at("two")));
    let lifecycle = json!({"rules": [{"rulePriority": 1, "action": {"type": "expire"}, "selection":
        {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 7}}]});
    let everyone = json!({"Version": "2012-10-17", "Statement":
        [{"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]});
    let created = json!({
        "repositoryName": "app", "imageTagMutability": "IMMUTABLE", "tags": [{"Key": "team", "Value": "blue"}],
        "imageScanningConfiguration": {"scanOnPush": true},
    });
    call(&one, "CreateRepository", &created);
    let index =
        json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []});
    let image = json!({"repositoryName": "app", "imageManifest": index.to_string(), "imageTag": "v1"});
    call(&one, "PutImage", &image);
    let policy = |text: &Value| json!({"repositoryName": "app", "policyText": text.to_string()});
    call(&one, "SetRepositoryPolicy", &policy(&everyone));
    call(
        &one,
        "PutLifecyclePolicy",
        &json!({"repositoryName": "app", "lifecyclePolicyText": lifecycle.to_string()}),
    );

    let token =
        call(&one, "GetAuthorizationToken", &json!({}))["authorizationData"][0]["authorizationToken"].clone();
    let host = one.endpoint.trim_start_matches("http://");
    for name in [".docker", ".aws"] {
        fs::create_dir(two.data.join(name)).unwrap();
    }
    fs::write(two.data.join(".docker/config.json"), json!({"auths": {host: {"auth": token}}}).to_string())
        .unwrap();
    let profile = format!("[old]\naws_access_key_id = {}\naws_secret_access_key = {}\n", KEY.0, KEY.1);
    fs::write(two.data.join(".aws/credentials"), profile).unwrap();
    let source = format!("{}/app", one.endpoint);
    let words = ["import", &source, "--settings-from", &one.endpoint, "--source-profile", "old", "--json"];
    done(&mut on_server(&two, &words));
    assert_eq!(named(&two, "app", "v1"), named(&one, "app", "v1"));
    let copied = repository(&two);
    for name in ["imageTagMutability", "imageScanningConfiguration"] {
        assert_eq!(copied[name], repository(&one)[name], "{name}");
    }
    let tags = call(&two, "ListTagsForResource", &json!({"resourceArn": copied["repositoryArn"]}));
    assert_eq!(tags["tags"], created["tags"]);
    for (operation, member) in
        [("GetRepositoryPolicy", "policyText"), ("GetLifecyclePolicy", "lifecyclePolicyText")]
    {
        let read = |dev: &Dev| call(dev, operation, &json!({"repositoryName": "app"}))[member].clone();
        assert_eq!(read(&two), read(&one), "{operation}");
    }

    // What the target refuses is reported, and the rest is copied.
    let user = json!({"Version": "2012-10-17", "Statement":
        [{"Effect": "Allow", "Principal": {"AWS": repository(&one)["registryId"]}, "Action": "ecr:BatchGetImage"}]});
    call(&one, "SetRepositoryPolicy", &policy(&user));
    let output = run(&mut on_server(&two, &words));
    assert!(!output.status.success());
    let failed = report(&output);
    assert_eq!(
        (&failed["failed"], &failed["failures"][0]["what"]),
        (&1.into(), &"app, repository policy".into()),
        "{failed}"
    );
    one.stop();
    two.stop();
}
