//! `wharf tags` on a running server: it shows what a tag named before, and points the tag back.

use std::process::Command;

use serde_json::{Value, json};

use crate::first_start::{KEY, with_key};
use crate::http::call;
use crate::process::{Dev, complaint, said, wharf};

fn on_server(dev: &Dev, words: &[&str]) -> Command {
    let mut command = wharf();
    command.env("AWS_ACCESS_KEY_ID", KEY.0).env("AWS_SECRET_ACCESS_KEY", KEY.1).env("HOME", &dev.data);
    command.env("AWS_ENDPOINT_URL_ECR", &dev.endpoint).env("AWS_REGION", "us-east-1");
    command.arg("tags").args(words);
    command
}

/// Pushes an index under the tag `latest`; gives its digest.
fn push(dev: &Dev, number: u32) -> String {
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [],
        "annotations": {"number": number.to_string()},
    });
    let input = json!({"repositoryName": "app", "imageManifest": index.to_string(), "imageTag": "latest"});
    let image = call(dev, "PutImage", &input);
    image["image"]["imageId"]["imageDigest"].as_str().unwrap().to_owned()
}

fn named(dev: &Dev) -> String {
    let described =
        call(dev, "DescribeImages", &json!({"repositoryName": "app", "imageIds": [{"imageTag": "latest"}]}));
    described["imageDetails"][0]["imageDigest"].as_str().unwrap().to_owned()
}

#[test]
fn a_tag_is_restored_to_what_it_named_before() {
    let folder = tempfile::tempdir().unwrap();
    let dev = with_key(folder.path());
    call(&dev, "CreateRepository", &json!({"repositoryName": "app"}));
    let first = push(&dev, 1);
    // The API's times are whole milliseconds.
    std::thread::sleep(std::time::Duration::from_millis(3));
    let between = jiff::Timestamp::now().to_string();
    std::thread::sleep(std::time::Duration::from_millis(3));
    let second = push(&dev, 2);
    let shown = said(&mut on_server(&dev, &["history", "app:latest"]));
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 2, "{shown}");
    assert!(lines[0].contains(&format!("app:latest  {second}  from {first}  by arn:aws:iam::")), "{shown}");
    assert!(lines[1].contains(&format!("{first}  new  by")), "{shown}");

    let restored = said(&mut on_server(&dev, &["restore", "app:latest", "--before", &between]));
    assert_eq!(restored.trim(), format!("app:latest names {first}"));
    assert_eq!(named(&dev), first);
    let again = said(&mut on_server(&dev, &["restore", "app:latest", "--to", &first]));
    assert!(again.contains("already"), "{again}");
    said(&mut on_server(&dev, &["restore", "app:latest", "--to", &second]));
    assert_eq!(named(&dev), second);
    let json = said(&mut on_server(&dev, &["history", "app", "--json"]));
    let moves: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(moves.as_array().unwrap().len(), 4, "the restorations are moves too: {json}");

    let missing = format!("sha256:{}", "0".repeat(64));
    let told = complaint(&mut on_server(&dev, &["restore", "app:latest", "--to", &missing]));
    assert!(told.contains("not in the repository"), "{told}");
    let told =
        complaint(&mut on_server(&dev, &["restore", "app:latest", "--before", "2020-01-01T00:00:00Z"]));
    assert!(told.contains("no image that it named before"), "{told}");
    dev.stop();
}
