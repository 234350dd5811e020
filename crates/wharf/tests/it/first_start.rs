//! What the first start creates, that later starts keep it, and that one process locks a folder.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::configuration::Serve;
use crate::http::{basic, ecr, get};
use crate::process::{Dev, complaint, wharf};

pub(crate) const KEY: (&str, &str) = ("AKIATESTTESTTESTTEST", "a-secret-of-the-test-with-40-characters!");

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// `wharf dev` with an access key from the environment.
pub(crate) fn with_key(folder: &Path) -> Dev {
    Dev::start_with(folder, |command| {
        command.env("WHARF_DEV_ACCESS_KEY_ID", KEY.0).env("WHARF_DEV_SECRET_ACCESS_KEY", KEY.1);
    })
}

#[test]
fn the_first_start_creates_a_key_and_the_next_one_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path());
    let kept = dev.data.join("dev.toml");
    assert_eq!((mode(&dev.data), mode(&kept), mode(&dev.data.join("master.key"))), (0o700, 0o600, 0o600));
    assert_eq!(get(&dev.endpoint, "/readyz").0, 200);
    let first = fs::read_to_string(&kept).unwrap();
    dev.stop();
    let again = Dev::start(folder.path());
    assert_eq!(fs::read_to_string(&kept).unwrap(), first);
    again.stop();
}

#[test]
fn two_folders_share_nothing() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let read = |dev: &Dev| -> toml::Table {
        fs::read_to_string(dev.data.join("dev.toml")).unwrap().parse().unwrap()
    };
    let (one, two) = (read(&Dev::start(one.path())), read(&Dev::start(two.path())));
    for secret in ["account_id", "access_key_id", "secret_access_key"] {
        assert_ne!(one[secret], two[secret], "{secret}");
    }
}

#[test]
fn the_environment_sets_the_key_of_a_new_folder_only() {
    let folder = tempfile::tempdir().unwrap();
    let dev = with_key(folder.path());
    let (status, text) = ecr(&dev.endpoint, KEY, "CreateRepository", r#"{"repositoryName":"hello"}"#);
    assert_eq!(status, 200, "{text}");
    let (status, text) = ecr(&dev.endpoint, (KEY.0, "another-secret-0123456789"), "DescribeRegistry", "{}");
    assert_eq!(status, 400, "{text}");
    dev.stop();

    let again = Dev::start_with(folder.path(), |command| {
        command
            .env("WHARF_DEV_ACCESS_KEY_ID", "AKIAOTHEROTHEROTHERO")
            .env("WHARF_DEV_SECRET_ACCESS_KEY", "0123456789abcdef");
    });
    again.running.logged("the access key of the environment is ignored");
    assert!(basic(&again.endpoint, KEY).starts_with("Basic "));
}

#[test]
fn an_incomplete_or_wrong_key_is_refused_at_the_first_start() {
    for (variables, words) in [
        (&[("WHARF_DEV_ACCESS_KEY_ID", KEY.0)][..], "set both"),
        (
            &[("WHARF_DEV_ACCESS_KEY_ID", "x y"), ("WHARF_DEV_SECRET_ACCESS_KEY", KEY.1)],
            "is not an access key id",
        ),
        (
            &[("WHARF_DEV_ACCESS_KEY_ID", KEY.0), ("WHARF_DEV_SECRET_ACCESS_KEY", "short")],
            "16 to 128 characters",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = wharf();
        command.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.path().join("data"));
        let told = complaint(command.envs(variables.iter().copied()));
        assert!(told.contains(words), "{told}");
        assert!(!folder.path().join("data/dev.toml").exists());
    }
}

#[test]
fn a_second_process_is_refused_and_told_who_has_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path());
    let holder = fs::read_to_string(dev.data.join("lock")).unwrap();
    let told = complaint(wharf().args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&dev.data));
    assert!(told.contains(&format!("is in use by process {}", holder.trim())), "{told}");
    assert!(told.contains(dev.data.to_str().unwrap()), "{told}");
    assert_eq!(get(&dev.endpoint, "/healthz").0, 200, "the first one continues");
}

#[test]
fn another_account_or_region_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start_with(folder.path(), |command| {
        command.args(["--account-id", "123456789012", "--region", "eu-west-1"]);
    });
    assert!(
        dev.running.printed().contains("account 123456789012, region eu-west-1"),
        "{}",
        dev.running.printed()
    );
    let data = dev.data.clone();
    dev.stop();
    for (option, value, words) in [
        ("--account-id", "210987654321", "belongs to account 123456789012"),
        ("--region", "us-east-1", "belongs to region eu-west-1"),
    ] {
        let mut command = wharf();
        command.args(["dev", "--listen", "127.0.0.1:0", option, value, "--data-dir"]).arg(&data);
        let told = complaint(&mut command);
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn an_idle_server_is_small() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path());
    assert_eq!(get(&dev.endpoint, "/readyz").0, 200);
    // The pages of the file of a debug build say nothing.
    let own = dev.running.own_kib();
    assert!(own <= 10 * 1024, "{own} KiB");
}

/// The blob folder of a stopped server is away, as when its disk is not mounted. Then it comes back.
#[test]
fn an_empty_blob_folder_is_not_taken_for_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let dev = with_key(folder.path());
    let (blobs, away) = (dev.data.join("blobs"), dev.data.join("away"));
    let (data, id) = (dev.data.clone(), fs::read_to_string(blobs.join("store-id")).unwrap());
    dev.stop();
    fs::rename(&blobs, &away).unwrap();
    for is_there in [false, true] {
        if is_there {
            fs::create_dir_all(&blobs).unwrap();
        }
        for words in [["dev", "--data-dir"].as_slice(), &["fsck", "--repair", "--data-dir"]] {
            let text = complaint(wharf().args(words).arg(&data));
            assert!(text.contains("has no store ID") && text.contains("Is its disk mounted"), "{text}");
        }
        assert!(!blobs.join("objects").exists());
    }
    fs::remove_dir(&blobs).unwrap();
    fs::rename(&away, &blobs).unwrap();
    Dev::start(folder.path()).stop();
    assert_eq!(fs::read_to_string(blobs.join("store-id")).unwrap(), id);
}

#[test]
fn the_first_access_key_can_be_the_operators_own() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, KEY.1).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let settings =
        format!("access_key_id = \"{}\"\nsecret_access_key_file = \"{}\"\n", KEY.0, secret.display());
    let mut serve = Serve::start(folder.path(), "", &settings);
    assert_eq!(ecr(&serve.endpoint, KEY, "DescribeRepositories", "{}").0, 200);
    assert!(!folder.path().join("data/first-credentials.toml").exists());
    serve.running.signal("TERM");
    serve.running.ended();
    // It is used once: the secret can be gone when the server starts again.
    fs::remove_file(secret).unwrap();
    let serve = Serve::start(folder.path(), "", &settings);
    assert_eq!(ecr(&serve.endpoint, KEY, "DescribeRepositories", "{}").0, 200);
}
