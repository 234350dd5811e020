//! What `wharf import` and `wharf export` have in common: what is copied, and the report.

use clap::Args;
use serde_json::json;

use super::say;
use crate::migration::pattern::Pattern;
use crate::migration::report::Summary;
use crate::migration::transfer::Options;

/// What is copied, and how.
#[derive(Args)]
pub(crate) struct Choice {
    /// Only repositories with this name; `*` is any text. Can be repeated [default: all].
    #[arg(long = "repository", value_name = "PATTERN")]
    repositories: Vec<String>,
    /// Only these tags, with what refers to their images; `*` is any text. Can be repeated [default: all].
    #[arg(long = "tag", value_name = "PATTERN")]
    tags: Vec<String>,
    /// Not these tags. Can be repeated.
    #[arg(long = "without-tag", value_name = "PATTERN")]
    without_tags: Vec<String>,
    /// How many images and layers are copied at a time.
    #[arg(long, value_name = "NUMBER", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    jobs: u8,
    /// Say what would be copied, and copy nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl Choice {
    pub(super) fn options(&self) -> Options {
        let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect();
        Options {
            repositories: patterns(&self.repositories),
            tags: patterns(&self.tags),
            without_tags: patterns(&self.without_tags),
            prefix: String::new(),
            strip_prefix: String::new(),
            jobs: self.jobs.into(),
            dry_run: self.dry_run,
        }
    }
}

/// Prints the reports. It is a failure if something was not copied.
pub(super) fn finish(is_json: bool, summaries: &[(String, Summary)]) -> anyhow::Result<()> {
    if is_json {
        let reports =
            summaries.iter().map(|(source, summary)| json!({ "source": source, "report": summary }));
        say(&serde_json::to_string_pretty(&reports.collect::<Vec<_>>())?)?;
    } else {
        for (source, summary) in summaries {
            say(&format!("{source}\n{}", summary.text()))?;
        }
    }
    let failed: u64 = summaries.iter().map(|(_, summary)| summary.failed).sum();
    if failed > 0 {
        anyhow::bail!(
            "{failed} images or repositories were not copied; the report names them. Run the command again: it continues"
        );
    }
    Ok(())
}
