//! Rules of a tenant send the events of its account to API destinations: with credentials, in order, through kills, and
//! only while the role of the target may invoke the destination.

use std::path::PathBuf;
use std::time::Duration;

use fault::Fault;
use serde_json::{Value, json};
use testkit::{Client, Credentials, Started, Wharf};

use crate::events::{IMAGE, acknowledged, expected, manifest, work};
use crate::http::signed;
use crate::process::{said, wait_for};
use crate::receiver::{Answer, Receiver, Tls};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
const ALLOW: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"events:InvokeApiDestination","Resource":"*"}}"#;
const DENY: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"events:InvokeApiDestination","Resource":"*"}}"#;

/// A deployment that trusts the certificate of receivers.
struct Site {
    folder: tempfile::TempDir,
    tls: Tls,
}

impl Site {
    fn new() -> Self {
        let (folder, tls) = (tempfile::tempdir().unwrap(), Tls::new());
        std::fs::write(folder.path().join("ca.pem"), &tls.pem).unwrap();
        Self { folder, tls }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn started(&self, fault: Option<&str>) -> Running<'_> {
        let trusted = self.folder.path().join("ca.pem");
        let settings = [("SSL_CERT_FILE", trusted.to_str().unwrap())];
        let started =
            Wharf::start_with(env!("CARGO_BIN_EXE_wharf").as_ref(), &self.data(), fault, &settings).unwrap();
        match started {
            Started::Ready(server) => {
                let endpoint = std::fs::read_to_string(self.data().join("endpoint")).unwrap();
                Running { site: self, server, endpoint: endpoint.trim().to_owned() }
            }
            Started::Ended => panic!("{}", self.log()),
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.data().with_extension("log")).unwrap()
    }

    /// The name of the target among the targets of deliveries.
    fn target(&self) -> String {
        let text = std::fs::read_to_string(self.data().join("dev.toml")).unwrap();
        let account = text.parse::<toml::Table>().unwrap()["account_id"].as_str().unwrap().to_owned();
        format!("rule/{account}/us-east-1/pushes/1")
    }

    /// A command that opens the store.
    fn wharf(&self, words: &[&str]) -> String {
        said(crate::process::wharf().args(words).arg("--data-dir").arg(self.data()))
    }
}

/// How many deliveries failed. A line of the log tells of several if nothing could be called.
fn refused(site: &Site) -> u64 {
    let log = site.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let failed = lines.filter(|line| line["message"] == "an event could not be delivered");
    failed.filter_map(|line| line["deliveries"].as_u64()).sum()
}

struct Running<'s> {
    site: &'s Site,
    server: Wharf,
    endpoint: String,
}

impl Running<'_> {
    fn asked(&self, service: &str, headers: &[(&'static str, &str)], body: &str) -> (u16, String) {
        let credentials = Credentials::of_dev_folder(&self.site.data()).unwrap();
        let (status, text) = signed(&self.endpoint, credentials.key(), service, headers, body);
        (status, text.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    fn events(&self, operation: &str, input: &Value) -> Value {
        let target = format!("AWSEvents.{operation}");
        let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        let (status, body) = self.asked("events", &headers, &input.to_string());
        assert_eq!(status, 200, "{operation}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    fn iam(&self, operation: &str, parameters: &[(&str, &str)]) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", operation).append_pair("Version", "2010-05-08").extend_pairs(parameters);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let (status, body) = self.asked("iam", &headers, &form.finish());
        assert_eq!(status, 200, "{operation}: {body}");
    }

    /// What the role of the target may do.
    fn allow(&self, policy: &str) {
        let named = [("RoleName", "invoker"), ("PolicyName", "p"), ("PolicyDocument", policy)];
        self.iam("PutRolePolicy", &named);
    }

    /// A rule for pushes and deletions of images whose target is the receiver.
    fn set_up(&self, receiver: &Receiver, connection: &Value, more: &Value) {
        self.iam("CreateRole", &[("RoleName", "invoker"), ("AssumeRolePolicyDocument", TRUST)]);
        self.allow(ALLOW);
        let made = self.events("CreateConnection", connection);
        let destination = json!({
            "Name": "hook", "ConnectionArn": made["ConnectionArn"], "HttpMethod": "POST",
            "InvocationEndpoint": format!("https://localhost:{}/hook/*", receiver.address().port()),
        });
        let made = self.events("CreateApiDestination", &destination);
        let pattern = r#"{"source":["aws.ecr"],"detail-type":["ECR Image Action"]}"#;
        let rule = self.events("PutRule", &json!({"Name": "pushes", "EventPattern": pattern}));
        let account = rule["RuleArn"].as_str().unwrap().split(':').nth(4).unwrap().to_owned();
        let mut target = json!({
            "Id": "1", "Arn": made["ApiDestinationArn"],
            "RoleArn": format!("arn:aws:iam::{account}:role/invoker"),
            "HttpParameters": {"PathParameterValues": ["a b"], "QueryStringParameters": {"q": "1"}},
        });
        target.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.events("PutTargets", &json!({"Rule": "pushes", "Targets": [target]}));
    }

    fn client(&self) -> Client {
        self.server.client().unwrap()
    }
}

fn api_key() -> Value {
    json!({
        "Name": "key", "AuthorizationType": "API_KEY",
        "AuthParameters": {
            "ApiKeyAuthParameters": {"ApiKeyName": "x-api-key", "ApiKeyValue": "hidden-key"},
            "InvocationHttpParameters": {
                "HeaderParameters": [{"Key": "x-team", "Value": "blue"}],
                "BodyParameters": [{"Key": "from", "Value": "wharf"}],
            },
        },
    })
}

/// What happened to images, each once, in the order in which it was first told.
fn told(receiver: &Receiver) -> Vec<String> {
    let mut told = Vec::new();
    for request in receiver.requests() {
        let event: Value = serde_json::from_str(&request.body).unwrap();
        let detail = &event["detail"];
        let action = format!(
            "{} {}",
            detail["action-type"].as_str().unwrap(),
            detail["image-tag"].as_str().unwrap_or_default()
        );
        if !told.contains(&action) {
            told.push(action);
        }
    }
    told
}

#[test]
fn an_api_destination_gets_the_events_of_its_account() {
    let site = Site::new();
    let receiver = Receiver::with_tls(&site.tls, None);
    let running = site.started(None);
    running.set_up(&receiver, &api_key(), &json!({}));
    let client = running.client();
    work(&client, &manifest(&client), &["v1", "v2"]).unwrap();
    wait_for("the events", || (told(&receiver).len() >= 4).then_some(()));
    assert_eq!(told(&receiver), expected(&["v1", "v2"]));
    let request = receiver.requests().remove(0);
    assert_eq!(request.line, "POST /hook/a%20b?q=1");
    assert_eq!((request.header("x-api-key"), request.header("x-team")), ("hidden-key", "blue"));
    assert_eq!(request.header("user-agent"), "Amazon/EventBridge/ApiDestinations");
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!((&body["from"], &body["source"]), (&"wharf".into(), &"aws.ecr".into()));
    let shown = running.events("DescribeConnection", &json!({"Name": "key"})).to_string();
    assert!(!shown.contains("hidden-key") && !site.log().contains("hidden-key"), "{shown}");
    running.server.kill().unwrap();
    for file in std::fs::read_dir(site.data()).unwrap().map(|file| file.unwrap().path()) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(!bytes.windows(10).any(|part| part == b"hidden-key"), "{}", file.display());
    }
}

#[test]
fn a_role_without_the_permission_makes_dead_letters() {
    let site = Site::new();
    let receiver = Receiver::with_tls(&site.tls, None);
    let running = site.started(None);
    running.set_up(&receiver, &api_key(), &json!({}));
    running.allow(DENY);
    let client = running.client();
    let image = manifest(&client);
    work(&client, &image, &["v1"]).unwrap();
    wait_for("both refusals", || (refused(&site) >= 2).then_some(()));
    assert!(site.log().contains("events:InvokeApiDestination"), "{}", site.log());
    assert_eq!(receiver.requests().len(), 0);
    running.allow(ALLOW);
    work(&client, &image, &["v2"]).unwrap();
    wait_for("the later events", || (told(&receiver).len() >= 2).then_some(()));
    assert_eq!(told(&receiver), expected(&["v2"]));
    running.server.kill().unwrap();
    assert!(site.wharf(&["events", "dead-letters", &site.target()]).contains("not authorized"));
    assert_eq!(site.wharf(&["events", "replay", &site.target(), "--all"]), "2 delivered again.\n");
    let running = site.started(None);
    wait_for("the replay", || (told(&receiver).len() >= 4).then_some(()));
    // A target that is removed leaves nothing.
    running.events("RemoveTargets", &json!({"Rule": "pushes", "Ids": ["1"]}));
    running.events("DeleteRule", &json!({"Name": "pushes"}));
    let client = running.client();
    client.v2("PUT", "/v2/app/manifests/v3", IMAGE, image.as_bytes()).unwrap().expect(201).unwrap();
    running.server.kill().unwrap();
    let running = site.started(None);
    let is_gone = || {
        let targets = running.events("ListRules", &json!({}));
        targets["Rules"].as_array().unwrap().is_empty().then_some(())
    };
    wait_for("no rule", is_gone);
    assert_eq!(told(&receiver).len(), 4);
}

/// The classes of roles that may not invoke the destination. The permission is decided when an event is delivered.
#[test]
fn only_a_role_that_may_invoke_the_destination_is_used() {
    let site = Site::new();
    let receiver = Receiver::with_tls(&site.tls, None);
    let running = site.started(None);
    running.set_up(&receiver, &api_key(), &json!({}));
    let client = running.client();
    let image = manifest(&client);
    let destination = running.events("DescribeApiDestination", &json!({"Name": "hook"}));
    let arn = destination["ApiDestinationArn"].as_str().unwrap().to_owned();
    let document = |effect: &str, action: &str, resource: &str| {
        let statement = json!({"Effect": effect, "Action": action, "Resource": resource});
        json!({"Version": "2012-10-17", "Statement": statement}).to_string()
    };
    let refusals = || refused(&site);
    let invoke = "events:InvokeApiDestination";
    for policy in [
        DENY.to_owned(),
        document("Allow", "events:PutTargets", "*"),
        document("Allow", invoke, &arn.replace("hook", "other")),
        // The ARN without its ID.
        document("Allow", invoke, arn.rsplit_once('/').unwrap().0),
    ] {
        let before = refusals();
        running.allow(&policy);
        work(&client, &image, &["no"]).unwrap();
        wait_for("both refusals", || (refusals() >= before + 2).then_some(()));
        assert_eq!(receiver.requests().len(), 0, "{policy}");
    }
    running.allow(&document("Allow", invoke, &arn));
    let trust = |principal: Value| {
        let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
        let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        running.iam("UpdateAssumeRolePolicy", &[("RoleName", "invoker"), ("PolicyDocument", &policy)]);
    };
    let account = arn.split(':').nth(4).unwrap();
    for principal in [json!({"Service": "ecr.amazonaws.com"}), json!({"AWS": account})] {
        let before = refusals();
        trust(principal);
        work(&client, &image, &["no"]).unwrap();
        wait_for("both refusals", || (refusals() >= before + 2).then_some(()));
        assert_eq!(receiver.requests().len(), 0);
    }
    assert!(site.log().contains("events.amazonaws.com may not assume the role"));
    trust(json!({"Service": "events.amazonaws.com"}));
    work(&client, &image, &["yes"]).unwrap();
    wait_for("the events", || (told(&receiver).len() >= 2).then_some(()));
    assert_eq!(told(&receiver), expected(&["yes"]));
    running.server.kill().unwrap();
}

#[test]
fn a_kill_loses_no_event_of_a_rule() {
    for fault in [Fault::AfterPutImage, Fault::EventsRouted, Fault::EventsSent] {
        let site = Site::new();
        let receiver = Receiver::with_tls(&site.tls, None);
        let running = site.started(None);
        running.set_up(&receiver, &api_key(), &json!({}));
        let client = running.client();
        let image = manifest(&client);
        work(&client, &image, &["v0"]).unwrap();
        wait_for("the first events", || (told(&receiver).len() == 2).then_some(()));
        // They are recorded a moment after the call; otherwise the next server dies before the work.
        std::thread::sleep(Duration::from_secs(1));
        receiver.forget();
        running.server.kill().unwrap();
        let mut running = site.started(Some(fault.name()));
        let done = acknowledged(running.server.client(), &image, &["v1", "v2"]);
        assert!(running.server.ends_within(Duration::from_secs(20)).unwrap(), "{}", fault.name());
        let running = site.started(None);
        let client = running.client();
        client.v2("PUT", "/v2/app/manifests/last", IMAGE, image.as_bytes()).unwrap().expect(201).unwrap();
        wait_for("the last event", || told(&receiver).contains(&"PUSH last".to_owned()).then_some(()));
        let mut wanted = expected(&["v1", "v2"]);
        wanted.truncate(told(&receiver).len() - 1);
        assert!(done.len() <= wanted.len(), "{}: {done:?} were acknowledged", fault.name());
        wanted.push("PUSH last".to_owned());
        assert_eq!(told(&receiver), wanted, "{}", fault.name());
        assert!(wanted.contains(&"PUSH v1".to_owned()), "{}", fault.name());
        running.server.kill().unwrap();
    }
}

#[test]
fn a_destination_that_is_away_gets_everything_later() {
    let site = Site::new();
    let receiver = Receiver::with_tls(&site.tls, None);
    let address = receiver.address();
    let running = site.started(None);
    running.set_up(&receiver, &api_key(), &json!({}));
    drop(receiver);
    let client = running.client();
    work(&client, &manifest(&client), &["v1", "v2"]).unwrap();
    wait_for("a failure", || site.log().contains("could not be delivered").then_some(()));
    running.server.kill().unwrap();
    assert!(site.wharf(&["events", "targets"]).contains(&site.target()), "the backlog is visible");
    let receiver = Receiver::with_tls(&site.tls, Some(address));
    receiver.answer(Answer::Short);
    let running = site.started(None);
    wait_for("an attempt", || (!receiver.requests().is_empty()).then_some(()));
    receiver.answer(Answer::Takes);
    wait_for("the events", || (told(&receiver).len() >= 4).then_some(()));
    assert_eq!(told(&receiver), expected(&["v1", "v2"]));
    running.server.kill().unwrap();
}

#[test]
fn a_redirect_of_a_destination_is_not_followed() {
    let site = Site::new();
    let receiver = Receiver::with_tls(&site.tls, None);
    let elsewhere = Receiver::start();
    receiver.answer(Answer::Redirects(elsewhere.address()));
    let running = site.started(None);
    running.set_up(&receiver, &api_key(), &json!({}));
    let client = running.client();
    work(&client, &manifest(&client), &["v1"]).unwrap();
    wait_for("the log", || site.log().contains("the target answered 307").then_some(()));
    assert_eq!(elsewhere.requests().len(), 0, "a redirect is not followed");
    running.server.kill().unwrap();
}

#[test]
fn an_oauth_server_gives_the_token_of_a_connection() {
    let site = Site::new();
    let receiver = Receiver::with_tls(&site.tls, None);
    let server = Receiver::with_tls(&site.tls, None);
    server.answer(Answer::Token);
    let running = site.started(None);
    let connection = json!({
        "Name": "oauth", "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS",
        "AuthParameters": {"OAuthParameters": {
            "ClientParameters": {"ClientID": "me", "ClientSecret": "hidden"}, "HttpMethod": "POST",
            "AuthorizationEndpoint": format!("https://localhost:{}/token", server.address().port()),
        }},
    });
    let transformer = json!({"InputTransformer": {
        "InputPathsMap": {"tag": "$.detail.image-tag"},
        "InputTemplate": r#"{"detail": {"action-type": "TOLD", "image-tag": <tag>}}"#,
    }});
    running.set_up(&receiver, &connection, &transformer);
    let client = running.client();
    work(&client, &manifest(&client), &["v1"]).unwrap();
    wait_for("both events", || (receiver.requests().len() >= 2).then_some(()));
    let request = receiver.requests().remove(0);
    assert_eq!(request.header("authorization"), "Bearer the-token");
    assert_eq!(request.body, r#"{"detail": {"action-type": "TOLD", "image-tag": "v1"}}"#);
    let asked = server.requests();
    assert_eq!(asked.len(), 1, "the token is kept");
    assert_eq!(asked[0].body, "grant_type=client_credentials&client_id=me&client_secret=hidden");
    running.server.kill().unwrap();
}
