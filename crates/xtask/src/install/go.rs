//! The programs that are Go modules, each with a version pinned here and built locally.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Tools, program};
use crate::{command, workspace};

/// The version of the CNCF's registry, which the benchmark compares with.
pub(crate) const DISTRIBUTION: &str = "v3.1.2";

/// What `go install package@version` builds.
struct Installed {
    name: &'static str,
    package: &'static str,
    version: &'static str,
}

const INSTALLED: [Installed; 8] = [
    Installed {
        name: "conformance",
        package: "github.com/opencontainers/distribution-spec/conformance",
        version: "v0.0.0-20260831232431-97274622c111",
    },
    Installed {
        name: "crane",
        package: "github.com/google/go-containerregistry/cmd/crane",
        version: "v0.22.1",
    },
    Installed {
        name: "registry",
        package: "github.com/distribution/distribution/v3/cmd/registry",
        version: DISTRIBUTION,
    },
    Installed { name: "oras", package: "oras.land/oras/cmd/oras", version: "v1.3.6" },
    Installed { name: "regctl", package: "github.com/regclient/regclient/cmd/regctl", version: "v0.11.7" },
    Installed { name: "versitygw", package: "github.com/versity/versitygw/cmd/versitygw", version: "v1.8.0" },
    Installed { name: "helm", package: "helm.sh/helm/v4/cmd/helm", version: "v4.3.1" },
    Installed { name: "cosign", package: "github.com/sigstore/cosign/v3/cmd/cosign", version: "v3.1.3" },
];

/// Programs of a module with replace directives, which `go install` refuses. They are built from our own module, which
/// requires theirs and repeats the replacements that are needed to compile.
struct Scratch {
    name: &'static str,
    packages: &'static [&'static str],
    version: &'static str,
    replace: &'static [&'static str],
}

const SCRATCH: [Scratch; 3] = [
    Scratch {
        name: "buildkit",
        packages: &["github.com/moby/buildkit/cmd/buildctl", "github.com/moby/buildkit/cmd/buildkitd"],
        version: "v0.34.2",
        replace: &[],
    },
    Scratch {
        name: "ecr-credential-provider",
        packages: &["k8s.io/cloud-provider-aws/cmd/ecr-credential-provider"],
        version: "v1.37.1",
        replace: &[],
    },
    Scratch {
        name: "tofu",
        packages: &["github.com/opentofu/opentofu/cmd/tofu"],
        version: "v1.12.6",
        replace: &[
            "github.com/hashicorp/hcl/v2=github.com/opentofu/hcl/v2@v2.20.2-0.20251021132045-587d123c2828",
        ],
    },
];

/// Our own programs that use other projects' libraries: folders of the checkout whose go.mod and go.sum pin everything.
const OWN: [(&str, &str); 5] = [
    ("estargz", "tests/e2e/estargz"),
    ("flux-source", "tests/e2e/flux"),
    ("policy-equivalence", "tests/e2e/policy_equivalence"),
    ("sdk-go", "tests/e2e/sdk/go"),
    ("stargz-grpc", "tests/e2e/stargz"),
];

/// Builds the missing programs.
pub(super) fn programs(tools: &Tools) -> Result<()> {
    for program in &INSTALLED {
        tools.once(program.name, program.version, || tools.go_install(program))?;
    }
    for program in &SCRATCH {
        let stamp = [&[program.version], program.replace].concat().join(" ");
        tools.once(program.name, &stamp, || tools.go_scratch(program))?;
    }
    for (name, folder) in OWN {
        let folder = workspace::root().join(folder);
        tools.once(name, &sources(&folder)?, || tools.go_own(name, &folder))?;
    }
    Ok(())
}

/// The sources of one of our own programs. They are its stamp.
fn sources(folder: &Path) -> Result<String> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).with_context(|| format!("reading {name}"));
    Ok([read("main.go")?, read("go.mod")?, read("go.sum")?].concat())
}

impl Tools {
    fn go_install(&self, program: &Installed) -> Result<()> {
        let package = format!("{}@{}", program.package, program.version);
        command::run(go(&self.root)?.env("GOBIN", self.root.join("bin")).args(["install", &package]))
    }

    fn go_scratch(&self, program: &Scratch) -> Result<()> {
        let module = self.root.join("src").join(program.name);
        if module.exists() {
            fs::remove_dir_all(&module)?;
        }
        fs::create_dir_all(&module)?;
        command::run(go(&module)?.args(["mod", "init", "scratch"]))?;
        for replacement in program.replace {
            command::run(go(&module)?.args(["mod", "edit", "-replace", replacement]))?;
        }
        let wanted = program.packages.iter().map(|package| format!("{package}@{}", program.version));
        command::run(go(&module)?.arg("get").args(wanted))?;
        command::run(self.go_build(&module)?.args(program.packages))
    }

    fn go_own(&self, name: &str, folder: &Path) -> Result<()> {
        command::run(self.go_build(folder)?.arg(".")).with_context(|| format!("building {name}"))
    }

    /// `go build` into our folder, without the packages.
    fn go_build(&self, module: &Path) -> Result<Command> {
        let bin = format!("{}/", self.root.join("bin").display());
        let mut build = go(module)?;
        build.args(["build", "-o", &bin]);
        Ok(build)
    }
}

/// The `go` command in a separate folder, so no module of the caller is used.
fn go(folder: &Path) -> Result<Command> {
    let needed_for = "Go builds crane, distribution's registry, oras, regctl, helm, cosign, BuildKit, kubelet's credential \
                      provider, OpenTofu, programs around the libraries of AWS, Flux, Terraform and eStargz, and the OCI \
                      suite";
    let program = program("go", "/usr/local/go/bin/go", needed_for)?;
    let mut go = Command::new(program);
    go.current_dir(folder).env_remove("GOBIN").env_remove("GOFLAGS");
    Ok(go)
}
