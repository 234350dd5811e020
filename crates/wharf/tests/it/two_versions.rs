//! The server of an older version beside this one, on one PostgreSQL database and one folder of layers, as during an
//! upgrade of several nodes. `WHARF_PREVIOUS` names the older binary:
//!
//! ```sh
//! git worktree add ../previous COMMIT && (cd ../previous && cargo build -p wharf)
//! WHARF_PREVIOUS=../previous/target/debug/wharf cargo test -p wharf --test it -- two_versions --nocapture
//! ```

use std::path::{Path, PathBuf};

use serde_json::json;
use testkit::{Client, Started, Wharf, sha256};

use crate::events::{IMAGE, manifest};
use crate::postgres::Postgres;

/// A node with a folder of its own, and these settings beside those that all nodes share.
pub(crate) fn node(binary: &Path, folder: &Path, name: &str, database: &str, more: &[(&str, &str)]) -> Wharf {
    let (blobs, key) = (folder.join("blobs"), folder.join("master.key"));
    let shared = [
        ("WHARF__DATABASE__URL", database),
        ("WHARF__BLOBS__PATH", blobs.to_str().unwrap()),
        ("WHARF__MASTER_KEY_FILE", key.to_str().unwrap()),
    ];
    let settings = [&shared[..], more].concat();
    match Wharf::start_with(binary, &folder.join(name), None, &settings).unwrap() {
        Started::Ready(server) => server,
        Started::Ended => {
            panic!("{}", std::fs::read_to_string(folder.join(name).with_extension("log")).unwrap())
        }
    }
}

/// Gives a node that was not started yet the first account of another one.
pub(crate) fn same_account(folder: &Path, of: &str, to: &str) {
    std::fs::create_dir(folder.join(to)).unwrap();
    std::fs::copy(folder.join(of).join("dev.toml"), folder.join(to).join("dev.toml")).unwrap();
}

fn put(client: &Client, tag: &str, body: &str) {
    client
        .v2("PUT", &format!("/v2/app/manifests/{tag}"), IMAGE, body.as_bytes())
        .unwrap()
        .expect(201)
        .unwrap();
}

/// Another image of the same layers.
pub(crate) fn another(image: &str, number: usize) -> String {
    image.replace(r#""layers":[]"#, &format!(r#""layers":[],"annotations":{{"n":"{number}"}}"#))
}

/// One pushes, tags, deletes and sets what the other reads.
fn works_with(one: &Client, other: &Client, image: &str, round: usize) {
    let (first, second) = (another(image, 2 * round), another(image, 2 * round + 1));
    put(one, "v", &first);
    let pulled = other.v2("GET", "/v2/app/manifests/v", "", b"").unwrap().expect(200).unwrap();
    assert_eq!(pulled.body, first.as_bytes());
    put(other, "v", &second);
    let pulled = one.v2("GET", "/v2/app/manifests/v", "", b"").unwrap().expect(200).unwrap();
    assert_eq!(pulled.body, second.as_bytes());
    let body = testkit::noise(100_000, round as u64);
    let upload = format!("/v2/app/blobs/uploads/?digest={}", sha256(&body));
    one.v2("POST", &upload, "application/octet-stream", &body).unwrap().expect(201).unwrap();
    let blob = format!("/v2/app/blobs/{}", sha256(&body));
    assert_eq!(other.v2("GET", &blob, "", b"").unwrap().expect(200).unwrap().body, body);
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
        "Action": "ecr:BatchDeleteImage"}]});
    let set = json!({"repositoryName": "app", "policyText": policy.to_string()});
    one.ecr("SetRepositoryPolicy", &set.to_string()).unwrap().expect(200).unwrap();
    other.v2("DELETE", "/v2/app/manifests/v", "", b"").unwrap().expect(403).unwrap();
    other.ecr("DeleteRepositoryPolicy", r#"{"repositoryName":"app"}"#).unwrap().expect(200).unwrap();
    one.v2("DELETE", "/v2/app/manifests/v", "", b"").unwrap().expect(202).unwrap();
    other.v2("GET", "/v2/app/manifests/v", "", b"").unwrap().expect(404).unwrap();
    let rules = json!({"rules": [{"rulePriority": 1, "selection": {"tagStatus": "untagged",
        "countType": "imageCountMoreThan", "countNumber": 900}, "action": {"type": "expire"}}]});
    let lifecycle = json!({"repositoryName": "app", "lifecyclePolicyText": rules.to_string()});
    other.ecr("PutLifecyclePolicy", &lifecycle.to_string()).unwrap().expect(200).unwrap();
    one.ecr("GetLifecyclePolicy", r#"{"repositoryName":"app"}"#).unwrap().expect(200).unwrap();
    let images = |client: &Client| {
        let said = client.ecr("DescribeImages", r#"{"repositoryName":"app"}"#).unwrap().expect(200).unwrap();
        said.json().unwrap()["imageDetails"].as_array().unwrap().len()
    };
    assert_eq!((images(one), images(other)), (2 * round + 2, 2 * round + 2));
}

#[test]
fn an_older_node_serves_beside_this_one() {
    let Some(previous) = std::env::var_os("WHARF_PREVIOUS") else {
        println!("skipped: WHARF_PREVIOUS names no binary of an older version, which takes minutes to build");
        return;
    };
    let (previous, this) = (PathBuf::from(previous), Path::new(env!("CARGO_BIN_EXE_wharf")));
    let (postgres, folder) = (Postgres::start(), tempfile::tempdir().unwrap());
    let old = node(&previous, folder.path(), "old", &postgres.url(), &[]);
    let image = manifest(&old.client().unwrap());
    put(&old.client().unwrap(), "before", &image);
    same_account(folder.path(), "old", "new");
    // The new node migrates the database under the old one.
    let new = node(this, folder.path(), "new", &postgres.url(), &[]);
    let (client_of_old, client_of_new) = (old.client().unwrap(), new.client().unwrap());
    let pulled = client_of_new.v2("GET", "/v2/app/manifests/before", "", b"").unwrap().expect(200).unwrap();
    assert_eq!(pulled.body, image.as_bytes(), "what the old version stored");
    client_of_new
        .v2("DELETE", &format!("/v2/app/manifests/{}", sha256(image.as_bytes())), "", b"")
        .unwrap()
        .expect(202)
        .unwrap();
    for round in 0..2 {
        let (one, other) =
            if round == 0 { (&client_of_old, &client_of_new) } else { (&client_of_new, &client_of_old) };
        works_with(one, other, &image, round);
    }
    // The old version starts on the newer schema.
    old.kill().unwrap();
    let old = node(&previous, folder.path(), "old", &postgres.url(), &[]);
    works_with(&old.client().unwrap(), &client_of_new, &image, 2);
}
