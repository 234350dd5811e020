//! The Python environments, each with its own list of pinned packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::Tools;
use crate::{command, workspace};

/// The package with Ansible's collections.
const COLLECTIONS: &str = "ansible==12.3.0";

/// Takes the two collections that call AWS out of that package. It has many others.
const EXTRACT: &str = "import glob, shutil, zipfile
wheel = zipfile.ZipFile(glob.glob('ansible/wheel/*.whl')[0])
wanted = tuple(f'ansible_collections/{name}/' for name in ('amazon/aws', 'community/aws'))
wheel.extractall('ansible', [name for name in wheel.namelist() if name.startswith(wanted)])
shutil.rmtree('ansible/wheel')";

/// Makes the missing environments: the suites' own, Ansible's, Cloud Custodian's, and the one that checks manifests of
/// Kubernetes.
pub(super) fn environments(tools: &Tools) -> Result<()> {
    let suites = requirements("requirements.txt")?;
    tools.once("python", &suites.text, || tools.venv("venv", &suites.path).map(drop))?;
    let ansible = requirements("ansible.txt")?;
    tools.once("ansible", &(ansible.text + COLLECTIONS), || {
        let python = tools.venv("ansible", &ansible.path)?;
        let run = |words: &[&str]| command::run(Command::new(&python).args(words).current_dir(&tools.root));
        run(&["-m", "pip", "download", "--quiet", "--no-deps", "--dest", "ansible/wheel", COLLECTIONS])?;
        run(&["-c", EXTRACT])
    })?;
    for name in ["custodian", "kubernetes"] {
        let packages = requirements(&format!("{name}.txt"))?;
        tools.once(name, &packages.text, || tools.venv(name, &packages.path).map(drop))?;
    }
    Ok(())
}

/// A list of pinned packages.
struct Requirements {
    path: PathBuf,
    text: String,
}

fn requirements(name: &str) -> Result<Requirements> {
    let path = workspace::root().join("tests/e2e").join(name);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {name}"))?;
    Ok(Requirements { path, text })
}

impl Tools {
    /// Makes an environment with these packages; returns its Python.
    fn venv(&self, name: &str, requirements: &Path) -> Result<PathBuf> {
        let venv = self.root.join(name);
        command::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
        let python = venv.join("bin/python");
        command::run(
            Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(requirements),
        )?;
        Ok(python)
    }
}
