//! Two deployments: what is pushed to one is replicated to the other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Client, Started, Wharf, noise, sha256};

use crate::crash_collect::binary;
use crate::gc::push_image;
use crate::process::{said, wait_for, wharf};
use crate::proxy::Proxy;

/// The longest time until everything that waits has arrived.
const LIMIT: Duration = Duration::from_secs(90);
pub(crate) const HERE: &str = "us-east-1";
pub(crate) const THERE: &str = "eu-west-1";

pub(crate) struct Side {
    data: PathBuf,
    /// The account of its administrator.
    pub(crate) account: String,
    settings: Vec<(String, String)>,
    server: Option<Wharf>,
}

impl Side {
    pub(crate) fn new(folder: &Path, name: &str, region: &str) -> Self {
        Self::with(folder, name, region, &[])
    }

    /// The same with more settings.
    pub(crate) fn with(folder: &Path, name: &str, region: &str, more: &[(&str, &str)]) -> Self {
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut settings = vec![
            setting("WHARF__REGION", region),
            setting("WHARF__OUTBOUND__INSECURE_HOSTS", r#"["127.0.0.1"]"#),
            setting("WHARF__OUTBOUND__ALLOW_NETWORKS", r#"["127.0.0.1/32"]"#),
        ];
        settings.extend(more.iter().map(|(name, value)| setting(name, value)));
        let data = folder.join(name).join("data");
        std::fs::create_dir_all(data.parent().unwrap()).unwrap();
        let mut side = Self { data, account: String::new(), settings, server: None };
        side.start();
        let account = side.call("DescribeRegistry", &json!({}))["registryId"].as_str().unwrap().to_owned();
        Self { account, ..side }
    }

    /// Its public key, as an operator gets it.
    pub(crate) fn key(&self) -> String {
        let mut command = wharf();
        said(command.args(["replication", "key", "--data-dir"]).arg(&self.data)).trim().to_owned()
    }

    /// It starts again with this peer.
    pub(crate) fn knows(&mut self, peer: &str) {
        self.set("WHARF__PEERS", &format!("[{peer}]"));
    }

    /// It starts again with this setting.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
        self.restart();
    }

    /// `kill -9`, and a new start.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.start();
    }

    fn start(&mut self) {
        let settings: Vec<_> =
            self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let started = Wharf::start_with(binary(), &self.data, None, &settings).unwrap();
        let Started::Ready(server) = started else { panic!("{}", self.log()) };
        self.server = Some(server);
    }

    fn kill(&mut self) {
        self.server.take().unwrap().kill().unwrap();
    }

    pub(crate) fn client(&self) -> Client {
        self.server.as_ref().unwrap().client().unwrap()
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        let endpoint = std::fs::read_to_string(self.data.join("endpoint")).unwrap();
        let port = endpoint.trim().rsplit(':').next().unwrap().parse().unwrap();
        ([127, 0, 0, 1], port).into()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.data.with_extension("log")).unwrap()
    }

    pub(crate) fn call(&self, operation: &str, input: &Value) -> Value {
        let reply = self.client().ecr(operation, &input.to_string()).unwrap();
        reply.expect(200).unwrap().json().unwrap()
    }

    pub(crate) fn replicates(&self, rules: &Value) {
        self.call("PutReplicationConfiguration", &json!({"replicationConfiguration": {"rules": rules}}));
    }

    /// Creates the service-linked role of the account: the first rule does.
    pub(crate) fn can_act(&self) {
        self.replicates(&json!([{"destinations": [{"region": "ap-south-1", "registryId": self.account}]}]));
        self.replicates(&json!([]));
    }

    /// The images of a repository with their tags.
    pub(crate) fn images(&self, name: &str) -> BTreeMap<String, BTreeSet<String>> {
        let input = json!({"repositoryName": name, "maxResults": 1000}).to_string();
        let reply = self.client().ecr("DescribeImages", &input).unwrap();
        if reply.status != 200 {
            return BTreeMap::new();
        }
        let shown = reply.json().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let image = |image: &Value| {
            let tags = image["imageTags"].as_array().into_iter().flatten().map(text).collect();
            (text(&image["imageDigest"]), tags)
        };
        shown["imageDetails"].as_array().unwrap().iter().map(image).collect()
    }
}

/// Two deployments, where `a` replicates to `b` through a proxy.
pub(crate) fn two(folder: &Path, bandwidth: &str) -> (Side, Side, Proxy) {
    two_of([Side::new(folder, "a", HERE), Side::new(folder, "b", THERE)], bandwidth)
}

/// The same of these two, of which the first one replicates to the second.
pub(crate) fn two_of([mut a, mut b]: [Side; 2], bandwidth: &str) -> (Side, Side, Proxy) {
    let proxy = Proxy::start();
    let keys = (a.key(), b.key());
    a.knows(&format!(
        r#"{{name = "b", public_key = "{}", url = "http://{}", regions = ["{THERE}"], bandwidth = "{bandwidth}"}}"#,
        keys.1, proxy.address
    ));
    b.knows(&format!(
        r#"{{name = "a", public_key = "{}", accounts = {{ "{}" = "{}" }}}}"#,
        keys.0, a.account, b.account
    ));
    proxy.lead_to(Some(b.address()));
    // The first rule of an account creates its service-linked role.
    let rules = |rules: Value| json!({"replicationConfiguration": {"rules": rules}});
    b.call(
        "PutReplicationConfiguration",
        &rules(json!([{"destinations":
        [{"region": "ap-south-1", "registryId": b.account}]}])),
    );
    b.call("PutReplicationConfiguration", &rules(json!([])));
    let there = json!([{"region": THERE, "registryId": b.account}]);
    let rule = json!([{"destinations": there, "deleteReplication": {"enabled": true}}]);
    a.call("PutReplicationConfiguration", &rules(rule));
    (a, b, proxy)
}

/// Waits until nothing waits for the destination.
pub(crate) fn arrive(a: &Side, b: &Side) {
    let began = Instant::now();
    loop {
        let shown = a.call("WharfDescribeReplication", &json!({}));
        let destination = &shown["destinations"][0];
        assert_eq!(destination["failedCount"], 0, "{shown}\n{}\n{}", a.log(), b.log());
        if destination["waitingCount"] == 0 {
            return;
        }
        assert!(began.elapsed() < LIMIT, "{shown}\n{}\n{}", a.log(), b.log());
        std::thread::sleep(Duration::from_millis(200));
    }
}

pub(crate) fn create(side: &Side, name: &str) {
    side.call("CreateRepository", &json!({"repositoryName": name}));
}

#[test]
fn no_layer_is_sent_twice() {
    let folder = testkit::memory_folder().unwrap();
    let (a, b, proxy) = two(folder.path(), "8MiB");
    let (base, own) = (noise(3_000_000, 1), noise(500_000, 2));
    for name in ["team/one", "team/two"] {
        create(&a, name);
        push_image(&a.client(), name, "v1", &[&base, &own]);
        push_image(&a.client(), name, "v2", &[&base]);
    }
    arrive(&a, &b);
    for name in ["team/one", "team/two"] {
        assert_eq!(b.images(name), a.images(name), "{name}");
    }
    let sent = proxy.sent();
    assert!((3_500_000..3_600_000).contains(&sent), "{sent} bytes for 3500000 bytes of layers");
    let layer = b.client().v2("GET", &format!("/v2/team/two/blobs/{}", sha256(&base)), "", b"").unwrap();
    assert!(layer.expect(200).unwrap().body == base);
}

#[test]
fn a_backfill_replicates_what_was_there_before() {
    let folder = testkit::memory_folder().unwrap();
    let (a, b, _proxy) = two(folder.path(), "8MiB");
    a.replicates(&json!([]));
    create(&a, "app");
    let digest = push_image(&a.client(), "app", "v1", &[&noise(50_000, 1)]);
    a.replicates(&json!([{"destinations": [{"region": THERE, "registryId": b.account}]}]));
    let started = a.call(
        "StartReplicationBackfill",
        &json!({"destination": {"region": THERE, "registryId": b.account}}),
    );
    let which = json!({"replicationBackfillId": started["replicationBackfillId"]});
    wait_for("the backfill", || {
        (a.call("DescribeReplicationBackfillResults", &which)["status"] == "COMPLETE").then_some(())
    });
    assert_eq!(b.images("app")[&digest], ["v1".to_owned()].into());
    let image = json!({"repositoryName": "app", "imageId": {"imageTag": "v1"}});
    let shown = a.call("DescribeImageReplicationStatus", &image);
    assert_eq!(shown["replicationStatuses"][0]["status"], "COMPLETE", "{shown}");
}

/// Numbers that look random, the same for the same seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
