//! `[database]`: where the metadata is, and how PostgreSQL is used.

use std::{path::PathBuf, time::Duration};

use anyhow::bail;
use meta::PostgresOptions;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DatabaseSection {
    url: Option<String>,
    connections: Option<usize>,
    statement_timeout_seconds: Option<u64>,
    failover_seconds: Option<u64>,
    transaction_pooler: bool,
}

/// Where metadata is stored.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Database {
    /// A SQLite file; None: a file in the data folder.
    Sqlite(Option<PathBuf>),
    /// PostgreSQL at a URL. The URL can contain a password and is never printed.
    Postgres(String, PostgresOptions),
}

impl Database {
    /// Whether only one process can open it: SQLite's data folder is locked.
    pub(crate) fn is_alone(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}

pub(super) fn database(section: &DatabaseSection) -> anyhow::Result<Database> {
    let Some(url) = section.url.as_deref() else { return Ok(Database::Sqlite(None)) };
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() {
            bail!("database.url has no file: use for example sqlite:///var/lib/wharf/wharf.db");
        }
        return Ok(Database::Sqlite(Some(PathBuf::from(path))));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(Database::Postgres(url.to_owned(), options(section)?));
    }
    // The URL can contain a password, so the error does not repeat it.
    bail!("database.url must begin with sqlite: or postgres://")
}

fn options(section: &DatabaseSection) -> anyhow::Result<PostgresOptions> {
    let standard = PostgresOptions::default();
    let seconds = |key: &str, value: Option<u64>, standard: Duration| match value {
        Some(0 | 3601..) => bail!("database.{key} must be between 1 and 3600"),
        Some(value) => Ok(Duration::from_secs(value)),
        None => Ok(standard),
    };
    let connections = section.connections.unwrap_or(standard.connections);
    if !(1..=1000).contains(&connections) {
        bail!("database.connections = {connections} must be between 1 and 1000");
    }
    let statement = section.statement_timeout_seconds;
    Ok(PostgresOptions {
        connections,
        statement_timeout: seconds("statement_timeout_seconds", statement, standard.statement_timeout)?,
        patience: seconds("failover_seconds", section.failover_seconds, standard.patience)?,
        keeps_session: !section.transaction_pooler,
        ..standard
    })
}
