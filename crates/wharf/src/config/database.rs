//! `[database]`: where the metadata is, and how PostgreSQL is used.

use std::{path::PathBuf, time::Duration};

use anyhow::bail;
use meta::{PostgresOptions, PostgresReplica};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DatabaseSection {
    url: Option<String>,
    connections: Option<usize>,
    statement_timeout_seconds: Option<u64>,
    failover_seconds: Option<u64>,
    transaction_pooler: bool,
    replica_url: Option<String>,
    replica_wait_milliseconds: Option<u64>,
}

/// Where metadata is stored.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Database {
    /// A SQLite file; None: a file in the data folder.
    Sqlite(Option<PathBuf>),
    /// PostgreSQL at a URL, and a standby for lists. A URL can contain a password and is never printed.
    Postgres(String, PostgresOptions, Option<PostgresReplica>),
}

impl Database {
    /// Whether only one process can open it: SQLite's data folder is locked.
    pub(crate) fn is_alone(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }
}

pub(super) fn database(section: &DatabaseSection) -> anyhow::Result<Database> {
    let is_postgres = |url: &str| url.starts_with("postgres://") || url.starts_with("postgresql://");
    let url = section.url.as_deref();
    if (section.replica_url.is_some() || section.replica_wait_milliseconds.is_some())
        && !url.is_some_and(is_postgres)
    {
        bail!("database.replica_url is for PostgreSQL, in database.url");
    }
    let Some(url) = url else { return Ok(Database::Sqlite(None)) };
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() {
            bail!("database.url has no file: use for example sqlite:///var/lib/wharf/wharf.db");
        }
        return Ok(Database::Sqlite(Some(PathBuf::from(path))));
    }
    if is_postgres(url) {
        return Ok(Database::Postgres(url.to_owned(), options(section)?, replica(section, is_postgres)?));
    }
    // The URL can contain a password, so the error does not repeat it.
    bail!("database.url must begin with sqlite: or postgres://")
}

/// How long a page waits for a standby that is a little behind.
const REPLICA_WAIT: u64 = 50;

fn replica(
    section: &DatabaseSection,
    is_postgres: impl Fn(&str) -> bool,
) -> anyhow::Result<Option<PostgresReplica>> {
    let wait = section.replica_wait_milliseconds.unwrap_or(REPLICA_WAIT);
    if !(1..=10_000).contains(&wait) {
        bail!("database.replica_wait_milliseconds must be between 1 and 10000");
    }
    let Some(url) = &section.replica_url else { return Ok(None) };
    if !is_postgres(url) {
        bail!("database.replica_url must begin with postgres://");
    }
    Ok(Some(PostgresReplica { url: url.clone(), wait: Duration::from_millis(wait) }))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Database> {
        database(&toml::from_str(text).unwrap())
    }

    #[test]
    fn a_standby_is_for_postgresql() {
        let both =
            "url = \"postgres://a/w\"\nreplica_url = \"postgresql://b/w\"\nreplica_wait_milliseconds = 7";
        let Ok(Database::Postgres(_, _, Some(replica))) = read(both) else { panic!("no standby") };
        assert_eq!((&*replica.url, replica.wait), ("postgresql://b/w", Duration::from_millis(7)));
        assert!(matches!(read("url = \"postgres://a/w\"").unwrap(), Database::Postgres(_, _, None)));
        for (text, says) in [
            ("replica_url = \"postgres://b/w\"", "is for PostgreSQL"),
            ("url = \"sqlite:///w.db\"\nreplica_url = \"postgres://b/w\"", "is for PostgreSQL"),
            ("url = \"postgres://a/w\"\nreplica_url = \"b:secret\"", "must begin with"),
            ("url = \"postgres://a/w\"\nreplica_wait_milliseconds = 0", "between"),
        ] {
            let error = read(text).err().map(|error| format!("{error:#}")).unwrap_or_default();
            assert!(error.contains(says) && !error.contains("secret"), "{text}: {error}");
        }
    }
}
