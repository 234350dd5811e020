//! `wharf policy validate`. It calls no server.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use access::policy_lint::{MeantFor, lint};
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use crate::cmd::say;

/// The longest policy that IAM reads (its type `policyDocumentType`), with room for characters outside ASCII.
const MAX_BYTES: u64 = 512 * 1024;

#[derive(Args)]
pub(crate) struct Validate {
    /// The policy, as JSON; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The kind of policy.
    #[arg(long = "for", value_enum, default_value_t = Purpose::Repository)]
    purpose: Purpose,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Purpose {
    /// For a user, a group or a role; for a permissions boundary; for a session.
    Identity,
    /// For a role: who may assume it.
    Trust,
    /// For a repository.
    Repository,
    /// For a registry.
    Registry,
}

pub(super) fn run(options: &Validate) -> anyhow::Result<()> {
    let text = read(&options.file)?;
    let meant_for = match options.purpose {
        Purpose::Identity => MeantFor::Identity,
        Purpose::Trust => MeantFor::Trust,
        Purpose::Repository => MeantFor::Repository,
        Purpose::Registry => MeantFor::Registry,
    };
    let findings = lint(&text, meant_for);
    if findings.lines.is_empty() {
        return say("The policy is valid; there are no warnings.");
    }
    say(&findings.lines.join("\n"))?;
    if findings.is_refused {
        bail!("{} would be refused", options.file.display());
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let cannot = || format!("cannot read {}", path.display());
    if path == Path::new("-") {
        std::io::stdin().take(MAX_BYTES).read_to_string(&mut text).with_context(cannot)?;
    } else {
        fs::File::open(path)
            .with_context(cannot)?
            .take(MAX_BYTES)
            .read_to_string(&mut text)
            .with_context(cannot)?;
    }
    Ok(text)
}
