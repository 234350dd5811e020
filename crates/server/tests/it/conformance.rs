//! The OCI conformance suite against the server in this process. `cargo xtask conformance` runs it against the
//! real binary; this is the short way while working on the server.

use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::node::Node;

/// Off by default in one version or the other.
const OPTIONS: [&str; 5] = [
    "OCI_API_BLOBS_DIGEST_HEADER",
    "OCI_API_BLOBS_UPLOAD_CANCEL",
    "OCI_API_MANIFESTS_DIGEST_HEADER",
    "OCI_API_MANIFESTS_TAG_PARAM",
    "OCI_DATA_SPARSE",
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the suite, which `cargo xtask install` builds"]
async fn the_suite_passes_with_nothing_skipped() {
    for version in ["1.1", "dev"] {
        let node = Node::start().await;
        node.create("conformance/repo1", None).await;
        node.create("conformance/repo2", None).await;
        let token = STANDARD.decode(&node.password).unwrap();
        let password = String::from_utf8(token).unwrap().split_once(':').unwrap().1.to_owned();
        let home = std::env::var("HOME").unwrap();
        let results = tempfile::tempdir().unwrap();
        let mut suite = Command::new(format!("{home}/.cache/wharf-tools/bin/conformance"));
        suite
            .current_dir(results.path())
            .env("OCI_REGISTRY", node.address.to_string())
            .env("OCI_TLS", "disabled")
            .env("OCI_REPO1", "conformance/repo1")
            .env("OCI_REPO2", "conformance/repo2")
            .env("OCI_USERNAME", "AWS")
            .env("OCI_PASSWORD", password)
            .env("OCI_VERSION", version)
            .env("OCI_RESULTS_DIR", results.path())
            .envs(OPTIONS.map(|option| (option, "true")))
            .stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || suite.output()).await.unwrap().unwrap();
        let report = std::fs::read_to_string(results.path().join("junit.xml")).unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{version}: {said}");
        assert!(!report.contains("<skipped"), "{version}: something was skipped: {said}");
        assert!(report.contains("<testcase"), "{version}: nothing ran: {said}");
    }
}
