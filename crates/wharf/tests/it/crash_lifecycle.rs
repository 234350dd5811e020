//! `kill -9` at every fault point of lifecycle policies: while one is carried out, previewed, and while an image is
//! restored. The next server goes on, and the result is as if nothing had happened.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use fault::Fault;
use serde_json::{Value, json};
use testkit::{Client, Offline, Started, Wharf};

use crate::crash_collect::{binary, ready};

/// More than two slices.
const IMAGES: usize = 120;
/// How many the policies keep.
const KEPT: usize = 15;
const SETTINGS: [(&str, &str); 1] = [("WHARF__LIFECYCLE__ACTIVATION_SECONDS", "1")];

fn call(client: &Client, operation: &str, input: &Value) -> Result<Value> {
    client.ecr(operation, &input.to_string())?.expect(200).with_context(|| operation.to_owned())?.json()
}

fn manifest(number: usize) -> Value {
    json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [],
        "annotations": {"number": number.to_string()},
    })
}

fn push(client: &Client, number: usize) -> Result<()> {
    let (text, tag) = (manifest(number).to_string(), format!("v{number}"));
    call(client, "PutImage", &json!({"repositoryName": "app", "imageManifest": text, "imageTag": tag}))?;
    Ok(())
}

fn policy(action: &Value) -> String {
    let selection = json!({
        "tagStatus": "tagged", "tagPatternList": ["v*"], "countType": "imageCountMoreThan", "countNumber": KEPT,
    });
    json!({"rules": [{"rulePriority": 1, "selection": selection, "action": action}]}).to_string()
}

/// The numbers of the images in this state, by their tags.
fn numbers(client: &Client, status: &str) -> Result<Vec<usize>> {
    let mut numbers = Vec::new();
    let mut token = Value::Null;
    loop {
        let mut input =
            json!({"repositoryName": "app", "filter": {"imageStatus": status}, "maxResults": 100});
        if !token.is_null() {
            input["nextToken"] = token;
        }
        let page = call(client, "ListImages", &input)?;
        for image in page["imageIds"].as_array().context("no imageIds")? {
            let tag = image["imageTag"].as_str().context("an image without a tag")?;
            numbers.push(tag.trim_start_matches('v').parse()?);
        }
        token = page["nextToken"].clone();
        if token.is_null() {
            numbers.sort_unstable();
            return Ok(numbers);
        }
    }
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !is_so()? {
        ensure!(begun.elapsed() < Duration::from_secs(40), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Starts a server that dies at the point.
fn die_at(data: &Path, fault: Fault, n: u32) -> Result<()> {
    // The claim and the reconciler of the server before are free, as they are later.
    Offline::open(data)?.let_time_pass()?;
    let armed = format!("{}:{n}", fault.name());
    match Wharf::start_with(binary(), data, Some(&armed), &SETTINGS)? {
        Started::Ended => {}
        Started::Ready(mut server) => {
            ensure!(server.ends_within(Duration::from_secs(30))?, "it never came to {armed}");
        }
    }
    Offline::open(data)?.let_time_pass()
}

/// A store with images, and a request whose work is done by the next server.
fn prepared(data: &Path, operation: &str, input: &Value) -> Result<()> {
    let server = ready(data, &SETTINGS)?;
    let client = server.client()?;
    call(&client, "CreateRepository", &json!({"repositoryName": "app"}))?;
    for number in 0..IMAGES {
        push(&client, number)?;
    }
    call(&client, operation, input)?;
    server.kill()
}

/// The records of what a policy did.
fn history(client: &Client) -> Result<Vec<String>> {
    let (mut digests, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut input = json!({"repositoryName": "app", "maxResults": 100});
        if !token.is_null() {
            input["nextToken"] = token;
        }
        let page = call(client, "WharfListLifecycleActions", &input)?;
        for action in page["actions"].as_array().context("no actions")? {
            digests.push(action["imageDigest"].as_str().context("no digest")?.to_owned());
        }
        token = page["nextToken"].clone();
        if token.is_null() {
            return Ok(digests);
        }
    }
}

fn carried_out(action: &Value, status: &str) {
    for (fault, n) in [
        (Fault::LifecycleEvaluated, 1),
        (Fault::LifecycleSlice, 1),
        (Fault::LifecycleSlice, 2),
        (Fault::LifecycleCarriedOut, 1),
    ] {
        let folder = testkit::memory_folder().unwrap();
        let data = folder.path().join("data");
        let put = json!({"repositoryName": "app", "lifecyclePolicyText": policy(action)});
        // The push that comes last makes the evaluation due; this server may begin with it.
        prepared(&data, "PutLifecyclePolicy", &put).unwrap();
        die_at(&data, fault, n).with_context(|| format!("{}:{n}", fault.name())).unwrap();
        let server = ready(&data, &SETTINGS).unwrap();
        let client = server.client().unwrap();
        wait_for("the policy is not carried out", || Ok(numbers(&client, "ACTIVE")?.len() <= KEPT)).unwrap();
        let kept: Vec<usize> = (IMAGES - KEPT..IMAGES).collect();
        assert_eq!(numbers(&client, "ACTIVE").unwrap(), kept);
        let expected: Vec<usize> = if status.is_empty() { Vec::new() } else { (0..IMAGES - KEPT).collect() };
        assert_eq!(numbers(&client, "ARCHIVED").unwrap(), expected);
        let mut digests = history(&client).unwrap();
        digests.sort_unstable();
        let mut once = digests.clone();
        once.dedup();
        assert_eq!(
            (once.len(), digests.len()),
            (IMAGES - KEPT, IMAGES - KEPT),
            "each image is recorded once"
        );
        // The evaluation goes on with what comes later.
        push(&client, IMAGES).unwrap();
        call(&client, "WharfRunLifecyclePolicy", &json!({"repositoryName": "app"})).unwrap();
        let kept: Vec<usize> = (IMAGES + 1 - KEPT..=IMAGES).collect();
        wait_for("the next evaluation", || Ok(numbers(&client, "ACTIVE")? == kept)).unwrap();
        server.kill().unwrap();
    }
}

#[test]
fn an_expiry_goes_on_after_every_crash() {
    carried_out(&json!({"type": "expire"}), "");
}

#[test]
fn a_transition_goes_on_after_every_crash() {
    carried_out(&json!({"type": "transition", "targetStorageClass": "archive"}), "ARCHIVED");
}

#[test]
fn a_restore_goes_on_after_every_crash() {
    for fault in [Fault::LifecycleRestoreClaimed, Fault::LifecycleRestored] {
        let folder = testkit::memory_folder().unwrap();
        let data = folder.path().join("data");
        let class = |class: &str| {
            let image = json!({"imageTag": "v3"});
            json!({"repositoryName": "app", "imageId": image, "targetStorageClass": class})
        };
        prepared(&data, "UpdateImageStorageClass", &class("ARCHIVE")).unwrap();
        let server = ready(&data, &[("WHARF__LIFECYCLE__ACTIVATION_SECONDS", "3")]).unwrap();
        let client = server.client().unwrap();
        client.v2("GET", "/v2/app/manifests/v3", "", b"").unwrap().expect(404).unwrap();
        call(&client, "UpdateImageStorageClass", &class("STANDARD")).unwrap();
        server.kill().unwrap();
        // The time of the restore comes while no server runs.
        std::thread::sleep(Duration::from_secs(4));
        die_at(&data, fault, 1).with_context(|| fault.name()).unwrap();
        let server = ready(&data, &SETTINGS).unwrap();
        let client = server.client().unwrap();
        let is_pulled = || Ok(client.v2("GET", "/v2/app/manifests/v3", "", b"")?.status == 200);
        wait_for("the image is not restored", is_pulled).unwrap();
        assert_eq!(numbers(&client, "ACTIVE").unwrap().len(), IMAGES);
        server.kill().unwrap();
    }
}

#[test]
fn a_preview_goes_on_after_every_crash() {
    for n in [1, 2] {
        let folder = testkit::memory_folder().unwrap();
        let data = folder.path().join("data");
        let text = policy(&json!({"type": "expire"}));
        let start = json!({"repositoryName": "app", "lifecyclePolicyText": text});
        let server = ready(&data, &SETTINGS).unwrap();
        let client = server.client().unwrap();
        call(&client, "CreateRepository", &json!({"repositoryName": "app"})).unwrap();
        for number in 0..IMAGES {
            push(&client, number).unwrap();
        }
        server.kill().unwrap();
        let armed = format!("{}:{n}", Fault::LifecyclePreviewSlice.name());
        let Started::Ready(mut server) = Wharf::start_with(binary(), &data, Some(&armed), &SETTINGS).unwrap()
        else {
            panic!("no start")
        };
        let client = server.client().unwrap();
        // The server may die before it answers.
        let _ = client.ecr("StartLifecyclePolicyPreview", &start.to_string());
        assert!(server.ends_within(Duration::from_secs(30)).unwrap(), "it never came to {armed}");
        Offline::open(&data).unwrap().let_time_pass().unwrap();
        let server = ready(&data, &SETTINGS).unwrap();
        let client = server.client().unwrap();
        let get = json!({"repositoryName": "app", "maxResults": 100});
        let is_over = || Ok(call(&client, "GetLifecyclePolicyPreview", &get)?["status"] == "COMPLETE");
        wait_for("the preview is not over", is_over).unwrap();
        let preview = call(&client, "GetLifecyclePolicyPreview", &get).unwrap();
        assert_eq!(preview["summary"]["expiringImageTotalCount"], IMAGES - KEPT, "{preview}");
        assert_eq!(numbers(&client, "ACTIVE").unwrap().len(), IMAGES, "a preview deletes nothing");
        server.kill().unwrap();
    }
}
