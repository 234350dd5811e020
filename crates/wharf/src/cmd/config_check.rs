//! `wharf config check`: reports what `serve` would report about a file, without serving.

use std::path::Path;

use super::say;
use crate::config;

pub(crate) fn run(file: &Path) -> anyhow::Result<()> {
    let config = config::load(file)?;
    if let Some(tls) = &config.options.tls {
        server::check_tls(tls)?;
    }
    if let Some(bucket) = &config.bucket {
        bucket.options()?;
    }
    for warning in config.warnings() {
        say(&format!("warning: {warning}"))?;
    }
    say(&format!("{} is valid: listens on {}", file.display(), config.options.listen))
}
