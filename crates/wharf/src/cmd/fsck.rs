//! `wharf fsck`: checks that rows and bytes agree.

use clap::Args;
use registry::fsck::{Finding, Options, Report};

use super::say;
use super::store::Store;

#[derive(Args)]
pub(crate) struct Fsck {
    /// Repair what can be repaired. Nothing is deleted: unknown files go to the folder quarantine beside the objects.
    #[arg(long)]
    repair: bool,
    /// Compare lengths only; do not read all bytes.
    #[arg(long)]
    quick: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: Store,
}

/// Something was wrong, and all of it was repaired.
const REPAIRED: u8 = 3;
/// Something is wrong.
const DAMAGED: u8 = 4;

/// The check found something: the process ends with this code, and the report says the rest.
#[derive(Debug, thiserror::Error)]
#[error("the check found {found} problems, {left} of them are left")]
pub(crate) struct Problems {
    found: usize,
    left: usize,
}

impl Problems {
    /// The code of the process.
    pub(crate) const fn code(&self) -> u8 {
        if self.left == 0 { REPAIRED } else { DAMAGED }
    }
}

pub(crate) async fn run(options: Fsck) -> anyhow::Result<()> {
    let Some(store) = options.store.open().await? else {
        anyhow::bail!("name the store: --data-dir or --config; with SQLite the server must be stopped")
    };
    let (repair, quick) = (options.repair, options.quick);
    let report = store.deployment.registry.fsck(Options { repair, quick }).await?;
    if options.json {
        say(&serde_json::to_string_pretty(&report)?)?;
    } else {
        say(&text(&report))?;
    }
    let found = report.findings.len();
    if found == 0 {
        return Ok(());
    }
    let left = report.findings.iter().filter(|finding| finding.repair.is_none()).count();
    Err(Problems { found, left }.into())
}

fn text(report: &Report) -> String {
    let line = |finding: &Finding| {
        let repair = finding.repair.as_ref().map_or_else(String::new, |repair| format!(" ({repair})"));
        format!("{}: {}{repair}", finding.subject, finding.problem)
    };
    let mut lines: Vec<String> = report.findings.iter().map(line).collect();
    lines.push(format!(
        "Checked {} objects of {} bytes, {} manifests and {} files. Problems: {}.",
        report.objects,
        report.bytes,
        report.manifests,
        report.files,
        report.findings.len()
    ));
    lines.join("\n")
}
