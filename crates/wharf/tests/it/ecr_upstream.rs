//! A pull-through cache rule for a registry of another deployment: with an access key there, and with a role there.

use std::path::Path;

use serde_json::{Value, json};
use testkit::{noise, sha256};

use crate::gc::push_image;
use crate::http::signed;
use crate::peers::{Side, THERE, create};

/// A deployment that caches from another one, where its operator has an access key.
struct Two {
    here: Side,
    there: Side,
    folder: tempfile::TempDir,
}

fn two(accounts: &dyn Fn(&Side) -> String) -> Two {
    let folder = testkit::memory_folder().unwrap();
    let there = Side::new(folder.path(), "there", THERE);
    let mut here = Side::new(folder.path(), "here", "us-east-1");
    let client = there.client();
    let (id, secret) = client.credentials().key();
    let file = secret_file(folder.path(), secret);
    let (address, accounts) = (there.address(), accounts(&here));
    let place = format!(r#"host = "{address}", region = "{THERE}", endpoint = "http://{address}""#);
    let key = format!(r#"access_key_id = "{id}", secret_access_key_file = "{file}""#);
    here.set("WHARF__PULL_THROUGH__ECR", &format!(r#"[{{ {place}, {key}, accounts = ["{accounts}"] }}]"#));
    Two { here, there, folder }
}

fn secret_file(folder: &Path, secret: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let file = folder.join("secret");
    std::fs::write(&file, secret).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    file.display().to_string()
}

impl Two {
    /// A rule for the repositories below `team` there; its name is its prefix.
    fn rule(&self, prefix: &str, role: Option<&str>) -> Value {
        let mut input = json!({
            "ecrRepositoryPrefix": prefix,
            "upstreamRegistryUrl": self.there.address().to_string(),
            "upstreamRepositoryPrefix": format!("{}/team", self.there.account),
        });
        if let Some(role) = role {
            input["customRoleArn"] = json!(role);
        }
        self.here.call("CreatePullThroughCacheRule", &input)
    }

    fn validated(&self, prefix: &str) -> Value {
        self.here.call("ValidatePullThroughCacheRule", &json!({"ecrRepositoryPrefix": prefix}))
    }

    fn get(&self, path: &str) -> (u16, Vec<u8>) {
        let reply = self.here.client().v2("GET", path, "", b"").unwrap();
        (reply.status, reply.body)
    }

    /// Calls IAM there as its administrator.
    fn iam(&self, operation: &str, parameters: &[(&str, &str)]) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", operation).append_pair("Version", "2010-05-08").extend_pairs(parameters);
        let client = self.there.client();
        let endpoint = format!("http://{}", self.there.address());
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let (status, said) = signed(&endpoint, client.credentials().key(), "iam", &headers, &form.finish());
        assert_eq!(status, 200, "{operation}: {said}");
    }

    /// A role there that may pull, with the trust policy of the page for this external ID; returns its ARN.
    fn role(&self, name: &str, external_id: &str) -> String {
        let account = &self.there.account;
        let page = include_str!("../../../../docs/pull-through-cache.md");
        let trust = page
            .split("```json\n")
            .find(|block| block.starts_with('{') && block.contains("sts:ExternalId"))
            .unwrap();
        let trust = trust
            .split("```")
            .next()
            .unwrap()
            .replace("arn:aws:iam::111122223333:user/wharf", &format!("arn:aws:iam::{account}:root"))
            .replace("123456789012", external_id);
        let actions = ["ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
        let allow = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}});
        self.iam("CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", &trust)]);
        let policy = [("RoleName", name), ("PolicyName", "pull"), ("PolicyDocument", &allow.to_string())];
        self.iam("PutRolePolicy", &policy);
        format!("arn:aws:iam::{account}:role/{name}")
    }
}

#[test]
fn a_rule_pulls_from_an_ecr_registry_elsewhere() {
    let two = two(&|here| here.account.clone());
    let layer = noise(400_000, 1);
    create(&two.there, "team/app");
    let digest = push_image(&two.there.client(), "team/app", "v1", &[&layer]);
    let made = two.rule("far", None);
    assert_eq!(made["upstreamRegistry"], "ecr", "{made}");
    let validated = two.validated("far");
    assert_eq!(validated["isValid"], true, "{validated}\n{}", two.here.log());
    let (status, manifest) = two.get("/v2/far/app/manifests/v1");
    assert_eq!((status, sha256(&manifest)), (200, digest), "{}", two.here.log());
    let (status, pulled) = two.get(&format!("/v2/far/app/blobs/{}", sha256(&layer)));
    assert!(status == 200 && pulled == layer, "{status}");
    let log = two.here.log();
    let secret = std::fs::read_to_string(two.folder.path().join("secret")).unwrap();
    assert!(!log.contains(&secret), "no secret is in the log");
}

#[test]
fn a_role_of_the_other_deployment_pulls() {
    let two = two(&|here| here.account.clone());
    create(&two.there, "team/app");
    push_image(&two.there.client(), "team/app", "v1", &[b"layer"]);
    let (mine, others) = (two.role("mine", &two.here.account), two.role("others", "another account"));
    two.rule("refused", Some(&others));
    let told = two.validated("refused");
    assert_eq!(told["isValid"], false, "{told}");
    let why = told["failure"].as_str().unwrap();
    assert!(
        why.starts_with(&format!("There is no authorization token for the custom role {others}")),
        "{why}"
    );
    let (status, body) = two.get("/v2/refused/app/manifests/v1");
    let body = String::from_utf8(body).unwrap();
    assert!(status == 403 && body.contains("DENIED") && body.contains("others"), "{status} {body}");
    two.rule("far", Some(&mine));
    let (status, _) = two.get("/v2/far/app/manifests/v1");
    assert_eq!(status, 200, "{}", two.here.log());
}

#[test]
fn an_account_that_is_not_named_pulls_without_the_key() {
    let two = two(&|_| "999988887777".to_owned());
    create(&two.there, "team/app");
    push_image(&two.there.client(), "team/app", "v1", &[b"layer"]);
    two.rule("far", None);
    let (status, body) = two.get("/v2/far/app/manifests/v1");
    let body = String::from_utf8(body).unwrap();
    assert!(status == 403 && body.contains("denied access (401)"), "{status} {body}");
}
