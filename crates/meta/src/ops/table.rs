//! Tables as a whole, to copy a store to another database: which there are, and their rows in the order of their keys. Both
//! databases have the same tables and columns, and compare keys in the same way.

use std::collections::BTreeSet;

use crate::{
    Never, Row, StoreError, Tx, Value,
    ops::{
        backup_hold, operation,
        settings::{ARCHIVE_STORE_SETTING, BLOB_STORE_SETTING, READ_ONLY_SETTING},
        store_move,
    },
    tx::Dialect,
    value::{Param, ToParam, params},
};

const DATABASE: crate::Database = crate::Database::Registries;

/// Rows that are read or written at once: of most tables, and of those with manifests or pictures.
const ROWS: usize = 250;
const LARGE_ROWS: usize = 24;
const LARGE: [&str; 3] = ["manifest_body", "repository_catalog_data", "upload"];

/// What each database has of its own: the state of migrations, marks of commits, SQLite's counters.
const OWN: [&str; 3] = ["schema_migration", "commit_marker", "sqlite_sequence"];

/// Settings that belong to a database or to a store of blobs, and are not copied.
const OWN_SETTINGS: [&str; 5] =
    [backup_hold::SETTING, BLOB_STORE_SETTING, ARCHIVE_STORE_SETTING, READ_ONLY_SETTING, store_move::SETTING];

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub columns: Vec<String>,
    /// The columns whose values no two rows have in common.
    pub key: Vec<String>,
    /// The tables whose rows must exist before.
    pub references: Vec<String>,
}

/// The values of a row, in the order of the columns.
pub type TableRow = Vec<Value>;

impl Table {
    /// How many rows are read or written at once.
    pub fn page(&self) -> usize {
        if LARGE.contains(&self.name.as_str()) { LARGE_ROWS } else { ROWS }
    }

    /// The key of a row.
    pub fn key_of(&self, row: &[Value]) -> Vec<Value> {
        let at = |column: &String| self.columns.iter().position(|known| known == column);
        self.key.iter().filter_map(at).filter_map(|at| row.get(at).cloned()).collect()
    }

    fn quoted(names: &[String]) -> String {
        names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
    }

    /// What is not copied of a table.
    fn filter(&self) -> String {
        if self.name != "setting" {
            return String::new();
        }
        let names: Vec<String> = OWN_SETTINGS.iter().map(|name| format!("'{name}'")).collect();
        format!("\"name\" NOT IN ({})", names.join(", "))
    }

    fn select(&self, after: Option<&[Value]>, descending: bool) -> String {
        let key = Self::quoted(&self.key);
        let mut conditions = vec![self.filter()];
        if let Some(after) = after {
            let places: Vec<String> = (1..=after.len()).map(|at| format!("?{at}")).collect();
            conditions.push(format!("({key}) > ({})", places.join(", ")));
        }
        conditions.retain(|condition| !condition.is_empty());
        let condition = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        let order = if descending {
            self.key.iter().map(|column| format!("\"{column}\" DESC")).collect::<Vec<_>>().join(", ")
        } else {
            key
        };
        let limit = if descending { 1 } else { self.page() };
        let columns = Self::quoted(&self.columns);
        format!("SELECT {columns} FROM \"{}\"{condition} ORDER BY {order} LIMIT {limit}", self.name)
    }
}

/// Lists the tables that are copied, each after those that it refers to.
#[derive(Clone, Copy, Debug)]
pub struct ListTables;

operation!(ListTables: Page -> Vec<Table>, Never, |_op, tx| {
    let select = tx.fork(
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() \
            AND table_type = 'BASE TABLE' ORDER BY table_name::text COLLATE \"C\"",
    );
    let mut tables = Vec::new();
    for name in texts(tx, select, &[]).await? {
        if !OWN.contains(&name.as_str()) && !name.starts_with("sqlite_") {
            tables.push(describe(tx, name).await?);
        }
    }
    Ok(Ok(in_order(tables)?))
});

async fn describe(tx: &mut Tx<'_>, name: String) -> Result<Table, StoreError> {
    let (columns, key, references) = match tx.dialect() {
        Dialect::Sqlite => (
            "SELECT name FROM pragma_table_info(?1) ORDER BY cid",
            "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk",
            "SELECT DISTINCT \"table\" FROM pragma_foreign_key_list(?1) ORDER BY 1",
        ),
        Dialect::Postgres => (
            "SELECT column_name::text FROM information_schema.columns \
                WHERE table_schema = current_schema() AND table_name = ?1::text ORDER BY ordinal_position",
            "SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid \
                AND a.attnum = ANY (i.indkey) WHERE i.indrelid = quote_ident(?1::text)::regclass AND i.indisprimary \
                ORDER BY array_position(i.indkey::int2[], a.attnum)",
            "SELECT DISTINCT c.relname::text FROM pg_constraint f JOIN pg_class c ON c.oid = f.confrelid \
                WHERE f.conrelid = quote_ident(?1::text)::regclass AND f.contype = 'f' ORDER BY 1",
        ),
    };
    let of = params![name];
    let mut columns = texts(tx, columns, &of).await?;
    // The databases added columns in different orders.
    columns.sort();
    let mut key = texts(tx, key, &of).await?;
    if name == "outbox" {
        // SQLite's primary key is the sequence. Both have an index of these.
        key = vec!["id".to_owned(), "position".to_owned()];
    }
    if columns.is_empty() || key.is_empty() {
        return Err(StoreError::Bug("a table has no columns or no key"));
    }
    let references = texts(tx, references, &of).await?;
    Ok(Table { name, columns, key, references })
}

async fn texts(tx: &mut Tx<'_>, sql: &str, values: &[Param<'_>]) -> Result<Vec<String>, StoreError> {
    tx.rows(sql, values).await?.into_iter().map(|mut row| row.take()).collect()
}

/// Each table after those that it refers to.
fn in_order(mut tables: Vec<Table>) -> Result<Vec<Table>, StoreError> {
    let (mut ordered, mut known) = (Vec::with_capacity(tables.len()), BTreeSet::new());
    while !tables.is_empty() {
        let is_ready = |table: &Table| {
            table.references.iter().all(|other| *other == table.name || known.contains(other))
        };
        let (ready, later): (Vec<Table>, Vec<Table>) = tables.into_iter().partition(is_ready);
        if ready.is_empty() {
            return Err(StoreError::Bug("tables refer to each other in a circle"));
        }
        known.extend(ready.iter().map(|table| table.name.clone()));
        ordered.extend(ready);
        tables = later;
    }
    Ok(ordered)
}

/// Reads the next rows of a table, at most [`Table::page`].
#[derive(Clone, Debug)]
pub struct ReadTable {
    pub table: Table,
    /// Only rows with greater keys.
    pub after: Option<Vec<Value>>,
}

operation!(ReadTable: Point -> Vec<TableRow>, Never, |op, tx| {
    let after = op.after.as_deref();
    let values: Vec<Param<'_>> = after.unwrap_or_default().iter().map(ToParam::to_param).collect();
    let rows = tx.rows(&op.table.select(after, false), &values).await?;
    Ok(Ok(rows.into_iter().map(Row::into_values).collect()))
});

/// Finds the greatest key of a table: where a copy was interrupted.
#[derive(Clone, Debug)]
pub struct LastTableKey {
    pub table: Table,
}

operation!(LastTableKey: Point -> Option<Vec<Value>>, Never, |op, tx| {
    let row = tx.row(&op.table.select(None, true), &[]).await?;
    Ok(Ok(row.map(|row| op.table.key_of(&row.into_values()))))
});

/// Adds rows to a table, whose keys are greater than those that it has.
#[derive(Clone, Debug)]
pub struct WriteTable {
    pub table: Table,
    pub rows: Vec<TableRow>,
}

operation!(WriteTable: Durable [Everything] -> (), Never, |op, tx| {
    let width = op.table.columns.len();
    if op.rows.is_empty() || op.rows.iter().any(|row| row.len() != width) {
        return Err(StoreError::Bug("a row has other columns than its table"));
    }
    let tuple = |row: usize| {
        let places: Vec<String> = (1..=width).map(|column| format!("?{}", row * width + column)).collect();
        format!("({})", places.join(", "))
    };
    let tuples: Vec<String> = (0..op.rows.len()).map(tuple).collect();
    let columns = Table::quoted(&op.table.columns);
    let insert = format!("INSERT INTO \"{}\" ({columns}) VALUES {}", op.table.name, tuples.join(", "));
    let values: Vec<Param<'_>> = op.rows.iter().flatten().map(ToParam::to_param).collect();
    tx.execute(&insert, &values).await?;
    Ok(Ok(()))
});
