//! Migrations: numbered, forward only, each in a transaction of its own. One file serves both dialects: it is written
//! for SQLite, and PostgreSQL's text is made from it ([`text_for`]).

use rusqlite::OptionalExtension;

use crate::{error::StoreError, postgres::Session, tx::Dialect};

/// The compatibility number of this binary. A migration names the lowest that can still work with the schema it
/// leaves; a binary whose number is lower refuses to start.
pub const COMPAT: i64 = 7;

/// The number that the newest schema demands. Registries that are placed in another database demand more.
#[cfg(test)]
pub(crate) const SCHEMA_COMPAT: i64 = 6;

/// How far a database is migrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaVersion {
    /// Number of the newest migration applied.
    pub version: i64,
    /// Lowest [`COMPAT`] that can work with it.
    pub oldest_compat: i64,
}

/// One step of the schema.
struct Migration {
    number: i64,
    /// The lowest compatibility number that works after this step.
    oldest_compat: i64,
    text: &'static str,
}

/// The migration that made the table of placements.
pub(crate) const PLACEMENT: i64 = 44;

const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, oldest_compat: 1, text: include_str!("../migrations/0001_start.sql") },
    // A binary that does not read boundaries, closed accounts and policies with Deny would allow what they refuse.
    Migration { number: 2, oldest_compat: 2, text: include_str!("../migrations/0002_accounts_iam.sql") },
    // A binary that leaves out the references to what is missing would let it be deleted once it has come.
    Migration { number: 3, oldest_compat: 3, text: include_str!("../migrations/0003_references.sql") },
    // An older binary sweeps as before and knows no events: it can work beside this one.
    Migration { number: 4, oldest_compat: 3, text: include_str!("../migrations/0004_background.sql") },
    // Indexes alone.
    Migration { number: 5, oldest_compat: 3, text: include_str!("../migrations/0005_lists.sql") },
    // An older binary would let archived images be pulled.
    Migration { number: 6, oldest_compat: 4, text: include_str!("../migrations/0006_lifecycle.sql") },
    // An older binary queues nothing for review and counts no bytes; the walk finds both later.
    Migration { number: 7, oldest_compat: 4, text: include_str!("../migrations/0007_collection.sql") },
    // An older binary would delete what is protected.
    Migration { number: 8, oldest_compat: 5, text: include_str!("../migrations/0008_protection.sql") },
    // An older binary would leave layers of a new image unreadable that only archived images had.
    Migration { number: 9, oldest_compat: 5, text: include_str!("../migrations/0009_archive.sql") },
    // An older binary leaves the marks and the bytes of uploads alone; the measurement of usage corrects them.
    Migration { number: 10, oldest_compat: 5, text: include_str!("../migrations/0010_end.sql") },
    // A new table.
    Migration {
        number: 11,
        oldest_compat: 5,
        text: include_str!("../migrations/0011_creation_templates.sql"),
    },
    // New tables. An older binary leaves the scans of images that it deletes.
    Migration { number: 12, oldest_compat: 5, text: include_str!("../migrations/0012_scanning.sql") },
    // An older binary records no moves of tags.
    Migration { number: 13, oldest_compat: 5, text: include_str!("../migrations/0013_tag_history.sql") },
    // An older binary writes events, which a newer one routes.
    Migration { number: 14, oldest_compat: 5, text: include_str!("../migrations/0014_deliveries.sql") },
    // An older binary has no operation for them.
    Migration { number: 17, oldest_compat: 5, text: include_str!("../migrations/0017_account_access.sql") },
    // An older binary does not read the rows of public registries, and changes nothing of them.
    Migration {
        number: 18,
        oldest_compat: 5,
        text: include_str!("../migrations/0018_public_registries.sql"),
    },
    // An older binary would route events without rules, and would remove what waits for their targets.
    Migration { number: 20, oldest_compat: 6, text: include_str!("../migrations/0020_event_rules.sql") },
    // An older binary would retire a key that still seals a connection.
    Migration { number: 21, oldest_compat: 6, text: include_str!("../migrations/0021_api_destinations.sql") },
    // An older binary would not apply conditions on organizational units.
    Migration {
        number: 22,
        oldest_compat: 6,
        text: include_str!("../migrations/0022_organizational_units.sql"),
    },
    // A new table.
    Migration { number: 23, oldest_compat: 6, text: include_str!("../migrations/0023_mfa_devices.sql") },
    // An older binary pulls only what is stored already.
    Migration {
        number: 24,
        oldest_compat: 6,
        text: include_str!("../migrations/0024_pull_through_cache.sql"),
    },
    // What comes through an older binary is not replicated; a backfill replicates it.
    Migration { number: 26, oldest_compat: 6, text: include_str!("../migrations/0026_replication.sql") },
    // New tables.
    Migration {
        number: 27,
        oldest_compat: 6,
        text: include_str!("../migrations/0027_replication_backfill.sql"),
    },
    // An older binary leaves the redirects of repositories that it removes, which lead nowhere.
    Migration { number: 28, oldest_compat: 6, text: include_str!("../migrations/0028_redirects.sql") },
    // An older binary would retire a key that still seals a secret.
    Migration { number: 29, oldest_compat: 6, text: include_str!("../migrations/0029_secrets.sql") },
    // A new table, which only newer binaries use.
    Migration { number: 30, oldest_compat: 6, text: include_str!("../migrations/0030_commit_markers.sql") },
    // New tables, and an index.
    Migration { number: 31, oldest_compat: 6, text: include_str!("../migrations/0031_credentials.sql") },
    // An older binary leaves the rows of repositories that it removes, which no repository has again.
    Migration {
        number: 33,
        oldest_compat: 6,
        text: include_str!("../migrations/0033_replication_peers.sql"),
    },
    // An older binary answers no pulls by the old names of repositories that another account has now.
    Migration {
        number: 37,
        oldest_compat: 6,
        text: include_str!("../migrations/0037_moved_repositories.sql"),
    },
    // New tables. What an older binary changes of a repository's settings is not replicated.
    Migration {
        number: 38,
        oldest_compat: 6,
        text: include_str!("../migrations/0038_replicated_settings.sql"),
    },
    // An index.
    Migration {
        number: 41,
        oldest_compat: 6,
        text: include_str!("../migrations/0041_backfill_failures.sql"),
    },
    // Layers of images in repositories that an older binary renames are fetched without a decision, as before.
    Migration { number: 43, oldest_compat: 6, text: include_str!("../migrations/0043_imports_after.sql") },
    // A new table. The first row in it needs compatibility 7 (`PlaceAccount`).
    Migration { number: PLACEMENT, oldest_compat: 6, text: include_str!("../migrations/0044_placement.sql") },
];

/// What PostgreSQL writes where SQLite writes something else. Text compares by bytes in both.
const SUBSTITUTIONS: [(&str, &str); 5] = [
    ("TEXT", "TEXT COLLATE \"C\""),
    ("INTEGER", "BIGINT"),
    ("BLOB", "BYTEA"),
    (") STRICT, WITHOUT ROWID;", ");"),
    (") STRICT;", ");"),
];

/// A migration in one dialect. The lines after `--@ sqlite` or `--@ postgres`, up to the next `--@` line, are for that
/// dialect alone and are left as they are; the lines after `--@ both` are for both.
pub(crate) fn text_for(dialect: Dialect, migration: &str) -> String {
    let mut text = String::with_capacity(migration.len() * 5 / 4);
    let mut only = None;
    for line in migration.lines() {
        match line.strip_prefix("--@ ") {
            Some("sqlite") => only = Some(Dialect::Sqlite),
            Some("postgres") => only = Some(Dialect::Postgres),
            Some(_) => only = None,
            None if only.is_some_and(|only| only != dialect) => {}
            None if only.is_some() || dialect == Dialect::Sqlite || line.starts_with("--") => {
                text.push_str(line);
                text.push('\n');
            }
            None => {
                let line = SUBSTITUTIONS
                    .iter()
                    .fold(line.to_owned(), |line, (sqlite, postgres)| line.replace(sqlite, postgres));
                text.push_str(&line);
                text.push('\n');
            }
        }
    }
    text
}

const BOOKKEEPING: &str = "CREATE TABLE IF NOT EXISTS schema_migration \
    (number BIGINT NOT NULL PRIMARY KEY, oldest_compat BIGINT NOT NULL)";

const BOOKKEEPING_SQLITE: &str = "CREATE TABLE IF NOT EXISTS schema_migration \
    (number INTEGER NOT NULL PRIMARY KEY, oldest_compat INTEGER NOT NULL) STRICT";

/// The newest migration that was applied, and the highest demand that any of them made.
const APPLIED: &str = "SELECT MAX(number), MAX(oldest_compat) FROM schema_migration";

/// What is left to do, if this binary may do it.
fn pending(applied: SchemaVersion) -> Result<impl Iterator<Item = &'static Migration>, StoreError> {
    if applied.oldest_compat > COMPAT {
        return Err(StoreError::Schema(format!(
            "the database was migrated by a newer Wharf (schema {}, for binaries of compatibility {} and up; this one \
             has {COMPAT}); start a newer version",
            applied.version, applied.oldest_compat
        )));
    }
    Ok(MIGRATIONS.iter().filter(move |migration| migration.number > applied.version))
}

pub(crate) fn sqlite(connection: &mut rusqlite::Connection) -> Result<(), StoreError> {
    connection.execute_batch(BOOKKEEPING_SQLITE)?;
    let applied = connection
        .query_row(APPLIED, [], |row| {
            let (version, compat): (Option<i64>, Option<i64>) = (row.get(0)?, row.get(1)?);
            Ok(SchemaVersion { version: version.unwrap_or(0), oldest_compat: compat.unwrap_or(0) })
        })
        .optional()?
        .unwrap_or(SchemaVersion { version: 0, oldest_compat: 0 });
    for migration in pending(applied)? {
        let transaction = connection.transaction()?;
        transaction.execute_batch(&text_for(Dialect::Sqlite, migration.text))?;
        transaction.execute(
            "INSERT INTO schema_migration (number, oldest_compat) VALUES (?1, ?2)",
            (migration.number, migration.oldest_compat),
        )?;
        transaction.commit()?;
    }
    Ok(())
}

/// Any constant: nodes that start together take turns by it.
const ADVISORY_LOCK: i64 = 0x7768_6172_6600;

pub(crate) async fn postgres(session: &Session) -> Result<(), StoreError> {
    session
        .command(&format!("SET client_min_messages TO warning; SELECT pg_advisory_lock({ADVISORY_LOCK})"))
        .await?;
    // A step that failed leaves its transaction open and aborted, in which nothing runs any more: the caller closes the
    // session, and the lock goes with it.
    postgres_alone(session).await?;
    session.command(&format!("SELECT pg_advisory_unlock({ADVISORY_LOCK})")).await
}

async fn postgres_alone(session: &Session) -> Result<(), StoreError> {
    session.command(BOOKKEEPING).await?;
    let mut rows = session.rows(APPLIED, &[]).await?;
    let row = rows.first_mut().ok_or(StoreError::Corrupt("schema_migration"))?;
    let (version, compat): (Option<i64>, Option<i64>) = (row.take()?, row.take()?);
    let applied = SchemaVersion { version: version.unwrap_or(0), oldest_compat: compat.unwrap_or(0) };
    for migration in pending(applied)? {
        let record = format!(
            "INSERT INTO schema_migration (number, oldest_compat) VALUES ({}, {})",
            migration.number, migration.oldest_compat
        );
        // Commands of one simple query run in one transaction.
        session
            .command(&format!("BEGIN; {}; {record}; COMMIT", text_for(Dialect::Postgres, migration.text)))
            .await?;
    }
    Ok(())
}
