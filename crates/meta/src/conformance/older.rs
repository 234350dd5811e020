//! A binary of an older schema works on the newest one, while both run on one PostgreSQL database: each statement that it
//! sends is still accepted, what it writes leaves no new column without a value, and it would start.
//!
//! `older/NUMBER.sql` has the statements of the version with that schema, and `older/NUMBER.schema` its schema. They are
//! made when a schema is released, and never changed:
//!
//! ```sh
//! WHARF_NOTE_STATEMENTS=$PWD/noted cargo test -p meta --lib -- conformance::postgres
//! LC_ALL=C sort -u noted | grep -Ev '^(EXPLAIN|SAVEPOINT|RELEASE|ROLLBACK)' > crates/meta/src/conformance/older/NUMBER.sql
//! sed 1,4d crates/meta/src/conformance/snapshots/meta__conformance__schema__postgres.snap \\
//!     > crates/meta/src/conformance/older/NUMBER.schema
//! ```

use std::collections::BTreeSet;

use super::{beside::Beside, world::World};
use crate::migrate::SCHEMA_COMPAT;

/// A version that was released.
struct Older {
    schema: i64,
    /// Its [`crate::COMPAT`].
    compat: i64,
    statements: &'static str,
    tables: &'static str,
}

const OLDER: &[Older] = &[Older {
    schema: 33,
    compat: 6,
    statements: include_str!("older/33.sql"),
    tables: include_str!("older/33.schema"),
}];

/// The versions that may run beside this one.
fn beside() -> impl Iterator<Item = &'static Older> {
    OLDER.iter().filter(|older| older.compat >= SCHEMA_COMPAT)
}

pub(super) async fn its_statements_are_accepted(world: World) {
    let Beside::Postgres(client) = world.beside().await else { return };
    for older in beside() {
        let statements: Vec<&str> = older.statements.lines().collect();
        assert!(statements.len() > 400, "{} statements of schema {}", statements.len(), older.schema);
        for sql in statements {
            let prepared = client.prepare(sql).await;
            assert!(prepared.is_ok(), "schema {}: {sql}\n{:?}", older.schema, prepared.err());
        }
    }
}

/// The columns of a schema, with its tables, and its other lines: constraints and indexes.
fn parts(schema: &str) -> (BTreeSet<&str>, BTreeSet<&str>, BTreeSet<&str>) {
    let (columns, others): (BTreeSet<&str>, BTreeSet<&str>) =
        schema.lines().partition(|line| line.contains(" nullable "));
    let tables = columns.iter().filter_map(|column| Some(column.split_once('.')?.0)).collect();
    (columns, tables, others)
}

pub(super) async fn what_it_writes_is_complete(world: World) {
    let Beside::Postgres(_) = world.beside().await else { return };
    let now = super::schema::lines(&world).await.join("\n");
    let (columns, _, others) = parts(&now);
    for older in beside() {
        let (older_columns, tables, older_others) = parts(older.tables);
        let of_older = |line: &&&str| tables.iter().any(|table| line.starts_with(&format!("{table}.")));
        for column in columns.iter().filter(of_older).filter(|column| !older_columns.contains(**column)) {
            let has_value = column.contains(" nullable YES ") || !column.ends_with(" default -");
            assert!(has_value, "an older version leaves {column} of schema {} empty", older.schema);
        }
        // A column, a row or a key that it counts on stays.
        let gone: Vec<_> = older_columns.difference(&columns).collect();
        assert!(gone.is_empty(), "an older version needs {gone:?}");
        let is_rule = |line: &&&str| {
            let is_of_older = tables.iter().any(|table| line.starts_with(&format!("{table} ")));
            let is_unique = tables.iter().any(|table| line.contains(&format!(" ON public.{table} ")))
                && line.starts_with("CREATE UNIQUE INDEX");
            is_of_older || is_unique
        };
        let new: Vec<_> =
            others.iter().filter(is_rule).filter(|line| !older_others.contains(**line)).collect();
        assert!(new.is_empty(), "an older version does not know the rules {new:?}");
        // INSERT … ON CONFLICT names the columns of a unique index or key.
        let lost: Vec<_> = older_others
            .difference(&others)
            .filter(|line| line.contains("UNIQUE") || line.contains("PRIMARY KEY"))
            .collect();
        assert!(lost.is_empty(), "an older version counts on {lost:?}");
    }
}

pub(super) async fn it_may_start(world: World) {
    let demand = "SELECT CAST(MAX(oldest_compat) AS TEXT) FROM schema_migration";
    assert_eq!(world.texts(demand).await, [SCHEMA_COMPAT.to_string()]);
    assert!(beside().next().is_some(), "no older version may run beside this one");
}
