//! `wharf import` into a running server, from folders and from another server.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::first_start::{KEY, with_key};
use crate::http::{ask, basic, call};
use crate::process::{Dev, run, wait_for, wharf};
use crate::storage_folder::{StorageFolder, digest_of};

/// A command with the server's address and key.
pub(crate) fn on_server(dev: &Dev, words: &[&str]) -> Command {
    let mut command = wharf();
    command.env("AWS_ACCESS_KEY_ID", KEY.0).env("AWS_SECRET_ACCESS_KEY", KEY.1).env("HOME", &dev.data);
    command.env("AWS_ENDPOINT_URL_ECR", &dev.endpoint).env("AWS_REGION", "us-east-1").args(words);
    command
}

/// The report of an import or export, which may have failed.
#[track_caller]
pub(crate) fn report(output: &Output) -> Value {
    let reports: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    reports[0]["report"].clone()
}

#[track_caller]
pub(crate) fn done(command: &mut Command) -> Value {
    let output = run(command);
    assert!(output.status.success(), "{output:?}");
    report(&output)
}

/// What a tag or digest names on the server.
pub(crate) fn named(dev: &Dev, repository: &str, reference: &str) -> Option<String> {
    let line = format!("HEAD /v2/{repository}/manifests/{reference}");
    let (status, head) = ask(&dev.endpoint, &line, &basic(&dev.endpoint, KEY));
    (status == 200).then(|| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("docker-content-digest"));
        line.unwrap().split_once(": ").unwrap().1.to_owned()
    })
}

fn in_catalog(dev: &Dev) -> Vec<String> {
    let body = call(dev, "DescribeRepositories", &json!({}));
    let all = body["repositories"].as_array().unwrap().iter();
    all.map(|repository| repository["repositoryName"].as_str().unwrap().to_owned()).collect()
}

/// Two repositories with an index, a referrer, a signature by cosign's tag, and a common layer.
pub(crate) fn generated(storage: &StorageFolder) -> Vec<(&'static str, String, String)> {
    let mut expected = Vec::new();
    let mut tagged = |repository: &'static str, tag: &str, image: &Value| {
        storage.tag(repository, tag, image);
        expected.push((repository, tag.to_owned(), digest_of(image).to_string()));
    };
    let [amd, arm] = ["amd", "arm"].map(|own| storage.image("team/app", "base", own, None));
    let index = storage.index("team/app", &[amd.clone(), arm]);
    tagged("team/app", "v1", &index);
    tagged("team/app", "v1-amd", &amd);
    let attached = storage.image("team/app", "base", "sbom", Some(&index));
    expected.push(("team/app", digest_of(&attached).to_string(), digest_of(&attached).to_string()));
    let hash = digest_of(&index).to_string().replace(':', "-");
    let signature = storage.image("team/app", "base", "signature", None);
    storage.tag("team/app", &format!("{hash}.sig"), &signature);
    expected.push(("team/app", format!("{hash}.sig"), digest_of(&signature).to_string()));
    let other = storage.image("team/other", "base", "other", None);
    storage.tag("team/other", "v2", &other);
    expected.push(("team/other", "v2".to_owned(), digest_of(&other).to_string()));
    expected
}

#[track_caller]
pub(crate) fn all_there(dev: &Dev, expected: &[(&str, String, String)], prefix: &str) {
    for (repository, reference, digest) in expected {
        let found = named(dev, &format!("{prefix}{repository}"), reference);
        assert_eq!(found.as_ref(), Some(digest), "{repository} {reference}");
    }
}

#[test]
fn a_storage_folder_is_imported_once() {
    let folder = tempfile::tempdir().unwrap();
    let storage = StorageFolder::new(folder.path().join("storage"));
    let expected = generated(&storage);
    let dev = with_key(folder.path());
    let source = storage.root.to_str().unwrap();
    let planned = done(&mut on_server(&dev, &["import", source, "--json", "--dry-run"]));
    assert_eq!((&planned["failed"], in_catalog(&dev).len()), (&0.into(), 0), "{planned}");
    let first = done(&mut on_server(&dev, &["import", source, "--json"]));
    all_there(&dev, &expected, "");
    assert_eq!(first["manifestsCopied"], planned["manifestsCopied"], "{planned} {first}");
    assert_eq!((&first["repositories"], &first["blobsShared"]), (&2.into(), &1.into()), "{first}");
    let again = done(&mut on_server(&dev, &["import", source, "--json"]));
    for moved in ["manifestsCopied", "blobsCopied", "blobsShared", "bytesCopied", "failed"] {
        assert_eq!(again[moved], 0, "{moved} of the second run: {again}");
    }
    dev.stop();
}

#[test]
fn chosen_tags_bring_what_refers_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let storage = StorageFolder::new(folder.path().join("storage"));
    let expected = generated(&storage);
    let dev = with_key(folder.path());
    let source = storage.root.to_str().unwrap();
    let words = ["import", source, "--repository", "*/app", "--tag", "v1", "--prefix", "old/", "--json"];
    done(&mut on_server(&dev, &words));
    assert_eq!(in_catalog(&dev), ["old/team/app"]);
    let is_chosen = |(repository, reference, _): &&(&str, String, String)| {
        *repository == "team/app" && reference != "v1-amd"
    };
    let chosen: Vec<_> = expected.iter().filter(is_chosen).cloned().collect();
    assert_eq!(chosen.len(), 3, "the tag, the SBOM and the signature");
    all_there(&dev, &chosen, "old/");
    assert_eq!(named(&dev, "old/team/app", "v1-amd"), None);
    dev.stop();
}

#[test]
fn an_image_with_wrong_bytes_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let storage = StorageFolder::new(folder.path().join("storage"));
    let [good, bad] = ["good", "bad"].map(|own| storage.image("app", "base", own, None));
    storage.tag("app", "good", &good);
    storage.tag("app", "bad", &bad);
    let manifest: Value = serde_json::from_slice(&fs::read(storage.data(&digest_of(&bad))).unwrap()).unwrap();
    let layer = storage.data(&digest_of(&manifest["layers"][1]));
    let mut bytes = fs::read(&layer).unwrap();
    bytes[7] ^= 1;
    fs::write(layer, bytes).unwrap();
    let dev = with_key(folder.path());
    let output = run(&mut on_server(&dev, &["import", storage.root.to_str().unwrap(), "--json"]));
    assert!(!output.status.success());
    let report = report(&output);
    assert_eq!(
        (&report["failed"], &report["failures"][0]["what"]),
        (&1.into(), &"app:bad".into()),
        "{report}"
    );
    assert!(report["failures"][0]["why"].as_str().unwrap().contains("do not have the digest"), "{report}");
    assert_eq!(named(&dev, "app", "good").unwrap(), digest_of(&good).to_string());
    assert_eq!(named(&dev, "app", "bad"), None);
    dev.stop();
}

#[test]
fn a_killed_import_continues() {
    const IMAGES: usize = 150;
    let folder = tempfile::tempdir().unwrap();
    let storage = StorageFolder::new(folder.path().join("storage"));
    let images: Vec<_> =
        (0..IMAGES).map(|n| storage.image("app", "base", &format!("own {n}"), None)).collect();
    for (number, image) in images.iter().enumerate() {
        storage.tag("app", &format!("v{number:03}"), image);
    }
    let dev = with_key(folder.path());
    let words = ["import", storage.root.to_str().unwrap(), "--json", "--jobs", "2"];
    let mut killed = on_server(&dev, &words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("some images", || named(&dev, "app", "v020"));
    killed.kill().unwrap();
    killed.wait().unwrap();
    let rest = done(&mut on_server(&dev, &words));
    let number = |name: &str| rest[name].as_u64().unwrap();
    assert!(number("manifestsPresent") > 0, "what was there was not found: {rest}");
    assert_eq!(number("manifestsCopied") + number("manifestsPresent"), IMAGES as u64, "{rest}");
    for (index, image) in images.iter().enumerate() {
        let found = named(&dev, "app", &format!("v{index:03}"));
        assert_eq!(found, Some(digest_of(image).to_string()), "{index}");
    }
    dev.stop();
}

#[test]
fn another_server_is_imported_with_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let storage = StorageFolder::new(folder.path().join("storage"));
    let expected = generated(&storage);
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    fs::create_dir(&one).unwrap();
    fs::create_dir(&two).unwrap();
    let (one, two) = (with_key(&one), with_key(&two));
    done(&mut on_server(&one, &["import", storage.root.to_str().unwrap(), "--json"]));
    let body = call(&one, "GetAuthorizationToken", &json!({}));
    let token = body["authorizationData"][0]["authorizationToken"].as_str().unwrap();
    let import = |password: &[u8]| {
        let words = ["import", &one.endpoint, "--username", "AWS", "--password-stdin", "--json"];
        let mut command = on_server(&two, &words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = command.spawn().unwrap();
        running.stdin.take().unwrap().write_all(password).unwrap();
        running.wait_with_output().unwrap()
    };
    let refused = import(b"wrong");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && told.contains("denied access (401)"), "{told}");
    // docker's config.json has the same form.
    let config = two.data.join(".docker");
    fs::create_dir(&config).unwrap();
    let host = one.endpoint.trim_start_matches("http://");
    let config_text = format!(r#"{{"auths": {{"{host}": {{"auth": "{token}"}}}}}}"#);
    fs::write(config.join("config.json"), config_text).unwrap();
    let copied = done(&mut on_server(&two, &["import", &one.endpoint, "--json"]));
    all_there(&two, &expected, "");
    assert_eq!(copied["failed"], 0, "{copied}");
    one.stop();
    two.stop();
}
