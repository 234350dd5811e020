//! One borrowed connection: statements, prepared once and counted.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use deadpool_postgres::Object;
use tokio_postgres::{Row as PgRow, Statement, types::ToSql, types::Type};

use crate::{
    error::StoreError,
    value::{Param, Row, Value},
};

/// A connection lent by the pool.
pub(crate) struct Session {
    connection: Object,
    round_trips: Arc<AtomicU64>,
}

impl Session {
    pub(super) fn new(connection: Object, round_trips: Arc<AtomicU64>) -> Self {
        Self { connection, round_trips }
    }

    /// Returns the connection to the pool, or closes it when it may be inside a transaction.
    pub(super) fn give_back(self, sound: bool) {
        if !sound {
            drop(Object::take(self.connection));
        }
    }

    fn count(&self) {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
    }

    async fn prepare(&self, sql: &str) -> Result<Statement, StoreError> {
        let sql = number_placeholders(sql);
        let known = self.connection.statement_cache.size();
        let statement = self.connection.prepare_cached(&sql).await?;
        if self.connection.statement_cache.size() != known {
            self.count();
        }
        Ok(statement)
    }

    /// All rows of a statement.
    pub(crate) async fn rows(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepare(sql).await?;
        self.count();
        let found = self.connection.query(&statement, &borrow(params)).await?;
        found.iter().map(row).collect()
    }

    /// Runs a statement that gives no rows.
    pub(crate) async fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        let statement = self.prepare(sql).await?;
        self.count();
        Ok(self.connection.execute(&statement, &borrow(params)).await?)
    }

    /// Runs commands without parameters: transactions, migrations.
    pub(crate) async fn command(&self, sql: &str) -> Result<(), StoreError> {
        self.count();
        Ok(self.connection.batch_execute(sql).await?)
    }
}

fn borrow<'p>(params: &'p [Param<'_>]) -> Vec<&'p (dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}

/// `?1` becomes `$1`. No statement of this crate holds a question mark for anything else.
fn number_placeholders(sql: &str) -> String {
    sql.replace('?', "$")
}

fn row(found: &PgRow) -> Result<Row, StoreError> {
    // Collecting results does not know their number, so the list would grow several times for each row.
    let mut values = Vec::with_capacity(found.len());
    for (at, column) in found.columns().iter().enumerate() {
        values.push(value(found, at, column.type_())?);
    }
    Ok(Row::new(values))
}

fn value(found: &PgRow, at: usize, kind: &Type) -> Result<Value, StoreError> {
    let value = match *kind {
        Type::INT8 => found.try_get::<_, Option<i64>>(at)?.map(Value::Int),
        Type::INT4 => found.try_get::<_, Option<i32>>(at)?.map(|int| Value::Int(int.into())),
        Type::TEXT => found.try_get::<_, Option<String>>(at)?.map(Value::Text),
        Type::BYTEA => found.try_get::<_, Option<Vec<u8>>>(at)?.map(Value::Bytes),
        _ => return Err(StoreError::Bug("a column is neither BIGINT nor TEXT nor bytes")),
    };
    Ok(value.unwrap_or_default())
}
