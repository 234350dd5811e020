//! A peer with TLS, whose certificate a private authority has signed.

use std::path::Path;

use serde_json::json;

use crate::gc::push_image;
use crate::peers::{Side, THERE, arrive, create};
use crate::process::wait_for;
use crate::tls_front::Authority;

/// Two deployments: `a` replicates to `b` by HTTPS, and trusts this authority.
fn two(folder: &Path, trusted: &Authority, of_server: &Authority) -> (Side, Side) {
    let (mut a, mut b) = (Side::new(folder, "a", "us-east-1"), Side::new(folder, "b", THERE));
    let (key_of_a, key_of_b) = (a.key(), b.key());
    b.knows(&format!(
        r#"{{name = "a", public_key = "{key_of_a}", accounts = {{ "{}" = "{}" }}}}"#,
        a.account, b.account
    ));
    b.can_act();
    let ca = folder.join("ca.pem");
    std::fs::write(&ca, &trusted.pem).unwrap();
    let front = of_server.in_front_of(b.address());
    a.knows(&format!(
        r#"{{name = "b", public_key = "{key_of_b}", url = "https://{front}", ca_file = "{}", regions = ["{THERE}"]}}"#,
        ca.display()
    ));
    a.replicates(&json!([{"destinations": [{"region": THERE, "registryId": b.account}]}]));
    (a, b)
}

#[test]
fn a_peer_can_have_a_private_authority() {
    let folder = testkit::memory_folder().unwrap();
    let authority = Authority::new();
    let (a, b) = two(folder.path(), &authority, &authority);
    create(&a, "app");
    push_image(&a.client(), "app", "v1", &[b"layer"]);
    arrive(&a, &b);
    assert!(!b.images("app").is_empty());
    assert_eq!(b.images("app"), a.images("app"));
}

#[test]
fn a_peer_of_another_authority_gets_nothing() {
    let folder = testkit::memory_folder().unwrap();
    let (trusted, other) = (Authority::new(), Authority::new());
    let (a, b) = two(folder.path(), &trusted, &other);
    create(&a, "app");
    push_image(&a.client(), "app", "v1", &[b"layer"]);
    let told = wait_for("the refusal", || {
        let log = a.log();
        let line = log.lines().find(|line| line.contains("a peer is tried again"))?;
        Some(line.to_owned())
    });
    assert!(told.contains("invalid peer certificate"), "{told}");
    let waiting = a.call("WharfDescribeReplication", &json!({}));
    let destination = &waiting["destinations"][0];
    assert_eq!((&destination["waitingCount"], &destination["failedCount"]), (&json!(1), &json!(0)));
    assert!(b.images("app").is_empty());
}
