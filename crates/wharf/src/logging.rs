//! The log: on standard error, as text on a terminal and as JSON elsewhere.

use std::io::{IsTerminal as _, stderr};

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::cli::{LogFormat, Logging};

/// Starts logging for the whole process.
pub(crate) fn start(logging: &Logging) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&logging.log).with_context(|| format!("--log {}", logging.log))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    let format =
        logging.log_format.unwrap_or(if stderr().is_terminal() { LogFormat::Text } else { LogFormat::Json });
    match format {
        LogFormat::Text => builder.with_ansi(stderr().is_terminal()).init(),
        LogFormat::Json => {
            builder.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
        }
    }
    Ok(())
}
