//! What the image contains, and how it runs.

use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Architecture;
use super::tape::{Owned, Tape};

/// The user and the group of the server: `nonroot` of other images without a shell.
const USER: u32 = 65532;
const PASSWD: &str =
    "root:x:0:0:root:/:/sbin/nologin\nwharf:x:65532:65532:wharf:/var/lib/wharf:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nwharf:x:65532:\n";
const CONFIGURATION: &str = include_str!("../../../../deploy/image/wharf.toml");
const CONFIGURATION_FILE: &str = "/etc/wharf/wharf.toml";
const DATA: &str = "/var/lib/wharf";
/// The certificate authorities of Debian's `ca-certificates`; servers of other makes look here, too.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The one layer, as a tar archive.
pub(super) fn layer(wharf: &[u8]) -> Result<Vec<u8>> {
    let authorities = fs::read(AUTHORITIES).context("the package ca-certificates is missing")?;
    let all = Owned::by_root(0o755);
    let readable = Owned::by_root(0o644);
    let mut tape = Tape::default();
    for folder in ["etc", "etc/ssl", "etc/ssl/certs", "etc/wharf"] {
        tape.folder(folder, all)?;
    }
    tape.file("etc/group", readable, GROUP.as_bytes())?;
    tape.file("etc/passwd", readable, PASSWD.as_bytes())?;
    tape.file(inside(AUTHORITIES), readable, &authorities)?;
    tape.file(inside(CONFIGURATION_FILE), readable, CONFIGURATION.as_bytes())?;
    tape.folder("tmp", Owned::by_root(0o1777))?;
    tape.folder("var", all)?;
    tape.folder("var/lib", all)?;
    tape.folder(inside(DATA), Owned { mode: 0o700, id: USER })?;
    tape.file("wharf", all, wharf)?;
    Ok(tape.finish())
}

fn inside(path: &str) -> &str {
    path.trim_start_matches('/')
}

/// The image configuration. `Healthcheck` is docker's addition to OCI's fields.
pub(super) fn configuration(architecture: Architecture, diff_id: &str) -> Value {
    const SECOND: u64 = 1_000_000_000;
    let check = ["CMD", "/wharf", "health", "--config", CONFIGURATION_FILE];
    json!({
        "created": "1970-01-01T00:00:00Z",
        "architecture": architecture.name(),
        "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "ExposedPorts": {"5100/tcp": {}},
            "Entrypoint": ["/wharf"],
            "Cmd": ["serve", "--config", CONFIGURATION_FILE],
            "Volumes": {DATA: {}},
            "WorkingDir": DATA,
            "StopSignal": "SIGTERM",
            "Healthcheck": {
                "Test": check, "Interval": 10 * SECOND, "Timeout": 6 * SECOND, "StartPeriod": 30 * SECOND, "Retries": 3
            },
            "Labels": {
                "org.opencontainers.image.title": "wharf",
                "org.opencontainers.image.description": "Amazon ECR that you can run yourself",
                "org.opencontainers.image.licenses": "Apache-2.0",
                "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "cargo xtask image"}],
    })
}
