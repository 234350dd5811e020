//! `wharf account`: on a running server, on the store of a stopped server, and from a configuration.

use std::path::Path;
use std::process::Command;

use crate::configuration::Serve;
use crate::first_start::{KEY, with_key};
use crate::http::ecr;
use crate::process::{Dev, complaint, said, wharf};

/// `wharf account …` on a server, with the fixed access key.
fn account(dev: &Dev, words: &[&str]) -> Command {
    let mut command = wharf();
    command.env("AWS_ACCESS_KEY_ID", KEY.0).env("AWS_SECRET_ACCESS_KEY", KEY.1).env("HOME", &dev.data);
    command.env("AWS_ENDPOINT_URL_ORGANIZATIONS", &dev.endpoint).arg("account").args(words);
    command
}

/// `wharf account …` on a data folder.
fn on_store(folder: &Path, words: &[&str]) -> Command {
    let mut command = wharf();
    command.arg("account").args(words).arg("--data-dir").arg(folder);
    command
}

/// IDs, states and names of a list.
fn rows(list: &str) -> Vec<Vec<&str>> {
    list.lines().skip(1).map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn accounts_of_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let dev = with_key(folder.path());
    let made = said(&mut account(&dev, &["create", "--name", "shared-tooling", "--id", "111122223333"]));
    assert_eq!(made, "111122223333\n");
    let random = said(&mut account(&dev, &["create", "--name", "staging"]));
    assert_eq!(random.trim().len(), 12, "{random}");
    let again = complaint(&mut account(&dev, &["create", "--name", "x", "--id", "111122223333"]));
    assert!(again.contains("DuplicateAccountException"), "{again}");
    assert_eq!(again.matches("DuplicateAccountException").count(), 1, "said once: {again}");
    said(&mut account(&dev, &["create", "--name", "prod", "--email", "prod@example.org"]));
    let again = complaint(&mut account(&dev, &["create", "--name", "x", "--email", "prod@example.org"]));
    assert!(again.contains("another account has this email address already"), "{again}");

    said(&mut account(&dev, &["rename", "111122223333", "--name", "tooling"]));
    said(&mut account(&dev, &["close", "111122223333"]));
    let list = said(&mut account(&dev, &["list"]));
    let rows = rows(&list);
    assert_eq!(rows.len(), 4, "{list}");
    assert!(rows.contains(&vec!["111122223333", "SUSPENDED", "tooling"]), "{list}");
    assert!(rows.contains(&vec![random.trim(), "ACTIVE", "staging"]), "{list}");
    let json = said(&mut account(&dev, &["list", "--json"]));
    assert!(json.contains("\"Email\": \"prod@example.org\""), "{json}");

    let nobody = complaint(account(&dev, &["list"]).env_remove("AWS_ACCESS_KEY_ID"));
    assert!(nobody.contains("wharf env"), "{nobody}");
    let nowhere = complaint(account(&dev, &["list"]).env_remove("AWS_ENDPOINT_URL_ORGANIZATIONS"));
    assert!(nowhere.contains("--endpoint"), "{nowhere}");
}

#[test]
fn accounts_of_the_store_of_a_stopped_server() {
    let folder = tempfile::tempdir().unwrap();
    let dev = with_key(folder.path());
    let data = dev.data.clone();
    let held = complaint(&mut on_store(&data, &["list"]));
    assert!(held.contains("in use by process"), "{held}");
    assert!(held.contains("stop the server first, or leave out --data-dir"), "{held}");
    dev.stop();

    said(&mut on_store(&data, &["create", "--name", "staging", "--id", "444455556666"]));
    let wrong = complaint(&mut on_store(&data, &["create", "--name", "x", "--email", "nobody"]));
    assert!(wrong.contains("email"), "{wrong}");
    said(&mut on_store(&data, &["rename", "444455556666", "--name", "stage"]));
    let list = said(&mut on_store(&data, &["list"]));
    assert!(rows(&list).contains(&vec!["444455556666", "ACTIVE", "stage"]), "{list}");
    let management = rows(&list).into_iter().find(|row| row[2] == "management").unwrap()[0].to_owned();
    let kept = complaint(&mut on_store(&data, &["close", &management]));
    assert!(kept.contains("management account"), "{kept}");

    // A misspelled folder does not become a deployment.
    let elsewhere = folder.path().join("elsewhere");
    let missing = complaint(&mut on_store(&elsewhere, &["list"]));
    assert!(missing.contains("there is no store") && !elsewhere.exists(), "{missing}");
}

/// Access key ID and secret, after a shell has evaluated the output.
fn evaluated(printed: &str) -> (String, String) {
    let script = format!("{printed}\nprintf '%s\\n%s\\n' \"$AWS_ACCESS_KEY_ID\" \"$AWS_SECRET_ACCESS_KEY\"");
    let text = said(Command::new("sh").args(["-ec", &script]));
    let (id, secret) = text.trim().split_once('\n').unwrap();
    (id.to_owned(), secret.to_owned())
}

#[test]
fn a_root_key_opens_only_its_account_until_that_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start_with(folder.path(), |command| {
        command.args(["--account", "staging=444455556666"]);
    });
    let data = dev.data.clone();
    let asked_of_server = complaint(wharf().args(["account", "root-key", "444455556666"]));
    assert!(asked_of_server.contains("--data-dir"), "{asked_of_server}");
    dev.stop();
    let unknown = complaint(&mut on_store(&data, &["root-key", "999999999999"]));
    assert!(unknown.contains("doesn't exist"), "{unknown}");
    let (id, secret) = evaluated(&said(&mut on_store(&data, &["root-key", "444455556666"])));
    said(&mut on_store(&data, &["root-key", "444455556666"]));
    let third = complaint(&mut on_store(&data, &["root-key", "444455556666"]));
    assert!(third.contains("2 access keys"), "{third}");

    let dev = Dev::start(folder.path());
    let key = (id.as_str(), secret.as_str());
    let (status, text) = ecr(&dev.endpoint, key, "CreateRepository", r#"{"repositoryName":"own"}"#);
    assert!(status == 200 && text.contains(":444455556666:repository/own"), "{text}");
    let kept = std::fs::read_to_string(data.join("dev.toml")).unwrap().parse::<toml::Table>().unwrap();
    let other = format!(r#"{{"registryId":"{}"}}"#, kept["account_id"].as_str().unwrap());
    let (status, text) = ecr(&dev.endpoint, key, "DescribeRepositories", &other);
    assert!(status == 400 && text.contains("AccessDeniedException"), "{text}");
    assert!(text.contains("arn:aws:iam::444455556666:root"), "{text}");
    dev.stop();

    said(&mut on_store(&data, &["close", "444455556666"]));
    let dev = Dev::start(folder.path());
    let (status, text) = ecr(&dev.endpoint, key, "DescribeRepositories", "{}");
    assert!(status == 400 && text.contains("UnrecognizedClientException"), "{text}");
}

#[test]
fn accounts_on_the_command_line_of_dev_are_created_once() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        Dev::start_with(folder.path(), |command| {
            command.args(["--account", "shared-tooling=111122223333", "--account", "staging"]);
        })
    };
    let list = |data: &Path| said(&mut on_store(data, &["list"]));
    let dev = start();
    let data = dev.data.clone();
    dev.stop();
    let first = list(&data);
    start().stop();
    assert_eq!(list(&data), first);
    assert_eq!(rows(&first).len(), 3, "{first}");
    assert!(rows(&first).contains(&vec!["111122223333", "ACTIVE", "shared-tooling"]), "{first}");
    let wrong = complaint(wharf().args(["dev", "--account", "x=12"]));
    assert!(wrong.contains("12"), "{wrong}");
}

#[test]
fn accounts_of_a_configuration_are_created_once() {
    let folder = tempfile::tempdir().unwrap();
    let accounts = "[[accounts]]\nid = \"111122223333\"\nname = \"tooling\"\n";
    for _ in 0..2 {
        let mut serve = Serve::start(folder.path(), "", accounts);
        serve.running.signal("TERM");
        assert!(serve.running.ended().success());
    }
    let list = said(wharf().args(["account", "list", "--config"]).arg(folder.path().join("wharf.toml")));
    assert_eq!(
        rows(&list),
        [["111122223333", "ACTIVE", "tooling"], ["123456789012", "ACTIVE", "management"]]
    );
}
