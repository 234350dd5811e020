//! One borrowed connection: statements, counted and limited in time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::Object;
use futures::{
    TryStreamExt as _,
    future::{BoxFuture, try_join},
};
use tokio_postgres::{Row as PgRow, Statement, types::ToSql, types::Type};

use super::marker::{self, Marker};
use crate::{
    error::StoreError,
    value::{Param, Row, Value, params},
};

/// How sessions send statements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sending {
    /// Longest time of one statement.
    pub(super) limit: Duration,
    /// Whether statements are prepared once for each connection.
    pub(super) prepares: bool,
}

/// A connection lent by the pool.
pub(crate) struct Session {
    connection: Object,
    round_trips: Arc<AtomicU64>,
    sending: Sending,
    #[cfg(test)]
    turns: Option<Arc<super::turns::Turns>>,
}

impl Session {
    pub(super) fn new(connection: Object, round_trips: Arc<AtomicU64>, sending: Sending) -> Self {
        Self {
            connection,
            round_trips,
            sending,
            #[cfg(test)]
            turns: None,
        }
    }

    #[cfg(test)]
    pub(super) fn with_turns(self, turns: Option<Arc<super::turns::Turns>>) -> Self {
        Self { turns, ..self }
    }

    /// The same connection without a limit of time.
    pub(super) fn unlimited(self) -> Self {
        Self { sending: Sending { limit: Duration::MAX, ..self.sending }, ..self }
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

    async fn within<T>(
        &self,
        sent: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        #[cfg(test)]
        if let Some(turns) = &self.turns {
            turns.next().await;
        }
        match tokio::time::timeout(self.sending.limit, sent).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(StoreError::TimedOut(self.sending.limit)),
        }
    }

    async fn prepare(&self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        let known = self.connection.statement_cache.size();
        let statement = self.connection.prepare_cached(sql).await?;
        if self.connection.statement_cache.size() != known {
            self.count();
        }
        Ok(statement)
    }

    /// All rows of a statement. On the heap, so that an operation is compiled without the code that sends statements.
    pub(crate) fn rows<'a>(
        &'a self,
        sql: &'a str,
        params: &'a [Param<'_>],
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(self.query(sql, params))
    }

    async fn query(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        let sql = number_placeholders(sql);
        #[cfg(test)]
        super::statements::note(&sql);
        let sent = async {
            if !self.sending.prepares {
                self.count();
                return self.connection.query_typed(&sql, &typed(params)).await;
            }
            let statement = self.prepare(&sql).await?;
            self.count();
            self.connection.query(&statement, &borrow(params)).await
        };
        self.within(sent).await?.iter().map(row).collect()
    }

    /// Runs a statement that gives no rows.
    pub(crate) fn execute<'a>(
        &'a self,
        sql: &'a str,
        params: &'a [Param<'_>],
    ) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move { self.within(self.send(&number_placeholders(sql), params)).await })
    }

    async fn send(&self, sql: &str, params: &[Param<'_>]) -> Result<u64, tokio_postgres::Error> {
        #[cfg(test)]
        super::statements::note(sql);
        if !self.sending.prepares {
            self.count();
            return execute_typed(&self.connection, sql, params).await;
        }
        let statement = self.prepare(sql).await?;
        self.count();
        self.connection.execute(&statement, &borrow(params)).await
    }

    /// Runs commands without parameters: transactions, migrations.
    pub(crate) async fn command(&self, sql: &str) -> Result<(), StoreError> {
        self.count();
        self.within(self.connection.batch_execute(sql)).await
    }

    /// Begins a transaction that writes, and sets its marker. Both travel together.
    pub(super) async fn begin(&self, begin: &str, marker: &Marker) -> Result<(), StoreError> {
        let (set, params) = (number_placeholders(marker::SET), params![marker.slot, marker.number]);
        let sent = try_join(self.connection.batch_execute(begin), self.send(&set, &params));
        self.within(sent).await.map(drop)
    }
}

async fn execute_typed(
    client: &tokio_postgres::Client,
    sql: &str,
    params: &[Param<'_>],
) -> Result<u64, tokio_postgres::Error> {
    let rows = client.query_typed_raw(sql, typed(params)).await?;
    let mut rows = std::pin::pin!(rows);
    while rows.as_mut().try_next().await?.is_some() {}
    Ok(rows.rows_affected().unwrap_or_default())
}

fn borrow<'p>(params: &'p [Param<'_>]) -> Vec<&'p (dyn ToSql + Sync)> {
    params.iter().map(|param| param as &(dyn ToSql + Sync)).collect()
}

fn typed<'p>(params: &'p [Param<'_>]) -> Vec<(&'p (dyn ToSql + Sync), Type)> {
    params.iter().map(|param| (param as &(dyn ToSql + Sync), param.kind())).collect()
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
