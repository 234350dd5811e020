//! `wharf images` on a running server: what it protects and reports is refused until that ends.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::first_start::{KEY, with_key};
use crate::http::call;
use crate::process::{Dev, complaint, said, wharf};

fn on_server(dev: &Dev, words: &[&str]) -> Command {
    let mut command = wharf();
    command.env("AWS_ACCESS_KEY_ID", KEY.0).env("AWS_SECRET_ACCESS_KEY", KEY.1).env("HOME", &dev.data);
    command
        .env("AWS_ENDPOINT_URL_ECR", &dev.endpoint)
        .env("AWS_REGION", "us-east-1")
        .arg("images")
        .args(words);
    command
}

fn failure(dev: &Dev, image: &Value) -> Option<String> {
    let input = json!({"repositoryName": "team/app", "imageIds": [image]});
    let answer = call(dev, "BatchDeleteImage", &input);
    answer["failures"][0]["failureCode"].as_str().map(str::to_owned)
}

#[test]
fn images_are_protected_and_reported_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let dev = with_key(folder.path());
    call(&dev, "CreateRepository", &json!({"repositoryName": "team/app"}));
    let index =
        json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []});
    let input = json!({"repositoryName": "team/app", "imageManifest": index.to_string(), "imageTag": "v1"});
    let digest =
        call(&dev, "PutImage", &input)["image"]["imageId"]["imageDigest"].as_str().unwrap().to_owned();
    let told = complaint(&mut on_server(&dev, &["protect", "team/app:v1"]));
    assert!(told.contains("WHARF_LIFECYCLE_EXTENSIONS"), "{told}");
    call(&dev, "PutAccountSetting", &json!({"name": "WHARF_LIFECYCLE_EXTENSIONS", "value": "ENABLED"}));

    let by_digest = format!("team/app@{digest}");
    for image in ["team/app:v1", &by_digest] {
        assert_eq!(said(&mut on_server(&dev, &["protect", image])).trim(), format!("{image} is protected."));
    }
    let listed = said(&mut on_server(&dev, &["protected"]));
    let ends: Vec<_> = listed.lines().map(|line| line.rsplit("  ").next().unwrap()).collect();
    assert_eq!(ends, ["image", "tag v1"], "{listed}");
    assert_eq!(failure(&dev, &json!({"imageTag": "v1"})).as_deref(), Some("ImageProtected"));
    for image in ["team/app:v1", &by_digest] {
        said(&mut on_server(&dev, &["unprotect", image]));
    }
    assert!(complaint(&mut on_server(&dev, &["protect", "team/app:v2"])).contains("ImageNotFoundException"));

    let pods = json!({"kind": "List", "items": [
        {"status": {"containerStatuses": [{"imageID": format!("host/team/app@{digest}")}]}},
    ]});
    let words = ["in-use", "--from-kubernetes", "--source", "blue"];
    let mut reporting = on_server(&dev, &words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    reporting.stdin.take().unwrap().write_all(pods.to_string().as_bytes()).unwrap();
    assert!(reporting.wait_with_output().unwrap().status.success());
    let listed: Value = serde_json::from_str(&said(&mut on_server(&dev, &["in-use", "--json"]))).unwrap();
    assert_eq!((&listed[0]["source"], &listed[0]["digestCount"]), (&json!("blue"), &json!(1)));
    assert_eq!(failure(&dev, &json!({"imageDigest": digest})).as_deref(), Some("ImageProtected"));
    let told = complaint(on_server(&dev, &words).stdin(Stdio::null()));
    assert!(told.contains("not a list of pods"), "a failure of kubectl ends no protection: {told}");
    said(&mut on_server(&dev, &["in-use", "--remove", "--source", "blue"]));
    assert_eq!(failure(&dev, &json!({"imageDigest": digest})), None);
    dev.stop();
}
