//! `wharf credentials process`: one answer on standard output.

use std::path::PathBuf;

use jiff::Timestamp;

use super::options::Process;
use crate::cmd::say;
use crate::node_identity::process;

pub(super) async fn run(options: Process) -> anyhow::Result<()> {
    let folder = if options.no_cache { None } else { options.cache_dir.or_else(default_folder) };
    let sts = options.wanted.sts()?;
    let outcome = process::get(&sts, folder.as_deref(), &sts.identity()?, Timestamp::now()).await?;
    if let Some(warning) = outcome.warning {
        warn(&warning);
    }
    say(&outcome.credentials.for_process().to_string())
}

#[expect(clippy::print_stderr, reason = "SDKs read standard output, people standard error")]
fn warn(warning: &str) {
    eprintln!("wharf: {warning}");
}

fn default_folder() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))?;
    Some(cache.join("wharf/credentials"))
}
