//! Installs the programs that the suites use. A second run takes a second: each part leaves a stamp with its version.
//!
//! Debian's packages are installed in the system; everything else goes to one folder outside of the checkout.

mod crates;
pub(crate) mod go;
mod java;
mod node;
mod python;

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{command, workspace};

/// Clients and other servers from Debian 12. The container engines call `runc`, `crun`, `netavark`, `iptables` and
/// `uidmap`.
const DEBIAN: [&str; 32] = [
    "amazon-ecr-credential-helper",
    "buildah",
    "ca-certificates",
    "containerd",
    "crun",
    "curl",
    "docker-registry",
    "docker.io",
    "faketime",
    "fuse-overlayfs",
    "git",
    "haproxy",
    "iproute2",
    "iptables",
    "netavark",
    "nginx-light",
    "openssl",
    "pgbouncer",
    "podman",
    "postgresql",
    "prometheus",
    "python3-venv",
    "runc",
    "skopeo",
    "stargz-snapshotter",
    "strace",
    "systemd",
    "tar",
    "uidmap",
    "umoci",
    "util-linux",
    "wrk",
];

/// Installs the missing pieces.
pub(crate) fn run() -> Result<()> {
    let tools = Tools { root: workspace::tools()? };
    fs::create_dir_all(tools.root.join("bin"))?;
    fs::create_dir_all(tools.root.join("stamps"))?;
    debian()?;
    python::environments(&tools)?;
    node::packages(&tools)?;
    java::programs(&tools)?;
    go::programs(&tools)?;
    crates::programs(&tools)?;
    println!("tools are in {}", tools.root.display());
    Ok(())
}

fn debian() -> Result<()> {
    let missing: Vec<&str> = DEBIAN.into_iter().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let quiet = KeptQuiet::begin()?;
    let apt = |words: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive").arg("-q").args(words);
        command::run(&mut apt)
            .context("Debian packages are missing and could not be installed (is this root?)")
    };
    apt(&["update"])?;
    apt(&[&["install", "-y", "--no-install-recommends"], missing.as_slice()].concat())?;
    drop(quiet);
    Ok(())
}

fn is_installed(package: &str) -> bool {
    let query =
        command::capture(Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status}", package]));
    query.is_ok_and(|status| status == "installed")
}

/// While this exists, packages do not start the services that they install (docker, nginx, postgresql). It uses
/// Debian's own hook, which is not changed if the machine already has one.
struct KeptQuiet {
    hook: Option<PathBuf>,
}

impl KeptQuiet {
    fn begin() -> Result<Self> {
        let hook = PathBuf::from("/usr/sbin/policy-rc.d");
        if hook.exists() {
            return Ok(Self { hook: None });
        }
        fs::write(&hook, "#!/bin/sh\nexit 101\n")
            .context("cannot write /usr/sbin/policy-rc.d (is this root?)")?;
        let kept = Self { hook: Some(hook.clone()) };
        command::capture(Command::new("chmod").arg("755").arg(&hook))?;
        Ok(kept)
    }
}

impl Drop for KeptQuiet {
    fn drop(&mut self) {
        if let Some(hook) = &self.hook {
            // An error here has no remedy, and the file only prevents service starts in later installations.
            let _ = fs::remove_file(hook);
        }
    }
}

struct Tools {
    root: PathBuf,
}

impl Tools {
    /// Runs `build` unless its stamp contains this version.
    fn once(&self, name: &str, version: &str, build: impl FnOnce() -> Result<()>) -> Result<()> {
        let stamp = self.root.join("stamps").join(name);
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == version) {
            return Ok(());
        }
        build().with_context(|| format!("installing {name}"))?;
        fs::write(&stamp, version)?;
        Ok(())
    }
}

/// A program that the user installs: the one on PATH, or in its usual place.
fn program(name: &str, usual: &str, needed_for: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join(name));
    let mut places = on_path.chain([PathBuf::from(usual)]);
    match places.find(|program| program.exists()) {
        Some(program) => Ok(program),
        None => bail!("{name} is not installed: {needed_for}"),
    }
}
