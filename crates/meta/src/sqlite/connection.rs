//! Connections to the database file: how they are set up, and statements on them.

use std::path::{Path, PathBuf};

use rusqlite::{
    Connection, OpenFlags, ToSql,
    config::DbConfig,
    types::{ToSqlOutput, ValueRef},
};

use super::SqliteOptions;
use crate::{
    error::StoreError,
    value::{Param, Row, Value},
};

/// A write-ahead log longer than this is cut back when SQLite starts it anew.
pub(super) const WAL_KEEP: u64 = 4 << 20;

/// Statements kept prepared by each connection.
const STATEMENTS: usize = 192;

pub(super) fn wal_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

pub(super) fn file_len(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

fn open(path: &Path, flags: OpenFlags, options: SqliteOptions) -> Result<Connection, StoreError> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A plan that depends on a bound value is made anew each time the value changes, which cost more than a third of
    // a read. With this setting plans depend on the text alone, as they do on a server that keeps them.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // A negative cache size is in KiB.
    connection.pragma_update(None, "cache_size", -i64::from(options.cache_bytes / 1024))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// The one connection that writes.
pub(super) fn writer(path: &Path, options: SqliteOptions) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = open(path, flags, options)?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(StoreError::from)?;
    if mode != "wal" {
        return Err(StoreError::Schema(format!("SQLite cannot keep a write-ahead log here (mode {mode})")));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    // The checkpoint thread does it, so that no commit waits for one.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEEP.cast_signed())?;
    if let Some(pages) = options.max_pages {
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    Ok(connection)
}

/// A connection that cannot write.
pub(super) fn reader(path: &Path, options: SqliteOptions) -> Result<Connection, StoreError> {
    // Not opened read-only: a reader takes part in the write-ahead log's shared memory.
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, options)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// The connection that moves the write-ahead log into the database.
pub(super) fn checkpointer(path: &Path, options: SqliteOptions) -> Result<Connection, StoreError> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, options)?;
    connection.pragma_update(None, "journal_size_limit", WAL_KEEP.cast_signed())?;
    Ok(connection)
}

impl ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(int) => ValueRef::Integer(*int),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn value(column: ValueRef<'_>) -> Result<Value, StoreError> {
    Ok(match column {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(int) => Value::Int(int),
        ValueRef::Text(text) => Value::Text(
            std::str::from_utf8(text).map_err(|_| StoreError::Corrupt("text that is not UTF-8"))?.to_owned(),
        ),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_owned()),
        ValueRef::Real(_) => return Err(StoreError::Corrupt("a column is a floating-point number")),
    })
}

/// All rows of a statement.
pub(crate) fn rows(connection: &Connection, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut found = statement.query(rusqlite::params_from_iter(params))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        // Collecting results does not know their number, so the list would grow several times for each row.
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            values.push(value(row.get_ref(column)?)?);
        }
        rows.push(Row::new(values));
    }
    Ok(rows)
}

/// Runs a statement that gives no rows.
pub(crate) fn execute(connection: &Connection, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.execute(rusqlite::params_from_iter(params))? as u64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use rusqlite::StatementStatus;

    use super::*;

    /// SQLite does not tell whether it calls fdatasync, but the flag comes with this one (.cargo/config.toml).
    #[test]
    fn sqlite_is_built_with_the_flags_of_the_workspace() {
        let connection = Connection::open_in_memory().unwrap();
        let found = rows(&connection, "PRAGMA compile_options", &[]).unwrap();
        let options: Vec<String> = found.into_iter().map(|mut row| row.take().unwrap()).collect();
        assert!(options.iter().any(|option| option == "DEFAULT_MEMSTATUS=0"), "{options:?}");
    }

    #[test]
    fn a_kept_statement_is_not_planned_anew_for_other_values() {
        let folder = tempfile::tempdir().unwrap();
        let connection = writer(&folder.path().join("db"), SqliteOptions::default()).unwrap();
        let schema = "CREATE TABLE t (a INTEGER, b INTEGER); CREATE INDEX i ON t (a) WHERE b = 1;";
        connection.execute_batch(schema).unwrap();
        let sql = "SELECT a FROM t WHERE b = ?1";
        for value in 1..=3 {
            rows(&connection, sql, &[Param::Int(value)]).unwrap();
        }
        let statement = connection.prepare_cached(sql).unwrap();
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
