//! Events reach their targets at least once and in order: through kills, and with targets that are away, slow or lie.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fault::Fault;
use serde_json::Value;
use testkit::{Client, Started, Wharf, sha256};

use crate::process::{said, wait_for};
use crate::receiver::{Answer, Receiver};

pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const SECRET: &str = "a-secret-of-the-test-0123456789";

/// A deployment with one sink.
struct Site {
    folder: tempfile::TempDir,
    sinks: String,
}

impl Site {
    fn with_file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let sinks = format!(r#"[{{ name = "audit", file = "{}" }}]"#, path.display());
        Self { folder, sinks }
    }

    fn with_receiver(receiver: &Receiver) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, SECRET).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let (url, secret) = (receiver.url(), secret.display());
        let images = r#"pattern = '{"source": ["aws.ecr"]}'"#;
        let sinks = format!(r#"[{{ name = "hook", url = "{url}", secret_file = "{secret}", {images} }}]"#);
        Self { folder, sinks }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn started(&self, fault: Option<&str>) -> Wharf {
        let settings = [("WHARF__EVENTS__SINKS", self.sinks.as_str())];
        match Wharf::start_with(env!("CARGO_BIN_EXE_wharf").as_ref(), &self.data(), fault, &settings).unwrap()
        {
            Started::Ready(server) => server,
            Started::Ended => {
                panic!("{}", std::fs::read_to_string(self.data().with_extension("log")).unwrap())
            }
        }
    }

    fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("events.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// A command that opens the store.
    fn wharf(&self, words: &[&str]) -> String {
        said(crate::process::wharf().args(words).arg("--data-dir").arg(self.data()))
    }

    /// Kills a server after its last delivery is recorded, so that the next one sends nothing again.
    fn end_when_recorded(&self, mut server: Wharf) {
        for _ in 0..50 {
            server.kill().unwrap();
            let targets: Value = serde_json::from_str(&self.wharf(&["events", "targets", "--json"])).unwrap();
            if targets["Targets"][0]["Waiting"] == 0 {
                return;
            }
            server = self.started(None);
            std::thread::sleep(Duration::from_millis(200));
        }
        panic!("a delivery was never recorded");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.data().with_extension("log")).unwrap()
    }
}

fn event_of(letter: &Value) -> Value {
    serde_json::from_str(letter["Event"].as_str().unwrap()).unwrap()
}

/// What happened to images: the action, and the tag.
fn actions(events: &[Value]) -> Vec<String> {
    let images = events.iter().filter(|event| event["detail-type"] == "ECR Image Action");
    let action = |event: &Value| {
        let tag = event["detail"]["image-tag"].as_str().unwrap_or_default();
        format!("{} {tag}", event["detail"]["action-type"].as_str().unwrap())
    };
    images.map(action).collect()
}

fn without_repeats(mut actions: Vec<String>) -> Vec<String> {
    actions.dedup();
    actions
}

/// Pushes a blob; returns a manifest that needs it.
pub(crate) fn manifest(client: &Client) -> String {
    client.ecr("CreateRepository", r#"{"repositoryName":"app"}"#).unwrap().expect(200).unwrap();
    let digest = sha256(b"{}");
    let path = format!("/v2/app/blobs/uploads/?digest={digest}");
    client.v2("POST", &path, "application/octet-stream", b"{}").unwrap().expect(201).unwrap();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":2}},"layers":[]}}"#
    )
}

/// Tags one image again and again, and deletes it. Stops when the server is gone.
pub(crate) fn work(client: &Client, manifest: &str, tags: &[&str]) -> anyhow::Result<()> {
    work_until(client, manifest, tags, &mut Vec::new())
}

/// The same, with what was acknowledged before the server was gone.
pub(crate) fn acknowledged(client: anyhow::Result<Client>, manifest: &str, tags: &[&str]) -> Vec<String> {
    let mut done = Vec::new();
    let _ = client.and_then(|client| work_until(&client, manifest, tags, &mut done));
    done
}

fn work_until(client: &Client, manifest: &str, tags: &[&str], done: &mut Vec<String>) -> anyhow::Result<()> {
    for tag in tags {
        client.v2("PUT", &format!("/v2/app/manifests/{tag}"), IMAGE, manifest.as_bytes())?.expect(201)?;
        done.push(format!("PUSH {tag}"));
        client.v2("DELETE", &format!("/v2/app/manifests/{tag}"), "", b"")?.expect(202)?;
        done.push(format!("DELETE {tag}"));
    }
    Ok(())
}

pub(crate) fn expected(tags: &[&str]) -> Vec<String> {
    tags.iter().flat_map(|tag| [format!("PUSH {tag}"), format!("DELETE {tag}")]).collect()
}

#[test]
fn a_file_gets_every_event_in_order() {
    let site = Site::with_file();
    let server = site.started(None);
    let client = server.client().unwrap();
    let manifest = manifest(&client);
    work(&client, &manifest, &["v1", "v2"]).unwrap();
    let wanted = expected(&["v1", "v2"]);
    wait_for("the events", || (actions(&site.lines()).len() >= wanted.len()).then_some(()));
    assert_eq!(actions(&site.lines()), wanted);
    assert_eq!(site.lines()[0]["detail-type"], "Wharf Repository Action");
    assert_eq!(site.lines()[1]["detail"]["image-digest"], sha256(manifest.as_bytes()));
}

#[test]
fn a_kill_loses_no_event_and_no_order() {
    for fault in [Fault::AfterPutImage, Fault::EventsRouted, Fault::EventsSent] {
        let site = Site::with_file();
        let server = site.started(None);
        let image = manifest(&server.client().unwrap());
        wait_for("the first event", || (!site.lines().is_empty()).then_some(()));
        site.end_when_recorded(server);
        let mut server = site.started(Some(fault.name()));
        // The server dies in the middle, perhaps after the last answer.
        let done = acknowledged(server.client(), &image, &["v1", "v2", "v3"]);
        assert!(server.ends_within(Duration::from_secs(20)).unwrap(), "{} was not reached", fault.name());
        let server = site.started(None);
        let client = server.client().unwrap();
        client.v2("PUT", "/v2/app/manifests/last", IMAGE, image.as_bytes()).unwrap().expect(201).unwrap();
        wait_for("the last event", || actions(&site.lines()).contains(&"PUSH last".to_owned()).then_some(()));
        let seen = without_repeats(actions(&site.lines()));
        let mut wanted = expected(&["v1", "v2", "v3"]);
        wanted.truncate(seen.len() - 1);
        wanted.push("PUSH last".to_owned());
        // A line can be there twice if the process died before it was recorded; the first ones are in order.
        let mut firsts = Vec::new();
        for action in actions(&site.lines()) {
            if !firsts.contains(&action) {
                firsts.push(action);
            }
        }
        let lost: Vec<_> = done.iter().filter(|action| !firsts.contains(action)).collect();
        assert!(lost.is_empty(), "{}: {lost:?} were acknowledged", fault.name());
        wanted.retain(|action| firsts.contains(action));
        assert_eq!(firsts, wanted, "{}", fault.name());
        assert!(firsts.contains(&"PUSH v1".to_owned()), "{}", fault.name());
        server.kill().unwrap();
    }
}

#[test]
fn a_webhook_gets_signed_cloud_events() {
    let receiver = Receiver::start();
    let site = Site::with_receiver(&receiver);
    let server = site.started(None);
    let client = server.client().unwrap();
    work(&client, &manifest(&client), &["v1"]).unwrap();
    wait_for("the events", || (receiver.events().len() == 2).then_some(()));
    assert_eq!(actions(&receiver.events()), expected(&["v1"]));
    let request = receiver.requests().remove(0);
    assert_eq!(request.header("content-type"), "application/cloudevents+json; charset=UTF-8");
    let document: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!((&document["specversion"], &document["type"]), (&"1.0".into(), &"ECR Image Action".into()));
    assert_eq!(document["id"], request.header("webhook-id"));
    let signed =
        format!("{}.{}.{}", request.header("webhook-id"), request.header("webhook-timestamp"), request.body);
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
    assert_eq!(request.header("webhook-signature"), format!("v1,{}", testkit::base64(signature.as_ref())));
    assert!(!site.log().contains(SECRET));
}

#[test]
fn a_target_that_lies_or_fails_gets_everything_in_order() {
    for answer in [Answer::Fails, Answer::Short, Answer::Endless, Answer::Silent] {
        let receiver = Receiver::start();
        receiver.answer(answer);
        let site = Site::with_receiver(&receiver);
        let server = site.started(None);
        let client = server.client().unwrap();
        work(&client, &manifest(&client), &["v1", "v2"]).unwrap();
        wait_for("an attempt", || (!receiver.requests().is_empty()).then_some(()));
        receiver.answer(Answer::Takes);
        receiver.forget();
        let wanted = expected(&["v1", "v2"]);
        wait_for(&format!("the events after {answer:?}"), || {
            (without_repeats(actions(&receiver.events())).len() >= wanted.len()).then_some(())
        });
        assert_eq!(without_repeats(actions(&receiver.events())), wanted, "{answer:?}");
        server.kill().unwrap();
    }
}

#[test]
fn a_target_that_is_away_gets_everything_when_it_is_back() {
    let receiver = Receiver::start();
    let address = receiver.address();
    let site = Site::with_receiver(&receiver);
    drop(receiver);
    let server = site.started(None);
    let client = server.client().unwrap();
    work(&client, &manifest(&client), &["v1", "v2"]).unwrap();
    wait_for("a failure", || site.log().contains("could not be delivered").then_some(()));
    server.kill().unwrap();
    let receiver = Receiver::at(address);
    let _server = site.started(None);
    wait_for("the events", || (receiver.events().len() >= 4).then_some(()));
    assert_eq!(without_repeats(actions(&receiver.events())), expected(&["v1", "v2"]));
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::start();
    let receiver = Receiver::start();
    receiver.answer(Answer::Redirects(elsewhere.address()));
    let site = Site::with_receiver(&receiver);
    let server = site.started(None);
    let client = server.client().unwrap();
    work(&client, &manifest(&client), &["v1"]).unwrap();
    wait_for("both attempts", || (receiver.requests().len() >= 2).then_some(()));
    assert_eq!(elsewhere.requests().len(), 0);
    // Each is logged when its dead letter is stored.
    wait_for("the log", || (site.log().matches("the target answered 307").count() >= 2).then_some(()));
    server.kill().unwrap();
    let json = site.wharf(&["events", "dead-letters", "sink/hook", "--json"]);
    let letters: Value = serde_json::from_str(&json).unwrap();
    let events: Vec<Value> = letters["DeadLetters"].as_array().unwrap().iter().map(event_of).collect();
    assert_eq!(actions(&events), expected(&["v1"]));
    assert!(site.wharf(&["events", "targets"]).contains("the target answered 307"));
    // The operator points the sink elsewhere, or the target is repaired.
    receiver.answer(Answer::Takes);
    receiver.forget();
    assert_eq!(site.wharf(&["events", "replay", "sink/hook", "--all"]), "2 delivered again.\n");
    let _server = site.started(None);
    wait_for("the replay", || (receiver.events().len() == 2).then_some(()));
    assert_eq!(actions(&receiver.events()), expected(&["v1"]));
}

/// `wharf serve` has no target inside of the operator's network, unless it is allowed.
#[test]
fn a_private_address_is_not_called() {
    let receiver = Receiver::start();
    let site = Site::with_receiver(&receiver);
    let config = site.folder.path().join("wharf.toml");
    let text = format!(
        "data_dir = \"{}\"\n[server]\nlisten = \"127.0.0.1:0\"\n[bootstrap]\naccount_id = \"123456789012\"\n\
         [events]\nsinks = {}\n",
        site.data().display(),
        site.sinks.replace(r#", pattern = '{"source": ["aws.ecr"]}'"#, ""),
    );
    std::fs::write(&config, text).unwrap();
    let mut command = crate::process::wharf();
    command.arg("serve").arg("--config").arg(&config);
    let running = crate::process::Running::start(command, site.folder.path());
    running.logged("ready");
    let port = running.listens_on();
    let key = first_key(&site.data());
    let body = r#"{"repositoryName":"app"}"#;
    let created =
        crate::http::ecr(&format!("http://localhost:{port}"), (&key.0, &key.1), "CreateRepository", body);
    assert_eq!(created.0, 200, "{}", created.1);
    running.logged("is at no address that may be called");
    assert_eq!(receiver.requests().len(), 0);
}

fn first_key(data: &Path) -> (String, String) {
    let text = std::fs::read_to_string(data.join("first-credentials.toml")).unwrap();
    let table: toml::Table = text.parse().unwrap();
    let member = |name: &str| table[name].as_str().unwrap().to_owned();
    (member("access_key_id"), member("secret_access_key"))
}
