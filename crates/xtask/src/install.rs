//! Installs what the suites drive. Running it again costs a second: each piece leaves a stamp with its version.
//!
//! Debian's packages go where Debian puts them; everything else goes to one folder outside the checkout.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{command, workspace};

/// Clients and rivals from Debian 12. `runc`, `crun`, `netavark`, `iptables` and `uidmap` are what the engines call.
const DEBIAN: [&str; 25] = [
    "amazon-ecr-credential-helper",
    "buildah",
    "ca-certificates",
    "containerd",
    "crun",
    "curl",
    "docker-registry",
    "docker.io",
    "fuse-overlayfs",
    "git",
    "iproute2",
    "iptables",
    "netavark",
    "nginx-light",
    "openssl",
    "podman",
    "postgresql",
    "python3-venv",
    "runc",
    "skopeo",
    "tar",
    "uidmap",
    "umoci",
    "util-linux",
    "wrk",
];

/// A program built from a Go module at a pinned version.
struct GoClient {
    name: &'static str,
    package: &'static str,
    version: &'static str,
}

/// What `go install package@version` builds.
const GO: [GoClient; 6] = [
    GoClient {
        name: "conformance",
        package: "github.com/opencontainers/distribution-spec/conformance",
        version: "v0.0.0-20260831232431-97274622c111",
    },
    GoClient {
        name: "crane",
        package: "github.com/google/go-containerregistry/cmd/crane",
        version: "v0.22.1",
    },
    GoClient { name: "oras", package: "oras.land/oras/cmd/oras", version: "v1.3.6" },
    GoClient { name: "regctl", package: "github.com/regclient/regclient/cmd/regctl", version: "v0.11.7" },
    GoClient { name: "helm", package: "helm.sh/helm/v4/cmd/helm", version: "v4.3.1" },
    GoClient { name: "cosign", package: "github.com/sigstore/cosign/v3/cmd/cosign", version: "v3.1.3" },
];

/// BuildKit's module has replace directives, which `go install` refuses: it is built from a module of our own.
const BUILDKIT_VERSION: &str = "v0.34.2";
const BUILDKIT_COMMANDS: [&str; 2] =
    ["github.com/moby/buildkit/cmd/buildctl", "github.com/moby/buildkit/cmd/buildkitd"];

/// Installs whatever is missing.
pub(crate) fn run() -> Result<()> {
    let tools = Tools { root: workspace::tools()? };
    fs::create_dir_all(tools.root.join("bin"))?;
    fs::create_dir_all(tools.root.join("stamps"))?;
    debian()?;
    tools.python()?;
    for client in &GO {
        tools.once(client.name, client.version, || tools.go_install(client))?;
    }
    tools.once("buildkit", BUILDKIT_VERSION, || tools.buildkit())?;
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

/// While it lives, packages do not start the services they install (docker, nginx, postgresql): Debian's own hook
/// for that, left alone where the machine already has one.
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
            // Nothing can be done about it here, and the file only keeps later installations quiet.
            let _ = fs::remove_file(hook);
        }
    }
}

struct Tools {
    root: PathBuf,
}

impl Tools {
    /// Runs `build` unless its stamp holds this version already.
    fn once(&self, name: &str, version: &str, build: impl FnOnce() -> Result<()>) -> Result<()> {
        let stamp = self.root.join("stamps").join(name);
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == version) {
            return Ok(());
        }
        build().with_context(|| format!("installing {name}"))?;
        fs::write(&stamp, version)?;
        Ok(())
    }

    fn python(&self) -> Result<()> {
        let requirements = workspace::root().join("tests/e2e/requirements.txt");
        let wanted = fs::read_to_string(&requirements)?;
        self.once("python", &wanted, || {
            let venv = self.root.join("venv");
            command::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
            let mut pip = Command::new(venv.join("bin/python"));
            command::run(pip.args(["-m", "pip", "install", "--quiet", "-r"]).arg(&requirements))
        })
    }

    fn go_install(&self, client: &GoClient) -> Result<()> {
        let package = format!("{}@{}", client.package, client.version);
        command::run(go(&self.root)?.env("GOBIN", self.root.join("bin")).args(["install", &package]))
    }

    fn buildkit(&self) -> Result<()> {
        let module = self.root.join("src/buildkit");
        fs::create_dir_all(&module)?;
        if !module.join("go.mod").exists() {
            command::run(go(&module)?.args(["mod", "init", "scratch"]))?;
        }
        let wanted = BUILDKIT_COMMANDS.map(|command| format!("{command}@{BUILDKIT_VERSION}"));
        command::run(go(&module)?.arg("get").args(wanted))?;
        let bin = format!("{}/", self.root.join("bin").display());
        command::run(go(&module)?.args(["build", "-o", &bin]).args(BUILDKIT_COMMANDS))
    }
}

/// The `go` command in a folder of its own, so that no module of the caller's takes part.
fn go(folder: &Path) -> Result<Command> {
    let usual = Path::new("/usr/local/go/bin/go");
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join("go"));
    let Some(program) = on_path.chain([usual.to_path_buf()]).find(|program| program.exists()) else {
        bail!("Go is not installed: it builds crane, oras, regctl, helm, cosign, BuildKit and the OCI suite")
    };
    let mut go = Command::new(program);
    go.current_dir(folder).env_remove("GOBIN").env_remove("GOFLAGS");
    Ok(go)
}
