//! Requests of peers that are refused: of strangers, for accounts that are not mapped, old ones, changed ones, and those
//! that the destination does not allow.

use std::io::Write as _;
use std::path::Path;

use access::context::RepositoryRef;
use access::peer::{PeerAsks, PeerKey};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use testkit::sha256;

use crate::gc::push_layer;
use crate::http::{answer, connect, send_head};
use crate::peers::Side;

const PATH: &str = "/wharf/replication";
const THEIRS: &str = "111122223333";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn key(seed: u8) -> PeerKey {
    PeerKey::from_seed(&[seed; 32]).unwrap()
}

/// A deployment that knows the peer with the first key. The account of the peer acts as its administrator's account.
fn receiving(folder: &Path) -> Side {
    let mut b = Side::new(folder, "b", "eu-west-1");
    b.knows(&format!(
        r#"{{name = "a", public_key = "{}", accounts = {{ "{THEIRS}" = "{}" }}}}"#,
        key(1).public(),
        b.account
    ));
    b
}

/// A request, valid unless it is changed.
struct Asked<'a> {
    by: PeerKey,
    to: String,
    source: &'a str,
    destination: String,
    at: Timestamp,
    signed_path: String,
    path: String,
    signed_body: Option<Vec<u8>>,
    body: Vec<u8>,
}

impl Asked<'_> {
    fn put(b: &Side, digest: &str, manifest: &str) -> Self {
        let body = json!({"operation": "putImage", "digest": digest, "mediaType": INDEX, "manifest": manifest,
            "tag": "v1", "taggedAt": 7, "allowsMissing": false});
        Self::of(b, PATH, &body)
    }

    fn of(b: &Side, path: &str, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        Self {
            by: key(1),
            to: b.key(),
            source: THEIRS,
            destination: b.account.clone(),
            at: Timestamp::now(),
            signed_path: path.to_owned(),
            path: path.to_owned(),
            signed_body: Some(body.clone()),
            body,
        }
    }

    fn header(&self) -> String {
        let repository = RepositoryRef {
            account_id: self.destination.parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
            name: "app".parse().unwrap(),
        };
        let source = (&self.source.parse().unwrap(), &"us-east-1".parse().unwrap());
        let (path, body) = (self.signed_path.as_str(), self.signed_body.as_deref());
        let asks = PeerAsks { path, body, source, repository: &repository };
        let to = access::peer::PublicKey::parse(&self.to).unwrap();
        self.by.sign(to, asks, self.at).unwrap()
    }

    /// The status and the body of the answer.
    fn sent(&self, b: &Side) -> (u16, String) {
        self.sent_as(b, &self.header())
    }

    fn sent_as(&self, b: &Side, header: &str) -> (u16, String) {
        let mut stream = connect(&format!("http://localhost:{}", b.address().port()));
        let length = self.body.len().to_string();
        let headers = [("host", "localhost"), ("authorization", header), ("content-length", &length)];
        send_head(&mut stream, &format!("POST {}", self.path), &headers);
        stream.write_all(&self.body).unwrap();
        answer(&mut stream)
    }
}

fn index() -> (String, String) {
    let manifest = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).to_string();
    (sha256(manifest.as_bytes()), manifest)
}

#[test]
fn what_no_peer_signed_is_refused() {
    let folder = testkit::memory_folder().unwrap();
    let b = receiving(folder.path());
    b.can_act();
    let (digest, manifest) = index();
    let valid = || Asked::put(&b, &digest, &manifest);
    let long_ago = Timestamp::now() - SignedDuration::from_mins(6);
    let other = json!({"operation": "delete", "digest": digest, "tag": "v1"});
    for (why, asked, status, says) in [
        ("a stranger", Asked { by: key(2), ..valid() }, 401, "InvalidToken"),
        ("for another deployment", Asked { to: key(3).public().to_string(), ..valid() }, 401, "InvalidToken"),
        ("an old request", Asked { at: long_ago, ..valid() }, 401, "ExpiredToken"),
        ("another body", Asked { body: other.to_string().into(), ..valid() }, 401, "InvalidToken"),
        ("a part as a request", Asked { signed_body: None, ..valid() }, 401, "InvalidToken"),
        (
            "another path",
            Asked { signed_path: "/wharf/replication/layers/1".into(), ..valid() },
            401,
            "InvalidToken",
        ),
        (
            "an account that is not mapped",
            Asked { source: "444455556666", ..valid() },
            403,
            "has not mapped it",
        ),
    ] {
        let (got, text) = asked.sent(&b);
        assert!(got == status && text.contains(says), "{why}: {text}");
    }
    let header = valid().header();
    for at in ["Wharf-Peer ".len() + 9, header.len() - 9] {
        let mut changed = header.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let (status, text) = valid().sent_as(&b, std::str::from_utf8(&changed).unwrap());
        assert_eq!(status, 401, "{text}");
    }
    assert_eq!(valid().sent_as(&b, "Basic QVdTOng=").0, 401);
    assert!(b.images("app").is_empty());
}

#[test]
fn the_destination_decides_about_the_mapped_account() {
    let folder = testkit::memory_folder().unwrap();
    let b = receiving(folder.path());
    let (digest, manifest) = index();
    let valid = || Asked::put(&b, &digest, &manifest);
    let (status, text) = valid().sent(&b);
    assert!(status == 403 && text.contains("no service-linked role"), "{text}");
    b.can_act();
    // Another tenant has not allowed it.
    let (status, text) = Asked { destination: "999988887777".to_owned(), ..valid() }.sent(&b);
    assert!(status == 403 && text.contains("AWSServiceRoleForECRReplication"), "{text}");
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
        "Action": "ecr:ReplicateImage", "Resource": "*"}]});
    b.call("PutRegistryPolicy", &json!({"policyText": policy.to_string()}));
    let (status, text) = valid().sent(&b);
    assert!(status == 403 && text.contains("explicit deny"), "{text}");
    b.call("DeleteRegistryPolicy", &json!({}));
    let (status, text) = valid().sent(&b);
    assert!(status == 200 && text.contains(r#"{"result":"done"}"#), "{text}");
    assert_eq!(b.images("app")[&digest], ["v1".to_owned()].into());
}

#[test]
fn a_request_that_is_sent_again_does_nothing() {
    let folder = testkit::memory_folder().unwrap();
    let b = receiving(folder.path());
    b.can_act();
    let (digest, manifest) = index();
    let put = Asked::put(&b, &digest, &manifest);
    assert!(put.sent(&b).1.contains(r#"{"result":"done"}"#));
    let delete = json!({"operation": "delete", "digest": digest, "tag": null});
    assert!(Asked::of(&b, PATH, &delete).sent(&b).1.contains(r#"{"result":"done"}"#));
    assert!(b.images("app").is_empty());
    let (status, text) = put.sent(&b);
    assert!(status == 200 && text.contains(r#"{"result":"overtaken"}"#), "{text}");
    assert!(b.images("app").is_empty());
}

#[test]
fn an_image_sent_before_its_deletion_creates_nothing() {
    let folder = testkit::memory_folder().unwrap();
    let b = receiving(folder.path());
    b.can_act();
    // The registry exists; the repository does not.
    b.call("CreateRepository", &json!({"repositoryName": "other"}));
    let (digest, manifest) = index();
    let put = Asked::put(&b, &digest, &manifest);
    let delete = json!({"operation": "delete", "digest": digest, "tag": null});
    assert!(Asked::of(&b, PATH, &delete).sent(&b).1.contains(r#"{"result":"done"}"#));
    let (status, text) = put.sent(&b);
    assert!(status == 200 && text.contains(r#"{"result":"overtaken"}"#), "{text}");
    let repositories = b.call("DescribeRepositories", &json!({}))["repositories"].to_string();
    assert!(repositories.contains("other") && !repositories.contains("app"), "{repositories}");
    assert!(Asked::put(&b, &digest, &manifest).sent(&b).1.contains(r#"{"result":"done"}"#));
}

#[test]
fn bytes_are_verified_when_they_arrive() {
    let folder = testkit::memory_folder().unwrap();
    let b = receiving(folder.path());
    b.can_act();
    let (digest, manifest) = index();
    let (status, text) = Asked::put(&b, &sha256(b"other"), &manifest).sent(&b);
    assert!(status == 400 && text.contains("DigestInvalid"), "{text}");
    assert_eq!(Asked::put(&b, &digest, &manifest).sent(&b).0, 200);
    let layer = sha256(b"layer");
    let find = || Asked::of(&b, PATH, &json!({"operation": "findLayer", "digest": layer})).sent(&b);
    for (bytes, expected) in [("wrong", 400), ("layer", 200)] {
        let (status, text) = find();
        assert!(status == 200 && text.contains(r#""offset":0"#), "{text}");
        let answer: Value = serde_json::from_str(&text[text.find('{').unwrap()..]).unwrap();
        let path = format!("{PATH}/layers/{}?start=0&size=5&digest={layer}", answer["id"].as_str().unwrap());
        let part = Asked { body: bytes.into(), signed_body: None, ..Asked::of(&b, &path, &json!({})) };
        let (status, text) = part.sent(&b);
        assert_eq!(status, expected, "{text}");
    }
    let (status, text) = find();
    assert!(status == 200 && text.contains(r#"{"result":"done"}"#), "{text}");
}

#[test]
fn two_peers_that_act_as_one_account_share_no_upload() {
    let folder = testkit::memory_folder().unwrap();
    let mut b = Side::new(folder.path(), "b", "eu-west-1");
    let peer = |name: &str, seed: u8| {
        let (key, account) = (key(seed).public(), &b.account);
        format!(r#"{{name = "{name}", public_key = "{key}", accounts = {{ "{THEIRS}" = "{account}" }}}}"#)
    };
    let both = format!("{}, {}", peer("a", 1), peer("c", 4));
    b.knows(&both);
    b.can_act();
    let (digest, manifest) = index();
    assert_eq!(Asked::put(&b, &digest, &manifest).sent(&b).0, 200);
    let layer = sha256(b"layer");
    let find = |seed: u8| {
        let asked = Asked::of(&b, PATH, &json!({"operation": "findLayer", "digest": layer}));
        let (status, text) = Asked { by: key(seed), ..asked }.sent(&b);
        assert_eq!(status, 200, "{text}");
        serde_json::from_str::<Value>(&text[text.find('{').unwrap()..]).unwrap()
    };
    let path = format!("{PATH}/layers/{}?start=0&size=5&digest={layer}", find(1)["id"].as_str().unwrap());
    let part = |seed: u8| {
        let asked = Asked::of(&b, &path, &json!({}));
        Asked { by: key(seed), body: "laye".into(), signed_body: None, ..asked }.sent(&b)
    };
    let (status, text) = part(1);
    assert_eq!(status, 200, "{text}");
    assert_eq!(find(1)["offset"], 4);
    assert_eq!(find(4)["offset"], 0, "it has sent nothing");
}

/// Asks for a setting of the repository with a time of change.
fn put_setting(b: &Side, (kind, at): (&str, i64), value: &Value) -> (u16, String) {
    let setting = json!({"kind": kind, "changedAt": at, "value": value.to_string()});
    Asked::of(b, PATH, &json!({"operation": "putSettings", "settings": [setting]})).sent(b)
}

#[test]
fn policies_of_a_peer_name_only_accounts_that_are_mapped() {
    let folder = testkit::memory_folder().unwrap();
    let b = receiving(folder.path());
    b.can_act();
    let root = |account: &str| json!({"AWS": format!("arn:aws:iam::{account}:root")});
    let policy = |principal: Value, condition: Value| {
        let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "ecr:BatchGetImage",
            "Condition": condition});
        json!({"Version": "2012-10-17", "Statement": [statement]})
    };
    let mapped = policy(root(THEIRS), json!({}));
    let (status, text) = put_setting(&b, ("policy", 1), &mapped);
    assert!(status == 200 && text.contains("SettingsNotAccepted"), "{text}");
    b.call("PutAccountSetting", &json!({"name": "WHARF_REPLICATION_POLICIES", "value": "ENABLED"}));
    let condition = json!({"StringEquals": {"aws:PrincipalAccount": b.account}});
    for (at, refused) in [(2, policy(root(&b.account), json!({}))), (3, policy("*".into(), condition))] {
        let (status, text) = put_setting(&b, ("policy", at), &refused);
        assert!(status == 200 && text.contains("InvalidRepositoryPolicy"), "{text}");
    }
    let (status, text) = put_setting(&b, ("policy", 4), &mapped);
    assert!(status == 200 && text.contains(r#""refused":[]"#), "{text}");
    let shown = b.call("GetRepositoryPolicy", &json!({"repositoryName": "app"}));
    let shown = shown["policyText"].as_str().unwrap();
    assert!(shown.contains(&b.account) && !shown.contains(THEIRS), "{shown}");
}

#[test]
fn settings_of_a_peer_follow_the_rules_of_the_api() {
    let folder = testkit::memory_folder().unwrap();
    let b = receiving(folder.path());
    b.can_act();
    for option in ["SETTINGS", "TAGS"] {
        let name = format!("WHARF_REPLICATION_{option}");
        b.call("PutAccountSetting", &json!({"name": name, "value": "ENABLED"}));
    }
    let fifty_one: Vec<_> = (0..51).map(|at| [format!("k{at}"), String::new()]).collect();
    for (kind, value, refused) in [
        ("tags", json!([["aws:team", "a"]]), "InvalidTags"),
        ("tags", json!([["team", "a"], ["Team", "b"]]), "InvalidTags"),
        ("tags", json!([["team", "a\u{0}"]]), "InvalidTags"),
        ("tags", json!(fifty_one), "InvalidTags"),
        ("tagMutability", json!(["IMMUTABLE", ["dev*"]]), "InvalidSetting"),
        ("tagMutability", json!(["IMMUTABLE_WITH_EXCLUSION", []]), "InvalidSetting"),
        ("tagMutability", json!(["IMMUTABLE_WITH_EXCLUSION", ["dev/*"]]), "InvalidSetting"),
    ] {
        let (status, text) = put_setting(&b, (kind, 1), &value);
        assert!(status == 200 && text.contains(refused), "{value}: {text}");
    }
    for (kind, value) in [
        ("tags", json!([["team", "a"]])),
        ("tagMutability", json!(["IMMUTABLE_WITH_EXCLUSION", ["dev-*"]])),
        ("tagMutability", json!(["MUTABLE", []])),
    ] {
        let (status, text) = put_setting(&b, (kind, 2), &value);
        assert!(status == 200 && text.contains(r#""refused":[]"#), "{value}: {text}");
    }
}

#[test]
fn a_digest_alone_gets_no_layer_of_another_repository() {
    let folder = testkit::memory_folder().unwrap();
    let b = receiving(folder.path());
    b.can_act();
    let (digest, manifest) = index();
    assert_eq!(Asked::put(&b, &digest, &manifest).sent(&b).0, 200);
    b.call("CreateRepository", &json!({"repositoryName": "secret"}));
    let layer = push_layer(&b.client(), "secret", b"what only this deployment has");
    let find = Asked::of(&b, PATH, &json!({"operation": "findLayer", "digest": layer}));
    let (status, text) = find.sent(&b);
    assert!(status == 200 && text.contains(r#""offset":0"#), "{text}");
    let head = b.client().v2("HEAD", &format!("/v2/app/blobs/{layer}"), "", b"").unwrap();
    assert_eq!(head.status, 404);
}
