//! The printed lines work when they are pasted, wherever the data folder is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::http::basic;
use crate::process::{Dev, complaint, said, wharf};

const NAMES: [&str; 10] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL_ECR",
    "AWS_ENDPOINT_URL_ECR_PUBLIC",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_IAM",
    "AWS_ENDPOINT_URL_ORGANIZATIONS",
    "WHARF_REGISTRY",
];

/// A shell with only a search path.
fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.env_clear().env("PATH", "/usr/bin:/bin").args(["-euc", script]);
    command
}

/// The values of the printed variables after a script has run.
fn values(script: &str) -> Vec<String> {
    let print = NAMES.map(|name| format!("\"${name}\"")).join(" ");
    let text = said(&mut shell(&format!("{script}\nprintf '%s\\n' {print}")));
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_shell_evals_what_env_prints() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path());
    let printed = said(wharf().arg("env").env("WHARF_DATA_DIR", &dev.data));
    let values = values(&printed);
    assert_eq!(values[2..4], ["us-east-1", "us-east-1"]);
    assert!(values[4..9].iter().all(|value| *value == dev.endpoint), "{values:?}");
    assert_eq!(format!("http://{}", values[9]), dev.endpoint);
    assert!(basic(&dev.endpoint, (&values[0], &values[1])).len() > 100);
}

#[test]
fn the_lines_of_dev_work_from_a_folder_with_odd_characters() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("it's $HOME \"x\"");
    fs::create_dir(&folder).unwrap();
    let dev = Dev::start(&folder);
    let printed = dev.running.printed();
    let exports = lines(&printed, "export ");
    let eval = printed.lines().find_map(|line| line.split_once("or run: ")).unwrap().1;
    assert_eq!(values(&exports), values(eval));
    assert!(basic(&dev.endpoint, (&values(eval)[0], &values(eval)[1])).len() > 100);

    let bin = parent.path().join("bin");
    let pasted = pasted(&printed, &bin);
    let registry = dev.endpoint.trim_start_matches("http://");
    let expected = [
        "aws ecr get-login-password".to_owned(),
        format!("docker login --username AWS --password-stdin {registry}"),
        format!("docker tag hello:latest {registry}/hello:latest"),
        format!("docker push {registry}/hello:latest"),
        "aws ecr get-login-password".to_owned(),
        format!("podman login --username AWS --password-stdin --tls-verify=false {registry}"),
        format!("podman push --tls-verify=false hello:latest {registry}/hello:latest"),
    ];
    assert_eq!(pasted, expected);
}

/// The lines with this beginning.
fn lines(printed: &str, beginning: &str) -> String {
    printed.split_inclusive('\n').filter(|line| line.starts_with(beginning)).collect()
}

/// Runs the indented lines in a shell whose clients only record how they were called.
fn pasted(printed: &str, bin: &Path) -> Vec<String> {
    fs::create_dir(bin).unwrap();
    let calls = bin.join("calls");
    for client in ["aws", "docker", "podman"] {
        // The other side of the pipe is read first, so the order of the calls is certain.
        let script = format!(
            "#!/bin/sh\n[ -p /dev/stdin ] && cat >/dev/null\necho {client} \"$@\" >>'{}'\n",
            calls.display()
        );
        fs::write(bin.join(client), script).unwrap();
        fs::set_permissions(bin.join(client), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let script = lines(printed, "  ");
    let mut command = shell(&script);
    said(command.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).stdin(std::process::Stdio::null()));
    fs::read_to_string(calls).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn env_without_a_registry_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let told = complaint(wharf().args(["env", "--data-dir"]).arg(folder.path().join("none")));
    assert!(told.contains("start `wharf dev` with it first"), "{told}");
    assert!(!folder.path().join("none").exists(), "the command creates nothing");
}

#[test]
fn every_command_has_help_with_an_example() {
    for words in [&[][..], &["dev"], &["env"], &["serve"], &["config", "check"], &["reconcile"], &["status"]]
    {
        let help = said(wharf().args(words).arg("--help"));
        assert!(
            help.contains("wharf ") && (help.contains("Example") || help.contains("Try it")),
            "{words:?}: {help}"
        );
    }
}
